"""Charts: a topic's numbers as bars, lines, a pie or points, with questions about them.

Every number can be read: it is printed, or it lies exactly on a grid line.
"""
from __future__ import annotations

import random
from dataclasses import dataclass

from data.docs.canvas import COLORS
from data.docs.grid import Grid, grid_questions, make_grid
from data.docs.topics import NAMES, SCATTER_TOPICS, TOPICS, Persona, Topic
from data.docs.wordings import DocsQuestion

KIND_WEIGHTS = {"bars": 5, "grouped": 4, "rows": 4, "lines": 4, "pie": 3, "scatter": 2}   # weights, sum 22
GRID_STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200)   # possible distances of two grid lines
NUM_INTERVALS = 5, 12       # grid lines above zero: fewest and most
MIN_SLICE = 8     # percent; a thinner slice has no space for its number


@dataclass(frozen=True)
class Chart:
    """A chart's numbers and looks. `room` stretches it; `look` seeds details that no annotation mentions.

    Field names of pages are part of the data: `image_id` and `split_of` use the repr.
    """
    kind: str                 # bars, grouped, rows (horizontal bars), lines, pie, scatter
    grid: Grid
    units: tuple[str, ...]    # unit of the value axis; of x and y in a scatter plot
    steps: tuple[int, ...]    # distance of two grid lines, for the same axes
    colors: tuple[str, ...]   # one for each column; in a pie for each row
    printed: bool             # numbers are printed beside the bars
    author: str
    job: str
    theme: str
    room: float               # 1..1.5
    look: int
    family = "charts"

    @property
    def data(self) -> tuple:
        """The facts without the appearance. They decide the split."""
        return self.kind, self.grid


def make_chart(persona: Persona, novel: bool, rng: random.Random) -> Chart:
    """A random chart by the persona, on a held-out or a training topic."""
    kind = rng.choices(list(KIND_WEIGHTS), list(KIND_WEIGHTS.values()))[0]
    printed = kind == "pie" or kind in ("bars", "rows") and rng.random() < 0.6
    if kind == "scatter":
        grid, units, steps = _scatter_grid(novel, rng)
    else:
        grid, units, steps = _topic_grid(kind, printed, novel, rng)
    num_colors = len(grid.rows) if kind == "pie" else len(grid.columns) if kind != "scatter" else 1
    colors = tuple(rng.sample(list(COLORS), num_colors))
    return Chart(kind, grid, units, steps, colors, printed, rng.choice(NAMES), persona.job,
                 rng.choice(persona.themes), round(rng.uniform(1, 1.5), 2), rng.getrandbits(32))


def _topic_grid(kind: str, printed: bool, novel: bool, rng: random.Random):
    """(grid, units, steps) of all chart types except the scatter plot."""
    topics = [topic for topic in TOPICS if topic.novel == novel
              and (kind != "pie" or topic.share) and (kind != "lines" or topic.ordered)]
    topic = rng.choice(topics)
    if kind == "pie":
        return _pie_grid(topic, rng), ("",), (1,)
    step = rng.choice(suitable_steps(topic))
    levels = topic.high // step - -(-topic.low // step) + 1
    max_rows = min(len(topic.rows), 7, levels)
    columns = rng.randint(2, min(3, len(topic.groups))) if kind == "grouped" else 1
    if kind == "lines":
        columns = rng.randint(1, min(3, len(topic.groups)))
    rows = rng.randint(min(3, max_rows), min(5, max_rows) if kind == "grouped" else max_rows)
    finest = max(1, step // 20) if printed else step
    while True:
        grid = make_grid(topic, rows, columns, finest, rng)
        if all(len(set(line)) == columns for line in grid.values):  # no dot covers another
            return grid, (topic.unit,), (step,)


def suitable_steps(topic: Topic) -> list[int]:
    """The distances of grid lines that suit the topic's values."""
    return [step for step in GRID_STEPS if NUM_INTERVALS[0] <= topic.high // step <= NUM_INTERVALS[1]
            and topic.high // step - -(-topic.low // step) >= 3]


def _pie_grid(topic: Topic, rng: random.Random) -> Grid:
    """Shares of 100 percent, all different and none too small."""
    rows = rng.randint(3, min(6, len(topic.rows)))
    while True:
        cut_points = sorted(rng.sample(range(1, 100), rows - 1))
        shares = [b - a for a, b in zip([0, *cut_points], [*cut_points, 100])]
        if min(shares) >= MIN_SLICE and len(set(shares)) == rows:
            break
    names = topic.rows[:rows] if topic.ordered else tuple(rng.sample(topic.rows, rows))
    return Grid(topic.title, topic.axis, "of", names, ("share",), ("share",),
                tuple((share,) for share in shares), suffix="%")


def _scatter_grid(novel: bool, rng: random.Random):
    """(grid, units, steps) of lettered points on crossings of grid lines, no two adjacent."""
    topic = rng.choice([topic for topic in SCATTER_TOPICS if topic.novel == novel])
    points: list[tuple[int, int]] = []
    while len(points) < 5 + rng.getrandbits(2):
        x, y = rng.randint(1, 8), rng.randint(1, 8)
        if all(max(abs(x - other_x), abs(y - other_y)) > 1 for other_x, other_y in points):
            points.append((x, y))
        elif rng.random() < 0.02:
            break
    values = tuple((x * topic.steps[0], y * topic.steps[1]) for x, y in points)
    grid = Grid(topic.title, "point", "of point", tuple("ABCDEFGH"[:len(points)]), topic.nouns, topic.nouns,
                values, adds=False)
    return grid, topic.units, topic.steps


def chart_questions(chart: Chart, rng: random.Random) -> list[DocsQuestion]:
    """All questions that the chart can answer."""
    questions = grid_questions(chart.grid, rng)
    questions.append(DocsQuestion("text", {"it": "title"}, chart.grid.title))
    questions.append(DocsQuestion("field", {"it": "name of the author"}, chart.author))
    questions.append(DocsQuestion("field", {"it": "job of the author"}, chart.job))
    for unit in chart.units[:1] if len(chart.units) == 1 and chart.units[0] else ():
        questions.append(DocsQuestion("field", {"it": f"unit of the {chart.grid.title.lower()}"}, unit))
    if len(chart.colors) > 1:
        named = chart.grid.rows if chart.kind == "pie" else chart.grid.columns
        questions += [DocsQuestion("color", {"it": name}, color) for name, color in zip(named, chart.colors)]
    return questions
