"""Checkpoints: saved whole or not at all, the same bits back, and clear errors for what does not fit."""
import dataclasses
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from minimolmo import disk
from minimolmo.answer import RELEASED
from minimolmo.disk import write_manifest
from minimolmo.model.molmo import MiniMolmo
from minimolmo.overrides import override, to_dict
from minimolmo.presets import preset
from minimolmo.renamed import SETTINGS
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights.checkpoint import (
    is_finite,
    latest,
    load_config,
    load_tokenizer,
    load_training_state,
    load_weights,
    save_checkpoint,
)
from minimolmo.weights.official import is_official, load_official, read_config, save_official
from minimolmo.weights.safetensors import load, read_header
from train import read_arguments

TOKENIZER = Tokenizer.train(["a red circle, a red square"], vocab=260)
NANO = override(preset("nano"), ["--model.decoder.vocab=260"])


class Tiny(nn.Module):
    """Two tokens of width 2; the head may be tied to the embedding."""

    def __init__(self, tied=True):
        super().__init__()
        self.embedding, self.head = nn.Embedding(2, 2), nn.Linear(2, 2, bias=False)
        if tied:
            self.head.weight = self.embedding.weight


def save(out, step=1, weights=None, optimizer=None, progress=None, before=None) -> Path:
    weights = weights or {"x": torch.full((4,), float(step))}
    progress = progress or {"step": step}
    return save_checkpoint(out, step, weights, NANO, TOKENIZER, optimizer, progress, before)


def train(steps=3):
    """A model and its AdamW after a few steps, with values that are not round."""
    torch.manual_seed(1)
    model = Tiny()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1 / 3, betas=(0.9, 0.95), eps=1e-6)
    for _ in range(steps):
        optimizer.zero_grad()
        model.head(model.embedding(torch.tensor([0, 1]))).square().sum().backward()
        optimizer.step()
    return model, optimizer


