"""The traps museum: eight pieces that run, look right, and are not. Find what is wrong with each and mend it.

`make start N=traps` copies this file to mine/traps.py: mend it there. `make check N=traps` says how far you
are. The rule in each docstring is right; the code below it breaks it. A line or two are wrong, never more.
"""
import numpy as np
import torch
from PIL import Image

from minimolmo.config import ImageConfig
from minimolmo.flow import PAD_SEGMENT
from minimolmo.image.tiler import choose_grid
from minimolmo.model.attention import repeat_kv

BUILD = []  # nothing to empty here: each piece is mended where it stands


def booths(asking, asked):
    """Which keys may each query see? Branches (B, T), (B, U), 0 the image, -1 padding -> (B, 1, T, U) bool.

    >>> booths(torch.tensor([[0, 1, 2]]), torch.tensor([[0, 1, 2]])).int()[0, 0]
    tensor([[1, 0, 0],
            [1, 1, 0],
            [1, 0, 1]], dtype=torch.int32)

    Rule: a query sees the keys that stand no later than itself and belong to the image or to its own branch.
    Hint: put two questions about one picture into one sequence. Who hears whom?
    """
    order = torch.arange(asked.shape[1])
    no_later = order <= order[-asking.shape[1]:, None]
    said = (asked != PAD_SEGMENT)[:, None, :]
    return (no_later & said)[:, None]


def attention(q, k, v, visible=None):
    """Attention: q (B, H, T, d), k and v (B, G, U, d), visible (B or 1, 1, T, U) or None -> (B, H, T, d).

    >>> attend(torch.ones(1, 1, 1, 4), torch.zeros(1, 1, 2, 4), torch.tensor([[[[1.0], [3.0]]]]))
    tensor([[[[2.]]]])

    Rule: scores are q times k, divided by the root of d, the size of *one head*; what is not visible weighs
          nothing; the softmax of the scores weighs the values.
    Hint: with a single head nothing is wrong. Try two.
    """
    batch, heads, length, size = q.shape
    k, v = repeat_kv(k, heads), repeat_kv(v, heads)
    scores = q @ k.transpose(-2, -1) / (heads * size) ** 0.5
    if visible is not None:
        scores = scores.masked_fill(~visible, float("-inf"))
    return scores.softmax(dim=-1) @ v


def padded(targets, weights):
    """Rows of different lengths as one batch: what each token should say next, and how much that counts.

    >>> padded([[7, 8], [9]], [[1.0, 1.0], [1.0]])
    (array([[ 7,  8],
           [ 9, -1]]), array([[1., 1.],
           [1., 0.]], dtype=float32))

    Rule: both arrays are (rows, longest row). Where a row has ended, the target is -1 and the weight 0.
    Hint: what does a short row learn to say after its end?
    """
    shape = len(targets), max(len(row) for row in targets)
    target, weight = np.zeros(shape, int), np.ones(shape, np.float32)
    for number, (row, own) in enumerate(zip(targets, weights)):
        target[number, :len(row)], weight[number, :len(row)] = row, own
    return target, weight


def angles(position, head_size, theta):
    """Cosines and sines by which a token at each position (B, T) is turned: two of (B, 1, T, head_size).

    >>> cos, sin = angles(torch.tensor([[0, 1]]), head_size=2, theta=100.0)
    >>> cos[0, 0]
    tensor([[1.0000, 1.0000],
            [0.5403, 0.5403]])

    Rule: pair number i of a head turns by position * theta ** (-2i / head_size), and the table of half a head
          is written twice.
    Hint: with a cache the tokens come one at a time. At which position does each think it stands?
    """
    rates = theta ** (-torch.arange(0, head_size, 2).float() / head_size)
    steps = torch.arange(position.shape[1])
    turn = (steps[:, None] * rates).repeat(1, 2).expand(len(position), 1, -1, -1)
    return turn.cos(), turn.sin()


def shares_of_picture(overview, crops):
    """How much of each patch is picture: those of the overview (1, S) and of the crops (C, S) -> (1 + C, S).

    >>> shares_of_picture(np.array([[0.5, 1.0]]), np.array([[1.0, 0.0]]))
    array([[0.5, 1. ],
           [1. , 0. ]])

    Rule: in the order of the pictures that the model sees: the overview comes first, then every crop.
    Hint: which picture are the first crop's shares laid upon?
    """
    shares = np.full((1 + len(crops), overview.shape[1]), -1.0)
    shares[:len(crops)] = crops
    return shares


def grid_for(picture: Image.Image, config: ImageConfig, most: int):
    """The grid (rows, columns) of at most `most` crops that resizes a Pillow picture least.

    >>> grid_for(Image.new("RGB", (500, 200)), ImageConfig(), most=4)
    (1, 3)

    Rule: a wide picture gets more columns than rows, a tall one more rows than columns.
    Hint: what does Pillow's `size` name first, and what does numpy's `shape`?
    """
    height, width = picture.size
    return choose_grid(height, width, config, most)


WORDINGS = (
    "What number of {label}?",
    "How many {label} can you find?",
    "Point at and count {label}.",
    "{label}: how many in all?",
    "Count off the {label}.",
    "Add up every {label}."
    "Number of {label}, with points?",
    "how often do you see {label}",
    "Count {label}, or say there are none.",
)


def wording(number, label):
    """One of nine ways to ask for a count by pointing; after the last comes the first again.

    >>> wording(1, "red circles")
    'How many red circles can you find?'

    Rule: wording number n is entry n of WORDINGS, its label filled in; from 9 on they come again.
    Hint: are there nine? Count what Python counts: len(WORDINGS).
    """
    return WORDINGS[number % len(WORDINGS)].format(label=label)


def tenth(percent):
    """A coordinate as it is written: one decimal, rounded as numpy and Molmo's code do.

    >>> tenth(12.35), tenth(1.05)
    (12.4, 1.0)

    Rule: times ten, to the nearest whole number, an exact half to the *even* one, and back by ten.
    Hint: 12.35 is stored as a little less than 12.35. Times ten it is 123.5 exactly.
    """
    return float(f"{percent:.1f}")
