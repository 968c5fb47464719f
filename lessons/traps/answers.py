"""The answers of the traps museum: the library's own functions, and the law that catches each mistake."""
import dataclasses
import math

import numpy as np
import torch
from PIL import Image

from lessons.compare import compare, expect_equal
from minimolmo.batch import collate as collate_module
from minimolmo.config import ImageConfig
from minimolmo.image.tiler import choose_grid, tile_image
from minimolmo.model.attention import attention, attention_mask, rotary_angles
from minimolmo.text.points import _round_to_tenth
from minimolmo.text.prompts import TEMPLATES

collate = collate_module.collate  # the library's own, also while a trap replaces it

# For each function: the test that catches it, what it replaces in the library, and how it is adapted to that.
LAWS = {
    "attention_mask": ("tests/test_molmo.py:test_every_segment_attends_to_the_image_and_to_itself_alone",
                       "minimolmo.model.attention.attention_mask", lambda function: function),
    "attention": ("tests/test_attention.py:test_attention_written_out_equals_pytorchs_own",
                  "minimolmo.model.attention.attention", lambda function: function),
    "pad_targets": ("tests/test_collate.py:test_tokens_are_padded_on_the_right_and_padding_has_no_loss",
                    "minimolmo.batch.collate.collate",
                    lambda function: lambda sequences: _collate_with(sequences, function)),
    "rotary_angles": ("tests/test_decoder.py:test_reading_in_pieces_with_a_cache_equals_reading_at_once",
                      "minimolmo.model.decoder.rotary_angles", lambda function: function),
    "patch_coverage": ("tests/test_tiler.py:test_patch_coverage_is_the_fraction_of_a_patch_that_is_image",
                       "minimolmo.image.tiler.tile_image", lambda function: lambda image, config, max_crops:
                       _cover_with(tile_image(image, config, max_crops), function)),
    "grid_for_image": ("tests/test_tiler.py:test_the_grid_has_the_shape_of_the_image",
                       "minimolmo.image.tiler.choose_grid",
                       lambda function: lambda height, width, config, max_crops:
                       function(Image.new("L", (width, height)), config, max_crops)),
    "fill_template": ("tests/test_prompts.py:test_templates_are_many_different_and_short",
                      "minimolmo.text.prompts.TEMPLATES", lambda function: TEMPLATES | {
                          "point_count": tuple(function(number, "{label}") for number in range(9))}),
    "round_to_tenth": ("tests/test_points.py:test_a_coordinate_is_rounded_half_to_even_like_numpy",
                       "minimolmo.text.points._round_to_tenth", lambda function: function),
}


def _collate_with(sequences, function):
    target, weight = function([s.targets.tolist() for s in sequences], [s.loss_weight for s in sequences])
    return dataclasses.replace(collate(sequences), targets=torch.from_numpy(target),
                               loss_weight=torch.from_numpy(weight))


def _cover_with(crops, function):
    coverage = function(crops.patch_coverage[:1], crops.patch_coverage[1:])
    return dataclasses.replace(crops, patch_coverage=coverage)


# attention_mask

def check_attention_mask(yours):
    rows = [[0, 1], [0, 1, 2], [0, 0, 1, 1, 2, 2, -1]]
    for row in rows:
        segments = torch.tensor([row])
        expect_equal(yours(segments, segments)[0, 0], attention_mask(segments, segments)[0, 0],
                     f"the segments {row}", draw=True,
                     because="A segment attends to the image and to itself, and never to another segment.")
    two_rows = torch.tensor([[0, 1, 2], [0, 1, 1]])
    compare(yours, attention_mask, [dict(query_segments=two_rows, key_segments=two_rows)],
            because="Every row has a mask of its own, the same for all heads.")
    with_cache = dict(query_segments=torch.tensor([[1]]), key_segments=torch.tensor([[0, 1, -1, 1]]))
    compare(yours, attention_mask, [with_cache],
            because="With a cache, the queries are the last of the keys.")


def _only_own_segment(query_segments, key_segments):
    order = torch.arange(key_segments.shape[1])
    causal = order <= order[-query_segments.shape[1]:, None]
    return (causal & (query_segments[:, :, None] == key_segments[:, None, :]))[:, None]


