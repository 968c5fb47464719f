"""Masks of the pixels that show each object, computed from a row, so that no file has to store them.

Rows list their objects in painting order, and a silhouette depends on the object alone. The visible part of
an object is its silhouette without the silhouettes of all later objects.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.scenes.paint import silhouette
from minimolmo.flow import Point, Thing


def visible_masks(things: Sequence[Thing], width: int, height: int) -> list[np.ndarray]:
    """The visible pixels of each object in an image of width x height pixels: (height, width) bool."""
    uncovered, masks = np.ones((height, width), bool), []
    for thing in reversed(things):
        covered = np.asarray(silhouette(thing, width, height)) > 0
        masks.append(covered & uncovered)
        uncovered &= ~covered
    return masks[::-1]


def covers_point(mask: np.ndarray, point: Point) -> bool:
    """Is the mask true at this point, given in percent of the image?"""
    height, width = mask.shape
    column, row = (min(int(share / 100 * side), side - 1) for share, side in zip(point, (width, height)))
    return bool(mask[row, column])
