"""The 26 question types of ask_model_anything at level full.

A type is a function (scene, rng) -> list of questions about this scene, each with exactly one right answer.
"""
from __future__ import annotations

import itertools
import random
from collections import Counter

from data.ask_model_anything import wordings
from data.ask_model_anything.question_template import QuestionTemplate
from data.scenes.easy_wording import DIRECTIONS, COUNT_WORDS, capitalise, offset_along, with_article
from data.scenes.full import FullScene, ObjectSpec
from data.scenes.full_wording import (MIN_AREA_RATIO, MIN_OFFSET, absent_specs, box_pixels,
                                      largest_and_smallest, matching_things, occluded_pairs, place_phrase,
                                      relation_expressions, spec_text, specs_for, superlative_expressions,
                                      thing_text, unambiguous_things_on_side, unambiguous_things)
from data.scenes.objects import KINDS


def _is_unique(scene: FullScene, spec: ObjectSpec) -> bool:
    return len(matching_things(scene, spec)) == 1


def color_by_kind_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """What colour is the boat? Only if there is one boat."""
    return [
        QuestionTemplate(wordings.COLOR_OF, t.kind, t.color)
        for t in scene.things
        if _is_unique(scene, ObjectSpec(kind=t.kind))
    ]


def kind_by_color_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """What is the red thing? Only if one object is red."""
    return [
        QuestionTemplate(wordings.KIND_OF, t.color, t.kind)
        for t in scene.things
        if _is_unique(scene, ObjectSpec(color=t.color))
    ]


def region_of_thing_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """In which region is an object?"""
    return [
        QuestionTemplate(wordings.PLACE_OF_THING, thing_text(t), place_phrase(t))
        for t in unambiguous_things(scene)
    ]


def thing_in_region_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """What is in a region? Only if it holds one object."""
    count = Counter(place_phrase(t) for t in scene.things)
    return [QuestionTemplate(wordings.WHAT_IS_AT, place_phrase(t), with_article(thing_text(t)))
            for t in scene.things if count[place_phrase(t)] == 1]


def pattern_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """Is an object plain, striped or dotted?"""
    return [
        QuestionTemplate(wordings.PATTERN_OF, f"{t.color} {t.kind}", t.pattern)
        for t in unambiguous_things(scene)
    ]


def thing_by_pattern_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """What is striped (or dotted)? Only if one object is."""
    return [
        QuestionTemplate(wordings.WITH_PATTERN, t.pattern, with_article(f"{t.color} {t.kind}"))
        for t in scene.things
        if t.pattern != "plain" and _is_unique(scene, ObjectSpec(pattern=t.pattern))
    ]


def color_kind_presence_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """Is there a red boat? "yes" as often as "no", and each "no" is a near miss."""
    if rng.random() < 0.5:
        return [
            QuestionTemplate(wordings.PRESENCE, with_article(f"{t.color} {t.kind}"), "yes")
            for t in scene.things
        ]
    return [QuestionTemplate(wordings.PRESENCE, with_article(spec_text(spec)), "no")
            for spec in absent_specs(scene, rng, allow_held_out=False) if spec.color and spec.kind]


def kind_presence_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """Are there any boats? "yes" as often as "no"."""
    if rng.random() < 0.5:
        return [
            QuestionTemplate(wordings.PRESENCE_OF_KIND, KINDS[t.kind].plural, "yes") for t in scene.things
        ]
    kinds = {t.kind for t in scene.things}
    return [QuestionTemplate(wordings.PRESENCE_OF_KIND, kind.plural, "no")
            for word, kind in KINDS.items() if word not in kinds]


def relation_yes_no_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """Is the cup left of the tree? Each "yes" question has a swapped "no" question."""
    pairs = itertools.permutations(unambiguous_things(scene), 2)
    return [
        QuestionTemplate(wordings.IS_IT, f"the {thing_text(a)} {relation} the {thing_text(b)}",
                         "yes" if offset_along(a, b, direction) > 0 else "no")
        for (relation, direction), (a, b) in itertools.product(DIRECTIONS.items(), pairs)
        if abs(offset_along(a, b, direction)) > MIN_OFFSET
    ]


def thing_on_side_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """What is left of the tree? Only if exactly one object is clearly on that side."""
    questions = []
    for anchor, (relation, direction) in itertools.product(unambiguous_things(scene), DIRECTIONS.items()):
        on_side = unambiguous_things_on_side(direction, anchor, scene.things)
        if len(on_side) == 1:
            questions.append(
                QuestionTemplate(wordings.BESIDE, f"{relation} the {thing_text(anchor)}",
                                 with_article(thing_text(on_side[0]))))
    return questions


def color_of_superlative_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """What colour is the largest cup?"""
    return [
        QuestionTemplate(wordings.EXTREME, expression.singular, expression.things[0].color)
        for expression in superlative_expressions(scene)
        if not any(color in expression.singular for color in {t.color
                                                              for t in scene.things})
    ]


def largest_or_smallest_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """What is the largest (or smallest) object?"""
    return [
        QuestionTemplate(wordings.LARGEST, word, with_article(thing_text(t)))
        for word, t in largest_and_smallest(scene, scene.things)
    ]


def larger_yes_no_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """Is the cup larger than the tree?"""
    pairs = itertools.permutations(unambiguous_things(scene), 2)
    area_ratios = [(a, b, box_pixels(scene, a) / box_pixels(scene, b)) for a, b in pairs]
    return [
        QuestionTemplate(wordings.IS_IT, f"the {thing_text(a)} larger than the {thing_text(b)}",
                         "yes" if ratio > 1 else "no")
        for a, b, ratio in area_ratios
        if ratio > MIN_AREA_RATIO or 1 / ratio > MIN_AREA_RATIO
    ]


