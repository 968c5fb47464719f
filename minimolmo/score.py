"""What an answer is worth: points within a radius, exact numbers and words, the facts of a caption.

Nothing here runs a model: a score is a function of what was asked, what is true and what was said.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from minimolmo.flow import Annotation, Answer, Example, Point
from minimolmo.text.points import parse_points

RADIUS = 3.0      # percent of the image's width within which a point hits
NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
           "sixteen seventeen eighteen nineteen twenty").split()
PLACES = ("top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right")


@dataclass
class Asked:
    """One held-out question, what is true, and what was said."""
    dataset: str
    example: Example
    annotation: Annotation
    question: str
    answer: Answer | None = None
    aspect: float = 1.0  # the image's width over its height


def distance(a: Point, b: Point, aspect: float) -> float:
    """Between two points in percent, as percent of the image's *width*; aspect = width / height."""
    return float(np.hypot(a[0] - b[0], (a[1] - b[1]) / aspect))


def hits(said: list[Point], true: list[Point], aspect: float, radius: float = RADIUS) -> int:
    """The most said points that can be paired one to one with true ones within the radius.

    >>> hits([(10, 10), (11, 10)], [(10, 10), (50, 50)], aspect=1.0)
    1
    """
    return pair_up([[t for t, b in enumerate(true) if distance(a, b, aspect) <= radius] for a in said])


def pair_up(near: list[list[int]]) -> int:
    """The most pairs, one to one, if said point s may be paired with each of the true points near[s].

    Each said point takes a free true point, or makes the one that holds it move on (Kuhn's algorithm).
    """
    holder: dict[int, int] = {}

    def place(s: int, tried: set[int]) -> bool:
        for t in near[s]:
            if t not in tried:
                tried.add(t)
                if t not in holder or place(holder[t], tried):
                    holder[t] = s
                    return True
        return False

    return sum(place(s, set()) for s in range(len(near)))


def precision_recall_f1(said: list[Point], true: list[Point], aspect: float) -> tuple[float, float, float]:
    """Of one question. To point nowhere is right when nothing is there: then all three are 1.

    Source: official evaluation, whose masks are here a radius.
    """
    if not said or not true:
        return (float(len(said) == len(true)),) * 3
    hit = hits(said, true, aspect)
    return hit / len(said), hit / len(true), 2 * hit / (len(said) + len(true))


def score_pointing(asked: list[Asked]) -> dict[str, float]:
    """Means over questions; the error, and the share within the radius, where just one thing is there."""
    each = [precision_recall_f1(a.answer.points, list(a.annotation.points), a.aspect) for a in asked]
    scores = dict(zip(("precision", "recall", "F1"), np.mean(each, axis=0)))
    errors = [distance(a.answer.points[0], a.annotation.points[0], a.aspect) if a.answer.points else 100.0
              for a in asked if len(a.annotation.points) == 1]
    if errors:
        scores["median error, % of width"] = median(errors)
        scores[f"within {RADIUS:g} %"] = np.mean(np.array(errors) <= RADIUS)
    return scores


def read_count(text: str) -> int | None:
    """The number an answer states: its last word, a number word, or "a total of N"; None if there is none.

    >>> read_count("Counting the <points ...>cats</points> shows a total of 3."), read_count("None.")
    (3, 0)
    """
    text = text.lower().strip().rstrip(".")
    last = text.split(" ")[-1]
    if last == "none":
        return 0
    if last in NUMBERS:
        return NUMBERS.index(last)
    found = re.fullmatch(r"[0-9]{1,6}", last) or re.search(r"(?<=total of )[0-9]{1,6}", text)
    return int(found[0]) if found else None


def score_count(asked: list[Asked]) -> dict[str, float]:
    """How often the number is exactly right, and how far off it is on average; no number counts as 0."""
    true = [read_count(a.annotation.answer) if a.annotation.style == "count" else len(a.annotation.points)
            for a in asked]
    said = [read_count(a.answer.text) for a in asked]
    return {"accuracy": np.mean([s == t for s, t in zip(said, true)]),
            "mean absolute error": np.mean([abs((s or 0) - t) for s, t in zip(said, true)])}


