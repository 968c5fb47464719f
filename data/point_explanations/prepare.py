"""point_explanations: answers with points inside their sentences: "The <point ...>red circle</point> is ...".

    python -m data.point_explanations.prepare --level=easy --seed=1
"""
from __future__ import annotations

import itertools
import random
from typing import NamedTuple

from data.ask_model_anything.prepare import GRID_MARGIN, MIN_OFFSET
from data.ask_model_anything.question_template import take_in_turn
from data.generate import DrawableScene, run_command_line
from data.point_explanations import full
from data.scenes.easy import (
    KIND_AREAS,
    EasyLevel,
    Pair,
    Scene,
    choose_pairs,
    color_kind_pair,
    make_scene,
)
from data.scenes.easy_wording import (
    COUNT_WORDS,
    DIRECTIONS,
    Label,
    absent_labels,
    fill_wording,
    label_text,
    matching_things,
    offset_along,
    pair_with_article,
    place_of,
    points_of,
    with_article,
    with_preposition,
)
from data.scenes.full import FULL
from data.scenes.full_wording import MIN_AREA_RATIO, join_with_and
from data.scenes.levels import Level
from minimolmo.command import run_command
from minimolmo.flow import Annotation, Thing
from minimolmo.text.points import points_to_text

NUM_THINGS = (2, 5)      # objects in one image
NUM_QUESTIONS = (3, 5)
COUNTS = (2, 4)          # numbers of objects of one kind that are counted
SAME_KIND_SHARE = 0.5    # share of scenes that are built around such a number
MAX_TAGS = 3             # tags with points in an answer about a side; counts and colours have 4 at most
MAX_TAGS_IN_ROW = 6      # in all answers about one image: a tag takes 20 tokens, and a sequence has 320
BUT_SHARE = 0.5          # share of "no" answers that point at another object

BESIDE = ("What is {way} the {one}?", "Show what is {way} the {one}.", "Which things are {way} the {one}?",
          "{way} the {one}, what is there?", "what is {way} the {one}", "what do you see {way} the {one}")
BESIDE_ANSWERS = ("{way} the {anchor} {there} {seen}.", "{there} {seen} {way} the {anchor}.")
LARGER = ("Which is larger, the {a} or the {b}?", "Which one is bigger, the {a} or the {b}?",
          "Compare the {a} and the {b} in size.", "The {a} or the {b}: which is larger?",
          "which is larger, the {a} or the {b}", "what is bigger, the {a} or the {b}")
LARGER_ANSWERS = ("The {large} is larger than the {small}.",
                  "The {large} is the larger one, the {small} is smaller.")
COUNT = ("How many {many} are there?", "Count the {many} and show each.", "How many {many} do you see?",
         "Go through the {many}.", "how many {many} are there", "show me all the {many}")
COUNT_ANSWERS = ("There are {n} {many}: {seen}.", "I count {n} {many}: {seen}.")
COUNT_OF_ONE_COLOR_ANSWERS = ("There are {seen}.", "I count {seen}.")  # "two blue circles"
SHARES_COLOR = ("Which things are {color}?", "What is {color} here?", "Show everything {color}.",
                "Name all that is {color}.", "what is {color} here", "show me what is {color}")
SHARES_COLOR_ANSWERS = ("In {color} {there} {seen}.", "I see {seen} in {color}.")
IS_THERE = ("Is there {a_one}?", "Can you see {a_one}?", "Do you see {a_one} here?",
            "Does the picture show {a_one}?", "is there {a_one}", "can you find {a_one}")
YES = ("Yes, there is {a_tag} {at}.", "Yes, I see {a_tag} {at}.")
NO = ("No, there is no {one}.", "No, I see no {one}.")
BUT = "But there is {a_tag} {at}."


class Explanation(NamedTuple):
    """A question, an answer with points inside its sentences, and the pairs that they are about."""
    question: str
    answer: str
    pairs: frozenset[Pair]


def make_example(level: Level, split: str, rng: random.Random) -> tuple[DrawableScene, list[Annotation]]:
    """One scene and about four questions, each answered with points inside the sentences."""
    if level is FULL:
        return full.make_example(split, rng)
    while True:
        scene = make_scene(choose_scene_pairs(level, split, rng), level, split, rng, GRID_MARGIN)
        groups = [_allowed_in_split(group, level, split) for group in (
            beside_explanations(scene, rng), larger_explanations(scene, rng), count_explanations(scene, rng),
            color_explanations(scene, rng), presence_explanations(scene, level, split, rng))]
        chosen = _short_enough(take_in_turn(groups, rng))[:rng.randint(*NUM_QUESTIONS)]
        if len(chosen) >= NUM_QUESTIONS[0]:
            return scene, [Annotation("point_explanations", question=explanation.question,
                                      answer=explanation.answer) for explanation in chosen]


