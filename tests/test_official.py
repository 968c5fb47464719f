"""Official weights: in our modules they give the official code's outputs, and they are saved as loaded."""
import json
import math
import os
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
from minimolmo.command import printable
from minimolmo.batch.sequence import build_sequence
from minimolmo.config import ConnectorConfig, DecoderConfig, ImageConfig, MolmoConfig, VisionConfig
from minimolmo.disk import check_files
from minimolmo.image.resize import open_image
from minimolmo.image.tiler import tile_image
from minimolmo.locks import locked
from minimolmo.model.molmo import MiniMolmo
from minimolmo.model.patch_embed import normalise_pixels
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
from minimolmo.weights.official_config import from_hf_config, to_hf_config
from minimolmo.weights.shards import TensorFolder
from minimolmo.weights.counts import meta_model

GOLDEN = Path(__file__).parent / "golden"
FAMILIES = ["qwen2_like", "olmo_like", "olmoe_like"]


def write_official(folder: Path, tensors: dict, prefix: str = "model.") -> Path:
    """A folder with weights in the official layout."""
    safetensors.save(folder / "model.safetensors", {prefix + name: value for name, value in tensors.items()})
    return folder


def read_state_dict(file) -> dict:
    """The official state dict in a golden file."""
    return {name[3:]: torch.from_numpy(file[name]) for name in file.files if name.startswith("sd/")}


