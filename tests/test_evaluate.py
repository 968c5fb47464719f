"""Evaluation: which questions and images are used, and the three columns of the report."""
import json
import random
import runpy
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from data.generate import annotation_to_json
from data.points import prepare as points
from data.prepare_all import DATASETS
from data.scenes.levels import get_level
from minimolmo import evaluate
from minimolmo.config import (
    ConnectorConfig,
    DecoderConfig,
    ImageConfig,
    MolmoConfig,
    RunConfig,
    StageConfig,
    VisionConfig,
)
from minimolmo.evaluate import (
    BLANK_IMAGE,
    OTHER_IMAGE,
    RIGHT_IMAGE,
    answer_all,
    collect_items,
    format_table,
    mismatched_images,
    sample_questions,
    sort_key,
)
from minimolmo.flow import Annotation, Answer, Example
from minimolmo.metrics import EvalItem
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text.prompts import ONLY_TAG_TELLS, OFTEN_UNTAGGED
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights.checkpoint import save_checkpoint

EASY = get_level("easy")
BYTES = Tokenizer([], 257)  # a letter is a token


def count_item(number: int, image: str) -> EvalItem:
    annotation = Annotation("count", label="cat", answer=str(number))
    return EvalItem("test", Example(Path(image), (annotation,), name=f"{image}:1"), annotation, "?")


@pytest.mark.parametrize("questions", [2, 3, 8, 9])
def test_the_other_image_is_never_a_questions_own(questions):
    """Also when one image has two questions, or most of the questions."""
    def all_differ(items):
        return all(path != item.example.image
                   for path, item in zip(mismatched_images(items), items, strict=True))

    for images in (questions, 2):
        assert all_differ([count_item(0, f"{i % images}.png") for i in range(questions)])
    assert all_differ([count_item(0, "a.png")] * (questions - 1) + [count_item(0, "b.png")])


def test_every_image_is_some_questions_other_image():
    """The other image is half a list away, so no image is used more often than another."""
    items = [count_item(0, f"{i}.png") for i in range(9)]
    assert sorted(mismatched_images(items)) == [item.example.image for item in items]


def test_a_single_image_has_no_other_image():
    with pytest.raises(ValueError):
        mismatched_images([count_item(1, "a.png"), count_item(2, "a.png")])


@pytest.mark.words
def test_a_single_image_is_named_with_what_to_try():
    with pytest.raises(ValueError, match=r"a\.png:1: no other image has a count question, so .* Add one"):
        mismatched_images([count_item(1, "a.png"), count_item(2, "a.png")])


def test_each_column_shows_its_image(tmp_path, monkeypatch):
    """Three images, red, green and blue, and the images that the model gets for each column."""
    colors, items, inputs = {"r": (255, 0, 0), "g": (0, 255, 0), "b": (0, 0, 255)}, [], []
    for height, (name, color) in enumerate(colors.items(), start=1):
        Image.new("RGB", (4, height), color).save(tmp_path / f"{name}.png")
        items.append(count_item(1, str(tmp_path / f"{name}.png")))

    def record_images(model, tokenizer, images, questions, view, max_new_tokens):
        inputs.extend(tuple(image[0, 0].tolist()) for image in images)
        assert all((image == image[0, 0]).all() for image in images)
        return [Answer("1", [])] * len(images)

    monkeypatch.setattr(evaluate, "ask", record_images)
    monkeypatch.setattr(evaluate, "BATCH_SIZE", 2)  # the other image may be in another batch
    for column in (RIGHT_IMAGE, BLANK_IMAGE, OTHER_IMAGE):
        items = answer_all(None, BYTES, items, column, "bird")
    red, green, blue = colors.values()
    assert inputs[:3] == [red, green, blue]
    assert inputs[3:6] == [(255, 255, 255)] * 3
    assert inputs[6:] == [green, blue, red]
    assert [item.aspect for item in items] == [4, 2, 4 / 3]  # its own image's: the target's points are there


