"""Metrics: points within a radius, exact counts and texts, facts of a caption, times of a clock.

No model is run here: a score is a function of questions, targets and predictions.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from minimolmo.flow import Annotation, Answer, Example, Point
from minimolmo.text.facts import NUMBER_WORDS, facts_in, facts_of
from minimolmo.text.points import parse_points

RADIUS = 3.0  # a point hits within this distance, in percent of the image's width


@dataclass(frozen=True)
class EvalItem:
    """One held-out question with its target, and the model's answer once there is one."""
    dataset: str
    example: Example
    annotation: Annotation
    question: str
    answer: Answer | None = None
    aspect: float = 1.0  # the image's width over its height


def distance(a: Point, b: Point, aspect: float) -> float:
    """The distance of two points in percent, as percent of the image's *width*; aspect = width / height."""
    return float(np.hypot(a[0] - b[0], (a[1] - b[1]) / aspect))


def count_hits(predicted: list[Point], target: list[Point], aspect: float, radius: float = RADIUS) -> int:
    """The number of predicted points that can be matched one to one with target points within the radius.

    >>> count_hits([(10, 10), (11, 10)], [(10, 10), (50, 50)], aspect=1.0)
    1
    """
    return maximum_matching([[t for t, b in enumerate(target) if distance(a, b, aspect) <= radius]
                             for a in predicted])


def maximum_matching(neighbours: list[list[int]]) -> int:
    """The size of a maximum bipartite matching: predicted point p may match each target in neighbours[p].

    Each predicted point takes a free target, or one whose point can be matched elsewhere: Kuhn's algorithm,
    searched breadth first, so that thousands of points need no deep recursion.
    """
    match_of: dict[int, int] = {}   # target: predicted point
    target_of: dict[int, int] = {}  # predicted point: target
    return sum(_match(p, neighbours, match_of, target_of) for p in range(len(neighbours)))


def _match(start: int, neighbours: list[list[int]], match_of: dict[int, int],
           target_of: dict[int, int]) -> bool:
    """Match one more predicted point, moving others to other targets; whether that was possible."""
    reached_from: dict[int, int] = {}  # target: predicted point
    queue = [start]
    for p in queue:
        for t in neighbours[p]:
            if t in reached_from:
                continue
            reached_from[t] = p
            if t in match_of:
                queue.append(match_of[t])
                continue
            while True:  # each point on the way takes the target it reached, and frees its old one
                p = reached_from[t]
                old = target_of.get(p)
                match_of[t], target_of[p] = p, t
                if p == start:
                    return True
                t = old
    return False


def precision_recall_f1(predicted: list[Point], target: list[Point],
                        aspect: float) -> tuple[float, float, float]:
    """Precision, recall and F1 of one question's points. All are 1 without targets and predictions.

    Source: official evaluation, which uses masks in place of our radius.
    """
    if not predicted or not target:
        return (float(len(predicted) == len(target)),) * 3
    hits = count_hits(predicted, target, aspect)
    return hits / len(predicted), hits / len(target), 2 * hits / (len(predicted) + len(target))


def score_pointing(items: list[EvalItem]) -> dict[str, float]:
    """Mean "precision", "recall" and "F1". For questions with one target, also median error and hit rate.

    These are "median error, % of width", where no point counts as 100, and "within 5 %" (RADIUS).
    """
    each = [precision_recall_f1(item.answer.points, list(item.annotation.points), item.aspect)
            for item in items]
    scores = dict(zip(("precision", "recall", "F1"), np.mean(each, axis=0)))
    errors = [distance(item.answer.points[0], item.annotation.points[0], item.aspect)
              if item.answer.points else 100.0 for item in items if len(item.annotation.points) == 1]
    if errors:
        scores["median error, % of width"] = median(errors)
        scores[f"within {RADIUS:g} %"] = np.mean(np.array(errors) <= RADIUS)
    return scores


def parse_count(text: str) -> int | None:
    """The number in an answer: its last word, a number word, or "a total of N"; None if there is none.

    >>> parse_count("Counting the <points ...>cats</points> shows a total of 3."), parse_count("None.")
    (3, 0)
    """
    text = text.lower().strip().rstrip(".")
    last = text.split(" ")[-1]
    if last == "none":
        return 0
    if last in NUMBER_WORDS:
        return NUMBER_WORDS.index(last)
    found = re.fullmatch(r"[0-9]{1,6}", last) or re.search(r"(?<=total of )[0-9]{1,6}", text)
    return int(found[0]) if found else None


