"""Lesson 11: recipes: hands of a clock, extremes of a chart, a relation, and the split.

`make start N=11` copies this file to mine/11_mini_pixmo.py: write there. `make check N=11` says how you
stand.
"""
BUILD = []  # nothing is emptied here: what you build is a set of your own, as the page says


def hands(hour: int, minute: int, second: int) -> tuple[float, float, float]:
    """Degrees clockwise from twelve of the hour, the minute and the second hand.

    >>> hands(6, 30, 0)
    (195.0, 180.0, 0.0)

    Rule: the second hand goes 6 degrees a second. The minute hand goes 6 degrees a minute, and creeps on with
          the seconds. The hour hand goes 30 degrees an hour, and creeps on with minutes and seconds. At
          twelve o'clock it stands at 0, not at 360.
    Hint: count the seconds since twelve; the hour hand needs 120 of them for a degree, the minute hand 10.
    """
    raise NotImplementedError


def extremes(names: list[str], values: list[int]) -> list[tuple[str, str]]:
    """What may be asked of a chart: ("highest", name) and ("lowest", name), where there is no doubt.

    >>> extremes(["Mon", "Tue", "Wed"], [3, 7, 7])
    [('lowest', 'Mon')]

    Rule: the highest first, then the lowest; leave out the one whose value two or more names share.
    Hint: values.count(max(values)) says how many share it.
    """
    raise NotImplementedError


def clearly_left(anchor: tuple[float, float], others: list[tuple[float, float]], clear: float) -> list[int]:
    """Which of the others, by their number, lie left of the anchor; points are (x, y) in percent.

    >>> clearly_left((50.0, 50.0), [(20.0, 90.0), (80.0, 10.0)], clear=6.0)
    [0]

    Rule: one is left if its x is more than `clear` below the anchor's. But if the x of any one of them, left
          or right, is within `clear` of the anchor's (or just at that distance), nobody can say which things
          are left: the answer is [].
    Hint: look for the doubtful first.
    """
    raise NotImplementedError


def split(facts) -> str:
    """Where a picture of these facts belongs: "train" or "val". One in eight is val.

    >>> split(("red", "circle", 10.0)) == split(("red", "circle", 10.0))
    True

    Rule: write the facts as text with repr, the text as bytes with encode, take zlib.crc32 of the bytes, a
          whole number. If 8 divides it, "val"; else "train".
    Hint: import zlib. Python's own hash() would differ from run to run for text, and this may not.
    """
    raise NotImplementedError
