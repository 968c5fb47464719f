"""The traps museum's key: the library's own pieces, and for each the law that catches its slip."""
import dataclasses
import math

import numpy as np
import torch
from PIL import Image

from lessons.compare import compare, expect_equal
from minimolmo.batch import collate as collating
from minimolmo.config import ImageConfig
from minimolmo.image.tiler import choose_grid, tile_image
from minimolmo.model.attention import attention
from minimolmo.model.decoder import rotary_angles
from minimolmo.model.molmo import attention_mask
from minimolmo.text.points import _round_to_tenth
from minimolmo.text.prompts import TEMPLATES

collate = collating.collate  # as it was, should a trap stand in its place

# For each piece: the test that catches it, where in the library it would stand, and how it is fitted in.
LAWS = {
    "booths": ("tests/test_molmo.py:test_soundproof_booths_all_facing_the_same_painting",
               "minimolmo.model.molmo.attention_mask", lambda piece: piece),
    "attend": ("tests/test_attention.py:test_attention_written_out_equals_pytorchs_own",
               "minimolmo.model.attention.attend", lambda piece: piece),
    "padded": ("tests/test_collate.py:test_words_are_padded_on_the_right_and_nobody_learns_from_padding",
               "minimolmo.batch.collate.collate", lambda piece: lambda rows: _collated(rows, piece)),
    "angles": ("tests/test_decoder.py:test_reading_in_pieces_with_a_cache_equals_reading_at_once",
               "minimolmo.model.decoder.rotary_angles", lambda piece: piece),
    "shares_of_picture": ("tests/test_tiler.py:test_real_is_each_patchs_share_of_picture_in_its_own_crop",
                          "minimolmo.image.tiler.tile_image", lambda piece: lambda image, config, max_crops:
                          _shared(tile_image(image, config, max_crops), piece)),
    "grid_for": ("tests/test_tiler.py:test_the_grid_has_the_shape_of_the_image",
                 "minimolmo.image.tiler.choose_grid", lambda piece: lambda height, width, config, max_crops:
                 piece(Image.new("L", (width, height)), config, max_crops)),
    "wording": ("tests/test_prompts.py:test_templates_are_many_different_and_short",
                "minimolmo.text.prompts.TEMPLATES", lambda piece: TEMPLATES | {
                    "point_count": tuple(piece(number, "{label}") for number in range(9))}),
    "tenth": ("tests/test_points.py:test_a_coordinate_is_rounded_half_to_even_like_numpy",
              "minimolmo.text.points._round_to_tenth", lambda piece: piece),
}


def _collated(sequences, piece):
    target, weight = piece([s.targets.tolist() for s in sequences], [s.loss_weight for s in sequences])
    return dataclasses.replace(collate(sequences), targets=torch.from_numpy(target),
                               loss_weight=torch.from_numpy(weight))


def _shared(crops, piece):
    return dataclasses.replace(crops, patch_coverage=piece(crops.patch_coverage[:1], crops.patch_coverage[1:]))


# booths

def booths(asking, asked):
    return attention_mask(asking, asked)


def check_booths(yours):
    rows = [[0, 1], [0, 1, 2], [0, 0, 1, 1, 2, 2, -1]]
    for row in rows:
        branch = torch.tensor([row])
        expect_equal(yours(branch, branch)[0, 0], booths(branch, branch)[0, 0],
                     f"the branches {row}", draw=True,
                     because="A booth hears the picture and itself, and nobody hears the booth next door.")
    compare(yours, booths, [dict(asking=torch.tensor([[1]]), asked=torch.tensor([[0, 1, -1, 1]]))],
            because="With a cache, the askers are the last of the asked.")


def _own_words_alone(asking, asked):
    order = torch.arange(asked.shape[1])
    no_later = order <= order[-asking.shape[1]:, None]
    return (no_later & (asking[:, :, None] == asked[:, None, :]))[:, None]


wrong_booths = {
    "walls off the picture too": _own_words_alone,
    "lets a booth hear its own future": lambda asking, asked: (
        (asking[:, :, None] == asked[:, None, :]) | (asked == 0)[:, None, :])[:, None],
}


# attend

def check_attend(yours):
    def case(heads, size, length=3):
        q, k, v = torch.randn(3, 1, heads, length, size, generator=torch.Generator().manual_seed(0))
        return dict(q=q, k=k, v=v)
    pair = dict(q=torch.full((1, 2, 1, 1), 2.0), k=torch.tensor([[1.0], [0.0]]).expand(1, 2, 2, 1),
                v=torch.tensor([[100.0], [0.0]]).expand(1, 2, 2, 1))  # two heads of one number
    masked = case(4, 8) | dict(visible=torch.ones(1, 1, 3, 3, dtype=torch.bool).tril())
    compare(yours, attend, [case(1, 1, 2), pair, case(1, 4, 2), case(2, 4), masked],
            because="Each head computes on its own, so its own size is the scale: more heads change nothing.")


