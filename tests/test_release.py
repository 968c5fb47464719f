"""A released model: small files, and a card whose numbers are those of the report."""
import json

import numpy as np
import pytest
import torch

from minimolmo.answer import ask, load
from minimolmo.config import ConnectorConfig, DecoderConfig, ImageConfig, MolmoConfig, RunConfig, VisionConfig
from minimolmo.locks import locked
from minimolmo.model.molmo import MiniMolmo
from minimolmo.overrides import override
from minimolmo.presets import preset
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.training.optimizer import learning_rate
from minimolmo.weights import release
from minimolmo.weights.checkpoint import save_checkpoint
from minimolmo.weights.shards import CHECKPOINT_STEM, index_name

TINY = MolmoConfig(
    ImageConfig(crop_size=16, patch_size=8, margins=(0, 0), pool=2),
    VisionConfig(width=16, layers=2, heads=2, mlp=16), ConnectorConfig(width=16, heads=2, mlp=16),
    DecoderConfig(width=32, layers=2, heads=4, kv_heads=2, mlp=32, vocab=257))
REPORT = {"right image": {"count": {"questions": 2, "accuracy": 0.75}},
          "blank image": {"count": {"questions": 2, "accuracy": 0.1}}}


@pytest.fixture
def run(tmp_path):
    """A finished run of two steps: a checkpoint, a log, a report."""
    torch.manual_seed(0)
    out, tokenizer = tmp_path / "run", Tokenizer([], vocab=257)
    save_checkpoint(out, 2, MiniMolmo(TINY).state_dict(), RunConfig(model=TINY), tokenizer, None,
                    {"step": 2})
    log = [{"stage": "bootstrap", "step": 1, "images_per_second": 32.0},
           {"stage": "finetune", "step": 2, "images_per_second": 4.0}]
    (out / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log), encoding="utf-8")
    (out / "report.json").write_text(json.dumps(REPORT), encoding="utf-8")
    return out


def load_and_ask(folder):
    """A folder's weights, and its model's answers to a fixed question."""
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    model, tokenizer, _ = load(folder)
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}, ask(
        model, tokenizer, [image], ["Who?"], max_new_tokens=8)


def test_a_released_model_answers_and_its_weights_are_the_trained_ones_in_bfloat16(run, tmp_path):
    folder = release.release(run, "tiny", tmp_path / "released")
    (trained, _), (released, answers) = load_and_ask(run), load_and_ask(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "config.json", "manifest.json", "tokenizer.json", "weights.safetensors"]
    for name, tensor in trained.items():
        assert torch.equal(released[name], tensor.bfloat16().float())
    assert isinstance(answers[0].text, str)


def test_without_a_name_it_is_named_after_its_preset(run, tmp_path):
    """Whatever the run's folder is called: a mini never overwrites the released nano."""
    assert release.release(run, parent=tmp_path / "released").name == "minimolmo-nano"


