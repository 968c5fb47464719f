"""Decode a downloaded image safely and turn it into a small upright JPEG."""
from __future__ import annotations

import io
import random
import threading
from dataclasses import dataclass, replace

from PIL import Image

from data.clocks.clock import random_clock
from data.generate import SAVE_OPTIONS
from data.pixmo.records import NEVER, FetchError
from minimolmo.image.containers import UPRIGHT
from minimolmo.image.reader import ImageError, decode_image

MIN_SIDE = 64              # pixels along the shorter side: less is an icon, or "image removed"
# Causes of an ImageError that are counted by themselves. The others are "not_an_image".
SIZE_CAUSES = ("too_many_pixels", "too_small")
DECODER_LIMIT = threading.BoundedSemaphore(2)  # a decoded picture may take 200 MB: only two at a time


@dataclass(frozen=True)
class ReencodedImage:
    """Our JPEG, and the upright size of the original. `turned`: EXIF says that it was stored rotated."""
    jpeg: bytes
    width: int
    height: int
    turned: bool = False


def to_jpeg(body: bytes, size: int) -> ReencodedImage:
    """Decode an image, turn it upright, put it on white, shrink it to `size`, and drop all metadata.

    Raises FetchError if the image is damaged, of an unknown format, too large or too small.
    """
    with DECODER_LIMIT:
        try:
            decoded = decode_image(body, side=2 * size, min_side=MIN_SIDE)
        except ImageError as error:
            cause = error.cause if error.cause in SIZE_CAUSES else "not_an_image"
            raise FetchError(cause, NEVER, str(error)[:200]) from None
        small = decoded.rgb
        small.thumbnail((size, size), Image.Resampling.LANCZOS)
        return ReencodedImage(_encode(small), decoded.width, decoded.height, decoded.orientation != UPRIGHT)


def draw_clock(time: tuple[int, int, int | None], key: str, size: int) -> ReencodedImage:
    """One of our clocks, which shows this time; `key` decides its appearance."""
    hour, minute, second = time
    clock = random_clock("train", random.Random(key))
    clock = replace(clock, hour=hour, minute=minute, second=second or 0, second_hand=second is not None)
    drawn = clock.draw()
    small = drawn.copy()
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    return ReencodedImage(_encode(small), *drawn.size)


def _encode(image: Image.Image) -> bytes:
    image.info.clear()  # drops comments and colour profiles
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", **SAVE_OPTIONS[".jpg"])
    return jpeg.getvalue()