def _scaled(scale):
    def wrong(q, k, v, visible=None):
        return attend(q * scale(q) * q.shape[-1] ** 0.5, k, v, visible)
    return wrong


wrong_attend = {
    "forgets the root": _scaled(lambda q: 1 / q.shape[-1]),
    "does not scale at all": _scaled(lambda q: 1.0),
}


# padded

def padded(targets, weights):
    length = max(map(len, targets))
    return (collating._pad([np.array(row, int) for row in targets], length, -1).numpy(),
            collating._pad([np.array(row, np.float32) for row in weights], length, 0.0).numpy())


def check_padded(yours):
    compare(yours, padded, [dict(targets=[[7]], weights=[[1.0]]),
                            dict(targets=[[7, 8], [9]], weights=[[1.0, 1.0], [1.0]]),
                            dict(targets=[[1], [2, 3, 4], [5, 6]], weights=[[0.5], [0, 0.7, 0.7], [0, 1.0]])],
            because="Nobody may learn from padding: a row alone and in company weighs the same.")


def _edge(targets, weights):
    longest = max(map(len, weights))
    edged = [row + row[-1:] * (longest - len(row)) for row in weights]
    return padded(targets, weights)[0], np.array(edged, np.float32)


wrong_padded = {
    "repeats each row's last weight": _edge,
    "leaves the padded target at 0, which is a word": lambda targets, weights: (
        np.maximum(padded(targets, weights)[0], 0), padded(targets, weights)[1]),
}


# angles

def angles(position, head_size, theta):
    return rotary_angles(position, head_size, theta)


def check_angles(yours):
    for row in ([0, 1], [3], [5, 6, 5, 6]):
        compare(yours, angles, [dict(position=torch.tensor([row]), head_size=4, theta=100.0)],
                because="A token stands where its position says, however many are read in one go.")


wrong_angles = {
    "counts on from the first position given": lambda position, head_size, theta: rotary_angles(
        position[:, :1] + torch.arange(position.shape[1]), head_size, theta),
    "counts from one": lambda position, head_size, theta: rotary_angles(position + 1, head_size, theta),
}


# shares_of_picture

def shares_of_picture(overview, crops):
    return np.concatenate([overview, crops])


def check_shares_of_picture(yours):
    real = tile_image(np.zeros((60, 200, 3), np.uint8), ImageConfig(), 4).patch_coverage
    small = [([[0.5, 1.0]], [[1.0, 0.0]]), ([[0.5]], [[0.2], [0.3], [0.4]]), (real[:1], real[1:])]
    compare(yours, shares_of_picture, [dict(overview=np.array(a), crops=np.array(b)) for a, b in small],
            because="Row 0 belongs to the overview, row 1 to the first crop, and so on.")


wrong_shares_of_picture = {
    "puts the overview last": lambda overview, crops: np.concatenate([crops, overview]),
    "gives every crop the overview's shares": lambda overview, crops: overview.repeat(1 + len(crops), axis=0),
}


# grid_for

def grid_for(picture, config, most):
    return choose_grid(picture.height, picture.width, config, most)


def check_grid_for(yours):
    for width, height in [(64, 64), (200, 100), (100, 200), (498, 240), (1000, 300)]:
        expect_equal(yours(Image.new("L", (width, height)), ImageConfig(), 4),
                     choose_grid(height, width, ImageConfig(), 4),
                     f"a picture {width} wide and {height} high, at most 4 crops",
                     because="Rows come first: a wide picture has more columns.")


wrong_grid_for = {
    "takes the longer side for the width": lambda picture, config, most: choose_grid(
        min(picture.size), max(picture.size), config, most),
    "looks at one side alone": lambda picture, config, most: choose_grid(
        picture.width, picture.width, config, most),
}


# wording

def wording(number, label):
    return TEMPLATES["point_count"][number % 9].format(label=label)


def check_wording(yours):
    compare(yours, wording, [dict(number=number, label="cats") for number in range(18)],
            because="Nine wordings, none of them two in one.")


wrong_wording = {
    "has lost the welded two": lambda number, label: [wording(each, label) for each in (0, 1, 2, 3, 4, 7, 8)][
        number % 7],
    "counts from one": lambda number, label: wording(number - 1, label),
}


# tenth

def tenth(percent):
    return _round_to_tenth(percent)


def check_tenth(yours):
    compare(yours, tenth, [dict(percent=value) for value in (5, 61.5, 12.36, 12.35, 1.05, 0.25, 0.35)],
            because="Times ten first, then to the nearest whole number, a half to the even one.",
            tolerance=1e-9)


wrong_tenth = {
    "cuts off": lambda percent: int(percent * 10) / 10,
    "rounds every half up": lambda percent: math.floor(percent * 10 + 0.5) / 10,
}
