"""Dataset splits, and the checksum that assigns an image to train or val."""
from __future__ import annotations

import zlib

SPLITS = ("train", "val", "novel")
VAL_EVERY = 8  # one image in this many belongs to val


def train_or_val(facts: object) -> str:
    """The split of an image with these facts: a checksum of the facts decides, so no image is in both."""
    return "train" if zlib.crc32(repr(facts).encode()) % VAL_EVERY else "val"
