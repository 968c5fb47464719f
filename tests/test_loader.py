"""Batches from several datasets: batch k depends on the seed and on k only."""
import json
import multiprocessing
import signal
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from minimolmo.batch.dataset import Dataset
from minimolmo.batch.loader import (
    GROUP_STEPS,
    CropCache,
    Loader,
    Preprocessor,
    mix_lengths,
    sampling_weights,
    select_annotations,
)
from minimolmo.command import TORCH_PROBLEMS
from minimolmo.config import ImageConfig
from minimolmo.flow import Annotation, Example
from minimolmo.text.tokenizer import Tokenizer

TINY = ImageConfig(crop_size=16, patch_size=8, margins=(0, 0), pool=2)  # one visual token a crop
PREPROCESSOR = Preprocessor(TINY, Tokenizer([], vocab=300), "finetune", max_crops=0, max_tokens=200)


@pytest.fixture
def folder(tmp_path):
    """Dataset big has 20 rows, small has 5; row i has an answer of i + 1 letters."""
    for name, size in (("big", 20), ("small", 5)):
        (tmp_path / name).mkdir()
        rows = []
        for i in range(size):
            Image.new("RGB", (16, 16), (10 * i, 0, 0)).save(tmp_path / name / f"{i}.png")
            annotations = [{"style": "user_qa", "question": "?", "answer": "a" * (i + 1)},
                           {"style": "pointing", "label": "dot", "points": [[i, i]]}]
            rows.append(json.dumps({"image": f"{i}.png", "annotations": annotations}))
        (tmp_path / name / "train.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


def make_loader(folder, batch_size=8, names=("big", "small"), **options) -> Loader:
    datasets = [Dataset(folder / name, "train") for name in names]
    return Loader(datasets, [1.0] * len(names), PREPROCESSOR, batch_size, options.pop("seed", 1), **options)


def flatten(steps) -> list[dict]:
    """The fields of every micro-batch of some steps."""
    return [vars(micro_batch) for step in steps for micro_batch in step]


def is_equal(first, second) -> bool:
    """Whether all fields are equal, bit for bit."""
    return len(first) == len(second) and all(
        a[key].equal(b[key]) if isinstance(a[key], torch.Tensor) else a[key] == b[key]
        for a, b in zip(first, second) for key in a)


def test_datasets_are_drawn_by_the_square_root_of_their_size():
    """sqrt(400) = 20 and sqrt(100) = 10: two to one, not four to one. A weight can even that out."""
    assert sampling_weights([400, 100], [1.0, 1.0]).tolist() == pytest.approx([2 / 3, 1 / 3])
    assert sampling_weights([400, 100], [1.0, 2.0]).tolist() == pytest.approx([1 / 2, 1 / 2])


def test_batches_keep_to_the_sampling_weights(folder):
    """sqrt(20) : sqrt(5) = 2 : 1, over 8000 rows, so within two percent."""
    loader = make_loader(folder, batch_size=100)
    counts = Counter(dataset.folder.name for group in range(10) for dataset, _ in loader.sample_rows(group))
    assert counts.total() == 10 * GROUP_STEPS * 100
    assert counts["big"] / counts.total() == pytest.approx(2 / 3, abs=0.02)


def test_every_row_of_a_dataset_comes_once_an_epoch(folder):
    """160 draws from 20 rows are eight epochs, each in another order."""
    loader = make_loader(folder, batch_size=20, names=["big"])
    rows = [row for _, row in loader.sample_rows(0)]
    epochs = [rows[i:i + 20] for i in range(0, 160, 20)]
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_an_epoch_continues_from_group_to_group(folder):
    """A group of 8 batches of 3 is 24 rows: the second begins in the middle of an epoch."""
    loader = make_loader(folder, batch_size=3, names=["big"])
    rows = [row for group in range(5) for _, row in loader.sample_rows(group)]
    assert set(Counter(rows).values()) == {6}  # 120 = 6 * 20


def test_a_tiny_dataset_fills_a_large_batch(folder):
    """Five rows, batches of 8: a batch has some rows twice."""
    batch, = next(make_loader(folder, names=["small"]).batches())
    assert len(batch.names) == 8


def test_resuming_at_step_5_gives_the_batches_from_step_5_on(folder):
    loader = make_loader(folder)
    whole = flatten(islice(loader.batches(), 12))
    assert is_equal(flatten(islice(make_loader(folder).batches(start=5), 7)), whole[5:])
    assert is_equal(flatten(islice(loader.batches(start=9), 3)), whole[9:])  # backwards in time


def test_a_stage_ends_after_its_steps(folder):
    assert len(list(make_loader(folder).batches(steps=3))) == 3
    assert len(list(make_loader(folder).batches(start=7, steps=10))) == 3
    assert not list(make_loader(folder).batches(start=10, steps=10))


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(folder, workers):
    alone = flatten(make_loader(folder, batch_size=2).batches(steps=20))
    assert is_equal(flatten(make_loader(folder, batch_size=2).batches(steps=20, workers=workers)), alone)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_data_worker_that_was_killed_is_an_error_that_run_command_knows(folder):
    with pytest.raises(RuntimeError) as error:
        for _ in make_loader(folder, batch_size=2).batches(workers=1):
            for worker in multiprocessing.active_children():
                worker.kill()
    assert any(mark in str(error.value) for mark in TORCH_PROBLEMS)


def test_the_wording_of_a_row_is_drawn_anew_in_each_epoch(folder, monkeypatch):
    """Two groups of 64 rows: all have different random numbers."""
    draws, token_ids = [], Preprocessor.token_ids
    monkeypatch.setattr(Preprocessor, "token_ids", lambda self, example, rng: draws.append(rng.random()) or
                        token_ids(self, example, rng))
    list(make_loader(folder).batches(steps=2 * GROUP_STEPS))
    assert len(set(draws)) == len(draws) == 128


def test_another_seed_gives_other_batches(folder):
    one, other = (flatten(islice(make_loader(folder, seed=seed).batches(), 1)) for seed in (1, 2))
    assert one[0]["names"] != other[0]["names"]


def test_the_batches_of_two_processes_together_are_the_batch_of_one(folder):
    whole = next(make_loader(folder).batches())[0]
    batches = [next(make_loader(folder, rank=rank, world=2).batches())[0] for rank in (0, 1)]
    assert batches[0].names == whole.names[0::2]
    assert batches[1].names == whole.names[1::2]
    total = sum(float(batch.loss_weight.sum()) for batch in batches)
    assert total == pytest.approx(float(whole.loss_weight.sum()))
    for batch, rank in zip(batches, (0, 1)):  # token for token; only the padding differs
        assert torch.equal(batch.ids, whole.ids[rank::2, :batch.ids.shape[1]])


def test_accumulation_cuts_a_batch_into_micro_batches(folder):
    whole, = next(make_loader(folder).batches())
    micro_batches = next(make_loader(folder, accumulate=4).batches())
    assert [len(batch.names) for batch in micro_batches] == [2, 2, 2, 2]
    assert sorted(name for batch in micro_batches for name in batch.names) == sorted(whole.names)


def test_accumulation_and_processes_use_every_row_once(folder):
    whole, = next(make_loader(folder).batches())
    loaders = [make_loader(folder, accumulate=2, rank=rank, world=2) for rank in (0, 1)]
    micro_batches = [batch for loader in loaders for batch in next(loader.batches())]
    assert sorted(name for batch in micro_batches for name in batch.names) == sorted(whole.names)


def test_a_batch_size_that_cannot_be_divided_is_refused(folder):
    message = r"batch_size=8 images cannot .* 3 process.* accumulate=1\. Try batch_size=9"
    with pytest.raises(ValueError, match=message):
        make_loader(folder, world=3)


def test_sequences_in_a_micro_batch_are_of_similar_length(folder):
    """Answers have 1 to 20 letters. A micro-batch is a sixteenth of a sorted group."""
    loader = make_loader(folder, names=["big"], accumulate=2)
    lengths = [(batch.segment_ids >= 0).sum(dim=1)
               for step in islice(loader.batches(), GROUP_STEPS) for batch in step]
    spread = [int(length.max() - length.min()) for length in lengths]
    assert np.mean(spread) < (max(map(max, lengths)) - min(map(min, lengths))) / 3


def test_half_of_a_batch_is_short_and_half_is_long(folder):
    """So a step holds several tasks, which differ in length. Its micro-batches are padded apart."""
    loader = make_loader(folder, names=["big"], accumulate=2)
    steps = [[int((batch.segment_ids >= 0).sum(dim=1).float().mean()) for batch in step]
             for step in islice(loader.batches(), GROUP_STEPS)]
    assert max(short for short, _ in steps) <= min(long for _, long in steps)


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_mixing_lengths_uses_every_example_once(batch_size):
    batches = mix_lengths(list(range(GROUP_STEPS * batch_size)), batch_size)
    assert [len(batch) for batch in batches] == [batch_size] * GROUP_STEPS
    assert sorted(number for batch in batches for number in batch) == list(range(GROUP_STEPS * batch_size))


def test_the_batches_of_a_group_do_not_come_sorted(folder):
    lengths = [batch.ids.shape[1] for batch, in islice(make_loader(folder).batches(), GROUP_STEPS)]
    assert lengths != sorted(lengths)
    assert lengths != sorted(lengths, reverse=True)


EXAMPLE = Example("cat.png", (Annotation("long_caption", answer="A cat."),
                              *(Annotation("transcript", answer=f"um {i}") for i in range(3)),
                              Annotation("user_qa", question="Who?", answer="A cat.")))


def test_pretrain_selects_the_caption_and_one_random_transcript():
    chosen = [select_annotations(EXAMPLE, "pretrain", np.random.default_rng(seed)) for seed in range(30)]
    assert all(sorted(a.style for a in one) == ["long_caption", "transcript"] for one in chosen)
    assert {a.answer for one in chosen for a in one} == {"A cat.", "um 0", "um 1", "um 2"}


def test_finetune_selects_all_but_transcripts_in_random_order():
    chosen = [select_annotations(EXAMPLE, "finetune", np.random.default_rng(seed)) for seed in range(30)]
    orders = {" ".join(a.style for a in one) for one in chosen}
    assert orders == {"long_caption user_qa", "user_qa long_caption"}


def test_bootstrap_selects_no_annotations():
    assert select_annotations(EXAMPLE, "bootstrap", np.random.default_rng(0)) == []


def test_only_finetune_has_root_weights(folder):
    """Two annotations a row: sqrt(1/2) for each answer token."""
    batch, = next(make_loader(folder).batches())
    assert batch.loss_weight[batch.loss_weight > 0].unique().tolist() == pytest.approx([0.5 ** 0.5])


def test_a_broken_picture_is_named_by_its_row(folder):
    (folder / "small" / "3.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"small/train\.jsonl:4: .*3\.png is empty, or not an image"):
        list(make_loader(folder, names=["small"]).batches(steps=8))


def test_the_name_of_a_digit_is_the_digit_as_numbers_have_it():
    """Words have a space before them; "12" and "x=\\"61.5\\"" have digits without one."""
    tokenizer = Tokenizer.train(["the circle is red 7 7 7"] * 9, 300)
    preprocessor = replace(PREPROCESSOR, tokenizer=tokenizer)
    assert tokenizer.decode([preprocessor.first_id("7")]) == "7"
    assert tokenizer.decode([preprocessor.first_id("red")]).startswith(" ")


def test_the_crops_of_a_small_set_are_made_once_and_of_a_large_one_as_far_as_they_fit():
    """Three images of 100 bytes and a limit of 250: two are kept, the third is made each time."""
    made = []

    def make(name):
        made.append(name)
        return SimpleNamespace(patches=np.zeros(100, np.uint8), name=name)

    cache = CropCache(limit=250)
    for _ in range(3):
        for name in "abc":
            assert cache.get(Path(name), lambda: make(name)).name == name
    assert Counter(made) == {"a": 1, "b": 1, "c": 3}
