"""Trained parts: CLIP and language models read from Hugging Face's layout, joined, and trained from there."""
import json
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import train
from data.generate import make_dataset_spec, write_dataset
from data.prepare_all import DATASETS
from minimolmo import answer
from minimolmo.answer import build_prompt
from minimolmo.config import DecoderConfig, ImageConfig, VisionConfig
from minimolmo.model.attention import attention_mask, rotary_angles
from minimolmo.model.decoder import DecoderBlock
from minimolmo.model.molmo import MiniMolmo
from minimolmo.model.vit import VisionBlock, VisionTransformer
from minimolmo.presets import from_parts, preset
from minimolmo.weights import checkpoint, official, parts, safetensors
from minimolmo.weights.part_configs import describe_features, read_decoder_config, read_tower
from minimolmo.weights.shards import save_folder
from minimolmo.weights.single_gpu import (
    DECODER_BYTES,
    PAIRS,
    VISION_BYTES,
    find_fit,
    fits_table,
    image_tokens,
    training_settings,
)
from minimolmo.weights.counts import GB, meta_model

RECORDED = Path(os.environ.get("MINIMOLMO_GOLDEN") or Path(__file__).parent / "golden")
GOLDEN = RECORDED / "parts" if (RECORDED / "parts").is_dir() else RECORDED  # other recordings fit, too
OWN = Path(__file__).parent / "golden" / "parts"
FAMILIES = ["qwen2", "qwen2_tied", "llama", "olmo2"]


@pytest.fixture(scope="module", params=FAMILIES)
def joined(request, tmp_path_factory):
    """CLIP and a language model, joined, written in our export's layout and read again: (model, folder)."""
    config, tensors = parts.join(GOLDEN / "clip", GOLDEN / request.param)
    folder = tmp_path_factory.mktemp("start")
    official.save_official(folder, meta_model(config), shard_bytes=200_000, parameters=tensors)
    model = MiniMolmo(official.read_config(folder))
    official.load_official(folder, model)
    for name, weight in model.named_parameters():
        assert torch.equal(weight, tensors[name]), name  # the same bits
    return model.eval(), GOLDEN / request.param


# The same outputs

def next_logits(model: MiniMolmo, ids: Tensor) -> Tensor:
    """The decoder's logits at every position of a text without an image: (B, T) -> (B, T, N)."""
    segments, position = torch.zeros_like(ids), torch.arange(ids.shape[1]).expand_as(ids)
    visible = attention_mask(segments, segments)
    return model.decoder.logits(model.decoder(model.decoder.embedding(ids), position, visible).last)


@torch.no_grad()
def test_a_decoder_gives_the_logits_and_the_greedy_words_of_its_own_library(joined):
    """Greedy words are the most likely ones after the words before them, so one pass checks all."""
    model, folder = joined
    recorded = np.load(folder / "outputs.npz")
    ids, greedy = torch.from_numpy(recorded["input_ids"]).long(), torch.from_numpy(recorded["greedy"]).long()
    expected = torch.from_numpy(recorded["logits"])
    torch.testing.assert_close(next_logits(model, ids), expected, atol=1e-4, rtol=0)
    whole = torch.cat([ids[0], greedy])
    assert torch.equal(next_logits(model, whole[None])[0, -len(greedy) - 1:-1].argmax(dim=-1), greedy)


@torch.no_grad()
def test_a_tower_gives_the_hidden_states_of_its_own_library_up_to_the_layer_left_out():
    config, tensors = parts.join(GOLDEN / "clip", GOLDEN / "llama")
    tower = VisionTransformer(config.image, config.vision)
    tower.load_state_dict({name: tensors[f"vit.{name}"] for name in tower.state_dict()})
    recorded = np.load(GOLDEN / "clip" / "outputs.npz")
    states, side = torch.from_numpy(recorded["hidden_states"]), config.image.patch_size
    squares = torch.from_numpy(recorded["pixel_values"]).unfold(2, side, side).unfold(3, side, side)
    patches = squares.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)  # (B, S, 3*patch*patch)

    x = tower.embed(patches)
    assert len(tower.blocks) == len(states) - 2
    for block, state in zip([None, *tower.blocks], states):
        x = x if block is None else block(x)
        torch.testing.assert_close(x, state, atol=1e-4, rtol=0)
    features = torch.cat([states[len(states) - 3], states[max(1, len(states) - 10)]], dim=-1)[:, 1:]
    torch.testing.assert_close(tower(patches), features, atol=1e-4, rtol=0)


