"""The answers of the released nano depend on the image."""
import dataclasses
import random

import numpy as np
import pytest

from data.scenes.easy import make_scene
from data.scenes.levels import LEVELS
from minimolmo.answer import RELEASED, ask, load
from minimolmo.metrics import distance

EASY = LEVELS["easy"]
SHIFT = 20.0  # percent of the image


@pytest.fixture(scope="module")
def nano():
    return load(RELEASED)


def scenes(count: int):
    """Scenes of two different objects; the first can move to the right without touching the second."""
    rng, suitable = random.Random(0), []
    while len(suitable) < count:
        scene = make_scene(rng.sample(EASY.pairs, 2), EASY, "val", rng)
        first, second = scene.things
        if first.x + SHIFT + first.width / 2 < 100 and abs(first.y - second.y) > 30:
            suitable.append(scene)
    return suitable


def moved(scene):
    """The same scene with its first object further right."""
    first, *others = scene.things
    return dataclasses.replace(scene, things=(dataclasses.replace(first, x=first.x + SHIFT), *others))


def points(nano, pictures: list, questions: list[str]) -> list:
    answers = ask(*nano[:2], [np.asarray(picture) for picture in pictures], questions)
    return [answer.points[0] if answer.points else (-100.0, -100.0) for answer in answers]


def test_when_the_object_moves_the_point_moves_with_it(nano):
    samples = scenes(40)
    questions = [f"Point to the {s.things[0].color} {s.things[0].kind}." for s in samples]
    before = points(nano, [s.draw() for s in samples], questions)
    after = points(nano, [moved(s).draw() for s in samples], questions)

    hits = [distance(b, (a[0] + SHIFT, a[1]), 1.0) <= 4 for a, b in zip(before, after)]
    assert np.mean(hits) >= 0.8


def test_each_of_two_objects_gets_the_point_when_the_question_names_it(nano):
    samples = scenes(40)
    images = [s.draw() for s in samples]
    for index in (0, 1):
        things = [s.things[index] for s in samples]
        predicted = points(nano, images, [f"Point to the {t.color} {t.kind}." for t in things])
        hits = [distance(p, (t.x, t.y), 1.0) <= 4 for p, t in zip(predicted, things)]
        assert np.mean(hits) >= 0.8


def test_on_a_blank_image_no_point_lies_where_the_object_was(nano):
    things = [s.things[0] for s in scenes(40)]
    blank = [np.full((64, 64, 3), 255, np.uint8)] * len(things)
    predicted = points(nano, blank, [f"Point to the {t.color} {t.kind}." for t in things])
    hits = [distance(p, (t.x, t.y), 1.0) <= 4 for p, t in zip(predicted, things)]
    assert np.mean(hits) < 0.1
