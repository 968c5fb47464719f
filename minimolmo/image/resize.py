"""Image files to pixels: open safely, resize to fit, pad.

    path -> open_image -> uint8 (H, W, 3) -> resize_and_pad -> pixels 0..255, uint8 or float32

The model normalises pixels (model/patch_embed.py). Source: the official preprocessor's "default" mode, which
is for CLIP towers.
"""
from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 178_956_970  # Pillow's own limit: a file of a few kilobytes can claim more than memory holds

# What Pillow's readers raise on a broken file.
DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, RuntimeError, struct.error)

# Problems of a file, the specific before the general: why it cannot work, and what to try.
PROBLEMS = [
    ((FileNotFoundError, NotADirectoryError), "does not exist", "Check the spelling, and your folder."),
    (IsADirectoryError, "is a folder, not an image", "Give the path of one file inside it."),
    (PermissionError, "may not be read by you", "Change its permissions, or copy it to where you may."),
    (Image.DecompressionBombError, f"claims more than {MAX_PIXELS:,} pixels, more than is safe to decode",
     "Make it smaller first: the model sees far fewer pixels anyway."),
    (UnidentifiedImageError, "is empty, or not an image in a format that Pillow reads",
     "Open it in a viewer and save it as PNG or JPEG."),
    (DECODE_ERRORS, "cannot be decoded: it is damaged, cut short or of a rare kind",
     "Fetch it again, or save it as PNG."),
]


def open_image(path: str | Path) -> np.ndarray:
    """Read an image file as RGB, (H, W, 3) uint8: upright (EXIF), transparent parts white, first frame.

    Raises ValueError for anything that is not a whole, readable image of at most MAX_PIXELS pixels.
    Source: the official code for EXIF; the rules for transparency and for more than 8 bits are ours.
    """
    try:
        with Image.open(path) as image:  # reads the header only
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            ImageOps.exif_transpose(image, in_place=True)
            return np.array(to_rgb(image))
    except (Image.DecompressionBombError, *DECODE_ERRORS) as error:
        why, hint = next((why, hint) for kind, why, hint in PROBLEMS if isinstance(error, kind))
        raise ValueError(f"{path} {why}. {hint}") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert any Pillow mode to RGB: transparent parts become white, 16-bit and float values 8-bit."""
    if image.mode == "F" or image.mode.startswith("I"):  # over 8 bits: convert("RGB") would clip to white
        image = Image.fromarray(_to_8_bits(np.asarray(image)))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    """Pixel values as uint8. Integers are 16-bit; floats are 0..1, or 0..255 if one is larger than 1."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(values)
        values = np.rint(values * 255 if values.max() <= 1 else values)
    else:
        values = values // 256
    return values.clip(0, 255).astype(np.uint8)


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
