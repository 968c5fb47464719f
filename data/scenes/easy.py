"""Scenes of levels easy and small: a few coloured shapes on a light background.

    pairs -> place_things -> Scene -> Scene.draw -> 64 x 64 pixels
                               `----> easy_wording.py -> labels, answers, captions

A `Scene` is the only source of the image and of its text. All random choices come from the generator that
is passed in, so a seed determines the scene.
"""
from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace
from typing import ClassVar

from PIL import Image, ImageDraw

from data.splits import train_or_val
from minimolmo.flow import Thing

Pair = tuple[str, str]  # colour, kind
Outline = tuple[tuple[float, float], ...]  # corners in a box of side 1, origin top-left

SUPERSAMPLE = 4   # draw at this multiple of the size, then average: smooth edges
SHADE_JITTER = 10        # largest random change of a colour channel (0-255)
GRID_NOISE = 3         # largest difference between two background cells (0-255)
NOISE_CELL = 4          # pixels along a background cell; single pixels would make the PNG four times larger
PLACEMENT_TRIES = 30        # positions tried for one object before the scene is started again

COLORS = {
    "red": (206, 24, 40), "green": (28, 148, 60), "blue": (32, 84, 220),
    "yellow": (244, 218, 40), "purple": (142, 42, 172), "orange": (246, 122, 8),
}


def _circle(corners: int = 32) -> Outline:
    angles = [2 * math.pi * i / corners for i in range(corners)]
    return tuple((0.5 + 0.5 * math.cos(angle), 0.5 + 0.5 * math.sin(angle)) for angle in angles)


# The centre of each box lies on the shape, because points go to the centre.
KINDS: dict[str, Outline] = {
    "circle": _circle(),
    "square": ((0, 0), (1, 0), (1, 1), (0, 1)),
    "triangle": ((0.5, 0), (1, 1), (0, 1)),
    "cross": ((0.34, 0), (0.66, 0), (0.66, 0.34), (1, 0.34), (1, 0.66), (0.66, 0.66),
              (0.66, 1), (0.34, 1), (0.34, 0.66), (0, 0.66), (0, 0.34), (0.34, 0.34)),
}


def _outline_area(outline: Outline) -> float:
    """The area of a polygon: the shoelace formula."""
    following = outline[1:] + outline[:1]
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(outline, following))) / 2


KIND_AREAS = {kind: _outline_area(outline) for kind, outline in KINDS.items()}  # share of the box


@dataclass(frozen=True)
class EasyLevel:
    """The difficulty of a level of simple shapes. Percent means percent of the image width."""
    image_size: int                          # pixels
    radius: tuple[float, float]        # half the side of an object's box, percent
    gap: float                         # smallest distance between two boxes, percent
    max_things: int                          # objects in one image
    colors: tuple[str, ...]
    kinds: tuple[str, ...]
    held_out: tuple[Pair, ...]         # never drawn or named in train and val: they test composition

    @property
    def pairs(self) -> list[Pair]:
        """All colour-kind pairs that may occur in training."""
        every = [(color, kind) for color in self.colors for kind in self.kinds]
        return [pair for pair in every if pair not in self.held_out]


EASY = EasyLevel(image_size=64, radius=(8.0, 13.0), gap=3.0, max_things=7, colors=tuple(COLORS),
                 kinds=tuple(KINDS), held_out=(("red", "triangle"), ("blue", "cross"), ("yellow", "circle")))
# Images are twice as wide, and objects measure 5 to 8 pixels: 3 or 4 in an overview of 64 pixels.
SMALL = replace(EASY, image_size=128, radius=(2.0, 3.2), gap=1.5)


@dataclass(frozen=True)
class Scene:
    """The objects of one image. `style_seed` seeds the background and the shades, which carry no facts."""
    width: int   # pixels
    height: int
    style_seed: int
    things: tuple[Thing, ...]
    columns: dict = field(default_factory=dict, compare=False)  # of the row, besides the annotations
    suffix: ClassVar[str] = ".png"

    def draw(self) -> Image.Image:
        """Draw the scene as an antialiased RGB image."""
        rng = random.Random(self.style_seed)
        size = self.width * SUPERSAMPLE, self.height * SUPERSAMPLE
        canvas = _draw_background(self, rng).resize(size, Image.Resampling.NEAREST)
        pen = ImageDraw.Draw(canvas)
        for thing in self.things:
            pen.polygon(_corners(thing, canvas.size), fill=_varied_color(thing.color, rng))
        return canvas.reduce(SUPERSAMPLE)


def color_kind_pair(thing: Thing) -> Pair:
    """The colour and kind of an object."""
    return thing.color, thing.kind


