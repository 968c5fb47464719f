"""Bytes from strangers to a small JPEG: decoded in full before it counts, upright, at most so many pixels."""
from __future__ import annotations

import io
import random
import threading
import zlib
from dataclasses import dataclass, replace

from PIL import Image, ImageOps

from data.clocks.clock import random_clock
from data.pixmo.records import NEVER, Failed
from data.generate import SAVED_AS
from minimolmo.image.resize import DAMAGE, to_rgb

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # others need not be opened: some start programs
MOST_PIXELS = 50_000_000   # claimed by the header, refused before anything is decoded
SMALLEST = 64              # pixels along the shorter side: less is an icon, or "image removed"
ORIENTATION, ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)  # EXIF's tag; 1 is upright
# What Pillow's readers have been seen to raise, or may, when a file's tables are nonsense.
UNREADABLE = (*DAMAGE, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError, zlib.error)
DECODERS = threading.BoundedSemaphore(2)  # a decoded picture may take 200 MB: only two at a time


@dataclass(frozen=True)
class Picture:
    """Our JPEG, and the size of what it was made from, upright. `turned`: it was stored in another way."""
    jpeg: bytes
    width: int
    height: int
    turned: bool = False


def to_jpeg(body: bytes, size: int) -> Picture:
    """Decode, turn upright, put on white, shrink the longest side to `size`, forget all metadata.

    Raises Failed if it is no whole picture of a known format and a sensible size.
    """
    with DECODERS:
        try:
            with Image.open(io.BytesIO(body), formats=FORMATS) as image:
                _check_size(*image.size)
                width, height = image.size
                orientation = image.getexif().get(ORIENTATION, 1)
                image.draft("RGB", (2 * size, 2 * size))  # JPEG alone: decoded at half or a quarter
                ImageOps.exif_transpose(image, in_place=True)
                small = to_rgb(image)
        except Image.DecompressionBombError as error:
            raise Failed("too_many_pixels", NEVER, str(error)[:200]) from None
        except UNREADABLE as error:
            raise Failed("not_an_image", NEVER, str(error)[:200]) from None
        small.thumbnail((size, size), Image.Resampling.LANCZOS)
        upright = (height, width) if orientation in ON_ITS_SIDE else (width, height)
        return Picture(_encode(small), *upright, turned=orientation != 1)


def draw_clock(time: tuple[int, int, int | None], key: str, size: int) -> Picture:
    """One of our own clocks that shows this time; `key` chooses how it looks."""
    hour, minute, second = time
    clock = random_clock("train", random.Random(key))
    clock = replace(clock, hour=hour, minute=minute, second=second or 0, second_hand=second is not None)
    drawn = clock.draw()
    small = drawn.copy()
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    return Picture(_encode(small), *drawn.size)


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise Failed("too_many_pixels", NEVER, f"{width} x {height}")
    if min(width, height) < SMALLEST:
        raise Failed("too_small", NEVER, f"{width} x {height}")


def _encode(image: Image.Image) -> bytes:
    image.info.clear()  # else comments and colour profiles travel along
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", **SAVED_AS[".jpg"])
    return jpeg.getvalue()