def assert_equal_deep(a, b):
    """Equal to the last bit, type by type, however deep."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_equal_deep(a[key], b[key])
    elif isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype and torch.equal(a, b)
    else:
        assert a == b


def test_weights_come_back_bit_for_bit(tmp_path):
    model, _ = train()
    folder = save(tmp_path, weights=model.state_dict())

    fresh = Tiny()
    load_weights(folder, fresh)
    assert_equal_deep(dict(fresh.state_dict()), dict(model.state_dict()))


def test_the_optimizer_comes_back_bit_for_bit(tmp_path):
    """AdamW keeps two moments and a step count for each parameter: tensors, and settings beside them."""
    _, optimizer = train()
    saved, progress = load_training_state(save(tmp_path, optimizer=optimizer.state_dict()))

    assert_equal_deep(saved, optimizer.state_dict())
    assert saved["state"][0].keys() == {"step", "exp_avg", "exp_avg_sq"}
    assert saved["param_groups"][0]["betas"] == (0.9, 0.95)


def test_resumed_training_equals_uninterrupted_training(tmp_path):
    model, optimizer = train(steps=3)
    folder = save(tmp_path, weights=model.state_dict(), optimizer=optimizer.state_dict())

    resumed = Tiny()
    load_weights(folder, resumed)
    again = torch.optim.AdamW(resumed.parameters())
    again.load_state_dict(load_training_state(folder)[0])
    resumed.head(resumed.embedding(torch.tensor([0, 1]))).square().sum().backward()
    again.step()

    assert torch.equal(resumed.head.weight, train(steps=4)[0].head.weight)


def test_an_optimizer_without_moments_is_kept_too(tmp_path):
    optimizer = torch.optim.SGD(Tiny().parameters(), lr=0.1)
    optimizer.zero_grad()
    folder = save(tmp_path, optimizer=optimizer.state_dict())
    assert_equal_deep(load_training_state(folder)[0], optimizer.state_dict())


def test_progress_may_hold_numbers_strings_and_tensors(tmp_path):
    progress = {"stage": "pretrain", "step": 7, "loss": 0.1 + 0.2, "rng_state": torch.get_rng_state()}
    optimizer, back = load_training_state(save(tmp_path, 7, progress=progress))

    assert optimizer is None
    assert_equal_deep(back, progress)


def test_the_config_comes_back_equal(tmp_path):
    config = override(preset("nano"), ["--finetune.steps=20", "--mix.mine=0.5"])
    folder = save_checkpoint(tmp_path, 1, {}, config, TOKENIZER, None, {})
    assert load_config(folder) == config


def test_the_tokenizer_comes_back_with_the_same_vocabulary(tmp_path):
    assert load_tokenizer(save(tmp_path)).encode("a red square") == TOKENIZER.encode("a red square")


def test_tied_weights_are_stored_once_and_loaded_into_both(tmp_path):
    model = Tiny(tied=True)
    folder = save(tmp_path, weights=model.state_dict())
    assert list(load(folder / "weights.safetensors")) == ["embedding.weight"]

    other = Tiny(tied=True)
    load_weights(folder, other)
    assert other.head.weight is other.embedding.weight
    assert torch.equal(other.head.weight, model.embedding.weight)


def test_all_misfits_are_reported_at_once_and_nothing_is_changed(tmp_path):
    """A tied file, for a model whose head is its own, has an unknown tensor and one of another size."""
    folder = save(tmp_path, weights={"embedding.weight": torch.zeros(2, 3), "unknown": torch.zeros(5)})
    model = Tiny(tied=False)
    before = model.embedding.weight.clone()

    with pytest.raises(ValueError) as error:
        load_weights(folder, model)
    assert "missing     head.weight (2, 2)\n" in str(error.value)
    assert "unexpected  unknown (5,)\n" in str(error.value)
    assert "misshaped   embedding.weight (2, 3), the model's is (2, 2)\n" in str(error.value)
    assert "Try building the model from" in str(error.value)
    assert torch.equal(model.embedding.weight, before)


def test_only_the_newest_two_checkpoints_are_kept(tmp_path):
    for step in (200, 400, 600):
        save(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step-000400", "step-000600"]
    assert latest(tmp_path).name == "step-000600"


def test_leftovers_of_an_interrupted_save_are_removed_and_nothing_else(tmp_path):
    """A folder without our manifest stays, and so does a checkpoint copied here or renamed by hand."""
    mine = {"step-000100.tmp", "step-000150", "samples", "step-000150-best"}
    for name in mine:
        (tmp_path / name).mkdir()
    write_manifest(tmp_path / "step-000100.tmp", "unfinished checkpoint", step=100, out="elsewhere", name="x")
    shutil.copytree(save(tmp_path / "other", 7), tmp_path / "step-000007")
    leftover = tmp_path / "step-000120.tmp"
    leftover.mkdir()
    write_manifest(leftover, "unfinished checkpoint", step=120, out=str(tmp_path), name="step-000120")
    for step in (200, 300, 400):
        save(tmp_path, step)
    assert {path.name for path in tmp_path.iterdir()} == mine | {
        "latest", "other", "step-000007", "step-000300", "step-000400"}


@pytest.mark.parametrize("added", ["notes.txt", "eval/scores.json"])
def test_a_checkpoint_with_something_of_yours_in_it_stays(tmp_path, added):
    path = save(tmp_path, 1) / added
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    for step in (2, 3, 4, 5):
        save(tmp_path, step)
    assert path.read_text(encoding="utf-8") == "mine"
    assert sorted(folder.name[-1] for folder in tmp_path.glob("step-*")) == ["1", "4", "5"]


@pytest.mark.parametrize("settled", [True, False])
def test_a_checkpoint_with_a_file_that_you_edited_stays(tmp_path, settled):
    """A file that was only touched, or copied, is read to see it; one that is missing is nobody's work."""
    edited, touched = save(tmp_path, 1), save(tmp_path, 2)
    if not settled:  # as in checkpoints of earlier versions, which have no time
        path = edited / "manifest.json"
        path.write_text(path.read_text(encoding="utf-8").replace("written", "w"), encoding="utf-8")
    (edited / "config.json").write_text("{}", encoding="utf-8")
    (touched / "config.json").touch()
    (save(tmp_path, 3) / "weights.safetensors").unlink()
    save(tmp_path, 4), save(tmp_path, 5)
    assert sorted(folder.name[-1] for folder in tmp_path.glob("step-*")) == ["1", "4", "5"]


