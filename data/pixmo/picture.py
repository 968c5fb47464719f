"""Bytes from strangers to a small JPEG: decoded in full before it counts, upright, at most so many pixels."""
from __future__ import annotations

import io
import random
import threading
import zlib
from dataclasses import dataclass, replace

from PIL import Image, ImageOps

from data.clocks.clock import random_clock
from data.generate import SAVE_OPTIONS
from data.pixmo.records import NEVER, FetchError
from minimolmo.image.resize import DECODE_ERRORS, to_rgb

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # others need not be opened: some start programs
MAX_PIXELS = 50_000_000   # claimed by the header, refused before anything is decoded
MIN_SIDE = 64              # pixels along the shorter side: less is an icon, or "image removed"
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)  # EXIF's tag; 1 is upright
# What Pillow's readers have been seen to raise, or may, when a file's tables are nonsense.
DECODING_ERRORS = (*DECODE_ERRORS, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError, zlib.error)
DECODER_LIMIT = threading.BoundedSemaphore(2)  # a decoded picture may take 200 MB: only two at a time


@dataclass(frozen=True)
class FetchedImage:
    """Our JPEG, and the size of what it was made from, upright. `turned`: it was stored in another way."""
    jpeg: bytes
    width: int
    height: int
    turned: bool = False


def to_jpeg(body: bytes, size: int) -> FetchedImage:
    """Decode, turn upright, put on white, shrink the longest side to `size`, forget all metadata.

    Raises Failed if it is no whole picture of a known format and a sensible size.
    """
    with DECODER_LIMIT:
        try:
            with Image.open(io.BytesIO(body), formats=FORMATS) as image:
                _check_size(*image.size)
                width, height = image.size
                orientation = image.getexif().get(ORIENTATION, 1)
                image.draft("RGB", (2 * size, 2 * size))  # JPEG alone: decoded at half or a quarter
                ImageOps.exif_transpose(image, in_place=True)
                small = to_rgb(image)
        except Image.DecompressionBombError as error:
            raise FetchError("too_many_pixels", NEVER, str(error)[:200]) from None
        except DECODING_ERRORS as error:
            raise FetchError("not_an_image", NEVER, str(error)[:200]) from None
        small.thumbnail((size, size), Image.Resampling.LANCZOS)
        upright = (height, width) if orientation in SIDEWAYS else (width, height)
        return FetchedImage(_encode(small), *upright, turned=orientation != 1)


def draw_clock(time: tuple[int, int, int | None], key: str, size: int) -> FetchedImage:
    """One of our own clocks that shows this time; `key` chooses how it looks."""
    hour, minute, second = time
    clock = random_clock("train", random.Random(key))
    clock = replace(clock, hour=hour, minute=minute, second=second or 0, second_hand=second is not None)
    drawn = clock.draw()
    small = drawn.copy()
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    return FetchedImage(_encode(small), *drawn.size)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise FetchError("too_many_pixels", NEVER, f"{width} x {height}")
    if min(width, height) < MIN_SIDE:
        raise FetchError("too_small", NEVER, f"{width} x {height}")


def _encode(image: Image.Image) -> bytes:
    image.info.clear()  # else comments and colour profiles travel along
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", **SAVE_OPTIONS[".jpg"])
    return jpeg.getvalue()
