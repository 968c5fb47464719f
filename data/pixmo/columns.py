"""Columns to words: what each PixMo set's row says, as Annotations. Nothing here touches the network.

Every reader takes one row's cells as JSON gave them, believes none of them, and returns an Entry or raises
Failed("bad_row"). Unknown columns are ignored.

Source: the sets' cards, and the official loaders where a card is wrong: points are percent in all sets but
pixmo-count, though the cards say pixels.
"""
from __future__ import annotations

import re
from collections.abc import Callable
from itertools import takewhile

from data.clocks.time_wording import in_figures
from data.pixmo.records import NEVER, Entry, Failed
from minimolmo.flow import Annotation, Point
from minimolmo.score import read_time
from minimolmo.text.points import points_to_text

MOST_POINTS = 40   # Molmo trained on no label with more
EDGE = 2.0         # percent: a click so far outside is taken for one on the edge, as Molmo2 does
LONGEST_URL = 2000
FAR = 1e9                # no coordinate is as large as this
MOST_COUNTED = 999_999   # six digits, as batch/dataset.py reads them
PLACEHOLDER = "<|POINT|>"
WHAT_TIME = "What time is being shown?"
TURN = re.compile(r"\[(?:USER|ASSISTANT)\]")
TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def cap(row: dict, where: str) -> Entry:
    """A caption and its transcripts: one paragraph written, up to three people talking."""
    spoken = [text for text in map(_clean, _list(row, "transcripts", optional=True)) if text]
    return _on_the_web(row, [Annotation("long_caption", answer=_text(row, "caption")),
                             *(Annotation("transcript", answer=text) for text in spoken)])


def ask_model_anything(row: dict, where: str) -> Entry:
    """One question, one answer."""
    asked = Annotation("user_qa", question=_text(row, "question"), answer=_text(row, "answer"))
    return _on_the_web(row, [asked])


def points(row: dict, where: str) -> Entry:
    """Pointed at and counted, as Molmo trains each row both ways; a plain number too where people counted.

    No points and a count of 0 say "there are none", which is worth training on.
    """
    label, number = _label(row), row.get("count")
    places = _points(_list(row, "points", optional=number == 0))
    if number is not None and number != len(places):
        raise _bad(f"count is {number!r}, but there are {len(places)} points")
    counted = row.get("collection_method") == "counting"
    return _on_the_web(row, _pointed(label, places) + (_counted(label, len(places)) if counted else []))


def count(row: dict, where: str) -> Entry:
    """A number, and its points in pixels; validation and test rows have the number alone."""
    label, number, cells = _label(row), row.get("count"), row.get("points")
    if type(number) is not int or not 0 <= number <= MOST_COUNTED:
        raise _bad(f"count is {number!r}")
    said = _counted(label, number)
    if isinstance(cells, dict) and cells.get("x"):
        xs, ys = _list(cells, "x"), _list(cells, "y")
        if not len(xs) == len(ys) == number:
            raise _bad(f"count is {number}, but there are {len(xs)} x and {len(ys)} y")
        said = _pointed(label, tuple(_numbers(pair) for pair in zip(xs, ys))) + said
    return _on_the_web(row, said, in_pixels=True)


def point_explanations(row: dict, where: str) -> Entry:
    """An answer that points while it speaks. Rows without a parsed response are left out, as in Molmo."""
    said = _text(row, "parsed_response").split(PLACEHOLDER)
    places = _list(row, "points")
    alts, words = (_list(row, column) for column in ("alt_text", "inline_text"))
    if not len(said) - 1 == len(places) == len(alts) == len(words):
        raise _bad(f"{len(said) - 1} places to point, {len(places)} points, {len(words)} texts")
    answer = said[0]
    for cells, alt, word, after in zip(places, alts, words, said[1:]):
        there = _points(cells if isinstance(cells, list) else [])
        word = _clean(word)
        answer += (points_to_text(list(there), word, _clean(alt) or word) or word) + after
    asked = Annotation("point_explanations", question=_text(row, "question"), answer=answer)
    return _on_the_web(row, [asked])


def cap_qa(row: dict, where: str) -> Entry:
    """A dialogue: each answer is one annotation, whose question holds all that was said before.

    The words between are the prompt's own ("User:", "Assistant:"), so the model reads Molmo's dialogue.
    """
    told = _list(row, "messages", optional=True)
    if not told:
        told = [*TURN.split(_text(row, "question").removesuffix("[ASSISTANT]"))[1:], row.get("answer")]
    said = [_clean(TURN.sub("", text) if isinstance(text, str) else text) for text in told]
    said = list(takewhile(bool, said))  # after an empty turn, questions would stand where answers belong
    if len(said) < 2:
        raise _bad("no question with an answer")
    notes = []
    for turn in range(0, len(said) - 1, 2):
        before = "".join(f"{question} Assistant: {answer} User: "
                         for question, answer in zip(said[:turn:2], said[1:turn:2]))
        notes.append(Annotation("cap_qa", question=before + said[turn], answer=said[turn + 1]))
    return _on_the_web(row, notes)


