"""count: how many are there? Each label is asked twice: counted by pointing first, and plainly.

    python -m data.count.prepare --level=easy --seed=1
"""
from __future__ import annotations

import random

from data.count import full
from data.scenes.easy_wording import Label, absent_labels, labels_of, matching, name, points_of
from data.scenes.easy import EasyLevel, Pair, Scene, asked_about, make_scene, pair_of
from data.scenes.full import FULL
from data.scenes.levels import Level
from data.generate import Picture, command
from minimolmo.flow import Annotation

MOST = 5          # the largest answer
DISTRACTORS = 2   # at most so many things that the target does not mean
VARIETY = 2       # at most so many different pairs among the things it means
ASKED = (2, 3)    # labels for one image
# Small numbers offer themselves more often than large ones; these weights even them out.
WEIGHTS = {0: 0.3, 1: 0.3, 2: 0.4, 3: 1.5, 4: 3.0, 5: 5.0}


def compose(level: Level, split: str, rng: random.Random) -> tuple[Picture, list[Annotation]]:
    """One scene built around a label with 1 to 5 things, and one or two more labels to count."""
    if level is FULL:
        return full.compose(split, rng)
    target, pairs = choose_target(level, split, rng)
    scene = make_scene(pairs, level, split, rng)
    labels = [target, *more_labels(scene, target, level, split, rng)]
    return scene, [annotation for label in labels for annotation in _count(scene, label)]


def choose_target(level: EasyLevel, split: str, rng: random.Random) -> tuple[Label, list[Pair]]:
    """What to count, and pairs of which 1 to 5 are meant by it; every number is as likely as any other."""
    pair = rng.choice(level.held_out if split == "novel" else level.pairs)
    label = rng.choice(labels_of(pair))
    meant = [other for other in level.pairs if _means(label, other) and other != pair]
    others = [other for other in level.pairs if not _means(label, other)]
    few = [pair, *rng.sample(meant, min(rng.randrange(VARIETY), len(meant)))]
    pairs = [pair] + rng.choices(few, k=rng.randint(1, MOST) - 1)
    pairs += rng.choices(rng.sample(others, 1), k=rng.randint(0, DISTRACTORS)) if others else []
    rng.shuffle(pairs)
    return label, pairs


def more_labels(scene: Scene, target: Label, level: EasyLevel, split: str, rng: random.Random) -> list[Label]:
    """One or two labels beside the target, chosen so that no answer is much more common than another."""
    offered = {label for thing in asked_about(scene, level, split) for label in labels_of(pair_of(thing))}
    offered = [label for label in sorted(offered) if len(matching(scene.things, label)) <= MOST]
    offered += rng.sample(absent_labels(scene.things, level, split), 1)
    chosen: list[Label] = []
    for _ in range(rng.randint(*ASKED) - 1):
        left = [label for label in offered if label != target and label not in chosen]
        weights = [WEIGHTS[len(matching(scene.things, label))] for label in left]
        chosen += rng.choices(left, weights) if left else []
    return chosen


def _means(label: Label, pair: Pair) -> bool:
    return all(asked in ("", has) for asked, has in zip(label, pair))


def _count(scene: Scene, label: Label) -> list[Annotation]:
    things = matching(scene.things, label)
    words = name(label, several=True)
    return [Annotation("point_count", label=words, points=points_of(things)),
            Annotation("count", label=words, answer=str(len(things)))]


if __name__ == "__main__":
    command({"count": compose})
