"""The answers to lesson 05: the library's own functions, and common mistakes. Try first."""
import numpy as np

from lessons.compare import compare
from minimolmo.config import ImageConfig
from minimolmo.image import tiler


def _patch_config(side: int, left: int = 0, right: int = 0) -> ImageConfig:
    """Crops of side x side patches. A patch is one pixel and one pooling window, so windows are patches."""
    return ImageConfig(crop_size=side, patch_size=1, margins=(left, right), pool=1)


# starts

def starts(count, side, overlap):
    line = np.arange(count * (side - overlap) + overlap)[None, :].repeat(side, axis=0)
    return tiler.cut_crops(line, (1, count), _patch_config(side, overlap, 0))[:, 0, 0].tolist()


def check_starts(yours):
    compare(yours, starts, [dict(count=n, side=side, overlap=overlap)
                            for n, side, overlap in [(1, 8, 4), (2, 8, 4), (2, 8, 2), (3, 24, 8), (5, 9, 0)]],
            because="Neighbours share `overlap` patches, so each crop adds side - overlap new ones.")


wrong_starts = {
    "places the crops side by side, without overlap": lambda count, side, overlap: [
        n * side for n in range(count)],
    "takes the overlap as the step": lambda count, side, overlap: [n * overlap for n in range(count)],
    "is off by one patch": lambda count, side, overlap: [n * (side - overlap - 1) for n in range(count)],
}


# keep

def keep(count, side, left, right):
    return [(kept.start, kept.stop) for kept in tiler.kept_windows(count, _patch_config(side, left, right))]


def check_keep(yours):
    cases = [(1, 8, 2, 2), (2, 8, 2, 2), (3, 8, 2, 2), (3, 12, 4, 2), (4, 24, 4, 4)]
    compare(yours, keep, [dict(count=n, side=side, left=left, right=right) for n, side, left, right in cases],
            because="Margins are dropped at inner edges only: no other crop shows the image's own edge.")


wrong_keep = {
    "drops the margins at the outer edges too": lambda count, side, left, right: [
        (left, side - right)] * count,
    "swaps left and right": lambda count, side, left, right: keep(count, side, right, left),
    "drops the left margins only": lambda count, side, left, right: [
        (left if n else 0, side) for n in range(count)],
}


# stitch

def stitch(crops, grid, margin):
    return crops.reshape(-1)[tiler.stitch_ids(grid, _patch_config(crops.shape[1], margin, margin))]


def _image_crops(rows, cols, side, margin):
    height, width = (n * (side - 2 * margin) + 2 * margin for n in (rows, cols))
    canvas = np.arange(height * width).reshape(height, width)
    config = _patch_config(side, margin, margin)
    return dict(crops=tiler.cut_crops(canvas, (rows, cols), config), grid=(rows, cols), margin=margin)


def check_stitch(yours):
    sizes = [(1, 1, 2, 0), (1, 2, 4, 1), (2, 1, 4, 1), (2, 2, 6, 2), (2, 3, 8, 2), (3, 2, 9, 2)]
    compare(yours, stitch, [_image_crops(*size) for size in sizes], draw=True,
            because="The image's numbers run 0, 1, 2, ... row by row: each is there exactly once.")


def _crop_after_crop(crops, grid, margin):
    side = crops.shape[1]
    down, across = keep(grid[0], side, margin, margin), keep(grid[1], side, margin, margin)
    parts = [crops[r * grid[1] + c][slice(*down[r]), slice(*across[c])]
             for r in range(grid[0]) for c in range(grid[1])]
    return np.concatenate([part.reshape(-1) for part in parts])


wrong_stitch = {
    "takes the grid as (columns, rows)": lambda crops, grid, margin: stitch(crops, grid[::-1], margin),
    "forgets the margins": lambda crops, grid, margin: stitch(crops, grid, 0),
    "reads crop after crop and not row after row": _crop_after_crop,
}


# best_grid

def best_grid(height, width, step, overlap, max_crops):
    return tiler.choose_grid(height, width, _patch_config(step + overlap, overlap, 0), max_crops)


def check_best_grid(yours):
    nano = [(64, 64, 4), (64, 96, 4), (96, 64, 4), (240, 498, 4), (240, 498, 12), (160, 64, 4),
            (500, 200, 4), (1000, 1000, 8)]
    molmo = [(480, 640, 12), (3000, 4000, 12)]
    cases = [dict(height=h, width=w, step=step, overlap=overlap, max_crops=n)
             for step, overlap, sizes in [(32, 32, nano), (224, 112, molmo)] for h, w, n in sizes]
    cases += [dict(height=64, width=64, step=32, overlap=32, max_crops=0)]
    compare(yours, best_grid, cases, because="Of the scales from 1 on, the smallest wins; if all are below "
                                             "1, the largest. On a tie, fewer crops.")


def _choose(height, width, step, overlap, max_crops, more_on_ties=False, enough=1.0):
    grids = [(n // c, c) for n in range(1, max_crops + 1) for c in range(n, 0, -1) if n % c == 0]
    grids = grids[::-1] if more_on_ties else grids

    def scale(grid):
        return min(grid[0] * step / (height - overlap), grid[1] * step / (width - overlap))
    large_enough = [grid for grid in grids if scale(grid) >= enough]
    return min(large_enough, key=scale) if large_enough else max(grids, key=scale)


wrong_best_grid = {
    "takes a scale of exactly 1 for too small": lambda **case: _choose(**case, enough=1.000001),
    "swaps height and width": lambda height, width, **rest: best_grid(width, height, **rest),
    "does not subtract the overlap from the sides": lambda height, width, overlap, **rest: _choose(
        height, width, overlap=0, **rest),
    "gives 1 x 1 where no crop is allowed": lambda max_crops, **case: best_grid(
        max_crops=max(1, max_crops), **case),
    "takes more crops on a tie": lambda **case: _choose(**case, more_on_ties=True),
}


# the three steps of make hint

HINTS = {
    "starts": (
        "Draw two crops of 6 patches that share 2. Where does the second begin?",
        "From one crop to the next it is always the same number of patches.",
        "the step from one crop to the next is `side - overlap` patches.",
    ),
    "keep": (
        "Begin with everything, and take away at the ends that touch a neighbour.",
        "Only two crops are special: the first and the last. One crop alone is both.",
        "the first crop has no neighbour on its left, the last none on its right. With one crop, both"
        " hold.",
    ),
    "stitch": (
        "Build one row of crops first. When it is right, put the rows below each other.",
        "`keep` tells what to cut down, and the same function tells what to cut across.",
        "np.concatenate(parts, axis=1) puts arrays side by side, axis=0 below each other. Use `keep` "
        "twice.",
    ),
    "best_grid": (
        "List all grids with their scales first, in the order that the rule gives. Then choose.",
        "There are two groups: grids that need no shrinking, and the others. The rule differs for them.",
        "sides are longer than `overlap` here. min(..., key=...) and max(..., key=...) return the first"
        " best.",
    ),
}
