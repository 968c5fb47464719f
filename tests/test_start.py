"""Fine-tuning: which weights and settings a run starts from, and what it replays."""
import json
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from minimolmo.config import ConnectorConfig, DecoderConfig, ImageConfig, MolmoConfig, RunConfig, VisionConfig
from minimolmo.model.molmo import MiniMolmo
from minimolmo.overrides import override
from minimolmo.presets import AUGMENT, REPLAY, preset
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.training.checks import check_work
from minimolmo.training.run import Run, make_loader
from minimolmo.training.start import new_config, starting_config
from minimolmo.weights import checkpoint, official

TINY = MolmoConfig(
    ImageConfig(crop_size=16, patch_size=8, margins=(0, 0), pool=2), VisionConfig(16, 2, 2, 16),
    ConnectorConfig(16, 2, 16), DecoderConfig(width=32, layers=1, heads=2, kv_heads=1, mlp=32, vocab=257))
DRAWN = {"points": 0.6, "cap": 0.7}


def write_rows(folder: Path, train: int, val: int = 1) -> None:
    """A dataset whose rows show one picture and answer with their number."""
    (folder / "images").mkdir(parents=True)
    Image.new("RGB", (16, 16), "red").save(folder / "images" / "a.png")
    for split, rows in (("train", train), ("val", val)):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps({"image": "images/a.png", "annotations": [
            {"style": "user_qa", "question": "Which?", "answer": str(row)}]}) + "\n" for row in range(rows)))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two drawn sets of 90 and 40 rows, and an own one of 3 without held-out rows."""
    folder = tmp_path_factory.mktemp("data")
    write_rows(folder / "points" / "easy", 90)
    write_rows(folder / "cap" / "easy", 40)
    write_rows(folder / "mine", 3, val=0)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """The folder of a run of a tiny model, trained on DRAWN and on docs, which is not on disk any more."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    torch.manual_seed(3)
    config = RunConfig(model=TINY, mix={**DRAWN, "docs": 1.5, "clocks": 0.0})
    checkpoint.save_checkpoint(out, 1, MiniMolmo(TINY).state_dict(), config, Tokenizer([], 257), None, {})
    return out


def finetuning(folder: Path, data: Path, *settings: str) -> RunConfig:
    """The settings of `train.py --from=folder ...`."""
    return new_config(starting_config(folder), list(settings), data, folder)


def test_fine_tuning_a_run_learns_what_is_named_and_replays_what_it_was_trained_on(trained, data, capsys):
    config = finetuning(trained, data, "--mix.mine=1")
    assert config.mix == {"mine": 1.0, **DRAWN} and config.replay == REPLAY
    assert "docs cannot be replayed" in capsys.readouterr().err
    assert config.bootstrap.steps == config.pretrain.steps == 0 and not config.has_auxiliary
    assert config.augment == AUGMENT  # tens of photos would be learned by heart
    assert config.name == "nano-finetuned"  # a release's card would call nano trained from scratch


def test_without_replay_the_mix_has_the_named_datasets_alone(trained, data, capsys):
    config = finetuning(trained, data, "--mix.mine=1", "--replay=0")
    assert config.mix == {"mine": 1.0} and not config.replay
    assert not capsys.readouterr().err


def test_drawn_sets_in_the_mix_are_weighed_by_it_unless_replay_is_given(trained, data):
    plain = finetuning(trained, data, "--mix.mine=1", "--mix.cap=0.1")
    assert plain.mix == {"mine": 1.0, "cap": 0.1} and not plain.replay
    named = finetuning(trained, data, "--mix.mine=1", "--mix.cap=0.1", "--replay=0.2")
    assert named.mix == {"mine": 1.0, "cap": 0.1} and named.replay == 0.2


def test_nothing_to_replay_is_said_by_default_and_refused_on_request(trained, data, tmp_path, capsys):
    write_rows(tmp_path / "mine", 3)
    config = finetuning(trained, tmp_path, "--mix.mine=1")
    assert config.mix == {"mine": 1.0} and not config.replay
    assert "no drawn dataset is in" in capsys.readouterr().err
    with pytest.raises(ValueError, match="has none of points, cap, docs at level easy, so .* Draw them with"):
        finetuning(trained, tmp_path, "--mix.mine=1", "--replay=0.5")