def test_a_checkpoint_that_nobody_edited_is_not_read_before_it_is_removed(tmp_path, monkeypatch):
    """Those of large models have many GB."""
    save(tmp_path, 1), save(tmp_path, 2)
    read, really = [], disk._read_sha256
    monkeypatch.setattr(disk, "_read_sha256", lambda path: (read.append(path.parent.name), really(path))[1])
    save(tmp_path, 3)
    assert set(read) == {"step-000003.tmp"} and not (tmp_path / "step-000001").exists()


@pytest.mark.parametrize("text", ["step-000002", "step-000002\nstep-000004", "step-000002\nstep-000001"])
def test_a_newer_checkpoint_than_latest_named_is_never_removed(tmp_path, text):
    """Somebody edited `latest` to go back from step 4 to step 2, and trains past step 4."""
    save(tmp_path, 1), save(tmp_path, 2)
    shutil.copytree(tmp_path / "step-000001", tmp_path / "kept")
    newer = save(tmp_path, 4)
    (tmp_path / "kept").rename(tmp_path / "step-000001")
    (tmp_path / "latest").write_text(text, encoding="utf-8")
    before = latest(tmp_path)
    for step in (3, 4, 5, 6):
        before = save(tmp_path, step, before=before)
    assert assert_complete(newer) == 4 and latest(tmp_path).name == "step-000006"
    assert {path.name for path in tmp_path.glob("step-*")} - {"step-000001"} == {
        "step-000004", "step-000005", "step-000006"}


def test_a_newer_checkpoint_that_latest_does_not_name_is_told_on_resuming(tmp_path, capsys):
    save(tmp_path, 2), save(tmp_path, 4)
    arguments = [f"--out={tmp_path}", "--resume"]
    read_arguments(arguments)
    assert capsys.readouterr().err == ""
    (tmp_path / "latest").write_text("step-000002", encoding="utf-8")
    read_arguments(arguments)
    assert "step-000004 is newer than step-000002 and stays, but `latest` does not name it, so it is not" in (
        capsys.readouterr().err)


def test_killed_just_before_the_first_checkpoint_gets_its_name_training_can_start_anew(tmp_path, monkeypatch):
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: (
        replace(old, new) if Path(new).name[:4] != "step" else (_ for _ in ()).throw(Killed)))
    with pytest.raises(Killed):
        save(tmp_path, 1)
    monkeypatch.undo()
    assert latest(tmp_path) is None
    assert save(tmp_path, 1).name == "step-000001" and not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("emptied", [True, False])
def test_checkpoints_that_latest_does_not_name_are_found(tmp_path, emptied):
    """A checkpoint's folder copied alone, and a `latest` that was emptied by mistake."""
    shutil.copytree(save(tmp_path / "out", 7), tmp_path / "copy" / "step-000007")
    if emptied:
        (tmp_path / "copy" / "latest").touch()
    assert latest(tmp_path / "copy").name == "step-000007"
    save(tmp_path / "copy", 8)
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {"latest", "step-000007", "step-000008"}


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json", "config.json",
                                  "tokenizer.json"])
def test_one_changed_bit_is_found_and_the_checkpoint_before_is_used(tmp_path, capsys, name):
    save(tmp_path, 1, optimizer=train()[1].state_dict())
    newest = save(tmp_path, 2, optimizer=train()[1].state_dict())
    content = bytearray((newest / name).read_bytes())
    content[-3] ^= 4
    (newest / name).write_bytes(content)

    assert latest(tmp_path).name == "step-000001"
    assert f"{name} is not what was written" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "step-000001")
    with pytest.raises(ValueError, match=f"no checkpoint .* can be used. .*{name} is not what was written"):
        latest(tmp_path)


@pytest.mark.parametrize("text", [None, "", "step-000007"])
def test_a_failed_save_keeps_the_checkpoints_that_latest_does_not_name(tmp_path, monkeypatch, text):
    """`latest` is missing, empty, or names one that is gone: what resuming finds, saving keeps."""
    save(tmp_path, 1), save(tmp_path, 2)
    (tmp_path / "latest").unlink()
    if text is not None:
        (tmp_path / "latest").write_text(text, encoding="utf-8")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError):
        save(tmp_path, 3)
    assert latest(tmp_path).name == "step-000002" and assert_complete(tmp_path / "step-000001") == 1


