"""Image files to pixels: open safely, resize to fit, pad.

    path -> open_image -> uint8 (H, W, 3) -> resize_and_pad -> pixels 0..255, uint8 or float32

The model normalises pixels (model/patch_embed.py). Source: the official preprocessor's "default" mode, which
is for CLIP towers.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from minimolmo.image.reader import read_image_file


def open_image(path: str | Path) -> np.ndarray:
    """Read an image file as RGB, (H, W, 3) uint8: upright (EXIF), transparent parts white, first frame.

    Raises ValueError for anything but a whole image in one of the formats of image/reader.py, which also
    has the limits of size. Source: the official code for EXIF; the rules for transparency and for more than
    8 bits are ours.
    """
    return np.array(read_image_file(path).rgb)


def resize_and_pad(image: np.ndarray, height: int, width: int, as_bytes: bool = False,
                   ) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int, int]]:
    """Fit an image into height x width pixels, keeping its aspect ratio; the rest is black padding.

        image    (h, w, 3) uint8
        returns  pixels      (height, width, 3) float32, or uint8 with as_bytes; 0..255
                 is_picture  (height, width) bool, False on the padding
                 box         (top, left, h, w) of the picture, in pixels

    Source: the official preprocessor. Its sizes are float32 and truncated, not rounded: 480x640 in 336x336
    becomes 251x336. A side of 0 px (from 1x10000), where the official code fails, becomes 1 px.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"an array of shape {image.shape} and type {image.dtype} is not an RGB image: "
                         f"those are (height, width, 3) uint8. Try open_image(path).")
    sides = np.array(image.shape[:2], np.float32)
    scale = (np.array([height, width], np.float32) / sides).min()
    h, w = (max(1, int(side)) for side in sides * scale)
    top, left = (height - h) // 2, (width - w) // 2

    picture = slice(top, top + h), slice(left, left + w)
    pixels = np.zeros((height, width, 3), np.uint8 if as_bytes else np.float32)
    is_picture = np.zeros((height, width), bool)
    pixels[picture], is_picture[picture] = (_resize_bytes if as_bytes else _resize)(image, h, w), True
    return pixels, is_picture, (top, left, h, w)


def _resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear resize with antialiasing, (h, w, 3) uint8 to (height, width, 3) float32 in 0..255.

    One channel at a time: Pillow has floats only in its one-channel mode "F", and resizing uint8 rounds every
    pixel. The result equals the official resize (torch's, antialiased) within 0.01 of 255.
    """
    if image.shape[:2] == (height, width):
        return image.astype(np.float32)
    channels = [channel.convert("F").resize((width, height), Image.BILINEAR)
                for channel in Image.fromarray(image).split()]
    return np.stack(channels, axis=-1).clip(0, 255)


def _resize_bytes(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """`_resize` to uint8: faster, with an error of at most 1 (of 255)."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.BILINEAR))