def test_a_folder_that_is_not_ours_is_never_replaced(run, tmp_path):
    """Somebody's folder of the same name stays as it is; a release of ours is replaced."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ValueError, match="precious was not written by this program.*try another name"):
        release.release(run, "precious", tmp_path)
    assert (tmp_path / "precious" / "thesis.txt").read_text(encoding="utf-8") == "years of work"
    assert release.release(run, "ours", tmp_path) == release.release(run, "ours", tmp_path)


@pytest.mark.parametrize("file", ["README.md", "LICENSE", "more/notes.txt"])
def test_edits_of_a_release_are_never_lost(run, tmp_path, file):
    path = release.release(run, "ours", tmp_path) / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=f"{file} was (edited|added) since .*Move .* away, or try another"):
        release.release(run, "ours", tmp_path)
    assert path.read_text(encoding="utf-8") == "mine" and not (tmp_path / "ours.part").exists()


@pytest.mark.parametrize("name", ["x.part", "x.replaced", "minimolmo-nano.part"])
def test_a_name_of_unfinished_releases_is_refused(run, tmp_path, name):
    with pytest.raises(ValueError, match=f"ends as a folder .*Try --name={name.partition('.')[0]}"):
        release.release(run, name, tmp_path)


@pytest.mark.parametrize("text", [
    "[]", "{}", "xx", "[" * 50_000, '{"right image": 3}', '{"right image":{"pointing":3}}',
    '{"right image":{"pointing":{"f1":"a"}}}', '{"right image":{"pointing":{"f1":true}}}',
    '{"right image": {}, "blank image": null}',
    *('{"right image":{"pointing":{"f1":' + number + "}}}"
      for number in ("NaN", "Infinity", "-1e400", f"{10 ** 400}"))])
def test_a_report_that_is_none_is_refused(run, tmp_path, text):
    (run / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="report.json is not a report of minimolmo.evaluate.*Run it again: "):
        release.release(run, "x", tmp_path)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("speed, fault", [
    ({}, ":1 has no images_per_second that"),
    ({"images_per_second": "fast"}, ":1 has no images_per_second that"),
    ({"images_per_second": -1}, ": step 1 has images_per_second=-1, so")])
def test_a_log_without_the_speed_of_a_step_is_refused(run, tmp_path, speed, fault):
    (run / "log.jsonl").write_text(json.dumps({"stage": "finetune", "step": 1, **speed}), encoding="utf-8")
    with pytest.raises(ValueError, match=f"log.jsonl{fault}.*Try"):
        release.release(run, "x", tmp_path)
    (run / "log.jsonl").unlink()
    with pytest.raises(ValueError, match="log.jsonl is missing, so the card.*Try the folder"):
        release.release(run, "x", tmp_path)


@pytest.mark.parametrize("name", ["../x", "a/b", "/tmp/x", ".hidden", "a\\b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(run, tmp_path, name):
    with pytest.raises(ValueError, match="is not a plain name.*Try letters"):
        release.release(run, name, tmp_path / "released")


def test_two_releases_at_once_are_one_after_the_other(run, tmp_path):
    with locked(tmp_path), pytest.raises(ValueError, match=r"in use by process \d+ on .* since .*Wait"):
        release.release(run, "tiny", tmp_path)


def limit_files(monkeypatch):
    """Limit a file to 24,000 bytes, 4,000 of them for its header."""
    monkeypatch.setattr(release, "SHARD_BYTES", 24_000)
    monkeypatch.setattr(release, "HEADER_BYTES", 4_000)


def test_a_model_in_many_small_files_is_the_same_model(run, tmp_path, monkeypatch):
    single = load_and_ask(release.release(run, "single", tmp_path))
    limit_files(monkeypatch)
    folder = release.release(run, "sharded", tmp_path)
    files = sorted(folder.glob("*.safetensors"))
    assert len(files) > 2 and files[0].name == f"weights-00001-of-{len(files):05d}.safetensors"
    assert all(file.stat().st_size <= 24_000 for file in files)
    index = json.loads((folder / index_name(CHECKPOINT_STEM)).read_text(encoding="utf-8"))
    assert set(index["weight_map"].values()) == {file.name for file in files}
    sharded = load_and_ask(folder)
    assert sharded[1] == single[1]
    assert all(torch.equal(sharded[0][name], single[0][name]) for name in single[0])


def test_a_missing_file_of_many_is_named(run, tmp_path, monkeypatch):
    limit_files(monkeypatch)
    folder = release.release(run, "sharded", tmp_path)
    next(folder.glob("weights-00002*")).unlink()
    with pytest.raises(ValueError, match="weights-00002.*"):
        load(folder)


def test_a_tensor_that_fits_no_file_is_named(tmp_path, monkeypatch):
    limit_files(monkeypatch)
    with pytest.raises(ValueError, match=r"w8 has 40,000 bytes and a file may have 24,000"):
        release.write_weights(tmp_path, {"w8": torch.zeros(1000, 10)})


def test_the_card_holds_scores_training_data_and_the_command(run, tmp_path):
    card = (release.release(run, "tiny", tmp_path) / "README.md").read_text(encoding="utf-8")
    assert "| count: accuracy | 0.75 | 0.1 |" in card
    assert "48 pictures, some again; 2 steps" in card  # 32 in bootstrap, 16 in finetune
    assert "python train.py nano --model.image.crop_size=16" in card


@pytest.mark.parametrize("changes", [[], ["--finetune.steps=13500", "--seed=2"],
                                     ["--bootstrap.learning_rates=[0.001,0.002,0.003]", "--mix.docs=1.5"]])
def test_the_command_on_the_card_gives_the_same_settings_again(changes):
    config = override(preset("nano"), changes)
    command = release.training_command(config).removeprefix("python train.py ").split()
    assert override(preset(command[0]), command[1:]) == config


def test_the_card_tells_that_a_finished_run_was_resumed_with_more_steps():
    config, log = override(preset("nano"), ["--finetune.steps=600"]), []
    for total, steps in ((300, range(1, 301)), (600, range(301, 601))):
        log += [{"stage": "finetune", "learning_rates": [learning_rate(step, total, 1.0, 40, 0.6)]}
                for step in steps]
    assert release.training_commands(config, log) == (
        "python train.py nano --finetune.steps=300`, then "
        "`python train.py nano --finetune.steps=600 --resume")
    unbroken = [{"stage": "finetune", "learning_rates": [learning_rate(step, 600, 1.0, 40, 0.6)]}
                for step in range(1, 601)]
    assert release.training_commands(config, unbroken) == "python train.py nano --finetune.steps=600"


def test_the_card_tells_that_a_resumed_run_weighed_its_datasets_anew():
    config = override(preset("nano"), ["--finetune.steps=600", "--mix.docs=3"])
    log = [{"stage": "finetune", "learning_rates": [1.0]} for _ in range(600)]
    log[0]["mix"], log[400]["mix"], log[500]["mix"] = preset("nano").mix, config.mix, config.mix
    assert release.training_commands(config, log) == (
        "python train.py nano --finetune.steps=400`, then "
        "`python train.py nano --finetune.steps=600 --mix.docs=3.0 --resume")


def test_what_cannot_be_released_is_explained(run, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="holds no trained model, so there is nothing to release"):
        release.release(tmp_path / "nowhere", "x", tmp_path)
    monkeypatch.setattr(release, "TOTAL_BYTES", 1000)
    with pytest.raises(ValueError, match="a repository should hold at most 1,000"):
        release.release(run, "x", tmp_path)
    (run / "report.json").unlink()
    with pytest.raises(ValueError, match="the card would have no scores. Run"):
        release.release(run, "x", tmp_path)