def docs(row: dict, where: str) -> Entry:
    """A drawn page and some nine short questions. Its picture's link is signed and expires."""
    cell, told = row.get("image"), row.get("questions")
    if not isinstance(told, dict):
        raise _bad(f"questions is {type(told).__name__}")
    asked, answers = _list(told, "question"), _list(told, "answer")
    if len(asked) != len(answers):
        raise _bad(f"{len(asked)} questions, {len(answers)} answers")
    pairs = [(_clean(question), _clean(answer)) for question, answer in zip(asked, answers)]
    style = where.split("/")[1]
    notes = [Annotation(style, question=question, answer=answer) for question, answer in pairs
             if question and answer]
    if not (isinstance(cell, dict) and notes):
        raise _bad("no picture" if notes else "no question with an answer")
    link = cell.get("src")
    return Entry(where, tuple(notes), link=link if isinstance(link, str) else "")


def clocks(row: dict, where: str) -> Entry:
    """A time and how it is said. The faces cannot be had, so `picture.py` draws one of ours."""
    found = TIME.search(_text(row, "watch_time"))
    hour, minute, second = (int(part or 0) for part in found.groups()) if found else (99, 0, 0)
    if hour > 24 or minute > 59 or second > 59:
        raise _bad(f"watch_time is {row['watch_time']!r}")
    hour = (hour - 1) % 12 + 1
    said = _clean(row.get("text"))
    if read_time(said) != (60 * hour + minute) % 720:  # it speaks of another time, or of none
        said = in_figures(hour, minute)
    note = Annotation("clocks", question=WHAT_TIME, answer=said)
    return Entry(where, (note,), clock=(hour, minute, second if row.get("shows_seconds") is True else None))


READERS: dict[str, Callable[[dict, str], Entry]] = {
    "cap": cap, "points": points, "count": count, "ask_model_anything": ask_model_anything,
    "cap_qa": cap_qa, "point_explanations": point_explanations, "docs": docs, "clocks": clocks}


def read_row(name: str, row, where: str) -> Entry:
    """One row of a set. `where` is "set/config/index". Raises Failed("bad_row")."""
    if not isinstance(row, dict):
        raise _bad("the row is no object")
    return READERS[name](row, where)


def in_percent(entry: Entry, width: int, height: int, turned: bool) -> tuple[Annotation, ...]:
    """The annotations, pixels turned into percent now that the picture's size is known.

    Of a picture that a camera turned only the numbers are kept. Raises Failed("bad_row").
    """
    if not entry.in_pixels:
        return entry.annotations
    kept = []
    for note in entry.annotations:
        if note.style in ("pointing", "point_count") and turned:
            continue
        places = [_inside((x / width * 100, y / height * 100)) for x, y in note.points]
        kept.append(Annotation(note.style, label=note.label, answer=note.answer, points=tuple(places)))
    return tuple(kept)


def _on_the_web(row: dict, notes: list[Annotation], in_pixels: bool = False) -> Entry:
    url, sha256 = _text(row, "image_url"), row.get("image_sha256")
    if len(url) > LONGEST_URL:
        raise _bad(f"image_url has {len(url)} characters")
    sha256 = sha256.lower() if isinstance(sha256, str) else ""
    return Entry(url, tuple(notes), link=url, sha256=sha256, in_pixels=in_pixels)


def _pointed(label: str, places: tuple[Point, ...]) -> list[Annotation]:
    if len(places) > MOST_POINTS:
        raise _bad(f"{len(places)} points, more than {MOST_POINTS}")
    return [Annotation("pointing", label=label, points=places),
            Annotation("point_count", label=label, points=places)]


def _counted(label: str, number: int) -> list[Annotation]:
    return [Annotation("count", label=label, answer=str(number))]


def _label(row: dict) -> str:
    return " ".join(_text(row, "label").split())


def _points(cells: list) -> tuple[Point, ...]:
    """Points in percent, as {"x": 1, "y": 2} or [1, 2]."""
    pairs = [(cell.get("x"), cell.get("y")) if isinstance(cell, dict) else cell for cell in cells]
    return tuple(_inside(_numbers(pair)) for pair in pairs)


def _numbers(pair) -> Point:
    fine = isinstance(pair, (list, tuple)) and len(pair) == 2 and all(
        type(value) in (int, float) and abs(value) < FAR for value in pair)  # NaN is not
    if not fine:
        raise _bad(f"the point {pair!r}")
    return float(pair[0]), float(pair[1])


def _inside(point: Point) -> Point:
    """Moved onto the picture if it lies just outside; two decimals of a percent, as all our points."""
    if not all(-EDGE <= value <= 100 + EDGE for value in point):
        raise _bad(f"the point {point[0]:g}, {point[1]:g} lies outside the picture")
    return tuple(round(min(max(value, 0.0), 100.0), 2) for value in point)


def _text(row: dict, column: str) -> str:
    text = _clean(row.get(column))
    if not text:
        raise _bad(f"no {column}")
    return text


def _clean(text) -> str:
    """Without spaces around it, and without half characters, which JSON can hold but no file; "" if none."""
    return text.encode("utf-8", "replace").decode().strip() if isinstance(text, str) else ""


def _list(row: dict, column: str, optional: bool = False) -> list:
    cells = row.get(column)
    if not isinstance(cells, list) and not (optional and cells is None):
        raise _bad(f"{column} is {type(cells).__name__}")
    return cells or []


def _bad(detail: str) -> Failed:
    return Failed("bad_row", NEVER, detail[:200])
