"""A grid of numbers, which charts and tables share, and everything that can be asked about it exactly."""
from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

from data.docs.topics import Topic
from data.docs.wordings import Ask

MANY = 4    # offers of one kind: more are never needed


@dataclass(frozen=True)
class Grid:
    """Numbers by row and column. Whole numbers, or tenths where `decimals` is 1."""
    title: str
    axis: str                             # what a row is: month, fruit
    at: str                               # before a row's name: "in" Jan, "for" Apple
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    nouns: tuple[str, ...]                # one a column: "rainfall (Corin)"
    values: tuple[tuple[int, ...], ...]   # one tuple a row
    unit: str = ""
    decimals: int = 0
    suffix: str = ""                      # behind every number: "%"
    ordered: bool = False                 # rows follow each other in time
    adds: bool = True                     # a sum of its numbers means something

    def number(self, value: int) -> str:
        """A value as it is printed, and as it is answered."""
        return (f"{value / 10:.1f}" if self.decimals else str(value)) + self.suffix

    def of_row(self, row: int) -> str:
        """A row with its preposition: "in Jan"."""
        return f"{self.at} {self.rows[row]}"

    def column(self, column: int) -> tuple[int, ...]:
        """The numbers of one column."""
        return tuple(line[column] for line in self.values)


def make_grid(topic: Topic, rows: int, columns: int, step: int, rng: random.Random) -> Grid:
    """A topic's numbers, multiples of `step`, rows in time order if they have one, no two in a column alike.

    columns  1 for the topic as a whole, more for some of its groups
    """
    names = pick(topic.rows, rows, topic.ordered, rng)
    groups = tuple(rng.sample(topic.groups, columns)) if columns > 1 else ("",)
    levels = range(-(-topic.low // step), topic.high // step + 1)
    draws = [rng.sample(levels, rows) for _ in groups]
    values = tuple(tuple(draw[row] * step for draw in draws) for row in range(rows))
    nouns = tuple(f"{topic.noun} ({group})" if group else topic.noun for group in groups)
    headers = groups if columns > 1 else (topic.noun,)
    return Grid(topic.title, topic.axis, topic.at, names, headers, nouns, values, topic.unit,
                topic.decimals, ordered=topic.ordered, adds=topic.adds)


def pick(names: tuple[str, ...], count: int, ordered: bool, rng: random.Random) -> tuple[str, ...]:
    """Some of the names: neighbours where they have an order, any otherwise."""
    if not ordered:
        return tuple(rng.sample(names, count))
    start = rng.randint(0, len(names) - count)
    return names[start:start + count]


def plural(noun: str) -> str:
    """More than one.

    >>> plural("month"), plural("city"), plural("bus"), plural("day")
    ('months', 'cities', 'buses', 'days')
    """
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "ch", "x")) else "s")


def questions(grid: Grid, rng: random.Random) -> list[Ask]:
    """Offers of every kind about the grid's numbers."""
    sorts = (retrieve, extremum, peak, compare, choice, computed, trend, count)
    return [ask for sort in sorts for ask in some(sort(grid, rng), rng)]


def some(asks: list[Ask], rng: random.Random) -> list[Ask]:
    """At most MANY of each kind."""
    by_kind: dict[str, list[Ask]] = {}
    for ask in rng.sample(asks, len(asks)):
        by_kind.setdefault(ask.kind, []).append(ask)
    return [ask for kind in by_kind.values() for ask in kind[:MANY]]


def retrieve(grid: Grid, rng: random.Random) -> list[Ask]:
    """What is the rainfall in May?"""
    return [Ask("retrieve", {"it": f"{noun} {grid.of_row(row)}"}, grid.number(grid.values[row][column]))
            for column, noun in enumerate(grid.nouns) for row in range(len(grid.rows))]


def extremum(grid: Grid, rng: random.Random) -> list[Ask]:
    """Which month has the highest rainfall? Unless two share the first place."""
    asks = []
    for column, noun in enumerate(grid.nouns):
        values = grid.column(column)
        for most, best in (("highest", max(values)), ("lowest", min(values))):
            if values.count(best) == 1:
                slots = {"axis": grid.axis, "most": most, "noun": noun}
                asks.append(Ask("extremum", slots, grid.rows[values.index(best)]))
    return asks


