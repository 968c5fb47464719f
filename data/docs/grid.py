"""A grid of numbers, which charts and tables share, and all questions about it with exact answers."""
from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

from data.docs.topics import Topic
from data.docs.wordings import DocsQuestion

MAX_PER_TYPE = 4    # questions of one type; more are never needed


@dataclass(frozen=True)
class Grid:
    """Numbers by row and column: whole numbers, or tenths if `decimals` is 1."""
    title: str
    axis: str                             # what rows are: month, fruit
    at: str                               # before a row's name: "in" Jan, "for" Apple
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    nouns: tuple[str, ...]                # for each column: "rainfall (Corin)"
    values: tuple[tuple[int, ...], ...]   # one tuple for each row
    unit: str = ""
    decimals: int = 0
    suffix: str = ""                      # after each number: "%"
    ordered: bool = False                 # rows follow each other in time
    adds: bool = True                     # sums of its numbers make sense

    def number(self, value: int) -> str:
        """The value as it is printed and answered."""
        return (f"{value / 10:.1f}" if self.decimals else str(value)) + self.suffix

    def of_row(self, row: int) -> str:
        """The row's name with its preposition: "in Jan"."""
        return f"{self.at} {self.rows[row]}"

    def column(self, column: int) -> tuple[int, ...]:
        """The numbers of one column."""
        return tuple(line[column] for line in self.values)


def make_grid(topic: Topic, num_rows: int, num_columns: int, step: int, rng: random.Random) -> Grid:
    """Random numbers for a topic: multiples of `step`, different within a column.

    columns  1 for the topic as a whole; more: one column for each of some groups
    """
    names = pick_names(topic.rows, num_rows, topic.ordered, rng)
    groups = tuple(rng.sample(topic.groups, num_columns)) if num_columns > 1 else ("",)
    possible_values = range(-(-topic.low // step), topic.high // step + 1)
    columns_of_values = [rng.sample(possible_values, num_rows) for _ in groups]
    values = tuple(
        tuple(column_values[row] * step for column_values in columns_of_values) for row in range(num_rows))
    nouns = tuple(f"{topic.noun} ({group})" if group else topic.noun for group in groups)
    headers = groups if num_columns > 1 else (topic.noun,)
    return Grid(topic.title, topic.axis, topic.at, names, headers, nouns, values, topic.unit,
                topic.decimals, ordered=topic.ordered, adds=topic.adds)


def pick_names(names: tuple[str, ...], num_names: int, ordered: bool, rng: random.Random) -> tuple[str, ...]:
    """Some of the names: consecutive ones if the names are ordered, else random ones."""
    if not ordered:
        return tuple(rng.sample(names, num_names))
    start = rng.randint(0, len(names) - num_names)
    return names[start:start + num_names]


def plural(noun: str) -> str:
    """The plural of a noun.

    >>> plural("month"), plural("city"), plural("bus"), plural("day")
    ('months', 'cities', 'buses', 'days')
    """
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "ch", "x")) else "s")


def grid_questions(grid: Grid, rng: random.Random) -> list[DocsQuestion]:
    """Questions of every type about the grid's numbers."""
    question_functions = (
        retrieve_questions, extremum_row_questions, extremum_value_questions, compare_yes_no_questions,
        which_is_higher_questions, arithmetic_questions, trend_questions, count_rows_questions)
    return [
        question for question_function in question_functions
        for question in limit_per_type(question_function(grid, rng), rng)
    ]


def limit_per_type(questions: list[DocsQuestion], rng: random.Random) -> list[DocsQuestion]:
    """At most MAX_PER_TYPE questions of each type."""
    by_type: dict[str, list[DocsQuestion]] = {}
    for question in rng.sample(questions, len(questions)):
        by_type.setdefault(question.question_type, []).append(question)
    return [
        question for questions_of_type in by_type.values() for question in questions_of_type[:MAX_PER_TYPE]
    ]


def retrieve_questions(grid: Grid, rng: random.Random) -> list[DocsQuestion]:
    """What is the rainfall in May?"""
    return [
        DocsQuestion("retrieve", {"it": f"{noun} {grid.of_row(row)}"}, grid.number(grid.values[row][column]))
        for column, noun in enumerate(grid.nouns)
        for row in range(len(grid.rows))
    ]


def extremum_row_questions(grid: Grid, rng: random.Random) -> list[DocsQuestion]:
    """Which month has the highest rainfall? Only if there is no tie."""
    questions = []
    for column, noun in enumerate(grid.nouns):
        values = grid.column(column)
        for superlative, best in (("highest", max(values)), ("lowest", min(values))):
            if values.count(best) == 1:
                slots = {"axis": grid.axis, "most": superlative, "noun": noun}
                questions.append(DocsQuestion("extremum", slots, grid.rows[values.index(best)]))
    return questions


