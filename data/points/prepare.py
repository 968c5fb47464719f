"""points: point to one thing, to all of a kind or colour, or to nothing.

    python -m data.points.prepare --level=easy --seed=1
"""
from __future__ import annotations

import random

from data.points import full
from data.scenes.easy_wording import Label, absent_labels, labels_of, matching, name, points_of
from data.scenes.easy import EasyLevel, Scene, asked_about, choose_pairs, make_scene, pair_of
from data.scenes.full import FULL
from data.scenes.levels import Level
from data.generate import Picture, command
from minimolmo.flow import Annotation

ASKED = 5           # labels for one image, if it offers as many
NOTHING = 1 / 6     # share of labels that match nothing
SEVERAL = 1 / 6     # share of labels that match two things or more
PLURAL = 1 / 2      # share of plurals among labels that mean one thing or none
THINGS = (1, 6)     # in one image


def compose(level: Level, split: str, rng: random.Random) -> tuple[Picture, list[Annotation]]:
    """One scene and about five things to point at."""
    if level is FULL:
        return full.compose(split, rng)
    pairs = choose_pairs(rng.randint(*THINGS), level, split, rng, twins=True)
    scene = make_scene(pairs, level, split, rng)
    return scene, [_point_to(scene, label, rng) for label in choose_labels(scene, level, split, rng)]


def choose_labels(scene: Scene, level: EasyLevel, split: str, rng: random.Random) -> list[Label]:
    """Different labels: most mean one thing, some several, some nothing."""
    offered = {label for thing in asked_about(scene, level, split) for label in labels_of(pair_of(thing))}
    absent = absent_labels(scene.things, level, split)
    one = [label for label in sorted(offered) if len(matching(scene.things, label)) == 1]
    several = [label for label in sorted(offered) if len(matching(scene.things, label)) > 1]
    for choices in (absent, one, several):
        rng.shuffle(choices)
    labels = []
    for _ in range(ASKED):
        kind = rng.choices((absent, several, one), (NOTHING, SEVERAL, 1 - NOTHING - SEVERAL))[0]
        choices = kind or one or several
        if choices:
            labels.append(choices.pop())
    return labels


def _point_to(scene: Scene, label: Label, rng: random.Random) -> Annotation:
    """The singular promises at most one; the plural promises nothing."""
    things = matching(scene.things, label)
    several = len(things) > 1 or rng.random() < PLURAL
    return Annotation("pointing", label=name(label, several), points=points_of(things))


if __name__ == "__main__":
    command({"points": compose})
