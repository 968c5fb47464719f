"""Tables: a topic's numbers in rows and columns, sometimes with a column of names or a line of totals."""
from __future__ import annotations

import random
from dataclasses import dataclass

from data.docs.canvas import COLORS, TEXT_SIZE, Canvas, clamp_side, max_text_width, text_color_on, text_width
from data.docs.grid import Grid, grid_questions, make_grid
from data.docs.topics import NAMES, TOPICS, Persona
from data.docs.wordings import DocsQuestion

MARGIN, TITLE_SIZE, HEADER_HEIGHT = 16, 18, 42  # around the page, title font, above the table
CELL_PADDING = 9                            # pixels left and right of a cell's text
LEADERS = ("Lead", "Contact", "Checked by", "Keeper")
LINE_STYLES = ("stripes", "rules", "cells")


@dataclass(frozen=True)
class Table:
    """A grid, the persons responsible for its rows ("" and () if none), and the choice of totals."""
    grid: Grid
    leader: str
    leaders: tuple[str, ...]
    totals: bool
    color: str       # of the header, "" for a plain one
    lines: str       # stripes, rules, cells
    theme: str
    room: float      # 1..1.4
    family = "tables"

    @property
    def data(self) -> tuple:
        """The facts without the appearance. They decide the split."""
        return self.grid, self.leaders, self.totals

    @property
    def lists(self) -> list[list[str]]:
        """The printed cells, column by column, header first."""
        grid = self.grid
        lists = [[grid.axis.capitalize(), *grid.rows, *["Total"] * self.totals]]
        if self.leaders:
            lists.append([self.leader, *self.leaders, *[""] * self.totals])
        for column, name in enumerate(grid.columns):
            values = grid.column(column)
            total = [grid.number(sum(values))] * self.totals
            name = name.capitalize() if len(grid.columns) == 1 else name
            lists.append([name, *map(grid.number, values), *total])
        return lists


def make_table(persona: Persona, novel: bool, rng: random.Random) -> Table:
    """A random table by the persona, on a held-out or a training topic."""
    topic = rng.choice([topic for topic in TOPICS if topic.novel == novel])
    columns = rng.randint(1, min(4, len(topic.groups)))
    rows = rng.randint(3, min(8, len(topic.rows)))
    grid = make_grid(topic, rows, columns, max(1, topic.high // 250), rng)
    has_leaders = rng.random() < 0.5 and topic.rows is not NAMES
    leaders = tuple(rng.sample(NAMES, rows)) if has_leaders or columns == 1 else ()
    return Table(grid, rng.choice(LEADERS) if leaders else "", leaders, topic.adds and rng.random() < 0.4,
                 rng.choice(["", *COLORS]), rng.choice(LINE_STYLES), rng.choice(persona.themes),
                 round(rng.uniform(1, 1.4), 2))


def table_questions(table: Table, rng: random.Random) -> list[DocsQuestion]:
    """All questions that the table can answer."""
    grid, questions = table.grid, grid_questions(table.grid, rng)
    questions += [DocsQuestion("text", {"it": "title"}, title_with_unit(table)), *_lookup_questions(grid)]
    for row, name in enumerate(table.leaders):
        leader_noun = table.leader.lower()
        questions.append(DocsQuestion("field", {"it": f"{leader_noun} {grid.of_row(row)}"}, name))
        questions.append(
            DocsQuestion("lookup", {"axis": grid.axis, "noun": leader_noun, "value": name}, grid.rows[row]))
    if table.totals:
        questions += [
            DocsQuestion("retrieve", {"it": f"total {noun}"}, grid.number(sum(grid.column(column))))
            for column, noun in enumerate(grid.nouns)
        ]
    return questions


def _lookup_questions(grid: Grid) -> list[DocsQuestion]:
    """Which month has the rainfall 45? All numbers of a column are different."""
    return [DocsQuestion("lookup", {"axis": grid.axis, "noun": noun, "value": grid.number(value)}, name)
            for column, noun in enumerate(grid.nouns) for name, value in zip(grid.rows, grid.column(column))]


def title_with_unit(table: Table) -> str:
    """The title with its unit: "Rainfall (mm)"."""
    return f"{table.grid.title} ({table.grid.unit})" if table.grid.unit else table.grid.title


def draw_table(table: Table) -> Canvas:
    """Draw the table."""
    columns, row_height = table.lists, round(22 * table.room)
    column_widths = [
        round((max_text_width(column_cells) + 2 * CELL_PADDING) * table.room) for column_cells in columns
    ]
    min_width = max(sum(column_widths), text_width(title_with_unit(table), TITLE_SIZE) + 2, 224 - 2 * MARGIN)
    column_widths = [
        column_width + (min_width - sum(column_widths)) // len(column_widths)
        for column_width in column_widths
    ]
    num_rows = len(columns[0])
    canvas = Canvas(clamp_side(min_width + 2 * MARGIN),
                    max(224, HEADER_HEIGHT + num_rows * row_height + MARGIN), table.theme)
    canvas.text(title_with_unit(table), MARGIN, 22, TITLE_SIZE, bold=True)
    _draw_lines(canvas, table,
                [MARGIN + sum(column_widths[:column]) for column in range(len(column_widths) + 1)], num_rows,
                row_height)
    for column, cells in enumerate(columns):
        is_number = column > bool(table.leaders)
        x = MARGIN + sum(column_widths[:column + 1]) - CELL_PADDING if is_number else MARGIN + sum(
            column_widths[:column]) + CELL_PADDING
        for row, text in enumerate(cells):
            is_bold = row == 0 or table.totals and row == num_rows - 1
            color = text_color_on(COLORS[table.color]) if table.color and row == 0 else None
            if text:
                canvas.text(text, x, HEADER_HEIGHT + (row + 0.5) * row_height, TEXT_SIZE, color,
                            "rm" if is_number else "lm", is_bold)
    return canvas


def _draw_lines(canvas: Canvas, table: Table, edges: list[int], num_rows: int, row_height: int) -> None:
    """Draw what lies below the text: header colour, stripes, lines."""
    left, right, bottom = edges[0], edges[-1], HEADER_HEIGHT + num_rows * row_height
    canvas.box(left, HEADER_HEIGHT, right, HEADER_HEIGHT + row_height,
               COLORS[table.color] if table.color else canvas.theme.panel)
    for row in range(1, num_rows + 1):
        y = HEADER_HEIGHT + row * row_height
        if table.lines == "stripes" and row % 2 == 0 and row < num_rows:
            canvas.box(left, y, right, y + row_height, canvas.theme.panel)
        if table.lines != "stripes":
            canvas.box(left, y, right, y + 1, canvas.theme.rule)
    if table.lines == "cells":
        for x in edges:
            canvas.box(x, HEADER_HEIGHT, x + 1, bottom, canvas.theme.rule)
    if table.totals:
        canvas.box(left, bottom - row_height, right, bottom - row_height + 2, canvas.theme.faint)
    canvas.box(left, bottom, right, bottom + 1, canvas.theme.faint)