@pytest.fixture(scope="module", params=FAMILIES)
def official(request, tmp_path_factory):
    """A tiny Molmo with random weights, and the official code's inputs and outputs."""
    file = np.load(GOLDEN / f"logits_{request.param}.npz")
    settings, length = json.loads(bytes(file["config_json"])), int(file["n_valid_tokens"])
    config = from_hf_config(settings)
    model = MiniMolmo(config)
    load_official(write_official(tmp_path_factory.mktemp("official"), read_state_dict(file)), model)

    height, width = settings["image_hw"]  # the same image and question through our own tiler and sequence
    y, x, c = np.ogrid[:height, :width, :3]
    image = ((7 * y + 13 * x + 29 * c + (y * x) // 50) % 256).astype(np.uint8)
    tokenizer = SimpleNamespace(eos=settings["eos"], **settings["special_token_ids"])
    crops = tile_image(image, config.image, settings["max_crops"])
    batch = collate([build_sequence(crops, [[list(settings["messages"][0].encode())]], tokenizer)])
    return SimpleNamespace(file=file, model=model.eval(), batch=batch, length=length, name=request.param)


# The same outputs

def test_tiler_and_sequence_give_the_inputs_of_the_official_code(official):
    """The official batch has one crop of padding more. Masks are shifted by one crop in both."""
    file, batch = official.file, official.batch
    num_crops = len(batch.patches)
    pixels = torch.from_numpy(file["in/images"][0, :num_crops])
    torch.testing.assert_close(normalise_pixels(batch.patches), pixels, atol=1e-4, rtol=0)
    masks = torch.from_numpy(file["in/image_masks"][0, :num_crops])
    torch.testing.assert_close(batch.patch_coverage, masks, atol=1e-6, rtol=0)
    assert batch.ids[0].tolist() == file["in/input_ids"][0, :official.length].tolist()
    assert batch.position[0].tolist() == file["in/position_ids"][0, :official.length].tolist()


@torch.no_grad()
def test_the_two_feature_layers_equal_the_official_ones(official):
    patches = normalise_pixels(official.batch.patches)
    expected = torch.from_numpy(official.file["out/vit_tapped"])[:len(patches), 1:]
    torch.testing.assert_close(official.model.vit(patches), expected, atol=1e-4, rtol=1e-5)


@torch.no_grad()
def test_gathering_windows_gives_the_visual_tokens_that_official_molmo_scatters(official):
    """The official code scatters them to image_input_idx, or drops them; ours are in reading order."""
    index = official.file["in/image_input_idx"].reshape(-1)
    features = official.file["out/image_features"].reshape(len(index), -1)
    order = np.argsort(index, kind="stable")
    expected = torch.from_numpy(features[order[index[order] >= 0]])

    visual = official.model.encode_images(official.batch)[1]
    torch.testing.assert_close(visual, expected, atol=1e-3, rtol=1e-5)


@torch.no_grad()
def test_the_same_weights_give_the_official_logits(official):
    expected = torch.from_numpy(official.file["out/logits"][0, :official.length])
    torch.testing.assert_close(official.model(official.batch)[0], expected, atol=1e-4, rtol=0)


def test_the_same_weights_generate_the_official_tokens(official):
    """24 tokens with the KV cache, where the official code's are recorded; else its most likely next one."""
    recorded = json.loads((GOLDEN / "generate.json").read_text(encoding="utf-8"))["cases"]
    cases = {case["file"]: case for case in recorded}
    expected = cases.get(f"logits_{official.name}.npz", {}).get("greedy_24")
    if expected is None:
        expected = [int(official.file["out/logits"][0, official.length - 1].argmax())]
    assert generate(official.model, official.batch, eos=256, max_new_tokens=len(expected)) == [expected]


# Names and shapes

def tiny_config(**decoder) -> MolmoConfig:
    """A small architecture with some settings of the decoder."""
    base = DecoderConfig(width=16, layers=2, heads=4, kv_heads=2, mlp=12, vocab=257, additional_vocab=4,
                         tied=False)
    return MolmoConfig(ImageConfig(crop_size=8, patch_size=2, margins=(0, 0), shifted_masks=True),
                       VisionConfig(width=8, layers=2, heads=2, mlp=16),
                       ConnectorConfig(width=8, heads=2, mlp=12), replace(base, **decoder))


KINDS = {"qwen2": {}, "olmo": dict(qkv_bias=False, qk_norm=True, post_norm=True, kv_heads=4, vocab_padding=7),
         "olmoe": dict(qkv_bias=False, qk_norm=True, kv_heads=4, experts=4, top_k=2), "tied": dict(tied=True)}


def make_model(config: MolmoConfig, seed: int = 0) -> MiniMolmo:
    """A model with random parameters."""
    torch.manual_seed(seed)
    model = MiniMolmo(config).eval()
    for parameter in model.parameters():
        parameter.data = torch.randn_like(parameter)
    return model


@pytest.mark.parametrize("name, tensors", [("molmoe_1b", 549), ("molmo_7b_o", 645), ("molmo_7b_d", 585),
                                           ("molmo_72b", 949)])
def test_our_models_have_as_many_named_tensors_as_the_official_files(name, tensors):
    assert len(official_names(meta_model(preset(name).model))) == tensors


def test_the_official_7b_d_has_32_gigabytes_to_the_byte():
    """The total_size in the metadata of its index."""
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


def qwen2_layout(width: int, layers: int, kv_width: int, mlp: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the released files of a Molmo from Qwen2, written out; # is a block's index."""
    qkv = width + 2 * kv_width
    text = {"wte.embedding": (152064, width), "wte.new_embedding": (128, width), "ln_f.weight": (width,),
            "ff_out.weight": (152064, width),
            "blocks.#.att_proj.weight": (qkv, width), "blocks.#.att_proj.bias": (qkv,),
            "blocks.#.attn_out.weight": (width, width), "blocks.#.ff_proj.weight": (2 * mlp, width),
            "blocks.#.ff_out.weight": (width, mlp), "blocks.#.attn_norm.weight": (width,),
            "blocks.#.ff_norm.weight": (width,)}
    vision = {"pad_embed": (2, 2048), "image_projector.w1.weight": (mlp, 1024),
              "image_projector.w3.weight": (mlp, 1024), "image_projector.w2.weight": (width, mlp),
              "image_vit.class_embedding": (1024,), "image_vit.positional_embedding": (577, 1024),
              "image_vit.patch_embedding.weight": (1024, 588)}
    pooling, block = "image_pooling_2d", "image_vit.transformer.resblocks.#"
    with_bias = {f"{pooling}.wq": (1024, 2048), f"{pooling}.wk": (1024, 2048), f"{pooling}.wv": (1024, 2048),
                 f"{pooling}.wo": (1024, 1024), "image_vit.pre_ln": (1024,),
                 **{f"{block}.attention.{name}": (1024, 1024) for name in ("wq", "wk", "wv", "wo")},
                 f"{block}.feed_forward.w1": (4096, 1024), f"{block}.feed_forward.w2": (1024, 4096),
                 f"{block}.attention_norm": (1024,), f"{block}.ffn_norm": (1024,)}
    vision |= {f"{name}.weight": shape for name, shape in with_bias.items()}
    vision |= {f"{name}.bias": shape[:1] for name, shape in with_bias.items()}
    return {f"model.{part}.{name}".replace("#", str(i)): shape
            for part, rows, blocks in (("transformer", text, layers), ("vision_backbone", vision, 23))
            for name, shape in rows.items() for i in range(blocks if "#" in name else 1)}


@pytest.mark.parametrize("name, sizes, tensors, num_bytes", [
    ("molmo_7b_d", (3584, 28, 512, 18944), 585, 16_042_050_560),
    ("molmo_72b", (8192, 80, 1024, 29568), 949, 146_616_571_904)])
def test_every_tensor_of_an_export_has_the_official_name_and_shape(name, sizes, tensors, num_bytes):
    """By shapes alone: the model is on device "meta", in bfloat16, and so are the tensors to be written."""
    exported = OfficialTensors(meta_model(preset(name).model).to(torch.bfloat16))
    assert {key: tuple(tensor.shape) for key, tensor in exported.items()} == qwen2_layout(*sizes)
    assert len(exported) == tensors and sum(tensor.nbytes for tensor in exported.values()) == num_bytes


@pytest.mark.parametrize("kind", KINDS)
def test_our_export_loads_bit_for_bit(kind, tmp_path):
    config = tiny_config(**KINDS[kind])
    model, loaded = make_model(config), make_model(config, seed=1)
    save_official(tmp_path, model, shard_bytes=3000)
    load_official(tmp_path, loaded)

    assert len(list(tmp_path.glob("*.safetensors"))) > 3
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    assert read_config(tmp_path) == model.config


def test_loaded_official_weights_are_exported_bit_for_bit(official, tmp_path):
    save_official(tmp_path, official.model)
    before, after = read_state_dict(official.file), TensorFolder(tmp_path)
    assert set(after) == {"model." + name for name in before}
    for name, tensor in before.items():
        assert after["model." + name].numpy().tobytes() == tensor.numpy().tobytes(), name


def test_a_file_that_we_write_is_aligned_and_has_the_metadata_that_other_readers_require(tmp_path):
    """Values begin at a multiple of 8 bytes, every tensor at a multiple of its dtype's size."""
    save_official(tmp_path, make_model(tiny_config()))
    path, = tmp_path.glob("*.safetensors")
    entries, metadata = safetensors.read_header(path)
    assert metadata == {"format": "pt"}
    assert min(entry.start for entry in entries.values()) % 8 == 0
    assert all(entry.start % entry.dtype.itemsize == 0 for entry in entries.values())


def test_native_files_have_names_without_the_prefix_model(official, tmp_path):
    loaded = make_model(official.model.config)
    load_official(write_official(tmp_path, read_state_dict(official.file), prefix=""), loaded)
    assert torch.equal(loaded.decoder.head.weight, official.model.decoder.head.weight)


def test_the_official_matrix_has_up_before_gate(tmp_path):
    model = make_model(tiny_config())
    block = model.decoder.blocks[1].mlp
    matrix = OfficialTensors(model)["model.transformer.blocks.1.ff_proj.weight"]
    assert torch.equal(matrix, torch.cat([block.up.weight, block.gate.weight]))


def test_every_misfit_is_reported_at_once_and_nothing_is_changed(tmp_path):
    """One tensor is missing, one unexpected, one of another shape."""
    model = make_model(tiny_config())
    tensors = dict(OfficialTensors(model))
    del tensors["model.transformer.ln_f.weight"]
    tensors["model.transformer.wings"] = torch.zeros(2)
    tensors["model.vision_backbone.pad_embed"] = torch.zeros(2, 5)
    other = make_model(tiny_config(), seed=1)
    before = {name: weight.clone() for name, weight in other.state_dict().items()}

    with pytest.raises(ValueError) as error:
        load_official(write_official(tmp_path, tensors, prefix=""), other)
    assert "missing     model.transformer.ln_f.weight (16,)\n" in str(error.value)
    assert "unexpected  model.transformer.wings (2,)\n" in str(error.value)
    assert "misshaped   model.vision_backbone.pad_embed (2, 5), the model's is (2, 16)\n" in str(error.value)
    assert all(torch.equal(other.state_dict()[name], weight) for name, weight in before.items())


def test_weights_are_loaded_in_the_dtype_of_the_model(tmp_path):
    save_official(tmp_path, make_model(tiny_config()))
    model = make_model(tiny_config(), seed=1).bfloat16()
    load_official(tmp_path, model)
    assert torch.equal(model.padding, make_model(tiny_config()).padding.bfloat16())


@pytest.mark.parametrize("family, names", [
    ("siglip", {"patch_embedding.bias", "positional_embedding"}),
    ("dino", {"patch_embedding.bias", "class_embedding", "transformer.resblocks.1.lambda2"}),
    ("clip", {"pre_ln.weight", "pre_ln.bias", "class_embedding"})])
def test_each_family_of_vision_towers_has_its_own_tensors(family, names):
    config = replace(tiny_config(), vision=replace(tiny_config().vision, family=family))
    prefix, all_names = "vision_backbone.image_vit.", official_names(meta_model(config))
    found = {name.removeprefix(prefix) for name in all_names if name.startswith(prefix)}
    assert names <= found
    assert ("pre_ln.weight" in found) == (family == "clip")
    assert ("class_embedding" in found) == (family != "siglip")


# The architecture of a folder

def test_an_official_molmo_is_recognised_by_its_shapes_whatever_its_config_says(monkeypatch, tmp_path):
    for name in ("molmoe_1b", "molmo_7b_o", "molmo_7b_d", "molmo_72b"):
        shapes = official_shapes(preset(name).model)
        file = SimpleNamespace(entries={"model." + tensor: SimpleNamespace(shape=shape)
                                        for tensor, shape in shapes.items()})
        monkeypatch.setattr("minimolmo.weights.official.TensorFolder", lambda _, file=file: file)
        assert read_config(tmp_path) == preset(name).model


def test_hugging_faces_names_and_the_native_ones_give_the_same_config():
    native = dict(d_model=4096, n_layers=32, n_heads=32, mlp_hidden_size=22016, vocab_size=100278,
                  embedding_size=100352, additional_vocab_size=128, rope_theta=5e5, layer_norm_eps=1e-6,
                  qkv_bias=False, attention_layer_norm=True, norm_after=True, weight_tying=False)
    hugging_face = dict(hidden_size=4096, num_hidden_layers=32, num_attention_heads=32,
                        num_key_value_heads=None, intermediate_size=22016, vocab_size=100278,
                        embedding_size=100352, rope_theta=5e5, layer_norm_eps=1e-6, qkv_bias=False,
                        attention_layer_norm=True, norm_after=True, tie_word_embeddings=False)
    assert from_hf_config(native) == from_hf_config(hugging_face) == preset("molmo_7b_o").model


def test_a_config_converted_to_hugging_faces_and_back_is_the_same():
    for name in ("molmoe_1b", "molmo_7b_o", "molmo_7b_d", "molmo_72b"):
        assert from_hf_config(to_hf_config(preset(name).model)) == preset(name).model


def test_an_incomplete_config_is_refused_with_the_missing_settings():
    with pytest.raises(ValueError, match="has no n_layers or num_hidden_layers, mlp_hidden_size or"):
        from_hf_config(dict(d_model=64, n_heads=4, vocab_size=320))


@pytest.mark.parametrize("spoil", [
    dict(minimolmo=7), dict(minimolmo={"decoder": 3}), dict(minimolmo={"decoder": {"width": "16"}}),
    dict(minimolmo={"image": {"margins": 4}}), dict(hidden_size="16"), dict(hidden_size=16.0),
    dict(overlap_margins=4), dict(vision=7), dict(vision={"image_default_input_size": []}),
    dict(vision={"image_model_type": []}), dict(embedding_size="many"), dict(moe=7)], ids=str)
def test_settings_of_the_wrong_type_are_refused(tmp_path, spoil):
    save_official(tmp_path, make_model(tiny_config()))
    values = {**to_hf_config(tiny_config()), **spoil}
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ValueError, match="(?s)(no model|nothing) can be built.* Try|belong. Try"):
        finetune_config(tmp_path)


def test_settings_larger_than_the_files_are_refused_before_memory_is_allocated(tmp_path):
    """An embedding of a thousand billion tokens: 32 TB."""
    save_official(tmp_path, make_model(tiny_config()))
    Tokenizer([], vocab=257).save(tmp_path / "tokenizer.json")
    huge = to_dict(replace(tiny_config(), decoder=replace(tiny_config().decoder, vocab=10 ** 12)))
    (tmp_path / "config.json").write_text(json.dumps({"minimolmo": huge}), encoding="utf-8")
    with pytest.raises(ValueError, match="does not fit the model, so nothing was loaded"):
        load(tmp_path, torch.device("cpu"))


def test_another_position_grid_than_the_patch_grid_is_recognised_by_the_number_of_positions():
    """81 patches, 64 positions and the class token's; without a class token it would be 64 alone."""
    settings = dict(d_model=64, n_layers=2, n_heads=4, mlp_hidden_size=64, vocab_size=320)
    vision = dict(image_default_input_size=[72, 72], image_patch_size=8, image_emb_dim=32, image_num_heads=4,
                  image_num_layers=4, image_mlp_dim=64)
    clip = from_hf_config({**settings, "vit_layers": [-2, -4], "overlap_margins": [2, 2],
                           "vision": {**vision, "image_num_pos": 65}})
    siglip = from_hf_config({**settings, "vit_layers": [-2, -4], "overlap_margins": [2, 2],
                             "vision": {**vision, "image_num_pos": 81, "image_model_type": "siglip"}})
    assert (clip.vision.position_grid, clip.image.side) == (8, 9)
    assert (siglip.vision.position_grid, siglip.image.side) == (0, 9)


def test_fine_tuning_uses_the_presets_learning_rates_and_skips_pretraining(tmp_path):
    save_official(tmp_path, make_model(tiny_config()))
    run = finetune_config(tmp_path)
    assert run.model == tiny_config() and run.pretrain.steps == run.bootstrap.steps == 0
    assert run.finetune == preset("molmo_7b_d").finetune


def write_config(folder: Path, config: MolmoConfig) -> Path:
    """A folder with the config of an official folder, and with an empty file of weights."""
    folder.mkdir()
    (folder / "model.safetensors").touch()
    (folder / "config.json").write_text(json.dumps({"minimolmo": to_dict(config)}), encoding="utf-8")
    return folder


def test_only_models_too_large_for_a_gpu_are_sharded_and_only_our_experts_get_the_balancing_loss(tmp_path):
    """8.0 billion parameters take 128 GB to train; 9 thousand fit anywhere."""
    large = replace(preset("molmo_7b_d").model, image=preset("mini").model.image)
    cases = [("small", tiny_config(), False, 0.1), ("large", large, True, 0.1),
             ("molmoe", preset("molmoe_1b").model, True, 0.0)]
    for name, config, shard, load_balance in cases:
        run = finetune_config(write_config(tmp_path / name, config))
        assert (run.shard, run.load_balance_weight) == (shard, load_balance), name


def test_an_exported_nano_is_fine_tuned_without_bootstrap_and_pretrain(tmp_path):
    run = finetune_config(write_config(tmp_path / "nano", preset("nano").model))
    assert run.name == "nano" and run.finetune == preset("nano").finetune
    assert run.bootstrap.steps == run.pretrain.steps == 0


def test_an_incomplete_download_is_recognised(tmp_path):
    """Shards and settings without an index: the message must not call it an old checkpoint."""
    save_official(tmp_path, make_model(tiny_config()), shard_bytes=3000)
    (tmp_path / "model.safetensors.index.json").unlink()
    with pytest.raises(ValueError, match="lacks model.safetensors, or .* and its files, so the copy"):
        answer.load(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no official weights, so .* Try"):
        finetune_config(tmp_path)


# Answering

def test_an_official_folder_answers_in_bfloat16_as_it_does_in_float32(tmp_path, monkeypatch, capsys):
    """Up to rounding to 8 bits; and the command line prints what `ask` returns."""
    torch.manual_seed(0)
    model, tokenizer = MiniMolmo(tiny_config()).eval(), Tokenizer([], vocab=257)
    save_official(tmp_path, model)
    tokenizer.save(tmp_path / "tokenizer.json")
    Image.new("RGB", (20, 12), "red").save(tmp_path / "red.png")

    loaded, _, config = answer.load(tmp_path)
    assert loaded.decoder.head.weight.dtype == torch.bfloat16 and config.finetune.view == "ground"
    image = np.full((12, 20, 3), 200, np.uint8)
    batch = collate([answer.build_prompt(image, "Who?", model, tokenizer, "ground")])
    exact, rounded = model(batch), loaded(batch)
    assert 0 < (exact - rounded).abs().max() < 0.05 * exact.abs().max()
    answer.main([str(tmp_path / "red.png"), "Who?", f"--weights={tmp_path}"])
    reply, = answer.ask(loaded, tokenizer, [open_image(tmp_path / "red.png")], ["Who?"], "ground")
    assert capsys.readouterr().out.strip().startswith(printable(reply.text))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(FileExistsError, match="file"):  # which run_command puts into words
        main([str(answer.RELEASED), str(tmp_path / "file" / "nano")])


def test_an_export_replaces_an_export_and_no_other_folder(tmp_path, monkeypatch):
    """A foreign folder is refused before anything is read; a full disk leaves the older export whole."""
    foreign, out = tmp_path / "photos", tmp_path / "nano"
    foreign.mkdir()
    (foreign / "config.json").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="photos was not written by this program.*Move it away"):
        main([str(tmp_path / "no run"), str(foreign)])
    assert [path.read_text(encoding="utf-8") for path in foreign.iterdir()] == ["mine"]

    main([str(answer.RELEASED), str(out)])
    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
        main([str(answer.RELEASED), str(out)])
    check_files(out)
    main([str(answer.RELEASED), str(out)])
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "nano", "photos"}
    with locked(tmp_path), pytest.raises(ValueError, match="is in use by"):
        main([str(answer.RELEASED), str(out)])


def test_the_command_line_exports_a_checkpoint_in_the_official_layout(tmp_path, capsys):
    """The released nano gives the same answer when it is loaded from the export."""
    main([str(answer.RELEASED), str(tmp_path / "nano")])
    assert "tensors" in capsys.readouterr().out
    original = answer.load(answer.RELEASED)
    exported = load(tmp_path / "nano", torch.device("cpu"), torch.float32)
    question = [np.full((64, 64, 3), 255, np.uint8)], ["Point to the red circle."]
    assert answer.ask(*original[:2], *question) == answer.ask(*exported[:2], *question)
