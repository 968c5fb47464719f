"""Opening images (`image/reader.py`): ordinary ones, strange metadata and depths, and what is refused."""
import os
import socket
import struct
import subprocess
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image
from test_architecture import ROOT
from tools.faults import SAMPLES, mutate_images, sample_images

from minimolmo.image import reader
from minimolmo.image.depths import to_8_bits
from minimolmo.image.reader import FORMATS, decode_image
from minimolmo.image.resize import open_image

RED, WHITE, BLACK = [255, 0, 0], [255, 255, 255], [0, 0, 0]
ORIENTATION, X_RESOLUTION, SAMPLE_FORMAT, PHOTOMETRIC = 274, 282, 339, 262  # tags of EXIF and TIFF
SHORT, LONG, RATIONAL, FLOAT, DOUBLE, TEXT, BYTE = 3, 4, 5, 11, 12, 2, 1  # their types


def saved(folder, image, name="image.png", **settings):
    image.save(folder / name, **settings)
    return folder / name


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


# ordinary files

def test_a_png_is_read_as_rows_of_red_green_blue(tmp_path):
    picture = noise(2, 5)
    opened = open_image(saved(tmp_path, Image.fromarray(picture)))

    assert opened.dtype == np.uint8 and opened.shape == (2, 5, 3)
    assert (opened == picture).all()


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.tif", "photo.webp"])
def test_a_photo_taken_with_the_camera_on_its_side_stands_upright(tmp_path, name):
    """EXIF orientation 6: the top of the scene is at the left edge of the file."""
    sideways = Image.new("RGB", (40, 20), "black")
    sideways.paste("white", (0, 0, 16, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = open_image(saved(tmp_path, sideways, name, exif=exif))

    assert upright.shape == (40, 20, 3)
    assert upright[4].min() > 200 and upright[36].max() < 50


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_white_as_on_a_page(tmp_path, mode):
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    opened = open_image(saved(tmp_path, picture.convert(mode), "image.png"))

    assert opened.tolist() == [[BLACK, WHITE]]


def test_a_half_transparent_red_is_pink(tmp_path):
    pink = Image.new("RGBA", (1, 1), (255, 0, 0, 127))

    assert open_image(saved(tmp_path, pink)).tolist() == [[[255, 128, 128]]]


def test_one_palette_colour_can_be_the_transparent_one(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette(RED + [0, 255, 0])
    picture.putpixel((1, 0), 1)

    assert open_image(saved(tmp_path, picture, "image.gif", transparency=1)).tolist() == [[RED, WHITE]]
    assert open_image(saved(tmp_path, picture, "image.png")).tolist() == [[RED, [0, 255, 0]]]


def test_grey_and_black_and_white_images_get_three_equal_channels(tmp_path):
    assert open_image(saved(tmp_path, Image.new("L", (1, 1), 77))).tolist() == [[[77, 77, 77]]]
    assert open_image(saved(tmp_path, Image.new("1", (1, 1), 1))).tolist() == [[WHITE]]


@pytest.mark.parametrize("kind", [np.uint16, np.int32])
def test_16_bit_grey_is_scaled_and_not_cut_off(tmp_path, kind):
    """65535 is white and half of it is grey; plain Pillow makes both white."""
    picture = Image.fromarray(np.array([[0, 256], [32768, 65535]], kind))

    assert open_image(saved(tmp_path, picture, "image.tif"))[..., 0].tolist() == [[0, 1], [128, 255]]


@pytest.mark.parametrize("values", [[0.0, 0.4, 1.0], [0.0, 102.0, 255.0]])
def test_floats_count_from_0_to_1_or_else_to_255(tmp_path, values):
    picture = Image.fromarray(np.array([values], np.float32))

    assert open_image(saved(tmp_path, picture, "image.tif"))[0, :, 0].tolist() == [0, 102, 255]


def test_printers_colours_become_screen_colours(tmp_path):
    """CMYK counts ink: none is white, all of the black is black."""
    picture = Image.new("CMYK", (2, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (0, 0, 0, 255))

    assert open_image(saved(tmp_path, picture, "image.tif")).tolist() == [[WHITE, BLACK]]


@pytest.mark.parametrize("name", ["image.gif", "image.png", "image.tif", "image.webp"])
def test_of_an_animation_the_first_frame_counts(tmp_path, name):
    first, second = (Image.new("RGB", (1, 1), colour) for colour in ("red", "blue"))
    options = {"lossless": True} if name == "image.webp" else {}
    path = saved(tmp_path, first, name, save_all=True, append_images=[second], **options)

    assert open_image(path).tolist() == [[RED]]


# metadata

def exif(*tags, order="<"):
    """A block of EXIF: (tag, type, the value's bytes) for each entry."""
    start, body, entries = 8 + 2 + 12 * len(tags) + 4, b"", b""
    for tag, kind, value in tags:
        field = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "I", start + len(body))
        body += value if len(value) > 4 else b""
        entries += struct.pack(order + "HHI", tag, kind, 1) + field
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return b"Exif\0\0" + head + struct.pack(order + "H", len(tags)) + entries + bytes(4) + body


def sideways(width=40, height=20):
    """White at the left edge: the top of the scene, if the camera lay on its side (orientation 6)."""
    image = Image.new("RGB", (width, height), "black")
    image.paste("white", (0, 0, 16, height))
    return image


def is_turned(opened):
    return opened.shape == (40, 20, 3) and opened[4].min() > 200 and opened[36].max() < 50


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.webp"])
@pytest.mark.parametrize("kind, value", [
    (FLOAT, struct.pack("<f", 6)), (DOUBLE, struct.pack("<d", 6)), (RATIONAL, struct.pack("<II", 6, 1)),
    (RATIONAL, struct.pack("<II", 6, 0)), (LONG, struct.pack("<I", 6)), (BYTE, b"\6"), (TEXT, b"6\0"),
    (SHORT, struct.pack("<H", 6))])
def test_the_orientation_counts_whatever_type_of_number_it_is(tmp_path, name, kind, value):
    """A fraction with the denominator 0 counts by its numerator."""
    photo = saved(tmp_path, sideways(), name, exif=exif((ORIENTATION, kind, value)))

    assert is_turned(open_image(photo))


@pytest.mark.parametrize("kind, number", [
    (SHORT, 0), (SHORT, 9), (SHORT, 1), (SHORT, 65535), (FLOAT, 6.5), (FLOAT, float("nan")),
    (FLOAT, float("inf")), (99, 6), (TEXT, 200)])
def test_an_orientation_that_is_none_of_eight_leaves_the_photo_as_it_is(tmp_path, kind, number):
    value = struct.pack("<f", number) if kind == FLOAT else struct.pack("<H", number)
    photo = saved(tmp_path, sideways(), "photo.jpg", exif=exif((ORIENTATION, kind, value)))
    decoded = decode_image(photo.read_bytes())

    assert decoded.rgb.size == (40, 20) and decoded.orientation == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_of_the_eight_orientations_is_turned_as_pillow_turns_it(tmp_path, orientation, order):
    from PIL import ImageOps
    block = exif((ORIENTATION, SHORT, struct.pack(order + "H", orientation)), order=order)
    path = saved(tmp_path, Image.fromarray(noise(3, 5)), exif=block)

    with Image.open(path) as image:
        assert (open_image(path) == np.array(ImageOps.exif_transpose(image))).all()


@pytest.mark.parametrize("tags", [
    [(X_RESOLUTION, RATIONAL, struct.pack("<II", 1, 0))],                   # one divided by nothing
    [(X_RESOLUTION, FLOAT, struct.pack("<f", 72))],                         # a float where a fraction belongs
    [(0x8769, LONG, struct.pack("<I", 1 << 31))],                           # a directory beyond the file
    [(0x8825, SHORT, struct.pack("<H", 7)), (0x010F, TEXT, b"\xff" * 99)],  # a place that is no number
])
@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.webp"])
def test_strange_notes_of_a_camera_do_not_matter(tmp_path, name, tags):
    block = exif((ORIENTATION, SHORT, struct.pack("<H", 6)), *tags)

    assert is_turned(open_image(saved(tmp_path, sideways(), name, exif=block)))


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.webp"])
def test_exif_that_is_cut_anywhere_does_not_matter(tmp_path, name):
    block = exif((ORIENTATION, RATIONAL, struct.pack("<II", 6, 1)))
    for length in range(6, len(block)):
        assert open_image(saved(tmp_path, sideways(), name, exif=block[:length])).shape == (20, 40, 3)


@pytest.mark.parametrize("kind, value", [(FLOAT, 6.0), (RATIONAL, 6.0), (SHORT, 6)])
def test_a_tiff_is_turned_too_and_its_other_pages_and_tags_do_not_matter(tmp_path, kind, value):
    from PIL.TiffImagePlugin import ImageFileDirectory_v2
    tags = ImageFileDirectory_v2()
    tags[ORIENTATION], tags[X_RESOLUTION], tags[0x8769] = value, float("nan"), 1 << 31
    tags.tagtype.update({ORIENTATION: kind, X_RESOLUTION: FLOAT, 0x8769: LONG})
    path = saved(tmp_path, sideways(), "photo.tif", tiffinfo=tags, save_all=True,
                 append_images=[Image.new("RGB", (9, 9))])

    assert is_turned(open_image(path))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits", "jpeg"])
def test_compressed_tiffs_are_turned_as_well(tmp_path, compression):
    path = saved(tmp_path, sideways(), "photo.tif", tiffinfo={ORIENTATION: 6}, compression=compression)

    assert is_turned(open_image(path))


def test_a_big_tiff_is_read_as_a_small_one(tmp_path):
    path = saved(tmp_path, sideways(), "photo.tif", big_tiff=True, tiffinfo={ORIENTATION: 6})

    assert path.read_bytes()[2] == 43 and is_turned(open_image(path))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


BIG_TEXT = zlib.compress(b"la" * 1_000_000)
PNG_METADATA = {
    "2 MB of text": chunk(b"zTXt", b"song\0\0" + BIG_TEXT),
    "2 MB of text, UTF-8": chunk(b"iTXt", b"song\0\1\0\0\0" + BIG_TEXT),
    "a profile of 2 MB": chunk(b"iCCP", b"colours\0\0" + BIG_TEXT),
    "a profile packed in an unknown way": chunk(b"iCCP", b"colours\0\7"),
    "an empty profile": chunk(b"iCCP", b""),
    "text with a wrong checksum": chunk(b"tEXt", b"a\0b")[:-1] + b"?",
    "no unit of length": chunk(b"pHYs", b""),
    "an animation without frames": chunk(b"acTL", b"\0"),
    "frames out of order": chunk(b"fcTL", b"\xff" * 26),
    "half a gamma": chunk(b"gAMA", b"\0"),
    "EXIF that is none": chunk(b"eXIf", b"Exif"),
}


@pytest.mark.parametrize("what", PNG_METADATA)
def test_a_png_with_strange_metadata_has_the_pixels_it_has_without(tmp_path, what):
    path = saved(tmp_path, Image.fromarray(noise(5, 7)))
    content = path.read_bytes()
    for place in (33, len(content) - 12):  # behind the header, and behind the pixels
        path.write_bytes(content[:place] + PNG_METADATA[what] + content[place:])

        assert (open_image(path) == noise(5, 7)).all()


def segment(marker, data):
    return struct.pack(">BBH", 255, marker, len(data) + 2) + data


@pytest.mark.parametrize("data", [
    segment(0xE0, b"JFIF\0"), segment(0xE0, b"JFIF"), segment(0xE2, b"ICC_PROFILE\0"),
    segment(0xE2, b"ICC_PROFILE\0\1\7" + b"x" * 60_000) * 3, segment(0xE2, b"MPF\0" + b"\xff" * 30),
    segment(0xED, b"Photoshop 3.0\0" + b"8BIM"), segment(0xED, b"Photoshop 3.0\0" + b"8BIM\0\1\xff"),
    segment(0xEE, b"Adobe"), segment(0xFE, b"a secret place" * 1000), segment(0xE1, b"Exif\0\0")])
def test_a_jpeg_with_strange_metadata_has_the_pixels_it_has_without(tmp_path, data):
    path = saved(tmp_path, sideways(), "photo.jpg")
    content, before = path.read_bytes(), open_image(path)
    for place in (2, 20):  # at the front, and behind JFIF's segment
        path.write_bytes(content[:place] + data + content[place:])

        assert (open_image(path) == before).all()


def test_a_jpeg_with_fill_bytes_before_a_marker_is_turned(tmp_path):
    """As T.81 allows them (B.1.1.2)."""
    path = saved(tmp_path, sideways(), "photo.jpg")
    content = path.read_bytes()
    block = segment(0xE1, exif((ORIENTATION, SHORT, b"\6\0")))
    path.write_bytes(content[:2] + b"\xff\xff" + block + b"\xff" + content[2:])

    assert is_turned(open_image(path))


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
@pytest.mark.parametrize("settings", [{}, {"keep_rgb": True}, {"progressive": True}])
def test_the_colours_of_a_jpeg_are_those_that_pillow_reads(tmp_path, mode, settings):
    """The segments that tell how colours are stored must not go with the metadata."""
    path = saved(tmp_path, Image.fromarray(noise(16, 16)).convert(mode), "photo.jpg", **settings)

    with Image.open(path) as image:
        assert (open_image(path) == np.array(image.convert("RGB"))).all()


# depths

@pytest.mark.parametrize("values, expected", [
    ([0, 1, 255], [0, 1, 255]),                            # 8 bits in a larger box
    ([0, 2048, 4095], [0, 128, 255]),                      # 12, as scanners and X-rays have
    ([0, 256, 32768, 65535], [0, 1, 128, 255]),            # 16
    ([0, 1 << 19, (1 << 20) - 1], [0, 128, 255]),          # 20: above 16, as many as are needed
    ([0, 1 << 30, (1 << 31) - 1], [0, 128, 255]),
    ([-1 << 31, -1, 128, 255], [0, 0, 128, 255]),
    ([-5, -4], [0, 0])])
def test_integers_are_scaled_by_the_bits_that_the_largest_needs(tmp_path, values, expected):
    path = saved(tmp_path, Image.fromarray(np.array([values], np.int32)), "image.tif")

    assert open_image(path)[0, :, 0].tolist() == expected


@pytest.mark.parametrize("values, expected", [
    ([0.0, 0.25, 1.0], [0, 64, 255]), ([0.0, 128.0, 255.0], [0, 128, 255]),
    ([0.0, 32768.0, 65535.0], [0, 128, 255]), ([-3.0, 0.0, 1.0], [0, 0, 255]),
    ([np.nan, 0.0, 1.0], [0, 0, 255]), ([np.inf, 0.5, 1.0], [255, 128, 255]), ([np.nan] * 2, [0, 0]),
    ([-np.inf, 2.0**126], [0, 128]),
    ([0.0, 0.5, 1.001], [0, 128, 255]), ([0.0, 0.5, 1.5], [0, 128, 255]),      # a little above white
    ([0.0, 128.0, 255.6], [0, 128, 255]), ([0.0, 128.0, 267.0], [0, 128, 255]),
    ([0.0, 2048.0, 4299.0], [0, 128, 255]), ([0.0, 32768.0, 65536.0], [0, 128, 255])])
@pytest.mark.filterwarnings("error")
def test_floats_above_1_are_scaled_as_integers_are(values, expected):
    assert to_8_bits(np.array(values, np.float32)).tolist() == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_16_bit_files_in_both_orders_of_bytes_look_the_same(tmp_path, mode):
    samples = np.array([256, 65280], "<u2" if mode == "I;16" else ">u2")
    image = Image.frombytes(mode, (2, 1), samples.tobytes())

    assert open_image(saved(tmp_path, image, "image.tif"))[0, :, 0].tolist() == [1, 255]


@pytest.mark.parametrize("values, photometric", [
    (np.array([[0, 65535]], np.uint16), 1), (np.array([[65535, 0]], np.uint16), 0),
    (np.array([[0, 1]], np.float32), 1), (np.array([[1, 0]], np.float32), 0)])
def test_a_tiff_says_whether_0_is_black_or_white(tmp_path, values, photometric):
    path = saved(tmp_path, Image.fromarray(values), "image.tif")
    one, given = (struct.pack("<HHII", PHOTOMETRIC, SHORT, 1, number) for number in (1, photometric))
    assert path.read_bytes().count(one) == 1
    path.write_bytes(path.read_bytes().replace(one, given))

    assert open_image(path)[0, :, 0].tolist() == [0, 255]


def png(colour_type, bits, row, *chunks):
    """A PNG of 2 x 1 pixels."""
    header = struct.pack(">IIBBBBB", 2, 1, bits, colour_type, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks)
            + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b""))


@pytest.mark.parametrize("values, expected", [([0, 255], [0, 0]), ([256, 4095], [1, 15])])
def test_a_png_of_16_bits_always_has_16_bits(tmp_path, values, expected):
    """A dark one is not made brighter, as it would be if 255 or 4095 were white."""
    path = saved(tmp_path, Image.fromarray(np.array([values], np.uint16)))

    assert open_image(path)[0, :, 0].tolist() == expected


@pytest.mark.parametrize("colour_type, bits, row, key, other", [
    (0, 1, b"\x40", [1], 0), (0, 2, b"\x10", [1], 0), (0, 4, b"\x05", [5], 0), (0, 8, b"\0\x05", [5], 0),
    (0, 16, b"\x20\1\x20\0", [0x2000], 0x20), (2, 8, b"\0\0\0\5\5\5", [5] * 3, 0),
    (2, 16, b"\0" * 6 + b"\x20\1" * 3, [0x2001] * 3, 0)])
def test_a_transparent_colour_is_white_at_every_depth(colour_type, bits, row, key, other):
    """Of grey of 16 bits, a colour that differs in its low bits alone is another one."""
    tail = chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
    opened = np.array(decode_image(png(colour_type, bits, row, tail)).rgb)

    assert opened.tolist() == [[[other] * 3, WHITE]]


@pytest.mark.parametrize("colour_type, row", [(0, b"\0\5"), (2, b"\0\0\0\5\5\5")])
@pytest.mark.parametrize("size", [0, 1])
def test_a_transparent_colour_that_is_cut_short_is_ignored(colour_type, row, size):
    opened = np.array(decode_image(png(colour_type, 8, row, chunk(b"tRNS", bytes(size)))).rgb)

    assert opened.tolist() == [[[0] * 3, [5] * 3]]


def test_fill_bytes_before_a_jpegs_segment_do_not_hide_the_orientation(tmp_path):
    path = saved(tmp_path, sideways(), "photo.jpg", exif=exif((ORIENTATION, SHORT, b"\6\0")))
    content = path.read_bytes()
    assert content.count(b"\xff\xe1") == 1
    path.write_bytes(content.replace(b"\xff\xe1", b"\xff\xff\xff\xe1"))

    assert is_turned(open_image(path))


def test_pillows_warnings_of_a_damaged_file_do_not_reach_the_terminal(tmp_path):
    path = saved(tmp_path, Image.fromarray(noise(9, 9)), "image.tif")
    path.write_bytes(path.read_bytes()[:50])
    script = "import sys; from minimolmo.image.resize import open_image; open_image(sys.argv[1])"
    ended = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True,
                           encoding="utf-8", cwd=ROOT)

    assert "cannot be decoded" in ended.stderr and "UserWarning" not in ended.stderr


