"""PixMo's rows become annotations: every useful column is read, and broken rows give nothing."""
import pytest

from data.pixmo.columns import annotations_in_percent, read_row
from data.pixmo.hub import configs_of
from data.pixmo.records import FetchError, Record
from minimolmo.batch.dataset import STYLES
from minimolmo.flow import Annotation
from minimolmo.metrics import SCORERS
from minimolmo.text.prompts import to_messages

URL = {"image_url": "https://example.org/a b/../cat.jpg", "image_sha256": "AB" * 32}
POINTS = {**URL, "label": "Red  Cats\n", "points": [{"x": 10.98912, "y": 84.14}, {"x": 50, "y": 7}],
          "count": 2, "collection_method": "pointing"}
EXPLAINED = {**URL, "question": "Who sleeps?", "response": "<point ...>", "alt_text": ["cat", "two dogs"],
             "parsed_response": "A <|POINT|> sleeps near <|POINT|>.", "inline_text": ["cat", "dogs"],
             "points": [[[10.0, 20.0]], [[30.0, 40.0], {"x": 50.0, "y": 60.0}]]}
ROWS = {
    "cap": {**URL, "caption": "A cat.", "transcripts": ["uh, a cat", " ", None]},
    "ask_model_anything": {**URL, "question": "Who?", "answer": "A cat."},
    "points": POINTS,
    "count": {**URL, "count": 2, "label": "people", "points": {"x": [20.0, 40.0], "y": [10.0, 50.0]}},
    "point_explanations": EXPLAINED,
    "cap_qa": {**URL, "question": "[USER] Who? [ASSISTANT] A cat. [USER] Where? [ASSISTANT]",
               "answer": "There.", "messages": ["Who?", "A cat.", "Where?", "There."]},
    "docs": {"image": {"src": "https://hub/x.jpg?Expires=1"}, "image_id": "../../etc/passwd",
             "questions": {"question": ["How much?", ""], "answer": ["5", "6"]}},
    "clocks": {"example_id": "1", "watch_time": "14:05:09", "shows_seconds": True, "text": "It is 2:05 PM."}}


def read(name: str, **changed) -> Record:
    """The set's row above, some columns changed; ... takes one out."""
    row = {**ROWS[name], **changed}
    return read_row(name, {key: cell for key, cell in row.items() if cell is not ...},
                    f"{name}/{configs_of(name)[0]}/7")


def tuples(name: str, **changed) -> list[tuple]:
    """(style, question or label, answer or points) of each annotation."""
    annotations = read(name, **changed).annotations
    return [(annotation.style, annotation.question or annotation.label, annotation.answer
             or annotation.points) for annotation in annotations]


def test_a_caption_comes_with_its_transcripts():
    assert tuples("cap") == [("long_caption", "", "A cat."), ("transcript", "", "uh, a cat")]
    captions = [("long_caption", "", "A cat.")]
    assert tuples("cap", transcripts=None) == tuples("cap", transcripts=...) == captions


def test_points_are_percent_and_trained_by_pointing_and_by_counting():
    """Molmo trains each row both ways; where people counted, the plain number is taught too."""
    places = ((10.99, 84.14), (50.0, 7.0))
    both = [("pointing", "Red Cats", places), ("point_count", "Red Cats", places)]
    assert tuples("points") == both
    assert tuples("points", collection_method="counting") == both + [("count", "Red Cats", "2")]


def test_no_points_at_all_teach_that_there_are_none():
    nothing = [("pointing", "giraffe", ()), ("point_count", "giraffe", ())]
    assert tuples("points", points=[], count=0, label="giraffe") == nothing
    assert tuples("points", points=None, count=0, label="giraffe") == nothing


def test_a_click_just_outside_is_moved_to_the_edge_and_one_far_away_is_no_place():
    assert tuples("points", points=[{"x": -0.4, "y": 101.5}], count=1)[0][2] == ((0.0, 100.0),)
    for far in (-3, 250, float("nan"), None, "7", True):
        with pytest.raises(FetchError, match="the point"):
            read("points", points=[{"x": far, "y": 50}], count=1)


def test_only_count_has_its_points_in_pixels_and_they_wait_for_the_pictures_size():
    record = read("count")
    assert record.in_pixels and not read("points").in_pixels
    upright = annotations_in_percent(record, width=80, height=100, is_rotated=False)
    assert [annotation.style for annotation in upright] == ["pointing", "point_count", "count"]
    assert upright[0].points == ((25.0, 10.0), (50.0, 50.0)) and upright[2].answer == "2"


def test_of_a_picture_that_a_camera_turned_only_the_number_is_kept():
    number = Annotation("count", label="people", answer="2")
    assert annotations_in_percent(read("count"), 80, 100, is_rotated=True) == (number,)


