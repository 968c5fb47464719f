"""Diagrams of level easy: three to five coloured boxes and the arrows between them.

    make_page -> Diagram -> Diagram.draw -> 64 x 64 pixels
                    `----> questions -> annotations

The arrows form a chain, or a fork: one box leads to two others. Each arrow joins two neighbours on a grid of
3 x 3 cells, so no arrow crosses a box.
"""
from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from data.docs.canvas import XY
from data.docs.easy_page import INK, SIZE, Box, EasyCanvas, EasyPage, make_thing, page_of_split
from data.docs.easy_questions import EasyQuestion, choose_questions
from data.scenes.easy import COLORS
from minimolmo.flow import Annotation, Thing

Arrow = tuple[str, str]   # colour of the box where it begins, colour of the box where it ends
Cell = tuple[int, int]    # column and row on the grid

HELD_OUT: tuple[Arrow, ...] = (("red", "blue"), ("green", "orange"))
NUM_BOXES = 3, 5
GRID_CELLS = 3            # columns and rows
FORK_SHARE = 0.5

CELL_SIZE = 25            # pixels between the centres of neighbours, as all further lengths
JITTER = 0.5              # largest shift of a box
MARGIN = 0.75             # between a box and the edge of the page
BOX_SIDES = 11.0, 11.5
BOX_RADII = 0.0, 2.0, 3.0   # of the corners
ARROW_GAP = 1.0           # between an arrow and its boxes
HEAD_SIZE = 6.0           # length and width of an arrow head
HEAD_BOX = 8.0            # side of the labelled box around a head
SHAFT_WIDTHS = 1.5, 2.0

AFTER = ("What comes after {a}?", "Which box comes after {a}?", "Which color follows {a}?",
         "what comes after {a}", "Which color is right after {a}?", "after {a}?")
BEFORE = ("What comes before {a}?", "Which box comes before {a}?", "Which color points to {a}?",
          "what comes before {a}", "Which color is right before {a}?", "before {a}?")
END = ("Which box is {end}?", "Which color comes {end}?", "What is the {end} color?", "Name the {end} box.",
       "which box is {end}", "{end} box?")
HOW_MANY = ("How many {things} are there?", "How many {things} can you see?", "how many {things} are there",
            "Count the {things}.", "Number of {things}?")
LEADS = ("Does {a} lead directly to {b}?", "Is there an arrow from {a} to {b}?", "Does {a} point to {b}?",
         "does {a} point to {b}", "Does an arrow go from {a} to {b}?", "arrow from {a} to {b}?")
STEPS = ("How many steps is it from {a} to {b}?", "How many steps are there from {a} to {b}?",
         "How many steps from {a} to {b}?", "how many steps from {a} to {b}",
         "Count the steps from {a} to {b}.")


class ColorBox(NamedTuple):
    """A box: its colour, its cell, and its centre in pixels."""
    color: str
    cell: Cell
    x: float
    y: float


