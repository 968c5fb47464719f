"""Varies images while training: another window and other light each time, with the points moved along.

A model learns tens of photos by heart, and then sees nothing in others. Drawn sets are large enough without.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from minimolmo.flow import Annotation, Example, Point
from minimolmo.text.facts import NUMBER_WORDS
from minimolmo.text.points import parse_points

MARGIN = 12.0   # percent around each point that stays in the window: the object
WHOLE = 0.25    # probability of the whole image, with every annotation
ENOUGH = 4      # an image is stored at up to about this multiple of the crops' size
WHOLE_STYLES = ("point_explanations", "long_caption", "transcript")  # they may name what is cut off
NUMBER = re.compile(rf"\d|\b({'|'.join(NUMBER_WORDS)})\b", re.I)     # of a count, perhaps
PLACE = re.compile(r"\b(left|right|top|bottom|upper|lower|middle|center|centre|corner|edge)\b", re.I)


@dataclass(frozen=True)
class Variation:
    """One way to show an image: a window, in percent of it, and a gain for each colour channel."""
    left: float
    top: float
    right: float
    bottom: float
    gains: tuple[float, float, float]

    def vary_image(self, image: np.ndarray) -> np.ndarray:
        """The window of an image (H, W, 3) uint8, in other light."""
        height, width = image.shape[:2]
        rows = slice(round(self.top / 100 * height), max(1, round(self.bottom / 100 * height)))
        columns = slice(round(self.left / 100 * width), max(1, round(self.right / 100 * width)))
        return (image[rows, columns] * np.array(self.gains)).clip(0, 255).astype(np.uint8)

    def vary_points(self, points: tuple[Point, ...]) -> tuple[Point, ...]:
        """Points in percent of the window.

        >>> Variation(20, 0, 70, 100, (1, 1, 1)).vary_points(((45.0, 30.0),))
        ((50.0, 30.0),)
        """
        return tuple((100 * (x - self.left) / (self.right - self.left),
                      100 * (y - self.top) / (self.bottom - self.top)) for x, y in points)

    def vary_example(self, example: Example) -> Example:
        """The example for the window. What names a place, or counts what may lie outside, is left out."""
        if (self.left, self.top, self.right, self.bottom) == (0, 0, 100, 100):
            return example
        kept = [replace(a, points=self.vary_points(a.points)) for a in movable_annotations(example)]
        return replace(example, annotations=tuple(kept))


def movable_annotations(example: Example) -> list[Annotation]:
    """The annotations that are true of each window with all points in it."""
    pointed = {a.label for a in example.annotations if a.points}
    return [a for a in example.annotations if a.style not in WHOLE_STYLES
            and not (a.style == "count" and a.label not in pointed)
            and not parse_points(a.answer) and not (a.question and NUMBER.search(a.answer))
            and not PLACE.search(" ".join((a.question, a.label, a.answer)))]


def choose_variation(example: Example, strength: float, rng: np.random.Generator) -> Variation:
    """A random variation, which cuts off up to `strength` of each side and changes the light as much.

    The whole image is shown if it has no points, which say where its objects are, or if it has object labels.
    """
    points = np.array([point for a in example.annotations for point in a.points])
    gains = rng.uniform(1 - strength, 1 + strength) * rng.uniform(1 - strength / 4, 1 + strength / 4, 3)
    cuts, whole = rng.uniform(0, 100 * strength, 4), rng.random() < WHOLE
    if whole or not len(points) or example.things or not movable_annotations(example):
        return Variation(0, 0, 100, 100, tuple(gains.tolist()))
    low = np.minimum(cuts[:2], (points.min(axis=0) - MARGIN).clip(0)).tolist()
    high = np.maximum(100 - cuts[2:], (points.max(axis=0) + MARGIN).clip(max=100)).tolist()
    return Variation(*low, *high, tuple(gains.tolist()))


def shrink(image: np.ndarray, crop_size: int) -> np.ndarray:
    """An image (H, W, 3) with a side of at most 2 * ENOUGH crops, so that many can be kept."""
    factor = max(image.shape[:2]) // (ENOUGH * crop_size)
    return image if factor < 2 else np.asarray(Image.fromarray(image).reduce(factor))