def score_count(items: list[EvalItem]) -> dict[str, float]:
    """Exact accuracy, and the mean absolute error; an answer without a number counts as 0."""
    targets = [parse_count(item.annotation.answer) if item.annotation.style == "count"
               else len(item.annotation.points) for item in items]
    predicted = [parse_count(item.answer.text) for item in items]
    return {"accuracy": np.mean([p == t for p, t in zip(predicted, targets)]),
            "mean absolute error": np.mean([abs((p or 0) - t) for p, t in zip(predicted, targets)])}


def same_text(a: str, b: str) -> bool:
    """Whether two texts are equal, ignoring case, spaces and a final dot."""
    return " ".join(a.lower().split()).rstrip(".") == " ".join(b.lower().split()).rstrip(".")


def score_user_qa(items: list[EvalItem]) -> dict[str, float]:
    """Exact match over all questions, and over those that ask for a colour or a kind ("naming")."""
    names = {word for item in items for t in item.example.things for word in (t.color, t.kind)}
    naming = [item for item in items if item.annotation.answer in names]
    return score_exact(items) | ({"naming": score_exact(naming)["exact match"]} if naming else {})


def score_caption_facts(items: list[EvalItem], among: list[EvalItem] | None = None) -> dict[str, float]:
    """Precision, recall and F1 of facts (colour, kind, position), over all captions together.

    Keys: "fact precision", "fact recall", "fact F1". None if no image has object labels.
    It replaces the paper's cap F1, where a language model judges free statements. Our facts can be parsed:
    their colours and kinds are those of the objects in `among` (default: `items`). Images without object
    labels are skipped.
    """
    items = [item for item in items if item.example.things]
    if not items:
        return {}
    things = [t for item in among or items for t in item.example.things]
    colors, kinds = {t.color for t in things}, {t.kind for t in things}
    predicted = [facts_in(item.answer.text, colors, kinds) for item in items]
    targets = [facts_of(item.example.things) for item in items]
    both = sum(len(p & t) for p, t in zip(predicted, targets))
    precision, recall = both / max(1, sum(map(len, predicted))), both / max(1, sum(map(len, targets)))
    return {"fact precision": precision, "fact recall": recall,
            "fact F1": 2 * precision * recall / (precision + recall) if both else 0.0}


def score_exact(items: list[EvalItem]) -> dict[str, float]:
    """Exact match: the fraction of answers whose text equals the target's."""
    return {"exact match": np.mean([same_text(item.answer.text, item.annotation.answer) for item in items])}


def parse_number(text: str) -> float | None:
    """The value of a text that is a number, perhaps with commas, "$" or "%"; None for any other text.

    >>> parse_number("$1,250.50"), parse_number("12 %"), parse_number("6 am")
    (1250.5, 12.0, None)
    """
    found = re.fullmatch(r"\$?(-?\d[\d,]*(?:\.\d+)?) ?%?\.?", text.strip())
    return float(found[1].replace(",", "")) if found else None


def relaxed_match(predicted: str, target: str) -> bool:
    """Whether texts are equal, or numbers at most 5 % apart. Source: relaxed accuracy of ChartQA."""
    a, b = parse_number(predicted), parse_number(target)
    if a is None or b is None:
        return same_text(predicted, target)
    return abs(a - b) <= 0.05 * abs(b)


def score_relaxed(items: list[EvalItem]) -> dict[str, float]:
    """Relaxed accuracy, for charts, tables and other documents."""
    return {"relaxed accuracy": np.mean([relaxed_match(item.answer.text, item.annotation.answer)
                                         for item in items])}


_CLOCK = re.compile(r"\b(\d{1,2}):(\d{2})|\b(\d{1,2}) hours?(?: and)? (\d{1,2}) minutes?")
_NUMBER = {word: n for n, word in enumerate(NUMBER_WORDS)} | {
    "quarter": 15, "half": 30, "thirty": 30, "forty": 40, "fifty": 50}
