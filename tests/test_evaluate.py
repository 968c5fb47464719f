"""Scores checked by hand, and the three columns: right image, blank image, another image."""
import json
import random
import runpy
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from PIL import Image

from data.ask_model_anything import prepare as ask_model_anything
from data.cap import prepare as cap
from data.count import prepare as count
from data.generate import annotation_to_json
from data.points import prepare as points
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
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights.checkpoint import save_checkpoint

EASY = get_level("easy")
BYTES = Tokenizer([], 257)  # a letter, a token


def count_of(number: int, image: str) -> EvalItem:
    annotation = Annotation("count", label="cat", answer=str(number))
    return EvalItem("test", Example(Path(image), (annotation,), name=f"{image}:1"), annotation, "?")


@pytest.mark.parametrize("questions", [2, 3, 8, 9])
def test_the_other_image_is_never_a_questions_own(questions):
    """Even when one picture was asked about twice, or in most of the questions."""
    for pictures in (questions, 2):
        some = [count_of(0, f"{i % pictures}.png") for i in range(questions)]
        assert all(path != a.example.image for path, a in zip(mismatched_images(some), some, strict=True))
    mostly = [count_of(0, "a.png")] * (questions - 1) + [count_of(0, "b.png")]
    assert all(path != a.example.image for path, a in zip(mismatched_images(mostly), mostly))


def test_every_image_is_some_questions_other_image():
    """Half a list away: no image is used more often than another."""
    some = [count_of(0, f"{i}.png") for i in range(9)]
    assert sorted(mismatched_images(some)) == [a.example.image for a in some]


def test_a_single_image_has_no_other_image():
    with pytest.raises(ValueError, match=r"a\.png:1: no other image has a count question, so .* Add one"):
        mismatched_images([count_of(1, "a.png"), count_of(2, "a.png")])


def test_each_column_shows_its_image(tmp_path, monkeypatch):
    """Three pictures, all red, all green, all blue; the model is asked about exactly these."""
    colors, some, shown = {"r": (255, 0, 0), "g": (0, 255, 0), "b": (0, 0, 255)}, [], []
    for height, (name, color) in enumerate(colors.items(), start=1):
        Image.new("RGB", (4, height), color).save(tmp_path / f"{name}.png")
        some.append(count_of(1, str(tmp_path / f"{name}.png")))

    def remember(model, tokenizer, images, questions, view, max_new_tokens):
        shown.extend(tuple(image[0, 0].tolist()) for image in images)
        assert all((image == image[0, 0]).all() for image in images)
        return [Answer("1", [])] * len(images)

    monkeypatch.setattr(evaluate, "ask", remember)
    monkeypatch.setattr(evaluate, "BATCH_SIZE", 2)  # the other image may be in another batch
    for column in (RIGHT_IMAGE, BLANK_IMAGE, OTHER_IMAGE):
        some = answer_all(None, BYTES, some, column, "bird")
    red, green, blue = colors.values()
    assert shown[:3] == [red, green, blue]
    assert shown[3:6] == [(255, 255, 255)] * 3
    assert shown[6:] == [green, blue, red]
    assert [item.aspect for item in some] == [4, 2, 4 / 3]  # its own image's: the target's points are there


def test_an_answer_may_be_a_quarter_longer_than_the_longest_target():
    """In letters here: " 12" has three, a caption of 400 letters 401."""
    counts = [count_of(1, "a.png"), count_of(12, "b.png")]
    assert evaluate.max_answer_tokens(BYTES, counts) == 3 + evaluate.EXTRA_TOKENS
    long = Annotation("long_caption", answer="a" * 400)
    item = EvalItem("test", Example(Path(), (long,)), long, "?")
    assert evaluate.max_answer_tokens(BYTES, [item, count_of(1, "a.png")]) == 501 + evaluate.EXTRA_TOKENS


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """A little mini-PixMo: four sets with six val rows each, and two of novel pairs."""
    folder = tmp_path_factory.mktemp("data")
    for prepare in (points, count, ask_model_anything, cap):
        place = folder / prepare.__name__.split(".")[1] / "easy"
        (place / "images").mkdir(parents=True)
        for split, rows in (("val", 6), ("novel", 2)):
            write(place, split,
                  [prepare.make_example(EASY, split, random.Random(seed)) for seed in range(rows)])
    return folder