wrong_attention_mask = {
    "hides the image too": _only_own_segment,
    "lets a segment attend to its own future": lambda query_segments, key_segments: (
        (query_segments[:, :, None] == key_segments[:, None, :]) | (key_segments == 0)[:, None, :])[:, None],
}


# attention

def check_attention(yours):
    def case(heads, size, length=3):
        q, k, v = torch.randn(3, 1, heads, length, size, generator=torch.Generator().manual_seed(0))
        return dict(q=q, k=k, v=v)
    pair = dict(q=torch.full((1, 2, 1, 1), 2.0), k=torch.tensor([[1.0], [0.0]]).expand(1, 2, 2, 1),
                v=torch.tensor([[100.0], [0.0]]).expand(1, 2, 2, 1))  # two heads of one number
    shared = case(4, 2)
    shared |= dict(k=shared["k"][:, :2], v=shared["v"][:, :2])  # two query heads for each key head
    masked = case(4, 8) | dict(visible=torch.ones(1, 1, 3, 3, dtype=torch.bool).tril())
    compare(yours, attention, [case(1, 1, 2), pair, case(1, 4, 2), case(2, 4), masked, shared],
            because="Heads are independent, so the head size is the scale: more heads change nothing.")


def _scale_by(scale):
    def wrong(q, k, v, visible=None):
        return attention(q * scale(q) * q.shape[-1] ** 0.5, k, v, visible)
    return wrong


wrong_attention = {
    "forgets the root": _scale_by(lambda q: 1 / q.shape[-1]),
    "does not scale at all": _scale_by(lambda q: 1.0),
}


# pad_targets

def pad_targets(targets, weights):
    length = max(map(len, targets))
    return (collate_module._pad([np.array(row, int) for row in targets], length, -1).numpy(),
            collate_module._pad([np.array(row, np.float32) for row in weights], length, 0.0).numpy())


def check_pad_targets(yours):
    cases = [([[7]], [[1.0]]), ([[7, 8]], [[1.0, 1.0]]), ([[7, 8], [9]], [[1.0, 1.0], [1.0]]),
             ([[1], [2, 3, 4], [5, 6]], [[0.5], [0, 0.7, 0.7], [0, 1.0]])]
    compare(yours, pad_targets, [dict(targets=targets, weights=weights) for targets, weights in cases],
            because="Padding has no loss: a row weighs the same alone and in a batch.")


def _repeat_last_weight(targets, weights):
    longest = max(map(len, weights))
    repeated = [row + row[-1:] * (longest - len(row)) for row in weights]
    return pad_targets(targets, weights)[0], np.array(repeated, np.float32)


wrong_pad_targets = {
    "repeats each row's last weight": _repeat_last_weight,
    "leaves the padded target at 0, which is a token": lambda targets, weights: (
        np.maximum(pad_targets(targets, weights)[0], 0), pad_targets(targets, weights)[1]),
}


# rotary_angles

def check_rotary_angles(yours):
    for rows in ([[0, 1]], [[3]], [[5, 6, 5, 6]], [[0, 1], [5, 9]]):
        compare(yours, rotary_angles, [dict(position=torch.tensor(rows), head_size=4, theta=100.0)],
                because="The angles depend on the position ids of each row, however many tokens are read.")


wrong_rotary_angles = {
    "counts on from the first position given": lambda position, head_size, theta: rotary_angles(
        position[:, :1] + torch.arange(position.shape[1]), head_size, theta),
    "takes the first row's positions for every row": lambda position, head_size, theta: tuple(
        each.expand(len(position), -1, -1, -1) for each in rotary_angles(position[:1], head_size, theta)),
    "counts from one": lambda position, head_size, theta: rotary_angles(position + 1, head_size, theta),
}


# patch_coverage

def patch_coverage(overview, crops):
    return np.concatenate([overview, crops])


def check_patch_coverage(yours):
    tiled = tile_image(np.zeros((60, 200, 3), np.uint8), ImageConfig(), 4).patch_coverage
    cases = [([[0.5, 1.0]], [[1.0, 0.0]]), ([[0.5]], [[0.2], [0.3], [0.4]]), (tiled[:1], tiled[1:])]
    compare(yours, patch_coverage, [dict(overview=np.array(a), crops=np.array(b)) for a, b in cases],
            because="Row 0 belongs to the overview, row 1 to the first crop, and so on.")