def more_numerous_kind_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """Are there more cups or more trees?"""
    count = Counter(t.kind for t in scene.things)
    plurals = {kind: KINDS[kind].plural for kind in count}
    return [
        QuestionTemplate(wordings.COMPARE_NUMBERS, f"{plurals[a]} or {plurals[b]}",
                         plurals[max(a, b, key=count.get)]) for a, b in itertools.permutations(count, 2)
        if count[a] != count[b]
    ]


def object_count_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """How many boats are there? The answer is a word."""
    specs = sorted({spec for t in scene.things for spec in specs_for(t)})
    return [
        QuestionTemplate(wordings.HOW_MANY, spec_text(spec, True),
                         COUNT_WORDS[len(matching_things(scene, spec))]) for spec in specs
    ]


def total_count_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """How many objects are there in all?"""
    return [QuestionTemplate(wordings.TOTAL, "things", COUNT_WORDS[len(scene.things)])]


def sign_text_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """What does a sign say?"""
    return [
        QuestionTemplate(wordings.READS, f"{t.color} sign", t.word)
        for t in unambiguous_things(scene)
        if t.word
    ]


def sign_color_by_text_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """What colour is the sign with this word?"""
    signs = Counter(t.word for t in scene.things)
    return [
        QuestionTemplate(wordings.SAYS, t.word, t.color)
        for t in scene.things
        if t.word and signs[t.word] == 1
    ]


def occluder_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """What hides part of an object?"""
    fronts = Counter(back for _, back in scene.occlusions)
    return [
        QuestionTemplate(wordings.IN_FRONT, thing_text(back), with_article(thing_text(front)))
        for front, back in occluded_pairs(scene)
        if fronts[scene.things.index(back)] == 1
    ]


def background_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """What is the background?"""
    noun = rng.choice(("setting", "background", "scenery"))
    return [QuestionTemplate(wordings.SETTING, noun, wordings.SETTING_WORDS[scene.background])]


def same_color_yes_no_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """Do two objects have the same colour?"""
    unique_things = [t for t in scene.things if _is_unique(scene, ObjectSpec(kind=t.kind))]
    questions = [
        QuestionTemplate(wordings.SAME_COLOR, f"the {a.kind} and the {b.kind}",
                         "yes" if a.color == b.color else "no")
        for a, b in itertools.combinations(unique_things, 2)
    ]
    answer = rng.choice(("yes", "no"))  # equal colours are rare, so the answer is sampled first
    return [question for question in questions if question.answer == answer]


def nearest_thing_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """Which object is closest to another, by a clear margin in pixels?"""
    questions = []
    for thing in unambiguous_things(scene):
        distances = {
            t: ((t.x - thing.x) * scene.width)**2 + ((t.y - thing.y) * scene.height)**2
            for t in scene.things if t != thing
        }
        by_distance = sorted(distances, key=distances.get)
        if len(by_distance) > 1 and distances[by_distance[1]] > 2 * distances[by_distance[0]]:
            questions.append(
                QuestionTemplate(wordings.NEAREST, thing_text(thing),
                                 with_article(thing_text(by_distance[0]))))
    return questions


def describe_thing_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """Describe an object in a sentence: colour, pattern, region."""
    unique_things = [thing for thing in scene.things if _is_unique(scene, ObjectSpec(kind=thing.kind))]
    return [
        QuestionTemplate(
            wordings.DESCRIBE, t.kind,
            capitalise(
                rng.choice(wordings.SENTENCES).format(kind=t.kind, color=t.color, pattern=t.pattern,
                                                      with_it=wordings.WITH_IT[t.pattern],
                                                      at=place_phrase(t)))) for t in unique_things
    ]


def most_common_attribute_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """Which colour or kind occurs most often?"""
    questions = []
    attributes = {"color": [t.color for t in scene.things], "kind of thing": [t.kind for t in scene.things]}
    for attribute, values in attributes.items():
        (most_frequent, n), *rest = Counter(values).most_common(2)
        if not rest or n > rest[0][1]:
            questions.append(QuestionTemplate(wordings.MOST_COMMON, attribute, most_frequent))
    return questions


def count_in_relation_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """How many objects stand in a relation, such as left of the tree?"""
    return [
        QuestionTemplate(wordings.BETWEEN, expression.plural, COUNT_WORDS[len(expression.things)])
        for expression in relation_expressions(scene)
    ]


def unanswerable_questions(scene: FullScene, rng: random.Random) -> list[QuestionTemplate]:
    """A question that no image answers; the right answer says so."""
    kinds = {t.kind for t in scene.things if _is_unique(scene, ObjectSpec(kind=t.kind))}
    return [
        QuestionTemplate((template.replace("{one}", "{}"), ), kind, rng.choice(wordings.UNKNOWN_ANSWERS))
        for template, question_kinds in wordings.UNKNOWN.items()
        for kind in question_kinds
        if kind in kinds
    ]


QUESTION_TYPES = (color_by_kind_questions, kind_by_color_questions, region_of_thing_questions,
                  thing_in_region_questions, pattern_questions, thing_by_pattern_questions,
                  color_kind_presence_questions, kind_presence_questions, relation_yes_no_questions,
                  thing_on_side_questions, color_of_superlative_questions, largest_or_smallest_questions,
                  larger_yes_no_questions, more_numerous_kind_questions, object_count_questions,
                  total_count_questions, sign_text_questions, sign_color_by_text_questions,
                  occluder_questions, background_questions, same_color_yes_no_questions,
                  nearest_thing_questions, describe_thing_questions, most_common_attribute_questions,
                  count_in_relation_questions, unanswerable_questions)
