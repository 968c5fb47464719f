"""Which pixels of a picture show a thing: drawn again from the things of a row, so no file holds masks.

Level full stores its things in the order of painting, and a silhouette is a function of the thing alone: what
of a thing is seen is its silhouette without those of all later things.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.scenes.paint import silhouette
from minimolmo.flow import Point, Thing


def visible_masks(things: Sequence[Thing], width: int, height: int) -> list[np.ndarray]:
    """For each thing of a picture of width x height pixels where it is seen: (height, width) bool."""
    uncovered, masks = np.ones((height, width), bool), []
    for thing in reversed(things):
        covered = np.asarray(silhouette(thing, width, height)) > 0
        masks.append(covered & uncovered)
        uncovered &= ~covered
    return masks[::-1]


def covers_point(mask: np.ndarray, point: Point) -> bool:
    """Whether the mask is true at a point in percent of the picture."""
    height, width = mask.shape
    column, row = (min(int(share / 100 * side), side - 1) for share, side in zip(point, (width, height)))
    return bool(mask[row, column])
