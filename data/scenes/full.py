"""Scenes of level full: a setting, two to sixteen things of many kinds, some half hidden, in any format.

    wishes -> make_scene -> FullScene -> FullScene.draw -> 160 to 1024 pixels a side
                               `----> phrases.py -> names, places, relations

Things stand in the order in which they are painted: a later one may hide part of an earlier one, never its
centre.
"""
from __future__ import annotations

import functools
import math
import random
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple

import numpy as np
from PIL import Image

from data.scenes.objects import COLORS, KINDS, PATTERNS
from data.scenes.paint import paint, silhouette
from data.scenes.backgrounds import SETTINGS, background
from data.splits import train_or_val
from minimolmo.flow import Thing

SUPERSAMPLE = 2
WORDS = ("STOP", "CAFE", "BAKERY", "EXIT", "BOOKS", "TAXI", "HOTEL", "OPEN", "BUS", "ZOO", "FISH", "TEA",
         "MUSIC", "PARK", "TOYS", "FERRY")
SPOTS = 40           # tried for one thing before it is left out
SEEN, PATTERN_SEEN = 8, 16  # pixels: the least shorter side, so that a kind, or a pattern, can be seen
CENTRE_CLEAR = 2.0   # percent around a centre that nothing may hide
OUTDOORS = ("field", "sea", "street", "night")
IN_THE_SKY = ("sun", "moon", "star", "bird", "balloon", "kite")  # outdoors they keep to the upper part,
ANYWHERE = ("circle", "square", "triangle", "cross", "ring", "heart", "arrow")  # these go where they like,
SKY, EARTH = (0.0, 50.0), (35.0, 100.0)  # and all others to the lower: percent of the height
FAMILIAR = 0.6       # share of things of which the picture has others: else nothing could be counted


@dataclass(frozen=True)
class FullLevel:
    """How the scenes of level full differ from each other: see `make_scene`."""
    short_side: tuple[int, int] = (160, 400)       # pixels
    longest: int = 1024                            # pixels
    aspect: float = 3.0                            # width / height lies between 1/3 and 3
    things: tuple[int, int] = (2, 16)
    size: tuple[float, float] = (2.5, 30.0)        # a thing's longer side, percent of the picture's shorter
    least_visible: float = 0.45                    # share of a thing that must be seen
    held_out: tuple[tuple[str, str], ...] = (                 # never in train and val: they test composition
        ("red", "car"), ("blue", "boat"), ("yellow", "house"), ("green", "cup"), ("purple", "fish"),
        ("orange", "cat"), ("pink", "umbrella"), ("white", "bird"))


FULL = FullLevel()


class Wish(NamedTuple):
    """What a scene shall hold; "" leaves it to chance."""
    color: str = ""
    pattern: str = ""
    kind: str = ""


@dataclass(frozen=True)
class FullScene:
    """What is there, in the order of painting. `look` seeds whatever carries no fact.

    hides    (front, back) pairs of indices: the front thing hides part of the back one
    columns  what its row says beside the annotations
    """
    width: int   # pixels
    height: int
    setting: str
    look: int
    things: tuple[Thing, ...]
    hides: tuple[tuple[int, int], ...] = ()
    columns: dict = field(default_factory=dict, compare=False)
    suffix: ClassVar[str] = ".jpg"

    def draw(self) -> Image.Image:
        """The scene as an RGB picture, antialiased."""
        rng = random.Random(self.look)
        canvas = background(self.setting, self.width * SUPERSAMPLE, self.height * SUPERSAMPLE, rng)
        for thing in self.things:
            paint(canvas, thing, rng)
        return canvas.reduce(SUPERSAMPLE)


def make_scene(split: str, rng: random.Random, wishes: tuple[Wish, ...] = (), extra: int | None = None,
               but: Wish | None = None) -> FullScene:
    """A scene of the split that holds all wishes, and `extra` things beside them that are not `but`.

    wishes  what must be there, in any order and place
    extra   how many more; by chance if None
    """
    while True:
        scene = _try_scene(split, rng, wishes, extra, but)
        if scene is not None and split_of(scene) == split:
            return scene


