"""count at level full: 0 to 16, each as likely as any other; counted by pointing first, and plainly."""
from __future__ import annotations

import random

from data.scenes.objects import COLORS, KINDS
from data.scenes.full_wording import absent, matching, noun, wishes_of
from data.scenes.full import FullScene, Wish, make_scene
from data.scenes.full import FULL
from minimolmo.flow import Annotation

MOST = 16
DISTRACTORS = 4   # at most so many things that are not meant
OTHERS = 4        # labels at most beside the one the scene was made for
COMMON = {1: 0.03, 2: 0.1, 3: 0.3, 4: 0.6}  # how readily a small number is asked for: there are most


def compose(split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene made around a label and a number, and some more labels to count."""
    number, target = rng.randint(0, MOST), _target(split, rng)
    scene = _scene_with(target, number, split, rng)
    labels = [target, *_others(scene, target, split, rng)]
    return scene, [annotation for wish in labels for annotation in count(scene, wish)]


def _target(split: str, rng: random.Random) -> Wish:
    """A kind, or a colour and a kind, to be found in many settings."""
    if split == "novel":
        color, kind = rng.choice(FULL.held_out)
        return Wish(color, "", kind)
    kind = rng.choice(list(KINDS))
    colors = [color for color in COLORS if (color, kind) not in FULL.held_out]
    color = rng.choice(colors)
    return rng.choice((Wish("", "", kind), Wish(color, "", kind), Wish(color, "", "")))


def _scene_with(target: Wish, number: int, split: str, rng: random.Random) -> FullScene:
    """A scene with just so many; crowded ones may not find room, and are begun again."""
    while True:
        extra = rng.randint(0 if number else 2, max(2, min(DISTRACTORS, MOST - number)))
        scene = make_scene(split, rng, (target,) * number, extra, but=target)
        if len(matching(scene, target)) == number:
            return scene


def _others(scene: FullScene, target: Wish, split: str, rng: random.Random) -> list[Wish]:
    """Other names of what is there, rare numbers first, and now and then one that means nothing."""
    wishes = sorted({wish for thing in scene.things for wish in wishes_of(thing)} - {target})
    numbers = [len(matching(scene, wish)) for wish in wishes]
    chosen = [wish for wish, number in zip(wishes, numbers)
              if rng.random() < COMMON.get(number, 1.0) and number <= MOST]
    nothing = absent(scene, rng, held_out=split == "novel", most=1)
    return rng.sample(chosen, min(OTHERS, len(chosen))) + (nothing if rng.random() < 0.2 else [])


def count(scene: FullScene, wish: Wish) -> list[Annotation]:
    """The same question twice: with points, and without."""
    things = matching(scene, wish)
    label = noun(wish, several=True)
    return [Annotation("point_count", label=label, points=tuple((thing.x, thing.y) for thing in things)),
            Annotation("count", label=label, answer=str(len(things)))]