def choose_scene_pairs(level: EasyLevel, split: str, rng: random.Random) -> list[Pair]:
    """Random pairs, the same one several times too. Half of the scenes have two to four of one kind."""
    if rng.random() >= SAME_KIND_SHARE:
        return choose_pairs(rng.randint(*NUM_THINGS), level, split, rng, allow_duplicates=True)
    num_same = rng.randint(*COUNTS)
    pairs = choose_pairs(rng.randint(num_same, NUM_THINGS[1]), level, split, rng, allow_duplicates=True)
    same_kind = [pair for pair in level.pairs if pair[1] == pairs[0][1]]
    pairs[1:num_same] = rng.choices(same_kind, k=num_same - 1)
    return rng.sample(pairs, len(pairs))


def _allowed_in_split(explanations: list[Explanation], level: EasyLevel, split: str) -> list[Explanation]:
    """All explanations; in `novel` only those about a held-out pair."""
    return [e for e in explanations if split != "novel" or e.pairs & set(level.held_out)]


def _short_enough(explanations: list[Explanation]) -> list[Explanation]:
    """Those that together have at most MAX_TAGS_IN_ROW tags; one that does not fit is left out.

    An answer without a tag counts as one: else "no" would be in more rows than "yes".
    """
    chosen, num_tags = [], 0
    for explanation in explanations:
        more = max(1, explanation.answer.count("<point"))
        if num_tags + more <= MAX_TAGS_IN_ROW:
            chosen.append(explanation)
            num_tags += more
    return chosen


def _explain(questions: tuple[str, ...], answers: tuple[str, ...], rng: random.Random,
             things: list[Thing], **slots: str) -> Explanation:
    """A question about these objects and its answer, in random wordings."""
    question, answer = (fill_wording(rng.choice(wordings), **slots) for wordings in (questions, answers))
    return Explanation(question, answer, frozenset(map(color_kind_pair, things)))


def point_tag(things: list[Thing], label: Label) -> str:
    """The label in a tag with the points of these objects, without an article or number."""
    words = label_text(label, plural=len(things) > 1)
    return points_to_text(list(points_of(things)), words, words)


def name_in_tag(thing: Thing) -> str:
    """The object's colour and kind in a tag."""
    return point_tag([thing], color_kind_pair(thing))


def group_by_label(things: list[Thing], by_kind: bool = False) -> dict[Label, list[Thing]]:
    """Label -> its objects, from left to right. A label is a colour and a kind, or a kind alone."""
    groups: dict[Label, list[Thing]] = {}
    for thing in sorted(things, key=lambda thing: thing.x):
        groups.setdefault(("" if by_kind else thing.color, thing.kind), []).append(thing)
    return groups


def list_slots(groups: dict[Label, list[Thing]]) -> dict[str, str]:
    """Values for a template: {seen} lists the objects in tags, {there} is "there is" or "there are"."""
    listed = [f"{COUNT_WORDS[len(things)]} {point_tag(things, label)}" if len(things) > 1 else
              _with_article_before_tag(label, things) for label, things in groups.items()]
    plural = len(next(iter(groups.values()))) > 1
    return {"seen": join_with_and(listed), "there": "there are" if plural else "there is"}


def _with_article_before_tag(label: Label, things: list[Thing]) -> str:
    article = with_article(label_text(label)).split()[0]
    return f"{article} {point_tag(things, label)}"


def unambiguous_things(scene: Scene) -> list[Thing]:
    """Objects whose colour and kind no other object shares."""
    return [thing for thing in scene.things
            if len(matching_things(scene.things, color_kind_pair(thing))) == 1]


def beside_explanations(scene: Scene, rng: random.Random) -> list[Explanation]:
    """What is left of, right of, above or below an object? Only if no side is in doubt."""
    explanations = []
    for anchor, (relation, direction) in itertools.product(unambiguous_things(scene), DIRECTIONS.items()):
        offsets = {thing: offset_along(thing, anchor, direction) for thing in scene.things if thing != anchor}
        on_side = [thing for thing, offset in offsets.items() if offset > MIN_OFFSET]
        groups = group_by_label(on_side)
        in_doubt = any(abs(offset) <= MIN_OFFSET for offset in offsets.values())
        if on_side and not in_doubt and len(groups) < MAX_TAGS:
            explanations.append(_explain(
                BESIDE, BESIDE_ANSWERS, rng, [anchor, *on_side], way=relation,
                one=label_text(color_kind_pair(anchor)), anchor=name_in_tag(anchor), **list_slots(groups)))
    return explanations


