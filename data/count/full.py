"""count at level full: answers from 0 to 16, equally often, with points and without."""
from __future__ import annotations

import random

from data.scenes.full import FULL, FullScene, ObjectSpec, make_scene
from data.scenes.full_wording import absent_specs, matching_things, spec_text, specs_for
from data.scenes.objects import COLORS, KINDS
from minimolmo.flow import Annotation

MAX_COUNT = 16
DISTRACTORS = 4   # largest number of other objects
MAX_OTHER_LABELS = 4        # largest number of labels besides the target
KEEP_SHARE = {1: 0.03, 2: 0.1, 3: 0.3, 4: 0.6}  # chance to ask for a small count; small counts are frequent


def make_example(split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene built around a label and its count, and some further labels to count."""
    num_targets, target = rng.randint(0, MAX_COUNT), _choose_target(split, rng)
    scene = _scene_with(target, num_targets, split, rng)
    labels = [target, *_other_specs(scene, target, split, rng)]
    return scene, [annotation for spec in labels for annotation in count_annotations(scene, spec)]


def _choose_target(split: str, rng: random.Random) -> ObjectSpec:
    """A spec to count: a kind, a colour, or both."""
    if split == "novel":
        color, kind = rng.choice(FULL.held_out)
        return ObjectSpec(color, "", kind)
    kind = rng.choice(list(KINDS))
    colors = [color for color in COLORS if (color, kind) not in FULL.held_out]
    color = rng.choice(colors)
    return rng.choice((ObjectSpec("", "", kind), ObjectSpec(color, "", kind), ObjectSpec(color, "", "")))


def _scene_with(target: ObjectSpec, num_targets: int, split: str, rng: random.Random) -> FullScene:
    """A scene with exactly this many targets. Crowded scenes that lack space are started again."""
    while True:
        num_extra = rng.randint(0 if num_targets else 2, max(2, min(DISTRACTORS, MAX_COUNT - num_targets)))
        scene = make_scene(split, rng, (target,) * num_targets, num_extra, exclude=target)
        if len(matching_things(scene, target)) == num_targets:
            return scene


def _other_specs(scene: FullScene, target: ObjectSpec, split: str, rng: random.Random) -> list[ObjectSpec]:
    """Other specs of objects in the scene, rare counts first, and sometimes one with count 0."""
    specs = sorted({spec for thing in scene.things for spec in specs_for(thing)} - {target})
    counts = [len(matching_things(scene, spec)) for spec in specs]
    chosen = [spec for spec, count in zip(specs, counts)
              if rng.random() < KEEP_SHARE.get(count, 1.0) and count <= MAX_COUNT]
    absent = absent_specs(scene, rng, allow_held_out=split == "novel", max_specs=1)
    return rng.sample(chosen, min(MAX_OTHER_LABELS, len(chosen))) + (absent if rng.random() < 0.2 else [])


def count_annotations(scene: FullScene, spec: ObjectSpec) -> list[Annotation]:
    """The same question twice: with points, and as a number alone."""
    things = matching_things(scene, spec)
    label = spec_text(spec, plural=True)
    return [Annotation("point_count", label=label, points=tuple((thing.x, thing.y) for thing in things)),
            Annotation("count", label=label, answer=str(len(things)))]
