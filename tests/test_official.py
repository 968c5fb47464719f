"""The official code's own numbers: its weights in our modules give its outputs, and every name is mapped."""
import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from minimolmo import answer
from minimolmo.answer import generate
from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.config import ConnectorConfig, DecoderConfig, ImageConfig, MolmoConfig, VisionConfig
from minimolmo.image.tiler import tile_image
from minimolmo.model.molmo import MiniMolmo
from minimolmo.overrides import to_dict
from minimolmo.presets import preset
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights import safetensors
from minimolmo.weights.official import (
    OfficialTensors,
    finetune_config,
    load,
    load_official,
    main,
    official_names,
    official_shapes,
    read_config,
    save_official,
)
from minimolmo.weights.official_config import config_from, describe
from minimolmo.weights.shards import TensorFolder
from minimolmo.weights.sizes import meta_model

GOLDEN = Path(__file__).parent / "golden"
LIKE = ["qwen2_like", "olmo_like", "olmoe_like"]


def write_released(folder: Path, tensors: dict, prefix: str = "model.") -> Path:
    """Weights in a folder, as Molmo is released."""
    safetensors.save(folder / "model.safetensors", {prefix + name: value for name, value in tensors.items()})
    return folder


def weights(file) -> dict:
    """The official state dict in a golden file."""
    return {name[3:]: torch.from_numpy(file[name]) for name in file.files if name.startswith("sd/")}


