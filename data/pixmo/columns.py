"""Convert rows of the PixMo datasets to annotations, without network access.

Each reader takes the cells of one row as decoded from JSON, checks them, and returns a Record or raises
FetchError("bad_row"). Unknown columns are ignored.

Sources: the dataset cards, and the official loaders where a card is wrong. Points are percent in all datasets
except pixmo-count, although the cards say pixels.
"""
from __future__ import annotations

import re
from collections.abc import Callable
from itertools import takewhile

from data.clocks.time_wording import digital_time
from data.pixmo.records import NEVER, UNEXPECTED, FetchError, Record
from minimolmo.flow import Annotation, Point
from minimolmo.metrics import parse_time
from minimolmo.text.points import points_to_text

MAX_POINTS = 40   # Molmo was trained on at most 40 points for a label
EDGE_TOLERANCE = 2.0         # percent; points this far outside are moved to the edge, as in Molmo2
MAX_URL_LENGTH = 2000
MAX_COORDINATE = 1e9                # larger values are errors
MAX_COUNT = 999_999   # six digits, as in batch/dataset.py
PLACEHOLDER = "<|POINT|>"
WHAT_TIME = "What time is being shown?"
TURN = re.compile(r"\[(?:USER|ASSISTANT)\]")
TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def cap(row: dict, row_id: str) -> Record:
    """Read a caption and its transcripts."""
    transcripts = [text for text in map(_clean, _list(row, "transcripts", optional=True)) if text]
    return _web_record(row, [Annotation("long_caption", answer=_text(row, "caption")),
                             *(Annotation("transcript", answer=text) for text in transcripts)])


def ask_model_anything(row: dict, row_id: str) -> Record:
    """Read one question and its answer."""
    annotation = Annotation("user_qa", question=_text(row, "question"), answer=_text(row, "answer"))
    return _web_record(row, [annotation])


def points(row: dict, row_id: str) -> Record:
    """Read points as `pointing` and `point_count`, as in Molmo's training; and as `count` if people counted.

    Rows without points and with a count of 0 mean "there are none" and are kept.
    """
    label, count = _label(row), row.get("count")
    points = _points(_list(row, "points", optional=count == 0))
    if count is not None and count != len(points):
        raise _bad_row(f"count is {count!r}, but there are {len(points)} points")
    counted = row.get("collection_method") == "counting"
    return _web_record(
        row,
        _pointing_annotations(label, points) + (_count_annotation(label, len(points)) if counted else []))


def count(row: dict, row_id: str) -> Record:
    """Read a number and its points in pixels. Rows of validation and test have the number only."""
    label, count, cells = _label(row), row.get("count"), row.get("points")
    if type(count) is not int or not 0 <= count <= MAX_COUNT:
        raise _bad_row(f"count is {count!r}")
    annotations = _count_annotation(label, count)
    if isinstance(cells, dict) and cells.get("x"):
        xs, ys = _list(cells, "x"), _list(cells, "y")
        if not len(xs) == len(ys) == count:
            raise _bad_row(f"count is {count}, but there are {len(xs)} x and {len(ys)} y")
        annotations = _pointing_annotations(label, tuple(_coordinates(pair)
                                                         for pair in zip(xs, ys))) + annotations
    return _web_record(row, annotations, in_pixels=True)


def point_explanations(row: dict, row_id: str) -> Record:
    """Read an answer with points. Rows without a parsed response are left out, as in Molmo."""
    pieces = _text(row, "parsed_response").split(PLACEHOLDER)
    point_lists = _list(row, "points")
    alts, words = (_list(row, column) for column in ("alt_text", "inline_text"))
    if not len(pieces) - 1 == len(point_lists) == len(alts) == len(words):
        raise _bad_row(f"{len(pieces) - 1} places to point, {len(point_lists)} points, {len(words)} texts")
    answer = pieces[0]
    for cells, alt, word, following in zip(point_lists, alts, words, pieces[1:]):
        points = _points(cells if isinstance(cells, list) else [])
        word = _clean(word)
        answer += (points_to_text(list(points), word, _clean(alt) or word) or word) + following
    annotation = Annotation("point_explanations", question=_text(row, "question"), answer=answer)
    return _web_record(row, [annotation])


def cap_qa(row: dict, row_id: str) -> Record:
    """Read a dialogue: each answer is one annotation, and its question holds the dialogue before it.

    The texts between turns are those of the prompt ("User:", "Assistant:"), as in Molmo.
    """
    messages = _list(row, "messages", optional=True)
    if not messages:
        messages = [*TURN.split(_text(row, "question").removesuffix("[ASSISTANT]"))[1:], row.get("answer")]
    turns = [_clean(TURN.sub("", message) if isinstance(message, str) else message) for message in messages]
    turns = list(takewhile(bool, turns))  # after an empty turn, questions and answers would change places
    if len(turns) < 2:
        raise _bad_row("no question with an answer")
    annotations = []
    for turn in range(0, len(turns) - 1, 2):
        history = "".join(f"{question} Assistant: {answer} User: "
                          for question, answer in zip(turns[:turn:2], turns[1:turn:2]))
        annotations.append(Annotation("cap_qa", question=history + turns[turn], answer=turns[turn + 1]))
    return _web_record(row, annotations)