def split_of(scene: FullScene) -> str:
    """The one split that may hold this scene, read off its things: no scene is ever in two."""
    if any(map(is_held_out, scene.things)):
        return "novel"
    return train_or_val([(t.kind, t.color, t.pattern, t.x, t.y) for t in scene.things])


def is_held_out(what: Thing | Wish) -> bool:
    """Whether training never shows this colour on this kind."""
    return (what.color, what.kind) in FULL.held_out


def meets(what: Thing | Wish, wish: Wish) -> bool:
    """Whether a thing, or a wish with nothing left open, is what a wish says."""
    return (wish.color in ("", what.color) and wish.pattern in ("", what.pattern)
            and wish.kind in ("", what.kind))


def _try_scene(split, rng, wishes, extra, but) -> FullScene | None:
    setting = rng.choice(SETTINGS)
    width, height = _random_format(rng)
    if extra is None:
        extra = max(0, rng.randint(*FULL.things) - len(wishes))
    pairs = _choose_pairs(setting, split, rng, wishes, extra, but)
    stage = _Stage(width, height, len(pairs), outdoors=setting in OUTDOORS)
    placed = [stage.place(wish, rng) for wish in pairs]
    if not all(placed[:len(wishes)]) or len(stage.things) < min(2, len(pairs)):
        return None
    return FullScene(width, height, setting, rng.getrandbits(32), *stage.finished(rng))


def _random_format(rng: random.Random) -> tuple[int, int]:
    short = math.exp(rng.uniform(*map(math.log, FULL.short_side)))
    long = min(FULL.longest, short * FULL.aspect ** (rng.random() ** 2))  # squarish ones are more common
    return (round(long), round(short)) if rng.random() < 0.6 else (round(short), round(long))


def _choose_pairs(setting, split, rng, wishes, extra, but) -> list[Wish]:
    """The wishes first, colours and kinds filled in, then the extra things."""
    pairs = [_fill(wish, setting, split, rng) for wish in wishes]
    if split == "novel" and not any(map(is_held_out, pairs)):
        color, kind = rng.choice(FULL.held_out)
        pairs.insert(len(wishes), Wish(color, "plain", kind))
        extra = max(0, extra - 1)
    while extra > 0:
        seed = rng.choice(pairs) if pairs and rng.random() < FAMILIAR else Wish()
        pair = _fill(rng.choice((Wish(kind=seed.kind), Wish(kind=seed.kind, color=seed.color),
                                 Wish(color=seed.color))), setting, split, rng)
        if but is None or not meets(pair, but):
            pairs.append(pair)
            extra -= 1
    return pairs


def _fill(wish: Wish, setting: str, split: str, rng: random.Random) -> Wish:
    """Whatever the wish leaves open, by chance; a kind that may be found in this setting."""
    while True:
        kind = wish.kind or rng.choice(_kinds_of(setting))
        color = wish.color or rng.choice(list(COLORS))
        pattern = wish.pattern or rng.choices(PATTERNS, (4, 1, 1))[0]
        filled = Wish(color, pattern, kind)
        if not is_held_out(filled) or (wish.color and wish.kind):
            return filled
        if split == "novel" and (wish.color or wish.kind) and rng.random() < 0.2:
            return filled


@functools.lru_cache
def _kinds_of(setting: str) -> tuple[str, ...]:
    return tuple(name for name, kind in KINDS.items() if not kind.settings or setting in kind.settings)


