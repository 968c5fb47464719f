"""Layout and drawing of flow charts, cycles and trees. Lengths are pixels."""
from __future__ import annotations

import math

from data.docs.canvas import COLORS, Canvas, clamp_side, max_text_width, text_color_on, text_width
from data.docs.diagrams import Flow, Tree

MARGIN, TITLE_SIZE, HEADER_HEIGHT = 16, 18, 44  # around the page, title font, above the diagram
NODE_HEIGHT, NODE_GAP = 30, 24                # a node, and the space below it
NODE_PADDING = 12                          # left and right of a node's text


def draw_node(canvas: Canvas, text: str, x: float, y: float, width: float, color: str = "",
              shape: str = "box") -> None:
    """Draw text in a box or, for a decision, in a hexagon around (x, y); filled if a colour is given."""
    fill = COLORS[color] if color else canvas.theme.panel
    left, right, top, bottom = x - width / 2, x + width / 2, y - NODE_HEIGHT / 2, y + NODE_HEIGHT / 2
    if shape == "hexagon":
        canvas.polygon([(left - 8, y), (left + 6, top), (right - 6, top), (right + 8, y),
                        (right - 6, bottom), (left + 6, bottom)], fill, canvas.theme.faint)
    else:
        canvas.box(left, top, right, bottom, fill, canvas.theme.faint, radius=6)
    canvas.text(text, x, y, color=text_color_on(fill), anchor="mm")


def draw_flow(flow: Flow) -> Canvas:
    """Draw a flow chart: steps on an ellipse, or one below the other."""
    return _draw_cycle(flow) if flow.circle else _draw_steps(flow)


def _draw_steps(flow: Flow) -> Canvas:
    """Draw steps from top to bottom, with a decision whose "no" leads to the right and back up."""
    column = list(flow.steps)
    if flow.decision:
        column.insert(flow.fork + 1, flow.decision)
    node_width = max_text_width(column) + 2 * NODE_PADDING
    side_width = text_width(flow.otherwise) + 2 * NODE_PADDING
    pitch = round(NODE_HEIGHT + NODE_GAP * flow.room)
    content_width = 2 * MARGIN + node_width + 16 + (56 + side_width if flow.decision else 0)
    width = clamp_side(max(content_width, text_width(flow.title, TITLE_SIZE) + 2 * MARGIN + 2))
    canvas = Canvas(width, max(224, HEADER_HEIGHT + pitch * len(column) + 2), flow.theme)
    canvas.text(flow.title, MARGIN, 22, TITLE_SIZE, bold=True)
    x = (width - content_width) / 2 + MARGIN + 8 + node_width / 2
    heights = [HEADER_HEIGHT + NODE_HEIGHT / 2 + pitch * row for row in range(len(column))]
    for above, below in zip(heights, heights[1:]):
        canvas.arrow([(x, above + NODE_HEIGHT / 2), (x, below - NODE_HEIGHT / 2)], canvas.theme.text_color)
    for text, y in zip(column, heights):
        is_end = text in (column[0], column[-1])
        draw_node(canvas, text, x, y, node_width, flow.color if is_end else "",
                  "hexagon" if text == flow.decision else "box")
    if flow.decision:
        _draw_way_back(canvas, flow, x, node_width, heights[flow.fork], heights[flow.fork + 1], side_width)
    return canvas


def _draw_way_back(canvas: Canvas, flow: Flow, x: float, node_width: float, step_y: float, fork_y: float,
                   side_width: float) -> None:
    """Draw the arrows from the decision to the box beside it and back to the step before."""
    right = x + node_width / 2
    side_x = right + 56 + side_width / 2
    canvas.arrow([(right + 8, fork_y), (right + 56, fork_y)], canvas.theme.text_color)
    canvas.arrow([(side_x, fork_y), (side_x, step_y), (right, step_y)], canvas.theme.text_color)
    canvas.text("no", right + 30, fork_y - 9, color=canvas.theme.faint, anchor="mm")
    canvas.text("yes", x + 8, fork_y + NODE_HEIGHT / 2 + 9, color=canvas.theme.faint)
    draw_node(canvas, flow.otherwise, side_x, fork_y, side_width)


def _draw_cycle(flow: Flow) -> Canvas:
    """Draw steps on an ellipse, clockwise from the top."""
    node_width, num_steps = max_text_width(flow.steps) + 2 * NODE_PADDING, len(flow.steps)
    radius_x, radius_y = (node_width * 0.8 + 40) * flow.room, 96 * flow.room
    width = clamp_side(
        max(2 * radius_x + node_width + 2 * MARGIN,
            text_width(flow.title, TITLE_SIZE) + 2 * MARGIN + 2))
    canvas = Canvas(width, clamp_side(HEADER_HEIGHT + 2 * radius_y + NODE_HEIGHT + MARGIN), flow.theme)
    canvas.text(flow.title, MARGIN, 20, TITLE_SIZE, bold=True)
    center_y = HEADER_HEIGHT + NODE_HEIGHT / 2 + radius_y

    def node_center(step: float) -> tuple[float, float]:
        angle = 2 * math.pi * step / num_steps - math.pi / 2
        return width / 2 + radius_x * math.cos(angle), center_y + radius_y * math.sin(angle)

    for step in range(num_steps):
        _arrow_between(canvas, node_center(step), node_center(step + 1), node_width)
    for step, text in enumerate(flow.steps):
        draw_node(canvas, text, *node_center(step), node_width, flow.color)
    return canvas