def larger_explanations(scene: Scene, rng: random.Random) -> list[Explanation]:
    """Which of two objects is larger?"""
    explanations = []
    for large, small in itertools.permutations(unambiguous_things(scene), 2):
        if is_clearly_larger(large, small):
            a, b = (label_text(color_kind_pair(thing)) for thing in rng.sample((large, small), 2))
            explanations.append(_explain(LARGER, LARGER_ANSWERS, rng, [large, small], a=a, b=b,
                                         large=name_in_tag(large), small=name_in_tag(small)))
    return explanations


def is_clearly_larger(large: Thing, small: Thing) -> bool:
    """Whether both box and painted area are larger by the ratio.

    A square fills its box and a triangle half of it. The margin is widened by that, whichever of the two is
    larger: else a square would be the answer more often, and the words would give it away.
    """
    fill = KIND_AREAS[large.kind] / KIND_AREAS[small.kind]
    return large.width * large.height >= MIN_AREA_RATIO * max(fill, 1 / fill) * small.width * small.height


def count_explanations(scene: Scene, rng: random.Random) -> list[Explanation]:
    """How many objects of a kind are there? The answer points at each and names its colour."""
    explanations = []
    for kind in sorted({thing.kind for thing in scene.things}):
        things = matching_things(scene.things, ("", kind))
        groups = group_by_label(things)
        answers = COUNT_ANSWERS if len(groups) > 1 else COUNT_OF_ONE_COLOR_ANSWERS
        if COUNTS[0] <= len(things) <= COUNTS[1]:
            explanations.append(_explain(
                COUNT, answers, rng, things, n=COUNT_WORDS[len(things)],
                many=label_text(("", kind), plural=True), **list_slots(groups)))
    return explanations


def color_explanations(scene: Scene, rng: random.Random) -> list[Explanation]:
    """Which objects have this colour?"""
    explanations = []
    for color in sorted({thing.color for thing in scene.things}):
        things = matching_things(scene.things, (color, ""))
        groups = group_by_label(things, by_kind=True)
        explanations.append(
            _explain(SHARES_COLOR, SHARES_COLOR_ANSWERS, rng, things, color=color, **list_slots(groups)))
    return explanations


def presence_explanations(scene: Scene, level: EasyLevel, split: str,
                          rng: random.Random) -> list[Explanation]:
    """One question: is there a red circle? "Yes" as often as "no"."""
    nameable = unambiguous_things(scene)
    asked_about = [t for t in nameable if split != "novel" or color_kind_pair(t) in level.held_out]
    absent = [label for label in absent_labels(scene.things, level, split) if all(label)]
    if rng.random() < 0.5:
        return [_present(rng.choice(asked_about), rng)] if asked_about else []
    return [_absent(rng.choice(absent), nameable, rng)] if absent else []


def _present(thing: Thing, rng: random.Random) -> Explanation:
    return _explain(IS_THERE, YES, rng, [thing], a_one=pair_with_article(color_kind_pair(thing)),
                    **_tag_and_place(thing))


def _absent(pair: Pair, nameable: list[Thing], rng: random.Random) -> Explanation:
    """No; and in half of the answers a similar object, if there is one."""
    similar = [thing for thing in nameable if thing.color == pair[0] or thing.kind == pair[1]] or nameable
    answers = NO
    if similar and rng.random() < BUT_SHARE:
        but = BUT.format(**_tag_and_place(rng.choice(similar)))
        answers = tuple(f"{answer} {but}" for answer in NO)
    no = _explain(IS_THERE, answers, rng, [], a_one=pair_with_article(pair), one=label_text(pair))
    return no._replace(pairs=frozenset([pair]))


def _tag_and_place(thing: Thing) -> dict[str, str]:
    return {"a_tag": _with_article_before_tag(color_kind_pair(thing), [thing]),
            "at": with_preposition(place_of(thing))}


def main(arguments: list[str]) -> None:
    """The command line: draw this dataset."""
    run_command_line({"point_explanations": make_example}, arguments)


if __name__ == "__main__":
    run_command(main)
