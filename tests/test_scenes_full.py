"""Level full: scenes and their annotations, checked by code independent of the drawing."""
import itertools
import math
import random
import re
from collections import Counter
from dataclasses import replace
from functools import partial
from statistics import median

import numpy as np
import pytest
from tools import text_only_baseline

from data.ask_model_anything import full as ask_full
from data.ask_model_anything import wordings as ask_wordings
from data.ask_model_anything.question_types import QUESTION_TYPES
from data.cap import full as cap
from data.cap_qa import full as cap_qa
from data.clocks import full as clocks
from data.count import full as counting
from data.generate import make_dataset_spec, write_dataset
from data.point_explanations import full as explanations
from data.point_explanations import wordings as explanation_words
from data.points import full as points
from data.prepare_all import DATASETS
from data.scenes.easy_wording import COUNT_WORDS
from data.scenes.full import FULL, FullScene, ObjectSpec, make_scene, split_of
from data.scenes.full_wording import (
    attribute_expressions,
    matching_things,
    relation_expressions,
    spec_text,
    superlative_expressions,
    thing_text,
)
from data.scenes.objects import COLORS, KINDS
from minimolmo.batch.dataset import Dataset
from minimolmo.flow import Thing
from minimolmo.text.facts import PLACES, facts_in, facts_of
from minimolmo.text.points import parse_points, plain_text
from minimolmo.text.prompts import NO_POINTS_ANSWER, TEMPLATES


def thing(kind, color, x, y, size=10.0, pattern="plain", word=""):
    return Thing(kind, color, x, y, size, size, pattern=pattern, word=word)


def scene(*things, hides=()):
    return FullScene(200, 200, "plain", 7, things, hides)


def examples_of(make_example, split="train", count=60):
    return [make_example(split, random.Random(f"{split}{number}")) for number in range(count)]


# Scenes

def test_the_same_generator_gives_the_same_scene_and_the_same_pixels():
    first, again, other = (make_scene("train", random.Random(seed)) for seed in (3, 3, 4))
    assert first == again and first.draw().tobytes() == again.draw().tobytes()
    assert first.draw().tobytes() != other.draw().tobytes()


@pytest.mark.parametrize("split", ["train", "val", "novel"])
def test_every_scene_belongs_to_the_split_it_was_made_for(split):
    scenes = [make_scene(split, random.Random(number)) for number in range(40)]
    assert {split_of(scene) for scene in scenes} == {split}
    pairs = {(t.color, t.kind) for scene in scenes for t in scene.things}
    assert bool(pairs & set(FULL.held_out)) == (split == "novel")


def test_pictures_come_in_all_formats():
    scenes = [make_scene("train", random.Random(number)) for number in range(150)]
    aspects = [scene.width / scene.height for scene in scenes]
    assert min(aspects) >= 1 / 3.02 and max(aspects) <= 3.02
    assert min(aspects) < 0.6 and max(aspects) > 1.7
    assert all(160 <= side <= 1024 for scene in scenes for side in (scene.width, scene.height))


def test_some_things_are_so_small_that_only_a_close_up_resolves_them():
    widths = [t.width for number in range(60) for t in make_scene("train", random.Random(number)).things]
    assert np.mean(np.array(widths) < 3) > 0.02


def test_things_lie_inside_the_picture():
    for number in range(60):
        for t in make_scene("train", random.Random(number)).things:
            assert t.x - t.width / 2 >= -0.02 and t.x + t.width / 2 <= 100.02
            assert t.y - t.height / 2 >= -0.02 and t.y + t.height / 2 <= 100.02


def test_some_things_are_half_hidden_but_never_their_larger_part():
    visible = [t.visible for number in range(80) for t in make_scene("train", random.Random(number)).things]
    assert min(visible) >= FULL.min_visible
    assert np.mean(np.array(visible) < 0.97) > 0.03


def test_requested_objects_are_in_the_scene():
    specs = (ObjectSpec("pink", "striped", "cup"),) * 3
    made = make_scene("train", random.Random(1), specs, num_extra=4, exclude=specs[0])
    assert len(matching_things(made, specs[0])) == 3


def nearest_color(pixel):
    return min(COLORS, key=lambda color: np.abs(np.array(COLORS[color]) - pixel).sum())


