"""How flow charts, cycles and trees are laid out and drawn. Sizes are pixels."""
from __future__ import annotations

import math

from data.docs.canvas import COLORS, Ink, clamp, on, widest, width_of
from data.docs.diagrams import Flow, Tree

EDGE, TITLE, HEAD = 16, 18, 44    # around everything, font of the title, from the top to the diagram
HIGH, GAP = 30, 24                # a box, and the space below it
PAD = 12                          # left and right of the words in a box


def node(ink: Ink, words: str, x: float, y: float, wide: float, color: str = "", shape: str = "box"):
    """Words in a box (or a hexagon, which asks) around (x, y); filled if a colour is given."""
    fill = COLORS[color] if color else ink.theme.panel
    left, right, top, bottom = x - wide / 2, x + wide / 2, y - HIGH / 2, y + HIGH / 2
    if shape == "hexagon":
        ink.polygon([(left - 8, y), (left + 6, top), (right - 6, top), (right + 8, y), (right - 6, bottom),
                     (left + 6, bottom)], fill, ink.theme.faint)
    else:
        ink.box(left, top, right, bottom, fill, ink.theme.faint, radius=6)
    ink.write(words, x, y, color=on(fill), anchor="mm")


def draw_flow(flow: Flow) -> Ink:
    """The page of a flow chart: steps on a circle, or one below the other."""
    return _draw_cycle(flow) if flow.circle else _draw_steps(flow)


def _draw_steps(flow: Flow) -> Ink:
    """Steps from top to bottom; the decision among them, its "no" to the right and back up."""
    column = list(flow.steps)
    if flow.decision:
        column.insert(flow.fork + 1, flow.decision)
    wide = widest(column) + 2 * PAD
    aside = width_of(flow.otherwise) + 2 * PAD
    pitch = round(HIGH + GAP * flow.room)
    whole = 2 * EDGE + wide + 16 + (56 + aside if flow.decision else 0)
    width = clamp(max(whole, width_of(flow.title, TITLE) + 2 * EDGE + 2))
    ink = Ink(width, max(224, HEAD + pitch * len(column) + 2), flow.theme)
    ink.write(flow.title, EDGE, 22, TITLE, bold=True)
    x = (width - whole) / 2 + EDGE + 8 + wide / 2
    heights = [HEAD + HIGH / 2 + pitch * row for row in range(len(column))]
    for above, below in zip(heights, heights[1:]):
        ink.arrow([(x, above + HIGH / 2), (x, below - HIGH / 2)], ink.theme.words)
    for words, y in zip(column, heights):
        plain = words in (column[0], column[-1])
        node(ink, words, x, y, wide, flow.color if plain else "",
             "hexagon" if words == flow.decision else "box")
    if flow.decision:
        _draw_way_back(ink, flow, x, wide, heights[flow.fork], heights[flow.fork + 1], aside)
    return ink


def _draw_way_back(ink: Ink, flow: Flow, x: float, wide: float, step: float, fork: float, aside: float):
    """From the decision to the box beside it, and from there up to the step before."""
    edge = x + wide / 2
    other = edge + 56 + aside / 2
    ink.arrow([(edge + 8, fork), (edge + 56, fork)], ink.theme.words)
    ink.arrow([(other, fork), (other, step), (edge, step)], ink.theme.words)
    ink.write("no", edge + 30, fork - 9, color=ink.theme.faint, anchor="mm")
    ink.write("yes", x + 8, fork + HIGH / 2 + 9, color=ink.theme.faint)
    node(ink, flow.otherwise, other, fork, aside)


def _draw_cycle(flow: Flow) -> Ink:
    """Steps on an ellipse, clockwise from the top."""
    wide, many = widest(flow.steps) + 2 * PAD, len(flow.steps)
    across, up = (wide * 0.8 + 40) * flow.room, 96 * flow.room
    width = clamp(max(2 * across + wide + 2 * EDGE, width_of(flow.title, TITLE) + 2 * EDGE + 2))
    ink = Ink(width, clamp(HEAD + 2 * up + HIGH + EDGE), flow.theme)
    ink.write(flow.title, EDGE, 20, TITLE, bold=True)
    middle = HEAD + HIGH / 2 + up

    def spot(turn: float) -> tuple[float, float]:
        angle = 2 * math.pi * turn / many - math.pi / 2
        return width / 2 + across * math.cos(angle), middle + up * math.sin(angle)

    for step in range(many):
        _arrow_between(ink, spot(step), spot(step + 1), wide)
    for step, words in enumerate(flow.steps):
        node(ink, words, *spot(step), wide, flow.color)
    return ink