@pytest.fixture(scope="module", params=LIKE)
def official(request, tmp_path_factory):
    """A tiny Molmo with random weights, what the official code was given and what it said."""
    file = np.load(GOLDEN / f"logits_{request.param}.npz")
    told, size = json.loads(bytes(file["config_json"])), int(file["n_valid_tokens"])
    config = config_from(told)
    model = MiniMolmo(config)
    load_official(write_released(tmp_path_factory.mktemp("released"), weights(file)), model)

    height, width = told["image_hw"]  # the same picture and question through our own tiler and sequence
    y, x, c = np.ogrid[:height, :width, :3]
    image = ((7 * y + 13 * x + 29 * c + (y * x) // 50) % 256).astype(np.uint8)
    words = SimpleNamespace(eos=told["eos"], **told["special_token_ids"])
    crops = tile_image(image, config.image, told["max_crops"])
    seen = collate([build_sequence(crops, [[list(told["messages"][0].encode())]], words)])
    return SimpleNamespace(file=file, model=model.eval(), seen=seen, size=size, name=request.param)


# The same numbers

def test_tiler_and_sequence_hand_the_model_what_the_official_code_hands_its_own(official):
    """The official batch has one crop of padding more; ours has none. Masks stand one crop too early in
    both."""
    file, seen = official.file, official.seen
    real = len(seen.patches)
    torch.testing.assert_close(seen.patches, torch.from_numpy(file["in/images"][0, :real]), atol=1e-4, rtol=0)
    masks = torch.from_numpy(file["in/image_masks"][0, :real])
    torch.testing.assert_close(seen.patch_coverage, masks, atol=1e-6, rtol=0)
    assert seen.ids[0].tolist() == file["in/input_ids"][0, :official.size].tolist()
    assert seen.position[0].tolist() == file["in/position_ids"][0, :official.size].tolist()


@torch.no_grad()
def test_the_two_tapped_layers_equal_the_official_ones(official):
    expected = torch.from_numpy(official.file["out/vit_tapped"])[:len(official.seen.patches), 1:]
    torch.testing.assert_close(official.model.vit(official.seen.patches), expected, atol=1e-4, rtol=1e-5)


@torch.no_grad()
def test_gathering_windows_gives_the_visual_tokens_that_official_molmo_scatters(official):
    """Theirs go to the places in image_input_idx or are dropped; ours stand in reading order already."""
    place = official.file["in/image_input_idx"].reshape(-1)
    features = official.file["out/image_features"].reshape(len(place), -1)
    order = np.argsort(place, kind="stable")
    expected = torch.from_numpy(features[order[place[order] >= 0]])

    torch.testing.assert_close(official.model.encode_images(official.seen)[1], expected, atol=1e-3, rtol=1e-5)


@torch.no_grad()
def test_the_same_weights_give_the_official_logits(official):
    expected = torch.from_numpy(official.file["out/logits"][0, :official.size])
    torch.testing.assert_close(official.model(official.seen)[0], expected, atol=1e-4, rtol=0)


def test_the_same_weights_say_the_official_words(official):
    """24 words with the KV cache, where the official code's have been recorded: else its likeliest next
    one."""
    told = {case["file"]: case for case in json.loads((GOLDEN / "generate.json").read_text())["cases"]}
    expected = told.get(f"logits_{official.name}.npz", {}).get("greedy_24")
    if expected is None:
        expected = [int(official.file["out/logits"][0, official.size - 1].argmax())]
    assert generate(official.model, official.seen, eos=256, max_new_tokens=len(expected)) == [expected]


# Names and shapes

def tiny(**decoder) -> MolmoConfig:
    """A small architecture of some kind."""
    base = DecoderConfig(width=16, layers=2, heads=4, kv_heads=2, mlp=12, vocab=257, additional_vocab=4, tied=False)
    return MolmoConfig(ImageConfig(crop_size=8, patch_size=2, margins=(0, 0), shifted_masks=True),
                       VisionConfig(width=8, layers=2, heads=2, mlp=16),
                       ConnectorConfig(width=8, heads=2, mlp=12), replace(base, **decoder))


KINDS = {"qwen2": {}, "olmo": dict(qkv_bias=False, qk_norm=True, post_norm=True, kv_heads=4, vocab_padding=7),
         "olmoe": dict(qkv_bias=False, qk_norm=True, kv_heads=4, experts=4, top_k=2), "tied": dict(tied=True)}


def make(config: MolmoConfig, seed: int = 0) -> MiniMolmo:
    """A model whose every number is random."""
    torch.manual_seed(seed)
    model = MiniMolmo(config).eval()
    for parameter in model.parameters():
        parameter.data = torch.randn_like(parameter)
    return model


@pytest.mark.parametrize("name, tensors", [("molmoe_1b", 549), ("molmo_7b_o", 645), ("molmo_7b_d", 585),
                                           ("molmo_72b", 949)])
def test_the_released_files_hold_so_many_tensors(name, tensors):
    assert len(official_names(meta_model(preset(name).model))) == tensors


def test_the_released_7b_d_is_32_gigabytes_to_the_byte():
    """metadata.total_size of its index."""
    shapes = official_shapes(preset("molmo_7b_d").model)
    assert sum(math.prod(shape) for shape in shapes.values()) * 4 == 32_084_101_120


@pytest.mark.parametrize("name, tensor, shape", [
    ("molmo_7b_d", "transformer.blocks.27.att_proj.bias", (4608,)),
    ("molmo_7b_d", "transformer.blocks.0.ff_proj.weight", (37888, 3584)),
    ("molmo_7b_d", "vision_backbone.image_vit.patch_embedding.weight", (1024, 588)),
    ("molmo_7b_d", "vision_backbone.image_vit.positional_embedding", (577, 1024)),
    ("molmo_7b_d", "vision_backbone.pad_embed", (2, 2048)),
    ("molmo_7b_o", "transformer.blocks.31.att_proj.weight", (12288, 4096)),
    ("molmo_7b_o", "transformer.blocks.0.k_norm.weight", (4096,)),
    ("molmo_7b_o", "transformer.wte.embedding", (100352, 4096)),
    ("molmo_72b", "transformer.blocks.79.att_proj.weight", (10240, 8192)),
    ("molmo_72b", "transformer.blocks.0.ff_out.weight", (8192, 29568)),
    ("molmoe_1b", "transformer.blocks.15.ffn.experts.mlp.w2", (65536, 2048)),
    ("molmoe_1b", "transformer.blocks.0.ffn.router.layer.weight", (64, 2048)),
])
def test_official_tensors_have_the_official_shapes(name, tensor, shape):
    assert official_shapes(preset(name).model)[tensor] == shape


@pytest.mark.parametrize("kind", KINDS)
def test_what_we_export_and_import_again_is_the_same_to_the_last_bit(kind, tmp_path):
    model, again = make(tiny(**KINDS[kind])), make(tiny(**KINDS[kind]), seed=1)
    save_official(tmp_path, model, shard_bytes=3000)
    load_official(tmp_path, again)

    assert len(list(tmp_path.glob("*.safetensors"))) > 3
    for name, weight in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name
    assert read_config(tmp_path) == model.config


def test_what_was_released_and_exported_again_is_the_same_to_the_last_bit(official, tmp_path):
    save_official(tmp_path, official.model)
    before, after = weights(official.file), TensorFolder(tmp_path)
    assert set(after) == {"model." + name for name in before}
    for name, tensor in before.items():
        assert after["model." + name].numpy().tobytes() == tensor.numpy().tobytes(), name


def test_a_file_written_by_us_is_laid_out_as_other_readers_want_it(tmp_path):
    """Numbers begin at a multiple of 8 bytes, every tensor at a multiple of its own numbers' size."""
    save_official(tmp_path, make(tiny()))
    path, = tmp_path.glob("*.safetensors")
    entries, metadata = safetensors.read_header(path)
    assert metadata == {"format": "pt"}
    assert min(entry.start for entry in entries.values()) % 8 == 0
    assert all(entry.start % entry.dtype.itemsize == 0 for entry in entries.values())


def test_names_without_model_in_front_are_the_native_files(official, tmp_path):
    again = make(official.model.config)
    load_official(write_released(tmp_path, weights(official.file), prefix=""), again)
    assert torch.equal(again.decoder.head.weight, official.model.decoder.head.weight)


def test_up_comes_before_gate_in_their_one_matrix(tmp_path):
    model = make(tiny())
    block = model.decoder.blocks[1].mlp
    theirs = OfficialTensors(model)["model.transformer.blocks.1.ff_proj.weight"]
    assert torch.equal(theirs, torch.cat([block.up.weight, block.gate.weight]))


def test_every_misfit_is_reported_at_once_and_nothing_is_changed(tmp_path):
    """A tensor too few, one too many, one of another shape."""
    model = make(tiny())
    tensors = dict(OfficialTensors(model))
    del tensors["model.transformer.ln_f.weight"]
    tensors["model.transformer.wings"] = torch.zeros(2)
    tensors["model.vision_backbone.pad_embed"] = torch.zeros(2, 5)
    other = make(tiny(), seed=1)
    before = {name: weight.clone() for name, weight in other.state_dict().items()}

    with pytest.raises(ValueError) as error:
        load_official(write_released(tmp_path, tensors, prefix=""), other)
    assert "missing     model.transformer.ln_f.weight (16,)\n" in str(error.value)
    assert "unexpected  model.transformer.wings (2,)\n" in str(error.value)
    assert "misshaped   model.vision_backbone.pad_embed (2, 5), the model's is (2, 16)\n" in str(error.value)
    assert all(torch.equal(other.state_dict()[name], weight) for name, weight in before.items())


def test_weights_are_taken_into_the_dtype_of_the_model(tmp_path):
    save_official(tmp_path, make(tiny()))
    model = make(tiny(), seed=1).bfloat16()
    load_official(tmp_path, model)
    assert torch.equal(model.padding, make(tiny()).padding.bfloat16())


@pytest.mark.parametrize("family, names", [
    ("siglip", {"patch_embedding.bias", "positional_embedding"}),
    ("dino", {"patch_embedding.bias", "class_embedding", "transformer.resblocks.1.lambda2"}),
    ("clip", {"pre_ln.weight", "pre_ln.bias", "class_embedding"})])
def test_other_families_of_towers_have_their_own_tensors(family, names):
    config = replace(tiny(), vision=replace(tiny().vision, family=family))
    theirs = set(official_names(meta_model(config)))
    found = {name for name in theirs if name.startswith("vision_backbone.image_vit.")}
    assert {"vision_backbone.image_vit." + name for name in names} <= found
    assert ("vision_backbone.image_vit.pre_ln.weight" in found) == (family == "clip")
    assert ("vision_backbone.image_vit.class_embedding" in found) == (family != "siglip")


# Which model is in a folder?

def test_a_released_molmo_is_known_by_its_shapes_whatever_its_config_says(monkeypatch, tmp_path):
    for name in ("molmoe_1b", "molmo_7b_o", "molmo_7b_d", "molmo_72b"):
        shapes = official_shapes(preset(name).model)
        file = SimpleNamespace(entries={"model." + each: SimpleNamespace(shape=shape)
                                        for each, shape in shapes.items()})
        monkeypatch.setattr("minimolmo.weights.official.TensorFolder", lambda _, file=file: file)
        assert read_config(tmp_path) == preset(name).model


def test_hugging_faces_names_and_the_native_ones_mean_the_same():
    native = dict(d_model=4096, n_layers=32, n_heads=32, mlp_hidden_size=22016, vocab_size=100278,
                  embedding_size=100352, additional_vocab_size=128, rope_theta=5e5, layer_norm_eps=1e-6,
                  qkv_bias=False, attention_layer_norm=True, norm_after=True, weight_tying=False)
    theirs = dict(hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=None,
                  intermediate_size=22016, vocab_size=100278, embedding_size=100352, rope_theta=5e5,
                  layer_norm_eps=1e-6, qkv_bias=False, attention_layer_norm=True, norm_after=True,
                  tie_word_embeddings=False)
    assert config_from(native) == config_from(theirs) == preset("molmo_7b_o").model


def test_our_words_for_a_config_and_theirs_can_be_exchanged():
    for name in ("molmoe_1b", "molmo_7b_o", "molmo_7b_d", "molmo_72b"):
        assert config_from(describe(preset(name).model)) == preset(name).model


def test_a_config_that_says_too_little_is_told_what_it_lacks():
    with pytest.raises(ValueError, match="says nothing of n_layers or num_hidden_layers, mlp_hidden_size or"):
        config_from(dict(d_model=64, n_heads=4, vocab_size=320))


@pytest.mark.parametrize("spoil", [
    dict(minimolmo=7), dict(minimolmo={"decoder": 3}), dict(minimolmo={"decoder": {"width": "16"}}),
    dict(minimolmo={"image": {"margins": 4}}), dict(hidden_size="16"), dict(hidden_size=16.0),
    dict(overlap_margins=4), dict(vision=7), dict(vision={"image_default_input_size": []}),
    dict(vision={"image_model_type": []}), dict(embedding_size="many"), dict(moe=7)], ids=str)
def test_settings_of_a_type_that_they_cannot_have_are_refused(tmp_path, spoil):
    save_official(tmp_path, make(tiny()))
    theirs = {**describe(tiny()), **spoil}
    (tmp_path / "config.json").write_text(json.dumps(theirs))
    with pytest.raises(ValueError, match="(?s)(no model|nothing) can be built.* Try|belong. Try"):
        finetune_config(tmp_path)


def test_settings_larger_than_the_files_are_refused_before_memory_is_asked_for(tmp_path):
    """A table of 10 thousand billion words: 320 TB."""
    save_official(tmp_path, make(tiny()))
    Tokenizer([], vocab=257).save(tmp_path / "tokenizer.json")
    huge = to_dict(replace(tiny(), decoder=replace(tiny().decoder, vocab=10 ** 13)))
    (tmp_path / "config.json").write_text(json.dumps({"minimolmo": huge}))
    with pytest.raises(ValueError, match="does not fit the model, so nothing was loaded"):
        load(tmp_path, torch.device("cpu"))


def test_another_patch_grid_than_the_table_is_seen_in_the_number_of_positions():
    """81 patches, 64 positions and the class token's; without a class token it would be 64 alone."""
    told = dict(d_model=64, n_layers=2, n_heads=4, mlp_hidden_size=64, vocab_size=320)
    see = dict(image_default_input_size=[72, 72], image_patch_size=8, image_emb_dim=32, image_num_heads=4,
               image_num_layers=4, image_mlp_dim=64)
    clip = config_from({**told, "vit_layers": [-2, -4], "overlap_margins": [2, 2],
                        "vision": {**see, "image_num_pos": 65}})
    siglip = config_from({**told, "vit_layers": [-2, -4], "overlap_margins": [2, 2],
                          "vision": {**see, "image_num_pos": 81, "image_model_type": "siglip"}})
    assert (clip.vision.position_grid, clip.image.side) == (8, 9)
    assert (siglip.vision.position_grid, siglip.image.side) == (0, 9)


def test_fine_tuning_begins_with_the_presets_own_rates_and_no_captions(tmp_path):
    save_official(tmp_path, make(tiny()))
    run = finetune_config(tmp_path)
    assert run.model == tiny() and run.pretrain.steps == run.bootstrap.steps == 0
    assert run.finetune == preset("molmo_7b_d").finetune


def claim(folder: Path, config: MolmoConfig) -> Path:
    """A folder that says it holds weights of this architecture."""
    folder.mkdir()
    (folder / "model.safetensors").touch()
    (folder / "config.json").write_text(json.dumps({"minimolmo": to_dict(config)}))
    return folder


def test_only_what_outgrows_a_gpu_is_shared_out_and_only_released_experts_are_left_to_themselves(tmp_path):
    """8.0 billion parameters take 128 GB to train, tiny's 9 thousand fit anywhere and so are compiled whole.
    """
    large = replace(preset("molmo_7b_d").model, image=preset("mini").model.image)
    for name, config, shard, balance in [("small", tiny(), False, 0.1), ("large", large, True, 0.1),
                                         ("molmoe", preset("molmoe_1b").model, True, 0.0)]:
        run = finetune_config(claim(tmp_path / name, config))
        assert (run.shard, run.load_balance_weight) == (shard, balance), name


def test_a_trained_nano_that_was_exported_does_not_grow_its_eye_again(tmp_path):
    run = finetune_config(claim(tmp_path / "nano", preset("nano").model))
    assert run.name == "nano" and run.finetune == preset("nano").finetune
    assert run.bootstrap.steps == run.pretrain.steps == 0


def test_a_folder_half_downloaded_is_said_to_be_just_that(tmp_path):
    """Shards and settings came, the index not yet: no checkpoint of ours, and no other version of one."""
    save_official(tmp_path, make(tiny()), shard_bytes=3000)
    (tmp_path / "model.safetensors.index.json").unlink()
    with pytest.raises(ValueError, match="lacks model.safetensors, or .* and its files, so it was not"):
        answer.load(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no released weights. Try"):
        finetune_config(tmp_path)


# Answering

def test_a_released_folder_answers_in_bfloat16_as_it_does_in_float32(tmp_path, monkeypatch, capsys):
    """Up to the rounding of a number to its first 8 bits; and the command line says what `ask` says."""
    torch.manual_seed(0)
    model, words = MiniMolmo(tiny()).eval(), Tokenizer([], vocab=257)
    save_official(tmp_path, model)
    words.save(tmp_path / "tokenizer.json")
    Image.new("RGB", (20, 12), "red").save(tmp_path / "red.png")

    loaded, _, config = answer.load(tmp_path)
    assert loaded.decoder.head.weight.dtype == torch.bfloat16 and config.finetune.view == "ground"
    seen = collate([answer.prompt(np.full((12, 20, 3), 200, np.uint8), "Who?", model, words, "ground")])
    exact, rough = model(seen), loaded(seen)
    assert 0 < (exact - rough).abs().max() < 0.05 * exact.abs().max()
    answer.main([str(tmp_path / "red.png"), "Who?", f"--weights={tmp_path}"])
    assert capsys.readouterr().out.strip() == answer.ask(
        loaded, words, [answer.open_image(tmp_path / "red.png")], ["Who?"], "ground")[0].text


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file/nano cannot be written .*Make room, or try another folder"):
        main([str(answer.RELEASED), str(tmp_path / "file" / "nano")])


def test_the_command_line_writes_a_checkpoint_of_ours_as_a_released_folder(tmp_path, capsys):
    """The nano that comes with the code: opened again it says the same word for word."""
    main([str(answer.RELEASED), str(tmp_path / "nano")])
    assert "tensors" in capsys.readouterr().out
    ours, theirs = answer.load(answer.RELEASED), load(tmp_path / "nano", torch.device("cpu"), torch.float32)
    question = [np.full((64, 64, 3), 255, np.uint8)], ["Point to the red circle."]
    assert answer.ask(*ours[:2], *question) == answer.ask(*theirs[:2], *question)