def test_the_checkpoint_that_training_went_on_from_is_kept(tmp_path):
    """Step 2 is damaged, so training goes on from step 1 and saves step 3; then step 3 is damaged too.

    Step 2 stays: the damage may be somebody's work.
    """
    save(tmp_path, 1), save(tmp_path, 2)
    (tmp_path / "step-000002" / "weights.safetensors").write_bytes(b"damage")
    newest = save(tmp_path, 3, before=latest(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"latest", "step-000001", "step-000002",
                                                          "step-000003"}
    assert (tmp_path / "latest").read_text(encoding="utf-8").split() == ["step-000003", "step-000001"]
    (newest / "weights.safetensors").write_bytes(b"damage")
    assert latest(tmp_path).name == "step-000001"


def test_a_checkpoint_under_another_steps_name_is_refused(tmp_path):
    save(tmp_path, 1).rename(tmp_path / "step-000009")
    (tmp_path / "latest").write_text("step-000009", encoding="utf-8")
    with pytest.raises(ValueError, match="of step 1 by its manifest.json.*Try the name step-000001"):
        latest(tmp_path)


@pytest.mark.parametrize("line", ["../other/step-000008", "{out}/../other/step-000008", ".", "x" * 5000,
                                  "step-" + "8" * 5000, "step-000008.tmp", "\xff\x00\x80"])
def test_a_latest_that_leads_elsewhere_does_not_count(tmp_path, line):
    """The only checkpoint of this run is used, and not another run's."""
    save(tmp_path / "other", 8), save(tmp_path / "out", 3)
    text = line.format(out=tmp_path / "out")
    (tmp_path / "out" / "latest").write_bytes(text.encode("latin-1"))
    assert latest(tmp_path / "out") == tmp_path / "out" / "step-000003"


def test_with_an_unreadable_latest_the_newest_is_kept_until_the_next_is_complete(tmp_path, monkeypatch):
    save(tmp_path, 2), save(tmp_path, 3)
    (tmp_path / "latest").write_bytes(b"\xff")
    with monkeypatch.context() as patch:
        patch.setattr(TOKENIZER, "save", _fail_at(TOKENIZER.save, itertools.count(), 0))
        with pytest.raises(Killed):
            save(tmp_path, 4)
    assert latest(tmp_path).name == "step-000003"
    save(tmp_path, 4)
    assert [path.name for path in sorted(tmp_path.glob("step-*"))] == ["step-000003", "step-000004"]


def test_a_latest_that_is_a_folder_is_refused(tmp_path):
    (tmp_path / "latest").mkdir()
    with pytest.raises(ValueError, match="latest is a folder, where the list.*Move it away, or try"):
        latest(tmp_path)


@pytest.mark.parametrize("manifest", ["", "{", "[]", "{}", '{"sha256": {}}', '{"sha256": []}', "[" * 50_000])
def test_a_broken_manifest_is_damage_and_the_checkpoint_before_is_used(tmp_path, capsys, manifest):
    save(tmp_path, 1), save(tmp_path, 2)
    (tmp_path / "step-000002" / "manifest.json").write_text(manifest, encoding="utf-8")
    assert latest(tmp_path).name == "step-000001"
    assert "manifest.json does not name the checkpoint's files" in capsys.readouterr().err
    (tmp_path / "step-000002" / "manifest.json").unlink()  # as in checkpoints of earlier versions
    assert latest(tmp_path).name == "step-000002"


@pytest.mark.parametrize("path, value, fault", [
    ("progress", {}, "has the step 'None', which is no whole number"),
    ("progress.step", "8", "has the step '8'"),
    ("progress.step", 7.5, "has the step '7.5'"),
    ("progress.step", None, "has the step 'None'"),
    ("progress.step", True, "has the step 'True'"),
    ("progress.step", -5, "has the step '-5'"),
    ("progress.step", 10 ** 9, "is of step 1000000000, and its folder is named after step 8"),
    ("progress.digests", [], "has digests that do not name files"),
    ("progress.digests", {"a": 1}, "has digests that do not name files"),
    ("groups", {}, "lacks the progress, the state or the groups"),
    ("groups", [], "has groups that do not list their parameters"),
    ("groups", [3], "has groups that do not list their parameters"),
    ("state", {}, "has no place for the tensor 0.exp_avg of optimizer.safetensors"),
    ("state.0", [], "has a state that is not numbered by parameter"),
    ("state.first", {}, "has a state that is not numbered by parameter"),
])
def test_a_state_that_cannot_be_ours_is_refused_in_words(tmp_path, path, value, fault):
    """Without a manifest, as in checkpoints of earlier versions, nothing else finds it."""
    folder = save(tmp_path, 8, optimizer=train()[1].state_dict(), progress={"step": 8, "digests": {}})
    (folder / "manifest.json").unlink()
    saved = node = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    *groups, key = path.split(".")
    for group in groups:
        node = node[group]
    node[key] = value
    (folder / "state.json").write_text(json.dumps(saved), encoding="utf-8")
    with pytest.raises(ValueError, match=f"state.json {fault}.*cannot go on from it. Try an older"):
        load_training_state(folder)


@pytest.mark.parametrize("values, finite", [
    ([1.0, -2.0], True), ([], True), ([3e38, 3e38], True), ([3e38, 3e38, float("nan")], False),
    ([0.0, float("inf")], False), ([float("inf"), -float("inf")], False), ([float("nan"), 1.0], False)])
def test_weights_are_finite_if_every_value_is_even_where_their_sum_overflows(values, finite):
    assert all(is_finite(torch.tensor(values, dtype=dtype)) == finite
               for dtype in (torch.float32, torch.bfloat16))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, value):
    weights = Tiny().state_dict()
    weights["embedding.weight"][0, 0] = value
    with pytest.raises(ValueError, match="not finite, the first in embedding.weight.*Try an earlier"):
        load_weights(save(tmp_path, weights=weights), Tiny())


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    config = override(preset("nano"), ["--model.decoder.vocab=300"])
    folder = save_checkpoint(tmp_path, 1, {}, config, TOKENIZER, None, {})
    with pytest.raises(ValueError, match="vocab=260 and a model with vocab=300.*Try the tokenizer"):
        load_tokenizer(folder)


