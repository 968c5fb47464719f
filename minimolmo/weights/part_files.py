"""Reads the weights of a trained part under our names: CLIP's tower, or the decoder of a language model.

    part = Part(Path("SmolLM2-135M"), meta_model(config), "decoder.")
    part["decoder.blocks.0.attention.qkv.weight"]     # three tensors of the file, one below another

Everything is checked by the files' headers before a tensor is read. Tensors are read one at a time, and in
pieces of 16 MB. Source: the parameter names of Hugging Face's CLIP, Qwen2, Llama and OLMo 2.
"""
from __future__ import annotations

import math
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from minimolmo.config import MolmoConfig
from minimolmo.model.molmo import MiniMolmo
from minimolmo.weights.checkpoint import is_finite
from minimolmo.weights.safetensors import Entry, check_shapes
from minimolmo.weights.shards import TensorFolder

PICKLE = "pytorch_model.bin"
POINTER = b"version https://git-lfs"  # the beginning of a Git LFS pointer file

VIT, VIT_BLOCK, BLOCK = "vision_model.", "vision_model.encoder.layers.#.", "model.layers.#."
NAMES = {  # our name: Hugging Face's, for weights and biases; # is a block's index
    "vit.embed.class_token": [VIT + "embeddings.class_embedding"],
    "vit.embed.positions": [VIT + "embeddings.position_embedding.weight"],
    "vit.embed.project": [VIT + "embeddings.patch_embedding"],  # a convolution
    "vit.embed.norm": [VIT + "pre_layrnorm"],                   # so spelled
    "vit.blocks.#.attention.query": [VIT_BLOCK + "self_attn.q_proj"],
    "vit.blocks.#.attention.key": [VIT_BLOCK + "self_attn.k_proj"],
    "vit.blocks.#.attention.value": [VIT_BLOCK + "self_attn.v_proj"],
    "vit.blocks.#.attention.out": [VIT_BLOCK + "self_attn.out_proj"],
    "vit.blocks.#.attention_norm": [VIT_BLOCK + "layer_norm1"],
    "vit.blocks.#.mlp_norm": [VIT_BLOCK + "layer_norm2"],
    "vit.blocks.#.mlp.up": [VIT_BLOCK + "mlp.fc1"],
    "vit.blocks.#.mlp.down": [VIT_BLOCK + "mlp.fc2"],
    "decoder.embedding": ["model.embed_tokens"],
    "decoder.norm": ["model.norm"],
    "decoder.head": ["lm_head"],
    "decoder.blocks.#.attention_norm": [BLOCK + "input_layernorm"],
    "decoder.blocks.#.attention.qkv": [BLOCK + f"self_attn.{each}_proj" for each in "qkv"],  # one matrix
    "decoder.blocks.#.attention.q_norm": [BLOCK + "self_attn.q_norm"],
    "decoder.blocks.#.attention.k_norm": [BLOCK + "self_attn.k_norm"],
    "decoder.blocks.#.attention.out": [BLOCK + "self_attn.o_proj"],
    "decoder.blocks.#.mlp_norm": [BLOCK + "post_attention_layernorm"],
    "decoder.blocks.#.mlp.up": [BLOCK + "mlp.up_proj"],
    "decoder.blocks.#.mlp.gate": [BLOCK + "mlp.gate_proj"],
    "decoder.blocks.#.mlp.down": [BLOCK + "mlp.down_proj"],
}
POST_NORM = {"decoder.blocks.#.attention_norm": [BLOCK + "post_attention_layernorm"],
             "decoder.blocks.#.mlp_norm": [BLOCK + "post_feedforward_layernorm"]}
CONVOLUTION = "vit.embed.project.weight"
UNUSED = re.compile(r"(text_model|visual_projection|text_projection|logit_scale)\b.*|vision_model\.post_.*"
                    r"|vision_model\.embeddings\.position_ids|.*\.rotary_emb\.inv_freq")


