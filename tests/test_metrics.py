"""Scores of answers: points, counts, exact matches, captions, clocks and documents."""
import random
from pathlib import Path

import numpy as np
import pytest

from data.cap import prepare as cap
from data.scenes import easy
from data.scenes.levels import get_level
from minimolmo.flow import Annotation, Answer, Example, Thing
from minimolmo.metrics import (
    EvalItem,
    count_hits,
    distance,
    is_correct,
    parse_count,
    parse_number,
    parse_time,
    relaxed_match,
    same_text,
    score_caption_facts,
    score_clocks,
    score_count,
    score_explanation_points,
    score_items,
    score_pointing,
    score_user_qa,
)
from minimolmo.text.facts import facts_in, facts_of, place_name
from minimolmo.text.points import parse_points

EASY = get_level("easy")
RED_CIRCLE = Thing("circle", "red", 10, 10, 20, 20)     # top left
BLUE_STAR = Thing("star", "blue", 50, 90, 20, 20)       # bottom


def item(annotation: Annotation, text: str, things=(), image="a.png") -> EvalItem:
    example = Example(Path(image), (annotation,), tuple(things), name=f"{image}:1")
    return EvalItem("test", example, annotation, "?", Answer(text, parse_points(text)))


def pointing_item(target: list, predicted: list) -> EvalItem:
    text = " ".join(f'<point x="{x}" y="{y}" alt="cat">cat</point>' for x, y in predicted)
    return item(Annotation("pointing", label="cat", points=tuple(target)), text or "There are none.")


# --- points

def test_a_distance_is_in_percent_of_the_width():
    """An image of 200 x 100 pixels: 10 percent of the height are 10 pixels, 5 percent of the width."""
    assert distance((50, 20), (60, 20), aspect=2) == 10
    assert distance((50, 20), (50, 30), aspect=2) == 5
    assert distance((0, 0), (3, 8), aspect=2) == 5  # 3, 4, 5


def test_each_target_can_be_hit_only_once():
    assert count_hits([(10, 10), (11, 10), (10, 11)], [(10, 10)], aspect=1) == 1


def test_a_point_hits_up_to_three_percent_of_the_width_away():
    assert count_hits([(53, 50)], [(50, 50)], aspect=1) == 1
    assert count_hits([(53.1, 50)], [(50, 50)], aspect=1) == 0


def test_points_are_matched_so_that_as_many_hit_as_possible():
    """The target at 12 is the only one near the second point, so the first is matched with the one at 14."""
    predicted, target = [(12, 50), (10, 50)], [(12, 50), (14, 50)]
    assert count_hits(predicted, target, aspect=1) == 2
    # A chain: all points except the last must move on to the next target.
    target = [(2 * i, 50) for i in range(1, 9)]
    assert count_hits([(x + 1, 50) for x, _ in target] + [(0, 50)], target, aspect=1) == 8


def test_all_orders_of_points_score_the_same():
    rng = np.random.default_rng(0)
    predicted, target = (rng.uniform(40, 60, (7, 2)).tolist() for _ in range(2))
    hits = {count_hits([predicted[i] for i in rng.permutation(7)],
                       [target[i] for i in rng.permutation(7)], 1) for _ in range(20)}
    assert len(hits) == 1


@pytest.mark.parametrize("target, predicted, precision, recall, f1", [
    ([], [], 1, 1, 1),                                                # no target, no point
    ([], [(5, 5)], 0, 0, 0),
    ([(5, 5)], [], 0, 0, 0),
    ([(5, 5)], [(6, 5)], 1, 1, 1),
    ([(5, 5)], [(50, 5)], 0, 0, 0),
    ([(5, 5), (90, 90)], [(5, 5)], 1, 1 / 2, 2 / 3),                  # one of two found
    ([(5, 5)], [(5, 5), (50, 50), (70, 70), (90, 90)], 1 / 4, 1, 2 / 5),
])
def test_pointing_is_scored_as_molmo_does(target, predicted, precision, recall, f1):
    scores = score_pointing([pointing_item(target, predicted)])
    assert (scores["precision"], scores["recall"], scores["F1"]) == pytest.approx((precision, recall, f1))


def test_the_median_error_is_over_questions_about_one_object():
    """Errors 1, 4 and, without a point, 100: the median is 4, one of three is within 3 percent."""
    one = (50.0, 50.0)
    scores = score_pointing([pointing_item([one], [(51, 50)]), pointing_item([one], [(50, 54)]),
                             pointing_item([one], []), pointing_item([one, (5, 5)], [(90, 90)])])
    assert scores["median error, % of width"] == 4
    assert scores["within 3 %"] == pytest.approx(1 / 3)
    assert "within 3 %" not in score_pointing([pointing_item([], [])])


# --- numbers, exact matches, captions

