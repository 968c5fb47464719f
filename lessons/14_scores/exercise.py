"""Lesson 14: scores of points, counts, times and captions.

`make start N=14` copies this file to mine/14_scores.py: write there. `make check N=14` compares it.
`make hint N=14` gives hints, in three steps.
"""
import re

BUILD = [  # `make blank N=14` empties these in mine/minimolmo, `make marks N=14` tests them
    "minimolmo/metrics.py:distance",
    "minimolmo/metrics.py:count_hits",
    "minimolmo/metrics.py:score_pointing",
    "minimolmo/metrics.py:parse_count",
    "minimolmo/metrics.py:score_clocks",
    "minimolmo/text/facts.py:facts_in",
    "minimolmo/metrics.py:score_caption_facts",
    "minimolmo/answer.py:sample_tokens",
    "minimolmo/evaluate.py:mismatched_images",
]

NUMBER_WORDS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
                "fifteen sixteen seventeen eighteen nineteen twenty").split()


def count_hits(predicted: list[float], target: list[float], radius: float) -> int:
    """The most points on a line that can be paired, one predicted with one target, at most `radius` apart.

    >>> count_hits(predicted=[12, 9], target=[10, 14], radius=3)
    2

    Rule: a pair is one predicted point and one target at a distance of `radius` or less; each point is in at
          most one pair. Of all ways to pair them, return the number of pairs of the best.
    """
    raise NotImplementedError


def parse_count(text: str) -> int | None:
    """The count that an answer states, or None.

    >>> parse_count('Counting the <point x="1.0" y="2.0" alt="cat">cat</point> shows a total of 1.')
    1

    Rule: lower case; strip spaces at both ends and then dots at the end. Take the last word (words are
          separated by spaces). If it is "none": 0. If it is one of NUMBER_WORDS: its index there. If it is
          1 to 6 digits and nothing else: that number. Else, if "total of " and then digits occur anywhere:
          that number. Else None.
    """
    raise NotImplementedError


def within_five_minutes(predicted: str, target: str) -> bool:
    """Is a predicted time within five minutes of the target? Both look like 9:05; hours 1 to 12.

    >>> within_five_minutes("12:02", target="11:58"), within_five_minutes("12:04", target="11:58")
    (True, False)

    Rule: a time is hours * 60 + minutes, on a circle of 720 minutes. There are two ways round from one to the
          other. The shorter one counts; 5 is still within.
    """
    raise NotImplementedError


def facts_in(text: str, colors: list[str], kinds: list[str], places: list[str]) -> set[tuple[str, str, str]]:
    """The facts that a caption states: (colour, kind, place) of each object that it names.

    >>> facts_in("A red dot is at the top. Nice.", colors=["red"], kinds=["dot"], places=["top left", "top"])
    {('red', 'dot', 'top')}

    Rule: lower case. For each sentence (it ends with a dot): find, in order, every colour that is followed by
          a space and a kind, and, in order, every place after "the ". The first colour and kind go with the
          first place, the second with the second; what has no partner is dropped.
    """
    raise NotImplementedError
