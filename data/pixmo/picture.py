"""Turn a downloaded image, or a drawn clock, into a small upright JPEG."""
from __future__ import annotations

import random
from dataclasses import replace

from PIL import Image

from data.clocks.clock import random_clock
from data.pixmo.records import NEVER, FetchError
from minimolmo.image.reader import ImageError
from minimolmo.image.reencode import ReencodedImage, encode_jpeg, reencode

MIN_SIDE = 64              # pixels along the shorter side: less is an icon, or "image removed"
# Causes of an ImageError that are counted by themselves. The others are "not_an_image".
SIZE_CAUSES = ("too_many_pixels", "too_small")


def to_jpeg(body: bytes, size: int) -> ReencodedImage:
    """`reencode` for a download. Raises FetchError if it cannot be used."""
    try:
        return reencode(body, size, MIN_SIDE)
    except ImageError as error:
        cause = error.cause if error.cause in SIZE_CAUSES else "not_an_image"
        raise FetchError(cause, NEVER, str(error)[:200]) from None


def draw_clock(time: tuple[int, int, int | None], key: str, size: int) -> ReencodedImage:
    """One of our clocks, which shows this time; `key` decides its appearance."""
    hour, minute, second = time
    clock = random_clock("train", random.Random(key))
    clock = replace(clock, hour=hour, minute=minute, second=second or 0, second_hand=second is not None)
    drawn = clock.draw()
    small = drawn.copy()
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    return ReencodedImage(encode_jpeg(small), *drawn.size)
