"""Image files to RGB: whole files of known formats only, in bounded memory, upright.

    bytes -> format, by the first bytes -> metadata dropped -> size checked -> decoded -> 8-bit RGB -> upright

This is the only module that lets Pillow decode a file. Everything that can be wrong with a file becomes
an `ImageError` with a sentence.
"""
from __future__ import annotations

import os
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from minimolmo.image.containers import (
    png_is_whole,
    stripped_bmp_and_orientation,
    stripped_gif_and_orientation,
    stripped_jpeg_and_orientation,
    stripped_png_and_orientation,
    stripped_tiff_and_orientation,
    stripped_webp_and_orientation,
)
from minimolmo.image.depths import scale_png_key, to_grey

warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged files: an error has our words

MAX_BYTES = 500_000_000        # of a file
MAX_PIXELS = 50_000_000        # that are decoded: 1.4 GB of memory at the most, as measured
MAX_JPEG_PIXELS = 200_000_000  # that a JPEG may have: above MAX_PIXELS it is decoded at half its size or less

# What Pillow's readers raise on broken files, as 40,000 of them showed; warnings only if they are errors.
DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, RuntimeError, struct.error, zlib.error,
                 TypeError, LookupError, ArithmeticError, AttributeError, AssertionError, BufferError,
                 Warning, Image.DecompressionBombError)

Result = TypeVar("Result")
Transpose = Image.Transpose
TURNS = {2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
         5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90}


@dataclass(frozen=True)
class Format:
    """A file format: how files begin, a function that removes metadata, Pillow's class that reads it."""
    start: re.Pattern[bytes]
    clean: Callable[[bytes], tuple[bytes, int]]
    reader: type[ImageFile]


# All formats that are read. Others start programs (EPS), or are no photographs (PSD, DDS).
FORMATS = {
    "JPEG": Format(re.compile(rb"\xff\xd8\xff"), stripped_jpeg_and_orientation, JpegImageFile),
    "PNG": Format(re.compile(rb"\x89PNG\r\n\x1a\n"), stripped_png_and_orientation, PngImageFile),
    "WEBP": Format(re.compile(rb"RIFF.{4}WEBP", re.DOTALL), stripped_webp_and_orientation, WebPImageFile),
    "GIF": Format(re.compile(rb"GIF8[79]a"), stripped_gif_and_orientation, GifImageFile),
    "BMP": Format(re.compile(rb"BM"), stripped_bmp_and_orientation, BmpImageFile),
    "TIFF": Format(re.compile(rb"II[*+]\0|MM\0[*+]"), stripped_tiff_and_orientation, TiffImageFile),
}

# What the system says of a file, the specific before the general: why it cannot work, and what to try.
FILE_PROBLEMS = [
    ((FileNotFoundError, NotADirectoryError), "does not exist", "Check the spelling, and your folder."),
    (IsADirectoryError, "is a folder, not an image", "Give the path of one file inside it."),
    (PermissionError, "may not be read by you", "Change its permissions, or copy it to where you may."),
    ((OSError, ValueError), "cannot be read: the system refuses this name or reports an error",
     "Try another copy."),
]


class ImageError(ValueError):
    """An image that cannot be used. `cause` is one word; `why` and `hint` are words for a person."""

    def __init__(self, cause: str, why: str, hint: str):
        super().__init__(f"the image {why}. {hint}")
        self.cause, self.why, self.hint = cause, why, hint


@dataclass(frozen=True)
class DecodedImage:
    """An upright RGB image, and width and height of the original when upright, which may be larger."""
    rgb: Image.Image
    width: int
    height: int
    orientation: int


def read_image_file(path: str | Path) -> DecodedImage:
    """Read and decode one file. Raises ValueError, with the path, for anything but a whole image."""
    return _with_words(path, lambda: decode_image(_read_bytes(path)))


def read_image_bytes(path: str | Path) -> bytes:
    """The bytes of an image file, for `decode_image`. Raises ValueError, with the path, if it is no file."""
    return _with_words(path, lambda: _read_bytes(path))


def _with_words(path: str | Path, action: Callable[[], Result]) -> Result:
    """Read a file; what goes wrong becomes a ValueError with its path."""
    try:
        return action()
    except ImageError as error:
        raise ValueError(f"{path} {error.why}. {error.hint}") from error
    except (OSError, ValueError) as error:
        why, hint = next((why, hint) for kinds, why, hint in FILE_PROBLEMS if isinstance(error, kinds))
        raise ValueError(f"{path} {why}. {hint}") from error


