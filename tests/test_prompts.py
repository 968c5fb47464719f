"""Prompts: from an annotation to the question that the model reads and the answer it should give."""
import itertools
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from data.generate import NUM_IMAGES
from data.prepare_all import DATASETS
from data.scenes.levels import LEVELS
from minimolmo.flow import Annotation
from minimolmo.text.points import parse_points, to_percent
from minimolmo.text.prompts import (
    DATASET_WORDS,
    EASY_WORDS,
    TEMPLATES,
    answer_text,
    caption_prompt,
    length_hint,
    question_prompt,
    question_text,
    to_messages,
    unknown_words,
)

GOLDEN = json.loads((Path(__file__).parent / "golden" / "formatter.json").read_text(encoding="utf-8"))
CATS = ((70.24, 38.0), (61.5, 40.4))


class FixedDraws:
    """A stand-in for a random generator, with fixed draws: u for the tag, noise in characters, a template."""

    def __init__(self, u=0.5, noise=0.0, template=0):
        self.u, self.noise, self.template = u, noise, template

    def random(self):
        return self.u

    def normal(self, mean, deviation):
        assert (mean, deviation) == (0, 25)
        return self.noise

    def integers(self, high):
        return self.template


def test_a_message_is_word_for_word_that_of_molmo():
    """The official formatter's own messages; its template wording comes in as the question."""
    annotations = [
        Annotation("user_qa", question="What is it?", answer="A cat."),
        Annotation("vqa2", question="What color?", answer="red"),
        Annotation("pointing", label="Cats", points=((1.0, 2.0),), question="Point to cats\nPlease say "
                   "'This isn't in the image.' if it is not in the image."),
        Annotation("ai2_diagram", question="Which?\nA: sun\nB: moon\n", answer="B"),
    ]
    for annotation, case in zip(annotations, GOLDEN["messages"], strict=True):
        assert list(to_messages(annotation, "finetune", FixedDraws(u=case["rng_u"]))) == case["messages"]


def test_points_are_answered_word_for_word_as_molmo_does():
    for case in GOLDEN["format_points"]:
        points = case.get("points_percent")
        if points is None:
            height, width = case["image_hw"]
            points = to_percent(case["pixel_points"], width, height)
        annotation = Annotation(case["style"], label=case["label"], points=tuple(points))
        assert answer_text(annotation) == case["text"]


def test_a_prompt_of_stage_pretrain_holds_a_style_and_a_length():
    for case in GOLDEN["length_hint"][:3]:
        annotation = Annotation("long_caption", answer="c" * case["caption_chars"])
        user, assistant = to_messages(annotation, "pretrain", FixedDraws(case["u"], case["noise"]))
        assert user == case["first_message"]
        assert assistant.startswith(case["response_starts"])
    assert caption_prompt() == GOLDEN["length_hint"][3]["first_message"]


def test_a_length_hint_counts_fifteen_characters_a_step_and_rounds_down():
    """1259 characters are 83 steps of 15, and 14 left. Noise is rounded toward zero: -0.9 becomes 0."""
    assert length_hint(1259, 0.0) == 83
    assert length_hint(1245, -0.9) == 83
    assert length_hint(1245, -1.0) == 82
    assert length_hint(3, -25.0) == -2  # -22 / 15, down


def test_one_caption_in_ten_comes_without_its_length():
    annotation = Annotation("transcript", answer="so this is a dog")
    assert to_messages(annotation, "pretrain", FixedDraws(u=0.95)) == (" transcript :", " so this is a dog")
    users = [to_messages(annotation, "pretrain", rng)[0] for rng in map(np.random.default_rng, range(1000))]
    assert 70 < users.count(" transcript :") < 130


def test_one_question_in_ten_carries_its_style_tag():
    annotation = Annotation("pointing", label="cats", points=CATS)
    plain, tagged = (to_messages(annotation, "finetune", FixedDraws(u))[0] for u in (0.5, 0.95))
    assert plain == " User: Point to the cats. Assistant:"
    assert tagged == " User: pointing: Point to the cats. Assistant:"
    users = [to_messages(annotation, "finetune", rng)[0] for rng in map(np.random.default_rng, range(1000))]
    assert 70 < sum("pointing: " in user for user in users) < 130


def test_other_styles_always_carry_their_tag_unless_a_run_says_otherwise():
    annotation, rngs = Annotation("clocks", question="Is it noon?", answer="no"), range(1000)
    for probability, expected in ((0.0, 0), (0.5, 500), (1.0, 1000)):
        users = [to_messages(annotation, "finetune", np.random.default_rng(seed), probability)[0]
                 for seed in rngs]
        assert abs(users.count(" User: Is it noon? Assistant:") - expected) < 50 * (expected == 500) + 1


def test_a_transcript_in_stage_finetune_needs_a_question():
    with pytest.raises(ValueError, match="nothing to ask"):
        to_messages(Annotation("transcript", answer="so"), "finetune", FixedDraws())