def _arrow_between(canvas: Canvas, start, end, node_width: float) -> None:
    """Draw a straight arrow from the border of one box to the border of another."""
    u, v = end[0] - start[0], end[1] - start[1]
    share = min((node_width / 2 + 3) / abs(u) if abs(u) > 1 else 9,
                (NODE_HEIGHT / 2 + 3) / abs(v) if abs(v) > 1 else 9)
    canvas.arrow([(start[0] + u * share, start[1] + v * share), (end[0] - u * share, end[1] - v * share)],
                 canvas.theme.text_color)


def draw_tree(tree: Tree) -> Canvas:
    """Draw root, branches and leaves, from top to bottom or from left to right."""
    return _draw_down(tree) if tree.down else _draw_right(tree)


def _draw_down(tree: Tree) -> Canvas:
    leaves = [leaf for _, below in tree.branches for leaf in below]
    leaf_widths = [
        max(
            max_text_width(below) + 2 * NODE_PADDING + 10,
            (text_width(name) + 2 * NODE_PADDING + 10) / len(below)) for name, below in tree.branches
    ]
    content_width = sum(leaf_width * len(below) for leaf_width, (_, below) in zip(leaf_widths, tree.branches))
    stretch = min(tree.room, (640 - 2 * MARGIN) / content_width)
    width, pitch = clamp_side(content_width * stretch + 2 * MARGIN), round(76 * tree.room)
    canvas = Canvas(width, max(224, 2 * MARGIN + NODE_HEIGHT + 2 * pitch), tree.theme)
    top, x = MARGIN + NODE_HEIGHT / 2 + 4, (width - content_width * stretch) / 2
    assert len(leaves) <= 6 and stretch >= 0.9, f"the tree of {tree.root} is too wide"
    for leaf_width, (name, below) in zip(leaf_widths, tree.branches):
        leaf_xs = [x + leaf_width * stretch * (leaf + 0.5) for leaf in range(len(below))]
        x, center_x = x + leaf_width * stretch * len(below), (leaf_xs[0] + leaf_xs[-1]) / 2
        _elbow(canvas, (width / 2, top), (center_x, top + pitch))
        for leaf, leaf_x in zip(below, leaf_xs):
            _elbow(canvas, (center_x, top + pitch), (leaf_x, top + 2 * pitch))
            draw_node(canvas, leaf, leaf_x, top + 2 * pitch, text_width(leaf) + 2 * NODE_PADDING)
        draw_node(canvas, name, center_x, top + pitch, text_width(name) + 2 * NODE_PADDING, tree.color)
    draw_node(canvas, tree.root, width / 2, top, text_width(tree.root) + 2 * NODE_PADDING, tree.color)
    return canvas


def _elbow(canvas: Canvas, start, end) -> None:
    """Draw a line down, across and down."""
    middle_y = (start[1] + end[1]) / 2
    canvas.line([start, (start[0], middle_y), (end[0], middle_y), end], canvas.theme.faint, 1.5)


def _draw_right(tree: Tree) -> Canvas:
    column_widths = [
        text_width(tree.root),
        max_text_width(name for name, _ in tree.branches),
        max_text_width(leaf for _, below in tree.branches for leaf in below)
    ]
    gap, pitch = 34 * tree.room, NODE_HEIGHT + 8
    lefts = [
        MARGIN + sum(column_width + 2 * NODE_PADDING + gap
                     for column_width in column_widths[:column])
        for column in range(3)
    ]
    num_leaves = sum(len(below) for _, below in tree.branches)
    pitch = max(pitch, (224 - 2 * MARGIN) / num_leaves)
    canvas = Canvas(clamp_side(lefts[2] + column_widths[2] + 2 * NODE_PADDING + MARGIN),
                    max(224, round(2 * MARGIN + pitch * num_leaves)), tree.theme)
    xs = [left + column_width / 2 + NODE_PADDING for left, column_width in zip(lefts, column_widths)]
    root, y = (xs[0], canvas.height / 2), MARGIN + pitch / 2
    for name, below in tree.branches:
        leaf_ys = [y + pitch * leaf for leaf in range(len(below))]
        y, center_y = y + pitch * len(below), (leaf_ys[0] + leaf_ys[-1]) / 2
        _crank(canvas, root, (xs[1], center_y), lefts[1] - gap / 2)
        for leaf, leaf_y in zip(below, leaf_ys):
            _crank(canvas, (xs[1], center_y), (xs[2], leaf_y), lefts[2] - gap / 2)
            draw_node(canvas, leaf, xs[2], leaf_y, column_widths[2] + 2 * NODE_PADDING)
        draw_node(canvas, name, xs[1], center_y, column_widths[1] + 2 * NODE_PADDING, tree.color)
    draw_node(canvas, tree.root, *root, column_widths[0] + 2 * NODE_PADDING, tree.color)
    return canvas


def _crank(canvas: Canvas, start, end, middle_x: float) -> None:
    """Draw a line across, up or down, and across."""
    canvas.line([start, (middle_x, start[1]), (middle_x, end[1]), end], canvas.theme.faint, 1.5)