def decode_image(data: bytes, side: int | None = None, min_side: int = 1) -> DecodedImage:
    """Decode a file's bytes: first frame, upright by EXIF, transparent parts white, 8 bits a channel.

    side      a JPEG may be decoded smaller, at 1/2, 1/4 or 1/8, while both its sides stay at least this long
    min_side  images with a shorter side are refused

    JPEGs above MAX_PIXELS are always decoded smaller. Raises ImageError.
    """
    form = _format_of(data)
    try:
        data, orientation = form.clean(data)
        image = form.reader(BytesIO(data))  # reads the header only
        width, height = image.size
        _check_sides(image, min_side)
        _reduce_jpeg(image, side)
        scale_png_key(image, data)
        rgb = to_rgb(image)
        if form.reader is PngImageFile and not _png_is_whole(image, data):
            raise EOFError("rows or the end are missing")
    except ImageError:
        raise
    except MemoryError:
        raise ImageError("memory", "needs more memory than there is", "Make it smaller first.") from None
    except DECODE_ERRORS as error:
        raise ImageError("damaged", "cannot be decoded: it is damaged, cut short or of a rare kind",
                         "Fetch it again, or save it as PNG.") from error
    if orientation in TURNS:
        rgb = rgb.transpose(TURNS[orientation])
    if orientation >= 5:
        width, height = height, width
    return DecodedImage(rgb, width, height, orientation)


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert any Pillow mode to RGB: transparent parts on white, other depths to 8 bits (depths.py)."""
    if image.mode == "F" or image.mode.startswith("I"):  # over 8 bits: convert("RGB") would clip to white
        image = to_grey(image)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    if image.mode == "RGB":
        image.load()
        return image
    return image.convert("RGB")


def _read_bytes(path: str | Path) -> bytes:
    """The bytes of a regular file. A pipe without a writer is refused: reading it would wait for ever."""
    with open(path, "rb", opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("special", "is a pipe, a device or a socket, and not a file",
                             "Save the image as a file first.")
        if status.st_size > MAX_BYTES:
            raise ImageError("too_many_bytes", f"has over {MAX_BYTES:,} bytes, which would fill the memory",
                             "Make it smaller first: the model sees far fewer pixels anyway.")
        return file.read(status.st_size) or b""  # None: a file of the system's that has nothing to say now


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has no such pipes


def _format_of(data: bytes) -> Format:
    for form in FORMATS.values():
        if form.start.match(data):
            return form
    raise ImageError("unknown_format", f"is empty, or not an image of a known format ({', '.join(FORMATS)})",
                     "Open it in a viewer and save it as PNG or JPEG.")


def _check_sides(image: ImageFile, min_side: int) -> None:
    """Raise ImageError if an image's header claims too many pixels, or a side below `min_side`."""
    width, height = image.size
    limit = MAX_JPEG_PIXELS if image.format == "JPEG" else MAX_PIXELS
    if width * height > limit:
        raise ImageError("too_many_pixels", f"claims more than {limit:,} pixels, which would fill the memory",
                         "Make it smaller first: the model sees far fewer pixels anyway.")
    if min(width, height) < min_side:
        raise ImageError("too_small", f"is {width} x {height} pixels, and a side has fewer than {min_side}",
                         "Try a larger copy.")


def _reduce_jpeg(image: ImageFile, side: int | None) -> None:
    """Let Pillow decode a JPEG smaller: if it exceeds MAX_PIXELS, or while both sides stay >= `side`."""
    if image.format != "JPEG" or side is None and image.width * image.height <= MAX_PIXELS:
        return
    scale = 1
    while image.width * image.height > MAX_PIXELS * scale**2:
        scale *= 2
    longest = side or max(image.size)
    image.draft(None, (min(longest, image.width // scale), min(longest, image.height // scale)))


def _png_is_whole(image: PngImageFile, data: bytes) -> bool:
    """Whether a decoded PNG was complete. Its rows are counted if its last pixel is 0 or it is interlaced."""
    pixel = image.getpixel((image.width - 1, image.height - 1))
    is_zero = not (any(pixel) if isinstance(pixel, tuple) else pixel)
    return png_is_whole(data, count_rows=is_zero or "interlace" in image.info)
