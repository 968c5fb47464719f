"""Campaigns on checkpoints, rows, tokenizers and full disks: see faults.py, which runs them."""
from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import torch

from minimolmo import disk
from minimolmo.answer import RELEASED
from minimolmo.batch.dataset import Dataset
from minimolmo.config import (
    ConnectorConfig,
    DecoderConfig,
    ImageConfig,
    MolmoConfig,
    RunConfig,
    VisionConfig,
)
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text.hf_tokenizer import read_tokenizer
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights import checkpoint
from tools.faults import ROOT, campaign, damage, failure_of

TINY = MolmoConfig(
    ImageConfig(crop_size=16, patch_size=8, margins=(0, 0), pool=2),
    VisionConfig(width=8, layers=2, heads=2, mlp=8), ConnectorConfig(width=8, heads=2, mlp=8),
    DecoderConfig(width=8, layers=1, heads=2, kv_heads=1, mlp=8, vocab=257))


class Silent(Exception):
    """Damage that nothing reported: what was read is not what was written."""


# Checkpoints

def save_tiny(out: Path, step: int) -> None:
    """A checkpoint of a tiny model whose weights are those of seed `step`, with AdamW's moments."""
    torch.manual_seed(step)
    model = MiniMolmo(TINY)
    optimizer = torch.optim.AdamW(model.parameters())
    sum(weight.square().sum() for weight in model.parameters()).backward()
    optimizer.step()
    checkpoint.save_checkpoint(out, step, model.state_dict(), RunConfig(model=TINY), Tokenizer([], 257),
                               optimizer.state_dict(), {"step": step})


def read_tiny(folder: Path) -> str:
    """Everything in a checkpoint as one string: if any bit of it differs, so does the string."""
    model = MiniMolmo(checkpoint.load_config(folder).model)
    checkpoint.load_weights(folder, model)
    state, progress = checkpoint.load_training_state(folder)
    tensors = [*model.state_dict().values(), *(t for each in state["state"].values() for t in each.values())]
    bits = [hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for tensor in tensors]
    merges = checkpoint.load_tokenizer(folder).merges
    return repr((checkpoint.load_config(folder), merges, state["param_groups"], progress, bits))


@campaign()
def mutate_checkpoints(seed: int, count: int) -> list[str]:
    """Damage the newest of two checkpoints: it must be reported, or all that is read is as written."""
    rng, failures = random.Random(seed), []
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
        out = Path(name)
        save_tiny(out, 1), save_tiny(out, 2)
        expected = {each: read_tiny(out / each) for each in ("step-000001", "step-000002")}
        files = sorted((out / "step-000002").iterdir())
        for number in range(count):
            path = files[number % len(files)]
            content = path.read_bytes()
            damaged, done = damage(content, rng)
            path.write_bytes(damaged)
            failures.append(failure_of(lambda: _read_as_expected(out, expected),
                                       f"{path.name}, {done} ({number})"))
            path.write_bytes(content)
    return [failure for failure in failures if failure]


def _read_as_expected(out: Path, expected: dict[str, str]) -> None:
    for folder in (checkpoint.latest(out), out / "step-000002"):
        if read_tiny(folder) != expected[folder.name]:
            raise Silent(folder.name)


# Rows and tokenizers

ROW = {"image": "a.png", "annotations": [
    {"style": "pointing", "label": "red cats", "points": [[61.5, 40.4], [3, 99.9]]},
    {"style": "user_qa", "question": "Who is it?", "answer": "A cat."},
    {"style": "count", "label": "cats", "answer": "2"}],
    "things": [{"kind": "cat", "color": "red", "x": 61.5, "y": 40.4, "width": 10, "height": 8}]}


@campaign()
def mutate_rows(seed: int, count: int) -> list[str]:
    """Read damaged rows: each must become an Example, or raise a ValueError with a full sentence."""
    rng, failures = random.Random(seed), []
    with tempfile.TemporaryDirectory() as name:
        for number in range(count):
            damaged, done = damage(json.dumps(ROW).encode(), rng)
            (Path(name) / "train.jsonl").write_bytes(damaged)
            failures.append(failure_of(lambda: _read_all(Path(name)), f"row, {done} ({number})"))
    return [failure for failure in failures if failure]


def _read_all(folder: Path) -> None:
    dataset = Dataset(folder, "train")
    for row in range(len(dataset)):
        dataset[row]


@campaign()
def mutate_tokenizers(seed: int, count: int) -> list[str]:
    """Read damaged tokenizer files: each must encode and decode text, or raise a ValueError in sentences."""
    rng, failures = random.Random(seed), []
    sources = [(ROOT / "tests/golden/tiny_tokenizer.json").read_bytes(),
               (RELEASED / "tokenizer.json").read_bytes()]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "tokenizer.json"
        for number in range(count):
            damaged, done = damage(sources[number % 2], rng)
            path.write_bytes(damaged)
            failures.append(failure_of(lambda: read_tokenizer(path).decode(
                read_tokenizer(path).encode("two red cats")), f"tokenizer, {done} ({number})"))
    return [failure for failure in failures if failure]


# A full disk

@contextlib.contextmanager
def full_after(num_writes: int) -> Iterator[None]:
    """In the block, `minimolmo.disk` can write `num_writes` times; then its disk is full."""
    left = [num_writes]

    def opened(path, mode="r", *options, **more):
        file = open(path, mode, *options, **more)
        return _FullFile(file, left) if "w" in mode else file
    with mock.patch.object(disk, "open", opened, create=True):
        yield


class _FullFile:
    """A file whose writes fail when there is no room left."""

    def __init__(self, file, left: list[int]):
        self.file, self.left = file, left

    def write(self, data) -> int:
        self.left[0] -= 1
        if self.left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)

    def __getattr__(self, name: str):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


@campaign(cost=10)
def full_disks(seed: int, count: int) -> list[str]:
    """A disk that is full at a random write of a checkpoint: the one before it stays whole.

    Every second save begins without the file `latest`, or with an empty one.
    """
    rng, failures = random.Random(seed), []
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
        out = Path(name) / "run"
        save_tiny(out, 1)
        expected = read_tiny(out / "step-000001")
        for number in range(count):
            writes, without = rng.randrange(60), number % 2 == 1
            if without:
                (out / "latest").unlink()
                (out / "latest").touch() if rng.random() < 0.5 else None
            with full_after(writes):
                failures.append(failure_of(lambda: _as_words(lambda: save_tiny(out, 2)),
                                           f"save, write {writes}"))
            if not checkpoint.latest(out) or not _reads_as(out / "step-000001", expected):
                failures.append(f"write {writes}{', no latest' * without}: the checkpoint before it is lost")
                break
            for folder in out.glob("step-000002*"):
                shutil.rmtree(folder)
            (out / "latest").write_text("step-000001", encoding="utf-8")
    return [failure for failure in failures if failure]


def _reads_as(folder: Path, expected: str) -> bool:
    try:
        return read_tiny(folder) == expected
    except ValueError:
        return False


def _as_words(action: Callable[[], None]) -> None:
    """Run an action and ignore OSError: for a full disk, the command line turns it into a message."""
    with contextlib.suppress(OSError):
        action()