@pytest.mark.parametrize("text, number", [
    ("3", 3), ("3.", 3), (" 12 ", 12), ("There are 4", 4), ("Seven.", 7), ("twenty", 20), ("zero", 0),
    ("Counting the <point x=\"1.0\" y=\"2.0\" alt=\"cat\">cat</point> shows a total of 1.", 1),
    ("a total of 5 cats", 5), ("There are none.", 0), ("None", 0),
    ("", None), ("many", None), ("3 cats", None), ("-3", None), ("3.5", None), ("9" * 5000, None),
])
def test_a_count_is_parsed_from_an_answer(text, number):
    assert parse_count(text) == number


def test_counting_is_scored_by_exact_matches_and_mean_error():
    """Right, one too many, and no number, which counts as 0 for 4: errors 0, 1, 4."""
    items = [item(Annotation("count", label="cat", answer="2"), "2"),
             item(Annotation("point_count", label="cat", points=((1.0, 1.0),)), "a total of 2."),
             item(Annotation("count", label="cat", answer="4"), "what?")]
    assert score_count(items) == pytest.approx({"accuracy": 1 / 3, "mean absolute error": 5 / 3})


def test_there_are_none_is_a_count_of_zero():
    no_cats = Annotation("point_count", label="cat")
    assert score_count([item(no_cats, "There are none.")])["accuracy"] == 1
    assert score_count([item(no_cats, "who knows")])["accuracy"] == 0


def test_words_match_but_for_capitals_spaces_and_a_final_dot():
    assert same_text(" Top  Left.", "top left")
    assert not same_text("top left", "left")
    assert not same_text("", "yes")


def test_naming_counts_the_questions_for_a_color_or_a_kind_alone():
    """Four answers, half of them right; "red" and "circle" are names, "yes" and "top left" are not."""
    pairs = (("red", "Red."), ("circle", "circle"), ("yes", "no"), ("top left", "left"))
    qa = [item(Annotation("user_qa", question="?", answer=target), predicted, [RED_CIRCLE])
          for target, predicted in pairs]
    assert score_user_qa(qa) == {"exact match": 0.5, "naming": 1.0}
    assert score_user_qa(qa[2:]) == {"exact match": 0.0}


def test_a_place_is_a_ninth_of_the_picture():
    assert [place_name(x, 10) for x in (0, 33, 34, 66)] == ["top left", "top left", "top", "top"]
    assert [place_name(x, 10) for x in (67, 100)] == ["top right", "top right"]
    assert (place_name(50, 50), place_name(0, 100), place_name(99, 50)) == ("center", "bottom left", "right")


def test_captions_and_transcripts_state_exactly_the_facts_of_their_scene():
    """Also with corrections: in "a blue shape, no, a red circle" only the circle is a fact."""
    texts = []
    for seed in range(150):
        scene, annotations = cap.make_example(EASY, "train", random.Random(seed))
        texts += [annotation.answer for annotation in annotations]
        for annotation in annotations:
            facts = facts_in(annotation.answer, set(easy.COLORS), set(easy.KINDS))
            assert facts == facts_of(scene.things), annotation.answer
    assert any(", sorry, a" in text for text in texts)


def test_a_fact_is_color_kind_and_place_together():
    caption = "At the top left is a red circle. A red star sits at the bottom. A blue circle."
    assert facts_in(caption, {"red", "blue"}, {"circle", "star"}) == {("red", "circle", "top left"),
                                                                      ("red", "star", "bottom")}


def test_captions_are_scored_by_their_facts():
    """The image has two facts. The caption has one of them, and a wrong one: precision and recall are 1/2."""
    annotation = Annotation("long_caption", answer="")
    caption = "A red circle is at the top left. A blue star is in the center."
    scores = score_caption_facts([item(annotation, caption, [RED_CIRCLE, BLUE_STAR])])
    assert scores == {"fact precision": 0.5, "fact recall": 0.5, "fact F1": 0.5}


def test_captions_of_images_without_object_labels_are_not_scored():
    """Captions of a learner's own photos get no score, and they do not lower the precision of others."""
    caption = "A red circle is at the top left."
    unlabelled = item(Annotation("long_caption", answer="A dog."), caption)
    assert score_caption_facts([unlabelled]) == {}
    assert is_correct(unlabelled, [unlabelled]) is None
    labelled = item(unlabelled.annotation, caption, [RED_CIRCLE])
    assert score_caption_facts([unlabelled, labelled])["fact precision"] == 1


def is_correct_answer(answered: EvalItem) -> bool | None:
    """`is_correct` among two items, so that the words of both images are known."""
    blue = Example(Path("b.png"), (), (BLUE_STAR,))
    return is_correct(answered, [answered, EvalItem("test", blue, Annotation("long_caption"), "?")])


