"""Lesson 14: what an answer is worth.

`make start N=14` copies this file to mine/14_scores.py: write there. `make check N=14` says how you stand.
"""
import re

BUILD = [  # `make blank N=14` empties these in mine/minimolmo, `make marks N=14` marks them
    "minimolmo/metrics.py:distance",
    "minimolmo/metrics.py:hits",
    "minimolmo/metrics.py:score_pointing",
    "minimolmo/metrics.py:parse_count",
    "minimolmo/metrics.py:score_clocks",
    "minimolmo/metrics.py:facts_in",
    "minimolmo/metrics.py:score_caption",
    "minimolmo/answer.py:sample_tokens",
    "minimolmo/evaluate.py:mismatched_images",
]

NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
           "sixteen seventeen eighteen nineteen twenty").split()


def most_hits(said: list[float], true: list[float], radius: float) -> int:
    """The most points on a line that can be paired, one said with one true, no further apart than `radius`.

    >>> most_hits(said=[12, 9], true=[10, 14], radius=3)
    2

    Rule: a pair is one said and one true point at a distance of `radius` or less; each point is in one pair
          at the most. Of all ways to pair them, the number of pairs of the best.
    Hint: there are 5 points at the most, so try everything: the first said point stays alone, or takes any
          near true point; add the best of what is left. A function may call itself.
    """
    raise NotImplementedError


def stated_number(text: str) -> int | None:
    """The count an answer states, or None.

    >>> stated_number('Counting the <point x="1.0" y="2.0" alt="cat">cat</point> shows a total of 1.')
    1

    Rule: small letters; without spaces at both ends and then without dots at the end. Take the last word
          (words are parted by spaces). If it is "none": 0. If it is one of NUMBERS: its place there. If it is
          1 to 6 digits and nothing else: that number. Else, if "total of " and then digits stand anywhere:
          that number. Else None.
    Hint: re.fullmatch("[0-9]{1,6}", word), and re.search("(?<=total of )[0-9]{1,6}", text).
    """
    raise NotImplementedError


def in_time(said: str, true: str) -> bool:
    """Is the time that was said within five minutes of the true one? Both look like 9:05; hours 1 to 12.

    >>> in_time(said="12:02", true="11:58"), in_time(said="12:04", true="11:58")
    (True, False)

    Rule: a time is hours * 60 + minutes, on a circle of 720 minutes. How far is it from one to the other the
          one way round, how far the other way? The shorter way counts; 5 is still within.
    Hint: (a - b) % 720 is the way round in one direction, and never negative.
    """
    raise NotImplementedError


def facts(text: str, colors: list[str], kinds: list[str], places: list[str]) -> set[tuple[str, str, str]]:
    """What a caption claims: (colour, kind, place) of each thing that it names.

    >>> facts("A red dot is at the top. Nice.", colors=["red"], kinds=["dot"], places=["top left", "top"])
    {('red', 'dot', 'top')}

    Rule: small letters. For each sentence (they end with a dot): find, in order, every colour that is
          followed by a space and a kind, and, in order, every place after "the ". The first colour and kind
          go with the first place, the second with the second; what has no partner is dropped.
    Hint: re.findall(rf"\\b({'|'.join(colors)}) ({'|'.join(kinds)})\\b", sentence) gives pairs; zip stops at
          the shorter. `places` stands in the right order already.
    """
    raise NotImplementedError
