"""points at level full: one, many, all, none; and references: "smallest red boat left of the tree"."""
from __future__ import annotations

import random

from data.scenes.full_wording import Reference, absent, extremes, noun, plain_references, relations
from data.scenes.full import FullScene, Wish, is_held_out, make_scene
from minimolmo.flow import Annotation

ASKED = (12, 18)  # labels for one image
MOST = 16         # points in one answer
# What is asked for, and how often: a name for one thing, for several, for nothing; a reference.
SHARES = {"one": 0.3, "several": 0.2, "none": 0.15, "relation": 0.2, "extreme": 0.15}


def compose(split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene and about fourteen things to point at."""
    scene = make_scene(split, rng)
    offered = offer(scene, split, rng)
    asked: list[Reference] = []
    for _ in range(rng.randint(*ASKED)):
        kinds = [kind for kind in SHARES if offered[kind]]
        kind = rng.choices(kinds, [SHARES[kind] for kind in kinds])[0] if kinds else None
        if kind:
            asked.append(offered[kind].pop())
    return scene, [point_to(reference, rng) for reference in asked]


def offer(scene: FullScene, split: str, rng: random.Random) -> dict[str, list[Reference]]:
    """Everything that can be pointed at here, by sort, shuffled. In `novel`: what touches a held-out pair."""
    names = [reference for reference in plain_references(scene) if len(reference.things) <= MOST]
    offered = {
        "one": [reference for reference in names if len(reference.things) == 1],
        "several": [reference for reference in names if len(reference.things) > 1],
        "none": [nothing(wish) for wish in absent(scene, rng, held_out=split == "novel")],
        "relation": relations(scene),
        "extreme": extremes(scene)}
    for sort, references in offered.items():
        if split == "novel" and sort != "none":
            references = [r for r in references if any(map(is_held_out, r.things))]
        offered[sort] = rng.sample(references, len(references))
    return offered


def nothing(wish: Wish) -> Reference:
    """A name that means nothing here."""
    return Reference(noun(wish), noun(wish, several=True), ())


def point_to(reference: Reference, rng: random.Random) -> Annotation:
    """The singular promises one thing; the plural promises nothing."""
    several = len(reference.things) > 1 or rng.random() < 0.5
    label = reference.several if several else reference.one
    points = tuple((thing.x, thing.y) for thing in reference.things)
    return Annotation("pointing", label=label, points=points)
