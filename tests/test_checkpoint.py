"""Checkpoints: saved whole or not at all, the same bits back, and clear errors for what does not fit."""
import itertools
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

from minimolmo.overrides import override
from minimolmo.presets import preset
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights.checkpoint import (
    latest,
    load_config,
    load_tokenizer,
    load_training_state,
    load_weights,
    save_checkpoint,
)
from minimolmo.weights.safetensors import load, read_header

WORDS = Tokenizer.train(["a red circle, a red square"], vocab=260)


class Tiny(nn.Module):
    """Two words, two numbers each; the head may be the embedding itself."""

    def __init__(self, tied=True):
        super().__init__()
        self.embedding, self.head = nn.Embedding(2, 2), nn.Linear(2, 2, bias=False)
        if tied:
            self.head.weight = self.embedding.weight


def save(out, step=1, weights=None, optimizer=None, progress=None):
    return save_checkpoint(out, step, weights or {"x": torch.full((4,), float(step))}, preset("nano"), WORDS,
                           optimizer, progress or {"step": step})


def trained(steps=3):
    """A model and its AdamW after a few steps on numbers that are nowhere round."""
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
    model, _ = trained()
    folder = save(tmp_path, weights=model.state_dict())

    fresh = Tiny()
    load_weights(folder, fresh)
    assert_equal_deep(dict(fresh.state_dict()), dict(model.state_dict()))


def test_the_optimizer_comes_back_bit_for_bit(tmp_path):
    """AdamW keeps two moments and a step count for each parameter: tensors, and settings beside them."""
    _, optimizer = trained()
    saved, progress = load_training_state(save(tmp_path, optimizer=optimizer.state_dict()))

    assert_equal_deep(saved, optimizer.state_dict())
    assert saved["state"][0].keys() == {"step", "exp_avg", "exp_avg_sq"}
    assert saved["param_groups"][0]["betas"] == (0.9, 0.95)


def test_training_goes_on_as_if_it_had_never_stopped(tmp_path):
    model, optimizer = trained(steps=3)
    folder = save(tmp_path, weights=model.state_dict(), optimizer=optimizer.state_dict())

    resumed = Tiny()
    load_weights(folder, resumed)
    again = torch.optim.AdamW(resumed.parameters())
    again.load_state_dict(load_training_state(folder)[0])
    resumed.head(resumed.embedding(torch.tensor([0, 1]))).square().sum().backward()
    again.step()

    assert torch.equal(resumed.head.weight, trained(steps=4)[0].head.weight)


def test_an_optimizer_without_moments_is_kept_too(tmp_path):
    optimizer = torch.optim.SGD(Tiny().parameters(), lr=0.1)
    optimizer.zero_grad()
    folder = save(tmp_path, optimizer=optimizer.state_dict())
    assert_equal_deep(load_training_state(folder)[0], optimizer.state_dict())


def test_progress_may_hold_numbers_words_and_tensors(tmp_path):
    progress = {"stage": "pretrain", "step": 7, "loss": 0.1 + 0.2, "dice": torch.get_rng_state()}
    optimizer, back = load_training_state(save(tmp_path, progress=progress))

    assert optimizer is None
    assert_equal_deep(back, progress)


def test_the_config_comes_back_equal(tmp_path):
    config = override(preset("nano"), ["--finetune.steps=20", "--mix.mine=0.5"])
    folder = save_checkpoint(tmp_path, 1, {}, config, WORDS, None, {})
    assert load_config(folder) == config


def test_the_tokenizer_comes_back_with_the_same_words(tmp_path):
    assert load_tokenizer(save(tmp_path)).encode("a red square") == WORDS.encode("a red square")


def test_tied_weights_are_stored_once_and_loaded_into_both(tmp_path):
    model = Tiny(tied=True)
    folder = save(tmp_path, weights=model.state_dict())
    assert list(load(folder / "weights.safetensors")) == ["embedding.weight"]

    other = Tiny(tied=True)
    load_weights(folder, other)
    assert other.head.weight is other.embedding.weight
    assert torch.equal(other.head.weight, model.embedding.weight)