def test_an_answer_may_be_a_quarter_longer_than_the_longest_target():
    """A token is a letter here: " 12" has three tokens, a caption of 400 letters 401."""
    counts = [count_item(1, "a.png"), count_item(12, "b.png")]
    assert evaluate.max_answer_tokens(BYTES, counts) == 3 + evaluate.EXTRA_TOKENS
    long = Annotation("long_caption", answer="a" * 400)
    item = EvalItem("test", Example(Path(), (long,)), long, "?")
    assert evaluate.max_answer_tokens(BYTES, [item, count_item(1, "a.png")]) == 501 + evaluate.EXTRA_TOKENS


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A small mini-PixMo: eight datasets, each of six val rows and two rows of novel pairs."""
    folder = tmp_path_factory.mktemp("data")
    for name, make_example in DATASETS.items():
        dataset = folder / name / "easy"
        (dataset / "images").mkdir(parents=True)
        for split, rows in (("val", 6), ("novel", 2)):
            write(dataset, split, [make_example(EASY, split, random.Random(seed)) for seed in range(rows)])
    return folder


def write(folder: Path, split: str, examples: list):
    rows = []
    for number, (scene, annotations) in enumerate(examples):
        scene.draw().save(folder / "images" / f"{split}{number}.png")
        rows.append({
            "image": f"images/{split}{number}.png",
            "annotations": [annotation_to_json(a) for a in annotations],
            "things": [vars(thing) for thing in scene.things]
        })
    (folder / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def folders_of(data: Path) -> dict[str, Path]:
    return {name: data / name / "easy" for name in ("points", "count", "ask_model_anything", "cap")}


def test_each_row_is_asked_one_question_of_each_style(data):
    items = collect_items(folders_of(data), "val", rows=4)
    assert Counter(item.annotation.style for item in items) == {
        "pointing": 4, "point_count": 4, "count": 4, "user_qa": 4, "long_caption": 4}
    assert all(item.annotation in item.example.annotations for item in items)


def test_a_style_that_training_always_tags_is_asked_with_its_tag(data):
    """Without it the question is one that the model has never seen, and it scores far too low (RUNS.md)."""
    folders = {name: data / name / "easy" for name in ("points", "clocks", "docs")}
    for item in collect_items(folders, "val", rows=6):
        always = item.annotation.style not in OFTEN_UNTAGGED
        assert item.question.startswith(f"{item.annotation.style}: ") == always


def test_a_model_that_was_also_trained_without_tags_is_asked_without(data):
    """But "Is there a red circle?" is a question of three styles: "yes", or a sentence with a point."""
    folders = {name: data / name / "easy" for name in ("points", "clocks", "docs", *ONLY_TAG_TELLS)}
    for item in collect_items(folders, "val", rows=6, untagged=0.5):
        only_tag_tells = item.annotation.style in ONLY_TAG_TELLS
        assert item.question.startswith(f"{item.annotation.style}: ") == only_tag_tells


def test_the_same_questions_are_asked_every_time(data):
    """In the order of SCORERS, and not of a Python set, which changes from run to run."""
    annotations = [Annotation(style, question="?") for style in reversed(evaluate.SCORERS)]
    items = sample_questions("test", [Example(Path(), tuple(annotations))], [0])
    assert [item.annotation.style for item in items] == list(evaluate.SCORERS)
    assert collect_items(folders_of(data), "val", rows=6) == collect_items(folders_of(data), "val", rows=6)


def test_the_other_image_of_a_count_is_mostly_one_with_another_number():
    """Twelve questions, numbers 1 2 3 1 2 3 ...: unsorted, the same number would be half a list away."""
    examples = [count_item(1 + i % 3, f"{i}.png").example for i in range(12)]
    items = sorted(sample_questions("test", examples, range(12)), key=sort_key)
    number = {item.example.image: item.annotation.answer for item in items}
    assert all(number[path] != item.annotation.answer
               for path, item in zip(mismatched_images(items), items))


@pytest.fixture
def untrained(tmp_path) -> Path:
    """The folder of a run with an untrained model."""
    torch.manual_seed(0)
    model = MolmoConfig(
        ImageConfig(crop_size=16, patch_size=8, margins=(0, 0), pool=2), VisionConfig(16, 2, 2, 16),
        ConnectorConfig(16, 2, 16), DecoderConfig(width=32, layers=1, heads=2, kv_heads=1, mlp=32, vocab=257))
    config = RunConfig(model=model, finetune=StageConfig(steps=1))
    save_checkpoint(tmp_path / "run", 1, MiniMolmo(model).state_dict(), config, Tokenizer([], 257), None, {})
    return tmp_path / "run"


def test_an_untrained_model_scores_nothing_in_any_column(data, untrained, monkeypatch, capsys):
    """Except where there is nothing to point at: no points are right there, as in Molmo's own scoring."""
    monkeypatch.setattr(evaluate, "max_answer_tokens", lambda *_: 8)
    evaluate.main([f"--weights={untrained}", f"--data={data}", "--rows=6"])

    report = json.loads((untrained / "report.json").read_text(encoding="utf-8"))
    assert list(report) == [RIGHT_IMAGE, BLANK_IMAGE, OTHER_IMAGE, "novel pairs"]
    num_empty = sum(item.annotation.style == "pointing" and not item.annotation.points
                    for item in collect_items(folders_of(data), "val", 6))
    for column in (RIGHT_IMAGE, BLANK_IMAGE, OTHER_IMAGE):
        scores = report[column]
        assert scores["pointing"]["F1"] == pytest.approx(num_empty / 6, abs=1e-3)
        assert scores["count"]["accuracy"] == scores["point_count"]["accuracy"] == 0
        assert scores["user_qa"]["exact match"] == scores["long_caption"]["fact F1"] == 0
    assert report["novel pairs"]["count"]["questions"] == 2

    printed = capsys.readouterr().out
    assert "right image   blank image   other image   novel pairs" in printed
    assert "long_caption: fact F1" in printed
    with Image.open(untrained / "report.png") as sheet:
        assert sheet.width > 4 * 200


