"""Image files without their metadata: pixels and orientation are kept, everything else is dropped.

    stripped_png_and_orientation(data) -> (the data that decide a pixel, orientation)    one for each format

A broken colour profile, comment or camera note then cannot fail an image, because Pillow never reads it.
The orientation is EXIF's, 1 to 8: how the stored pixels are to be turned. 1 is upright. One in
XMP alone does not count, as in browsers, though Pillow's exif_transpose would use it. Nothing here raises an
error for a damaged file: what cannot be understood is left to Pillow.

Sources: the specifications of PNG 3, JPEG (T.81), TIFF 6, BigTIFF, GIF89a and WebP.
"""
from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

UPRIGHT, ORIENTATION = 1, 0x0112  # ORIENTATION: the number of EXIF's tag
PNG_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
PNG_KEY_BYTES = {0: 2, 2: 6}  # by colour type: of tRNS, for the one transparent colour
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# Passes of an interlaced PNG (Adam7): first column and row, steps of columns and rows.
PNG_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
              (0, 1, 1, 2))
INFLATE_BYTES = 1 << 20  # at once, so that a small file cannot fill the memory
JPEG_SEGMENT = re.compile(rb"\xff+[\xc0-\xcf\xdb-\xef\xfe]")
# APP1 to APP15 and comments; of APP0 and APP14, what is not JFIF's and Adobe's word on the colours.
JPEG_METADATA = re.compile(rb"\xff(?:[\xe1-\xed\xef\xfe]|\xe0(?!..JFIF\0.{9})|\xee(?!..Adobe.{7}))",
                           re.DOTALL)
# TIFF's tags of size, layout, compression and colours: all that the decoder needs.
TIFF_TAGS = {254, *range(256, 260), 262, 266, 273, *range(277, 280), 284, 292, 293, 317, 320,
             *range(322, 326), 332, 338, 339, 347, *range(512, 522), *range(529, 533), 34925, 50674}
# How struct reads the types of TIFF's values. Text is read as one letter, a fraction as two numbers.
TIFF_TYPES = {1: "B", 2: "c", 3: "H", 4: "I", 5: "II", 6: "b", 7: "B", 8: "h", 9: "i", 10: "ii", 11: "f",
              12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}


# PNG

def stripped_png_and_orientation(data: bytes) -> tuple[bytes, int]:
    """A PNG's first image."""
    kept, orientation = [data[:8]], UPRIGHT
    for kind, chunk in png_chunks(data):
        if kind == b"tRNS" and len(chunk) < 12 + PNG_KEY_BYTES.get(data[25], 0):
            continue  # too short to name a colour
        if kind in PNG_CHUNKS:
            kept.append(chunk)
        elif kind == b"eXIf":
            orientation = orientation_in_exif(chunk[8:-4])
    return b"".join(kept), orientation


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and the bytes of each chunk up to IEND, length and checksum included. The last may be cut."""
    position, kind = 8, b""
    while kind != b"IEND" and position + 8 <= len(data):
        end = position + 12 + int.from_bytes(data[position:position + 4], "big")
        kind = data[position + 4:position + 8]
        yield kind, data[position:end]
        position = end


def png_is_whole(data: bytes, count_rows: bool) -> bool:
    """Whether a cleaned PNG ends with IEND and its checksums match. `count_rows`: no row may be missing.

    Pillow makes missing rows black.
    """
    kind, inflated, inflate = b"", 0, zlib.decompressobj()
    for kind, chunk in png_chunks(data):
        if zlib.crc32(chunk[4:-4]).to_bytes(4, "big") != chunk[-4:]:
            return False
        piece = chunk[8:-4] if kind == b"IDAT" and count_rows else b""
        while piece:
            inflated += len(inflate.decompress(piece, INFLATE_BYTES))
            piece = inflate.unconsumed_tail
    return kind == b"IEND" and (not count_rows or inflated >= _png_bytes(data))


def _png_bytes(data: bytes) -> int:
    """The size in bytes of a PNG's uncompressed rows, from its header. A row's first byte is its filter."""
    width, height, bits, colour_type, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    total = 0
    for left, top, across, down in PNG_PASSES if interlaced else [(0, 0, 1, 1)]:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        row_bytes = 1 + -(-columns * bits * PNG_CHANNELS[colour_type] // 8)
        total += max(0, rows) * row_bytes if columns > 0 else 0
    return total


# JPEG

def stripped_jpeg_and_orientation(data: bytes) -> tuple[bytes, int]:
    """A JPEG without its metadata segments. Images after the first are kept: no decoder reads them."""
    kept, orientation, position = [data[:2]], UPRIGHT, 2
    while segment := JPEG_SEGMENT.match(data, position):
        start = segment.end() - 2  # before a marker, any number of \xff may stand
        end = start + 2 + int.from_bytes(data[start + 2:start + 4], "big")
        if not JPEG_METADATA.match(data, start, end):
            kept.append(data[start:end])
        elif data[start + 4:start + 10] == b"Exif\0\0":
            orientation = orientation_in_exif(data[start + 4:end])
        position = max(end, start + 2)
    return b"".join([*kept, data[position:]]), orientation


# GIF

def stripped_gif_and_orientation(data: bytes) -> tuple[bytes, int]:
    """A GIF's first frame, on a screen that holds it."""
    position = colours_end = 13 + _gif_colour_bytes(data, 10)
    control = b""  # of the frame: which colour is transparent
    while position < len(data):
        kind, start = data[position:position + 1], position
        if kind == b"!":
            position = _gif_blocks_end(data, start + 2)
            if data[start + 1:start + 3] == b"\xf9\x04" and start + 8 <= len(data):
                control = data[start:start + 3] + bytes([data[start + 3] & 1]) + data[start + 4:position]
        elif kind == b"," and start + 10 <= len(data):
            left, top, width, height = struct.unpack_from("<HHHH", data, start + 1)
            screen = struct.unpack_from("<HH", data, 6)
            sides = max(screen[0], left + width), max(screen[1], top + height)
            end = _gif_blocks_end(data, start + 11 + _gif_colour_bytes(data, start + 9))
            if max(sides) < 1 << 16:
                data = (data[:6] + struct.pack("<HH", *sides) + data[10:colours_end] + control
                        + data[start:end])
            break
        else:
            position += 1
    return data, UPRIGHT