def test_pixels_beyond_the_picture_belong_to_another_picture():
    with pytest.raises(FetchError, match="outside"):
        annotations_in_percent(read("count"), width=30, height=100, is_rotated=False)


@pytest.mark.parametrize("none", [None, ..., {"x": [], "y": []}])
def test_a_count_without_points_is_a_number(none):
    assert tuples("count", points=none) == [("count", "people", "2")]


def test_an_explanation_points_inside_its_sentences():
    assert tuples("point_explanations")[0][2] == (
        'A <point x="10.0" y="20.0" alt="cat">cat</point> sleeps near '
        '<points x1="30.0" y1="40.0" x2="50.0" y2="60.0" alt="two dogs">dogs</points>.')


def test_an_explanation_that_points_nowhere_keeps_its_word():
    assert tuples("point_explanations", points=[[[10.0, 20.0]], []])[0][2].endswith("sleeps near dogs.")


def test_a_dialogue_is_one_annotation_for_each_answer_and_the_prompt_joins_them():
    first, second = read("cap_qa").annotations
    assert (first.question, first.answer) == ("Who?", "A cat.")
    assert (second.question, second.answer) == ("Who? Assistant: A cat. User: Where?", "There.")
    assert to_messages(second, "finetune", rng=Draws())[0] == (
        " User: cap_qa: Who? Assistant: A cat. User: Where? Assistant:")


class Draws:
    """A generator that always draws 1: a tag in front."""
    def random(self):
        return 1.0


def test_a_dialogue_without_messages_is_read_from_its_question():
    assert tuples("cap_qa", messages=None) == tuples("cap_qa")


def test_a_dialogue_ends_before_an_empty_turn():
    """Left out alone, it would make the next question the answer to the one before."""
    assert tuples("cap_qa", messages=["Who?", "A cat.", "Where?", " ", "When?", "Now."]) == [
        ("cap_qa", "Who?", "A cat.")]


def test_a_document_has_the_style_of_its_part_and_a_name_that_is_no_path():
    record = read("docs")
    assert tuples("docs") == [("charts", "How much?", "5")]
    assert record.key == "docs/charts/7" and record.image_url.endswith("Expires=1")


def test_a_clock_says_its_time_in_pixmos_words_unless_they_speak_of_another():
    assert tuples("clocks") == [("clocks", "What time is being shown?", "It is 2:05 PM.")]
    assert read("clocks").clock == (2, 5, 9)
    assert tuples("clocks", text="It is noon.")[0][2] == tuples("clocks", text=None)[0][2] == "2:05"
    assert read("clocks", shows_seconds=False).clock == (2, 5, None)
    assert read("clocks", watch_time="00:10").clock == (12, 10, 0)


@pytest.mark.parametrize("name", ROWS)
def test_unknown_columns_are_ignored_and_every_style_can_be_trained_and_scored(name):
    assert tuples(name, brand_new={"deep": [1]}) == tuples(name)
    for annotation in read(name).annotations:
        assert annotation.style in STYLES
        assert annotation.style in SCORERS or annotation.style == "transcript"


@pytest.mark.parametrize("name", ROWS)
def test_a_cell_that_is_null_missing_or_of_another_type_fails_alone_or_does_not_matter(name):
    """Either a usable entry or Failed("bad_row"), never another error."""
    for column in ROWS[name]:
        for wrong in (None, ..., 7, "", [], {"x": 1}, [[]], ["\ud800"], {"question": [1], "answer": [2]}):
            try:
                record = read(name, **{column: wrong})
            except FetchError as failed:
                assert (failed.cause, failed.again) == ("bad_row", "never")
            else:
                assert record.key and record.annotations


def test_a_row_that_is_no_object_fails():
    for row in (None, [], "row"):
        with pytest.raises(FetchError, match="no object"):
            read_row("cap", row, "cap/default/0")


def test_columns_that_contradict_each_other_fail():
    for name, changed in [("points", {"count": 3}), ("count", {"count": 3}), ("count", {"count": -1}),
                          ("point_explanations", {"alt_text": ["cat"]}), ("cap_qa", {"messages": ["Who?"]}),
                          ("docs", {"questions": {"question": ["a", "b"], "answer": ["c"]}}),
                          ("clocks", {"watch_time": "29:10"}), ("clocks", {"watch_time": "soon"})]:
        with pytest.raises(FetchError, match="bad_row"):
            read(name, **changed)


def test_a_label_with_more_points_than_molmo_trained_on_is_left_out():
    crowd = [{"x": 1.0, "y": 1.0}] * 41
    with pytest.raises(FetchError, match="41 points"):
        read("points", points=crowd, count=41)


def test_any_script_is_kept_and_half_characters_are_not():
    assert tuples("points", label="красный кот 猫")[0][1] == "красный кот 猫"
    assert tuples("cap", caption="a \ud800 cat")[0][2] == "a ? cat"
