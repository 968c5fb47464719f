"""count: each label is asked twice, once for points and a number, once for the number alone.

    python -m data.count.prepare --level=easy --seed=1
"""
from __future__ import annotations

import random

from data.count import full
from data.generate import DrawableScene, run_command_line
from data.scenes.easy import EasyLevel, Pair, Scene, make_scene, color_kind_pair, things_to_ask_about
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

MAX_COUNT = 5          # the largest answer
DISTRACTORS = 2   # largest number of objects that the target does not match
MAX_TARGET_PAIRS = 2       # largest number of different pairs among the target's objects
NUM_LABELS = (2, 3)    # labels for one image
# Small counts are more frequent than large ones; these weights balance the answers.
COUNT_WEIGHTS = {0: 0.3, 1: 0.3, 2: 0.4, 3: 1.5, 4: 3.0, 5: 5.0}


def make_example(level: Level, split: str, rng: random.Random) -> tuple[DrawableScene, list[Annotation]]:
    """One scene built around a label with 1 to 5 objects, and one or two further labels to count."""
    if level is FULL:
        return full.make_example(split, rng)
    target, pairs = choose_target(level, split, rng)
    scene = make_scene(pairs, level, split, rng)
    labels = [target, *more_labels(scene, target, level, split, rng)]
    return scene, [annotation for label in labels for annotation in _count_annotations(scene, label)]


def choose_target(level: EasyLevel, split: str, rng: random.Random) -> tuple[Label, list[Pair]]:
    """A label to count, and colour-kind pairs of which 1 to 5 match it, all counts equally likely."""
    pair = rng.choice(level.held_out if split == "novel" else level.pairs)
    label = rng.choice(labels_for_pair(pair))
    matching_pairs = [other for other in level.pairs if _matches(label, other) and other != pair]
    other_pairs = [other for other in level.pairs if not _matches(label, other)]
    target_pairs = [
        pair, *rng.sample(matching_pairs, min(rng.randrange(MAX_TARGET_PAIRS), len(matching_pairs)))
    ]
    pairs = [pair] + rng.choices(target_pairs, k=rng.randint(1, MAX_COUNT) - 1)
    pairs += rng.choices(rng.sample(other_pairs, 1), k=rng.randint(0, DISTRACTORS)) if other_pairs else []
    rng.shuffle(pairs)
    return label, pairs


def more_labels(scene: Scene, target: Label, level: EasyLevel, split: str, rng: random.Random) -> list[Label]:
    """One or two labels besides the target, weighted so that all answers are about equally common."""
    candidates = {
        label
        for thing in things_to_ask_about(scene, level, split)
        for label in labels_for_pair(color_kind_pair(thing))
    }
    candidates = [
        label for label in sorted(candidates) if len(matching_things(scene.things, label)) <= MAX_COUNT
    ]
    candidates += rng.sample(absent_labels(scene.things, level, split), 1)
    chosen: list[Label] = []
    for _ in range(rng.randint(*NUM_LABELS) - 1):
        remaining = [label for label in candidates if label != target and label not in chosen]
        weights = [COUNT_WEIGHTS[len(matching_things(scene.things, label))] for label in remaining]
        chosen += rng.choices(remaining, weights) if remaining else []
    return chosen


def _matches(label: Label, pair: Pair) -> bool:
    return all(wanted in ("", value) for wanted, value in zip(label, pair))


def _count_annotations(scene: Scene, label: Label) -> list[Annotation]:
    things = matching_things(scene.things, label)
    words = label_text(label, plural=True)
    return [Annotation("point_count", label=words, points=points_of(things)),
            Annotation("count", label=words, answer=str(len(things)))]


def main(arguments: list[str]) -> None:
    """The command line: draw this dataset."""
    run_command_line({"count": make_example}, arguments)


if __name__ == "__main__":
    run_command(main)
