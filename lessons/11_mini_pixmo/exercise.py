"""Lesson 11: from facts to labels: hands of a clock, extremes of a chart, a relation, and the split.

`make start N=11` copies this file to mine/11_mini_pixmo.py: write there. `make check N=11` says how you
stand.
`make hint N=11` gives hints, in three steps.
"""
BUILD = []  # no function is emptied here: you build a data set of your own, as the page says


def hand_angles(hour: int, minute: int, second: int) -> tuple[float, float, float]:
    """Degrees clockwise from twelve of the hour, the minute and the second hand.

    >>> hand_angles(6, 30, 0)
    (195.0, 180.0, 0.0)

    Rule: the second hand moves 6 degrees a second. The minute hand moves 6 degrees a minute, and on with the
          seconds. The hour hand moves 30 degrees an hour, and on with minutes and seconds. At twelve o'clock
          it is at 0, not at 360.
    """
    raise NotImplementedError


def extremes(names: list[str], values: list[int]) -> list[tuple[str, str]]:
    """Questions about a chart and their answers: ("highest", name) and ("lowest", name), if they are unique.

    >>> extremes(["Mon", "Tue", "Wed"], [3, 7, 7])
    [('lowest', 'Mon')]

    Rule: the highest first, then the lowest. Leave out the one whose value two or more names share.
    """
    raise NotImplementedError


def left_of(anchor: tuple[float, float], others: list[tuple[float, float]], min_offset: float) -> list[int]:
    """Indices of the others that lie left of the anchor; points are (x, y) in percent of the image.

    >>> left_of((50.0, 50.0), [(20.0, 90.0), (80.0, 10.0)], min_offset=6.0)
    [0]

    Rule: a point is left if its x is smaller than the anchor's by more than `min_offset`. But if the x of any
          point, left or right, differs from the anchor's by `min_offset` or less, the relation is not clear:
          the answer is [].
    """
    raise NotImplementedError


def train_or_val(facts) -> str:
    """The split of an image with these facts: "train" or "val". One in eight is val.

    >>> train_or_val(("red", "circle", 10.0)) == train_or_val(("red", "circle", 10.0))
    True

    Rule: make the facts text with repr, and the text bytes with encode. zlib.crc32 of the bytes is a whole
          number. If it can be divided by 8, "val"; else "train".
    """
    raise NotImplementedError
