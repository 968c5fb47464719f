"""Tables: a topic's numbers in rows and columns, sometimes with a column of names and a line of totals."""
from __future__ import annotations

import random
from dataclasses import dataclass

from data.docs.canvas import COLORS, TEXT, Ink, clamp, on, widest, width_of
from data.docs.grid import Grid, make_grid, questions
from data.docs.topics import NAMES, TOPICS, Persona
from data.docs.wordings import Ask

EDGE, TITLE, HEAD = 16, 18, 42     # pixels: around everything, font of the title, from the top to the table
PAD = 9                            # pixels: left and right of a cell's words
LEADERS = ("Lead", "Contact", "Checked by", "Keeper")
LINES = ("stripes", "rules", "cells")


@dataclass(frozen=True)
class Table:
    """The numbers, who looks after each row ("" and () if nobody), and whether the columns are summed up."""
    grid: Grid
    leader: str
    leaders: tuple[str, ...]
    totals: bool
    color: str       # of the head, "" for a plain one
    lines: str       # stripes, rules, cells
    theme: str
    room: float      # 1..1.4
    family = "tables"

    @property
    def data(self) -> tuple:
        """What it tells, whatever it looks like: this decides the split."""
        return self.grid, self.leaders, self.totals

    @property
    def lists(self) -> list[list[str]]:
        """The cells as they are printed, head first, column after column."""
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
    """A table by the persona, on a topic that is novel or not."""
    topic = rng.choice([topic for topic in TOPICS if topic.novel == novel])
    columns = rng.randint(1, min(4, len(topic.groups)))
    rows = rng.randint(3, min(8, len(topic.rows)))
    grid = make_grid(topic, rows, columns, max(1, topic.high // 250), rng)
    named = rng.random() < 0.5 and topic.rows is not NAMES
    leaders = tuple(rng.sample(NAMES, rows)) if named or columns == 1 else ()
    return Table(grid, rng.choice(LEADERS) if leaders else "", leaders, topic.adds and rng.random() < 0.4,
                 rng.choice(["", *COLORS]), rng.choice(LINES), rng.choice(persona.themes),
                 round(rng.uniform(1, 1.4), 2))


def ask(table: Table, rng: random.Random) -> list[Ask]:
    """Every question that the table can answer."""
    grid, asks = table.grid, questions(table.grid, rng)
    asks += [Ask("text", {"it": "title"}, title_of(table)), *_lookups(grid)]
    for row, name in enumerate(table.leaders):
        who = table.leader.lower()
        asks.append(Ask("field", {"it": f"{who} {grid.of_row(row)}"}, name))
        asks.append(Ask("lookup", {"axis": grid.axis, "noun": who, "value": name}, grid.rows[row]))
    if table.totals:
        asks += [Ask("retrieve", {"it": f"total {noun}"}, grid.number(sum(grid.column(column))))
                 for column, noun in enumerate(grid.nouns)]
    return asks


def _lookups(grid: Grid) -> list[Ask]:
    """Which month has the rainfall 45? The numbers of a column are all different."""
    return [Ask("lookup", {"axis": grid.axis, "noun": noun, "value": grid.number(value)}, name)
            for column, noun in enumerate(grid.nouns) for name, value in zip(grid.rows, grid.column(column))]


def title_of(table: Table) -> str:
    """The title with its unit: "Rainfall (mm)"."""
    return f"{table.grid.title} ({table.grid.unit})" if table.grid.unit else table.grid.title


def draw_table(table: Table) -> Ink:
    """The page of a table."""
    lists, high = table.lists, round(22 * table.room)
    wide = [round((widest(words) + 2 * PAD) * table.room) for words in lists]
    least = max(sum(wide), width_of(title_of(table), TITLE) + 2, 224 - 2 * EDGE)
    wide = [share + (least - sum(wide)) // len(wide) for share in wide]
    rows = len(lists[0])
    ink = Ink(clamp(least + 2 * EDGE), max(224, HEAD + rows * high + EDGE), table.theme)
    ink.write(title_of(table), EDGE, 22, TITLE, bold=True)
    _draw_lines(ink, table, [EDGE + sum(wide[:column]) for column in range(len(wide) + 1)], rows, high)
    for column, words in enumerate(lists):
        numbers = column > bool(table.leaders)
        x = EDGE + sum(wide[:column + 1]) - PAD if numbers else EDGE + sum(wide[:column]) + PAD
        for row, text in enumerate(words):
            strong = row == 0 or table.totals and row == rows - 1
            color = on(COLORS[table.color]) if table.color and row == 0 else None
            if text:
                ink.write(text, x, HEAD + (row + 0.5) * high, TEXT, color, "rm" if numbers else "lm", strong)
    return ink


def _draw_lines(ink: Ink, table: Table, edges: list[int], rows: int, high: int):
    """What lies under the words: the head's colour, stripes, lines."""
    left, right, bottom = edges[0], edges[-1], HEAD + rows * high
    ink.box(left, HEAD, right, HEAD + high, COLORS[table.color] if table.color else ink.theme.panel)
    for row in range(1, rows + 1):
        y = HEAD + row * high
        if table.lines == "stripes" and row % 2 == 0 and row < rows:
            ink.box(left, y, right, y + high, ink.theme.panel)
        if table.lines != "stripes":
            ink.box(left, y, right, y + 1, ink.theme.rule)
    if table.lines == "cells":
        for x in edges:
            ink.box(x, HEAD, x + 1, bottom, ink.theme.rule)
    if table.totals:
        ink.box(left, bottom - high, right, bottom - high + 2, ink.theme.faint)
    ink.box(left, bottom, right, bottom + 1, ink.theme.faint)
