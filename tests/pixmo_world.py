"""PixMo's eight sets in their own columns, where the truth is known: our own scenes, clocks and documents.

What `data/` draws and says is put back into the columns that PixMo uses, awkwardness and all: percent here
and pixels there, points in sentences taken out, dialogues, dead links. Rows are made when asked for.
"""
from __future__ import annotations

import functools
import hashlib
import io
import random
import re
from collections.abc import Sequence

from loopback import PIXMO, Loopback

from data.generate import SAVE_OPTIONS
from data.prepare_all import DATASETS
from data.scenes.levels import get_level
from minimolmo.flow import Annotation
from minimolmo.text.points import parse_points

TAG = re.compile(r'<points? [^<>]*alt="([^"]*)">([^<>]*)</points?>')
MANY = 3                                                     # rows of one picture, where PixMo has several
DEAD = ((404, 0.10), (403, 0.06), (410, 0.04), (500, 0.02))  # shares of the links


class World:
    """The rows and pictures of one web. The same seed makes the same ones. `alive`: no link is dead."""

    def __init__(self, web: Loopback, rows: int = 2000, seed: int = 1, alive: bool = False):
        self.web, self.seed, self.alive = web, seed, alive
        web.pictures = self.picture
        for name, config in PIXMO:
            web.rows[f"allenai/pixmo-{name.replace('_', '-')}", config] = Rows(self, name, config, rows)

    @functools.lru_cache(maxsize=2000)
    def composed(self, name: str, config: str, number: int) -> tuple[object, list[Annotation]]:
        """(what is drawn, what is said), the number-th of its set."""
        rng = random.Random(f"{self.seed}/{name}/{config}/{number}")
        while True:
            drawn, notes = DATASETS[name](get_level("full"), "train", rng)
            if notes and config in ("default", notes[0].style):
                return drawn, notes

    @functools.lru_cache(maxsize=600)
    def jpeg(self, name: str, config: str, number: int) -> bytes:
        """The picture as the web has it."""
        file = io.BytesIO()
        self.composed(name, config, number)[0].draw().save(file, "JPEG", **SAVE_OPTIONS[".jpg"])
        return file.getvalue()

    def picture(self, path: str) -> bytes | int:
        """What the image host gives: a picture, or the status of a dead link."""
        name, config, number, status = re.fullmatch(r"/(\w+)/(\w+)/(\d+)-(\d+)\.jpg", path).groups()
        return self.jpeg(name, config, int(number)) if status == "200" else int(status)

    def url(self, name: str, number: int, config: str = "default") -> str:
        """The link to a picture; its own last word says whether it is dead."""
        chance, status = random.Random(f"{self.seed}/{name}/{number}").random(), 200
        for dead, share in () if self.alive else DEAD:
            status = dead if 0 <= chance < share else status
            chance -= share
        return f"{self.web.url}/{name}/{config}/{number}-{status}.jpg"

    def sha256(self, name: str, number: int) -> str:
        """Of the picture's bytes, as the sets with a hash tell it."""
        return hashlib.sha256(self.jpeg(name, "default", number)).hexdigest()


class Rows(Sequence):
    """The rows of one part of a set, each made when it is asked for."""

    def __init__(self, world: World, name: str, config: str, length: int):
        self.world, self.name, self.config, self.length = world, name, config, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict:
        return COLUMNS[self.name](self.world, self.config, index)


def cap(world: World, config: str, index: int) -> dict:
    """A caption and its transcripts."""
    drawn, _ = world.composed("cap", config, index)
    return {"image_url": world.url("cap", index), **drawn.columns}


def ask_model_anything(world: World, config: str, index: int) -> dict:
    """One of several questions about a picture."""
    note = _note(world, "ask_model_anything", index)
    return {**_hashed(world, "ask_model_anything", index // MANY), "question": note.question,
            "answer": note.answer}


def points(world: World, config: str, index: int) -> dict:
    """One of several labels of a picture; points in percent, as objects."""
    note = _note(world, "points", index)
    return {**_hashed(world, "points", index // MANY), "points": [{"x": x, "y": y} for x, y in note.points],
            "count": len(note.points), "label": note.label,
            "collection_method": "counting" if len(note.points) > 2 else "pointing"}


def count(world: World, config: str, index: int) -> dict:
    """A number and its points in pixels, x and y apart."""
    scene, notes = world.composed("count", config, index)
    note = next(note for note in notes if note.style == "point_count")
    return {**_hashed(world, "count", index), "count": len(note.points), "label": note.label,
            "points": {"x": [x / 100 * scene.width for x, _ in note.points],
                       "y": [y / 100 * scene.height for _, y in note.points]}}


def point_explanations(world: World, config: str, index: int) -> dict:
    """An answer with its points taken out."""
    note = world.composed("point_explanations", config, index)[1][0]
    tags = list(TAG.finditer(note.answer))
    return {**_hashed(world, "point_explanations", index), "question": note.question,
            "response": note.answer, "parsed_response": TAG.sub("<|POINT|>", note.answer),
            "alt_text": [tag[1] for tag in tags], "inline_text": [tag[2] for tag in tags],
            "points": [[list(point) for point in parse_points(tag[0])] for tag in tags]}


def cap_qa(world: World, config: str, index: int) -> dict:
    """A dialogue of two turns."""
    first, second, *_ = world.composed("cap_qa", config, index)[1]
    said = [first.question, first.answer, second.question, second.answer]
    told = f"[USER] {said[0]} [ASSISTANT] {said[1]} [USER] {said[2]} [ASSISTANT]"
    return {"image_url": world.url("cap_qa", index), "question": told, "answer": said[3], "messages": said}


def clocks(world: World, config: str, index: int) -> dict:
    """A time, and a face that nobody can have."""
    drawn, notes = world.composed("clocks", config, index)
    return {"example_id": f"../{index}", "watchface_id": "a/b", **drawn.columns, "text": notes[0].answer}


def docs(world: World, config: str, index: int) -> dict:
    """Questions about a page that comes with the row, by a signed link."""
    drawn, _ = world.composed("docs", config, index)
    return {**drawn.columns, "image": {"src": world.url("docs", index, config) + "?Expires=1&Signature=x~y",
                                       "height": 1, "width": 1}}


COLUMNS = {"cap": cap, "ask_model_anything": ask_model_anything, "points": points, "count": count,
           "point_explanations": point_explanations, "cap_qa": cap_qa, "clocks": clocks, "docs": docs}


def _note(world: World, name: str, index: int) -> Annotation:
    notes = world.composed(name, "default", index // MANY)[1]
    return notes[index % MANY % len(notes)]


def _hashed(world: World, name: str, number: int) -> dict:
    return {"image_url": world.url(name, number), "image_sha256": world.sha256(name, number)}