def test_unsigned_32_bit_values_do_not_turn_negative(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.array([[0, 1 << 30, -1]], np.int32)), "image.tif")
    signed, unsigned = (struct.pack("<HHIHH", SAMPLE_FORMAT, SHORT, 1, number, 0) for number in (2, 1))
    assert path.read_bytes().count(signed) == 1
    path.write_bytes(path.read_bytes().replace(signed, unsigned))

    assert open_image(path)[0, :, 0].tolist() == [0, 64, 255]


# what is refused

def png_header(width, height):
    """A PNG that says how large it is, and ends where its pixels should begin."""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + struct.pack(">I4s", 99, b"IDAT"))


def bmp_header(width, height):
    return struct.pack("<2sIHHIIIIHHIIIIII", b"BM", 99, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def gif_header(width, height, frame=(1, 1)):
    return (struct.pack("<6sHHBBB", b"GIF89a", width, height, 0, 0, 0) + b"!\xf9\x04\x08\0\0\0\0,"
            + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x08\0;")


def tiff_header(width, height):
    return exif((256, LONG, struct.pack("<I", width)), (257, LONG, struct.pack("<I", height)),
                (258, SHORT, b"\x08\0"), (262, SHORT, b"\1\0"), (273, LONG, b"\x08\0\0\0"),
                (279, LONG, b"\x08\0\0\0"))[6:]


def jpeg_header(width, height):
    return b"\xff\xd8" + segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0") + (
        segment(0xDA, b"\1\1\0\0\x3f\0"))


@pytest.mark.parametrize("content, problem", [
    (b"", "is empty, or not an image"),
    (b"dear diary", "is empty, or not an image"),
    (b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\1\0\0\0\1\0\x08\0\3", "is empty, or not an image"),
    (png_header(8, 8), "cut short"),
    (png_header(0, 8), "damaged"),
    (bmp_header(0, 8), "damaged"),
    (png_header(20_000, 20_000), "claims more than 50,000,000 pixels"),
    (bmp_header(20_000, 20_000), "claims more than 50,000,000 pixels"),
    (gif_header(10_000, 10_000), "claims more than 50,000,000 pixels"),
    (gif_header(9, 9, frame=(10_000, 10_000)), "claims more than 50,000,000 pixels"),
    (gif_header(65_535, 65_535, frame=(65_535, 65_535)), "claims more than 50,000,000 pixels"),
    (tiff_header(10_000, 10_000), "claims more than 50,000,000 pixels"),
    (tiff_header(1 << 31, 1 << 31), "claims more than 50,000,000 pixels"),
    (jpeg_header(60_000, 60_000), "claims more than 200,000,000 pixels"),
])
@pytest.mark.filterwarnings("error")
def test_a_file_that_is_no_image_is_refused_with_its_name_the_reason_and_a_hint(tmp_path, content, problem):
    """The header alone is read, so that a small file cannot fill the memory; and nothing else is printed."""
    path = tmp_path / "cat.png"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"cat.png .*{problem}.*\\. [A-Z].*\\.$"):
            open_image(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["EPS", "PPM", "DDS", "JPEG2000", "ICO", "TGA", "SGI", "PCX", "ICNS", "IM"])
def test_formats_that_are_not_on_the_list_are_refused_by_any_file_name(tmp_path, form, monkeypatch):
    """EPS would start a program: Ghostscript."""
    monkeypatch.setattr("subprocess.Popen", None)
    path = saved(tmp_path, Image.fromarray(noise(64, 64)), "cat.png", format=form)

    with pytest.raises(ValueError, match="not an image of a known format .JPEG, PNG, WEBP, GIF, BMP, TIFF"):
        open_image(path)


def test_every_format_on_the_list_is_read(tmp_path):
    for form in FORMATS:
        path = saved(tmp_path, Image.fromarray(noise(8, 8)), "cat", format=form)
        assert open_image(path).shape == (8, 8, 3)


@pytest.mark.parametrize("what", sorted(SAMPLES))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_file_that_is_cut_anywhere_is_refused_or_lacks_nothing(what):
    content = sample_images()[what]
    whole = np.array(decode_image(content).rgb)
    for length in range(0, len(content), 3):
        try:
            opened = np.array(decode_image(content[:length]).rgb)
        except ValueError:
            continue
        assert (opened == whole).all(), f"the first {length} of {len(content)} bytes"


@pytest.mark.parametrize("rows", [2, 19, 20])
@pytest.mark.parametrize("image", [noise(20, 20), np.zeros((20, 20, 3), np.uint8)], ids=["noise", "black"])
def test_a_png_with_a_tenth_of_its_rows_is_not_whole(tmp_path, rows, image):
    """Its chunks are all right, and so is the compressed stream: it only ends too early."""
    stream = b"".join(b"\0" + row.tobytes() for row in image[:rows])
    path = tmp_path / "cat.png"
    path.write_bytes(png_header(20, 20)[:-8] + chunk(b"IDAT", zlib.compress(stream)) + chunk(b"IEND", b""))
    if rows == 20:
        assert (open_image(path) == image).all()
    else:
        with pytest.raises(ValueError, match="cat.png cannot be decoded: it is damaged, cut short"):
            open_image(path)


def test_an_interlaced_png_needs_all_of_its_passes(tmp_path):
    """A 5 x 5 grey image has 1, 1, 2 x 1, 1 x 2, 3 x 1, 2 x 3 and 5 x 2 pixels in its seven passes."""
    passes = [(1, 1), (1, 1), (2, 1), (1, 2), (3, 1), (2, 3), (5, 2)]
    passes[1] = (1, 1)  # columns 4, row 0
    stream = b"".join((b"\0" + b"\x80" * width) * height for width, height in passes)
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 5, 8, 0, 0, 0, 1))
    path = tmp_path / "cat.png"
    path.write_bytes(head + chunk(b"IDAT", zlib.compress(stream)) + chunk(b"IEND", b""))
    assert (open_image(path) == 128).all()
    path.write_bytes(head + chunk(b"IDAT", zlib.compress(stream[:-6])) + chunk(b"IEND", b""))
    with pytest.raises(ValueError, match="cut short"):
        open_image(path)


