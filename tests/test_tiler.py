"""Cutting an image into overlapping crops and numbering its visual tokens: `minimolmo/image/tiler.py`."""
import hashlib
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch

from minimolmo.config import ImageConfig
from minimolmo.image.resize import resize_and_pad
from minimolmo.image.tiler import (
    choose_grid,
    cut_crops,
    kept_windows,
    stitch_ids,
    tile_image,
    to_patches,
    token_layout,
    window_patch_ids,
)
from minimolmo.model.patch_embed import normalise_pixels

NANO = ImageConfig()                                                # 8x8 patches, margins of 2, 2x2 pooling
ODD = ImageConfig(crop_size=72, patch_size=8, margins=(2, 2))       # 9x9 patches
UNEVEN = ImageConfig(crop_size=96, patch_size=8, margins=(4, 2))    # drops more at the left and top
MOLMO = ImageConfig(crop_size=336, patch_size=14, margins=(4, 4))   # 24x24 patches
SIGLIP = ImageConfig(crop_size=378, patch_size=14, margins=(4, 4))  # 27x27 patches

GRIDS = [(rows, cols) for rows in range(1, 5) for cols in range(1, 5)]
GOLDEN = json.loads((Path(__file__).parent / "golden" / "tiler.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=4)
def pattern_image(height, width):
    """The image on which the official outputs were recorded."""
    y, x = np.arange(height, dtype=np.int32)[:, None], np.arange(width, dtype=np.int32)
    plane = 7 * y + 13 * x + y * x // 50
    return np.stack([(plane + 29 * channel).astype(np.uint8) for channel in range(3)], axis=-1)  # modulo 256


# choosing the grid

@pytest.mark.parametrize("height, width, grid", [
    (336, 336, (1, 1)), (480, 640, (2, 3)), (640, 480, (3, 2)), (300, 1000, (1, 4)), (3000, 4000, (3, 4)),
    (600, 6000, (1, 12)), (20, 20, (1, 1)),
])
def test_the_grid_has_the_shape_of_the_image(height, width, grid):
    assert choose_grid(height, width, MOLMO, max_crops=12) == grid


def test_a_large_square_gets_the_largest_square_grid():
    """2x3 would shrink it as much as 2x2, because both have 2 rows. On a tie the grid has fewer crops."""
    assert [choose_grid(1000, 1000, NANO, max_crops) for max_crops in (1, 3, 4, 8, 9)] == [
        (1, 1), (1, 1), (2, 2), (2, 2), (3, 3)]


@pytest.mark.parametrize("height, width", [(500, 1500), (1500, 500), (777, 1234), (97, 4000)])
def test_the_best_grid_is_the_only_one_of_its_number_of_crops(height, width):
    """A tie between 1x6 and 2x3 would be one with 1x3 as well, so "fewer crops" settles every tie."""
    def scale(rows, cols):
        return min(rows * 32 / (height - 32), cols * 32 / (width - 32))
    rows, cols = choose_grid(height, width, NANO, max_crops=12)
    others = [(r, rows * cols // r) for r in range(1, 13) if rows * cols % r == 0 and r != rows]

    assert all(scale(*other) < scale(rows, cols) for other in others)


def test_a_small_image_gets_the_grid_that_enlarges_it_least():
    """Nano's crops are 32 px apart and overlap by 32 px; 90x120 px needs 2 x 3 steps: 58 / 32 and 88 / 32."""
    assert choose_grid(90, 120, NANO, max_crops=12) == (2, 3)
    assert choose_grid(64, 96, NANO, max_crops=12) == (1, 2)  # fits exactly


def test_a_strip_thinner_than_the_margins_always_gets_one_crop():
    """Molmo's margins are 112 px. A side of 111 px leaves -1; at 112 px the other side alone decides."""
    assert choose_grid(111, 5000, MOLMO, max_crops=12) == (1, 1)
    assert choose_grid(112, 5000, MOLMO, max_crops=12) == (1, 12)
    assert choose_grid(5000, 112, MOLMO, max_crops=12) == (12, 1)
    assert choose_grid(112, 112, MOLMO, max_crops=12) == (1, 1)


def test_grids_are_those_that_molmo_chooses():
    for height, width, max_crops, *grid in GOLDEN["choose_grid_official_h_w_max_crops_rows_cols"]:
        assert choose_grid(height, width, MOLMO, max_crops) == tuple(grid), (height, width, max_crops)


def test_zero_crops_have_no_grid():
    with pytest.raises(ValueError):
        choose_grid(64, 64, NANO, max_crops=0)


@pytest.mark.words
def test_zero_crops_are_refused_with_what_to_try():
    with pytest.raises(ValueError, match="max_crops=0 leaves no crop.*Try 1 or more"):
        choose_grid(64, 64, NANO, max_crops=0)
    with pytest.raises(ValueError, match="max_crops=-1"):
        tile_image(pattern_image(64, 64), NANO, max_crops=-1)


# cutting

def test_a_patch_is_flattened_row_by_row_with_its_colours_together():
    """One crop of 4x4 pixels in patches of 2x2. Each pixel is (10 * y + x, 0, 0)."""
    crop = np.zeros((1, 4, 4, 3))
    crop[0, ..., 0] = 10 * np.arange(4)[:, None] + np.arange(4)
    patches = to_patches(crop, ImageConfig(crop_size=4, patch_size=2, margins=(0, 0)))

    assert patches.shape == (1, 4, 12)
    assert patches[0, 1].tolist() == [2, 0, 0, 3, 0, 0, 12, 0, 0, 13, 0, 0]  # the patch at the top right


def test_neighbouring_crops_share_the_pixels_of_both_margins():
    """Nano: crops of 64 px, 2 + 2 patches of 8 px shared, so the next crop begins at pixel 32."""
    canvas = np.arange(64 * 96).reshape(64, 96, 1)
    left, right = cut_crops(canvas, (1, 2), NANO)

    assert left.shape == right.shape == (64, 64, 1)
    assert right[0, 0] == 32
    assert (left[:, 32:] == right[:, :32]).all()


# the stitched image

def test_the_overview_is_read_row_by_row():
    assert stitch_ids((1, 1), NANO).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]


def test_two_crops_side_by_side_are_read_as_one_image():
    """Each has 4x4 windows, crop 1 from 16 on. The inner column of each, one window wide, is dropped."""
    assert stitch_ids((1, 2), NANO).tolist() == [[0, 1, 2, 17, 18, 19],
                                                 [4, 5, 6, 21, 22, 23],
                                                 [8, 9, 10, 25, 26, 27],
                                                 [12, 13, 14, 29, 30, 31]]


def test_the_outer_margins_of_the_image_are_kept():
    """Of 12 windows a side, Molmo's crops drop 2 at each inner edge only."""
    assert kept_windows(1, MOLMO) == [slice(0, 12)]
    assert kept_windows(3, MOLMO) == [slice(0, 10), slice(2, 10), slice(2, 12)]
    assert kept_windows(2, UNEVEN) == [slice(0, 5), slice(2, 6)]


@pytest.mark.parametrize("grid", GRIDS)
def test_molmos_stitched_image_has_8_rows_and_4_tokens_for_each_row_and_column_of_crops(grid):
    """8 a crop and 4 more: 480x640 px in 2x3 crops becomes 20x28 visual tokens."""
    assert stitch_ids(grid, MOLMO).shape == (8 * grid[0] + 4, 8 * grid[1] + 4)


@pytest.mark.parametrize("config", [NANO, MOLMO, UNEVEN])
@pytest.mark.parametrize("grid", GRIDS)
def test_stitching_keeps_every_patch_of_the_image_exactly_once_and_in_order(grid, config):
    """Number the patches of a canvas, cut it into crops and gather with pool_idx: the canvas comes back."""
    steps = config.side - sum(config.margins)
    height, width = (count * steps + sum(config.margins) for count in grid)
    canvas = np.arange(height * width).reshape(height, width)
    in_patches = ImageConfig(config.side, 1, config.margins)  # the same crops, one pixel a patch
    crops = to_patches(cut_crops(canvas, grid, in_patches), in_patches).reshape(-1)

    pool_idx, (token_grid,) = token_layout((grid,), config)
    windows = canvas.reshape(height // 2, 2, width // 2, 2).swapaxes(1, 2).reshape(-1, 4)
    assert token_grid == (height // 2, width // 2)
    assert (crops[pool_idx] == windows).all()


def test_a_window_holds_neighbouring_patches():
    """Nano's crop has 8 patches in a row, so below patch 0 lies patch 8."""
    assert window_patch_ids(NANO)[:2].tolist() == [[0, 1, 8, 9], [2, 3, 10, 11]]


def test_where_a_window_reaches_beyond_a_crop_there_is_no_patch():
    """9 patches a side are 5 windows: the last of a row has two patches, the corner a single one."""
    windows = window_patch_ids(ODD)

    assert windows.shape == (25, 4)
    assert windows[4].tolist() == [8, -1, 17, -1]
    assert windows[24].tolist() == [80, -1, -1, -1]
    pool_idx, _ = token_layout(((1, 1), (1, 1)), ODD)
    assert pool_idx[25 + 4].tolist() == [81 + 8, -1, 81 + 17, -1]  # the same in the next crop, 81 patches on


def test_odd_crops_round_what_they_keep_up_to_whole_windows():
    """9 patches: 7 at an edge are 4 windows, 5 in the middle are 3. SigLIP's 27: 12, then 10, then 12."""
    assert kept_windows(3, ODD) == [slice(0, 4), slice(1, 4), slice(1, 5)]
    assert [stitch_ids((1, cols), SIGLIP).shape for cols in (1, 2, 3)] == [(14, 14), (14, 24), (14, 34)]


def test_a_token_layout_is_cached_and_read_only():
    pool_idx, _ = token_layout(((1, 1), (2, 2)), NANO)

    assert pool_idx is token_layout(((1, 1), (2, 2)), NANO)[0]
    with pytest.raises(ValueError, match="read-only"):
        pool_idx[0] = 0


# from image to Crops

def test_bird_view_is_the_overview_alone():
    crops = tile_image(pattern_image(48, 64), NANO, max_crops=0)

    assert crops.patches.shape == (1, 64, 192) and crops.patches.dtype == np.float32
    assert crops.grid == (0, 0) and crops.token_grids == ((4, 4),)
    assert crops.pool_idx.shape == (16, 4) and crops.pool_idx.dtype == np.int64
    assert crops.patch_coverage.shape == (1, 64) and crops.patch_coverage.dtype == np.float32


def test_the_overview_comes_first_and_is_the_same_for_every_max_crops():
    bird, ground = (tile_image(pattern_image(480, 640), NANO, max_crops) for max_crops in (0, 4))

    assert len(ground.patches) == 1 + 4 and ground.token_grids == ((4, 4), (6, 6))
    for field in ("patches", "patch_coverage", "crop_boxes"):
        assert (getattr(ground, field)[:1] == getattr(bird, field)).all()
    assert (ground.pool_idx[:16] == bird.pool_idx).all()
    assert ground.pool_idx[16].tolist() == [64, 65, 72, 73]  # the first window of crop 1


def test_a_one_by_one_grid_costs_a_second_crop_equal_to_the_overview():
    crops = tile_image(pattern_image(64, 64), NANO, max_crops=4)

    assert crops.grid == (1, 1) and (crops.patches[0] == crops.patches[1]).all()


def test_the_kept_patches_are_the_image_and_nothing_else():
    """64x96 px fits a 1x2 grid as it is: read in order, the kept patches show it without a seam."""
    picture = pattern_image(64, 96)
    crops = tile_image(picture, NANO, max_crops=4)
    assert crops.grid == (1, 2)

    kept = crops.patches.reshape(-1, 192)[crops.pool_idx[16:]]                              # (4 * 6, 4, 192)
    kept = kept.reshape(4, 6, 2, 2, 8, 8, 3).transpose(0, 2, 4, 1, 3, 5, 6).reshape(64, 96, 3)
    assert (kept == picture).all()


def test_a_pixel_seen_by_two_crops_reaches_one_visual_token():
    """x = 50 lies in what crop 0 drops (pixels 48 to 64) and in what crop 1 keeps (pixels 48 to 96)."""
    before = pattern_image(64, 96)
    after = before.copy()
    after[20, 50] = 255 - after[20, 50]
    old, new = (tile_image(picture, NANO, max_crops=4) for picture in (before, after))

    changed = (old.patches != new.patches).any(axis=-1).reshape(-1)                         # (C * S,)
    assert changed.reshape(3, 64).sum(axis=1).tolist()[1:] == [1, 1]  # it is in both crops
    tokens = np.flatnonzero((changed[new.pool_idx] & (new.pool_idx >= 0)).any(axis=1))
    assert tokens[tokens >= 16].tolist() == [16 + 6 * 1 + 3]  # second row of 6, fourth column


def test_crop_boxes_are_in_percent_of_the_original_image():
    """480x640 px: 48x64 in the overview, 8 px of padding above. 72x96 on the canvas of 96x96, 12 px above."""
    crops = tile_image(pattern_image(480, 640), NANO, max_crops=4)

    assert crops.crop_boxes.dtype == np.float32
    assert crops.crop_boxes[0] == pytest.approx([0, -100 / 6, 100, 400 / 3])
    assert crops.crop_boxes[1] == pytest.approx([0, -100 / 6, 200 / 3, 800 / 9])  # left, top, width, height
    assert crops.crop_boxes[4] == pytest.approx([100 / 3, 250 / 9, 200 / 3, 800 / 9])


@pytest.mark.parametrize("x, y", [(5, 5), (50, 50), (62, 31), (97, 90)])
@pytest.mark.parametrize("config", [NANO, ODD, UNEVEN])
@pytest.mark.parametrize("shape", [(480, 640), (500, 200)])
def test_a_bright_spot_is_in_the_patch_that_crop_boxes_predict(shape, config, x, y):
    """A white spot at x, y percent of a black image is the brightest patch of every crop that holds it."""
    picture, (height, width) = np.zeros((*shape, 3), np.uint8), shape
    row, col, radius = round(y / 100 * height), round(x / 100 * width), 6
    picture[row - radius:row + radius, col - radius:col + radius] = 255
    crops = tile_image(picture, config, max_crops=6)

    num_crops = 0
    for patches, (left, top, across, down) in zip(crops.patches, crops.crop_boxes):
        expected = np.array([(y - top) / down, (x - left) / across]) * config.side  # row, column, in patches
        if (expected > 0).all() and (expected < config.side).all():
            num_crops += 1
            brightest = np.array(divmod(patches.sum(axis=1).argmax(), config.side))
            assert (np.abs(brightest + 0.5 - expected) < 0.75).all()  # 0.5, and some for a spot between two
    assert num_crops >= 2  # the overview, and one crop at least


def test_patch_coverage_is_the_fraction_of_a_patch_that_is_image():
    """60x64 px: 2 px of padding above and below, so 6 of 8 pixel rows of the outer patches are image."""
    coverage = tile_image(pattern_image(60, 64), NANO, max_crops=0).patch_coverage.reshape(8, 8)

    assert coverage[:, 0].tolist() == [0.75, 1, 1, 1, 1, 1, 1, 0.75]


@pytest.mark.parametrize("shape", [(1, 1), (1, 10_000), (10_000, 1), (2, 65)])
@pytest.mark.parametrize("max_crops", [0, 4])
def test_images_of_any_shape_are_tiled(shape, max_crops):
    crops = tile_image(np.full((*shape, 3), 200, np.uint8), NANO, max_crops)

    assert np.isfinite(crops.patches).all() and crops.patch_coverage.max() > 0
    assert len(crops.patches) == 1 + crops.grid[0] * crops.grid[1]
    assert len(crops.pool_idx) == sum(rows * cols for rows, cols in crops.token_grids)


# against the official code

def config_of(case):
    sizes = GOLDEN["configs"][case["config"]]
    return ImageConfig(sizes["base"], sizes["patch"], tuple(sizes["margins"]), sizes["pool"])


def official_input_idx(crops, config):
    """The position in the sequence to which the official code scatters each window of each crop, or -100."""
    positions, start = [], 0
    for rows, cols in crops.token_grids:  # start token, rows of (tokens, column token), end token
        positions += [start + 1 + row * (cols + 1) + col for row in range(rows) for col in range(cols)]
        start += 2 + rows * (cols + 1)
    window_of_first_patch = {patch: window for window, (patch, *_) in enumerate(window_patch_ids(config))}
    idx = np.full((len(crops.patches), len(window_of_first_patch)), -100, "<i4")
    for position, (first, *_) in zip(positions, crops.pool_idx):
        crop, patch = divmod(first, config.side ** 2)
        idx[crop, window_of_first_patch[patch]] = position
    return idx, start


@pytest.mark.parametrize("case", GOLDEN["cases"], ids="{config}-{h}x{w}-{max_crops}".format_map)
def test_crops_and_token_order_equal_those_of_the_official_code(case):
    """Recorded from the preprocessor released with Molmo, on pattern images."""
    config, image = config_of(case), pattern_image(case["h"], case["w"])
    crops = tile_image(image, config, case["max_crops"])

    assert list(crops.grid) == case["tiling"]
    assert [list(grid) for grid in crops.token_grids] == case["token_grids"]
    assert list(crops.patches.shape) == case["crops_shape"]

    idx, tokens = official_input_idx(crops, config)
    assert tokens == case["n_image_tokens"]
    assert list(idx.shape) == case["image_input_idx_shape"]
    assert (idx >= 0).sum(axis=1).tolist() == case["kept_per_crop"]
    assert hashlib.sha256(idx.tobytes()).hexdigest() == case["image_input_idx_sha256"]

    assert crops.patch_coverage.sum(axis=1) == pytest.approx(case["image_masks_aligned_sums"], abs=1e-3)
    assert (crops.patch_coverage == 0).sum(axis=1).tolist() == case["aligned_count_zero"]
    partial = (crops.patch_coverage > 0) & (crops.patch_coverage < 1)
    assert partial.sum(axis=1).tolist() == case["aligned_count_partial"]

    boxes = {"global_image_box": (config.crop_size, config.crop_size), "canvas_image_box": case["canvas"]}
    for name, size in boxes.items():
        assert resize_and_pad(image, *size)[2] == tuple(case[name][key] for key in ("top", "left", "h", "w"))

    if "crop_mean" in case:
        patches = normalise_pixels(torch.from_numpy(crops.patches)).numpy()
        assert patches.mean(axis=(1, 2)) == pytest.approx(case["crop_mean"], abs=1e-4)
        for crop, patch, number, value in case["crop_samples"]:
            assert patches[crop, patch, number] == pytest.approx(value, abs=1e-4)
