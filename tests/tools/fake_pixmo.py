"""Fake of PixMo's eight datasets: our own scenes, clocks and documents in PixMo's columns.

The right annotations are known, because `data/` makes them. The columns have PixMo's irregularities: points
in percent or in pixels, points taken out of sentences, dialogues, dead links. Rows are made on request.
"""
from __future__ import annotations

import functools
import hashlib
import io
import random
import re
from collections.abc import Sequence

from data.generate import SAVE_OPTIONS
from data.prepare_all import DATASETS
from data.scenes.levels import get_level
from minimolmo.flow import Annotation
from minimolmo.text.points import parse_points
from tools.fake_hub import PIXMO, FakeHub

TAG = re.compile(r'<points? [^<>]*alt="([^"]*)">([^<>]*)</points?>')
ROWS_PER_IMAGE = 3  # where PixMo has several
DEAD_LINKS = ((404, 0.10), (403, 0.06), (410, 0.04), (500, 0.02))  # (status, fraction of the links)


class FakePixmo:
    """Rows and images for a fake hub, the same for the same seed; with `dead_links` some links are dead."""

    def __init__(self, hub: FakeHub, rows: int = 2000, seed: int = 1, dead_links: bool = True):
        self.hub, self.seed, self.dead_links = hub, seed, dead_links
        hub.images = self.get_image
        for name, config in PIXMO:
            hub.rows[f"allenai/pixmo-{name.replace('_', '-')}", config] = Rows(self, name, config, rows)

    @functools.lru_cache(maxsize=2000)
    def make_example(self, name: str, config: str, number: int) -> tuple[object, list[Annotation]]:
        """The number-th example of a dataset: (scene, clock or document; its annotations)."""
        rng = random.Random(f"{self.seed}/{name}/{config}/{number}")
        while True:
            scene, notes = DATASETS[name](get_level("full"), "train", rng)
            if notes and config in ("default", notes[0].style):
                return scene, notes

    @functools.lru_cache(maxsize=600)
    def encode_jpeg(self, name: str, config: str, number: int) -> bytes:
        """The JPEG that the fake servers send."""
        file = io.BytesIO()
        self.make_example(name, config, number)[0].draw().save(file, "JPEG", **SAVE_OPTIONS[".jpg"])
        return file.getvalue()

    def get_image(self, path: str) -> bytes | int:
        """The reply of the image host: an image, or the status of a dead link."""
        name, config, number, status = re.fullmatch(r"/(\w+)/(\w+)/(\d+)-(\d+)\.jpg", path).groups()
        return self.encode_jpeg(name, config, int(number)) if status == "200" else int(status)

    def make_url(self, name: str, number: int, config: str = "default") -> str:
        """The link to an image; it ends in the status that the image host will reply with."""
        draw, status = random.Random(f"{self.seed}/{name}/{number}").random(), 200
        for dead, fraction in DEAD_LINKS if self.dead_links else ():
            status = dead if 0 <= draw < fraction else status
            draw -= fraction
        return f"{self.hub.url}/{name}/{config}/{number}-{status}.jpg"

    def image_sha256(self, name: str, number: int) -> str:
        """The hash of the image's bytes."""
        return hashlib.sha256(self.encode_jpeg(name, "default", number)).hexdigest()


class Rows(Sequence):
    """The rows of one config of a dataset, each made when it is requested."""

    def __init__(self, pixmo: FakePixmo, name: str, config: str, length: int):
        self.pixmo, self.name, self.config, self.length = pixmo, name, config, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict:
        return COLUMNS[self.name](self.pixmo, self.config, index)


def cap(pixmo: FakePixmo, config: str, index: int) -> dict:
    """A row: a caption and its transcripts."""
    scene, _ = pixmo.make_example("cap", config, index)
    return {"image_url": pixmo.make_url("cap", index), **scene.columns}


def ask_model_anything(pixmo: FakePixmo, config: str, index: int) -> dict:
    """A row with one of the questions about a picture."""
    note = _annotation(pixmo, "ask_model_anything", index)
    return {**_image_columns(pixmo, "ask_model_anything", index // ROWS_PER_IMAGE), "question": note.question,
            "answer": note.answer}


def points(pixmo: FakePixmo, config: str, index: int) -> dict:
    """A row with one of the picture's labels. Its points are {"x", "y"} dictionaries in percent."""
    note = _annotation(pixmo, "points", index)
    return {**_image_columns(pixmo, "points", index // ROWS_PER_IMAGE),
            "points": [{"x": x, "y": y} for x, y in note.points],
            "count": len(note.points), "label": note.label,
            "collection_method": "counting" if len(note.points) > 2 else "pointing"}


def count(pixmo: FakePixmo, config: str, index: int) -> dict:
    """A row: a number, and its points in pixels as a list of x and a list of y."""
    scene, notes = pixmo.make_example("count", config, index)
    note = next(note for note in notes if note.style == "point_count")
    return {**_image_columns(pixmo, "count", index), "count": len(note.points), "label": note.label,
            "points": {"x": [x / 100 * scene.width for x, _ in note.points],
                       "y": [y / 100 * scene.height for _, y in note.points]}}


def point_explanations(pixmo: FakePixmo, config: str, index: int) -> dict:
    """A row: the answer with <|POINT|> in place of each tag, and the points in a column of their own."""
    note = pixmo.make_example("point_explanations", config, index)[1][0]
    tags = list(TAG.finditer(note.answer))
    return {**_image_columns(pixmo, "point_explanations", index), "question": note.question,
            "response": note.answer, "parsed_response": TAG.sub("<|POINT|>", note.answer),
            "alt_text": [tag[1] for tag in tags], "inline_text": [tag[2] for tag in tags],
            "points": [[list(point) for point in parse_points(tag[0])] for tag in tags]}


def cap_qa(pixmo: FakePixmo, config: str, index: int) -> dict:
    """A row: a dialogue of two turns."""
    first, second, *_ = pixmo.make_example("cap_qa", config, index)[1]
    messages = [first.question, first.answer, second.question, second.answer]
    question = f"[USER] {messages[0]} [ASSISTANT] {messages[1]} [USER] {messages[2]} [ASSISTANT]"
    return {"image_url": pixmo.make_url("cap_qa", index), "question": question, "answer": messages[3],
            "messages": messages}


def clocks(pixmo: FakePixmo, config: str, index: int) -> dict:
    """A row: a time, and ids that are no valid file names."""
    clock, notes = pixmo.make_example("clocks", config, index)
    return {"example_id": f"../{index}", "watchface_id": "a/b", **clock.columns, "text": notes[0].answer}


def docs(pixmo: FakePixmo, config: str, index: int) -> dict:
    """A row: questions about a page, and a signed link to the image of the page."""
    document, _ = pixmo.make_example("docs", config, index)
    url = pixmo.make_url("docs", index, config) + "?Expires=1&Signature=x~y"
    return {**document.columns, "image": {"src": url, "height": 1, "width": 1}}


COLUMNS = {"cap": cap, "ask_model_anything": ask_model_anything, "points": points, "count": count,
           "point_explanations": point_explanations, "cap_qa": cap_qa, "clocks": clocks, "docs": docs}


def _annotation(pixmo: FakePixmo, name: str, index: int) -> Annotation:
    notes = pixmo.make_example(name, "default", index // ROWS_PER_IMAGE)[1]
    return notes[index % ROWS_PER_IMAGE % len(notes)]


def _image_columns(pixmo: FakePixmo, name: str, number: int) -> dict:
    return {"image_url": pixmo.make_url(name, number), "image_sha256": pixmo.image_sha256(name, number)}
