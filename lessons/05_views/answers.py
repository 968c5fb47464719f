"""The answers to lesson 05: the library's own functions, and slips that are easily made. Try first."""
import numpy as np

from lessons.compare import compare
from minimolmo.config import ImageConfig
from minimolmo.image import tiler


def _in_patches(side: int, left: int = 0, right: int = 0) -> ImageConfig:
    """Crops of side x side patches of one pixel, each its own pooling window: so windows are patches."""
    return ImageConfig(crop_size=side, patch_size=1, margins=(left, right), pool=1)


# starts

def starts(count, side, overlap):
    line = np.arange(count * (side - overlap) + overlap)[None, :].repeat(side, axis=0)
    return tiler.cut(line, (1, count), _in_patches(side, overlap, 0))[:, 0, 0].tolist()


def check_starts(yours):
    compare(yours, starts, [dict(count=n, side=side, overlap=overlap)
                            for n, side, overlap in [(1, 8, 4), (2, 8, 4), (2, 8, 2), (3, 24, 8), (5, 9, 0)]],
            because="Neighbours share `overlap` patches, so each crop brings side - overlap new ones.")


wrong_starts = {
    "lets the crops touch and not overlap": lambda count, side, overlap: [n * side for n in range(count)],
    "moves on by the overlap": lambda count, side, overlap: [n * overlap for n in range(count)],
    "is off by one patch": lambda count, side, overlap: [n * (side - overlap - 1) for n in range(count)],
}


# keep

def keep(count, side, left, right):
    return [(kept.start, kept.stop) for kept in tiler.kept_windows(count, _in_patches(side, left, right))]


def check_keep(yours):
    cases = [(1, 8, 2, 2), (2, 8, 2, 2), (3, 8, 2, 2), (3, 12, 4, 2), (4, 24, 4, 4)]
    compare(yours, keep, [dict(count=n, side=side, left=left, right=right) for n, side, left, right in cases],
            because="Only inner edges are cut: at the picture's own edge no neighbour has seen those.")


wrong_keep = {
    "cuts the outer edges too": lambda count, side, left, right: [(left, side - right)] * count,
    "swaps left and right": lambda count, side, left, right: keep(count, side, right, left),
    "cuts one side of the seam only": lambda count, side, left, right: [
        (left if n else 0, side) for n in range(count)],
}


# stitch

def stitch(crops, grid, margin):
    return crops.reshape(-1)[tiler.stitch_ids(grid, _in_patches(crops.shape[1], margin, margin))]


def _crops_of_a_picture(rows, cols, side, margin):
    height, width = (n * (side - 2 * margin) + 2 * margin for n in (rows, cols))
    canvas = np.arange(height * width).reshape(height, width)
    return dict(crops=tiler.cut(canvas, (rows, cols), _in_patches(side, margin, margin)), grid=(rows, cols),
                margin=margin)


def check_stitch(yours):
    sizes = [(1, 1, 2, 0), (1, 2, 4, 1), (2, 1, 4, 1), (2, 2, 6, 2), (2, 3, 8, 2), (3, 2, 9, 2)]
    compare(yours, stitch, [_crops_of_a_picture(*size) for size in sizes], draw=True,
            because="The numbers of the picture run 0, 1, 2, ... row by row: none is lost, none comes twice.")


def _crop_after_crop(crops, grid, margin):
    side = crops.shape[1]
    down, across = keep(grid[0], side, margin, margin), keep(grid[1], side, margin, margin)
    pieces = [crops[r * grid[1] + c][slice(*down[r]), slice(*across[c])]
              for r in range(grid[0]) for c in range(grid[1])]
    return np.concatenate([piece.reshape(-1) for piece in pieces])


wrong_stitch = {
    "takes the grid as (columns, rows)": lambda crops, grid, margin: stitch(crops, grid[::-1], margin),
    "forgets the margins": lambda crops, grid, margin: stitch(crops, grid, 0),
    "reads crop after crop and not row after row": _crop_after_crop,
}


# best_grid

def best_grid(height, width, step, overlap, most):
    return tiler.choose_grid(height, width, _in_patches(step + overlap, overlap, 0), most)


def check_best_grid(yours):
    small = [(64, 64, 4), (64, 96, 4), (96, 64, 4), (240, 498, 4), (240, 498, 12), (500, 200, 4),
             (1000, 1000, 8)]
    cases = [dict(height=h, width=w, step=32, overlap=32, most=most) for h, w, most in small]
    cases += [dict(height=h, width=w, step=224, overlap=112, most=12) for h, w in [(480, 640), (3000, 4000)]]
    compare(yours, best_grid, cases, because="Of the scales from 1 on the smallest wins; if all are below 1, "
                                             "the largest. On a tie, fewer crops.")


def _choose(height, width, step, overlap, most, ties_to_more=False):
    grids = [(n // c, c) for n in range(1, most + 1) for c in range(n, 0, -1) if n % c == 0]
    grids = grids[::-1] if ties_to_more else grids

    def scale(grid):
        return min(grid[0] * step / (height - overlap), grid[1] * step / (width - overlap))
    holding = [grid for grid in grids if scale(grid) >= 1]
    return min(holding, key=scale) if holding else max(grids, key=scale)


wrong_best_grid = {
    "swaps height and width": lambda height, width, **rest: best_grid(width, height, **rest),
    "forgets to take the overlap off the sides": lambda height, width, overlap, **rest: _choose(
        height, width, overlap=0, **rest),
    "takes more crops on a tie": lambda **case: _choose(**case, ties_to_more=True),
}
