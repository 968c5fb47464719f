"""Lesson 08: places as text, and back. A point is (x, y), origin at the top left, y downwards.

`make start N=08` copies this file to mine/08_points.py: write there. `make check N=08` says how you stand.
"""

BUILD = [  # `make blank N=08` empties these in mine/minimolmo, `make marks N=08` marks them
    "minimolmo/text/points.py:points_to_text",
    "minimolmo/text/points.py:parse_points",
    "minimolmo/text/points.py:plain_text",
    "minimolmo/text/points.py:to_pixels",
    "minimolmo/text/points.py:to_percent",
    "minimolmo/text/points.py:_round_to_tenth",
]


def percent(pixels: list[tuple[float, float]], width: int, height: int) -> list[tuple[float, float]]:
    """Pixels of a width x height picture in percent of it.

    >>> percent([(100, 20)], width=200, height=80)
    [(50.0, 25.0)]

    Rule: x as a share of the width, y as a share of the height, times 100. Nothing is rounded.
    Hint: x / (width / 100).
    """
    raise NotImplementedError


def tenth(value: float) -> float:
    """Rounded to one digit behind the point, as numpy does.

    >>> tenth(12.35), tenth(12.45)
    (12.4, 12.4)

    Rule: multiply by ten; round to a whole number, a half to the even neighbour; divide by ten.
          What is not finite has no place in a picture: raise ValueError.
    Hint: Python's round(x) without a second argument takes a half to the even neighbour. math.isfinite.
    """
    raise NotImplementedError


def write_points(points: list[tuple[float, float]], label: str) -> str:
    """Points in percent as a tag around the label, which is plain words here.

    >>> write_points([(50, 7.06), (12.35, 7.06)], "cats")
    '<points x1="12.4" y1="7.1" x2="50.0" y2="7.1" alt="cats">cats</points>'

    Rule: no points, no text: "". Round each number to a tenth first, then sort by x, by y where x is equal.
          One point:  <point x="1.0" y="2.0" alt="LABEL">LABEL</point>
          Several:    <points x1="1.0" y1="2.0" x2="3.0" y2="4.0" alt="LABEL">LABEL</points>
    Hint: your `tenth`; pairs are sorted by their first number, then the second. f"{x:.1f}" writes one digit.
    """
    raise NotImplementedError


def read_points(text: str) -> list[tuple[float, float]]:
    """All points of a text, in the order they stand there. Never fails.

    >>> read_points('<points x1="1.0" y1="2.0" x2="300" y2="4" x3="5.5" y3="6" x4="7.')
    [(1.0, 2.0), (5.5, 6.0)]

    Rule: a point is x="A" y="B", or xN="A" yN="B" with the same N behind both letters, one blank between.
          A and B are digits, perhaps with a point and more digits. A point beyond 100 does not count.
    Hint: re.findall(r'x([0-9]*)="([0-9]+(?:\\.[0-9]+)?)" ...', text); \\1 stands for the N found before.
    """
    raise NotImplementedError
