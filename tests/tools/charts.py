"""Bar charts drawn with Pillow, for `bench.py` and `ablate.py`."""
from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

INK, PALE, COLORS = (40, 44, 58), (222, 225, 232), ((45, 112, 200), (226, 120, 40), (60, 150, 90))
LINE, LEFT, WIDTH = 20, 400, 460  # pixels


def draw_bars(rows: list[tuple[str, float, str]], title: str) -> Image.Image:
    """Draw one bar for each row: (name, value, text behind the bar).

    Rows named "" leave a gap and start a new scale; negative values reach to the left of the zero line.
    """
    font, height = ImageFont.load_default(12), LINE * (len(rows) + 3)
    image = Image.new("RGB", (LEFT + WIDTH + 170, height), "white")
    draw = ImageDraw.Draw(image)
    draw.text((12, 10), title, INK, ImageFont.load_default(15))
    y, color = 2 * LINE, 0
    for group in _groups(rows):
        low = min(0.0, *(value for _, value, _ in group))
        span = max(0.0, *(value for _, value, _ in group)) - low or 1.0
        zero = LEFT - low / span * WIDTH
        for name, value, text in group:
            draw.text((12, y + 3), name, INK, font)
            ends = sorted((zero, zero + value / span * WIDTH))
            draw.rectangle((ends[0], y + 3, max(ends[1], ends[0] + 1), y + LINE - 3), COLORS[color % 3])
            draw.text((LEFT + WIDTH + 10, y + 3), text, INK, font)
            y += LINE
        draw.line((zero, y - LINE * len(group), zero, y), PALE)
        y, color = y + LINE, color + 1
    return image


def _groups(rows: list[tuple[str, float, str]]) -> list[list[tuple[str, float, str]]]:
    groups = [[]]
    for row in rows:
        if row[0]:
            groups[-1].append(row)
        else:
            groups.append([])
    return [group for group in groups if group]
