"""Lesson 13: a timetable for one pupil and many books, which is a data loader for several datasets.

`make start N=13` copies this file to mine/13_mixture.py: write there. `make check N=13` compares it.
`make hint N=13` gives hints, in three steps.
"""
import numpy as np

BUILD = [  # `make blank N=13` empties these in mine/minimolmo, `make marks N=13` tests them
    "minimolmo/batch/loader.py:sampling_weights",
    "minimolmo/batch/loader.py:select_annotations",
    "minimolmo/batch/loader.py:Loader.sample_rows",
    "minimolmo/batch/loader.py:Loader.row_of",
    "minimolmo/text/prompts.py:question_prompt",
    "minimolmo/text/prompts.py:to_messages",
]

OFTEN_UNTAGGED = ("point_count", "pointing", "user_qa", "long_caption", "count")


def sampling_weights(sizes: list[int], weights: list[float]) -> list[float]:
    """The probability of each dataset.

    >>> [round(p, 2) for p in sampling_weights(sizes=[36, 4], weights=[1.0, 1.0])]
    [0.75, 0.25]

    Rule: for each dataset: the square root of its size, times its weight. Divide each by the sum of all.
    """
    raise NotImplementedError


def row_of(draw: int, orders: list[list[int]]) -> int:
    """The row of a dataset at its draw-th draw, counted from 0.

    >>> row_of(draw=4, orders=[[2, 0, 1], [1, 2, 0]])
    2

    Rule: orders[e] is the shuffled order of epoch e. The first len(orders[0]) draws are epoch 0, from its
          first entry to its last; the next as many are epoch 1; and so on.
    """
    raise NotImplementedError


def user_message(style: str, question: str, number: float) -> str:
    """The user message of stage finetune. `number` is a random number, 0 to 1.

    >>> user_message("user_qa", "Is it red?", number=0.5), user_message("clocks", "Is it noon?", number=0.5)
    (' User: Is it red? Assistant:', ' User: clocks: Is it noon? Assistant:')

    Rule: if the style is one of OFTEN_UNTAGGED and number is below 0.9, there is no tag; else the tag is the
          style, a colon and a space. The message is a space, "User: ", tag, question, and " Assistant:".
    """
    raise NotImplementedError


def rows_per_dataset(seed: int, group: int, rows: int, weights: list[float]) -> list[int]:
    """How many of a group's `rows` come from each dataset.

    >>> sum(rows_per_dataset(seed=1, group=0, rows=64, weights=[0.5, 0.3, 0.2]))
    64

    Rule: make a new generator np.random.default_rng((seed, 0, group)) and take one multinomial draw of `rows`
          rows with these sampling weights. The same group gives the same numbers, whatever was drawn before.
    """
    raise NotImplementedError