def test_the_same_weights_in_older_and_larger_layouts_give_the_same_bits(folders):
    """CLIP as pytorch_model.bin with position ids, in float64; the decoder in shards, with its tied head."""
    _, expected = parts.join(OWN / "clip", OWN / "llama")
    tower, decoder = (safetensors.load(folder / "model.safetensors") for folder in folders)
    for folder in folders:
        (folder / "model.safetensors").unlink()
    tower |= {"vision_model.embeddings.position_ids": torch.arange(17)[None]}
    torch.save({name: tensor.double() for name, tensor in tower.items()}, folders[0] / "pytorch_model.bin")
    decoder |= {"lm_head.weight": decoder["model.embed_tokens.weight"],
                "model.layers.0.self_attn.rotary_emb.inv_freq": torch.zeros(10)}
    save_folder(folders[1], decoder, 100_000, {})

    _, tensors = parts.join(*folders)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in expected.items())


# The architecture

@pytest.mark.parametrize("layers, features, said", [
    (24, (22, 15), "layers 22 and 15 of 24"), (12, (10, 3), "layers 10 and 3 of 12"),
    (5, (3, 1), "layers 3 and 1 of 5 (the nearest"), (2, (1, 1), "layers 1 and 1 of 2 (the nearest")])
def test_features_are_the_third_to_last_and_tenth_from_last_layers_or_the_nearest(layers, features, said,
                                                                                   tmp_path):
    write_json(tmp_path / "config.json", {"model_type": "clip", "vision_config": {
        "num_hidden_layers": layers}})
    _, vision = read_tower(tmp_path)
    assert vision.layers == layers - 1
    assert tuple(vision.layers + layer + 1 for layer in vision.feature_layers) == features
    assert said in describe_features(vision)


def test_clips_of_both_sizes_are_cut_as_molmo_cuts_its_own(tmp_path):
    """L/14 at 336 px is Molmo's tower itself. B/16 has 14 patches a side, of which a window loses 2 and 2."""
    large = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16,
                 image_size=336, patch_size=14)
    write_json(tmp_path / "config.json", {"model_type": "clip", "vision_config": large})
    molmo = preset("molmo_7b_d").model
    assert read_tower(tmp_path) == (replace(molmo.image, shifted_masks=False), molmo.vision)

    write_json(tmp_path / "config.json", {"model_type": "clip_vision_model", "patch_size": 16})
    image, vision = read_tower(tmp_path)
    assert image == ImageConfig(224, 16, (2, 2), ground_crops=12, close_up_crops=36)
    assert vision == VisionConfig(768, 11, 12, 3072, (-2, -9))


def test_the_preset_single_gpu_has_the_papers_rates_and_suits_24_gb():
    """CLIP's ViT-B/16, SmolLM2-360M, and between them a connector of their widths."""
    run = preset("single_gpu")
    assert (run.model.connector.width, run.model.connector.heads, run.model.connector.mlp) == (768, 12, 2560)
    assert training_settings(run.model, 24 * GB) == training_settings(run.model, math.inf) == run
    for stage in ("pretrain", "finetune"):
        ours, paper = getattr(run, stage), getattr(preset("molmo_7b_d"), stage)
        assert (ours.learning_rates, ours.warmup_steps) == (paper.learning_rates, paper.warmup_steps)


