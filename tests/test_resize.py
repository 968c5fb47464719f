"""Opening, resizing and padding images (`image/resize.py`), and how the model then normalises them."""
import struct
import zlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from minimolmo.config import PIXEL_MEAN, PIXEL_STD
from minimolmo.image.resize import open_image, resize_and_pad
from minimolmo.model.patch_embed import normalise_pixels

RED, WHITE, BLACK = [255, 0, 0], [255, 255, 255], [0, 0, 0]


def saved(folder, image, name="image.png", **settings):
    image.save(folder / name, **settings)
    return folder / name


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


# opening a file

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


def test_of_an_animation_the_first_frame_counts(tmp_path):
    first, second = (Image.new("RGB", (1, 1), colour) for colour in ("red", "blue"))
    path = saved(tmp_path, first, "image.gif", save_all=True, append_images=[second])

    assert open_image(path).tolist() == [[RED]]


def png_header(width, height):
    """A PNG that says how large it is, and ends where its pixels should begin."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I17sII4s", 13, head, zlib.crc32(head), 99, b"IDAT")


@pytest.mark.parametrize("content, problem", [
    (b"", "is empty, or not an image"),
    (b"dear diary", "is empty, or not an image"),
    (png_header(8, 8), "cut short"),
    (png_header(0, 8), "not an image"),
    (png_header(20_000, 20_000), "claims more than 178,956,970 pixels"),
], ids=["nothing", "text", "no pixels", "no width", "20000x20000"])
def test_a_file_that_is_no_image_is_refused_with_its_name_the_reason_and_a_hint(tmp_path, content, problem):
    path = tmp_path / "cat.png"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=f"cat.png .*{problem}.*\\. [A-Z].*\\.$"):
        open_image(path)


@pytest.mark.parametrize("name", ["cat.jpg", "cat.png", "cat.webp"])
def test_half_an_image_is_no_image(tmp_path, name):
    path = saved(tmp_path, Image.fromarray(noise(64, 64)), name)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])

    with pytest.raises(ValueError, match="cut short"):
        open_image(path)


def test_a_huge_image_is_refused_even_where_pillow_is_told_to_allow_it(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    (tmp_path / "bomb.png").write_bytes(png_header(178_956_971, 1))

    with pytest.raises(ValueError, match="Make it smaller first"):
        open_image(tmp_path / "bomb.png")


def test_missing_files_folders_and_locked_files_have_different_messages(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="does not exist"):
        open_image(tmp_path / "nothing.png")
    with pytest.raises(ValueError, match="is a folder"):
        open_image(tmp_path)

    def locked(path):
        raise PermissionError(path)
    monkeypatch.setattr(Image, "open", locked)
    with pytest.raises(ValueError, match="may not be read"):
        open_image(tmp_path / "locked.png")


# resizing and padding

def test_the_aspect_ratio_is_kept_and_the_padding_is_black():
    """4x8 into 7x8: the 3 rows left over are split 1 above, 2 below."""
    pixels, is_picture, box = resize_and_pad(np.full((4, 8, 3), 255, np.uint8), 7, 8)

    assert box == (1, 0, 4, 8)  # top, left, height, width
    assert is_picture[:, 0].tolist() == [False, True, True, True, True, False, False]
    assert (pixels == 255 * is_picture[..., None]).all()  # the picture is white, the padding black
    assert pixels.dtype == np.float32 and is_picture.dtype == bool


def test_sizes_are_cut_off_and_not_rounded():
    """480x640 into 336x336: 480 * 0.525 is 252, but slightly less in float32. Molmo was trained with 251."""
    assert resize_and_pad(noise(480, 640), 336, 336)[2] == (42, 0, 251, 336)
    assert resize_and_pad(noise(30, 57), 20, 20)[2] == (5, 0, 10, 20)  # 10.53


def test_an_image_of_the_right_size_keeps_its_pixels():
    picture = noise(6, 9)

    assert (resize_and_pad(picture, 6, 9)[0] == picture).all()


@pytest.mark.parametrize("height, width", [(64, 64), (7, 7), (300, 300), (1, 40)])
def test_resizing_agrees_with_torchs_antialiased_interpolation(height, width):
    """The official code resizes with torch; ours needs no torch."""
    picture = noise(48, 80)
    pixels, _, (top, left, h, w) = resize_and_pad(picture, height, width)
    channels_first = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    torchs = F.interpolate(channels_first, (h, w), mode="bilinear", antialias=True)[0].permute(1, 2, 0)

    assert np.abs(pixels[top:top + h, left:left + w] - torchs.numpy()).max() < 4e-5 * 255


def test_a_resized_pixel_may_lie_between_two_of_the_255_levels():
    """The mean of 0 and 1 is half a level, which resizing in uint8 would round."""
    picture = np.array([[0, 1], [0, 1]], np.uint8)[..., None].repeat(3, axis=2)

    assert resize_and_pad(picture, 1, 1)[0][0, 0] == pytest.approx(0.5)


@pytest.mark.parametrize("shape, box", [((1, 1), (0, 0, 64, 64)), ((1, 10_000), (31, 0, 1, 64)),
                                        ((10_000, 1), (0, 31, 64, 1)), ((1, 65), (31, 0, 1, 64))])
def test_a_side_shorter_than_a_pixel_keeps_one_pixel(shape, box):
    """1x10000 would be 64 x 0.0064 pixels, where the official code fails."""
    pixels, is_picture, found = resize_and_pad(np.full((*shape, 3), 255, np.uint8), 64, 64)

    assert found == box
    assert is_picture.sum() == box[2] * box[3] == pixels[..., 0].sum() / 255


@pytest.mark.parametrize("array", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8),
                                   np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_an_array_that_is_no_rgb_image_is_refused(array):
    with pytest.raises(ValueError, match="is not an RGB image.*Try open_image"):
        resize_and_pad(array, 8, 8)


# normalising, in the model

def test_normalising_makes_clips_mean_colour_zero_and_one_standard_deviation_more_one():
    mean, std = torch.tensor(PIXEL_MEAN), torch.tensor(PIXEL_STD)
    assert normalise_pixels(255 * mean).numpy() == pytest.approx([0, 0, 0], abs=1e-6)
    assert normalise_pixels(255 * (mean + std)).numpy() == pytest.approx([1, 1, 1])


def test_padding_is_black_and_so_not_zero_once_normalised():
    black = normalise_pixels(torch.zeros(3)).numpy()
    assert black == pytest.approx([-1.792263, -1.752097, -1.480220], abs=1e-6)
