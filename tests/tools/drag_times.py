"""How long the page takes from a moved pointer to the model's new point: python tests/tools/drag_times.py

Drags a shape in a real browser, without a window, and prints the median and the 95th percentile.
"""
from __future__ import annotations

import math
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[level]) for level in (1, 2)]

from minimolmo.command import run_command, say  # noqa: E402  first: the slow imports follow

import torch  # noqa: E402

from minimolmo.answer import RELEASED  # noqa: E402
from minimolmo.options import Parser, path_argument  # noqa: E402
from minimolmo.page.demo import FILES, Demo  # noqa: E402
from minimolmo.page.server import start  # noqa: E402
from tools.webdriver import Browser  # noqa: E402

DRAGS, STEPS = 6, 40  # each step takes 10 ms
READY = "return document.querySelector('.token.picked') && document.querySelector('#stop:disabled')"
TIMES = "return performance.getEntriesByName('drag').map((entry) => entry.duration)"
SIDE = "return document.querySelector('#stage .picture-sheet').clientWidth"


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that at least so many percent of the values do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def measure(weights: Path = RELEASED) -> list[float]:
    """Milliseconds of each answer while a shape was dragged to and fro."""
    torch.set_num_threads(1)
    demo = Demo(weights)
    running = start(demo.routes(), FILES)
    try:
        with Browser() as browser:
            browser.open(running.address)
            browser.wait(READY, 60)
            side = browser.execute(SIDE)
            places = [(.66 * side, .35 * side), (.5 * side, .85 * side)]
            for turn in range(DRAGS):
                browser.drag("#stage .picture-sheet", places[turn % 2], places[1 - turn % 2], STEPS)
                browser.wait(READY, 60)
            return browser.execute(TIMES)
    finally:
        running.stop()


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=path_argument, default=RELEASED)
    found = measure(parser.parse_args(arguments).weights)
    say(f"{len(found)} answers while dragging: median {percentile(found, 50):.0f} ms, "
        f"95 % within {percentile(found, 95):.0f} ms")


if __name__ == "__main__":
    run_command(main)