def same_words(a: str, b: str) -> bool:
    """Equal but for capitals, spaces and a final dot."""
    return " ".join(a.lower().split()).rstrip(".") == " ".join(b.lower().split()).rstrip(".")


def score_words(asked: list[Asked]) -> dict[str, float]:
    """Exact match over all questions, and over those that ask for one colour or one kind ("naming")."""
    names = {word for a in asked for t in a.example.things for word in (t.color, t.kind)}
    naming = [a for a in asked if a.annotation.answer in names]
    return score_exact(asked) | ({"naming": score_exact(naming)["exact match"]} if naming else {})


def place(x: float, y: float) -> str:
    """Where on a 3 x 3 grid a point in percent lies, in words."""
    return PLACES[min(int(y * 3 / 100), 2) * 3 + min(int(x * 3 / 100), 2)]


def facts_of(example: Example) -> set[tuple[str, str, str]]:
    """What a caption should say: (colour, kind, place) of every thing."""
    return {(t.color, t.kind, place(t.x, t.y)) for t in example.things}


def facts_in(text: str, colors: set[str], kinds: set[str]) -> set[tuple[str, str, str]]:
    """What a caption does say: sentence by sentence, the n-th colour-and-kind goes with the n-th place."""
    pair = re.compile(rf"\b({_any_of(colors)}) ({_any_of(kinds)})\b")
    spot = re.compile(rf"\bthe ({_any_of(PLACES)})\b")
    facts = set()
    for sentence in text.lower().split("."):
        facts |= {(*names, where) for names, where in zip(pair.findall(sentence), spot.findall(sentence))}
    return facts