def test_a_larger_gpu_takes_more_crops_first_and_then_more_images():
    """The longest image of 12 crops has 1,460 tokens, as in Molmo. Nothing fits 1 GB."""
    model = from_parts(*PAIRS["CLIP ViT-L/14-336, Qwen2.5-0.5B"])
    assert image_tokens(model.image, 12) == 1460
    fits = [find_fit(model, gigabytes) for gigabytes in (1, 16, 24, 48, 80, 160)]
    assert fits[:2] == [None, None] and training_settings(model, GB).model.image.ground_crops == 1
    assert [fit.crops for fit in fits[2:]] == sorted(fit.crops for fit in fits[2:])
    assert fits[-2].crops == 12 and fits[-1].images > fits[-2].images > 1
    assert all(fit.gigabytes <= gigabytes for fit, gigabytes in zip(fits[2:], (24, 48, 80, 160)))
    assert training_settings(model, 80 * GB).max_tokens == preset("molmo_7b_d").max_tokens
    assert fits_table({"it": model}).count("does not fit whole") == 2


@pytest.mark.parametrize("width, mlp", [(64, 256), (128, 256)])
def test_a_block_keeps_as_many_bytes_for_the_backward_pass_as_the_table_says(width, mlp):
    """Counted as the difference of two lengths, in bfloat16, within 5 %: weights are kept once."""
    vision = VisionBlock(VisionConfig(width=width, heads=4, mlp=mlp))
    block = DecoderBlock(DecoderConfig(width=width, heads=4, kv_heads=2, mlp=mlp))

    def decode(x: Tensor) -> None:
        segments, position = torch.zeros(1, x.shape[1]).long(), torch.arange(x.shape[1])[None]
        angles, rate = rotary_angles(position, width // 4, 1e4), torch.full((1, x.shape[1]), 0.1)
        block(x, angles, attention_mask(segments, segments), 0, None, rate)

    for run, (per_width, per_mlp) in ((vision, VISION_BYTES), (decode, DECODER_BYTES)):
        a, b = (kept_bytes(run, torch.randn(1, length, width, requires_grad=True)) for length in (32, 96))
        assert (b - a) / 64 == pytest.approx(per_width * width + per_mlp * mlp, rel=0.05)


def kept_bytes(run, x: Tensor) -> int:
    """The bytes of the tensors that autograd keeps, each storage once."""
    kept = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        with torch.autocast("cpu", torch.bfloat16):
            run(x)
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in kept}
    return sum(storages.values())


@pytest.mark.parametrize("changes, expected", [
    ({}, (1e5, 3, True)), (dict(rope_parameters=None, rope_theta=7e5), (7e5, 3, True)),
    (dict(num_key_value_heads=None), (1e5, 3, True)), (dict(num_key_value_heads=1), (1e5, 1, True)),
    (dict(tie_word_embeddings=None), (1e5, 3, False)),
    (dict(rope_scaling=None, sliding_window=None, head_dim=None), (1e5, 3, True))], ids=str)
def test_settings_are_read_as_old_and_new_files_write_them(changes, expected, tmp_path):
    write_json(tmp_path / "config.json", {**read_json(OWN / "llama" / "config.json"), **changes})
    config = read_decoder_config(tmp_path)
    assert (config.theta, config.kv_heads, config.tied) == expected


# Towers of whole models

NANO = Path(__file__).parent.parent / "data" / "released" / "minimolmo-nano"


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> Path:
    """The released nano in the official layout."""
    folder = tmp_path_factory.mktemp("export") / "nano"
    official.export(NANO, folder)
    return folder


def test_the_tower_of_a_release_or_an_export_is_a_part_with_its_own_crops(export, tmp_path, capsys):
    """The same bits, the same features of an image; the connector between is new."""
    nano, tokenizer, _ = answer.load(NANO)
    image = build_prompt(np.full((90, 150, 3), 60, np.uint8), "What?", nano, tokenizer, "ground").crops
    for vision in (NANO, export):
        parts.main([f"--vision={vision}", f"--decoder={OWN / 'llama'}", f"--out={tmp_path / 'start'}"])
        assert "features from layers 3 and 2 of 3\n" in capsys.readouterr().out
        model, *_ = official.load(tmp_path / "start", torch.device("cpu"), torch.float32)
        assert (model.config.image, model.config.vision) == (nano.config.image, nano.config.vision)
        assert all(torch.equal(weight, nano.vit.state_dict()[name])
                   for name, weight in model.vit.state_dict().items())
        given = torch.from_numpy(image.patches), torch.ones(image.patches.shape[:2])
        assert torch.equal(model.encode_crops(*given), nano.encode_crops(*given))
        assert model.projector.down.weight.shape[0] == 60 and not model.padding.any()


