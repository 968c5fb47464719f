"""Scenes of level full: 2 to 16 objects of many kinds on one of seven backgrounds, some partly hidden.

    specs -> make_scene -> FullScene -> FullScene.draw -> 160 to 1024 pixels a side
                              `----> full_wording.py -> names, regions, relations

Objects are stored in painting order. A later one may hide part of an earlier one, but never its centre.
"""
from __future__ import annotations

import functools
import math
import random
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple

import numpy as np
from PIL import Image

from data.scenes.backgrounds import BACKGROUNDS, draw_background
from data.scenes.objects import COLORS, KINDS, PATTERNS
from data.scenes.paint import paint, silhouette
from data.splits import train_or_val
from minimolmo.flow import Thing

SUPERSAMPLE = 2
SIGN_WORDS = ("STOP", "CAFE", "BAKERY", "EXIT", "BOOKS", "TAXI", "HOTEL", "OPEN", "BUS", "ZOO", "FISH",
              "TEA", "MUSIC", "PARK", "TOYS", "FERRY")
PLACEMENT_TRIES = 40           # positions tried for one object before it is left out
MIN_SIDE, MIN_PATTERN_SIDE = 8, 16  # pixels: shortest side of plain and of patterned objects
CENTER_MARGIN = 2.0   # percent around a centre that no other object may cover
OUTDOOR_BACKGROUNDS = ("field", "sea", "street", "night")
SKY_KINDS = ("sun", "moon", "star", "bird", "balloon", "kite")  # outdoors in the upper part only
FREE_KINDS = ("circle", "square", "triangle", "cross", "ring", "heart", "arrow")  # allowed anywhere
SKY_ZONE, GROUND_ZONE = (0.0, 50.0), (35.0, 100.0)  # percent of the height; all other kinds are on the ground
REPEAT_SHARE = 0.6       # share of extra objects that repeat a kind or colour, so that counting makes sense


@dataclass(frozen=True)
class FullLevel:
    """The ranges from which scenes of level full are sampled."""
    short_side: tuple[int, int] = (160, 400)       # pixels
    max_side: int = 1024                            # pixels
    max_aspect: float = 3.0                            # width / height lies between 1/3 and 3
    num_things: tuple[int, int] = (2, 16)
    thing_size: tuple[float, float] = (2.5, 30.0)  # object's longer side, percent of the image's shorter side
    min_visible: float = 0.45                    # share of an object that must stay visible
    held_out: tuple[tuple[str, str], ...] = (                 # never in train and val: they test composition
        ("red", "car"), ("blue", "boat"), ("yellow", "house"), ("green", "cup"), ("purple", "fish"),
        ("orange", "cat"), ("pink", "umbrella"), ("white", "bird"))


FULL = FullLevel()


class ObjectSpec(NamedTuple):
    """What an object must be; "" leaves an attribute to chance."""
    color: str = ""
    pattern: str = ""
    kind: str = ""


@dataclass(frozen=True)
class FullScene:
    """The objects of one image in painting order. `style_seed` seeds all that carries no facts.

    occlusions  (front, back) pairs of indices: the front object hides part of the back one
    columns     further columns of the row, besides the annotations
    """
    width: int   # pixels
    height: int
    background: str
    style_seed: int
    things: tuple[Thing, ...]
    occlusions: tuple[tuple[int, int], ...] = ()
    columns: dict = field(default_factory=dict, compare=False)
    suffix: ClassVar[str] = ".jpg"

    def draw(self) -> Image.Image:
        """Draw the scene as an antialiased RGB image."""
        rng = random.Random(self.style_seed)
        canvas = draw_background(self.background, self.width * SUPERSAMPLE, self.height * SUPERSAMPLE, rng)
        for thing in self.things:
            paint(canvas, thing, rng)
        return canvas.reduce(SUPERSAMPLE)


def make_scene(split: str, rng: random.Random, specs: tuple[ObjectSpec, ...] = (),
               num_extra: int | None = None, exclude: ObjectSpec | None = None) -> FullScene:
    """A random scene of the split with all `specs`, and `num_extra` more objects that do not match `exclude`.

    specs      objects that must be there, in any order and place
    num_extra  how many more objects; random if None
    """
    while True:
        scene = _try_scene(split, rng, specs, num_extra, exclude)
        if scene is not None and split_of(scene) == split:
            return scene