def test_molmo_has_no_drawn_sets_to_replay_and_keeps_the_papers_schedule(data, tmp_path):
    official.save_official(tmp_path, MiniMolmo(TINY))
    config = finetuning(tmp_path, data, "--mix.mine=1")
    assert config.mix == {"mine": 1.0} and not config.replay
    assert config.finetune == preset("molmo_7b_d").finetune
    with pytest.raises(ValueError, match="not trained on drawn datasets, so there is nothing to replay. Try"):
        finetuning(tmp_path, data, "--mix.mine=1", "--replay=0.5")


def test_an_exported_nano_is_fine_tuned_as_nano_is(data, tmp_path):
    official.save_official(tmp_path, MiniMolmo(preset("nano").model))
    config = finetuning(tmp_path, data, "--mix.mine=1")
    assert config.name == "nano-finetuned" and config.mix == {"mine": 1.0, **DRAWN}
    assert config.finetune.steps < 1000


@pytest.mark.parametrize("settings, says", [
    ([], "the mix is empty, so .* Try --mix.mine=1"),
    (["--mix.cap=1", "--replay=0.5"], "the mix has drawn datasets alone .cap.*Try --replay=0"),
    (["--mix.mine=1", "--finetune.steps=0"], "all stages have 0 steps.*Try --finetune.steps=100"),
    (["--mix.mine=1", "--replay=1.5"], "replay=1.5"),
])
def test_what_cannot_be_trained_is_refused_in_words(settings, says, trained, data):
    with pytest.raises(ValueError, match=says):
        check_work(finetuning(trained, data, *settings))


def test_replay_without_drawn_sets_in_a_new_run_is_refused():
    zero = [f"--mix.{name}=0" for name in preset("nano").mix]
    with pytest.raises(ValueError, match="the mix has no drawn dataset .mine"):
        check_work(override(preset("nano"), [*zero, "--mix.mine=1", "--replay=0.5"]))


def test_a_folder_without_a_model_is_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match="holds no official weights and no checkpoint, so .* Try a run's"):
        starting_config(tmp_path)


@pytest.mark.parametrize("replay", [0.25, 0.75])
def test_the_replayed_fraction_is_that_of_the_sampled_images(replay, data):
    """Counted over 200 groups of 8 steps. Without the scaling 130 rows to 3 would be .89."""
    mix = ["--mix.mine=1", "--mix.points=0.6", "--mix.cap=0.7"]
    config = override(RunConfig(model=TINY, mix={}, finetune=preset("nano").finetune),
                      [*mix, f"--replay={replay}", "--finetune.batch_size=16"])
    run = SimpleNamespace(config=config, data=data, tokenizer=None, compiled=False)
    loader = make_loader(run, "finetune")
    counts = Counter(dataset.folder.parent.name if dataset.folder.name == "easy" else dataset.folder.name
                     for group in range(200) for dataset, _ in loader.sample_rows(group))
    total = sum(counts.values())
    assert 1 - counts["mine"] / total == pytest.approx(replay, abs=0.01)
    expected = 0.6 * 90 ** 0.5 / (0.7 * 40 ** 0.5)  # among the replayed, the mix and the square root count
    assert counts["points"] / counts["cap"] == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("kind", ["run", "checkpoint", "export"])
def test_a_run_begins_with_the_weights_it_starts_from(kind, trained, data, tmp_path):
    folder = {"run": trained, "checkpoint": checkpoint.latest(trained), "export": tmp_path / "export"}[kind]
    if kind == "export":
        official.export(trained, folder)
    config = finetuning(trained, data, "--mix.mine=1", "--replay=0")
    run = Run(config, tmp_path / "out", data, None, folder)
    kept = checkpoint.read_weights(checkpoint.latest(trained))
    assert all(torch.equal(weight, kept[name]) for name, weight in run.module.model.named_parameters())
    assert run.tokenizer.vocab == 257


def test_a_fine_tuned_run_can_be_fine_tuned_again(trained, data, tmp_path):
    first = finetuning(trained, data, "--mix.mine=1")
    checkpoint.save_checkpoint(tmp_path, 1, MiniMolmo(TINY).state_dict(), first, Tokenizer([], 257), None, {})
    shutil.copytree(data / "mine", data / "more")
    again = finetuning(tmp_path, data, "--mix.more=1")
    assert again.name == "nano-finetuned" and again.mix == {"more": 1.0, **DRAWN}


def test_a_drawn_set_of_weight_0_is_not_replayed(trained, data):
    config = finetuning(trained, data, "--mix.mine=1", "--mix.points=0")
    assert config.replay and config.mix["points"] == 0 and config.mix["cap"] > 0
