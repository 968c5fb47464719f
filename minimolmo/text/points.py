"""Points in text: writes points as Molmo's XML-like tags, and parses them from an answer.

    [(61.5, 40.4)]               <->  <point x="61.5" y="40.4" alt="cat">cat</point>
    [(10.0, 20.0), (30.0, 8.5)]  <->  <points x1="10.0" y1="20.0" x2="30.0" y2="8.5" alt="cats">cats</points>

x and y are percent (0-100) of the original image, origin top-left, so the text is the same whether the
image has a hundred pixels or a million. The writer is exact. The parser accepts whatever a half-trained model
generates, however long or broken, in time linear in the text's length.

Source: Molmo paper, Section 3 (PixMo-Points); details as in the official formatter and evaluation.
"""
from __future__ import annotations

import math
import re

from minimolmo.flow import Point

# In all three patterns no repetition can run past the next "x" or "<", so each character is read a few times
# at most. [0-9] and not \d: other scripts have digits too.
_PAIR = re.compile(r'x([0-9]*)=" *([0-9]+(?:\.[0-9]+)?)"\s+y\1=" *([0-9]+(?:\.[0-9]+)?)"')
_TAG = re.compile(r"<points?\s[^<>]*>([^<>]*)</points?>"  # a complete tag
                  r"|<points?\s[^<>]*>?|</points?>")      # or a part of one
_ENTITY = re.compile(r"&(amp|quot|lt|gt);")
_ENTITY_SIGNS = {"amp": "&", "quot": '"', "lt": "<", "gt": ">"}


def points_to_text(points: list[Point], label_text: str, alt_text: str) -> str:
    """Points as a tag around `label_text`; "" without points. ValueError if a coordinate is not finite.

    Points are rounded to a tenth of a percent, half to even, then sorted by x, then y. So each set of
    points has one spelling, and the model need not guess the order. In a label, the characters " < > become
    &quot; &lt; &gt;. (The official code does not escape them, and cannot parse them back.)

    >>> points_to_text([(50, 7.06), (12.35, 7.06)], "cats", "cats")
    '<points x1="12.4" y1="7.1" x2="50.0" y2="7.1" alt="cats">cats</points>'
    """
    if not points:
        return ""
    rounded = sorted((_round_to_tenth(x), _round_to_tenth(y)) for x, y in points)
    tag, indices = ("point", [""]) if len(rounded) == 1 else ("points", range(1, len(rounded) + 1))
    coordinates = " ".join(f'x{i}="{x:.1f}" y{i}="{y:.1f}"' for i, (x, y) in zip(indices, rounded))
    return f'<{tag} {coordinates} alt="{_escape(alt_text)}">{_escape(label_text)}</{tag}>'


def parse_points(text: str) -> list[Point]:
    """All points of a text, in percent, in the order of the text. Never fails.

    A point is x="1.5" y="2.5", or x3="1.5" y3="2.5" with the same number, in a tag or not. As in the official
    evaluation, only plain decimal numbers are parsed (no +1, -1, 1e3 or nan), and points beyond 100 are left
    out.

    >>> parse_points('I see <points x1="1.0" y1="2.0" x2="300" y2="4" x3="5.5" y3="6" x4="7.')
    [(1.0, 2.0), (5.5, 6.0)]
    """
    points = [(float(x), float(y)) for _, x, y in _PAIR.findall(text)]
    return [(x, y) for x, y in points if x <= 100 and y <= 100]


def plain_text(text: str) -> str:
    """The text to show to a person: every point tag is replaced by the words inside it.

    >>> plain_text('Counting the <point x="1.0" y="2.0" alt="cat">cat</point> shows a total of 1.')
    'Counting the cat shows a total of 1.'
    """
    return _TAG.sub(lambda tag: _unescape(tag[1] or ""), text)


def to_pixels(points: list[Point], width: int, height: int) -> list[tuple[float, float]]:
    """Pixels from percent. In: x, y in 0-100 of the *original* image, origin top-left. Out: pixels.

    >>> to_pixels([(50.0, 25.0)], width=200, height=80)
    [(100.0, 20.0)]
    """
    return [(x / 100 * width, y / 100 * height) for x, y in points]


def to_percent(pixels: list[tuple[float, float]], width: int, height: int) -> list[Point]:
    """Percent from pixels. In: pixels of the *original* image. Out: x, y in 0-100, origin top-left.

    >>> to_percent([(100, 20)], width=200, height=80)
    [(50.0, 25.0)]
    """
    return [(x / (width / 100), y / (height / 100)) for x, y in pixels]


def _round_to_tenth(percent: float) -> float:
    """Round to one decimal as numpy does: 12.35 -> 12.4, where Python's round(12.35, 1) gives 12.3.

    Ten times the number is rounded, a half to the even neighbour. Raises ValueError if that is not finite.
    """
    tenths = float(percent) * 10
    if not math.isfinite(tenths):
        raise ValueError(f"a point's coordinate is {percent}, which lies in no image. "
                         f"Try percent of the image's width and height, 0 to 100.")
    return round(tenths) / 10


def _escape(label: str) -> str:
    """Escape the characters that would end a tag too early. A plain & stays, unless it begins an entity."""
    label = _ENTITY.sub(r"&amp;\1;", label)
    return label.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _unescape(label: str) -> str:
    return _ENTITY.sub(lambda entity: _ENTITY_SIGNS[entity[1]], label)
