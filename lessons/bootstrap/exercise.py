"""The scaffold: what the auxiliary losses ask for.

`make start N=bootstrap` copies this file to mine/bootstrap.py: write there. `make check N=bootstrap`
compares yours with the library. `make hint N=bootstrap` gives hints, in three steps.
"""
BUILD = []


def tens_and_ones(x: float, y: float) -> list[int]:
    """The tens and ones of x, then of y, as the answer's text has them. x and y are percent.

    >>> tens_and_ones(83.24, 7.1)
    [8, 3, 0, 7]

    Rule: round to one decimal, as the text does (a half goes to the even neighbour). Then drop the decimal.
          100.0 has no two digits: take 99.
    """
    raise NotImplementedError


def referent(before: str, word: str, things: list[tuple[str, str]]) -> int:
    """The index of the one object (color, kind) that a word means; -1 if it means none or several.

    >>> things = [("red", "circle"), ("blue", "square"), ("red", "triangle")]
    >>> referent("the", "circle", things), referent("the", "red", things), referent("red", "triangle", things)
    (0, -1, 2)

    Rule: a color means all objects of that color, a kind all objects of that kind. But right after a word
          that is the color of some object, a kind means only the objects that have both.
    """
    raise NotImplementedError
