"""Images of other depths to 8 bits a channel: grey of 12, 16 and more bits, floats, transparent colours.

    to_grey(image) -> the image in 8-bit grey

A PNG says how deep its samples are. A TIFF may hold 8 or 12 bits in a larger box: there the largest sample
decides (`to_8_bits`).
"""
from __future__ import annotations

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION, SAMPLEFORMAT

PNG_BITS = 24  # the byte of a PNG's header with the bits per sample
OVERSHOOT = 1.05  # of floats: sharpening and resizing leave values a little above white


def to_grey(image: Image.Image) -> Image.Image:
    """An image of one deep channel in 8-bit grey. The transparent grey of a PNG becomes white."""
    values = _samples(image)
    if image.format == "PNG":
        grey = (values >> 8).astype(np.uint8)
        grey[values == image.info.get("transparency", -1)] = 255
    else:
        grey = to_8_bits(values)
        if image.format == "TIFF" and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0:  # 0 is white
            grey = 255 - grey
    return Image.fromarray(grey)


def to_8_bits(values: np.ndarray) -> np.ndarray:
    """Samples of unknown depth as uint8. The largest one decides how deep they are.

    Integers have the first depth of 8, 12 and 16 bits that holds the largest value; above 65535 its own
    number of bits. The highest 8 of these bits are kept. Floats up to 2 count from 0 to 1. Others have depths
    as integers have, but the largest may exceed 255, 4095 or 65535 by 5 %. What is above white is white.
    Negative values are black, and so is NaN.

    >>> to_8_bits(np.array([-7, 0, 255])), to_8_bits(np.array([0, 2048, 4095]))
    (array([  0,   0, 255], dtype=uint8), array([  0, 128, 255], dtype=uint8))
    >>> to_8_bits(np.array([0, 256, 65535])), to_8_bits(np.array([0.0, 0.4, 1.001]))
    (array([  0,   1, 255], dtype=uint8), array([  0, 102, 255], dtype=uint8))
    """
    if values.dtype.kind == "f":
        top = float(values[np.isfinite(values)].max(initial=0))
        values = np.nan_to_num(values, nan=0, posinf=top, neginf=0)
        values = np.rint(values * 255 if top <= 2 else values / 2.0**(_depth(top, OVERSHOOT) - 8))
    else:
        values = values >> (_depth(int(values.max())) - 8)
    return values.clip(0, 255).astype(np.uint8)


def _depth(largest: float, overshoot: float = 1.0) -> int:
    """Bits per sample (8, 12, 16 or more) of an image whose largest sample is `largest`."""
    return next((bits for bits in (8, 12, 16) if largest < overshoot * 2**bits), int(largest).bit_length())


def _samples(image: Image.Image) -> np.ndarray:
    """The values of a one-channel image. Pillow reads unsigned 32-bit ones as signed: this is undone."""
    values = np.asarray(image)
    if values.dtype == np.int32 and image.format == "TIFF" and image.tag_v2.get(SAMPLEFORMAT, (1,)) == (1,):
        return values.view(np.uint32)
    return values


def scale_png_key(image: ImageFile, data: bytes) -> None:
    """Convert the transparent colour of a PNG to the depth that Pillow gives its pixels.

    Pillow makes 1, 2 and 4 bits of grey, and 16 of red, green and blue, to 8, but not those of this colour.
    """
    key = image.info.get("transparency")
    if image.format != "PNG" or key is None:
        return
    largest = 2**data[PNG_BITS] - 1
    if image.mode in ("1", "L"):
        image.info["transparency"] = (key & largest) * 255 // largest
    elif image.mode == "RGB":
        image.info["transparency"] = tuple(value >> 8 if largest > 255 else value & 255 for value in key)
