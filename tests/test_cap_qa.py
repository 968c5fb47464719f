"""cap_qa at level easy: who reads the caption alone can answer every question."""
import math
import random
import re
from collections import Counter

import pytest
from tools.text_only_baseline import compute_accuracy, group_questions

from data.cap_qa.full import appears_in
from data.cap_qa.prepare import COLOR_OF, HOW_MANY, KIND_OF, PLACE_OF, WHAT_IS, make_example
from data.scenes.easy import COLORS, KINDS, color_kind_pair
from data.scenes.easy_wording import with_article, with_preposition
from data.scenes.levels import LEVELS
from minimolmo.flow import Answer, Example
from minimolmo.metrics import EvalItem, is_correct
from minimolmo.text.facts import NUMBER_WORDS, PLACES, facts_in, facts_of

EASY = LEVELS["easy"]
PLACE = re.compile(f"(?:at|on|in) the ({'|'.join(sorted(PLACES, key=len, reverse=True))})")


def examples_of(split: str = "train", count: int = 200):
    return [make_example(EASY, split, random.Random(f"{split}/{index}")) for index in range(count)]


def answer_from_caption(caption: str, question: str) -> str:
    """The answer of a reader who does not see the picture."""
    facts, question = facts_in(caption, COLORS, KINDS), question.lower()
    words, place = set(re.findall("[a-z]+", question)), PLACE.search(question)
    if words & {"many", "number", "count"}:
        return NUMBER_WORDS[len(facts)]
    (color, kind, where), = [fact for fact in facts if words & {*COLORS} <= {fact[0]} and
                             words & {*KINDS} <= {fact[1]} and (not place or place[1] == fact[2])]
    if "color" in words:
        return color
    if "shape" in words:
        return kind
    return with_article(f"{color} {kind}") if place else with_preposition(where)


@pytest.mark.parametrize("split", ["train", "val", "novel"])
def test_a_reader_of_the_caption_alone_answers_every_question(split):
    """The facts of the caption, parsed without the scene, give each answer; it occurs word for word."""
    for scene, annotations in examples_of(split):
        caption = scene.columns["caption"]
        assert facts_in(caption, COLORS, KINDS) == facts_of(scene.things)
        for note in annotations:
            assert note.answer == answer_from_caption(caption, note.question), (caption, note)
            assert appears_in(note.answer, caption), (caption, note)


def test_every_type_of_question_is_asked():
    """Counts, colours, kinds, places and whole objects: each in a tenth of the questions or more."""
    answers = Counter(note.answer for _, notes in examples_of(count=400) for note in notes)
    types = Counter()
    for answer, count in answers.items():
        types[next(name for name, words in (("count", NUMBER_WORDS), ("color", COLORS), ("kind", KINDS),
                                            ("place", map(with_preposition, PLACES)), ("object", [answer]))
                   if answer in words)] += count
    assert len(types) == 5 and min(types.values()) > 0.1 * types.total()


def test_the_questions_of_a_novel_picture_are_about_its_held_out_object():
    """The pair, its colour, its kind or its place is named, and no number is asked for."""
    for scene, annotations in examples_of("novel"):
        thing, = [thing for thing in scene.things if color_kind_pair(thing) in EASY.held_out]
        (color, kind, place), = facts_of([thing])
        for note in annotations:
            assert note.answer in (color, kind, with_preposition(place), f"a {color} {kind}"), note


def test_the_question_alone_does_not_give_the_answer_away():
    """A bag of words is hardly better than the most common answer."""
    train, val = (group_questions(notes for _, notes in examples_of(*each))
                  for each in (("train", 800), ("val", 400)))
    assert set(val) == {f"{group} (cap_qa)" for group in ("counts", "colors", "kinds", "places")}
    for group, held_out in val.items():
        accuracy, most_common = compute_accuracy(train[group], held_out)
        noise = 2 * math.sqrt(most_common * (1 - most_common) / len(held_out))
        assert accuracy <= most_common + 0.05 + noise, group


def test_the_true_answer_is_correct_and_another_is_not():
    for scene, annotations in examples_of(count=20):
        for note in annotations:
            for text, correct in ((note.answer, True), ("pink", False)):
                item = EvalItem("cap_qa", Example("", (note,), scene.things), note, "", Answer(text, []))
                assert is_correct(item, [item]) is correct


def test_the_same_generator_gives_the_same_row_and_picture():
    (first, notes), (again, same) = (make_example(EASY, "train", random.Random(5)) for _ in range(2))
    assert notes == same and first.columns == again.columns
    assert first.draw().tobytes() == again.draw().tobytes()


def test_each_question_has_six_wordings_and_some_are_as_people_type():
    """Those have no end mark, and then no capital letter either."""
    for wordings in (HOW_MANY, COLOR_OF, KIND_OF, PLACE_OF, WHAT_IS):
        assert len(set(wordings)) == 6 and any(wording[-1] not in ".?" for wording in wordings)
    for question in {note.question for _, notes in examples_of() for note in notes}:
        assert question[0].isupper() == (question[-1] in ".?"), question


def test_every_annotation_has_the_style_of_the_set():
    assert {note.style for _, notes in examples_of() for note in notes} == {"cap_qa"}