def test_the_point_of_an_object_lands_on_pixels_of_its_colour():
    """The pixels at the points of 250 scenes. Objects under 20 pixels are all edge, so a blend is allowed."""
    is_match = {True: [], False: []}  # by whether the object is 20 pixels wide
    for number in range(250):
        made = make_scene("train", random.Random(number))
        pixels = np.asarray(made.draw()).astype(int)
        for t in made.things:
            pixel = pixels[int(t.y / 100 * made.height), int(t.x / 100 * made.width)]
            is_match[t.width / 100 * made.width >= 20].append(nearest_color(pixel) == t.color)
    assert all(is_match[True]) and np.mean(is_match[False]) > 0.96


def count_components(mask):
    """The number of connected components of True, on every second pixel."""
    unvisited, count = {tuple(cell) for cell in np.argwhere(mask[::2, ::2]).tolist()}, 0
    while unvisited:
        frontier, count = [unvisited.pop()], count + 1
        while frontier:
            row, column = frontier.pop()
            neighbours = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
            neighbours &= unvisited
            unvisited -= neighbours
            frontier += neighbours
    return count


def test_without_overlaps_the_count_is_the_number_of_connected_components():
    """The difference of a scene drawn with and without its objects has as many components as objects."""
    checked = 0
    for number in range(30):
        circles = (ObjectSpec("red", "plain", "circle"),) * random.Random(number).randint(1, 9)
        made = make_scene("train", random.Random(number), circles, num_extra=0)
        if all(t.visible == 1 for t in made.things) and not has_near_boxes(made):
            empty = np.asarray(replace(made, things=()).draw()).astype(int)
            assert count_components(np.abs(np.asarray(made.draw()) - empty).sum(axis=2) > 60) == len(circles)
            checked += 1
    assert checked > 10


def has_near_boxes(made):
    """Whether two boxes are less than 3 % apart."""
    return any(abs(a.x - b.x) < (a.width + b.width) / 2 + 3 and abs(a.y - b.y) < (a.height + b.height) / 2 + 3
               for a, b in itertools.combinations(made.things, 2))


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_has_the_same_bytes_for_any_number_of_workers(name, tmp_path):
    spec = make_dataset_spec(name, "full", images=3)
    folders = [write_dataset(spec, DATASETS[name], tmp_path / str(workers), workers) for workers in (1, 2)]
    files = [sorted(path.relative_to(folder) for path in folder.rglob("*.*")) for folder in folders]
    assert files[0] == files[1]
    assert all((folders[0] / file).read_bytes() == (folders[1] / file).read_bytes() for file in files[0])
    for split in ("train", "val", "novel"):
        assert len(Dataset(folders[0], split)) == 3  # and every row can be read


# Referring expressions

def test_a_name_is_pattern_colour_and_kind():
    assert thing_text(thing("balloon", "red", 50, 50, pattern="striped")) == "striped red balloon"
    assert spec_text(ObjectSpec("", "", "fish"), plural=True) == KINDS["fish"].plural
    assert spec_text(ObjectSpec("red", "", "")) == "red thing"


def test_relation_expressions_match_exactly_the_objects_they_name():
    """Two cups left of the one tree, one cup right of it."""
    made = scene(thing("tree", "green", 50, 50), thing("cup", "red", 10, 50), thing("cup", "blue", 20, 20),
                 thing("cup", "red", 80, 50))
    counts = {expression.plural: len(expression.things) for expression in relation_expressions(made)}
    assert counts["cups left of the green tree"] == 2
    assert counts["cups right of the green tree"] == 1
    assert "cups above the green tree" not in counts      # two are at the tree's own height


def test_superlative_expressions_need_a_clear_margin():
    made = scene(thing("cup", "red", 10, 50, 10), thing("cup", "blue", 50, 52, 11),
                 thing("cup", "red", 90, 50, 30))
    texts = {expression.singular for expression in superlative_expressions(made)}
    assert {"largest cup", "leftmost cup", "rightmost cup"} <= texts
    assert not {"smallest cup", "highest cup"} & texts    # 10 and 11 wide, 50 and 52 high


def test_every_relation_expression_in_many_scenes_is_true():
    """Each expression is parsed, and its relation checked again from the coordinates."""
    checks = {"left of": lambda a, b: a.x < b.x, "right of": lambda a, b: a.x > b.x,
              "above": lambda a, b: a.y < b.y, "below": lambda a, b: a.y > b.y}
    for number in range(40):
        made = make_scene("train", random.Random(number))
        for expression in relation_expressions(made):
            color, kind, relation, *anchor_pair = re.fullmatch(
                r"(?:(\w+) )?(\w+) (left of|right of|above|below) the (\w+) (\w+)",
                expression.singular).groups()
            anchor, = [t for t in made.things if [t.color, t.kind] == anchor_pair]
            referents = {t for t in made.things if t.kind == kind and color in (None, t.color)
                         and t != anchor and checks[relation](t, anchor)}
            assert referents == set(expression.things)


