"""Layout and drawing of charts. Lengths are pixels; a chart is as large as its text needs."""
from __future__ import annotations

import random

from data.docs.canvas import (
    COLORS,
    TEXT_SIZE,
    Canvas,
    Color,
    clamp_side,
    max_text_width,
    text_color_on,
    text_width,
)
from data.docs.charts import Chart

MARGIN = 14        # around the page
TITLE_SIZE = 18       # font of a title
HEADER_HEIGHT = 52        # title and subtitle
LEGEND_HEIGHT = 22         # legend
FOOTER_HEIGHT = 26        # author's line
AXIS_HEIGHT = 24        # labels below an axis
DEGREES_PER_PERCENT = 3.6       # of a pie


def draw_header(canvas: Canvas, chart: Chart, subtitle_text: str) -> None:
    """Draw title and subtitle at the top and the author at the bottom."""
    is_centered = chart.look % 3 == 0
    x, anchor = (canvas.width / 2, "mm") if is_centered else (MARGIN, "lm")
    canvas.text(chart.grid.title, x, 20, TITLE_SIZE, anchor=anchor, bold=True)
    canvas.text(subtitle_text, x, 40, color=canvas.theme.faint, anchor=anchor)
    canvas.text(author_line(chart), canvas.width - MARGIN, canvas.height - 13, color=canvas.theme.faint,
                anchor="rm")


def author_line(chart: Chart) -> str:
    """The line that names the author."""
    return f"Made by {chart.author}, {chart.job}"


def min_width(chart: Chart, subtitle_text: str) -> int:
    """The width that title, subtitle, author's line and legend need."""
    legend_width = sum(text_width(name) + 32 for name in chart.grid.columns) if len(chart.colors) > 1 else 0
    text_widths = (text_width(chart.grid.title, TITLE_SIZE) + 2, text_width(subtitle_text),
                   text_width(author_line(chart)), legend_width)
    return max(text_widths) + 2 * MARGIN


def draw_legend(canvas: Canvas, names: tuple[str, ...], colors: tuple[str, ...], y: float) -> None:
    """Draw the legend of the colours in one line."""
    x = MARGIN
    for name, color in zip(names, colors):
        canvas.box(x, y - 5, x + 10, y + 5, COLORS[color], radius=2)
        canvas.text(name, x + 15, y)
        x += text_width(name) + 32


def draw_number(canvas: Canvas, number: str, x: float, y: float, anchor: str, background: Color) -> None:
    """Write a number beside a bar, and clear the grid lines behind it."""
    canvas.text(number, x, y, anchor=anchor)
    left, _, right, _ = canvas.text_boxes[-1][:4]
    canvas.box(left - 2, y - 6, right + 2, y + 6, background)


def subtitle(chart: Chart) -> str:
    """The unit and the axis: "mm by month"."""
    return f"{chart.units[0]} by {chart.grid.axis}".strip()


