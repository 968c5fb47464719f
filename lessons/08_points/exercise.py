"""Lesson 08: points as text, and back. A point is (x, y); the origin is at the top left, y points down.

`make start N=08` copies this file to mine/08_points.py: write there. `make check N=08` says how you stand.
`make hint N=08` gives hints, in three steps.
"""

BUILD = [  # `make blank N=08` empties these in mine/minimolmo, `make marks N=08` marks them
    "minimolmo/text/points.py:points_to_text",
    "minimolmo/text/points.py:parse_points",
    "minimolmo/text/points.py:plain_text",
    "minimolmo/text/points.py:to_pixels",
    "minimolmo/text/points.py:to_percent",
    "minimolmo/text/points.py:_round_to_tenth",
]


def to_percent(pixels: list[tuple[float, float]], width: int, height: int) -> list[tuple[float, float]]:
    """Pixels of a width x height image in percent of it.

    >>> to_percent([(100, 20)], width=200, height=80)
    [(50.0, 25.0)]

    Rule: x in percent of the width, y in percent of the height. Nothing is rounded.
    """
    raise NotImplementedError


def round_to_tenth(value: float) -> float:
    """Round to one digit after the decimal point, as numpy does.

    >>> round_to_tenth(12.35), round_to_tenth(12.45)
    (12.4, 12.4)

    Rule: multiply by ten; round to a whole number, a half to the even neighbour; divide by ten.
          A value that is not finite is no position in an image: raise ValueError.
    """
    raise NotImplementedError


def write_points(points: list[tuple[float, float]], label: str) -> str:
    """Points in percent as a tag around the label. The label has no special signs here.

    >>> write_points([(50, 7.06), (12.35, 7.06)], "cats")
    '<points x1="12.4" y1="7.1" x2="50.0" y2="7.1" alt="cats">cats</points>'

    Rule: without points the text is "". Round each number to a tenth first, then sort by x, and by y on ties.
          One point:  <point x="1.0" y="2.0" alt="LABEL">LABEL</point>
          Several:    <points x1="1.0" y1="2.0" x2="3.0" y2="4.0" alt="LABEL">LABEL</points>
    """
    raise NotImplementedError


def parse_points(text: str) -> list[tuple[float, float]]:
    """All points of a text, in the order of the text. Never fails.

    >>> parse_points('<points x1="1.0" y1="2.0" x2="300" y2="4" x3="5.5" y3="6" x4="7.')
    [(1.0, 2.0), (5.5, 6.0)]

    Rule: a point is x="A" y="B", or xN="A" yN="B" with the same N after both letters, one space between.
          A and B are digits, perhaps with a decimal point and more digits. Points beyond 100 are left out.
    """
    raise NotImplementedError