def extremum_value_questions(grid: Grid, rng: random.Random) -> list[DocsQuestion]:
    """What is the highest rainfall?"""
    return [
        DocsQuestion("peak", {"most": superlative, "noun": noun}, grid.number(best(grid.column(column))))
        for column, noun in enumerate(grid.nouns)
        for superlative, best in (("highest", max), ("lowest", min))
    ]


def compare_yes_no_questions(grid: Grid, rng: random.Random) -> list[DocsQuestion]:
    """Is the rainfall in May higher than the rainfall in June? "yes" as often as "no"."""
    questions = []
    for column, noun, a, b in _row_pairs(grid, rng):
        values = grid.column(column)
        comparative = rng.choice(("higher", "lower"))
        a, b = sorted((a, b), key=values.__getitem__,
                      reverse=comparative == "higher")  # this order makes the answer "yes"
        answer = rng.choice(("yes", "no"))
        a, b = (a, b) if answer == "yes" else (b, a)
        questions.append(
            DocsQuestion(
                "compare", {
                    "a": f"{noun} {grid.of_row(a)}", "b": f"{noun} {grid.of_row(b)}",
                    "b_short": grid.of_row(b), "more": comparative
                }, answer))
    return questions


def which_is_higher_questions(grid: Grid, rng: random.Random) -> list[DocsQuestion]:
    """Which month has the higher rainfall: May or June?"""
    questions = []
    for column, noun, a, b in _row_pairs(grid, rng):
        values = grid.column(column)
        comparative, best = rng.choice((("higher", max), ("lower", min)))
        slots = {"axis": grid.axis, "more": comparative, "noun": noun, "a": grid.rows[a], "b": grid.rows[b]}
        questions.append(DocsQuestion("choice", slots, grid.rows[best((a, b), key=values.__getitem__)]))
    return questions


def arithmetic_questions(grid: Grid, rng: random.Random) -> list[DocsQuestion]:
    """Sums and differences of two rows, and averages that have the grid's precision."""
    questions = []
    for column, noun, a, b in _row_pairs(grid, rng):
        first, second = grid.values[a][column], grid.values[b][column]
        slots = {"noun": noun, "a": grid.of_row(a), "b": grid.of_row(b), "x": grid.rows[a], "y": grid.rows[b]}
        questions.append(DocsQuestion("difference", slots, grid.number(abs(first - second))))
        if grid.adds:
            questions.append(DocsQuestion("sum", slots, grid.number(first + second)))
        if (first + second) % 2 == 0:
            questions.append(DocsQuestion("average", slots, grid.number((first + second) // 2)))
    return questions


def trend_questions(grid: Grid, rng: random.Random) -> list[DocsQuestion]:
    """Does the rainfall rise or fall from May to June? Only if rows follow each other in time."""
    questions = []
    for column, noun, a, b in _row_pairs(grid, rng) if grid.ordered else ():
        early, late = sorted((a, b))
        answer = "rise" if grid.values[late][column] > grid.values[early][column] else "fall"
        questions.append(
            DocsQuestion("trend", {"noun": noun, "a": grid.rows[early], "b": grid.rows[late]}, answer))
    return questions


def count_rows_questions(grid: Grid, rng: random.Random) -> list[DocsQuestion]:
    """How many months have a rainfall above 40? The limit is one of the values and is not counted."""
    questions = []
    for column, noun in enumerate(grid.nouns):
        values = grid.column(column)
        limit, side = rng.choice(values), rng.choice(("above", "below"))
        num_beyond = sum(value > limit if side == "above" else value < limit for value in values)
        slots = {"axes": plural(grid.axis), "noun": noun, "than": side, "limit": grid.number(limit)}
        questions.append(DocsQuestion("count", slots, str(num_beyond)))
    return questions + [DocsQuestion("how_many", {"things": plural(grid.axis)}, str(len(grid.rows)))]


def _row_pairs(grid: Grid, rng: random.Random) -> list[tuple[int, str, int, int]]:
    """At most MAX_PER_TYPE random tuples (column, noun, row, row) with different numbers."""
    pairs = [(column, noun, a, b) for column, noun in enumerate(grid.nouns)
             for a, b in itertools.combinations(range(len(grid.rows)), 2)
             if grid.values[a][column] != grid.values[b][column]]
    return rng.sample(pairs, min(MAX_PER_TYPE, len(pairs)))