# The datasets

@pytest.mark.parametrize("name", DATASETS)
def test_every_picture_of_every_split_has_annotations(name):
    """A row without annotations could not be read."""
    for split in ("train", "val", "novel"):
        assert all(annotations for _, annotations in examples_of(partial(DATASETS[name], FULL), split, 30))


def test_points_are_one_many_and_none():
    counts = [len(a.points) for _, annotations in examples_of(points.make_example) for a in annotations]
    groups = Counter(min(count, 2) for count in counts)
    assert all(groups[n] / len(counts) > 0.1 for n in (0, 1, 2))
    assert max(counts) > 7


def test_a_constant_guess_at_the_centre_is_far_off():
    """The median distance of single points to the centre is over 25 percent of the width."""
    distances = [abs(complex(a.points[0][0] - 50, (a.points[0][1] - 50) * made.height / made.width))
                 for made, annotations in examples_of(points.make_example)
                 for a in annotations if len(a.points) == 1]
    assert median(distances) > 25


def test_counts_reach_sixteen_and_agree_with_the_points():
    numbers = Counter()
    for _, annotations in examples_of(counting.make_example, count=120):
        for point_count, plain in zip(annotations[::2], annotations[1::2]):
            assert len(point_count.points) == int(plain.answer) and point_count.label == plain.label
            numbers[int(plain.answer)] += 1
    assert set(range(15)) <= set(numbers) <= set(range(17))
    assert max(numbers.values()) / sum(numbers.values()) < 0.2


def test_captions_are_dense():
    lengths = [len(annotations[0].answer.split()) for _, annotations in examples_of(cap.make_example)]
    assert median(lengths) > 120


def test_captions_state_every_fact_and_no_other():
    """The facts are parsed from the caption as in scoring, without the scene."""
    for made, (caption, *_) in examples_of(cap.make_example, count=40):
        assert facts_in(caption.answer, set(COLORS), set(KINDS)) == facts_of(made.things)


def test_an_image_has_a_caption_and_three_different_transcripts():
    _, annotations = examples_of(cap.make_example, count=1)[0]
    assert [a.style for a in annotations] == ["long_caption"] + ["transcript"] * 3
    assert len({a.answer for a in annotations}) == 4


def test_every_answer_of_cap_qa_stands_in_the_caption():
    for made, annotations in examples_of(cap_qa.make_example):
        for annotation in annotations:
            assert cap_qa.appears_in(annotation.answer, made.columns["caption"]), annotation


def test_free_questions_are_of_more_than_twenty_types():
    assert len(QUESTION_TYPES) >= 20
    questions = {a.question for _, annotations in examples_of(ask_full.make_example) for a in annotations}
    assert len(questions) > 500


QUESTIONS = {  # the wordings of every dataset; those of docs are tested in tests/test_docs.py
    **{f"prompts: {name}": wordings for name, wordings in TEMPLATES.items()},
    **{f"{module.__name__}: {name}": wordings
       for module in (ask_wordings, explanation_words, cap_qa, clocks)
       for name, wordings in vars(module).items()
       if isinstance(wordings, tuple) and isinstance(wordings[0], str) and any("?" in w for w in wordings)}}


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_kind_of_question_has_eight_wordings_or_more(name):
    assert len(set(QUESTIONS[name])) >= 8


def test_unanswerable_questions_have_eight_wordings_or_more():
    assert len(ask_wordings.UNKNOWN) >= 8


def test_the_words_of_a_question_about_a_clock_do_not_give_its_answer_away():
    """The text-only baseline is hardly better than the most common answer."""
    groups = {}
    for split, count in (("train", 600), ("val", 300)):
        examples = examples_of(clocks.make_example, split, count)
        groups[split] = text_only_baseline.group_questions(annotations for _, annotations in examples)
    for group, held_out in groups["val"].items():
        accuracy, most_common = text_only_baseline.compute_accuracy(groups["train"][group], held_out)
        noise = 2 * math.sqrt(most_common * (1 - most_common) / len(held_out))
        assert accuracy <= most_common + 0.05 + noise, group