def test_a_table_has_a_line_for_each_score_and_a_column_for_each_image():
    report = {"right image": {"count": {"questions": 2, "accuracy": 0.5}},
              "blank image": {"count": {"questions": 2}}}
    assert format_table(report).splitlines() == [
        " " * 40 + "   right image   blank image",
        "count: questions".ljust(40) + "             2             2",
        "count: accuracy".ljust(40) + "           0.5           nan"]


def test_a_folder_without_novel_pairs_leaves_that_column_to_the_others(data, tmp_path, monkeypatch):
    """A learner's own dataset has no novel.jsonl."""
    monkeypatch.setattr(evaluate, "ask", lambda model, tokenizer, images, *_: [Answer("", [])] * len(images))
    scenes = [points.make_example(EASY, "val", random.Random(seed)) for seed in range(3)]
    (tmp_path / "images").mkdir()
    write(tmp_path, "val", scenes)
    report, _ = evaluate.evaluate(None, BYTES, {**folders_of(data), "mine": tmp_path}, "bird", rows=2)
    assert report[RIGHT_IMAGE]["pointing"]["questions"] == 4
    assert report["novel pairs"]["pointing"]["questions"] == 2


@pytest.fixture
def mine(tmp_path) -> Path:
    """A learner's own dataset, of the same kind of picture: three val rows, no novel ones."""
    (tmp_path / "mine" / "images").mkdir(parents=True)
    scenes = [points.make_example(EASY, "val", random.Random(seed)) for seed in range(3)]
    write(tmp_path / "mine", "val", scenes)
    return tmp_path / "mine"


def answer_own_alone(model, tokenizer, items, column, view, bar=None):
    """Answers that are right for "mine" and empty for drawn sets."""
    target = [item.annotation.points if item.dataset == "mine" else [] for item in items]
    return [replace(item, answer=Answer("", list(points))) for item, points in zip(items, target)]