def test_saving_a_step_twice_never_overwrites_the_good_one(tmp_path):
    first, second = save(tmp_path, 5), save(tmp_path, 5)
    assert first.is_dir() and second.is_dir() and first != second
    assert latest(tmp_path) == second


class Killed(BaseException):
    """Stands for kill -9: no handler of ours catches it."""


def test_stopped_before_any_file_operation_the_latest_checkpoint_is_complete(tmp_path, monkeypatch):
    """Each rename, removal, new folder and flush of a save fails in turn."""
    operations = [(os, "replace"), (os, "fsync"), (shutil, "rmtree"), (Path, "mkdir")]
    for fatal in itertools.count():
        out = tmp_path / str(fatal)
        for step in (1, 2, 3):
            save(out, step)
        clock = itertools.count()
        with monkeypatch.context() as patch:
            for module, name in operations:
                patch.setattr(module, name, _fail_at(getattr(module, name), clock, fatal))
            try:
                save(out, 4)
                break
            except Killed:
                pass
        survivor = latest(out)
        assert assert_complete(survivor) in (3, 4)
        resumed = save(out, 4)
        assert assert_complete(latest(out)) == 4
        assert {path.name for path in out.iterdir()} == {"latest", survivor.name, resumed.name}
    assert fatal >= 10  # so the list above did catch what a save does


def _fail_at(operation, clock, fatal):
    def operate(*args, **kwargs):
        if next(clock) == fatal:
            raise Killed
        return operation(*args, **kwargs)
    return operate


def assert_complete(folder) -> int:
    """Every file exists and all are of the same step, which is returned."""
    step = load_training_state(folder)[1]["step"]
    assert load(folder / "weights.safetensors")["x"].unique().tolist() == [step]
    assert load_config(folder) == NANO
    assert (folder / "tokenizer.json").is_file()
    return step


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_kill_9_while_saving_leaves_a_complete_checkpoint(tmp_path):
    """A process saves without pause, 4 MB each time, and is killed at a random moment."""
    script = ("import sys, torch; from tests.test_checkpoint import save\n"
              "for step in range(1, 10**6):\n"
              "    save(sys.argv[1], step, {'x': torch.full((10**6,), float(step))})")
    saver = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=Path(__file__).parents[1])
    while latest(tmp_path) is None and saver.poll() is None:
        time.sleep(0.01)
    time.sleep(random.random() / 5)
    saver.kill()  # SIGKILL: no chance to tidy up
    saver.wait()

    assert assert_complete(latest(tmp_path)) >= 1


