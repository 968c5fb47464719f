"""Any image file to a small upright JPEG without metadata, in bounded memory."""
from __future__ import annotations

import io
import threading
from dataclasses import dataclass

from PIL import Image

from minimolmo.image.containers import UPRIGHT
from minimolmo.image.reader import decode_image

JPEG_OPTIONS = dict(quality=90, subsampling=0)
DECODER_LIMIT = threading.BoundedSemaphore(2)  # a decoded picture may take 200 MB: only two at a time


@dataclass(frozen=True)
class ReencodedImage:
    """Our JPEG, and the upright size of the original. `turned`: EXIF says that it was stored rotated."""
    jpeg: bytes
    width: int
    height: int
    turned: bool = False


def reencode(data: bytes, size: int, min_side: int = 1) -> ReencodedImage:
    """Decode an image, turn it upright, put it on white, shrink it to `size` pixels, and drop all metadata.

    Raises ImageError if it is damaged, of an unknown format, too large, or has a side below `min_side`.
    """
    with DECODER_LIMIT:
        decoded = decode_image(data, side=2 * size, min_side=min_side)
        small = decoded.rgb
        small.thumbnail((size, size), Image.Resampling.LANCZOS)
        return ReencodedImage(encode_jpeg(small), decoded.width, decoded.height,
                              decoded.orientation != UPRIGHT)


def encode_jpeg(image: Image.Image) -> bytes:
    """A picture as a JPEG file, without comments, colour profile and EXIF."""
    image.info.clear()
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", **JPEG_OPTIONS)
    return jpeg.getvalue()
