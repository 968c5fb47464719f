"""The traps museum: eight functions that run and look right, but are wrong. Find each mistake and correct it.

`make start N=traps` copies this file to mine/traps.py: correct it there. `make check N=traps` compares it.
`make hint N=traps` gives hints, in three steps.
The rule in each docstring is right; the code below it breaks it. In each, one or two lines are wrong.
"""
import numpy as np
import torch
from PIL import Image

from minimolmo.config import ImageConfig
from minimolmo.flow import PAD_SEGMENT
from minimolmo.image.tiler import choose_grid
from minimolmo.model.attention import repeat_kv

BUILD = []  # nothing is emptied here: each function is corrected in its place


def attention_mask(query_segments, key_segments):
    """Which keys may each query attend to? (B, T), (B, U) with 0 the image, -1 padding -> (B, 1, T, U) bool.

    >>> attention_mask(torch.tensor([[0, 1, 2]]), torch.tensor([[0, 1, 2]])).int()[0, 0]
    tensor([[1, 0, 0],
            [1, 1, 0],
            [1, 0, 1]], dtype=torch.int32)

    Rule: a query attends to the keys that come no later than itself, and belong to the image or to its own
          segment.
    """
    order = torch.arange(key_segments.shape[1])
    causal = order <= order[-query_segments.shape[1]:, None]
    is_token = (key_segments != PAD_SEGMENT)[:, None, :]
    return (causal & is_token)[:, None]


def attention(q, k, v, visible=None):
    """Attention: q (B, H, T, d), k and v (B, G, U, d), visible (B or 1, 1, T, U) or None -> (B, H, T, d).

    >>> attention(torch.ones(1, 1, 1, 4), torch.zeros(1, 1, 2, 4), torch.tensor([[[[1.0], [3.0]]]]))
    tensor([[[[2.]]]])

    Rule: scores are q times k, divided by the root of d, the size of *one head*. Keys that are not visible
          get no weight. The output is the mean of the values, weighted by the softmax of the scores.
    """
    batch, heads, length, size = q.shape
    k, v = repeat_kv(k, heads), repeat_kv(v, heads)
    scores = q @ k.transpose(-2, -1) / (heads * size) ** 0.5
    if visible is not None:
        scores = scores.masked_fill(~visible, float("-inf"))
    return scores.softmax(dim=-1) @ v


def pad_targets(targets, weights):
    """Rows of different lengths as one batch: each token's target, and the target's weight in the loss.

    >>> pad_targets([[7, 8], [9]], [[1.0, 1.0], [1.0]])
    (array([[ 7,  8],
           [ 9, -1]]), array([[1., 1.],
           [1., 0.]], dtype=float32))

    Rule: both arrays are (rows, longest row). Behind the end of a row, the target is -1 and the weight 0.
    """
    shape = len(targets), max(len(row) for row in targets)
    target, weight = np.zeros(shape, int), np.ones(shape, np.float32)
    for number, (row, own) in enumerate(zip(targets, weights)):
        target[number, :len(row)], weight[number, :len(row)] = row, own
    return target, weight


def rotary_angles(position, head_size, theta):
    """Cosines and sines of the rotary angles at each position (B, T): two of (B, 1, T, head_size).

    >>> cos, sin = rotary_angles(torch.tensor([[0, 1]]), head_size=2, theta=100.0)
    >>> cos[0, 0]
    tensor([[1.0000, 1.0000],
            [0.5403, 0.5403]])

    Rule: pair number i of a head is rotated by position * theta ** (-2i / head_size). The angles of all pairs
          are written twice.
    """
    frequencies = theta ** (-torch.arange(0, head_size, 2).float() / head_size)
    steps = torch.arange(position.shape[1])
    angles = (steps[:, None] * frequencies).repeat(1, 2).expand(len(position), 1, -1, -1)
    return angles.cos(), angles.sin()


def patch_coverage(overview, crops):
    """The fraction of each patch that is image, of the overview (1, S) and the crops (C, S) -> (1 + C, S).

    >>> patch_coverage(np.array([[0.5, 1.0]]), np.array([[1.0, 0.0]]))
    array([[0.5, 1. ],
           [1. , 0. ]])

    Rule: in the order in which the model gets them: the overview comes first, then every crop.
    """
    coverage = np.full((1 + len(crops), overview.shape[1]), -1.0)
    coverage[:len(crops)] = crops
    return coverage


def grid_for_image(image: Image.Image, config: ImageConfig, max_crops: int):
    """The grid (rows, columns) of at most `max_crops` crops that resizes a Pillow image least.

    >>> grid_for_image(Image.new("RGB", (500, 200)), ImageConfig(), max_crops=4)
    (1, 3)

    Rule: a wide image gets more columns than rows, a tall one more rows than columns.
    """
    height, width = image.size
    return choose_grid(height, width, config, max_crops)


TEMPLATES = (
    "What is the number of {label}?",
    "How many {label} can you find?",
    "Point at and count the {label}.",
    "{label}: how many in all?",
    "Count off the {label}.",
    "Add up all the {label}."
    "Number of {label}, with points?",
    "how many {label} do you see",
    "Count the {label}, or say there are none.",
)


def fill_template(number, label):
    """One of nine questions for a count by pointing; after the last comes the first again.

    >>> fill_template(1, "red circles")
    'How many red circles can you find?'

    Rule: question number n is entry n of TEMPLATES with its label filled in; from 9 on they repeat.
    """
    return TEMPLATES[number % len(TEMPLATES)].format(label=label)


def round_to_tenth(percent):
    """A coordinate as it is written: one decimal, rounded as numpy and Molmo's code do.

    >>> round_to_tenth(12.35), round_to_tenth(1.05)
    (12.4, 1.0)

    Rule: multiply by ten, round to the nearest whole number, an exact half to the *even* one, divide by ten.
    """
    return float(f"{percent:.1f}")