def split_of(scene: FullScene) -> str:
    """The split of a scene. It depends on the objects alone, so no scene is in two splits."""
    if any(map(is_held_out, scene.things)):
        return "novel"
    return train_or_val([(t.kind, t.color, t.pattern, t.x, t.y) for t in scene.things])


def is_held_out(candidate: Thing | ObjectSpec) -> bool:
    """Whether this colour-kind pair is held out of training."""
    return (candidate.color, candidate.kind) in FULL.held_out


def matches_spec(candidate: Thing | ObjectSpec, spec: ObjectSpec) -> bool:
    """Does an object, or a complete spec, have all attributes that the spec demands?"""
    return (spec.color in ("", candidate.color) and spec.pattern in ("", candidate.pattern)
            and spec.kind in ("", candidate.kind))


def _try_scene(split, rng, specs, num_extra, exclude) -> FullScene | None:
    background_name = rng.choice(BACKGROUNDS)
    width, height = _random_size(rng)
    if num_extra is None:
        num_extra = max(0, rng.randint(*FULL.num_things) - len(specs))
    all_specs = _choose_specs(background_name, split, rng, specs, num_extra, exclude)
    placer = _Placer(width, height, len(all_specs), is_outdoors=background_name in OUTDOOR_BACKGROUNDS)
    placed = [placer.place(spec, rng) for spec in all_specs]
    if not all(placed[:len(specs)]) or len(placer.things) < min(2, len(all_specs)):
        return None
    return FullScene(width, height, background_name, rng.getrandbits(32), *placer.finish(rng))


def _random_size(rng: random.Random) -> tuple[int, int]:
    short_side = math.exp(rng.uniform(*map(math.log, FULL.short_side)))
    aspect = FULL.max_aspect ** (rng.random() ** 2)  # nearly square images are more common
    long_side = min(FULL.max_side, short_side * aspect)
    long_side, short_side = round(long_side), round(short_side)
    return (long_side, short_side) if rng.random() < 0.6 else (short_side, long_side)


def _choose_specs(background_name, split, rng, specs, num_extra, exclude) -> list[ObjectSpec]:
    """The given specs, completed, and then the specs of the extra objects."""
    chosen = [_fill_spec(spec, background_name, split, rng) for spec in specs]
    if split == "novel" and not any(map(is_held_out, chosen)):
        color, kind = rng.choice(FULL.held_out)
        chosen.insert(len(specs), ObjectSpec(color, "plain", kind))
        num_extra = max(0, num_extra - 1)
    while num_extra > 0:
        repeated = rng.choice(chosen) if chosen and rng.random() < REPEAT_SHARE else ObjectSpec()
        template = rng.choice((ObjectSpec(kind=repeated.kind), ObjectSpec(repeated.color, "", repeated.kind),
                               ObjectSpec(repeated.color)))
        candidate = _fill_spec(template, background_name, split, rng)
        if exclude is None or not matches_spec(candidate, exclude):
            chosen.append(candidate)
            num_extra -= 1
    return chosen


def _fill_spec(spec: ObjectSpec, background_name: str, split: str, rng: random.Random) -> ObjectSpec:
    """Choose the open attributes of a spec at random; the kind must suit the background."""
    while True:
        kind = spec.kind or rng.choice(_kinds_on(background_name))
        color = spec.color or rng.choice(list(COLORS))
        pattern = spec.pattern or rng.choices(PATTERNS, (4, 1, 1))[0]
        filled = ObjectSpec(color, pattern, kind)
        if not is_held_out(filled) or (spec.color and spec.kind):
            return filled
        if split == "novel" and (spec.color or spec.kind) and rng.random() < 0.2:
            return filled


@functools.lru_cache
def _kinds_on(background_name: str) -> tuple[str, ...]:
    return tuple(name for name, kind in KINDS.items()
                 if not kind.backgrounds or background_name in kind.backgrounds)