@pytest.mark.parametrize("style, points, answer, expected", [
    ("pointing", CATS, "", ' <points x1="61.5" y1="40.4" x2="70.2" y2="38.0" alt="cats">cats</points>'),
    ("pointing", CATS[1:], "", ' <point x="61.5" y="40.4" alt="cats">cats</point>'),
    ("pointing", (), "", " There are none."),
    ("point_count", CATS[1:], "",
     ' Counting the <point x="61.5" y="40.4" alt="cats">cats</point> shows a total of 1.'),
    ("point_count", (), "", " There are none."),
    ("count", CATS, "2", " 2"),
    ("user_qa", (), "Two cats.", " Two cats."),
    ("long_caption", (), "Two cats sit.", " Two cats sit."),
])
def test_every_style_has_its_own_kind_of_answer(style, points, answer, expected):
    annotation = Annotation(style, question="Well?", label="Cats", answer=answer, points=points)
    assert to_messages(annotation, "finetune", FixedDraws()) == (" User: Well? Assistant:", expected)


def test_training_and_answering_use_the_same_prompt():
    annotation = Annotation("user_qa", question="How many?", answer="3")
    assert to_messages(annotation, "finetune", FixedDraws())[0] == question_prompt("How many?")
    for characters, length in ((974, 64), (975, 65), (989, 65)):  # 15 * 65 = 975
        caption = Annotation("long_caption", answer="c" * characters)
        assert to_messages(caption, "pretrain", FixedDraws())[0] == caption_prompt(length)


def test_the_label_is_written_in_lower_case_and_may_have_any_character():
    annotation = Annotation("pointing", label="Red {Circle}", points=CATS)
    assert question_text(annotation, FixedDraws()) == "Point to the red {circle}."


@pytest.mark.parametrize("style", TEMPLATES)
def test_templates_are_many_different_and_short(style):
    """On average at most seven words with a label of two: every token costs training time."""
    questions = [question_text(Annotation(style, label="red circle"), FixedDraws(template=i))
                 for i in range(len(TEMPLATES[style]))]
    assert len(set(questions)) == len(questions) >= 8
    assert np.mean([len(question.split()) for question in questions]) <= 7
    assert style == "long_caption" or all("red circle" in question for question in questions)
    assert not any(parse_points(question) for question in questions)


def test_templates_are_grammatical_with_singular_and_plural_labels():
    """Labels of pointing are both ("square", "shapes"), labels of counts are plural."""
    for style in ("pointing", "point_count", "count"):
        for template in TEMPLATES[style]:
            assert not re.search(r"\b(each|every|one|a|an|per|is|are) {label}|{label} (is|are)\b", template)
            assert re.search("(many|umber of|the) {label}|^{label}: ", template)
            assert style != "pointing" or "many" not in template and "number" not in template


def test_no_two_styles_share_a_template():
    all_templates = [template for templates in TEMPLATES.values() for template in templates]
    assert len(set(all_templates)) == len(all_templates)


def test_all_templates_are_drawn_equally_often():
    rng, annotation = np.random.default_rng(0), Annotation("point_count", label="cat")
    questions = [question_text(annotation, rng) for _ in range(1000)]
    counts = [questions.count(question) for question in set(questions)]
    assert len(counts) == len(TEMPLATES["point_count"])
    assert min(counts) > 60 and max(counts) < 140  # 100 each


def test_the_same_seed_draws_the_same_messages():
    annotation = Annotation("point_count", label="cat", points=CATS)
    first, again = (to_messages(annotation, "finetune", np.random.default_rng((1, 2, 3))) for _ in range(2))
    assert first == again


NO_PROMPT = [
    (Annotation("pointing", label="cat"), "caption", '"pretrain" or "finetune"'),
    (Annotation("pointing", label="cat"), "pretrain", 'stage="finetune"'),
    (Annotation("pointing"), "finetune", "Try a question, or a label"),
    (Annotation("no_such_style", label="cat"), "finetune", "a style of pointing"),
]


def test_an_annotation_without_a_prompt_is_refused():
    for annotation, stage, _ in NO_PROMPT:
        with pytest.raises(ValueError):
            to_messages(annotation, stage, FixedDraws())


@pytest.mark.words
@pytest.mark.parametrize("annotation, stage, hint", NO_PROMPT)
def test_an_annotation_without_a_prompt_says_what_to_try(annotation, stage, hint):
    with pytest.raises(ValueError, match=hint):
        to_messages(annotation, stage, FixedDraws())


def test_the_known_words_are_those_of_the_questions_of_level_easy():
    """800 scenes of each drawn set, each set with its own list; and the examples that the note gives."""
    words, rng = {}, random.Random(0)
    for name, split, _ in itertools.product(NUM_IMAGES["easy"], ("train", "novel"), range(400)):
        for note in DATASETS[name](LEVELS["easy"], split, rng)[1]:
            text = f"{note.style}: {note.question} {note.label}" if note.style != "transcript" else ""
            assert unknown_words(text, [name]) == [], text
            words.setdefault(name, set()).update(re.findall("[a-z]+", text.lower()))
    earlier = {"each", "every", "often", "one", "per", "places"}  # words of earlier templates
    assert EASY_WORDS - words["points"] - words["count"] - words["ask_model_anything"] == earlier
    assert {name: known - words[name] for name, known in DATASET_WORDS.items() if known - words[name]} == {}
    examples = "What does the picture show? How many circles can you find? Point to the red circle."
    assert unknown_words(examples, []) == []


def test_words_of_datasets_that_a_model_was_not_trained_on_are_unknown_to_it():
    assert unknown_words("What time is it?") == unknown_words("What time is it?", ["points", "clocks"]) == []
    assert unknown_words("What time is it?", ["points", "docs", "mine"]) == ["time"]