def test_before_the_first_save_there_is_no_latest(tmp_path):
    assert latest(tmp_path) is None
    assert latest(tmp_path / "nowhere") is None


def test_if_the_newest_folder_was_removed_the_one_before_it_is_used(tmp_path):
    save(tmp_path, 1), save(tmp_path, 2)
    shutil.rmtree(tmp_path / "step-000002")
    assert latest(tmp_path).name == "step-000001"

    shutil.rmtree(tmp_path / "step-000001")
    with pytest.raises(ValueError, match="no such folder exists any more. Try"):
        latest(tmp_path)


@pytest.mark.parametrize("name, read", [
    ("weights.safetensors", lambda folder: load_weights(folder, Tiny())),
    ("config.json", load_config),
    ("tokenizer.json", load_tokenizer),
    ("optimizer.safetensors", load_training_state),
    ("state.json", load_training_state),
])
def test_an_incomplete_folder_is_refused_with_the_missing_file(tmp_path, name, read):
    folder = save(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"{name} is missing, so .* is no complete checkpoint. Try"):
        read(folder)


@pytest.mark.parametrize("text, fault", [("{", "is not JSON"), ("[]", "holds a list, where a JSON object")])
def test_a_corrupt_config_is_named(tmp_path, text, fault):
    folder = save(tmp_path)
    (folder / "manifest.json").unlink()  # as in checkpoints of earlier versions
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"config.json {fault}.* Try"):
        load_config(folder)


# Settings under the names of earlier versions

def with_old_names(config) -> dict:
    """A config as JSON, with the setting names of earlier versions: `rename_settings` reversed."""
    old = {present: name for name, present in SETTINGS.get(type(config).__name__, {}).items()}
    return {old.get(name, name): with_old_names(value) if dataclasses.is_dataclass(value) else value
            for name, value in vars(config).items()}


def test_a_checkpoint_with_old_names_of_settings_loads_as_the_same(tmp_path):
    """The released nano, its config.json with present and with old names (then no manifest)."""
    folder = shutil.copytree(RELEASED, tmp_path / "nano", ignore=shutil.ignore_patterns("manifest.json"))
    text = json.dumps(with_old_names(load_config(RELEASED)), indent=1)
    (folder / "config.json").write_text(text, encoding="utf-8")
    assert all(f'"{name}":' in text for name in ("grow", "captions", "mixture", "rates", "taps", "extra"))

    config = load_config(folder)
    assert config == load_config(RELEASED)
    old, present = MiniMolmo(config.model), MiniMolmo(config.model)
    load_weights(folder, old)
    load_weights(RELEASED, present)
    assert_equal_deep(dict(old.state_dict()), dict(present.state_dict()))


def test_an_official_export_with_old_names_of_settings_loads_as_the_same(tmp_path):
    config = preset("nano").model
    torch.manual_seed(0)
    model, loaded = MiniMolmo(config), MiniMolmo(config)
    save_official(tmp_path, model)
    values = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    old = with_old_names(config)
    assert "taps" in old["vision"] and "feature_layers" in values["minimolmo"]["vision"]
    (tmp_path / "config.json").write_text(json.dumps({**values, "minimolmo": old}), encoding="utf-8")

    assert is_official(tmp_path) and read_config(tmp_path) == config
    load_official(tmp_path, loaded)
    assert_equal_deep(dict(loaded.state_dict()), dict(model.state_dict()))


def test_the_released_nano_has_the_present_names_of_settings():
    saved = json.loads((RELEASED / "config.json").read_text(encoding="utf-8"))
    assert saved == json.loads(json.dumps(to_dict(load_config(RELEASED))))


def test_no_file_of_a_checkpoint_is_a_pickle(tmp_path):
    _, optimizer = train()
    folder = save(tmp_path, optimizer=optimizer.state_dict())
    for path in folder.iterdir():
        read_header(path) if path.suffix == ".safetensors" else path.read_text(encoding="ascii")
