"""What a learner says about a photo: an entry of the journal, checked, and its annotations.

    transcript, long_caption   {"style", "answer"}
    user_qa                    {"style", "question", "answer"}
    count                      {"style", "label", "answer"}    the answer in digits
    pointing                   {"style", "label", "points"}    [[x, y], ...] in percent; [] = there are none
    point_explanations         {"style", "question", "answer", "points"}
                               "The {red mug} is chipped." and one list of points for each pair of braces

An entry of pointing becomes two annotations, pointing and point_count. The braces of an explanation become
tags with points; while one of them has no point the explanation is unfinished, and it becomes none.
"""
from __future__ import annotations

import re

from minimolmo.batch.dataset import read_annotation
from minimolmo.text.points import points_to_text

FIELDS = {
    "transcript": {"answer"}, "long_caption": {"answer"}, "user_qa": {"question", "answer"},
    "count": {"label", "answer"}, "pointing": {"label", "points"},
    "point_explanations": {"question", "answer", "points"}}
MAX_CHARACTERS = {"question": 500, "label": 200, "answer": 5_000}
MAX_POINTS = 200  # of an entry
MAX_CHIPS = 40    # pairs of braces in an explanation
CHIP = re.compile(r"\{([^{}]*)\}")


def read_entry(entry: object) -> list[dict]:
    """Check an entry; returns its annotations as train.jsonl has them.

    Raises ValueError that says what is wrong with it.

    >>> [row["style"] for row in read_entry({"style": "pointing", "label": "cat", "points": [[61.5, 40.4]]})]
    ['pointing', 'point_count']
    """
    _check_fields(entry)
    style = entry["style"]
    rows = _explanation(entry) if style == "point_explanations" else [entry]
    if style == "pointing":
        rows = [entry, {**entry, "style": "point_count"}]
    for row in rows:
        try:
            read_annotation(row)
        except ValueError as error:
            raise ValueError(f"The {style}{error}") from None
    return rows


def words_without_points(entry: dict) -> list[str]:
    """The words in an explanation's braces that have no point yet; [] for other entries.

    >>> words_without_points({"style": "point_explanations", "question": "Why?", "points": [[]],
    ...                       "answer": "The {mug} is red."})
    ['mug']
    """
    if entry["style"] != "point_explanations":
        return []
    return [word for word, points in zip(CHIP.findall(entry["answer"]), entry["points"]) if not points]


def _check_fields(entry: object) -> None:
    """Check an entry's style, its fields and their sizes."""
    style = entry.get("style") if isinstance(entry, dict) else None
    if not (isinstance(style, str) and style in FIELDS):
        raise ValueError(f"The entry's style is {str(style)[:40]!r}, which no task of the page has. "
                         f"Try one of {', '.join(FIELDS)}.")
    if entry.keys() != FIELDS[style] | {"style"}:
        raise ValueError(f"The {style} has the fields {', '.join(map(str, entry))[:80]}, so it cannot be "
                         f"read. Try {', '.join(sorted(FIELDS[style]))}, all of them and no other.")
    for field, most in MAX_CHARACTERS.items():
        _check_text(entry.get(field, "text"), field, most)
    points = entry.get("points", [])
    if not isinstance(points, list) or _count_points(points) > MAX_POINTS:
        raise ValueError(f"The points are no list of at most {MAX_POINTS}, so they cannot be kept. "
                         f"Try fewer points, or another label for some of them.")


def _check_text(text: object, field: str, most: int) -> None:
    """Raise ValueError unless a field is text that can be written, not blank and not too long."""
    if not isinstance(text, str) or not text.strip() or len(text) > most:
        given = f"has {len(text):,} characters" if isinstance(text, str) and text.strip() else "is empty"
        raise ValueError(f"The {field} {given}, so it cannot be kept. Try 1 to {most:,} characters.")
    if any("\ud800" <= c <= "\udfff" for c in text):  # half of a sign: UTF-8 cannot write it
        raise ValueError(f"The {field} has half a sign in it, so it cannot be written. Try typing it again.")


def _count_points(points: list) -> int:
    """The number of points in a list of points, or of lists of points."""
    return sum(len(each) if each and isinstance(each, list) and isinstance(each[0], list) else 1
               for each in points)


def _explanation(entry: dict) -> list[dict]:
    """The annotation of an explanation, its braces written as tags; none if a brace has no points yet."""
    words = CHIP.findall(entry["answer"])
    number = len(words) if all(map(str.strip, words)) else 0
    if number != len(entry["points"]) or not 0 < number <= MAX_CHIPS:
        raise ValueError(f"The explanation has {number} words in braces and {len(entry['points'])} lists "
                         f"of points, so it is unclear what is where. Try 1 to {MAX_CHIPS}, as in \"The "
                         f"{{red mug}} is chipped.\", and one list for each.")
    if re.search("[{}]", CHIP.sub("", entry["answer"])):
        raise ValueError("The explanation has a brace without its partner, so it is unclear what to point "
                         "at. Try one pair of braces around each thing.")
    for word, points in zip(words, entry["points"]):
        _check_chip(word, points)
    tags = iter([points_to_text(points, word, word) for word, points in zip(words, entry["points"])])
    answer = CHIP.sub(lambda _: next(tags), entry["answer"])
    row = {"style": "point_explanations", "question": entry["question"], "answer": answer}
    return [row] if all(entry["points"]) else []


def _check_chip(word: str, points: object) -> None:
    """Raise ValueError unless one brace's points are points."""
    try:
        read_annotation({"style": "pointing", "label": word, "points": points})
    except ValueError as error:
        raise ValueError(f"The points of {{{word}}}{error}") from None
