"""Decode a downloaded image safely and turn it into a small upright JPEG."""
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

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # others would start programs
MAX_PIXELS = 50_000_000   # by the header; larger images are refused before decoding
MIN_SIDE = 64              # pixels along the shorter side; smaller images are icons or placeholders
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)  # EXIF tag; 1 is upright
# Errors of Pillow's decoders on damaged files.
DECODING_ERRORS = (*DECODE_ERRORS, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError,
                   zlib.error)
DECODER_LIMIT = threading.BoundedSemaphore(2)  # a decoded image may take 200 MB, so only two at a time


@dataclass(frozen=True)
class FetchedImage:
    """Our JPEG, and the upright size of the original. `turned`: EXIF says that it was stored rotated."""
    jpeg: bytes
    width: int
    height: int
    turned: bool = False


def to_jpeg(body: bytes, size: int) -> FetchedImage:
    """Decode an image, turn it upright, put it on white, shrink it to `size`, and drop all metadata.

    Raises FetchError if the bytes are not a complete image of a known format and a suitable size.
    """
    with DECODER_LIMIT:
        try:
            with Image.open(io.BytesIO(body), formats=FORMATS) as image:
                _check_size(*image.size)
                width, height = image.size
                orientation = image.getexif().get(ORIENTATION, 1)
                image.draft("RGB", (2 * size, 2 * size))  # JPEG only: decode at a half or a quarter
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
    """One of our clocks, which shows this time; `key` decides its appearance."""
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
    image.info.clear()  # drops comments and colour profiles
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", **SAVE_OPTIONS[".jpg"])
    return jpeg.getvalue()
