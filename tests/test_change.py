"""The page "Change the world": its data set of flags, and scores by word."""
import random

import numpy as np
import pytest

from data.generate import DatasetSpec, write_dataset
from data.scenes.easy import COLORS
from lessons.change.by_word import by_word, has_word, questions_of
from lessons.change.flags import HELD_OUT, PLACES, make_example, random_flag, split_of
from minimolmo.batch.dataset import Dataset
from minimolmo.flow import Annotation, Example
from minimolmo.metrics import EvalItem


def item(question: str, answer: str = "", style: str = "user_qa") -> EvalItem:
    return EvalItem("ask_model_anything", Example("", ()), Annotation(style, answer=answer), question)


def test_the_pixels_at_a_stripes_centre_have_its_colour():
    """60 flags, by the labels: kind, colour and centre of each stripe."""
    for seed in range(60):
        flag = random_flag("train", random.Random(seed))
        pixels = np.asarray(flag.draw()).astype(int)
        for thing, color in zip(flag.things, flag.colors):
            paint = pixels[int(thing.y * 0.64), int(thing.x * 0.64)]
            assert min(COLORS, key=lambda name: np.abs(paint - COLORS[name]).sum()) == color == thing.color


@pytest.mark.parametrize("split", ["train", "val", "novel"])
def test_every_answer_is_true_of_the_flag_and_held_out_neighbours_are_in_novel_alone(split):
    for seed in range(150):
        flag, (color, place, above) = make_example(None, split, random.Random(seed))
        assert split_of(flag.colors) == split
        assert bool(HELD_OUT & set(zip(flag.colors, flag.colors[1:]))) == (split == "novel")
        named = [word for word in PLACES if word in color.question.split()]
        assert flag.colors[PLACES.index(*named)] == color.answer
        assert flag.colors.index(next(c for c in flag.colors if c in place.question)) == PLACES.index(
            place.answer)
        a, b = sorted((c for c in flag.colors if c in above.question), key=above.question.index)
        assert above.answer == ("yes" if flag.colors.index(a) < flag.colors.index(b) else "no")


def test_flags_are_written_and_opened_as_any_data_set(tmp_path):
    spec = DatasetSpec("flags", "easy", seed=1, num_images=dict(train=4, val=2, novel=2))
    folder = write_dataset(spec, make_example, tmp_path)
    example = Dataset(folder, "val")[1]

    assert example.image.is_file() and len(example.annotations) == len(example.things) == 3
    assert len(questions_of({"flags": folder}, ["user_qa"], untagged=1.0)) == 6


def test_a_word_is_found_in_the_question_or_the_answer_and_also_in_the_plural():
    assert has_word(item("Point to the teal cross."), "teal")
    assert has_word(item("What color?", "teal"), "teal")
    assert has_word(item("How many diamonds?"), "diamond")
    assert not has_word(item("Where is the tealight?"), "teal")


def test_questions_are_grouped_by_word_and_the_rest_has_none_of_the_words():
    items = [item("Is it teal?"), item("Is it red?"), item("Is it a diamond?"), item("Is it teal, too?")]
    groups = by_word(items, ["teal", "diamond"], most=1)

    assert {word: [i.question for i in group] for word, group in groups.items()} == {
        "teal": ["Is it teal?"], "diamond": ["Is it a diamond?"], "": ["Is it red?"]}