def peak(grid: Grid, rng: random.Random) -> list[Ask]:
    """What is the highest rainfall?"""
    return [Ask("peak", {"most": most, "noun": noun}, grid.number(best(grid.column(column))))
            for column, noun in enumerate(grid.nouns) for most, best in (("highest", max), ("lowest", min))]


def compare(grid: Grid, rng: random.Random) -> list[Ask]:
    """Is the rainfall in May higher than the rainfall in June? A coin decides the answer, then the order."""
    asks = []
    for column, noun, a, b in _twos(grid, rng):
        values = grid.column(column)
        more = rng.choice(("higher", "lower"))
        a, b = sorted((a, b), key=values.__getitem__, reverse=more == "higher")  # now the answer is yes
        answer = rng.choice(("yes", "no"))
        a, b = (a, b) if answer == "yes" else (b, a)
        asks.append(Ask("compare", {"a": f"{noun} {grid.of_row(a)}", "b": f"{noun} {grid.of_row(b)}",
                                    "b_short": grid.of_row(b), "more": more}, answer))
    return asks


def choice(grid: Grid, rng: random.Random) -> list[Ask]:
    """Which month has the higher rainfall: May or June?"""
    asks = []
    for column, noun, a, b in _twos(grid, rng):
        values = grid.column(column)
        more, best = rng.choice((("higher", max), ("lower", min)))
        slots = {"axis": grid.axis, "more": more, "noun": noun, "a": grid.rows[a], "b": grid.rows[b]}
        asks.append(Ask("choice", slots, grid.rows[best((a, b), key=values.__getitem__)]))
    return asks


def computed(grid: Grid, rng: random.Random) -> list[Ask]:
    """Sum and difference of two rows, and their average where it can be written as the others are."""
    asks = []
    for column, noun, a, b in _twos(grid, rng):
        one, two = grid.values[a][column], grid.values[b][column]
        slots = {"noun": noun, "a": grid.of_row(a), "b": grid.of_row(b), "x": grid.rows[a], "y": grid.rows[b]}
        asks.append(Ask("difference", slots, grid.number(abs(one - two))))
        if grid.adds:
            asks.append(Ask("sum", slots, grid.number(one + two)))
        if (one + two) % 2 == 0:
            asks.append(Ask("average", slots, grid.number((one + two) // 2)))
    return asks


def trend(grid: Grid, rng: random.Random) -> list[Ask]:
    """Does the rainfall rise or fall from May to June? Only where rows follow each other in time."""
    asks = []
    for column, noun, a, b in _twos(grid, rng) if grid.ordered else ():
        early, late = sorted((a, b))
        answer = "rise" if grid.values[late][column] > grid.values[early][column] else "fall"
        asks.append(Ask("trend", {"noun": noun, "a": grid.rows[early], "b": grid.rows[late]}, answer))
    return asks


def count(grid: Grid, rng: random.Random) -> list[Ask]:
    """How many months have a rainfall above 40? The limit is a value that is there, and does not count."""
    asks = []
    for column, noun in enumerate(grid.nouns):
        values = grid.column(column)
        limit, way = rng.choice(values), rng.choice(("above", "below"))
        beyond = sum(value > limit if way == "above" else value < limit for value in values)
        slots = {"axes": plural(grid.axis), "noun": noun, "than": way, "limit": grid.number(limit)}
        asks.append(Ask("count", slots, str(beyond)))
    return asks + [Ask("how_many", {"things": plural(grid.axis)}, str(len(grid.rows)))]


def _twos(grid: Grid, rng: random.Random) -> list[tuple[int, str, int, int]]:
    """(column, noun, row, row) with different numbers, MANY of them."""
    twos = [(column, noun, a, b) for column, noun in enumerate(grid.nouns)
            for a, b in itertools.combinations(range(len(grid.rows)), 2)
            if grid.values[a][column] != grid.values[b][column]]
    return rng.sample(twos, min(MANY, len(twos)))
