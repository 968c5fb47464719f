"""Lesson 01: points, regions and rows.

`make start N=01` copies this file to mine/01_data.py: write there. `make check N=01` compares yours with the
library. Coordinates are percent (0-100) of the image's width and height, origin top-left.
`make hint N=01` gives hints, in three steps.
"""

BUILD = [  # `make blank N=01` empties these in mine/minimolmo, `make marks N=01` marks them
    "minimolmo/batch/dataset.py:read_example",
    "minimolmo/batch/dataset.py:_read_points",
]


def select_points(things: list[tuple[str, str, float, float]], color: str,
                  kind: str) -> list[tuple[float, float]]:
    """The points of a label: the (x, y) of every object that it means.

    things  (color, kind, x, y) each; "" as color or kind means any

    >>> select_points([("red", "cup", 10.0, 20.0), ("blue", "cup", 60.0, 20.0)], color="", kind="cup")
    [(10.0, 20.0), (60.0, 20.0)]

    Rule: a label means an object if the object's color is `color` or `color` is "", and its kind is `kind` or
          `kind` is "". Keep the order of the objects. If it means none, the list is empty: a valid answer.
    """
    raise NotImplementedError


def region(x: float, y: float) -> str:
    """The ninth of the image in which a point lies, x and y from 0 to below 100.

    >>> region(x=10.0, y=50.0)
    'left'

    Rule: cut the image into three columns and three rows at 100/3 and 200/3. A point on a line belongs to the
          part right of it, or below it. By rows: "top left", "top", "top right";
          "left", "center", "right"; "bottom left", "bottom", "bottom right".
    """
    raise NotImplementedError


def to_row(style: str, label: str = "", answer: str = "", points: tuple = ()) -> dict:
    """An annotation as it is stored in a file: without empty fields.

    >>> to_row("count", label="cats", answer="3")
    {'style': 'count', 'label': 'cats', 'answer': '3'}

    Rule: put style, label, answer and points into a dictionary, in this order, and leave out those that are
          empty. In the styles "pointing" and "point_count" the points are the answer, so they stay even if
          there are none.
    """
    raise NotImplementedError