def write(place: Path, split: str, composed: list):
    rows = []
    for number, (scene, annotations) in enumerate(composed):
        scene.draw().save(place / "images" / f"{split}{number}.png")
        rows.append({
            "image": f"images/{split}{number}.png",
            "annotations": [annotation_to_json(a) for a in annotations],
            "things": [vars(thing) for thing in scene.things]
        })
    (place / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def folders_of(drawn: Path) -> dict[str, Path]:
    return {name: drawn / name / "easy" for name in ("points", "count", "ask_model_anything", "cap")}


def test_each_row_is_asked_one_question_of_each_style(drawn):
    some = collect_items(folders_of(drawn), "val", rows=4)
    assert Counter(a.annotation.style for a in some) == {
        "pointing": 4, "point_count": 4, "count": 4, "user_qa": 4, "long_caption": 4}
    assert all(a.annotation in a.example.annotations for a in some)


def test_the_same_questions_are_asked_every_time(drawn):
    """In the order of SCORERS, never in that of a Python set, which changes from run to run."""
    every = [Annotation(style, question="?") for style in reversed(evaluate.SCORERS)]
    some = sample_questions("test", [Example(Path(), tuple(every))], [0])
    assert [a.annotation.style for a in some] == list(evaluate.SCORERS)
    assert collect_items(folders_of(drawn), "val", rows=6) == collect_items(folders_of(drawn), "val", rows=6)


def test_the_other_image_of_a_count_is_mostly_one_with_another_number():
    """Twelve questions, numbers 1 2 3 1 2 3 ...: half a list away stands the same, until they are sorted."""
    data = [count_of(1 + i % 3, f"{i}.png").example for i in range(12)]
    some = sorted(sample_questions("test", data, range(12)), key=sort_key)
    number = {a.example.image: a.annotation.answer for a in some}
    assert all(number[path] != a.annotation.answer for path, a in zip(mismatched_images(some), some))


@pytest.fixture
def untrained(tmp_path) -> Path:
    """The folder of a run whose model knows nothing."""
    torch.manual_seed(0)
    model = MolmoConfig(
        ImageConfig(crop_size=16, patch_size=8, margins=(0, 0), pool=2), VisionConfig(16, 2, 2, 16),
        ConnectorConfig(16, 2, 16), DecoderConfig(width=32, layers=1, heads=2, kv_heads=1, mlp=32, vocab=257))
    config = RunConfig(model=model, finetune=StageConfig(steps=1))
    save_checkpoint(tmp_path / "run", 1, MiniMolmo(model).state_dict(), config, Tokenizer([], 257), None, {})
    return tmp_path / "run"


def test_an_untrained_model_scores_nothing_in_any_column(drawn, untrained, monkeypatch, capsys):
    """But where there is nothing to point at: there, pointing nowhere is right, as in Molmo's own scoring."""
    monkeypatch.setattr(evaluate, "max_answer_tokens", lambda *_: 8)
    evaluate.main([f"--weights={untrained}", f"--data={drawn}", "--rows=6"])

    report = json.loads((untrained / "report.json").read_text(encoding="utf-8"))
    assert list(report) == [RIGHT_IMAGE, BLANK_IMAGE, OTHER_IMAGE, "novel pairs"]
    nothing = sum(a.annotation.style == "pointing" and not a.annotation.points
                  for a in collect_items(folders_of(drawn), "val", 6))
    for column in (RIGHT_IMAGE, BLANK_IMAGE, OTHER_IMAGE):
        scores = report[column]
        assert scores["pointing"]["F1"] == pytest.approx(nothing / 6, abs=1e-3)
        assert scores["count"]["accuracy"] == scores["point_count"]["accuracy"] == 0
        assert scores["user_qa"]["exact match"] == scores["long_caption"]["fact F1"] == 0
    assert report["novel pairs"]["count"]["questions"] == 2

    shown = capsys.readouterr().out
    assert "right image   blank image   other image   novel pairs" in shown
    assert "long_caption: fact F1" in shown
    with Image.open(untrained / "report.png") as sheet:
        assert sheet.width > 4 * 200


def test_a_table_has_a_line_for_each_score_and_a_column_for_each_image():
    report = {"right image": {"count": {"questions": 2, "accuracy": 0.5}},
              "blank image": {"count": {"questions": 2}}}
    assert format_table(report).splitlines() == [
        " " * 40 + "   right image   blank image",
        "count: questions".ljust(40) + "             2             2",
        "count: accuracy".ljust(40) + "           0.5           nan"]


def test_a_folder_without_novel_pairs_leaves_that_column_to_the_others(drawn, tmp_path, monkeypatch):
    """A learner's own set in the mix has no novel.jsonl."""
    monkeypatch.setattr(evaluate, "ask", lambda model, tokenizer, images, *_: [Answer("", [])] * len(images))
    scenes = [points.make_example(EASY, "val", random.Random(seed)) for seed in range(3)]
    (tmp_path / "images").mkdir()
    write(tmp_path, "val", scenes)
    report, _ = evaluate.evaluate(None, BYTES, {**folders_of(drawn), "mine": tmp_path}, "bird", rows=2)
    assert report[RIGHT_IMAGE]["pointing"]["questions"] == 4
    assert report["novel pairs"]["pointing"]["questions"] == 2


def test_mistakes_on_the_command_line_are_explained_without_a_traceback(untrained, tmp_path, monkeypatch):
    def said(*arguments):
        monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(evaluate.__file__, run_name="__main__")
        return end.value.code
    no_model = said(f"--weights={tmp_path / 'nowhere'}")
    assert "holds no trained model, so there is nothing to ask. Train" in no_model
    assert 'val.jsonl is missing, so there is nothing to read. Run "make data"' in said(
        f"--weights={untrained}", f"--data={tmp_path}")
    assert "--rows=1 leaves no other image to swap with. Try" in said("--rows=1")