_SPOKEN = re.compile(r"\b([a-z]+(?:-[a-z]+)?)(?: minutes?)? (past|to) ([a-z]+)|\b([a-z]+) o'clock")


def parse_time(text: str) -> int | None:
    """The first time of day in a text as minutes after twelve, 0 to 719; None if there is none.

    >>> [parse_time(text) for text in ("10:09", "quarter to three", "10 hours 9 minutes", "noon")]
    [609, 165, 609, None]
    """
    text = text.lower()
    if found := _CLOCK.search(text):
        hour, minute = (int(part) for part in found.groups() if part is not None)
    elif found := _SPOKEN.search(text):
        hour, minute = _word_value(found[3] or found[4]), _word_value(found[1]) if found[1] else 0
        if hour is None or minute is None:
            return None
        minute = -minute if found[2] == "to" else minute
    else:
        return None
    return (hour * 60 + minute) % 720 if abs(minute) < 60 and hour <= 24 else None


def _word_value(word: str) -> int | None:
    """The value of "nine", "quarter", "half", "twenty-five"; None for any other word."""
    tens, _, ones = word.partition("-")
    return _NUMBER[tens] + _NUMBER.get(ones, 0) if tens in _NUMBER else None


def score_clocks(items: list[EvalItem]) -> dict[str, float]:
    """Accuracy of times and of other questions about clocks: "exact", "within 5 minutes", "other questions".

    What has no question has no key. An answer that is no time is wrong.
    """
    times = [(parse_time(item.answer.text), parse_time(item.annotation.answer)) for item in items]
    errors = np.array([720 if a is None else min((a - b) % 720, (b - a) % 720)
                       for a, b in times if b is not None])
    others = [item for item, (_, target) in zip(items, times) if target is None]
    scores = {"exact": np.mean(errors == 0), "within 5 minutes": np.mean(errors <= 5)} if len(errors) else {}
    return scores | ({"other questions": score_exact(others)["exact match"]} if others else {})


def score_explanation_points(items: list[EvalItem]) -> dict[str, float]:
    """Precision, recall and F1 of the points inside an explanation's sentences."""
    with_points = [replace(item, annotation=replace(item.annotation, points=tuple(
        parse_points(item.annotation.answer)))) for item in items]
    scores = score_pointing(with_points)
    return {name: scores[name] for name in ("precision", "recall", "F1")}


SCORERS: dict[str, Callable[[list[EvalItem]], dict[str, float]]] = {
    "pointing": score_pointing, "point_count": score_count, "count": score_count,
    "user_qa": score_user_qa, "long_caption": score_caption_facts, "cap_qa": score_exact,
    "point_explanations": score_explanation_points, "clocks": score_clocks, "charts": score_relaxed,
    "tables": score_relaxed, "diagrams": score_relaxed, "other": score_relaxed}


def score_items(items: list[EvalItem]) -> dict[str, dict[str, float]]:
    """Scores by style, rounded to four digits, and each style's number of questions."""
    report = {}
    for style, scorer in SCORERS.items():
        own = [item for item in items if item.annotation.style == style]
        if own:
            values = {key: round(float(value), 4) for key, value in scorer(own).items()}
            report[style] = {"questions": len(own), **values}
    return report


def report_lines(report: dict[str, dict]) -> Iterator[tuple[str, list[float]]]:
    """A report's lines: ("pointing: F1", its value in each column). A missing value is NaN."""
    for style, scores in next(iter(report.values())).items():
        for name in scores:
            yield f"{style}: {name}", [column.get(style, {}).get(name, np.nan) for column in report.values()]


def is_correct(item: EvalItem, among: list[EvalItem]) -> bool | None:
    """Whether one answer is right: all points hit, number exact, text equal, facts complete and none wrong.

    among  all items: a caption's facts are parsed with the colours and kinds of their objects

    Returns None if there is no score for the item.
    """
    style = item.annotation.style
    scores = score_caption_facts([item], among) if style == "long_caption" else SCORERS[style]([item])
    if style == "point_count" and score_pointing([item])["F1"] < 1:
        return False  # the right number, but not the right points
    keys = ("F1", "fact F1", "accuracy", "exact match", "exact", "other questions", "relaxed accuracy")
    return bool(next(scores[key] for key in keys if key in scores) == 1) if scores else None