def test_a_molmos_tower_is_read_without_its_shifted_masks(export, tmp_path):
    image = preset("nano").model.image
    molmo = replace(official.read_config(export), image=replace(image, shifted_masks=True))
    official.save_official(tmp_path / "molmo", MiniMolmo(molmo))
    assert parts.join(tmp_path / "molmo", OWN / "llama")[0].image == image


@pytest.mark.parametrize("spoil, says", [
    (lambda folder: edit_json(folder / "config.json", lora=4), "adapters and not the tower.*Merge them"),
    (lambda folder: os.truncate(folder / "weights.safetensors", 9000), "is not a valid safetensors file"),
    (lambda folder: (folder / "weights.safetensors").unlink(), "weights.safetensors is missing")])
def test_a_model_whose_tower_cannot_be_joined_is_refused_in_words(spoil, says, tmp_path):
    shutil.copytree(NANO, tmp_path / "nano")
    (tmp_path / "nano" / "manifest.json").unlink()
    spoil(tmp_path / "nano")
    with pytest.raises(ValueError, match=says):
        parts.write_start(tmp_path / "nano", OWN / "llama", tmp_path / "start")
    assert not (tmp_path / "start").exists()


# Folders that cannot be used

def edit_json(path: Path, **values) -> None:
    write_json(path, {**read_json(path), **values})


def read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, values: dict) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """Copies of a CLIP and of a language model with a tokenizer, to be spoiled."""
    for name in ("clip", "llama"):
        shutil.copytree(OWN / name, tmp_path / name)
    return tmp_path / "clip", tmp_path / "llama"


def pickled(tensors: object, path: Path) -> None:
    torch.save(tensors, path)