def test_one_wrong_bit_among_a_pngs_pixels_is_noticed(tmp_path):
    path = saved(tmp_path, Image.fromarray(noise(20, 20)))
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)

    with pytest.raises(ValueError, match="damaged"):
        open_image(path)


@pytest.mark.parametrize("error", [TypeError, KeyError, ZeroDivisionError, MemoryError, OSError, SyntaxError,
                                   AttributeError, RecursionError, AssertionError, struct.error, UserWarning])
def test_whatever_pillow_raises_becomes_words(tmp_path, monkeypatch, error):
    """40,000 damaged files made Pillow raise a TypeError once."""
    def nonsense(*_):
        raise error("nonsense")
    monkeypatch.setattr(reader, "to_rgb", nonsense)

    with pytest.raises(ValueError, match="cat.png (cannot be decoded|needs more memory).*\\. [A-Z].*\\.$"):
        open_image(saved(tmp_path, Image.fromarray(noise(8, 8)), "cat.png"))


# large images

@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pixels, expected", [
    (4800, (60, 80)), (4799, (30, 40)), (1000, (15, 20)), (80, (8, 10))])
def test_a_jpeg_above_the_limit_is_decoded_at_half_its_size_or_less(tmp_path, monkeypatch, pixels, expected):
    monkeypatch.setattr(reader, "MAX_PIXELS", pixels)
    path = saved(tmp_path, sideways(80, 60), "photo.jpg", exif=exif((ORIENTATION, SHORT, b"\3\0")))
    opened = open_image(path)

    assert opened.shape == (*expected, 3)
    assert opened[0, -1].min() > 150 and opened[0, 0].max() < 100  # upside down: white is at the right now
    decoded = decode_image(path.read_bytes())
    assert (decoded.width, decoded.height) == (80, 60)


