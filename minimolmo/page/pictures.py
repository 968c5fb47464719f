"""The pictures that a page has sent: decoded with care, kept in memory up to a limit, found by their ids."""
from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from minimolmo.image.reader import decode_image

MAX_PICTURES = 256         # that are kept; older ones are forgotten
MAX_PIXELS = 100_000_000   # of all that are kept: 300 MB
BLANK = 255                # the brightness of a blank picture, as in evaluate.py


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    id             16 hex digits of the sha256 of the file's bytes
    pixels         (H, W, 3) uint8, upright
    width, height  of the original when upright; a large JPEG is decoded smaller
    """
    id: str
    pixels: np.ndarray
    width: int
    height: int

    def blank(self) -> np.ndarray:
        """A white picture of the same size."""
        return np.full_like(self.pixels, BLANK)


class Pictures:
    """The last pictures, by their ids. Several threads may use them."""

    def __init__(self, max_pictures: int = MAX_PICTURES, max_pixels: int = MAX_PIXELS):
        self.max_pictures, self.max_pixels = max_pictures, max_pixels
        self.kept: OrderedDict[str, Picture] = OrderedDict()  # the least recently used one comes first
        self.lock, self.decoding = threading.Lock(), threading.Lock()

    def add(self, data: bytes) -> Picture:
        """Decode a file's bytes and keep the picture. Raises ImageError (a ValueError) for anything else."""
        name = hashlib.sha256(data).hexdigest()[:16]
        picture = self.kept.get(name) or self._decode(name, data)
        with self.lock:
            self.kept[name] = picture
            self.kept.move_to_end(name)
            self._forget_oldest()
        return picture

    def _decode(self, name: str, data: bytes) -> Picture:
        with self.decoding:  # one at a time: a single one may need 1.4 GB
            decoded = decode_image(data)
            return Picture(name, np.array(decoded.rgb), decoded.width, decoded.height)

    def __getitem__(self, name: str) -> Picture:
        """The picture with this id. Raises ValueError if there is none."""
        with self.lock:
            if name not in self.kept:
                raise ValueError(f"the picture {name} is not here, so nothing can be asked about it. Try "
                                 f"sending it again: only the last {self.max_pictures} are kept.")
            self.kept.move_to_end(name)
            return self.kept[name]

    def _forget_oldest(self) -> None:
        """Drop pictures until both limits hold. The newest one always stays."""
        pixels = sum(picture.pixels.size // 3 for picture in self.kept.values())
        while len(self.kept) > self.max_pictures or (pixels > self.max_pixels and len(self.kept) > 1):
            _, dropped = self.kept.popitem(last=False)
            pixels -= dropped.pixels.size // 3


def png(pixels: np.ndarray) -> bytes:
    """A picture (H, W, 3) uint8 as the bytes of a PNG file."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
