"""point_explanations at level full: seven types of question, answered with points inside the sentences."""
from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from data.point_explanations import wordings
from data.scenes.easy_wording import DIRECTIONS, COUNT_WORDS, capitalise, with_article
from data.scenes.full import FullScene, ObjectSpec, is_held_out, make_scene
from data.scenes.full_wording import (
    MIN_AREA_RATIO,
    box_pixels,
    join_with_and,
    occluded_pairs,
    place_phrase,
    spec_of,
    spec_text,
    thing_text,
    unambiguous_things_on_side,
    unambiguous_things,
)
from data.scenes.objects import KINDS
from minimolmo.flow import Annotation, Thing
from minimolmo.text.points import points_to_text

NUM_QUESTIONS = (4, 6)
MAX_LISTED = 4           # largest number of objects that one answer lists
DESCRIBED_COUNTS = (2, 5)    # counts for which an answer describes each object

QuestionAnswer = tuple[str, str]  # question and answer


def make_example(split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene and about five questions, each answered with points inside the sentences."""
    while True:
        scene = make_scene(split, rng)
        pairs = [
            pair for question_type in rng.sample(QUESTION_TYPES, len(QUESTION_TYPES))
            for pair in _sample_two(_allowed_in_split(question_type(scene, rng), scene, split), rng)
        ]
        if pairs:
            return scene, [Annotation("point_explanations", question=question, answer=answer)
                           for question, answer in pairs[:rng.randint(*NUM_QUESTIONS)]]


def _allowed_in_split(pairs: list[QuestionAnswer], scene: FullScene, split: str) -> list[QuestionAnswer]:
    """All pairs; in `novel` only those that name a held-out object."""
    held_out_names = [thing_text(thing) for thing in scene.things if is_held_out(thing)]
    return [(q, a) for q, a in pairs if split != "novel" or any(name in q + a for name in held_out_names)]


def _sample_two(pairs: list[QuestionAnswer], rng: random.Random) -> list[QuestionAnswer]:
    return rng.sample(pairs, min(2, len(pairs)))


def _word_pair(questions: tuple[str, ...], answers: tuple[str, ...], rng: random.Random,
               **slots: str) -> QuestionAnswer:
    """A question and an answer in random wordings. No answer begins with a tag."""
    return tuple(capitalise(rng.choice(templates).format(**slots)) for templates in (questions, answers))


def point_tag(things: list[Thing] | tuple[Thing, ...], label: str) -> str:
    """The words in a tag with the points of these objects."""
    return points_to_text([(thing.x, thing.y) for thing in things], label, label)


def name_in_point_tag(thing: Thing) -> str:
    """The object's name in a tag; the article stays outside."""
    return point_tag([thing], thing_text(thing))


def point_tag_slots(things: list[Thing] | tuple[Thing, ...],
                  spec_for: Callable[[Thing], ObjectSpec] = spec_of) -> dict:
    """Values for a template: {seen} lists the things in point tags, {there} is "there is" or "there are"."""
    groups: dict[ObjectSpec, list[Thing]] = {}
    for thing in sorted(things, key=lambda thing: thing.x):
        groups.setdefault(spec_for(thing), []).append(thing)
    tagged_texts = [point_tag(group, _counted(spec, len(group))) for spec, group in groups.items()]
    plural = len(next(iter(groups.values()))) > 1
    return {"seen": join_with_and(tagged_texts), "there": "there are" if plural else "there is"}


def _counted(spec: ObjectSpec, count: int) -> str:
    if count == 1:
        return with_article(spec_text(spec))
    return f"{COUNT_WORDS[count]} {spec_text(spec, plural=True)}"


def on_side_qa_pairs(scene: FullScene, rng: random.Random) -> list[QuestionAnswer]:
    """What is left of, right of, above or below an object?"""
    pairs = []
    for anchor in unambiguous_things(scene):
        for relation, direction in DIRECTIONS.items():
            on_side = unambiguous_things_on_side(direction, anchor, scene.things)
            if 1 <= len(on_side) <= MAX_LISTED:
                pairs.append(
                    _word_pair(wordings.BESIDE, wordings.BESIDE_ANSWERS, rng, way=relation,
                               one=thing_text(anchor), anchor=name_in_point_tag(anchor),
                               **point_tag_slots(on_side)))
    return pairs


def larger_of_two_qa_pairs(scene: FullScene, rng: random.Random) -> list[QuestionAnswer]:
    """Which of two objects is larger?"""
    nameable, pairs = unambiguous_things(scene), []
    for large in nameable:
        for small in nameable:
            if box_pixels(scene, large) > MIN_AREA_RATIO * box_pixels(scene, small):
                a, b = rng.sample((thing_text(large), thing_text(small)), 2)
                pairs.append(
                    _word_pair(wordings.LARGER, wordings.LARGER_ANSWERS, rng, a=a, b=b,
                               large=name_in_point_tag(large), small=name_in_point_tag(small)))
    return pairs


def count_qa_pairs(scene: FullScene, rng: random.Random) -> list[QuestionAnswer]:
    """How many objects of a kind are there, and which colours do they have?"""
    pairs = []
    for kind, n in Counter(thing.kind for thing in scene.things).items():
        if DESCRIBED_COUNTS[0] <= n <= DESCRIBED_COUNTS[1]:
            things = sorted((thing for thing in scene.things if thing.kind == kind), key=lambda t: t.x)
            descriptions = [
                f"{point_tag([thing], f'one {place_phrase(thing)}')} is {thing.color}" for thing in things
            ]
            pairs.append(
                _word_pair(wordings.COUNT, wordings.COUNT_ANSWERS, rng, n=COUNT_WORDS[n],
                           many=KINDS[kind].plural, each=join_with_and(descriptions)))
    return pairs


def occluder_qa_pairs(scene: FullScene, rng: random.Random) -> list[QuestionAnswer]:
    """Which object hides part of another?"""
    return [
        _word_pair(wordings.COVERED, wordings.COVERED_ANSWERS, rng, back=thing_text(back),
                   front=name_in_point_tag(front),
                   behind=name_in_point_tag(back)) for front, back in occluded_pairs(scene)
    ]


def sign_text_qa_pairs(scene: FullScene, rng: random.Random) -> list[QuestionAnswer]:
    """What do the signs say, and where are they?"""
    signs = sorted((thing for thing in scene.things if thing.word), key=lambda thing: thing.x)
    if not signs:
        return [_word_pair(wordings.READS, wordings.NO_TEXT, rng)]
    descriptions = [
        f'{point_tag([sign], with_article(f"{sign.color} sign"))} that says "{sign.word}"' for sign in signs
    ]
    return [
        _word_pair(wordings.READS, wordings.READS_ANSWERS, rng, signs=join_with_and(descriptions),
                   there="there is")
    ]


def same_color_qa_pairs(scene: FullScene, rng: random.Random) -> list[QuestionAnswer]:
    """Which objects have this colour?"""
    pairs = []
    for color in sorted({thing.color for thing in scene.things}):
        things = [thing for thing in scene.things if thing.color == color]
        if len(things) <= MAX_LISTED:
            pairs.append(
                _word_pair(wordings.SHARES_COLOR, wordings.SHARES_COLOR_ANSWERS, rng, color=color,
                           **point_tag_slots(things, lambda thing: ObjectSpec(kind=thing.kind))))
    return pairs


def absent_thing_qa_pairs(scene: FullScene, rng: random.Random) -> list[QuestionAnswer]:
    """A question about an object that is not there; the answer says so and may point at another one."""
    kinds = {thing.kind for thing in scene.things}
    missing_kind = rng.choice([kind for kind in KINDS if kind not in kinds])
    question, answer = _word_pair(wordings.NOTHING, wordings.NOTHING_ANSWERS, rng, one=missing_kind,
                                  a_one=with_article(missing_kind))
    if nameable := unambiguous_things(scene):
        thing = rng.choice(nameable)
        answer += rng.choice(wordings.BUT).format(near=point_tag([thing], with_article(thing_text(thing))),
                                                  at=place_phrase(thing))
    return [(question, answer)]


QUESTION_TYPES = (on_side_qa_pairs, larger_of_two_qa_pairs, count_qa_pairs, occluder_qa_pairs,
                  sign_text_qa_pairs, same_color_qa_pairs, absent_thing_qa_pairs)