def docs(row: dict, row_id: str) -> Record:
    """Read the questions about a document. The link to its image is signed and expires."""
    cell, questions = row.get("image"), row.get("questions")
    if not isinstance(questions, dict):
        raise _bad_row(f"questions is {type(questions).__name__}")
    question_texts, answers = _list(questions, "question"), _list(questions, "answer")
    if len(question_texts) != len(answers):
        raise _bad_row(f"{len(question_texts)} questions, {len(answers)} answers")
    pairs = [(_clean(question), _clean(answer)) for question, answer in zip(question_texts, answers)]
    style = row_id.split("/")[1]
    annotations = [
        Annotation(style, question=question, answer=answer) for question, answer in pairs
        if question and answer
    ]
    if not (isinstance(cell, dict) and annotations):
        raise _bad_row("no picture" if annotations else "no question with an answer")
    link = cell.get("src")
    return Record(row_id, tuple(annotations), image_url=link if isinstance(link, str) else "")


def clocks(row: dict, row_id: str) -> Record:
    """Read a time and its wording. PixMo has no images of clocks, so picture.py draws one."""
    found = TIME.search(_text(row, "watch_time"))
    hour, minute, second = (int(part or 0) for part in found.groups()) if found else (99, 0, 0)
    if hour > 24 or minute > 59 or second > 59:
        raise _bad_row(f"watch_time is {row['watch_time']!r}")
    hour = (hour - 1) % 12 + 1
    wording = _clean(row.get("text"))
    if parse_time(wording) != (60 * hour + minute) % 720:  # the text names another time, or none
        wording = digital_time(hour, minute)
    annotation = Annotation("clocks", question=WHAT_TIME, answer=wording)
    return Record(row_id, (annotation, ),
                  clock=(hour, minute, second if row.get("shows_seconds") is True else None))


READERS: dict[str, Callable[[dict, str], Record]] = {
    "cap": cap, "points": points, "count": count, "ask_model_anything": ask_model_anything,
    "cap_qa": cap_qa, "point_explanations": point_explanations, "docs": docs, "clocks": clocks}


def read_row(name: str, row: object, row_id: str) -> Record:
    """Read one row of a dataset. `row_id` is "dataset/config/index". Raises FetchError("bad_row")."""
    if not isinstance(row, dict):
        raise _bad_row("the row is no object")
    try:
        return READERS[name](row, row_id)
    except UNEXPECTED as error:
        raise _bad_row(ascii(error)) from None


def annotations_in_percent(record: Record, width: int, height: int,
                           is_rotated: bool) -> tuple[Annotation, ...]:
    """The record's annotations with points in percent, once the image size is known.

    For images with EXIF rotation, only the counts are kept. Raises FetchError("bad_row").
    """
    if not record.in_pixels:
        return record.annotations
    converted = []
    for annotation in record.annotations:
        if annotation.style in ("pointing", "point_count") and is_rotated:
            continue
        points = [_clip_to_image((x / width * 100, y / height * 100)) for x, y in annotation.points]
        converted.append(
            Annotation(annotation.style, label=annotation.label, answer=annotation.answer,
                       points=tuple(points)))
    return tuple(converted)


def _web_record(row: dict, annotations: list[Annotation], in_pixels: bool = False) -> Record:
    url, sha256 = _text(row, "image_url"), row.get("image_sha256")
    if len(url) > MAX_URL_LENGTH:
        raise _bad_row(f"image_url has {len(url)} characters")
    sha256 = sha256.lower() if isinstance(sha256, str) else ""
    return Record(url, tuple(annotations), image_url=url, sha256=sha256, in_pixels=in_pixels)


def _pointing_annotations(label: str, points: tuple[Point, ...]) -> list[Annotation]:
    if len(points) > MAX_POINTS:
        raise _bad_row(f"{len(points)} points, more than {MAX_POINTS}")
    return [Annotation("pointing", label=label, points=points),
            Annotation("point_count", label=label, points=points)]


def _count_annotation(label: str, count: int) -> list[Annotation]:
    return [Annotation("count", label=label, answer=str(count))]


def _label(row: dict) -> str:
    return " ".join(_text(row, "label").split())


def _points(cells: list) -> tuple[Point, ...]:
    """Points in percent, as {"x": 1, "y": 2} or [1, 2]."""
    pairs = [(cell.get("x"), cell.get("y")) if isinstance(cell, dict) else cell for cell in cells]
    return tuple(_clip_to_image(_coordinates(pair)) for pair in pairs)


def _coordinates(pair) -> Point:
    fine = isinstance(pair, (list, tuple)) and len(pair) == 2 and all(
        type(value) in (int, float) and abs(value) < MAX_COORDINATE for value in pair)  # False for NaN
    if not fine:
        raise _bad_row(f"the point {pair!r}")
    return float(pair[0]), float(pair[1])


def _clip_to_image(point: Point) -> Point:
    """Move a point that is just outside the image to its edge. Round to two decimals of a percent."""
    if not all(-EDGE_TOLERANCE <= value <= 100 + EDGE_TOLERANCE for value in point):
        raise _bad_row(f"the point {point[0]:g}, {point[1]:g} lies outside the picture")
    return tuple(round(min(max(value, 0.0), 100.0), 2) for value in point)


def _text(row: dict, column: str) -> str:
    text = _clean(row.get(column))
    if not text:
        raise _bad_row(f"no {column}")
    return text


def _clean(text) -> str:
    """The text without outer spaces and lone surrogates (invalid in files); "" if it is not a string."""
    return text.encode("utf-8", "replace").decode().strip() if isinstance(text, str) else ""


def _list(row: dict, column: str, optional: bool = False) -> list:
    cells = row.get(column)
    if not isinstance(cells, list) and not (optional and cells is None):
        raise _bad_row(f"{column} is {type(cells).__name__}")
    return cells or []


def _bad_row(detail: str) -> FetchError:
    return FetchError("bad_row", NEVER, detail[:200])
