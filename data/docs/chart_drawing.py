"""How each kind of chart is laid out and drawn. Sizes are pixels; a chart is as large as its words need."""
from __future__ import annotations

import random

from data.docs.canvas import COLORS, TEXT, Color, Ink, clamp, on, widest, width_of
from data.docs.charts import Chart

EDGE = 14        # around everything
TITLE = 18       # font of a title
HEAD = 52        # from the top to below the title and its second line
KEY = 22         # height of the key
FOOT = 26        # the author's line at the bottom
AXIS = 24        # names below an axis
TURN = 3.6       # degrees to a percent


def head(ink: Ink, chart: Chart, second: str):
    """Title and second line at the top, author at the bottom."""
    centered = chart.look % 3 == 0
    x, anchor = (ink.width / 2, "mm") if centered else (EDGE, "lm")
    ink.write(chart.grid.title, x, 20, TITLE, anchor=anchor, bold=True)
    ink.write(second, x, 40, color=ink.theme.faint, anchor=anchor)
    ink.write(made_by(chart), ink.width - EDGE, ink.height - 13, color=ink.theme.faint, anchor="rm")


def made_by(chart: Chart) -> str:
    """The author's line."""
    return f"Made by {chart.author}, {chart.job}"


def least_width(chart: Chart, second: str) -> int:
    """What title, second line, author's line and key need."""
    keys = sum(width_of(name) + 32 for name in chart.grid.columns) if len(chart.colors) > 1 else 0
    titles = (width_of(chart.grid.title, TITLE) + 2, width_of(second), width_of(made_by(chart)), keys)
    return max(titles) + 2 * EDGE


def key(ink: Ink, names: tuple[str, ...], colors: tuple[str, ...], y: float):
    """Which colour is which, in one line."""
    x = EDGE
    for name, color in zip(names, colors):
        ink.box(x, y - 5, x + 10, y + 5, COLORS[color], radius=2)
        ink.write(name, x + 15, y)
        x += width_of(name) + 32


def print_number(ink: Ink, number: str, x: float, y: float, anchor: str, ground: Color):
    """A number at a bar, with the grid lines behind it wiped out."""
    ink.write(number, x, y, anchor=anchor)
    left, _, right, _ = ink.words[-1][:4]
    ink.box(left - 2, y - 6, right + 2, y + 6, ground)


def second_line(chart: Chart) -> str:
    """The unit and what a row is: "mm by month"."""
    return f"{chart.units[0]} by {chart.grid.axis}".strip()