def test_own_datasets_are_scored_apart_from_drawn_ones(data, mine, monkeypatch):
    """All points of "mine" are right and none of the drawn set's: neither score is their mean."""
    monkeypatch.setattr(evaluate, "answer_all", answer_own_alone)
    folders = {"mine": mine, "points": data / "points" / "easy"}
    report, items = evaluate.evaluate(None, BYTES, folders, "bird", 6, evaluate.score_by_dataset)
    scores = report[RIGHT_IMAGE]
    assert list(scores) == ["pointing", "mine/pointing"]
    assert scores["mine/pointing"]["F1"] == 1 and scores["mine/pointing"]["questions"] == 3
    num_empty = sum(not item.annotation.points for item in items if item.dataset == "points")
    assert scores["pointing"] == {"questions": 6} | scores["pointing"]
    assert scores["pointing"]["F1"] == pytest.approx(num_empty / 6, abs=1e-3)
    assert set(report["novel pairs"]) == {"pointing"}


def test_the_other_image_of_an_own_question_is_an_own_image(data, mine, monkeypatch):
    seen = {}

    def record(model, tokenizer, items, column, view, bar=None):
        if column == OTHER_IMAGE:
            seen[items[0].dataset] = {path.parent for path in mismatched_images(items)}
        return answer_own_alone(model, tokenizer, items, column, view)

    monkeypatch.setattr(evaluate, "answer_all", record)
    folders = {"points": data / "points" / "easy", "mine": mine}
    evaluate.evaluate(None, BYTES, folders, "bird", 6)
    assert seen == {"points": {folders["points"] / "images"}, "mine": {mine / "images"}}


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_splits_without_rows_are_left_out(content, data, mine, untrained, monkeypatch, capsys):
    """An empty val.jsonl and novel.jsonl stop nothing; if all are empty, the message says what to do."""
    monkeypatch.setattr(evaluate, "answer_all", answer_own_alone)
    for split in ("val", "novel"):
        (mine / f"{split}.jsonl").write_text(content, encoding="utf-8")
    report, _ = evaluate.evaluate(None, BYTES, {**folders_of(data), "mine": mine}, "bird", rows=2)
    assert report[RIGHT_IMAGE]["pointing"]["questions"] == report["novel pairs"]["pointing"]["questions"] == 2
    assert f"{mine / 'val.jsonl'} holds no question, so" in capsys.readouterr().err
    with pytest.raises(ValueError, match="val.jsonl holds no question that could be scored. Put rows"):
        evaluate.evaluate(None, BYTES, {"mine": mine}, "bird", rows=2)


def test_a_report_of_chosen_datasets_is_written_elsewhere(mine, untrained, tmp_path, monkeypatch, capsys):
    """The released nano's scores on your own images leave its folder as it is."""
    monkeypatch.setattr(evaluate, "answer_all", answer_own_alone)
    out = tmp_path / "scores" / "before"
    evaluate.main([f"--weights={untrained}", f"--data={mine.parent}", "--sets=mine", f"--out={out}"])
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert list(report[RIGHT_IMAGE]) == ["mine/pointing"]
    assert (out / "report.png").is_file() and not (untrained / "report.json").exists()
    assert "mine/pointing: F1" in capsys.readouterr().out


def test_mistakes_on_the_command_line_are_explained_in_words(untrained, tmp_path, monkeypatch, capsys):
    def message(*arguments):
        monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(evaluate.__file__, run_name="__main__")
        return end.value.code
    no_model = message(f"--weights={tmp_path / 'nowhere'}")
    assert "holds no trained model, so there is nothing to ask. Train" in no_model
    assert 'val.jsonl is missing, so there is nothing to read. Run "make data"' in message(
        f"--weights={untrained}", f"--data={tmp_path}")
    assert message("--rows=1") == 2 and "--rows: 1 is too small. Try 2 or more" in capsys.readouterr().err
