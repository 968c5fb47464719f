"""Ablations: every variant trains, differs as its name says, and is removed afterwards."""
import json
import math
import weakref
from types import SimpleNamespace

import pytest
import torch
from test_train import TINY, data  # noqa: F401
from tools import ablate

from minimolmo.flow import Annotation
from minimolmo.metrics import parse_count
from minimolmo.model.molmo import MiniMolmo
from minimolmo.model.vit import VisionBlock
from minimolmo.overrides import override
from minimolmo.presets import preset
from minimolmo.text.points import parse_points, points_to_text
from minimolmo.text.prompts import answer_text
from minimolmo.training import compiler, optimizer
from minimolmo.weights import checkpoint

STEPS = ["--bootstrap.steps=1", "--bootstrap.batch_size=4", "--pretrain.steps=2", "--pretrain.batch_size=4",
         "--finetune.steps=2", "--finetune.batch_size=4", *ablate.in_view("ground")]
COMMAND = ["--preset=nano", "--seeds=1", *TINY, *STEPS]
CATS = Annotation("point_count", label="cats", points=((10.0, 20.0), (30.0, 40.0), (50.0, 5.0), (70.0, 60.0)))


@pytest.fixture(autouse=True)
def no_samples(monkeypatch):
    """No samples are drawn: they would take longer than the two steps."""
    monkeypatch.setattr(ablate.train, "save_samples", lambda run: None)


@pytest.fixture(scope="module")
def base():
    return override(preset("nano"), [*TINY, *STEPS])


@pytest.mark.parametrize("name", [name for name, variant in ablate.VARIANTS.items()
                                  if not variant.view and name != "one annotation each"])
def test_every_variant_trains(name, base, data, tmp_path):  # noqa: F811
    variant = ablate.VARIANTS[name]
    with ablate.patched(variant):
        ablate.train_variant(ablate.make_config(base, variant, 1), tmp_path, data, math.inf)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["stage"] for line in lines].count("finetune") == (4 if "straight" in name else 2)
    assert all(math.isfinite(line["loss"]) for line in lines)


def test_a_comparison_is_resumable_and_ends_in_a_table(data, tmp_path, capsys, monkeypatch):  # noqa: F811
    """Three variants, one seed; the second time nothing is trained."""
    arguments = [*COMMAND, "--rows=2", f"--out={tmp_path}", f"--data={data}",
                 "--only=close-up when answering,one annotation each"]
    ablate.main(arguments)
    printed = capsys.readouterr().out
    monkeypatch.setattr(ablate.train, "train", None)
    ablate.main(arguments)
    assert capsys.readouterr().out.splitlines()[-5:] == printed.splitlines()[-5:]
    assert "3 of 3 runs done" in printed and "| one annotation each | 1 |" in printed
    assert (tmp_path / "ablate.png").is_file() and (tmp_path / "ablate.json").is_file()
    assert checkpoint.load_config(checkpoint.latest(tmp_path / "one-annotation-each-s1")).finetune.steps >= 1


def test_when_the_minutes_are_over_no_further_run_starts(data, tmp_path, capsys):  # noqa: F811
    ablate.main([*COMMAND, "--minutes=0", f"--out={tmp_path}", f"--data={data}"])
    printed = capsys.readouterr().out
    assert "the minutes are over; the same command goes on" in printed and "0 of 16 runs done" in printed


def test_results_of_other_settings_are_not_mixed_into_one_table(tmp_path):
    ablate.keep_settings(tmp_path / "a", {"rows": 128})
    ablate.keep_settings(tmp_path / "a", {"rows": 128})
    with pytest.raises(ValueError, match="'rows': 128.* would not compare .*'rows': 256.* Try --out=FOLDER"):
        ablate.keep_settings(tmp_path / "a", {"rows": 256})


def test_one_annotation_each_trains_for_the_seconds_of_the_base(base, tmp_path, monkeypatch):
    """A step of the base takes 3 s and one of the patched variant 2 s: 2 steps become 3."""
    unpatched = ablate.loader.select_annotations
    monkeypatch.setattr(ablate, "seconds_per_step",
                        lambda *_: 3.0 if ablate.loader.select_annotations is unpatched else 2.0)
    variant = ablate.VARIANTS["one annotation each"]
    config = ablate.match_time(base, base, variant, tmp_path, tmp_path)
    assert base.finetune.steps == 2 and config.finetune.steps == 3
    assert ablate.loader.select_annotations is unpatched