def test_an_answer_is_right_only_if_all_of_it_is():
    assert is_correct_answer(pointing_item([(5, 5)], [(5, 5)])) is True
    assert is_correct_answer(pointing_item([(5, 5)], [(5, 5), (90, 90)])) is False
    assert is_correct_answer(item(Annotation("count", label="cat", answer="2"), "2")) is True
    assert is_correct_answer(item(Annotation("user_qa", question="?", answer="red"), "blue")) is False
    counted = Annotation("point_count", label="cat", points=((5.0, 5.0),))
    for x, correct in (("5.0", True), ("50.0", False)):  # one cat, but where?
        assert is_correct_answer(item(counted, f'Counting the <point x="{x}" y="5.0" alt="cat">cat</point> '
                                       f'shows a total of 1.')) is correct
    for caption, correct in (("At the top left is a red circle.", True), ("A red circle.", False),
                             ("At the top left is a red circle. A blue star is at the top.", False)):
        assert is_correct_answer(item(Annotation("long_caption"), caption, [RED_CIRCLE])) is correct


def test_scores_are_kept_by_style():
    counts = [item(Annotation("count", label="cat", answer=number), "") for number in "12"]
    report = score_items([*counts, pointing_item([(5, 5)], [(5, 5)])])
    assert list(report) == ["pointing", "count"]
    assert report["count"]["questions"] == 2


# --- clocks, documents, point explanations

@pytest.mark.parametrize("text, minutes", [
    ("10:09", 609), ("It is 10:09:33.", 609), ("ten past ten", 610), ("quarter to three", 165),
    ("half past twelve", 30), ("one minute to one", 59), ("twenty-five minutes past four", 265),
    ("six o'clock", 360), ("22:09", 609),
    ("10 hours 9 minutes", 609), ("1 hour 1 minute", 61)])
def test_a_time_is_parsed_in_every_format(text, minutes):
    assert parse_time(text) == minutes


@pytest.mark.parametrize("text", ["", "noon", "yes", "10:75", "99:10", "past", "blue past green", "12"])
def test_text_without_a_time_is_parsed_as_none(text):
    assert parse_time(text) is None


def test_every_time_is_parsed_back_from_each_wording_of_the_clocks():
    """Every minute of the dial, in each of the four formats of data/clocks."""
    from data.clocks.time_wording import (
        digital_time,
        digital_time_with_seconds,
        in_hours_and_minutes,
        in_words,
    )
    for time in range(720):
        hour, minute = time // 60 or 12, time % 60
        for text in (digital_time(hour, minute), in_words(hour, minute), in_hours_and_minutes(hour, minute),
                     digital_time_with_seconds(hour, minute, 33)):
            assert parse_time(text) == time, text


def clock_item(target, predicted):
    return item(Annotation("clocks", question="?", answer=target), predicted)


def test_five_minutes_are_counted_round_the_dial():
    """11:58 for 12:02 is 4 minutes off, 12:32 for 12:02 is 30; words for figures are exact."""
    scores = score_clocks([clock_item("12:02", "11:58"), clock_item("12:02", "12:32"),
                           clock_item("10:10", "ten past ten"), clock_item("yes", "no")])
    assert scores["exact"] == pytest.approx(1 / 3) and scores["within 5 minutes"] == pytest.approx(2 / 3)
    assert scores["other questions"] == 0


@pytest.mark.parametrize("predicted, target, correct", [
    ("105", "100", True), ("106", "100", False), ("$1,000", "1000", True), ("12 %", "12", True),
    ("0.5", "0", False), ("March", "march", True), ("March", "May", False), ("3 of 4", "3", False),
    ("-5", "5", False), ("6 pm", "6 am", False), ("Sun 12 May", "Mon 12 Apr", False)])
def test_numbers_may_be_five_percent_off_and_words_not_at_all(predicted, target, correct):
    assert relaxed_match(predicted, target) == correct


def test_a_number_is_parsed_with_its_commas_and_units():
    assert parse_number("$1,250.50") == 1250.5
    assert parse_number("two") is None and parse_number("3 of 4") is None


def test_point_explanations_are_scored_by_their_points():
    target = ('The <point x="10.0" y="10.0" alt="cup">cup</point> is left of '
              'the <point x="80.0" y="10.0" alt="key">key</point>.')
    annotation = Annotation("point_explanations", question="?", answer=target)
    assert score_explanation_points([item(annotation, target)])["F1"] == 1
    half = score_explanation_points([item(annotation, 'A <point x="10.0" y="11.0" alt="cup">cup</point>.')])
    assert half["precision"] == 1 and half["recall"] == 0.5


def test_answers_of_further_styles_are_judged_right_or_wrong():
    cases = (("cap_qa", "red", "blue"), ("clocks", "10:10", "10:11"), ("charts", "100", "90"))
    for style, target, predicted in cases:
        annotation = Annotation(style, question="?", answer=target)
        right, wrong = item(annotation, target), item(annotation, predicted)
        assert is_correct(right, [right]) is True and is_correct(wrong, [wrong]) is False
