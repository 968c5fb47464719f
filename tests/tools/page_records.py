"""Records of the page's painter and the Python records of the same kind, and some examples of each."""
from __future__ import annotations

import base64
import dataclasses
import random
from io import BytesIO
from types import ModuleType

import numpy as np
from PIL import Image

from data.clocks import easy as clocks
from data.docs.easy_charts import BarChart
from data.docs.easy_page import EasyPage
from data.docs.easy_pies import Pie
from data.docs.easy_tables import Layout, Row, Table
from data.scenes.easy import EASY, Scene, choose_pairs, make_scene, split_of
from data.splits import SPLITS
from minimolmo.flow import Thing

SIDE = 64  # pixels along a picture
TYPES = {"scene": Scene, "clock": clocks.EasyClock, "bars": BarChart, "pie": Pie, "table": Table}
Example = Scene | clocks.EasyClock | EasyPage


def as_record(example: Example) -> dict:
    """The browser's record of a Python record."""
    kind = next(name for name, cls in TYPES.items() if isinstance(example, cls))
    rows = {"rows": [row._asdict() for row in example.rows]} if kind == "table" else {}
    return {"type": kind, **dataclasses.asdict(example), **rows}


def as_python(record: dict) -> Example:
    """The Python record of a browser's record."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in record.items()
              if key != "type"}
    if record["type"] == "scene":
        return Scene(SIDE, SIDE, values["style_seed"], tuple(Thing(**thing) for thing in values["things"]))
    if record["type"] == "table":
        values |= {"rows": tuple(Row(**row) for row in values["rows"]), "layout": Layout(**values["layout"])}
    return TYPES[record["type"]](**values)


def is_novel(example: Example) -> bool:
    """Does it show a composition that is held out from training?"""
    if isinstance(example, Scene):
        return split_of(example.things, EASY) == "novel"
    return clocks.split_of(example) == "novel" if isinstance(example, clocks.EasyClock) else example.is_novel


def some_scenes(count: int = 40) -> list[Scene]:
    """Scenes of one to seven objects, every fourth with a pair that was never drawn in training."""
    rng, scenes = random.Random(1), []
    for number in range(count):
        split = "novel" if number % 4 == 0 else "val"
        pairs = choose_pairs(1 + number % 7, EASY, split, rng, allow_duplicates=True)
        scenes.append(make_scene(pairs, EASY, split, rng))
    return scenes


def some_pages(module: ModuleType, count: int = 20) -> list[EasyPage]:
    """Charts of data/docs/easy_charts.py or tables of easy_tables.py, of all splits."""
    rng = random.Random(2)
    return [module.make_page(SPLITS[number % 3], rng) for number in range(count)]


def some_clocks(count: int = 20) -> list[clocks.EasyClock]:
    """Clocks of all splits."""
    rng = random.Random(3)
    return [clocks.random_clock(SPLITS[number % 3], rng) for number in range(count)]


def drawn(examples: list[Example]) -> np.ndarray:
    """Python's pictures: (N, 64, 64, 3) uint8."""
    return np.stack([np.asarray(example.draw()) for example in examples])


def as_pictures(texts: list[str]) -> np.ndarray:
    """Pictures from their bytes in base64: (N, 64, 64, 3) uint8."""
    data = b"".join(base64.b64decode(text) for text in texts)
    return np.frombuffer(data, np.uint8).reshape(-1, SIDE, SIDE, 3)


def from_png(text: str) -> np.ndarray:
    """A picture from a PNG in base64: (H, W, 3) uint8."""
    return np.asarray(Image.open(BytesIO(base64.b64decode(text))).convert("RGB"))