def test_seconds_per_step_exclude_data_and_compilation(
        base, data, tmp_path, monkeypatch):  # noqa: F811
    """Making a batch takes 1,000 s, the first step in each of two shapes 100 s, the next 1 s."""
    clock, compiled, batches = [0.0], set(), ablate.loader.Loader.batches

    def slow_batches(loader, *inputs):
        for step in batches(loader, *inputs):
            clock[0] += 1000
            yield step

    def step(_run, _stage, number, _micro_batches):
        clock[0] += 1 if number in compiled else 100
        compiled.add(number)

    monkeypatch.setattr(ablate, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(ablate.loader.Loader, "batches", slow_batches)
    monkeypatch.setattr(ablate.train, "train_step", step)
    assert ablate.seconds_per_step(base, tmp_path, data) == 1.0


def test_patches_are_removed_after_a_variant():
    before = ablate.train.clip_gradients
    with pytest.raises(KeyboardInterrupt), ablate.patched(ablate.VARIANTS["clipped globally"]):
        assert ablate.train.clip_gradients is ablate.clip_globally
        raise KeyboardInterrupt
    assert ablate.train.clip_gradients is before


def test_a_compiled_model_is_freed_before_the_next_variant(base):
    """Blocks and their compiled forwards refer to each other, so reference counting does not free them."""
    num_programs = []
    with ablate.cleanup():
        model = MiniMolmo(base.model)
        compiler.compile_blocks(model, lambda forward, **_: torch.compile(forward, backend="eager"))
        model.vit(torch.zeros(1, base.model.image.side ** 2, 3 * base.model.image.patch_size ** 2))
        num_programs.append(count_cached_programs())
        block = weakref.ref(model.vit.blocks[0])
        del model
        assert block() is not None
    assert block() is None
    assert num_programs == [1] and count_cached_programs() == 0


def count_cached_programs() -> int:
    """The number of compiled programs of the ViT's block."""
    return len(torch._dynamo.eval_frame._debug_get_cache_entry_list(VisionBlock.forward.__code__))


def test_unordered_points_are_the_same_points_in_another_order_and_the_same_one_each_time():
    ordered = points_to_text(list(CATS.points), "cats", "cats")
    shuffled = ablate.unordered(list(CATS.points), "cats", "cats")
    assert parse_points(shuffled) != parse_points(ordered) == sorted(CATS.points)
    assert sorted(parse_points(shuffled)) == sorted(CATS.points)
    assert shuffled == ablate.unordered(list(reversed(CATS.points)), "cats", "cats")


def test_the_count_is_parsed_whether_points_or_number_come_first():
    for make_answer in (answer_text, ablate.count_only, ablate.count_then_point):
        assert parse_count(make_answer(CATS)) == 4
        assert parse_count(make_answer(Annotation("point_count", label="cats"))) == 0
    assert not parse_points(ablate.count_only(CATS))
    assert len(parse_points(ablate.count_then_point(CATS))) == 4


def test_global_clipping_scales_all_parts_by_one_norm():
    """Gradients of norm 30 and 40 have the norm 50 together, clipped to 1. Part by part both would have 1."""
    parts = {name: [torch.nn.Parameter(torch.zeros(1))] for name in optimizer.PARTS}
    for name, gradient in zip(optimizer.PARTS, (30.0, 40.0, 0.0)):
        parts[name][0].grad = torch.tensor([gradient])
    norms = ablate.clip_globally(optimizer.make_optimizer(parts, 0.0), 1.0)
    assert norms == pytest.approx([50.0] * 3)
    gradients = [float(parts[name][0].grad) for name in optimizer.PARTS]
    assert gradients == pytest.approx([0.6, 0.8, 0.0], abs=1e-4)


def test_a_direction_agrees_only_if_it_is_larger_than_the_spread_of_the_seeds():
    def runs(*scores):
        return [dict.fromkeys(ablate.SCORES, score) for score in scores]
    results = {"base": runs(0.80, 0.82), "no overlap": runs(0.70, 0.71), "stacking": runs(0.80, 0.81),
               "clipped globally": runs(0.90, 0.91), "mean pooling": runs(0.5, 0.5),
               "count only": runs(0.815)}
    verdicts = {line["variant"]: line["agrees"] for line in ablate.summarise(results)}
    assert verdicts == {"base": "-", "no overlap": "yes", "stacking": "too close", "clipped globally": "no",
                        "mean pooling": "-", "count only": "too close"}