def _any_of(words: Iterable[str]) -> str:
    """A pattern for any of the words, the longest first: "top left" is not to be read as "top"."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def score_caption(asked: list[Asked], among: list[Asked] | None = None) -> dict[str, float]:
    """Precision, recall and F1 of colour-kind-place facts, over all captions together.

    In place of the paper's cap F1, where a language model judges free statements: ours are read off exactly,
    by the colours and kinds that occur `among` all pictures. One whose things are not known has no score.
    """
    asked = [a for a in asked if a.example.things]
    if not asked:
        return {}
    things = [t for a in among or asked for t in a.example.things]
    colors, kinds = {t.color for t in things}, {t.kind for t in things}
    said = [facts_in(a.answer.text, colors, kinds) for a in asked]
    true = [facts_of(a.example) for a in asked]
    both = sum(len(s & t) for s, t in zip(said, true))
    precision, recall = both / max(1, sum(map(len, said))), both / max(1, sum(map(len, true)))
    return {"fact precision": precision, "fact recall": recall,
            "fact F1": 2 * precision * recall / (precision + recall) if both else 0.0}


def score_exact(asked: list[Asked]) -> dict[str, float]:
    """How often the words are the right ones."""
    return {"exact match": np.mean([same_words(a.answer.text, a.annotation.answer) for a in asked])}


def read_number(text: str) -> float | None:
    """An answer that is a number and nothing else, but for commas, "$" or "%"; None for any other text.

    >>> read_number("$1,250.50"), read_number("12 %"), read_number("6 am")
    (1250.5, 12.0, None)
    """
    found = re.fullmatch(r"\$?(-?\d[\d,]*(?:\.\d+)?) ?%?\.?", text.strip())
    return float(found[1].replace(",", "")) if found else None


def relaxed(said: str, true: str) -> bool:
    """Equal words, or two numbers no more than 5 % apart. Source: relaxed accuracy, as for ChartQA."""
    a, b = read_number(said), read_number(true)
    if a is None or b is None:
        return same_words(said, true)
    return abs(a - b) <= 0.05 * abs(b)


def score_relaxed(asked: list[Asked]) -> dict[str, float]:
    """Relaxed accuracy over charts, tables and the like."""
    return {"relaxed accuracy": np.mean([relaxed(a.answer.text, a.annotation.answer) for a in asked])}


_CLOCK = re.compile(r"\b(\d{1,2}):(\d{2})|\b(\d{1,2}) hours?(?: and)? (\d{1,2}) minutes?")
_NUMBER = {word: n for n, word in enumerate(NUMBERS)} | {
    "quarter": 15, "half": 30, "thirty": 30, "forty": 40, "fifty": 50}
_SPOKEN = re.compile(r"\b([a-z]+(?:-[a-z]+)?)(?: minutes?)? (past|to) ([a-z]+)|\b([a-z]+) o'clock")


def read_time(text: str) -> int | None:
    """A time of day as minutes after twelve, 0 to 719; None if the text tells none.

    >>> read_time("10:09"), read_time("quarter to three"), read_time("10 hours 9 minutes"), read_time("noon")
    (609, 165, 609, None)
    """
    text = text.lower()
    if found := _CLOCK.search(text):
        hour, minute = (int(part) for part in found.groups() if part is not None)
    elif found := _SPOKEN.search(text):
        hour, minute = _number(found[3] or found[4]), _number(found[1]) if found[1] else 0
        if hour is None or minute is None:
            return None
        minute = -minute if found[2] == "to" else minute
    else:
        return None
    return (hour * 60 + minute) % 720 if abs(minute) < 60 and hour <= 24 else None


def _number(word: str) -> int | None:
    """"nine", "quarter", "half", "twenty-five"; None for any other word."""
    tens, _, ones = word.partition("-")
    return _NUMBER[tens] + _NUMBER.get(ones, 0) if tens in _NUMBER else None


def score_clocks(asked: list[Asked]) -> dict[str, float]:
    """Times told exactly and within five minutes, round the dial; and all other questions about clocks."""
    times = [(read_time(a.answer.text), read_time(a.annotation.answer)) for a in asked]
    off = [720 if said is None else min((said - true) % 720, (true - said) % 720)
           for said, true in times if true is not None]
    others = [a for a, (_, true) in zip(asked, times) if true is None]
    told = np.array(off)
    scores = {"exact": np.mean(told == 0), "within 5 minutes": np.mean(told <= 5)} if off else {}
    return scores | ({"other questions": score_exact(others)["exact match"]} if others else {})


def score_explanations(asked: list[Asked]) -> dict[str, float]:
    """Pointing while speaking: the points of the sentences, wherever they stand in them."""
    told = [replace(a, annotation=replace(a.annotation, points=tuple(parse_points(a.annotation.answer))))
            for a in asked]
    scores = score_pointing(told)
    return {name: scores[name] for name in ("precision", "recall", "F1")}


SCORES = {"pointing": score_pointing, "point_count": score_count, "count": score_count,
          "user_qa": score_words, "long_caption": score_caption, "cap_qa": score_exact,
          "point_explanations": score_explanations, "clocks": score_clocks, "charts": score_relaxed,
          "tables": score_relaxed, "diagrams": score_relaxed, "other": score_relaxed}


def score(asked: list[Asked]) -> dict[str, dict[str, float]]:
    """Scores by style, rounded to four digits, with the number of questions."""
    report = {}
    for style in SCORES:
        mine = [a for a in asked if a.annotation.style == style]
        if mine:
            values = {key: round(float(value), 4) for key, value in SCORES[style](mine).items()}
            report[style] = {"questions": len(mine), **values}
    return report


def lines_of(report: dict[str, dict]) -> Iterator[tuple[str, list[float]]]:
    """A report's lines, ("pointing: F1", its value in each column); NaN where a column does not have it."""
    for style, scores in next(iter(report.values())).items():
        for name in scores:
            yield f"{style}: {name}", [column.get(style, {}).get(name, np.nan) for column in report.values()]


def is_right(asked: Asked, among: list[Asked]) -> bool | None:
    """Is this one answer right: points hit, number exact, words equal, all facts told and none invented?

    among  all that was asked: the colours and kinds by which an invented fact is known. None: nobody knows.
    """
    style = asked.annotation.style
    scores = score_caption([asked], among) if style == "long_caption" else SCORES[style]([asked])
    if style == "point_count" and score_pointing([asked])["F1"] < 1:
        return False  # the right number, counted in the wrong places
    keys = ("F1", "fact F1", "accuracy", "exact match", "exact", "other questions", "relaxed accuracy")
    return bool(next(scores[key] for key in keys if key in scores) == 1) if scores else None
