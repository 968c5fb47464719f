"""The released nano looks at the image. data/released/minimolmo-nano; its card says how it was trained."""
import dataclasses
import random

import numpy as np
import pytest

from data.scenes.easy import make_scene
from data.scenes.levels import LEVELS
from minimolmo.answer import RELEASED, ask, load
from minimolmo.metrics import distance

EASY = LEVELS["easy"]
SHIFT = 20.0  # percent of the picture


@pytest.fixture(scope="module")
def nano():
    return load(RELEASED)


def scenes(count: int):
    """Two different things in each; the first has room to move to the right, clear of the second."""
    rng, found = random.Random(0), []
    while len(found) < count:
        scene = make_scene(rng.sample(EASY.pairs, 2), EASY, "val", rng)
        first, second = scene.things
        if first.x + SHIFT + first.width / 2 < 100 and abs(first.y - second.y) > 30:
            found.append(scene)
    return found


def moved(scene):
    """The same scene, its first thing further right."""
    first, *others = scene.things
    return dataclasses.replace(scene, things=(dataclasses.replace(first, x=first.x + SHIFT), *others))


def points(nano, pictures: list, questions: list[str]) -> list:
    answers = ask(*nano[:2], [np.asarray(picture) for picture in pictures], questions)
    return [answer.points[0] if answer.points else (-100.0, -100.0) for answer in answers]


def test_when_the_object_moves_the_point_moves_with_it(nano):
    there = scenes(40)
    questions = [f"Point to the {s.things[0].color} {s.things[0].kind}." for s in there]
    before = points(nano, [s.draw() for s in there], questions)
    after = points(nano, [moved(s).draw() for s in there], questions)

    followed = [distance(b, (a[0] + SHIFT, a[1]), 1.0) <= 4 for a, b in zip(before, after)]
    assert np.mean(followed) >= 0.8


def test_each_of_two_objects_gets_the_point_when_the_question_names_it(nano):
    there = scenes(40)
    for which in (0, 1):
        things = [s.things[which] for s in there]
        said = points(nano, [s.draw() for s in there], [f"Point to the {t.color} {t.kind}." for t in things])
        assert np.mean([distance(p, (t.x, t.y), 1.0) <= 4 for p, t in zip(said, things)]) >= 0.8


def test_on_a_blank_image_no_point_lies_where_the_object_was(nano):
    there = scenes(40)
    blank = [np.full((64, 64, 3), 255, np.uint8)] * len(there)
    said = points(nano, blank, [f"Point to the {s.things[0].color} {s.things[0].kind}." for s in there])
    assert np.mean([distance(p, (s.things[0].x, s.things[0].y), 1.0) <= 4 for p, s in zip(said, there)]) < 0.1
