"""Bars by Pillow, for the pictures of `bench.py` and `ablate.py`."""
from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

INK, PALE, COLORS = (40, 44, 58), (222, 225, 232), ((45, 112, 200), (226, 120, 40), (60, 150, 90))
LINE, LEFT, WIDTH = 20, 400, 460  # pixels


def bars(rows: list[tuple[str, float, str]], title: str) -> Image.Image:
    """One bar a row: (name, value, what to write behind it). Rows named "" leave a gap and start a new scale;
    negative values reach to the left of the zero line.
    """
    font, height = ImageFont.load_default(12), LINE * (len(rows) + 3)
    picture = Image.new("RGB", (LEFT + WIDTH + 170, height), "white")
    pen = ImageDraw.Draw(picture)
    pen.text((12, 10), title, INK, ImageFont.load_default(15))
    y, color = 2 * LINE, 0
    for group in _groups(rows):
        low = min(0.0, *(value for _, value, _ in group))
        span = max(0.0, *(value for _, value, _ in group)) - low or 1.0
        zero = LEFT - low / span * WIDTH
        for name, value, text in group:
            pen.text((12, y + 3), name, INK, font)
            ends = sorted((zero, zero + value / span * WIDTH))
            pen.rectangle((ends[0], y + 3, max(ends[1], ends[0] + 1), y + LINE - 3), COLORS[color % 3])
            pen.text((LEFT + WIDTH + 10, y + 3), text, INK, font)
            y += LINE
        pen.line((zero, y - LINE * len(group), zero, y), PALE)
        y, color = y + LINE, color + 1
    return picture


def _groups(rows: list[tuple[str, float, str]]) -> list[list[tuple[str, float, str]]]:
    groups = [[]]
    for row in rows:
        if row[0]:
            groups[-1].append(row)
        else:
            groups.append([])
    return [group for group in groups if group]