wrong_patch_coverage = {
    "puts the overview last": lambda overview, crops: np.concatenate([crops, overview]),
    "gives every crop the overview's coverage": lambda overview, crops: (
        overview.repeat(1 + len(crops), axis=0)),
}


# grid_for_image

def grid_for_image(image, config, max_crops):
    return choose_grid(image.height, image.width, config, max_crops)


def check_grid_for_image(yours):
    for width, height in [(64, 64), (200, 100), (100, 200), (498, 240), (1000, 300)]:
        expect_equal(yours(Image.new("L", (width, height)), ImageConfig(), 4),
                     choose_grid(height, width, ImageConfig(), 4),
                     f"an image {width} wide and {height} high, at most 4 crops",
                     because="Rows come first: a wide image has more columns.")


wrong_grid_for_image = {
    "takes the longer side for the width": lambda image, config, max_crops: choose_grid(
        min(image.size), max(image.size), config, max_crops),
    "uses only one side": lambda image, config, max_crops: choose_grid(
        image.width, image.width, config, max_crops),
}


# fill_template

def fill_template(number, label):
    return TEMPLATES["point_count"][number % 9].format(label=label)


def check_fill_template(yours):
    compare(yours, fill_template, [dict(number=number, label="cats") for number in range(18)],
            because="Nine templates, and none of them is two in one.")


wrong_fill_template = {
    "leaves out the two joined templates": lambda number, label: [
        fill_template(each, label) for each in (0, 1, 2, 3, 4, 7, 8)][number % 7],
    "counts from one": lambda number, label: fill_template(number - 1, label),
}


# round_to_tenth

def round_to_tenth(percent):
    return _round_to_tenth(percent)


def check_round_to_tenth(yours):
    values = 5, 61.5, 12.36, 12.35, 1.05, 0.25, 0.35
    compare(yours, round_to_tenth, [dict(percent=value) for value in values],
            because="Times ten first, then to the nearest whole number, a half to the even one.",
            tolerance=1e-9)


wrong_round_to_tenth = {
    "cuts off": lambda percent: int(percent * 10) / 10,
    "rounds every half up": lambda percent: math.floor(percent * 10 + 0.5) / 10,
}


# the three steps of make hint

HINTS = {
    "attention_mask": (
        "Put two questions about one image into one sequence. Which attends to which?",
        "Of the rule's two conditions, the code has only the first.",
        "a key is visible if it is IMAGE_SEGMENT (0), or if key_segments equals query_segments at that pair.",
    ),
    "attention": (
        "With a single head nothing is wrong. Try two.",
        "Which number does the rule take the root of?",
        "`size` is the size of one head. `heads` does not belong into the scale.",
    ),
    "pad_targets": (
        "What does a short row learn to predict behind its end?",
        "Before the loop both arrays have a value everywhere. Are they those of the rule?",
        "np.full(shape, -1) for the targets, and zeros for the weights.",
    ),
    "rotary_angles": (
        "With a cache the tokens come one at a time. Which position does each of them get?",
        "One argument is used for its shape alone.",
        "position[..., None] * frequencies is (B, T, pairs); it needs an axis for the heads behind B.",
    ),
    "patch_coverage": (
        "Which row does the first crop's coverage come to?",
        "One argument is used for its shape alone.",
        "np.concatenate puts arrays one above the other.",
    ),
    "grid_for_image": (
        "Print the grid of an image that is much wider than high.",
        "What does Pillow's `size` name first, and what does numpy's `shape`?",
        "image.size is (width, height).",
    ),
    "fill_template": (
        "Are there nine? Count what Python counts: len(TEMPLATES).",
        "Print the templates one below the other. Which one is two?",
        "Python joins two strings with nothing between them. Behind which one is no comma?",
    ),
    "round_to_tenth": (
        "12.35 is stored as a little less than 12.35. What is stored for 12.35 * 10?",
        "The rule has three steps. The format does them in one, from the number as it is stored.",
        "np.round rounds a half to the even number: multiply, np.round, divide.",
    ),
}
