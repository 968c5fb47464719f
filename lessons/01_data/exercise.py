"""Lesson 01: what is said about a picture, and how it stands in a file.

`make start N=01` copies this file to mine/01_data.py: write there. `make check N=01` says how you stand.
Places are percent (0-100) of the picture's width and height, origin top-left.
"""

BUILD = [  # `make blank N=01` empties these in mine/minimolmo, `make marks N=01` marks them
    "minimolmo/batch/dataset.py:read_example",
    "minimolmo/batch/dataset.py:_read_points",
]


def click(things: list[tuple[str, str, float, float]], color: str, kind: str) -> list[tuple[float, float]]:
    """Where an annotator clicks for a label: the (x, y) of every thing that is meant.

    things  (color, kind, x, y) each; "" as color or kind means any

    >>> click([("red", "cup", 10.0, 20.0), ("blue", "cup", 60.0, 20.0)], color="", kind="cup")
    [(10.0, 20.0), (60.0, 20.0)]

    Rule: a thing is meant if its color is `color` or `color` is "", and its kind is `kind` or `kind` is "".
          Keep the order of the things. If none is meant, the list is empty: that is an answer too.
    Hint: both conditions must hold, each can hold in two ways.
    """
    raise NotImplementedError


def place(x: float, y: float) -> str:
    """Which ninth of the picture a point is in, x and y from 0 to below 100.

    >>> place(x=10.0, y=50.0)
    'left'

    Rule: cut the picture into three columns and three rows at 100/3 and 200/3. A point on a line belongs to
          the part right of it, or below it. By rows: "top left", "top", "top right";
          "left", "center", "right"; "bottom left", "bottom", "bottom right".
    Hint: int(x * 3 // 100) is the number of the column.
    """
    raise NotImplementedError


def row(style: str, label: str = "", answer: str = "", points: tuple = ()) -> dict:
    """An annotation as it stands in a file: only what it says.

    >>> row("count", label="cats", answer="3")
    {'style': 'count', 'label': 'cats', 'answer': '3'}

    Rule: put style, label, answer and points into a dictionary, in this order, and leave out those that are
          empty. But where points are the answer, in the styles "pointing" and "point_count", points stand
          there even if there are none.
    Hint: an empty tuple and an empty text are both false in an `if`.
    """
    raise NotImplementedError