class Evil:
    """A pickle that would make a file if it were run."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def edit(name: str, **values):
    """A way to spoil: other values in the config of a part."""
    def spoil(clip: Path, llama: Path) -> None:
        edit_json((clip if name == "clip" else llama) / "config.json", **values)
    return spoil


def cut_file(clip: Path, llama: Path) -> None:
    data = (llama / "model.safetensors").read_bytes()
    (llama / "model.safetensors").write_bytes(data[:len(data) // 2])


def lose_shard(clip: Path, llama: Path) -> None:
    tensors = safetensors.load(llama / "model.safetensors")
    (llama / "model.safetensors").unlink()
    save_folder(llama, tensors, 100_000, {})
    sorted(llama.glob("model-*"))[1].unlink()


def make_pointer(name: str):
    def spoil(clip: Path, llama: Path) -> None:
        (llama / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
                                   encoding="utf-8")
    return spoil


def only_pickle(part: int, content):
    def spoil(*folders: Path) -> None:
        (folders[part] / "model.safetensors").unlink()
        pickled(content, folders[part] / "pytorch_model.bin")
    return spoil


def lose_tensor(clip: Path, llama: Path) -> None:
    tensors = safetensors.load(llama / "model.safetensors")
    del tensors["model.norm.weight"]
    safetensors.save(llama / "model.safetensors", tensors)


def poison(clip: Path, llama: Path) -> None:
    tensors = safetensors.load(clip / "model.safetensors")
    tensors["vision_model.pre_layrnorm.bias"][3] = float("nan")
    safetensors.save(clip / "model.safetensors", tensors)


def swap_folders(clip: Path, llama: Path) -> None:
    clip.rename(clip.with_name("other"))
    llama.rename(clip)
    clip.with_name("other").rename(llama)


def small_vocabulary(clip: Path, llama: Path) -> None:
    tensors = safetensors.load(llama / "model.safetensors")
    tensors["model.embed_tokens.weight"] = tensors["model.embed_tokens.weight"][:200].clone()
    safetensors.save(llama / "model.safetensors", tensors)
    edit("llama", vocab_size=200)(clip, llama)


SPOILED = {
    "cut": (cut_file, "is not a valid safetensors file"),
    "shard": (lose_shard, "lacks 1 of"),
    "no config": (lambda clip, llama: (llama / "config.json").unlink(), "has no config.json"),
    "no weights": (lambda clip, llama: (clip / "model.safetensors").unlink(), "lacks model.safetensors"),
    "no tokenizer": (lambda clip, llama: (llama / "tokenizer.json").unlink(), "holds no tokenizer"),
    "pointer": (make_pointer("model.safetensors"), "model.safetensors is a Git LFS pointer"),
    "tokenizer pointer": (make_pointer("tokenizer.json"), "tokenizer.json is a Git LFS pointer"),
    "decoder's pickle": (only_pickle(1, {}), "has its weights as pickles"),
    "evil pickle": (only_pickle(0, Evil()), "is a pickle that holds more than named tensors"),
    "list pickle": (only_pickle(0, [torch.zeros(2)]), "is a pickle that holds more than named tensors"),
    "swapped": (swap_folders, "of model_type 'llama', but only CLIP's towers .* Try --decoder="),
    "siglip": (edit("clip", model_type="siglip"), "of model_type 'siglip'.* Try openai/clip"),
    "gemma": (edit("llama", model_type="gemma3_text"), "of model_type 'gemma3_text'.*qwen2, llama, olmo2"),
    "molmo": (edit("llama", model_type="molmo"), "is a whole model's, of which only .*--vision=.*--from="),
    "ours": (edit("llama", model_type=None, model={}), "is a whole model's, of which only the tower"),
    "family": (edit("llama", model_type="qwen2"), "missing     model.layers.0.self_attn.q_proj.bias"),
    "rows": (edit("llama", vocab_size=301), "misshaped   model.embed_tokens.weight"),
    "vocabulary": (small_vocabulary, "has a tokenizer of 206 ids and an embedding of 200 rows"),
    "missing": (lose_tensor, "missing     model.norm.weight"),
    "nan": (poison, "not finite, in vision_model.pre_layrnorm.bias"),
    "rope": (edit("llama", rope_scaling={"type": "linear", "factor": 8.0}), "has rope_scaling of type 'lin"),
    "window": (edit("llama", sliding_window=64), "has a sliding_window"),
    "windows": (edit("llama", layer_types=["sliding_attention"] * 3), "has a sliding_window"),
    "head": (edit("llama", head_dim=32), "has head_dim=32"),
    "bias": (edit("llama", attention_bias=True), "has attention_bias"),
    "activation": (edit("clip", vision_config={"hidden_act": "relu"}), "hidden_act='relu'"),
    "deep": (edit("llama", num_hidden_layers=10 ** 9), "num_hidden_layers=1000000000"),
    "type": (edit("llama", hidden_size="60"), "width='60', which is no int"),
    "list": (edit("clip", vision_config={"hidden_act": []}), "holds a setting of the wrong type"),
    "half": (edit("llama", hidden_size=None), "has no hidden_size"),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_folder_that_is_no_part_is_refused_in_words_and_nothing_is_written(kind, folders, tmp_path,
                                                                             monkeypatch):
    spoil, says = SPOILED[kind]
    spoil(*folders)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"(?s){says}") as error:
        parts.main([f"--vision={folders[0]}", f"--decoder={folders[1]}", "--out=start"])
    assert " Try " in str(error.value) or "\nTry " in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} <= {"clip", "llama", ".lock"}


# Training

STEPS = 4


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Path:
    """A tiny start, written by the command line: CLIP, SmolLM2's family and its tokenizer."""
    folder = tmp_path_factory.mktemp("parts") / "start"
    for _ in range(2):  # the second replaces the first
        parts.main([f"--vision={OWN / 'clip'}", f"--decoder={OWN / 'llama'}", f"--out={folder}"])
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Twelve pictures with captions."""
    folder = tmp_path_factory.mktemp("data")
    write_dataset(make_dataset_spec("cap", images=12), DATASETS["cap"], folder)
    return folder


def arguments(start: Path, data: Path, out: Path, *more: str) -> list[str]:
    only_captions = [f"--mix.{name}={float(name == 'cap')}" for name in DATASETS]
    return [f"--from={start}", f"--data={data}", f"--out={out}", "--level=easy", *only_captions,
            f"--pretrain.steps={STEPS}", "--pretrain.batch_size=4", "--finetune.steps=2",
            "--finetune.batch_size=4", "--accumulate=2", "--model.image.ground_crops=2", *more]


def log_lines(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_start_says_what_it_is_made_of_and_is_a_molmo_that_answers(start, capsys):
    """The image tokens come behind all 300 rows of the decoder, although its tokenizer has 206 ids."""
    model, tokenizer, _ = official.load(start, torch.device("cpu"), torch.float32)
    assert (tokenizer.vocab, tokenizer.eos, tokenizer.im_patch) == (300, 0, 302)
    assert tokenizer.encode("12") == [12, 13] and len(model.vit.blocks) == 4
    assert not model.padding.any() and not model.pooling.attention.out.bias.any()
    std = model.projector.down.weight.std().item() * model.config.connector.mlp ** 0.5
    assert std == pytest.approx(1, abs=0.05)
    image = np.full((40, 70, 3), 200, np.uint8)
    assert isinstance(answer.ask(model, tokenizer, [image], ["What is it?"], "ground")[0].text, str)


def test_a_start_is_trained_in_both_stages_on_the_whole_mix_and_a_trained_molmo_fine_tuned(start, tmp_path):
    config, *_ = train.read_arguments([f"--from={start}", f"--out={tmp_path}/out"])
    assert config == replace(training_settings(config.model, math.inf), name="start")
    assert config.pretrain.steps == config.finetune.steps == 6000 and config.mix.keys() == DATASETS.keys()
    shutil.copytree(start, tmp_path / "trained", ignore=shutil.ignore_patterns("manifest.json"))
    config, *_ = train.read_arguments([f"--from={tmp_path}/trained", "--mix.mine=1", f"--out={tmp_path}/out"])
    assert (config.pretrain.steps, config.mix) == (0, {"mine": 1.0})


def test_both_stages_run_from_a_start_and_resumed_equals_unbroken(start, data, tmp_path, monkeypatch):
    """The paper's rates and warm-ups: after n steps the connector has moved 100 times as far as the others.

    AdamW moves a weight by about its rate in each step. Stopped in the middle of both stages and resumed, the
    losses and weights are the same.
    """
    monkeypatch.setattr(train, "SAVE_EVERY", STEPS)
    monkeypatch.setattr(train, "save_samples", lambda run: None)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train.main(arguments(start, data, whole))
    lines = log_lines(whole)
    assert [line["stage"] for line in lines] == ["pretrain"] * STEPS + ["finetune"] * 2
    for step, line in enumerate(lines[:STEPS], start=1):
        assert line["learning_rates"] == pytest.approx([6e-6 * step / 2000, 2e-4 * step / 200,
                                                        2e-5 * step / 2000])
    assert lines[-1]["learning_rates"] == pytest.approx([5e-6 / 100, 5e-6 / 100, 1e-5 / 100])

    begun = official.load(start, torch.device("cpu"), torch.float32)[0].state_dict()
    ended = safetensors.load(whole / f"step-{STEPS:06d}" / "weights.safetensors")
    moved = {part: max(float((ended[name] - begun[name]).abs().max()) for name in ended
                       if name.startswith(part)) for part in ("vit.", "projector.", "decoder.")}
    assert moved["projector."] > 50 * moved["decoder."] > 50 * moved["vit."] > 0

    for steps in (STEPS // 2, STEPS + 1):
        stop_after(steps, arguments(start, data, cut, "--resume"), monkeypatch)
    train.main(arguments(start, data, cut, "--resume"))
    assert [line["loss"] for line in log_lines(cut)] == [line["loss"] for line in lines]
    newest = [checkpoint.latest(out) / "weights.safetensors" for out in (whole, cut)]
    assert newest[0].read_bytes() == newest[1].read_bytes()


def stop_after(steps: int, given: list[str], monkeypatch) -> None:
    """Ctrl-C during a step: it is finished and saved."""
    taken = train.train_step

    def counted(run, *rest):
        run.stop_requested = run.step + 1 == steps
        return taken(run, *rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, "train_step", counted)
        train.train(*train.read_arguments(given))
