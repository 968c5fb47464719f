"""Hugging Face's separate tensors of experts are loaded as stacked ones. Their names are unverified."""
import pytest
import torch
from torch import Tensor

from minimolmo.config import ConnectorConfig, DecoderConfig, ImageConfig, MolmoConfig, VisionConfig
from minimolmo.model.molmo import MiniMolmo
from minimolmo.weights.hf_experts import StackedExperts
from minimolmo.weights.official import OfficialTensors, load_official
from minimolmo.weights.safetensors import save
from minimolmo.weights.shards import TensorFolder

EXPERTS, INNER, WIDTH = 3, 4, 8
CONFIG = MolmoConfig(
    ImageConfig(crop_size=8, patch_size=2, margins=(0, 0)), VisionConfig(width=8, layers=2, heads=2, mlp=16),
    ConnectorConfig(width=8, heads=2, mlp=12),
    DecoderConfig(width=WIDTH, layers=2, heads=2, kv_heads=2, mlp=INNER, vocab=257, additional_vocab=4,
                  tied=False, experts=EXPERTS, top_k=2))


def separate_experts(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Native tensors with one matrix for each expert, made by torch's own chunk."""
    parts = {}
    for name, tensor in tensors.items():
        block, _, ffn = name.partition("ffn.")
        if ffn == "router.layer.weight":
            parts[block + "mlp.gate.weight"] = tensor
        elif ffn:
            matrix = {"w1": "gate", "v1": "up", "w2": "down"}[ffn.removeprefix("experts.mlp.")]
            for index, expert in enumerate(tensor.chunk(EXPERTS)):
                expert = expert.T if matrix == "down" else expert
                parts[f"{block}mlp.experts.{index}.{matrix}_proj.weight"] = expert
        else:
            parts[name] = tensor
    return parts


def make_model(seed: int) -> MiniMolmo:
    torch.manual_seed(seed)
    model = MiniMolmo(CONFIG)
    for parameter in model.parameters():
        parameter.data = torch.randn_like(parameter)
    return model


@pytest.fixture
def parts() -> dict[str, Tensor]:
    """A random model's tensors, with separate matrices for each expert."""
    return separate_experts(dict(OfficialTensors(make_model(0))))


def test_separate_experts_load_as_the_same_model(tmp_path, parts):
    """2 blocks x 3 experts x 3 matrices are 2 x 3 stacks."""
    save(tmp_path / "model.safetensors", parts)
    model, other = make_model(0), make_model(1)
    load_official(tmp_path, other)
    assert len(parts) == len(OfficialTensors(model)) + 2 * 3 * (EXPERTS - 1)
    for name, weight in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], weight), name


def test_a_process_reads_its_shard_of_a_stack_wherever_it_begins(tmp_path, parts):
    """Values 30 to 69 of 96: the end of expert 0, all of 1, the start of 2."""
    save(tmp_path / "model.safetensors", parts)
    file, name = StackedExperts(TensorFolder(tmp_path)), "model.transformer.blocks.1.ffn.experts.mlp.w2"
    shard = torch.zeros(40)
    file.read_into(name, shard, first=30)
    assert file.entries[name].shape == (EXPERTS * INNER, WIDTH)
    assert torch.equal(shard, make_model(0).decoder.blocks[1].mlp.down.weight.flatten()[30:70])


@pytest.mark.parametrize("spoil, message", [
    (lambda parts, name: parts.pop(name), "missing     model.transformer.blocks.0.ffn.experts.mlp.w1"),
    (lambda parts, name: parts.update({name: parts[name].T.contiguous()}), "unexpected .*experts.1.gate"),
    (lambda parts, name: parts.update({name: parts[name][0]}), "unexpected .*experts.1.gate"),
    (lambda parts, name: parts.update({name.replace("mlp", "moe"): parts.pop(name)}), "unexpected .*moe"),
])
def test_an_expert_that_is_missing_or_misfits_is_named_and_nothing_is_loaded(tmp_path, parts, spoil, message):
    spoil(parts, "model.transformer.blocks.0.mlp.experts.1.gate_proj.weight")
    save(tmp_path / "model.safetensors", parts)
    with pytest.raises(ValueError, match=f"(?s)nothing was loaded.*{message}"):
        load_official(tmp_path, make_model(1))
