"""Lesson 13: a timetable for one pupil and many books.

`make start N=13` copies this file to mine/13_mixture.py: write there. `make check N=13` says how you stand.
"""
import numpy as np

BUILD = [  # `make blank N=13` empties these in mine/minimolmo, `make marks N=13` marks them
    "minimolmo/batch/loader.py:shares",
    "minimolmo/batch/loader.py:choose",
    "minimolmo/batch/loader.py:Loader.draw",
    "minimolmo/batch/loader.py:Loader.row",
    "minimolmo/text/prompts.py:question_prompt",
    "minimolmo/text/prompts.py:to_messages",
]

OFTEN_UNTAGGED = ("point_count", "pointing", "user_qa", "long_caption", "count")


def portions(sizes: list[int], weights: list[float]) -> list[float]:
    """The share of hours that each book gets.

    >>> [round(share, 2) for share in portions(sizes=[36, 4], weights=[1.0, 1.0])]
    [0.75, 0.25]

    Rule: for each book: the square root of its size, times its weight. Divide each by the sum of all.
    Hint: the weight stands outside the root: a weight of 2 doubles the hours.
    """
    raise NotImplementedError


def page(turn: int, orders: list[list[int]]) -> int:
    """The page that a book gives at its turn-th hour, counted from 0.

    >>> page(turn=4, orders=[[2, 0, 1], [1, 2, 0]])
    2

    Rule: orders[r] is the shuffled order of round r. The first len(orders[0]) turns are round 0, from its
          first entry to its last; the next as many are round 1; and so on.
    Hint: divmod(turn, size) gives the round and the place in it.
    """
    raise NotImplementedError


def user_message(style: str, question: str, draw: float) -> str:
    """The user's message of stage two. `draw` is a throw of the dice, 0 to 1.

    >>> user_message("user_qa", "Is it red?", draw=0.5), user_message("clocks", "Is it noon?", draw=0.5)
    (' User: Is it red? Assistant:', ' User: clocks: Is it noon? Assistant:')

    Rule: if the style is one of OFTEN_UNTAGGED and draw is below 0.9, there is no tag; else the tag is the
          style, a colon and a space. The message is a space, "User: ", tag, question, and " Assistant:".
    Hint: the draw matters for the styles of that list alone. Mind the space at the very beginning.
    """
    raise NotImplementedError


def hours(seed: int, group: int, rows: int, shares: list[float]) -> list[int]:
    """How many pages each book gives to one group of `rows` pages.

    >>> sum(hours(seed=1, group=0, rows=64, shares=[0.5, 0.3, 0.2]))
    64

    Rule: a new generator np.random.default_rng((seed, 0, group)), and of it one multinomial draw of `rows`
          pages with these shares. Whatever was drawn before, the same group gives the same numbers.
    Hint: generator.multinomial(rows, shares) throws the dice; .tolist() makes plain numbers of it.
    """
    raise NotImplementedError