def test_other_formats_above_the_limit_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "MAX_PIXELS", 4799)
    for form in FORMATS.keys() - {"JPEG"}:
        with pytest.raises(ValueError, match="claims more than 4,799 pixels.*Make it smaller first"):
            open_image(saved(tmp_path, sideways(80, 60), "photo", format=form))


def test_a_huge_file_is_not_read(tmp_path):
    """A hole of a terabyte: it takes no place on the disk."""
    path = tmp_path / "cat.webp"
    with open(path, "wb") as file:
        file.write(b"RIFF\xff\xff\xff\xffWEBP")
        file.truncate(1 << 34)

    with pytest.raises(ValueError, match="has over 500,000,000 bytes.*Make it smaller"):
        open_image(path)


# files that are none

def test_missing_files_folders_and_locked_files_have_different_messages(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="nothing.png does not exist. Check"):
        open_image(tmp_path / "nothing.png")
    with pytest.raises(ValueError, match="is a folder"):
        open_image(tmp_path)
    for name in ("a\0b.png", "a" * 5000 + ".png", "\ud800.png"):
        with pytest.raises(ValueError, match="cannot be read|does not exist"):
            open_image(name)

    def locked(*_):
        raise PermissionError("locked")
    monkeypatch.setattr(reader.os, "open", locked)
    with pytest.raises(ValueError, match="may not be read"):
        open_image(tmp_path / "locked.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes in the file system")
def test_a_pipe_a_device_and_a_socket_are_refused_at_once(tmp_path):
    """A pipe that nobody writes to would be waited for for ever."""
    os.mkfifo(tmp_path / "cat.png")
    with pytest.raises(ValueError, match="cat.png is a pipe, a device or a socket.*Save the image"):
        open_image(tmp_path / "cat.png")
    with pytest.raises(ValueError, match="/dev/zero is a pipe, a device or a socket"):
        open_image("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(ValueError, match="socket (is a pipe|cannot be read)"):
            open_image(tmp_path / "socket")


# many damaged files

@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_files_open_or_are_refused_in_words():
    assert mutate_images(seed=1, count=300) == []