@dataclass(frozen=True)
class Diagram(EasyPage):
    """Boxes of different colours and the arrows between them. The first box is the start."""
    boxes: tuple[ColorBox, ...]
    arrows: tuple[Arrow, ...]
    side: float           # of a box, pixels
    radius: float         # of its corners, pixels
    shaft_width: float    # of an arrow, pixels
    family: ClassVar[str] = "diagrams"

    @property
    def data(self) -> tuple:
        """The colours, their cells and the arrows."""
        return self.family, tuple((box.color, box.cell) for box in self.boxes), self.arrows

    @property
    def novel_parts(self) -> list[Arrow]:
        """The held-out arrows."""
        return [arrow for arrow in self.arrows if arrow in HELD_OUT]

    @property
    def things(self) -> tuple[Thing, ...]:
        """Each box and each arrow head."""
        half = self.side / 2
        boxes = [make_thing("box", box.color, _square(box.x, box.y, half)) for box in self.boxes]
        heads = [make_thing("arrow", "black", self._head_box(arrow)) for arrow in self.arrows]
        return (*boxes, *heads)

    def paint(self, canvas: EasyCanvas, rng: random.Random) -> None:
        """Draw the diagram."""
        for box in self.boxes:
            shade = canvas.shade(box.color)
            canvas.rectangle(_square(box.x, box.y, self.side / 2), shade, radius=self.radius)
        for arrow in self.arrows:
            canvas.arrow(*self.arrow_ends(arrow), INK, self.shaft_width, HEAD_SIZE)

    def arrow_ends(self, arrow: Arrow) -> tuple[XY, XY]:
        """The first and the last point of an arrow, on the line between the two centres."""
        centers = {box.color: (box.x, box.y) for box in self.boxes}
        (x0, y0), (x1, y1) = centers[arrow[0]], centers[arrow[1]]
        # This part of the line lies in the box or in the gap beside it.
        part = (self.side / 2 + ARROW_GAP) / max(abs(x1 - x0), abs(y1 - y0))
        u, v = (x1 - x0) * part, (y1 - y0) * part
        return (x0 + u, y0 + v), (x1 - u, y1 - v)

    def _head_box(self, arrow: Arrow) -> Box:
        (x0, y0), (x1, y1) = self.arrow_ends(arrow)
        back = HEAD_SIZE / 2 / ((x1 - x0)**2 + (y1 - y0)**2)**0.5
        return _square(x1 - (x1 - x0) * back, y1 - (y1 - y0) * back, HEAD_BOX / 2)


def make_page(split: str, rng: random.Random) -> Diagram:
    """A random diagram that belongs to the split."""
    num_boxes = rng.randint(*NUM_BOXES)   # chosen first: large diagrams are more often novel
    return page_of_split(lambda: _random_diagram(num_boxes, rng), split)


def _random_diagram(num_boxes: int, rng: random.Random) -> Diagram:
    parents = _random_parents(num_boxes, rng)
    colors = rng.sample(list(COLORS), num_boxes)
    side = rng.choice(BOX_SIDES)
    boxes = _place_boxes(colors, _random_cells(parents, rng), side, rng)
    arrows = tuple((colors[parent], color) for parent, color in zip(parents, colors[1:]))
    return Diagram(rng.getrandbits(32), boxes, arrows, side, rng.choice(BOX_RADII), rng.choice(SHAFT_WIDTHS))


def _random_parents(num_boxes: int, rng: random.Random) -> list[int]:
    """The box before each box but the first. A chain is [0, 1, 2, ...]; in a fork one box occurs twice."""
    parents = list(range(num_boxes - 1))
    if rng.random() < FORK_SHARE:
        branch = rng.randint(2, num_boxes - 1)     # the box that begins the second branch
        parents[branch - 1] = rng.randint(0, branch - 2)
    return parents


def _random_cells(parents: list[int], rng: random.Random) -> list[Cell]:
    """A cell for each box, beside the cell of the box before it; the smallest column and row are 0."""
    while True:
        cells = [(rng.randrange(GRID_CELLS), rng.randrange(GRID_CELLS))]
        for parent in parents:
            free = [cell for cell in _neighbors(cells[parent]) if cell not in cells]
            if not free:
                break
            cells.append(rng.choice(free))
        else:
            left, top = (min(cell[axis] for cell in cells) for axis in (0, 1))
            return [(column - left, row - top) for column, row in cells]


def _neighbors(cell: Cell) -> list[Cell]:
    column, row = cell
    cells = [(column - 1, row), (column + 1, row), (column, row - 1), (column, row + 1)]
    return [cell for cell in cells if all(0 <= value < GRID_CELLS for value in cell)]


def _place_boxes(colors: list[str], cells: list[Cell], side: float,
                 rng: random.Random) -> tuple[ColorBox, ...]:
    """Boxes at their cells, each slightly shifted; the whole lies anywhere on the page."""
    xs, ys = (_place_along([cell[axis] for cell in cells], side, rng) for axis in (0, 1))
    return tuple(ColorBox(*values) for values in zip(colors, cells, xs, ys))