def _gif_colour_bytes(data: bytes, position: int) -> int:
    """The size in bytes of a GIF's colour table, from the flags at `position`; 0 if there is none."""
    flags = data[position] if position < len(data) else 0
    return 6 << (flags & 7) if flags & 128 else 0


def _gif_blocks_end(data: bytes, position: int) -> int:
    """The position after a series of blocks. Each begins with its length; the last has length 0."""
    while position < len(data) and data[position]:
        position += 1 + data[position]
    return position + 1


# WebP, BMP and TIFF

def stripped_webp_and_orientation(data: bytes) -> tuple[bytes, int]:
    """The WebP unchanged, because Pillow does not read its metadata; and its orientation."""
    position, orientation = 12, UPRIGHT
    while position + 8 <= len(data):
        size = int.from_bytes(data[position + 4:position + 8], "little")
        if data[position:position + 4] == b"EXIF":
            orientation = orientation_in_exif(data[position + 8:position + 8 + size])
        position += 8 + size + size % 2
    return data, orientation


def stripped_bmp_and_orientation(data: bytes) -> tuple[bytes, int]:
    """The BMP unchanged, because it has no metadata."""
    return data, UPRIGHT


def stripped_tiff_and_orientation(data: bytes) -> tuple[bytes, int]:
    """A TIFF's first image: its directory is rewritten in place, with the tags that the decoder needs."""
    try:
        directory = _Directory(data)
    except (struct.error, KeyError, OverflowError):
        return data, UPRIGHT
    kept = [entry for entry in directory.entries if directory.tag(entry) in TIFF_TAGS]
    no_next_image = bytes(8 if directory.is_big else 4)
    written = directory.pack_count(len(kept)) + b"".join(kept) + no_next_image
    end = directory.start + len(written)
    return data[:directory.start] + written + data[end:], directory.orientation()


class _Directory:
    """The first directory of a TIFF: a list of entries (tag, type, count, value or its position)."""

    def __init__(self, data: bytes):
        self.data, self.order = data, {b"II": "<", b"MM": ">"}[data[:2]]
        self.is_big = self._number("H", 2) == 43  # BigTIFF: eight bytes where TIFF has four
        self.start = self._number("Q", 8) if self.is_big else self._number("I", 4)
        count = self._number("Q" if self.is_big else "H", self.start)
        first, size = (self.start + 8, 20) if self.is_big else (self.start + 2, 12)
        stop = min(first + count * size, len(data))
        self.entries = [data[at:at + size] for at in range(first, stop - size + 1, size)]

    def _number(self, kind: str, position: int) -> int:
        return struct.unpack_from(self.order + kind, self.data, position)[0]

    def tag(self, entry: bytes) -> int:
        """An entry's tag."""
        return struct.unpack_from(self.order + "H", entry)[0]

    def pack_count(self, count: int) -> bytes:
        """The number that stands before the entries."""
        return struct.pack(self.order + ("Q" if self.is_big else "H"), count)

    def orientation(self) -> int:
        """The orientation, 1 to 8, stored as any type of number; 1 if it is missing or has another value."""
        for entry in self.entries:
            if self.tag(entry) == ORIENTATION:
                try:
                    number = self._value(entry)
                except (struct.error, KeyError, ValueError, OverflowError):
                    return UPRIGHT
                return int(number) if number in range(1, 9) else UPRIGHT
        return UPRIGHT

    def _value(self, entry: bytes) -> float:
        """An entry's first value. A fraction with a denominator of 0 counts by its numerator."""
        kind = self.order + TIFF_TYPES[struct.unpack_from(self.order + "H", entry, 2)[0]]
        field = entry[12:] if self.is_big else entry[8:]
        if struct.calcsize(kind) > len(field):  # then the field says where the value stands
            field = self.data[struct.unpack(self.order + ("Q" if self.is_big else "I"), field)[0]:]
        number, *denominator = struct.unpack_from(kind, field)
        return float(number) / (denominator[0] if denominator and denominator[0] else 1)


def orientation_in_exif(exif: bytes) -> int:
    """The orientation in a block of EXIF, which is a small TIFF; 1 if it is broken or says nothing."""
    try:
        return _Directory(exif.removeprefix(b"Exif\0\0")).orientation()
    except (struct.error, KeyError, OverflowError):
        return UPRIGHT