def choose_pairs(num_pairs: int, level: EasyLevel, split: str, rng: random.Random,
                 allow_duplicates: bool = False) -> list[Pair]:
    """Random pairs for a scene of the split; in `novel` the first pair is a held-out one."""
    pairs = rng.choices(level.pairs, k=num_pairs) if allow_duplicates else rng.sample(level.pairs, num_pairs)
    return [rng.choice(level.held_out), *pairs[1:]] if split == "novel" else pairs


def split_of(things: tuple[Thing, ...], level: EasyLevel) -> str:
    """The split of a scene with these objects. It depends on the objects alone: no scene is in two splits."""
    if any(color_kind_pair(thing) in level.held_out for thing in things):
        return "novel"
    return train_or_val([(t.kind, t.color, t.x, t.y, t.width, t.height) for t in things])


def things_to_ask_about(scene: Scene, level: EasyLevel, split: str) -> list[Thing]:
    """The objects that questions may be about: all, or in `novel` only those of held-out pairs."""
    return [thing for thing in scene.things if split != "novel" or color_kind_pair(thing) in level.held_out]


def make_scene(pairs: list[Pair], level: EasyLevel, split: str, rng: random.Random,
               grid_margin: float = 0.0) -> Scene:
    """A random scene with these pairs that belongs to the split. For `grid_margin` see `place_things`."""
    held_out = any(pair in level.held_out for pair in pairs)
    assert held_out == (split == "novel"), f"{pairs} cannot be in {split}"
    while True:
        things = place_things(pairs, level, rng, grid_margin)
        if split_of(things, level) == split:
            return Scene(level.image_size, level.image_size, rng.getrandbits(32), things)


def place_things(pairs: list[Pair], level: EasyLevel, rng: random.Random,
                 grid_margin: float = 0.0) -> tuple[Thing, ...]:
    """Give each pair a random box inside the image, with a gap between any two boxes.

    grid_margin  percent between a centre and the lines at 1/3 and 2/3, where "left" becomes "center"
    """
    assert len(pairs) <= level.max_things, f"{len(pairs)} objects do not fit into one image"
    things: list[Thing] = []
    while len(things) < len(pairs):
        for _ in range(PLACEMENT_TRIES):
            thing = _random_thing(pairs[len(things)], level, rng)
            if _off_grid_lines(thing, grid_margin) and all(
                    _boxes_apart(thing, other, level.gap) for other in things):
                things.append(thing)
                break
        else:
            things.clear()
    return tuple(things)


def _random_thing(pair: Pair, level: EasyLevel, rng: random.Random) -> Thing:
    """A random object. Its box lies on whole supersampled pixels, so x and y are its exact centre."""
    canvas = level.image_size * SUPERSAMPLE
    low, high = (2 * radius / 100 * canvas for radius in level.radius)
    thing_pixels = rng.randint(math.ceil(low), math.floor(high))
    left, top = rng.randint(0, canvas - thing_pixels), rng.randint(0, canvas - thing_pixels)
    x, y, thing_size = (round(value * 100 / canvas, 2)
                        for value in (left + thing_pixels / 2, top + thing_pixels / 2, thing_pixels))
    return Thing(kind=pair[1], color=pair[0], x=x, y=y, width=thing_size, height=thing_size)


def _off_grid_lines(thing: Thing, grid_margin: float) -> bool:
    return all(
        abs(value - line) >= grid_margin for value in (thing.x, thing.y) for line in (100 / 3, 200 / 3))


def _boxes_apart(a: Thing, b: Thing, gap: float) -> bool:
    return (abs(a.x - b.x) >= (a.width + b.width) / 2 + gap or
            abs(a.y - b.y) >= (a.height + b.height) / 2 + gap)


def _draw_background(scene: Scene, rng: random.Random) -> Image.Image:
    """A light background with noise: one random value per pixel. `Scene.draw` enlarges it to the canvas."""
    columns, rows = -(-scene.width // NOISE_CELL), -(-scene.height // NOISE_CELL)
    noise = Image.frombytes("RGB", (columns, rows), rng.randbytes(columns * rows * 3))
    tint = [rng.randint(226, 250) for _ in range(3)]
    return noise.point(
        [base + byte % (2 * GRID_NOISE + 1) - GRID_NOISE for base in tint for byte in range(256)])


def _varied_color(color: str, rng: random.Random) -> tuple[int, ...]:
    return tuple(
        min(255, max(0, channel + rng.randint(-SHADE_JITTER, SHADE_JITTER))) for channel in COLORS[color])


def _corners(thing: Thing, size: tuple[int, int]) -> list[tuple[int, int]]:
    """The corners in canvas pixels. Pillow fills the last pixel too, so 1 is subtracted."""
    width, height = round(thing.width / 100 * size[0]), round(thing.height / 100 * size[1])
    left, top = round(thing.x / 100 * size[0] - width / 2), round(thing.y / 100 * size[1] - height / 2)
    return [(left + round(u * (width - 1)), top + round(v * (height - 1))) for u, v in KINDS[thing.kind]]