def _place_along(steps: list[int], side: float, rng: random.Random) -> list[float]:
    """Centres in pixels along one axis, from the numbers of the columns or rows."""
    centers = [CELL_SIZE * step + rng.uniform(-JITTER, JITTER) for step in steps]
    low, high = MARGIN + side / 2 - min(centers), SIZE - MARGIN - side / 2 - max(centers)
    shift = rng.uniform(low, high)
    return [round(center + shift, 2) for center in centers]


def _square(x: float, y: float, half: float) -> Box:
    return x - half, y - half, x + half, y + half


def questions(diagram: Diagram, rng: random.Random) -> list[Annotation]:
    """Four to six questions. On a novel page all are about held-out arrows, which are its novel parts."""
    arrows = diagram.arrows
    starts = [start for start, _ in arrows]
    leads = _leads_questions(diagram, rng)
    more = [_end_questions(diagram), _steps_questions(diagram, rng), leads[1:],
            [EasyQuestion(HOW_MANY, {"things": "boxes"}, str(len(diagram.boxes)))],
            [EasyQuestion(HOW_MANY, {"things": "arrows"}, str(len(arrows)))]]
    groups = [
        [EasyQuestion(BEFORE, {"a": end}, start, ((start, end),)) for start, end in arrows],
        # What comes after a box with two arrows has no single answer.
        [EasyQuestion(AFTER, {"a": start}, end, ((start, end),)) for start, end in arrows
         if starts.count(start) == 1],
        leads[:1],
        *rng.sample(more, len(more))]
    return choose_questions(groups, diagram.family, rng, diagram.novel_parts)


def _leads_questions(diagram: Diagram, rng: random.Random) -> list[EasyQuestion]:
    """Is there an arrow between these two boxes? One "yes" and one "no", in random order."""
    about = diagram.novel_parts or diagram.arrows
    involved = {color for arrow in about for color in arrow}
    absent = [pair for pair in itertools.permutations((box.color for box in diagram.boxes), 2)
              if set(pair) & involved and pair not in (*diagram.arrows, *HELD_OUT)]
    pairs = [(rng.choice(about), "yes"), (rng.choice(absent), "no")]
    return [EasyQuestion(LEADS, {"a": a, "b": b}, answer, tuple(about))
            for (a, b), answer in rng.sample(pairs, 2)]


def _end_questions(diagram: Diagram) -> list[EasyQuestion]:
    """The first box, and the last one of a chain."""
    starts, ends = ({arrow[side] for arrow in diagram.arrows} for side in (0, 1))
    boxes = [("first", color) for color in starts - ends]
    boxes += [("last", color) for color in ends - starts if len(ends - starts) == 1]
    return [EasyQuestion(END, {"end": end}, color, tuple(arrow for arrow in diagram.arrows if color in arrow))
            for end, color in boxes]


def _steps_questions(diagram: Diagram, rng: random.Random) -> list[EasyQuestion]:
    """How many steps from one box to another? One question for each number that occurs."""
    about = set(diagram.novel_parts or diagram.arrows)
    pairs: dict[int, list[Arrow]] = {}   # steps -> first and last colour
    for first, last in itertools.permutations((box.color for box in diagram.boxes), 2):
        arrows = way(diagram, first, last)
        # A held-out pair is never named, unless its own arrow is there.
        if about & set(arrows) and (len(arrows) == 1 or (first, last) not in HELD_OUT):
            pairs.setdefault(len(arrows), []).append((first, last))
    chosen = {steps: rng.choice(pairs[steps]) for steps in pairs}
    return [EasyQuestion(STEPS, {"a": first, "b": last}, str(steps), tuple(way(diagram, first, last)))
            for steps, (first, last) in chosen.items()]


def way(diagram: Diagram, first: str, last: str) -> list[Arrow]:
    """The arrows from one colour to another, the last one first; none if no way leads there."""
    before = {end: start for start, end in diagram.arrows}
    arrows, color = [], last
    while color != first and color in before:
        arrows.append((before[color], color))
        color = before[color]
    return arrows if color == first else []
