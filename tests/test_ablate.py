"""What each idea buys: every variant trains, differs as it says, and leaves no trace."""
import json
import math

import pytest
import torch

import ablate
from minimolmo import checkpoint, optim
from minimolmo.config import override
from minimolmo.presets import preset
from minimolmo.flow import Annotation
from minimolmo.score import read_count
from minimolmo.text.points import parse_points, points_to_text
from minimolmo.text.prompts import answer_text
from test_train import TINY, data  # noqa: F401

STEPS = ["--grow.steps=1", "--grow.batch=4", "--captions.steps=2", "--captions.batch=4", "--mixture.steps=2",
         "--mixture.batch=4", *ablate.in_view("ground")]
COMMAND = ["--preset=nano", "--seeds=1", *TINY, *STEPS]
CATS = Annotation("point_count", label="cats", points=((10.0, 20.0), (30.0, 40.0), (50.0, 5.0), (70.0, 60.0)))


@pytest.fixture(autouse=True)
def no_samples(monkeypatch):
    """A run of two steps has nothing to show."""
    monkeypatch.setattr(ablate.train, "show_progress", lambda run: None)


@pytest.fixture(scope="module")
def base():
    return override(preset("nano"), [*TINY, *STEPS])


@pytest.mark.parametrize("name", [name for name, variant in ablate.VARIANTS.items()
                                  if not variant.view and name != "one annotation each"])
def test_every_variant_trains(name, base, data, tmp_path):  # noqa: F811
    variant = ablate.VARIANTS[name]
    with ablate.patched(variant):
        ablate.train_one(ablate.config_of(base, variant, 1), variant, tmp_path, data, math.inf, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines].count("mixture") == (4 if "straight" in name else 2)
    assert all(math.isfinite(line["total"]) for line in lines)


def test_a_comparison_is_resumable_and_ends_in_a_table(data, tmp_path, capsys, monkeypatch):  # noqa: F811
    """Three variants, one seed; the second time nothing is trained."""
    arguments = [*COMMAND, "--rows=2", f"--out={tmp_path}", f"--data={data}",
                 "--only=close-up when answering,one annotation each"]
    ablate.main(arguments)
    shown = capsys.readouterr().out
    monkeypatch.setattr(ablate.train, "train", None)
    ablate.main(arguments)
    assert capsys.readouterr().out.splitlines()[-5:] == shown.splitlines()[-5:]
    assert "3 of 3 runs done" in shown and "| one annotation each | 1 |" in shown
    assert (tmp_path / "ablate.png").is_file() and (tmp_path / "ablate.json").is_file()
    assert checkpoint.load_config(checkpoint.latest(tmp_path / "one-annotation-each-s1")).mixture.steps >= 1


def test_when_the_minutes_are_over_the_rest_waits(data, tmp_path, capsys):  # noqa: F811
    ablate.main([*COMMAND, "--minutes=0", f"--out={tmp_path}", f"--data={data}"])
    assert "0 of 16 runs done; the same command goes on" in capsys.readouterr().out


def test_patches_are_gone_when_a_variant_is_done():
    before = optim.clip
    with ablate.patched(ablate.VARIANTS["clipped globally"]):
        assert optim.clip is ablate.clip_globally
    assert optim.clip is before


def test_unordered_points_are_the_same_points_in_another_order_and_the_same_one_each_time():
    ordered = points_to_text(list(CATS.points), "cats", "cats")
    shuffled = ablate.unordered(list(CATS.points), "cats", "cats")
    assert parse_points(shuffled) != parse_points(ordered) == sorted(CATS.points)
    assert sorted(parse_points(shuffled)) == sorted(CATS.points)
    assert shuffled == ablate.unordered(list(reversed(CATS.points)), "cats", "cats")


def test_whatever_comes_first_points_or_number_the_count_is_read():
    for say in (answer_text, ablate.count_only, ablate.count_then_point):
        assert read_count(say(CATS)) == 4
        assert read_count(say(Annotation("point_count", label="cats"))) == 0
    assert not parse_points(ablate.count_only(CATS))
    assert len(parse_points(ablate.count_then_point(CATS))) == 4


def test_global_clipping_lets_a_loud_part_quieten_the_others():
    """Gradients of norm 30 and 40: together 50, cut to 1; per part both would be 1."""
    parts = {name: [torch.nn.Parameter(torch.zeros(1))] for name in optim.PARTS}
    for name, gradient in zip(optim.PARTS, (30.0, 40.0, 0.0)):
        parts[name][0].grad = torch.tensor([gradient])
    norms = ablate.clip_globally(optim.make_optimizer(parts, 0.0), 1.0)
    assert norms == pytest.approx([50.0] * 3)
    assert [float(parts[name][0].grad) for name in optim.PARTS] == pytest.approx([0.6, 0.8, 0.0], abs=1e-4)


def test_a_direction_agrees_only_if_it_is_larger_than_the_spread_of_the_seeds():
    def found(*scores):
        return [dict.fromkeys(ablate.SCORES, score) for score in scores]
    results = {"base": found(0.80, 0.82), "no overlap": found(0.70, 0.71), "stacking": found(0.80, 0.81),
               "clipped globally": found(0.90, 0.91), "mean pooling": found(0.5, 0.5)}
    verdicts = {line["variant"]: line["agrees"] for line in ablate.summarise(results)}
    assert verdicts == {"base": "-", "no overlap": "yes", "stacking": "too close", "clipped globally": "no",
                        "mean pooling": "-"}