def num_intervals(chart: Chart, column: int = 0) -> int:
    """The number of grid lines above zero."""
    values = [value for line in chart.grid.values for value in line] if len(chart.units) == 1 \
        else chart.grid.column(column)
    return -(-max(values) // chart.steps[column])


def tick_labels(chart: Chart, column: int = 0) -> list[str]:
    """The labels of the grid lines, from zero upwards."""
    return [chart.grid.number(tick * chart.steps[column]) for tick in range(num_intervals(chart, column) + 1)]


class VerticalFrame:
    """The frame of a chart with a vertical value axis: positions of rows and values."""

    def __init__(self, chart: Chart):
        grid, ticks, subtitle_text = chart.grid, tick_labels(chart), subtitle(chart)
        self.left = MARGIN + max_text_width(ticks) + 8
        min_slot = max(
            max_text_width(grid.rows) + 12, (20 * len(grid.columns) if chart.kind == "grouped" else 30) + 14)
        if chart.printed:
            min_slot = max(min_slot, max_text_width(map(grid.number, grid.column(0))) + 12)
        wanted_width = self.left + min_slot * chart.room * len(grid.rows) + MARGIN
        width = clamp_side(max(wanted_width, min_width(chart, subtitle_text)))
        self.slot_width = (width - MARGIN - self.left) / len(grid.rows)
        assert self.slot_width >= max_text_width(
            grid.rows) + 2, f"names of {grid.title} do not fit side by side"
        self.top = HEADER_HEIGHT + 14 + (LEGEND_HEIGHT if len(chart.colors) > 1 else 0)
        self.tick_height = max(20, round(200 * chart.room / (len(ticks) - 1)))
        self.bottom = self.top + self.tick_height * (len(ticks) - 1)
        self.step = chart.steps[0]
        self.canvas = Canvas(width, self.bottom + AXIS_HEIGHT + FOOTER_HEIGHT, chart.theme)
        draw_header(self.canvas, chart, subtitle_text)
        self._draw(chart, ticks)

    def _draw(self, chart: Chart, ticks: list[str]) -> None:
        canvas, right = self.canvas, self.canvas.width - MARGIN
        self.background = canvas.theme.panel if chart.look % 2 else canvas.theme.paper
        canvas.box(self.left, self.top, right, self.bottom, self.background)
        for tick, label in enumerate(ticks):
            y = self.bottom - tick * self.tick_height
            canvas.box(self.left, y, right, y + 1, canvas.theme.rule if tick else canvas.theme.faint)
            canvas.text(label, self.left - 6, y, anchor="rm")
        for row, name in enumerate(chart.grid.rows):
            canvas.text(name, self.x(row), self.bottom + 13, anchor="mm")
        if len(chart.colors) > 1:
            draw_legend(canvas, chart.grid.columns, chart.colors, HEADER_HEIGHT + 6)

    def x(self, row: int) -> float:
        """The x of a row's middle."""
        return self.left + (row + 0.5) * self.slot_width

    def y(self, value: int) -> float:
        """The y of a value."""
        return self.bottom - value / self.step * self.tick_height


def draw_bars(chart: Chart) -> Canvas:
    """Draw vertical bars, one for each row and column."""
    frame, columns = VerticalFrame(chart), len(chart.grid.columns)
    share = random.Random(chart.look).uniform(0.55, 0.8)
    bar_width = max(1, round(frame.slot_width * share / columns))
    for row, line in enumerate(chart.grid.values):
        start = round(frame.x(row) - bar_width * columns / 2)
        for column, value in enumerate(line):
            left = start + column * bar_width
            frame.canvas.box(left, frame.y(value), left + bar_width - (columns > 1), frame.bottom,
                             COLORS[chart.colors[column]])
            if chart.printed:
                draw_number(frame.canvas, chart.grid.number(value), frame.x(row),
                            frame.y(value) - 9, "mm", frame.background)
    return frame.canvas


def draw_lines(chart: Chart) -> Canvas:
    """Draw a line for each column, with a dot at each value."""
    frame = VerticalFrame(chart)
    for column, color in enumerate(chart.colors):
        points = [(frame.x(row), frame.y(value)) for row, value in enumerate(chart.grid.column(column))]
        frame.canvas.line(points, COLORS[color], 2.5)
        for x, y in points:
            frame.canvas.dot(x, y, 4.5, COLORS[color])
    return frame.canvas


def draw_rows(chart: Chart) -> Canvas:
    """Draw horizontal bars, one below the other."""
    grid, ticks, subtitle_text = chart.grid, tick_labels(chart), subtitle(chart)
    left, top, row_height = MARGIN + max_text_width(grid.rows) + 8, HEADER_HEIGHT + 8, round(24 * chart.room)
    right_space = max_text_width(ticks[-1:]) / 2 + 4
    if chart.printed:
        right_space = max_text_width(map(grid.number, grid.column(0))) + 12
    min_tick = max(max_text_width(ticks) + 10, 200 / (len(ticks) - 1))
    wanted_width = max(left + min_tick * chart.room * (len(ticks) - 1) + right_space + MARGIN,
                       min_width(chart, subtitle_text))
    width = clamp_side(wanted_width)
    tick_width = int((width - MARGIN - right_space - left) / (len(ticks) - 1))
    bottom = top + row_height * len(grid.rows) + 6
    canvas = Canvas(width, max(224, bottom + AXIS_HEIGHT + FOOTER_HEIGHT), chart.theme)
    draw_header(canvas, chart, subtitle_text)
    for number, label in enumerate(ticks):
        x = left + number * tick_width
        canvas.box(x, top, x + 1, bottom, canvas.theme.rule if number else canvas.theme.faint)
        canvas.text(label, x, bottom + 12, anchor="mm")
    for row, (value,) in enumerate(grid.values):
        y, end = top + 6 + row_height * row, left + value / chart.steps[0] * tick_width
        canvas.box(left, y, end, y + row_height - 6, COLORS[chart.colors[0]])
        canvas.text(grid.rows[row], left - 7, y + (row_height - 6) / 2, anchor="rm")
        if chart.printed:
            draw_number(canvas, grid.number(value), end + 5, y + (row_height - 6) / 2, "lm",
                        canvas.theme.paper)
    return canvas


def draw_pie(chart: Chart) -> Canvas:
    """Draw a pie with a number on each slice and a legend beside it."""
    grid, subtitle_text = chart.grid, f"percent by {chart.grid.axis}"
    radius = round(84 * chart.room)
    wanted_width = 3 * MARGIN + 2 * radius + 22 + max_text_width(grid.rows) + 10
    width = clamp_side(
        max(wanted_width, text_width(grid.title, TITLE_SIZE) + 30, text_width(author_line(chart)) + 30))
    canvas = Canvas(width, max(224, HEADER_HEIGHT + 2 * radius + FOOTER_HEIGHT + 8), chart.theme)
    draw_header(canvas, chart, subtitle_text)
    x, y, angle = MARGIN + radius, HEADER_HEIGHT + 2 + radius, chart.look % 360
    for (share,), color in zip(grid.values, chart.colors):
        canvas.slice(x, y, radius, angle, angle + share * DEGREES_PER_PERCENT, COLORS[color])
        canvas.text_on_circle(grid.number(share), x, y, radius * 0.7,
                              angle + share * DEGREES_PER_PERCENT / 2, text_color_on(COLORS[color]))
        angle += share * DEGREES_PER_PERCENT
    start = y - (len(grid.rows) - 1) * 11
    for row, (name, color) in enumerate(zip(grid.rows, chart.colors)):
        canvas.box(x + radius + 20, start + row * 22 - 6, x + radius + 32, start + row * 22 + 6,
                   COLORS[color])
        canvas.text(name, x + radius + 39, start + row * 22)
    return canvas


def draw_scatter(chart: Chart) -> Canvas:
    """Draw lettered points on crossings of grid lines."""
    grid = chart.grid
    axis_names = [f"{noun} ({unit})" if unit else noun for noun, unit in zip(grid.nouns, chart.units)]
    x_labels, y_labels = (tick_labels(chart, column) for column in (0, 1))
    left, top, cell_height = MARGIN + max_text_width(y_labels) + 8, HEADER_HEIGHT + 10, round(28 * chart.room)
    cell_width = max(cell_height, max_text_width(x_labels) + 10)
    right = left + cell_width * (len(x_labels) - 1)
    bottom = top + cell_height * (len(y_labels) - 1)
    width = clamp_side(
        max(right + 24, text_width(grid.title, TITLE_SIZE) + 30, text_width(author_line(chart)) + 30,
            left + text_width(axis_names[0]) + 20))
    canvas = Canvas(width, max(224, bottom + 2 * AXIS_HEIGHT + FOOTER_HEIGHT - 4), chart.theme)
    draw_header(canvas, chart, f"up: {axis_names[1]}")
    for tick, label in enumerate(x_labels):
        canvas.box(left + tick * cell_width, top, left + tick * cell_width + 1, bottom, canvas.theme.rule)
        canvas.text(label, left + tick * cell_width, bottom + 13, anchor="mm")
    for tick, label in enumerate(y_labels):
        canvas.box(left, bottom - tick * cell_height, right, bottom - tick * cell_height + 1,
                   canvas.theme.rule)
        canvas.text(label, left - 6, bottom - tick * cell_height, anchor="rm")
    canvas.text(axis_names[0], (left + right) / 2, bottom + 32, color=canvas.theme.faint, anchor="mm")
    for name, (x, y) in zip(grid.rows, grid.values):
        center = left + x / chart.steps[0] * cell_width, bottom - y / chart.steps[1] * cell_height
        canvas.dot(*center, 5, COLORS[chart.colors[0]])
        canvas.text(name, center[0] + 8, center[1] - 8, TEXT_SIZE)
    return canvas


def draw_chart(chart: Chart) -> Canvas:
    """Draw a chart of any kind."""
    return DRAWING_FUNCTIONS[chart.kind](chart)


DRAWING_FUNCTIONS = {
    "bars": draw_bars, "grouped": draw_bars, "rows": draw_rows, "lines": draw_lines, "pie": draw_pie,
    "scatter": draw_scatter
}