def test_all_misfits_are_reported_at_once_and_nothing_is_changed(tmp_path):
    """A tied file, for a model whose head is its own, has a stranger in it and one tensor of another size."""
    folder = save(tmp_path, weights={"embedding.weight": torch.zeros(2, 3), "stranger": torch.zeros(5)})
    model = Tiny(tied=False)
    before = model.embedding.weight.clone()

    with pytest.raises(ValueError) as error:
        load_weights(folder, model)
    assert "missing     head.weight (2, 2)\n" in str(error.value)
    assert "unexpected  stranger (5,)\n" in str(error.value)
    assert "misshaped   embedding.weight (2, 3), the model's is (2, 2)\n" in str(error.value)
    assert "Try building the model from" in str(error.value)
    assert torch.equal(model.embedding.weight, before)


def test_only_the_newest_two_checkpoints_are_kept(tmp_path):
    for step in (200, 400, 600):
        save(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step-000400", "step-000600"]
    assert latest(tmp_path).name == "step-000600"


def test_leftovers_of_an_interrupted_save_are_swept_away(tmp_path):
    (tmp_path / "step-000100.tmp").mkdir()
    (tmp_path / "step-000150").mkdir()
    (tmp_path / "samples").mkdir()
    (tmp_path / "step-000150-best").mkdir()  # somebody's own copy
    save(tmp_path, 200)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "samples", "step-000150-best",
                                                                "step-000200"]


def test_saving_a_step_twice_never_overwrites_the_good_one(tmp_path):
    first, second = save(tmp_path, 5), save(tmp_path, 5)
    assert first.is_dir() and second.is_dir() and first != second
    assert latest(tmp_path) == second


class Killed(BaseException):
    """Stands for kill -9: no handler of ours catches it."""


def test_stopped_before_any_file_operation_the_latest_checkpoint_is_whole(tmp_path, monkeypatch):
    """Of all renames, removals, new folders and flushes of a save, each in turn is never reached."""
    operations = [(os, "replace"), (os, "fsync"), (shutil, "rmtree"), (Path, "mkdir")]
    for fatal in itertools.count():
        out = tmp_path / str(fatal)
        for step in (1, 2, 3):
            save(out, step)
        clock = itertools.count()
        with monkeypatch.context() as patch:
            for place, name in operations:
                patch.setattr(place, name, _fail_at(getattr(place, name), clock, fatal))
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
    """Every part is there and they all tell of the same step, which is returned."""
    step = load_training_state(folder)[1]["step"]
    assert load(folder / "weights.safetensors")["x"].unique().tolist() == [step]
    assert load_config(folder) == preset("nano")
    assert (folder / "tokenizer.json").is_file()
    return step


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_kill_9_while_saving_leaves_a_whole_checkpoint(tmp_path):
    """A process saves without pause, 4 MB each time, and is killed at a moment nobody chose."""
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


def test_if_the_newest_folder_was_taken_away_the_one_before_it_is_used(tmp_path):
    save(tmp_path, 1), save(tmp_path, 2)
    shutil.rmtree(tmp_path / "step-000002")
    assert latest(tmp_path).name == "step-000001"

    shutil.rmtree(tmp_path / "step-000001")
    with pytest.raises(ValueError, match="no such folder is there any more. Try"):
        latest(tmp_path)


@pytest.mark.parametrize("name, read", [
    ("weights.safetensors", lambda folder: load_weights(folder, Tiny())),
    ("config.json", load_config),
    ("tokenizer.json", load_tokenizer),
    ("optimizer.safetensors", load_training_state),
    ("state.json", load_training_state),
])
def test_an_incomplete_folder_says_what_it_lacks(tmp_path, name, read):
    folder = save(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"{name} is missing, so .* is no complete checkpoint. Try"):
        read(folder)


@pytest.mark.parametrize("text, fault", [("{", "is not JSON"), ("[]", "holds a list, where a table")])
def test_a_spoilt_config_is_named(tmp_path, text, fault):
    folder = save(tmp_path)
    (folder / "config.json").write_text(text)
    with pytest.raises(ValueError, match=f"config.json {fault}.* Try"):
        load_config(folder)


def test_no_file_of_a_checkpoint_is_a_pickle(tmp_path):
    _, optimizer = trained()
    folder = save(tmp_path, optimizer=optimizer.state_dict())
    for path in folder.iterdir():
        read_header(path) if path.suffix == ".safetensors" else path.read_text(encoding="ascii")
