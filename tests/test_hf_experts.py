"""Separate tensors of experts are read into the stacked ones of the native files; names unverified."""

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
    DecoderConfig(width=WIDTH, layers=2, heads=2, kv_heads=2, mlp=INNER, vocab=257, additional_vocab=4, tied=False,
                  experts=EXPERTS, top_k=2))


def apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Native tensors as a module for each expert has them, by torch's own chunk."""
    parts = {}
    for name, tensor in tensors.items():
        block, _, what = name.partition("ffn.")
        if what == "router.layer.weight":
            parts[block + "mlp.gate.weight"] = tensor
        elif what:
            piece = {"w1": "gate", "v1": "up", "w2": "down"}[what.removeprefix("experts.mlp.")]
            for number, expert in enumerate(tensor.chunk(EXPERTS)):
                expert = expert.T if piece == "down" else expert
                parts[f"{block}mlp.experts.{number}.{piece}_proj.weight"] = expert
        else:
            parts[name] = tensor
    return parts


def make(seed: int) -> MiniMolmo:
    torch.manual_seed(seed)
    model = MiniMolmo(CONFIG)
    for parameter in model.parameters():
        parameter.data = torch.randn_like(parameter)
    return model


@pytest.fixture
def parts() -> dict[str, Tensor]:
    """A random model's tensors, each expert's by itself."""
    return apart(dict(OfficialTensors(make(0))))


def test_experts_one_by_one_are_the_same_model(tmp_path, parts):
    """2 blocks x 3 experts x 3 matrices stand in the place of 2 x 3 stacks."""
    save(tmp_path / "model.safetensors", parts)
    model, other = make(0), make(1)
    load_official(tmp_path, other)
    assert len(parts) == len(OfficialTensors(model)) + 2 * 3 * (EXPERTS - 1)
    for name, weight in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], weight), name


def test_a_process_reads_its_share_of_a_stack_wherever_it_begins(tmp_path, parts):
    """Numbers 30 to 69 of 96: the end of expert 0, all of 1, the start of 2."""
    save(tmp_path / "model.safetensors", parts)
    file, name = StackedExperts(TensorFolder(tmp_path)), "model.transformer.blocks.1.ffn.experts.mlp.w2"
    share = torch.zeros(40)
    file.read_into(name, share, first=30)
    assert file.entries[name].shape == (EXPERTS * INNER, WIDTH)
    assert torch.equal(share, make(0).decoder.blocks[1].mlp.down.weight.flatten()[30:70])


@pytest.mark.parametrize("spoil, said", [
    (lambda parts, name: parts.pop(name), "missing     model.transformer.blocks.0.ffn.experts.mlp.w1"),
    (lambda parts, name: parts.update({name: parts[name].T.contiguous()}), "unexpected .*experts.1.gate"),
    (lambda parts, name: parts.update({name: parts[name][0]}), "unexpected .*experts.1.gate"),
    (lambda parts, name: parts.update({name.replace("mlp", "moe"): parts.pop(name)}), "unexpected .*moe"),
])
def test_an_expert_that_is_missing_or_misfits_is_named_and_nothing_is_loaded(tmp_path, parts, spoil, said):
    spoil(parts, "model.transformer.blocks.0.mlp.experts.1.gate_proj.weight")
    save(tmp_path / "model.safetensors", parts)
    with pytest.raises(ValueError, match=f"(?s)nothing was loaded.*{said}"):
        load_official(tmp_path, make(1))