class _Stage:
    """Where things are put one after another, each hiding what it may hide and no more."""
    longest = 160  # pixels of the masks by which hiding is measured: rough is enough

    def __init__(self, width: int, height: int, crowd: int, outdoors: bool):
        self.width, self.height, self.outdoors = width, height, outdoors
        scale = self.longest / max(width, height)
        self.grid = max(8, round(width * scale)), max(8, round(height * scale))
        self.largest = min(FULL.size[1], 110 / math.sqrt(max(1, crowd)))
        self.things: list[Thing] = []
        self.masks: list[np.ndarray | None] = []    # drawn when something comes near
        self.seen: list[np.ndarray | None] = []     # what of each is still visible
        self.hides: list[tuple[int, int]] = []

    def place(self, wish: Wish, rng: random.Random) -> bool:
        """Put a thing like this somewhere; False if no spot was found."""
        return any(self._try(self._random_thing(wish, rng)) for _ in range(SPOTS))

    def finished(self, rng: random.Random) -> tuple[tuple[Thing, ...], tuple[tuple[int, int], ...]]:
        """The things, each with its visible share and, if it is a sign, a word; and who hides whom."""
        shares = [1.0 if seen is None else round(float(seen.sum() / mask.sum()), 3)
                  for seen, mask in zip(self.seen, self.masks)]
        things = [replace(thing, visible=share, word=_word(thing, self.width, rng))
                  for thing, share in zip(self.things, shares)]
        return tuple(things), tuple(self.hides)

    def _random_thing(self, wish: Wish, rng: random.Random) -> Thing:
        low, high = map(math.log, (FULL.size[0], self.largest))
        longer = math.exp(high - (high - low) * rng.random() ** 2) / 100 * min(self.width, self.height)
        aspect = KINDS[wish.kind].aspect
        width, height = (longer, longer / aspect) if aspect > 1 else (longer * aspect, longer)
        least = SEEN if wish.pattern == "plain" else PATTERN_SEEN
        grow = max(1.0, least / min(width, height))
        w, h = 100 * grow * width / self.width, 100 * grow * height / self.height
        top, bottom = self._zone(wish.kind)
        x, y = rng.uniform(w / 2, 100 - w / 2), rng.uniform(max(top, h / 2), max(top, bottom - h / 2))
        place = (round(value, 2) for value in (x, y, w, h))
        return Thing(wish.kind, wish.color, *place, pattern=wish.pattern)

    def _zone(self, kind: str) -> tuple[float, float]:
        if not self.outdoors or kind in ANYWHERE:
            return 0.0, 100.0
        return SKY if kind in IN_THE_SKY else EARTH

    def _try(self, thing: Thing) -> bool:
        near = [i for i, other in enumerate(self.things) if _boxes_meet(thing, other)]
        if not near:
            return self._accept(thing, None, [])
        mask = self._mask(thing)
        changed = []
        for i in near:
            if self.masks[i] is None:
                self.masks[i] = self.seen[i] = self._mask(self.things[i])
            left = self.seen[i] & ~mask
            enough = left.sum() >= FULL.least_visible * self.masks[i].sum()
            if not enough or self._centre_hidden(self.things[i], mask):
                return False
            changed.append((i, left))
        return self._accept(thing, mask, changed)

    def _accept(self, thing: Thing, mask, changed) -> bool:
        for i, left in changed:
            if left.sum() < 0.97 * self.seen[i].sum():
                self.hides.append((len(self.things), i))
            self.seen[i] = left
        self.things.append(thing)
        self.masks.append(mask)
        self.seen.append(mask)
        return True

    def _mask(self, thing: Thing) -> np.ndarray:
        return np.asarray(silhouette(thing, *self.grid)) > 127

    def _centre_hidden(self, thing: Thing, mask: np.ndarray) -> bool:
        columns, rows = self.grid
        around = [(thing.x + dx, thing.y + dy) for dx in (-CENTRE_CLEAR, 0, CENTRE_CLEAR)
                  for dy in (-CENTRE_CLEAR, 0, CENTRE_CLEAR)]
        cells = ((int(x * columns / 100), int(y * rows / 100)) for x, y in around)
        return any(mask[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)] for column, row in cells)


def _boxes_meet(a: Thing, b: Thing) -> bool:
    return (abs(a.x - b.x) < (a.width + b.width) / 2 + CENTRE_CLEAR and
            abs(a.y - b.y) < (a.height + b.height) / 2 + CENTRE_CLEAR)


def _word(thing: Thing, width: int, rng: random.Random) -> str:
    """A sign wide enough for letters of 9 pixels says something."""
    word = rng.choice(WORDS)
    return word if thing.kind == "sign" and thing.width * width / 100 >= 9 * len(word) else ""