class Part(Mapping):
    """The weights of one part under our names, float32. A tensor is read when it is looked up.

    prefix  of our names: "vit." or "decoder."

    Raises ValueError, before any tensor is read, if the folder is not complete or does not fit `model`.
    """

    def __init__(self, folder: Path, model: MiniMolmo, prefix: str):
        refuse_pointers(folder)
        self.folder, self.file = folder, open_weights(folder, allow_pickle=prefix == "vit.")
        self.shapes = {name: tuple(weight.shape) for name, weight in model.named_parameters()
                       if name.startswith(prefix)}
        self.pieces = {name: hf_shapes(name, shape, model) for name, shape in self.shapes.items()}
        expected = {hf: shape for pieces in self.pieces.values() for hf, shape in pieces.items()}
        check_shapes(folder, _Used(self.file, expected, model.config), expected,
                     "a complete copy of the folder, with its own config.json")

    def __getitem__(self, name: str) -> Tensor:
        pieces = self.pieces[name]
        values = torch.empty(sum(map(math.prod, pieces.values())))
        parts = values.split(list(map(math.prod, pieces.values())))
        for hf, part in zip(pieces, parts):
            self.file.read_into(hf, part)
        if not is_finite(values):
            raise ValueError(f"{self.folder} has weights that are not finite, in {', '.join(pieces)}, so no "
                             f"answer could be right. Try another copy.")
        if name == CONVOLUTION:  # (D, channel, y, x): ours flattens (y, x, channel)
            values = values.view(*pieces.values()).permute(0, 2, 3, 1)
        return values.reshape(self.shapes[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


class _Used:
    """The entries of a file that a model should have: without those that it leaves out on purpose."""

    def __init__(self, file: Mapping, expected: dict, config: MolmoConfig):
        left_out = f"{VIT}encoder.layers.{config.vision.layers}."  # the tower's last layer
        tied = config.decoder.tied
        self.entries = {name: entry for name, entry in file.entries.items() if name in expected or not (
            UNUSED.fullmatch(name) or name.startswith(left_out) or tied and name == "lm_head.weight")}


def hf_shapes(name: str, shape: tuple[int, ...], model: MiniMolmo) -> dict[str, tuple[int, ...]]:
    """Hugging Face's names and shapes of the tensors whose rows, concatenated, are one of our weights."""
    index = "".join(re.findall(r"\.(\d+)\.", name))
    pattern = re.sub(r"\.\d+\.", ".#.", name)
    module, _, kind = pattern.rpartition(".")
    table = {**NAMES, **POST_NORM} if model.config.decoder.post_norm else NAMES
    names = table.get(pattern) or [f"{each}.{kind}" for each in table[module]]
    names = [each.replace("#", index) for each in names]
    if name == CONVOLUTION:
        side = model.config.image.patch_size
        return {names[0]: (shape[0], 3, side, side)}
    rows = model.decoder.blocks[0].attention.widths if len(names) > 1 else shape[:1]
    return {each: (count, *shape[1:]) for each, count in zip(names, rows)}


def refuse_pointers(folder: Path) -> None:
    """Raise ValueError if a file of a folder is a Git LFS pointer: the file itself was not downloaded."""
    for path in sorted(folder.glob("*")):
        if path.suffix in (".json", ".txt", ".bin", ".safetensors") and path.is_file():
            with open(path, "rb") as file:
                if file.read(len(POINTER)) == POINTER:
                    raise ValueError(f"{path} is a Git LFS pointer, and does not hold the file itself. Try "
                                     f"\"git lfs pull\" in its folder.")


def open_weights(folder: Path, allow_pickle: bool) -> Mapping:
    """A folder's weights, opened lazily. Raises ValueError if they are missing or in another format."""
    if any(folder.glob("model*.safetensors*")) or not any(folder.glob("*.bin")):
        return TensorFolder(folder)
    if allow_pickle and (folder / PICKLE).is_file():
        return PickledTensors(folder / PICKLE)
    raise ValueError(f"{folder} has its weights as pickles (*.bin), which may run code when they are read, "
                     f"so they are not opened. Try a copy of the model with model.safetensors.")


class PickledTensors(Mapping):
    """A pytorch_model.bin of older CLIPs, as a `TensorFile`. It is mapped into memory and runs no code."""

    def __init__(self, path: Path):
        try:
            tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            self.tensors = {name: tensor.detach() for name, tensor in tensors.items()}
        except (RuntimeError, pickle.PickleError, EOFError, AttributeError, LookupError, TypeError,
                ValueError) as error:
            raise ValueError(f"{path} is a pickle that holds more than named tensors, or it is not whole "
                             f"({str(error).splitlines()[0][:100]}), so it is not read. Try a copy of the "
                             f"model with model.safetensors.") from None
        self.entries = {name: Entry(each.dtype, tuple(each.shape), 0, 0)
                        for name, each in self.tensors.items()}

    def read_into(self, name: str, out: Tensor, first: int = 0) -> None:
        """As `TensorFile.read_into`."""
        out.copy_(self.tensors[name].reshape(-1)[first:first + len(out)])

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)