def test_the_text_only_baseline_finds_answers_that_the_words_give_away():
    """A check of the test above: here the answer to every question with "sky" is yes."""
    questions = [(["sky", "any"], "yes"), (["sea", "any"], "no"), (["any"], "no")] * 40
    assert text_only_baseline.compute_accuracy(questions, questions) == (1.0, 2 / 3)


ADJECTIVES = [*COLORS, *COUNT_WORDS]
NOUNS = [*KINDS, *(kind.plural for kind in KINDS.values()), *COLORS, *COUNT_WORDS, "things?",
         *(f"the {place}" for place in PLACES)]
SLOTS = re.compile(r"\b(?:(?:an?|tiny|small|big|plain|striped|dotted|%s) )*(?:%s)\b" %
                   ("|".join(ADJECTIVES), "|".join(NOUNS)))


def wording(sentence):
    """A sentence with objects, places and numbers replaced by _. One of three words or fewer is kept."""
    if len(sentence.split()) <= 3:
        return sentence
    blanked = SLOTS.sub("_", re.sub(r"<points?[^>]*>.*?</points?>|\d+|\"\w+\"", "_", sentence.lower()))
    return re.sub(r"_(?:,? (?:and )?_)+", "_", blanked)


def wordings_of(annotation):
    """The wordings of an answer's sentences; for pointing, the points or the sentence that there are none."""
    if annotation.style in ("pointing", "point_count"):
        return [NO_POINTS_ANSWER if not annotation.points else str(annotation.points)]
    return [wording(sentence) for sentence in re.split(r"(?<=[a-z\"])\. ?", annotation.answer) if sentence]


@pytest.mark.parametrize("name", DATASETS)
def test_no_wording_of_an_answer_is_over_a_fifth_of_its_set(name):
    """ "The _ is larger than the _" is one wording, "red" another."""
    counts = Counter(w for _, annotations in examples_of(partial(DATASETS[name], FULL), count=120)
                     for annotation in annotations for w in wordings_of(annotation))
    most_common, count = counts.most_common(1)[0]
    assert count / counts.total() < 0.2, most_common


def test_a_wording_leaves_out_objects_places_and_numbers():
    tag = '<point x="1.0" y="2.0" alt="cat">cat</point>'
    assert wording(f"The {tag} is larger than the {tag}") == "the _ is larger than the _"
    assert wording("There is a tiny striped red cat at the top left") == "there is _ at _"
    assert wording(f"In red there is {tag}, {tag} and {tag}") == "in _ there is _"
    assert wording("quarter to three") == "quarter to three"


def test_yes_and_no_are_equally_likely():
    examples = examples_of(ask_full.make_example, count=250)
    answers = Counter(a.answer for _, annotations in examples for a in annotations)
    assert 0.44 < answers["yes"] / (answers["yes"] + answers["no"]) < 0.56


def test_points_of_explanations_are_the_centres_of_objects():
    """And every tag of an answer is complete, so that `plain_text` removes it."""
    for made, annotations in examples_of(explanations.make_example):
        for annotation in annotations:
            assert "<" not in plain_text(annotation.answer)
            for x, y in parse_points(annotation.answer):
                assert any(abs(t.x - x) < 0.06 and abs(t.y - y) < 0.06 for t in made.things)


def test_the_datasets_use_400_different_words_or_more():
    """In the rows, and in the templates of `prompts.py` for pointing and counting."""
    words = Counter(re.findall("[a-z]+", str(TEMPLATES).lower()))
    for make_example in DATASETS.values():
        for _, annotations in examples_of(partial(make_example, FULL), count=40):
            for a in annotations:
                words.update(re.findall(r"[a-z']+", f"{a.question} {a.label} {a.answer}".lower()))
    assert len(words) >= 400


def test_attribute_expressions_name_every_object():
    made = scene(thing("cup", "red", 20, 20), thing("cup", "blue", 80, 80))
    counts = {each.plural if len(each.things) > 1 else each.singular: len(each.things)
              for each in attribute_expressions(made)}
    assert counts == {"cups": 2, "red cup": 1, "blue cup": 1, "red thing": 1, "blue thing": 1}


def test_point_explanations_has_an_annotation_for_every_picture():
    """Also in split novel, where most candidates are rejected."""
    from data.point_explanations.prepare import make_example
    for split in ("val", "novel"):
        assert all(make_example(FULL, split, random.Random(f"{split}{seed}"))[1] for seed in range(12))
