"""Resizing and padding images (`image/resize.py`), and how the model then normalises them."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from minimolmo.config import PIXEL_MEAN, PIXEL_STD
from minimolmo.image.resize import resize_and_pad
from minimolmo.model.patch_embed import normalise_pixels


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


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