class _Placer:
    """Places objects one after another and keeps every earlier object visible enough."""
    mask_side = 160  # pixels along the masks that measure occlusion; coarse is enough

    def __init__(self, width: int, height: int, num_things: int, is_outdoors: bool):
        self.width, self.height, self.is_outdoors = width, height, is_outdoors
        scale = self.mask_side / max(width, height)
        self.grid = max(8, round(width * scale)), max(8, round(height * scale))
        self.largest = min(FULL.thing_size[1], 110 / math.sqrt(max(1, num_things)))
        self.things: list[Thing] = []
        self.masks: list[np.ndarray | None] = []    # drawn once another object comes near
        self.seen: list[np.ndarray | None] = []     # the part of each object that is still visible
        self.occlusions: list[tuple[int, int]] = []

    def place(self, spec: ObjectSpec, rng: random.Random) -> bool:
        """Place an object of this spec at random; False if no position was found."""
        return any(self._try_place(self._random_thing(spec, rng)) for _ in range(PLACEMENT_TRIES))

    def finish(self, rng: random.Random) -> tuple[tuple[Thing, ...], tuple[tuple[int, int], ...]]:
        """The objects with their visible shares and sign words, and the occlusions."""
        visible_shares = [
            1.0 if remaining is None else round(float(remaining.sum() / mask.sum()), 3)
            for remaining, mask in zip(self.seen, self.masks)
        ]
        things = [replace(thing, visible=visible_share, word=_sign_word(thing, self.width, rng))
                  for thing, visible_share in zip(self.things, visible_shares)]
        return tuple(things), tuple(self.occlusions)

    def _random_thing(self, spec: ObjectSpec, rng: random.Random) -> Thing:
        low, high = map(math.log, (FULL.thing_size[0], self.largest))
        long_side = math.exp(high - (high - low) * rng.random() ** 2) / 100 * min(self.width, self.height)
        aspect = KINDS[spec.kind].aspect
        width, height = (long_side, long_side / aspect) if aspect > 1 else (long_side * aspect, long_side)
        min_pixels = MIN_SIDE if spec.pattern == "plain" else MIN_PATTERN_SIDE
        scale = max(1.0, min_pixels / min(width, height))
        w, h = 100 * scale * width / self.width, 100 * scale * height / self.height
        top, bottom = self._height_range(spec.kind)
        x, y = rng.uniform(w / 2, 100 - w / 2), rng.uniform(max(top, h / 2), max(top, bottom - h / 2))
        box = (round(value, 2) for value in (x, y, w, h))
        return Thing(spec.kind, spec.color, *box, pattern=spec.pattern)

    def _height_range(self, kind: str) -> tuple[float, float]:
        if not self.is_outdoors or kind in FREE_KINDS:
            return 0.0, 100.0
        return SKY_ZONE if kind in SKY_KINDS else GROUND_ZONE

    def _try_place(self, thing: Thing) -> bool:
        overlapping = [i for i, other in enumerate(self.things) if _boxes_meet(thing, other)]
        if not overlapping:
            return self._accept(thing, None, [])
        mask = self._mask(thing)
        changed = []
        for i in overlapping:
            if self.masks[i] is None:
                self.masks[i] = self.seen[i] = self._mask(self.things[i])
            remaining = self.seen[i] & ~mask
            enough = remaining.sum() >= FULL.min_visible * self.masks[i].sum()
            if not enough or self._hides_center(self.things[i], mask):
                return False
            changed.append((i, remaining))
        return self._accept(thing, mask, changed)

    def _accept(self, thing: Thing, mask, changed) -> bool:
        for i, remaining in changed:
            if remaining.sum() < 0.97 * self.seen[i].sum():
                self.occlusions.append((len(self.things), i))
            self.seen[i] = remaining
        self.things.append(thing)
        self.masks.append(mask)
        self.seen.append(mask)
        return True

    def _mask(self, thing: Thing) -> np.ndarray:
        return np.asarray(silhouette(thing, *self.grid)) > 127

    def _hides_center(self, thing: Thing, mask: np.ndarray) -> bool:
        columns, rows = self.grid
        probes = [(thing.x + dx, thing.y + dy) for dx in (-CENTER_MARGIN, 0, CENTER_MARGIN)
                  for dy in (-CENTER_MARGIN, 0, CENTER_MARGIN)]
        cells = ((int(x * columns / 100), int(y * rows / 100)) for x, y in probes)
        return any(mask[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)] for column, row in cells)


def _boxes_meet(a: Thing, b: Thing) -> bool:
    return (abs(a.x - b.x) < (a.width + b.width) / 2 + CENTER_MARGIN and
            abs(a.y - b.y) < (a.height + b.height) / 2 + CENTER_MARGIN)


def _sign_word(thing: Thing, width: int, rng: random.Random) -> str:
    """A word for a sign that is wide enough for letters of 9 pixels; "" for all other objects."""
    word = rng.choice(SIGN_WORDS)
    return word if thing.kind == "sign" and thing.width * width / 100 >= 9 * len(word) else ""