def _arrow_between(ink: Ink, start, end, wide: float):
    """From the border of one box to the border of another, straight."""
    u, v = end[0] - start[0], end[1] - start[1]
    share = min((wide / 2 + 3) / abs(u) if abs(u) > 1 else 9, (HIGH / 2 + 3) / abs(v) if abs(v) > 1 else 9)
    ink.arrow([(start[0] + u * share, start[1] + v * share), (end[0] - u * share, end[1] - v * share)],
              ink.theme.words)


def draw_tree(tree: Tree) -> Ink:
    """Root, branches and leaves: floor below floor, or column beside column."""
    return _draw_down(tree) if tree.down else _draw_right(tree)


def _draw_down(tree: Tree) -> Ink:
    leaves = [leaf for _, below in tree.branches for leaf in below]
    slots = [max(widest(below) + 2 * PAD + 10, (width_of(name) + 2 * PAD + 10) / len(below))
             for name, below in tree.branches]
    whole = sum(slot * len(below) for slot, (_, below) in zip(slots, tree.branches))
    stretch = min(tree.room, (640 - 2 * EDGE) / whole)
    width, pitch = clamp(whole * stretch + 2 * EDGE), round(76 * tree.room)
    ink = Ink(width, max(224, 2 * EDGE + HIGH + 2 * pitch), tree.theme)
    top, x = EDGE + HIGH / 2 + 4, (width - whole * stretch) / 2
    assert len(leaves) <= 6 and stretch >= 0.9, f"the tree of {tree.root} is too wide"
    for slot, (name, below) in zip(slots, tree.branches):
        spots = [x + slot * stretch * (leaf + 0.5) for leaf in range(len(below))]
        x, middle = x + slot * stretch * len(below), (spots[0] + spots[-1]) / 2
        _elbow(ink, (width / 2, top), (middle, top + pitch))
        for leaf, spot in zip(below, spots):
            _elbow(ink, (middle, top + pitch), (spot, top + 2 * pitch))
            node(ink, leaf, spot, top + 2 * pitch, width_of(leaf) + 2 * PAD)
        node(ink, name, middle, top + pitch, width_of(name) + 2 * PAD, tree.color)
    node(ink, tree.root, width / 2, top, width_of(tree.root) + 2 * PAD, tree.color)
    return ink


def _elbow(ink: Ink, start, end):
    """Down, along, down."""
    half = (start[1] + end[1]) / 2
    ink.line([start, (start[0], half), (end[0], half), end], ink.theme.faint, 1.5)


def _draw_right(tree: Tree) -> Ink:
    wides = [width_of(tree.root), widest(name for name, _ in tree.branches),
             widest(leaf for _, below in tree.branches for leaf in below)]
    gap, pitch = 34 * tree.room, HIGH + 8
    lefts = [EDGE + sum(wide + 2 * PAD + gap for wide in wides[:floor]) for floor in range(3)]
    many = sum(len(below) for _, below in tree.branches)
    pitch = max(pitch, (224 - 2 * EDGE) / many)
    ink = Ink(clamp(lefts[2] + wides[2] + 2 * PAD + EDGE), max(224, round(2 * EDGE + pitch * many)),
              tree.theme)
    xs = [left + wide / 2 + PAD for left, wide in zip(lefts, wides)]
    root, y = (xs[0], ink.height / 2), EDGE + pitch / 2
    for name, below in tree.branches:
        spots = [y + pitch * leaf for leaf in range(len(below))]
        y, middle = y + pitch * len(below), (spots[0] + spots[-1]) / 2
        _crank(ink, root, (xs[1], middle), lefts[1] - gap / 2)
        for leaf, spot in zip(below, spots):
            _crank(ink, (xs[1], middle), (xs[2], spot), lefts[2] - gap / 2)
            node(ink, leaf, xs[2], spot, wides[2] + 2 * PAD)
        node(ink, name, xs[1], middle, wides[1] + 2 * PAD, tree.color)
    node(ink, tree.root, *root, wides[0] + 2 * PAD, tree.color)
    return ink


def _crank(ink: Ink, start, end, half: float):
    """Along, down or up, along."""
    ink.line([start, (half, start[1]), (half, end[1]), end], ink.theme.faint, 1.5)