def top_of(chart: Chart, column: int = 0) -> int:
    """Grid lines above zero."""
    values = [value for line in chart.grid.values for value in line] if len(chart.units) == 1 \
        else chart.grid.column(column)
    return -(-max(values) // chart.steps[column])


def tick_words(chart: Chart, column: int = 0) -> list[str]:
    """What stands at the grid lines, from zero up."""
    return [chart.grid.number(tick * chart.steps[column]) for tick in range(top_of(chart, column) + 1)]


class Upright:
    """The frame of a chart whose numbers go up: where a row and a value are."""

    def __init__(self, chart: Chart):
        grid, ticks, second = chart.grid, tick_words(chart), second_line(chart)
        self.left = EDGE + widest(ticks) + 8
        least = max(widest(grid.rows) + 12, (20 * len(grid.columns) if chart.kind == "grouped" else 30) + 14)
        if chart.printed:
            least = max(least, widest(map(grid.number, grid.column(0))) + 12)
        wide = self.left + least * chart.room * len(grid.rows) + EDGE
        width = clamp(max(wide, least_width(chart, second)))
        self.slot = (width - EDGE - self.left) / len(grid.rows)
        assert self.slot >= widest(grid.rows) + 2, f"names of {grid.title} do not fit side by side"
        self.top = HEAD + 14 + (KEY if len(chart.colors) > 1 else 0)
        self.tick = max(20, round(200 * chart.room / (len(ticks) - 1)))
        self.bottom = self.top + self.tick * (len(ticks) - 1)
        self.step = chart.steps[0]
        self.ink = Ink(width, self.bottom + AXIS + FOOT, chart.theme)
        head(self.ink, chart, second)
        self._draw(chart, ticks)

    def _draw(self, chart: Chart, ticks: list[str]):
        ink, right = self.ink, self.ink.width - EDGE
        self.ground = ink.theme.panel if chart.look % 2 else ink.theme.paper
        ink.box(self.left, self.top, right, self.bottom, self.ground)
        for tick, words in enumerate(ticks):
            y = self.bottom - tick * self.tick
            ink.box(self.left, y, right, y + 1, ink.theme.rule if tick else ink.theme.faint)
            ink.write(words, self.left - 6, y, anchor="rm")
        for row, name in enumerate(chart.grid.rows):
            ink.write(name, self.x(row), self.bottom + 13, anchor="mm")
        if len(chart.colors) > 1:
            key(ink, chart.grid.columns, chart.colors, HEAD + 6)

    def x(self, row: int) -> float:
        """The middle of a row."""
        return self.left + (row + 0.5) * self.slot

    def y(self, value: int) -> float:
        """The height of a value."""
        return self.bottom - value / self.step * self.tick


def draw_bars(chart: Chart) -> Ink:
    """Bars side by side, one for each row and column."""
    frame, columns = Upright(chart), len(chart.grid.columns)
    share = random.Random(chart.look).uniform(0.55, 0.8)
    wide = max(1, round(frame.slot * share / columns))
    for row, line in enumerate(chart.grid.values):
        start = round(frame.x(row) - wide * columns / 2)
        for column, value in enumerate(line):
            left = start + column * wide
            frame.ink.box(left, frame.y(value), left + wide - (columns > 1), frame.bottom,
                          COLORS[chart.colors[column]])
            if chart.printed:
                print_number(frame.ink, chart.grid.number(value), frame.x(row), frame.y(value) - 9, "mm",
                             frame.ground)
    return frame.ink


def draw_lines(chart: Chart) -> Ink:
    """A line for each column, with a dot on every number."""
    frame = Upright(chart)
    for column, color in enumerate(chart.colors):
        spots = [(frame.x(row), frame.y(value)) for row, value in enumerate(chart.grid.column(column))]
        frame.ink.line(spots, COLORS[color], 2.5)
        for x, y in spots:
            frame.ink.dot(x, y, 4.5, COLORS[color])
    return frame.ink


def draw_rows(chart: Chart) -> Ink:
    """Bars that lie, one below the other."""
    grid, ticks, second = chart.grid, tick_words(chart), second_line(chart)
    left, top, high = EDGE + widest(grid.rows) + 8, HEAD + 8, round(24 * chart.room)
    spare = widest(map(grid.number, grid.column(0))) + 12 if chart.printed else widest(ticks[-1:]) / 2 + 4
    least = max(widest(ticks) + 10, 200 / (len(ticks) - 1))
    wide = max(left + least * chart.room * (len(ticks) - 1) + spare + EDGE, least_width(chart, second))
    width = clamp(wide)
    tick = int((width - EDGE - spare - left) / (len(ticks) - 1))
    bottom = top + high * len(grid.rows) + 6
    ink = Ink(width, max(224, bottom + AXIS + FOOT), chart.theme)
    head(ink, chart, second)
    for number, words in enumerate(ticks):
        x = left + number * tick
        ink.box(x, top, x + 1, bottom, ink.theme.rule if number else ink.theme.faint)
        ink.write(words, x, bottom + 12, anchor="mm")
    for row, (value,) in enumerate(grid.values):
        y, end = top + 6 + high * row, left + value / chart.steps[0] * tick
        ink.box(left, y, end, y + high - 6, COLORS[chart.colors[0]])
        ink.write(grid.rows[row], left - 7, y + (high - 6) / 2, anchor="rm")
        if chart.printed:
            print_number(ink, grid.number(value), end + 5, y + (high - 6) / 2, "lm", ink.theme.paper)
    return ink


def draw_pie(chart: Chart) -> Ink:
    """A pie, its numbers on the slices, its key beside it."""
    grid, second = chart.grid, f"percent by {chart.grid.axis}"
    radius = round(84 * chart.room)
    wide = 3 * EDGE + 2 * radius + 22 + widest(grid.rows) + 10
    width = clamp(max(wide, width_of(grid.title, TITLE) + 30, width_of(made_by(chart)) + 30))
    ink = Ink(width, max(224, HEAD + 2 * radius + FOOT + 8), chart.theme)
    head(ink, chart, second)
    x, y, angle = EDGE + radius, HEAD + 2 + radius, chart.look % 360
    for (share,), color in zip(grid.values, chart.colors):
        ink.slice(x, y, radius, angle, angle + share * TURN, COLORS[color])
        ink.on_circle(grid.number(share), x, y, radius * 0.7, angle + share * TURN / 2, on(COLORS[color]))
        angle += share * TURN
    start = y - (len(grid.rows) - 1) * 11
    for row, (name, color) in enumerate(zip(grid.rows, chart.colors)):
        ink.box(x + radius + 20, start + row * 22 - 6, x + radius + 32, start + row * 22 + 6, COLORS[color])
        ink.write(name, x + radius + 39, start + row * 22)
    return ink


def draw_scatter(chart: Chart) -> Ink:
    """Points with letters, on crossings of grid lines."""
    grid = chart.grid
    names = [f"{noun} ({unit})" if unit else noun for noun, unit in zip(grid.nouns, chart.units)]
    across, up = (tick_words(chart, column) for column in (0, 1))
    left, top, cell = EDGE + widest(up) + 8, HEAD + 10, round(28 * chart.room)
    cell_x = max(cell, widest(across) + 10)
    right = left + cell_x * (len(across) - 1)
    bottom = top + cell * (len(up) - 1)
    width = clamp(max(right + 24, width_of(grid.title, TITLE) + 30, width_of(made_by(chart)) + 30,
                      left + width_of(names[0]) + 20))
    ink = Ink(width, max(224, bottom + 2 * AXIS + FOOT - 4), chart.theme)
    head(ink, chart, f"up: {names[1]}")
    for tick, words in enumerate(across):
        ink.box(left + tick * cell_x, top, left + tick * cell_x + 1, bottom, ink.theme.rule)
        ink.write(words, left + tick * cell_x, bottom + 13, anchor="mm")
    for tick, words in enumerate(up):
        ink.box(left, bottom - tick * cell, right, bottom - tick * cell + 1, ink.theme.rule)
        ink.write(words, left - 6, bottom - tick * cell, anchor="rm")
    ink.write(names[0], (left + right) / 2, bottom + 32, color=ink.theme.faint, anchor="mm")
    for name, (x, y) in zip(grid.rows, grid.values):
        spot = left + x / chart.steps[0] * cell_x, bottom - y / chart.steps[1] * cell
        ink.dot(*spot, 5, COLORS[chart.colors[0]])
        ink.write(name, spot[0] + 8, spot[1] - 8, TEXT)
    return ink


def draw_chart(chart: Chart) -> Ink:
    """The page of a chart of any kind."""
    return DRAW[chart.kind](chart)


DRAW = {"bars": draw_bars, "grouped": draw_bars, "rows": draw_rows, "lines": draw_lines, "pie": draw_pie,
        "scatter": draw_scatter}
