"""points: point to one object, to all of a kind or colour, or to none.

    python -m data.points.prepare --level=easy --seed=1
"""
from __future__ import annotations

import random

from data.generate import DrawableScene, run_command_line
from data.points import full
from data.scenes.easy import EasyLevel, Scene, choose_pairs, make_scene, color_kind_pair, things_to_ask_about
from data.scenes.easy_wording import (
    Label,
    absent_labels,
    label_text,
    labels_for_pair,
    matching_things,
    points_of,
)
from data.scenes.full import FULL
from data.scenes.levels import Level
from minimolmo.command import run_command
from minimolmo.flow import Annotation

NUM_LABELS = 5           # labels for one image, if it has as many
ABSENT_SHARE = 1 / 6     # share of labels that match nothing
MULTIPLE_SHARE = 1 / 6     # share of labels that match two objects or more
PLURAL_SHARE = 1 / 2      # share of plurals among labels that match one object or none
NUM_THINGS = (1, 6)     # objects in one image


def make_example(level: Level, split: str, rng: random.Random) -> tuple[DrawableScene, list[Annotation]]:
    """One scene with about five labels to point at."""
    if level is FULL:
        return full.make_example(split, rng)
    pairs = choose_pairs(rng.randint(*NUM_THINGS), level, split, rng, allow_duplicates=True)
    scene = make_scene(pairs, level, split, rng)
    return scene, [
        _pointing_annotation(scene, label, rng) for label in choose_labels(scene, level, split, rng)
    ]


def choose_labels(scene: Scene, level: EasyLevel, split: str, rng: random.Random) -> list[Label]:
    """Different labels: most match one object, some several, some none."""
    candidates = {
        label
        for thing in things_to_ask_about(scene, level, split)
        for label in labels_for_pair(color_kind_pair(thing))
    }
    absent = absent_labels(scene.things, level, split)
    single = [label for label in sorted(candidates) if len(matching_things(scene.things, label)) == 1]
    multiple = [label for label in sorted(candidates) if len(matching_things(scene.things, label)) > 1]
    for nonempty_list in (absent, single, multiple):
        rng.shuffle(nonempty_list)
    labels = []
    for _ in range(NUM_LABELS):
        chosen_list = rng.choices((absent, multiple, single),
                                  (ABSENT_SHARE, MULTIPLE_SHARE, 1 - ABSENT_SHARE - MULTIPLE_SHARE))[0]
        nonempty_list = chosen_list or single or multiple
        if nonempty_list:
            labels.append(nonempty_list.pop())
    return labels


def _pointing_annotation(scene: Scene, label: Label, rng: random.Random) -> Annotation:
    """Point at the label's objects. The singular means at most one; the plural means any number."""
    things = matching_things(scene.things, label)
    plural = len(things) > 1 or rng.random() < PLURAL_SHARE
    return Annotation("pointing", label=label_text(label, plural), points=points_of(things))


def main(arguments: list[str]) -> None:
    """The command line: draw this dataset."""
    run_command_line({"points": make_example}, arguments)


if __name__ == "__main__":
    run_command(main)
