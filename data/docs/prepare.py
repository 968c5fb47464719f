"""docs: charts, tables, diagrams and other documents, with questions.

    python -m data.docs.prepare --level=easy --seed=1
"""
from __future__ import annotations

import random

from data.docs import easy, full
from data.generate import DrawableScene, run_command_line
from data.scenes.full import FULL
from data.scenes.levels import Level
from minimolmo.command import run_command
from minimolmo.flow import Annotation


def make_example(level: Level, split: str, rng: random.Random) -> tuple[DrawableScene, list[Annotation]]:
    """One page with its questions: four to six at level easy, six to nine at level full."""
    return full.make_example(split, rng) if level is FULL else easy.make_example(split, rng)


def main(arguments: list[str]) -> None:
    """The command line: draw this dataset."""
    run_command_line({"docs": make_example}, arguments)


if __name__ == "__main__":
    run_command(main)
