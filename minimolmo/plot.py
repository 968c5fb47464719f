"""Line plots with Pillow: the loss curves of a run."""
from __future__ import annotations

import math

import numpy as np
from PIL import Image

from minimolmo.draw import COLORS, INK, LINE, MUTED, Canvas, draw_tag, tag_width, text_width

XY = tuple[float, float]  # a point of a curve


def loss_curve(series: dict[str, list[XY]], title: str = "", marks: dict[float, str] | None = None,
               log: bool = False) -> Image.Image:
    """Plot curves by name: raw values faint, running mean bold, and its last value in the legend.

    marks  {x: name}: a dashed line at x with a name, as where a stage begins
    log    a logarithmic y axis

    Values that are not finite, or not positive on a logarithmic axis, are left out.
    """
    series = {name: [(x, y) for x, y in curve if math.isfinite(y) and (y > 0 or not log)]
              for name, curve in series.items()}
    points = [point for curve in series.values() for point in curve] + [(x, math.nan) for x in marks or {}]
    canvas = Canvas(760, 420)
    axes = Axes((60, 84, 738, 386), [x for x, _ in points], [y for _, y in points if y == y], log)
    canvas.text(16, 14, title, 18)
    axes.draw(canvas)
    axes.draw_marks(canvas, sorted((marks or {}).items()))
    x, y = 16.0, 42
    for number, (name, curve) in enumerate(series.items()):
        color, smooth = COLORS[number % len(COLORS)], running_mean(curve)
        axes.draw_curve(canvas, curve, smooth, color)
        legend = f"{name} {smooth[-1][1]:.3g}" if smooth else f"{name}: none"
        if x + tag_width(legend) > canvas.width:
            x, y = 16.0, y + 20
        draw_tag(canvas, x, y, legend, color)
        x += tag_width(legend) + 8
    return canvas.to_image()


class Axes:
    """The axes of a plot: they turn values into pixels, and draw ticks, curves and marks."""

    def __init__(self, box: tuple[float, float, float, float], xs: list[float], ys: list[float], log: bool):
        self.box, self.log = box, log
        self.xs = min(xs, default=0), max(xs, default=1)
        low, high = min([0, *ys]), max([0, *ys])  # a linear axis always includes zero
        self.ys = low, high + 0.05 * (high - low) or 1
        if log:
            self.ys = min(ys, default=1) / 1.2, max(ys, default=1) * 1.2

    def to_pixels(self, x: float, y: float) -> XY:
        """The pixel at which a value pair is drawn."""
        left, top, right, bottom = self.box
        scale = math.log if self.log else float
        across = (x - self.xs[0]) / ((self.xs[1] - self.xs[0]) or 1)
        up = (scale(y) - scale(self.ys[0])) / (scale(self.ys[1]) - scale(self.ys[0]))
        return left + across * (right - left), bottom - up * (bottom - top)

    def draw(self, canvas: Canvas) -> None:
        """Draw the ticks with their numbers, and the x axis."""
        left, _, right, bottom = self.box
        for y in log_ticks(*self.ys) if self.log else ticks(*self.ys):
            height = self.to_pixels(self.xs[0], y)[1]
            canvas.line([(left, height), (right, height)], LINE)
            canvas.text(left - 8, height, f"{y:g}", 12, MUTED, "rm")
        for x in ticks(*self.xs):
            canvas.text(self.to_pixels(x, self.ys[1])[0], bottom + 8, f"{x:g}", 12, MUTED, "ma")
        canvas.line([(left, bottom), (right, bottom)], MUTED)

    def draw_curve(self, canvas: Canvas, curve: list[XY], smooth: list[XY], color: str) -> None:
        """Draw a curve: raw values faint, running mean bold. A short curve has a dot at each value."""
        canvas.line([self.to_pixels(x, y) for x, y in curve], color + "48")
        canvas.line([self.to_pixels(x, y) for x, y in smooth], color, 2)
        for x, y in curve if len(curve) < 30 else ():
            canvas.circle(*self.to_pixels(x, y), 3, color)

    def draw_marks(self, canvas: Canvas, marks: list[tuple[float, str]]) -> None:
        """Draw a dashed vertical line with a name at each x."""
        _, top, right, bottom = self.box
        for index, (x, name) in enumerate(marks):
            across = self.to_pixels(x, self.ys[1])[0]
            for y in range(round(top), round(bottom), 8):
                canvas.line([(across, y), (across, y + 4)], MUTED)
            canvas.text(min(across + 5, right - text_width(name, 12)), top + 15 * (index % 2), name, 12, INK)


def ticks(low: float, high: float) -> list[float]:
    """Four to ten round numbers from low to high: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / 6 or 1
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten from low to high; on a short axis, also 2 and 5 times each power."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(powers) < 6 else (1,)
    values = [factor * 10.0 ** power for power in powers for factor in factors]
    return [value for value in values if low <= value <= high]


def running_mean(curve: list[XY]) -> list[XY]:
    """Average each value over the fortieth of the curve around it. Curves under 80 values do not change."""
    half, ys = len(curve) // 80, np.array([y for _, y in curve])
    means = [float(ys[max(0, index - half):index + half + 1].mean()) for index in range(len(ys))]
    return [(x, mean) for (x, _), mean in zip(curve, means)]
