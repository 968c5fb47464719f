"""The tiler: cuts an image into an overview and overlapping crops, and lists the patches to pool.

    choose_grid            how many crops, in rows and columns
    cut_crops, to_patches  canvas -> overlapping crops -> patches; from_patches goes back
    stitch_ids             the pooling windows that are left without the overlap, laid out like the image
    tile_image             all of it: image -> Crops
    token_boxes            where in the image each visual token comes from

A *window* is pool x pool patches of one crop, pooled into one visual token; windows are numbered row by row.
Source: Molmo paper, Section 2 (overlapping crops), and the official preprocessor.
"""
from __future__ import annotations

from functools import lru_cache

import numpy as np

from minimolmo.config import ImageConfig
from minimolmo.flow import Crops
from minimolmo.image.resize import resize_and_pad

Grid = tuple[int, int]  # rows, columns


def choose_grid(height: int, width: int, config: ImageConfig, max_crops: int) -> Grid:
    """The grid (rows, columns) of at most max_crops crops whose canvas is nearest to the image's size.

    Of the grids that need no shrinking of the image, the one that enlarges it least; if there are none, the
    one that shrinks it least. Ties: fewer crops. Raises ValueError if max_crops < 1.

    A grid's scale is the smaller of rows*step / (height - overlap) and cols*step / (width - overlap); below 1
    it shrinks. A side of just `overlap` pixels has an infinite scale, so the other side alone decides.

    Source: official `select_tiling`, in float32 too. It subtracts the margins from the image's sides. A side
    shorter than the margins becomes negative, so no grid seems large enough, and the image always gets 1x1.
    """
    if max_crops < 1:
        raise ValueError(f"max_crops={max_crops} leaves no crop to put in a grid. Try 1 or more; tile_image "
                         f"takes 0 too, for the overview only.")
    step, overlap = _step_and_overlap(config)
    grids = [(rows, count // rows) for count in range(1, max_crops + 1)
             for rows in range(1, count + 1) if count % rows == 0]
    sides = np.array([height - overlap, width - overlap], np.float32)
    with np.errstate(divide="ignore"):  # a side exactly as long as the margins gives infinity
        scale = (np.array(grids, np.float32) * step / sides).min(axis=1)
    large_enough = scale >= 1
    best = np.where(large_enough, scale, np.inf).argmin() if large_enough.any() else scale.argmax()
    return grids[best]


def _step_and_overlap(config: ImageConfig) -> tuple[int, int]:
    """Pixels from one crop to the next, and pixels by which they overlap. Their sum is the crop size."""
    overlap = sum(config.margins) * config.patch_size
    return config.crop_size - overlap, overlap


def cut_crops(canvas: np.ndarray, grid: Grid, config: ImageConfig) -> np.ndarray:
    """The overlapping crops of a canvas (rows*step + overlap, cols*step + overlap, ...), row by row.

    Returns (C, crop_size, crop_size, ...). `_step_and_overlap` gives the pixels from one crop to the next.
    """
    size, (step, _) = config.crop_size, _step_and_overlap(config)
    corners = [(row * step, col * step) for row in range(grid[0]) for col in range(grid[1])]
    return np.stack([canvas[top:top + size, left:left + size] for top, left in corners])


def to_patches(crops: np.ndarray, config: ImageConfig) -> np.ndarray:
    """Cut crops into patches, flattened as (y, x, channel): (C, size, size, D) -> (C, S, patch*patch*D)."""
    count, side, patch = len(crops), config.side, config.patch_size
    tiles = crops.reshape(count, side, patch, side, patch, -1).swapaxes(2, 3)
    return tiles.reshape(count, side * side, -1)


def from_patches(patches: np.ndarray, config: ImageConfig) -> np.ndarray:
    """Crops from their patches, the inverse of `to_patches`: (C, S, patch*patch*D) -> (C, size, size, D)."""
    count, side, patch = len(patches), config.side, config.patch_size
    tiles = patches.reshape(count, side, side, patch, patch, -1).swapaxes(2, 3)
    return tiles.reshape(count, side * patch, side * patch, -1)


def kept_windows(count: int, config: ImageConfig) -> list[slice]:
    """Along one axis with `count` crops: the pooling windows each crop keeps.

    Margins are dropped where crops overlap, never at the image's edges. What is left is rounded up to whole
    windows, which matters only for crops with an odd number of patches.
    """
    slices = []
    for crop in range(count):
        start = config.margins[0] if crop > 0 else 0
        stop = config.side - (config.margins[1] if crop < count - 1 else 0)
        first = start // config.pool
        slices.append(slice(first, first - (start - stop) // config.pool))  # -(-a // b) rounds up
    return slices


def stitch_ids(grid: Grid, config: ImageConfig) -> np.ndarray:
    """The stitched image: ids of the kept windows of all crops, laid out like the image, (rows, columns).

    An id is crop * windows_per_crop + window; the grid's crops count from 0. Read row by row, this is the
    order of the visual tokens.
    """
    (rows, cols), side = grid, config.pooled_side
    ids = np.arange(rows * cols * side * side).reshape(rows, cols, side, side)
    down, across = kept_windows(rows, config), kept_windows(cols, config)
    return np.block([[ids[r, c, down[r], across[c]] for c in range(cols)] for r in range(rows)])


def window_patch_ids(config: ImageConfig) -> np.ndarray:
    """The patches in each pooling window of one crop, (windows, K), row by row; -1 beyond the crop's edge."""
    side, pool, pooled = config.side, config.pool, config.pooled_side
    patches = np.full((pooled * pool, pooled * pool), -1)
    patches[:side, :side] = np.arange(side * side).reshape(side, side)
    return patches.reshape(pooled, pool, pooled, pool).swapaxes(1, 2).reshape(pooled * pooled, pool * pool)


@lru_cache(maxsize=512)
def token_layout(grids: tuple[Grid, ...], config: ImageConfig) -> tuple[np.ndarray, tuple[Grid, ...]]:
    """The patches of each visual token of several grids: (pool_idx, token_grids) as in `Crops`."""
    windows, pool_idx, token_grids, crops_before = window_patch_ids(config), [], [], 0
    for grid in grids:
        ids = stitch_ids(grid, config)
        crop, window = np.divmod(ids.reshape(-1, 1), len(windows))
        patches = windows[window[:, 0]]                                                   # (V, K)
        pool_idx.append(np.where(patches < 0, -1, patches + (crops_before + crop) * config.side ** 2))
        token_grids.append(ids.shape)
        crops_before += grid[0] * grid[1]
    pool_idx = np.concatenate(pool_idx)
    pool_idx.flags.writeable = False  # the cache returns the same array each time
    return pool_idx, tuple(token_grids)


def make_crops(image: np.ndarray, grid: Grid, config: ImageConfig, as_bytes: bool = False,
               ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Crops of an image in one grid: (patches, patch_coverage, crop_boxes) as in `Crops`."""
    step, overlap = _step_and_overlap(config)
    size = grid[0] * step + overlap, grid[1] * step + overlap
    pixels, is_picture, box = resize_and_pad(image, *size, as_bytes)
    patches = to_patches(cut_crops(pixels, grid, config), config)                      # (C, S, 3*patch*patch)
    if box[2:] == size:  # no padding
        coverage = np.ones(patches.shape[:2], np.float32)
    else:
        coverage = to_patches(cut_crops(is_picture, grid, config), config).mean(axis=-1, dtype=np.float32)
    return patches, coverage, crop_boxes(grid, box, config)


def crop_boxes(grid: Grid, box: tuple[int, int, int, int], config: ImageConfig) -> np.ndarray:
    """Each crop's left, top, width, height in percent of the image. The image fills `box` of the canvas."""
    (top, left, height, width), (step, _) = box, _step_and_overlap(config)
    corners = [(col * step - left, row * step - top) for row in range(grid[0]) for col in range(grid[1])]
    squares = [(x, y, config.crop_size, config.crop_size) for x, y in corners]
    return np.array(squares, np.float32) * 100 / np.array([width, height, width, height], np.float32)


def token_boxes(crops: Crops) -> np.ndarray:
    """Each visual token's left, top, width, height in percent of the image: (V, 4) float32.

    A token's box holds the patches that it pools. Padding lies outside 0..100, as in `Crops.crop_boxes`.
    """
    num_patches = crops.patch_coverage.shape[1]
    side = round(num_patches ** 0.5)
    crop, patch = np.divmod(crops.pool_idx, num_patches)                                  # (V, K)
    corners = np.stack([patch % side, patch // side], axis=-1)                            # (V, K, 2) x, y
    there = (crops.pool_idx >= 0)[..., None]
    first = np.where(there, corners, side).min(axis=1) / side                             # (V, 2) of the crop
    last = np.where(there, corners + 1, 0).max(axis=1) / side
    box = crops.crop_boxes[crop.max(axis=1)]  # all patches of a token are of one crop
    return np.concatenate([box[:, :2] + first * box[:, 2:], (last - first) * box[:, 2:]], axis=1, dtype="f4")


def tile_image(image: np.ndarray, config: ImageConfig, max_crops: int, as_bytes: bool = False) -> Crops:
    """Cut an image (H, W, 3) uint8 into `Crops`: the overview, then at most max_crops high-res crops.

    The overview is a 1x1 grid. max_crops=0 is the bird view: the overview only. With `as_bytes`, as in
    training, pixels are uint8, a quarter of the size. Raises ValueError for an array that is not such an
    image, and for a negative max_crops.
    """
    height, width = image.shape[:2]
    grid = choose_grid(height, width, config, max_crops) if max_crops else (0, 0)
    grids = ((1, 1), grid) if max_crops else ((1, 1),)
    parts = [make_crops(image, each, config, as_bytes) for each in grids]
    patches, coverage, boxes = (np.concatenate(arrays) for arrays in zip(*parts))
    if config.shifted_masks:  # a mistake in the official code, with which its weights were trained
        coverage = np.concatenate([coverage[1:], np.full_like(coverage[:1], -1)])
    pool_idx, token_grids = token_layout(grids, config)
    return Crops(patches, coverage, pool_idx, token_grids, grid, boxes)
