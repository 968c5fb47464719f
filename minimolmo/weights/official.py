"""Loads and saves Molmo's official weights: maps the parameter names of MiniMolmo to the official ones.

    python -m minimolmo.answer photo.jpg "Count the cups." --weights=Molmo-7B-D-0924  # use official weights
    python -m minimolmo.weights.official out/mine out/official          # export a checkpoint in their layout

An official folder holds model.safetensors, or shards with an index; config.json; and the tokenizer's files.
Every official tensor is one of ours, or two of ours concatenated. No value is computed, so loading a folder
and saving it again gives the same bits.

Source: parameter names of the official code and of the files on Hugging Face, where all begin with "model.".
"""
from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from minimolmo.command import python_command, run_command, say
from minimolmo.config import MolmoConfig, RunConfig
from minimolmo.device import frozen_dtype
from minimolmo.disk import check_absent_or_own, write_atomically, write_text
from minimolmo.distributed import local_shard
from minimolmo.model.lora import is_adapter
from minimolmo.model.molmo import MiniMolmo
from minimolmo.options import Parser, path_argument
from minimolmo.overrides import from_dict, to_dict
from minimolmo.presets import PRESETS, preset
from minimolmo.text.hf_tokenizer import read_tokenizer
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights import checkpoint, safetensors
from minimolmo.weights.hf_experts import StackedExperts
from minimolmo.weights.official_config import from_hf_config, to_hf_config
from minimolmo.weights.counts import GB, TRAINING_BYTES, count_parameters, meta_model
from minimolmo.weights.shards import OFFICIAL_STEM, TensorFolder, save_folder, whole_folder

PREFIX = "model."
SHARD_BYTES = 5_000_000_000  # of one file
GPU_BYTES = 80 * GB          # memory of a large GPU
KIND = "official export"

BLOCK, VISION = "transformer.blocks.#.", "vision_backbone."
VIT_BLOCK = VISION + "image_vit.transformer.resblocks.#."
NAMES = {  # our name: the official one, for weights and biases; # is a block's index
    "decoder.embedding.weight": "transformer.wte.embedding",
    "extra_embedding.weight": "transformer.wte.new_embedding",
    "decoder.norm": "transformer.ln_f",
    "decoder.head": "transformer.ff_out",
    "decoder.blocks.#.attention_norm": BLOCK + "attn_norm",
    "decoder.blocks.#.attention.qkv": BLOCK + "att_proj",
    "decoder.blocks.#.attention.q_norm": BLOCK + "q_norm",
    "decoder.blocks.#.attention.k_norm": BLOCK + "k_norm",
    "decoder.blocks.#.attention.out": BLOCK + "attn_out",
    "decoder.blocks.#.mlp_norm": BLOCK + "ff_norm",
    "decoder.blocks.#.mlp.up": BLOCK + "ff_proj",  # one official matrix: the rows of up, then of gate
    "decoder.blocks.#.mlp.gate": BLOCK + "ff_proj",
    "decoder.blocks.#.mlp.down": BLOCK + "ff_out",
    "padding": VISION + "pad_embed",
    "pooling.attention.query": VISION + "image_pooling_2d.wq",
    "pooling.attention.key": VISION + "image_pooling_2d.wk",
    "pooling.attention.value": VISION + "image_pooling_2d.wv",
    "pooling.attention.out": VISION + "image_pooling_2d.wo",
    "projector.gate": VISION + "image_projector.w1",
    "projector.down": VISION + "image_projector.w2",
    "projector.up": VISION + "image_projector.w3",
    "vit.embed.class_token": VISION + "image_vit.class_embedding",
    "vit.embed.positions": VISION + "image_vit.positional_embedding",
    "vit.embed.project": VISION + "image_vit.patch_embedding",
    "vit.embed.norm": VISION + "image_vit.pre_ln",
    "vit.blocks.#.attention.query": VIT_BLOCK + "attention.wq",
    "vit.blocks.#.attention.key": VIT_BLOCK + "attention.wk",
    "vit.blocks.#.attention.value": VIT_BLOCK + "attention.wv",
    "vit.blocks.#.attention.out": VIT_BLOCK + "attention.wo",
    "vit.blocks.#.attention_norm": VIT_BLOCK + "attention_norm",
    "vit.blocks.#.attention_scale.weight": VIT_BLOCK + "lambda1",
    "vit.blocks.#.mlp_norm": VIT_BLOCK + "ffn_norm",
    "vit.blocks.#.mlp.up": VIT_BLOCK + "feed_forward.w1",
    "vit.blocks.#.mlp.down": VIT_BLOCK + "feed_forward.w2",
    "vit.blocks.#.mlp_scale.weight": VIT_BLOCK + "lambda2",
}
EXPERT_NAMES = {  # all experts of a block in one matrix
    "decoder.blocks.#.mlp.router": BLOCK + "ffn.router.layer",
    "decoder.blocks.#.mlp.gate.weight": BLOCK + "ffn.experts.mlp.w1",
    "decoder.blocks.#.mlp.up.weight": BLOCK + "ffn.experts.mlp.v1",
    "decoder.blocks.#.mlp.down.weight": BLOCK + "ffn.experts.mlp.w2",
}


def official_names(model: MiniMolmo) -> dict[str, list[str]]:
    """{official name: names of our parameters, whose rows, concatenated, are the official tensor}

    Adapters (lora.py) have no official name.
    """
    table = {**NAMES, **EXPERT_NAMES} if model.config.decoder.experts else NAMES
    names: dict[str, list[str]] = {}
    for name in [name for name, _ in model.named_parameters() if not is_adapter(name)]:
        index = "".join(re.findall(r"\.(\d+)\.", name))
        pattern = re.sub(r"\.\d+\.", ".#.", name)
        module, _, kind = pattern.rpartition(".")
        official = table.get(pattern) or f"{table[module]}.{kind}"
        names.setdefault(official.replace("#", index), []).append(name)
    return {official: sorted(parts, reverse=True) for official, parts in names.items()}  # up before gate


@lru_cache
def official_shapes(config: MolmoConfig) -> dict[str, tuple[int, ...]]:
    """Official name and shape of every tensor that an official folder of this architecture must hold."""
    model = meta_model(config)
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    return {official: _concatenated_shape([shapes[name] for name in names])
            for official, names in official_names(model).items()}


def _concatenated_shape(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape of matrices concatenated by rows; stacked experts count as rows."""
    if len(shapes[0]) == 1:
        return shapes[0]
    return sum(math.prod(shape[:-1]) for shape in shapes), shapes[0][-1]


def is_official(folder: str | Path) -> bool:
    """Whether a folder holds weights in the official layout, even if some are missing."""
    return any(Path(folder).glob(f"{OFFICIAL_STEM}*.safetensors*"))


def load_official(folder: str | Path, model: MiniMolmo) -> None:
    """Load official weights into a model, in its dtype and on its device, using 16 MB of extra memory.

    Each process reads its shard of a sharded model. Raises ValueError with every name that is missing,
    unexpected or of another shape; then nothing is changed.
    """
    file, parameters = open_weights(folder, model.config), dict(model.named_parameters())
    prefix = name_prefix(file.entries)
    for official, names in tqdm(official_names(model).items(), desc=f"reading {Path(folder).name}", delay=3,
                                leave=False):
        first = 0
        for name in names:
            values, offset = local_shard(parameters[name])
            file.read_into(prefix + official, values, first + offset)
            first += parameters[name].numel()
    checkpoint.check_finite_weights(folder, parameters)


def open_weights(folder: str | Path, config: MolmoConfig) -> StackedExperts:
    """The weights of a folder, opened lazily. Raises ValueError if they do not fit the architecture."""
    file, shapes = StackedExperts(TensorFolder(folder)), official_shapes(config)
    prefix = name_prefix(file.entries)
    safetensors.check_shapes(folder, file, {prefix + name: shape for name, shape in shapes.items()},
                             "a complete copy of the folder, or the preset that it was made from")
    return file


def name_prefix(names: Iterable[str]) -> str:
    """What all names of a folder's tensors begin with."""
    return PREFIX if all(name.startswith(PREFIX) for name in names) else ""


class OfficialTensors(Mapping):
    """A model's weights under their official names. Matrices are concatenated when they are looked up."""

    def __init__(self, model: MiniMolmo, parameters: Mapping[str, Tensor] | None = None):
        self.names, self.shapes = official_names(model), official_shapes(model.config)
        self.parameters = parameters or dict(model.named_parameters())

    def __getitem__(self, name: str) -> Tensor:
        name = name.removeprefix(PREFIX)
        parts = [self.parameters[part].detach() for part in self.names[name]]
        return (torch.cat(parts) if len(parts) > 1 else parts[0]).reshape(self.shapes[name])

    def __iter__(self) -> Iterator[str]:
        return (PREFIX + name for name in self.names)

    def __len__(self) -> int:
        return len(self.names)


def save_official(folder: str | Path, model: MiniMolmo, shard_bytes: int = SHARD_BYTES,
                  parameters: Mapping[str, Tensor] | None = None) -> None:
    """Write a model's weights and config.json in the official layout. The caller adds the tokenizer's files.

    parameters  taken in place of the model's own, one at a time; then the model may be on device "meta"
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_folder(folder, OfficialTensors(model, parameters), shard_bytes, {"format": "pt"})  # some need this
    text = json.dumps({**to_hf_config(model.config), "minimolmo": to_dict(model.config)}, indent=2)
    write_atomically(folder / "config.json", [text.encode()])


def read_config(folder: str | Path) -> MolmoConfig:
    """The architecture of an official folder.

    It comes from our own entry in config.json, if we wrote the folder; else from the preset with the same
    tensor shapes; else from the official settings in config.json. Raises ValueError if those are incomplete.
    """
    path = Path(folder) / "config.json"
    values = safetensors.parse_json_object(path, path.read_bytes()) if path.is_file() else {}
    if "minimolmo" in values:
        return from_dict(MolmoConfig, values["minimolmo"])
    config = _preset_with_shapes(StackedExperts(TensorFolder(folder)))
    try:
        return config or from_dict(MolmoConfig, to_dict(from_hf_config(values, path)))  # checks all types
    except (TypeError, AttributeError, LookupError) as error:
        raise ValueError(f"{path} holds a setting of the wrong type ({error}), so no model can be built. "
                         f"Try the config.json that was published with the weights.") from None


def _preset_with_shapes(file: StackedExperts) -> MolmoConfig | None:
    """The architecture of the preset that has exactly these tensors, or None."""
    prefix = name_prefix(file.entries)
    found = {name.removeprefix(prefix): entry.shape for name, entry in file.entries.items()}
    return next((run.model for run in PRESETS.values() if official_shapes(run.model) == found), None)


def finetune_config(folder: str | Path) -> RunConfig:
    """The settings for fine-tuning the weights of an official folder, without bootstrap and pretrain.

    They are those of its preset; without a preset, those of Molmo-7B-D under the folder's name. Raises
    ValueError if the folder holds no official weights.
    """
    if not is_official(folder):
        raise ValueError(f"{folder} holds no official weights, so no model can be loaded from it. Try a "
                         f"folder with model*.safetensors, config.json and the tokenizer's files.")
    model = read_config(folder)
    run = next((run for run in PRESETS.values() if run.model == model), None)
    run = run or _run_without_preset(Path(folder).resolve().name, model)
    return replace(run, bootstrap=replace(run.bootstrap, steps=0), pretrain=replace(run.pretrain, steps=0))


def _run_without_preset(name: str, model: MolmoConfig) -> RunConfig:
    """Settings for an architecture of our own. They differ from Molmo-7B-D's in two ways.

    Weights are sharded only if one GPU cannot hold them, because unsharded ones are compiled. The
    load-balancing loss stays on, as in our pretraining. Molmo trains without it: its experts come from OLMoE,
    whose load is balanced already.
    """
    shard = count_parameters(model)["total"] * TRAINING_BYTES > GPU_BYTES
    return replace(preset("molmo_7b_d"), name=name, model=model, shard=shard,
                   load_balance_weight=RunConfig.load_balance_weight)


def load(folder: str | Path, device: torch.device,
         dtype: torch.dtype | None = None) -> tuple[MiniMolmo, Tokenizer, RunConfig]:
    """A model with official weights, ready to answer; its tokenizer; and its settings.

    dtype  of the weights; None: bfloat16 if the device has it, else float32
    """
    config = finetune_config(folder)
    open_weights(folder, config.model)  # checked before the config's sizes are allocated
    tokenizer = read_tokenizer(folder, config.model.decoder.vocab)
    checkpoint.check_vocabulary(folder, tokenizer, config)
    model = meta_model(config.model).to(dtype or frozen_dtype(device)).to_empty(device=device)
    model.decoder.tie()
    load_official(folder, model)
    return model.eval(), tokenizer, config


def export(run: Path, out: Path) -> int:
    """Write a run's newest checkpoint in the official layout; returns the number of tensors.

    Raises ValueError if `out` is there and is no export of ours.
    """
    check_absent_or_own(out.absolute(), KIND)
    folder = checkpoint.latest(run) or run
    config = checkpoint.load_config(folder)
    if config.lora:
        merge = python_command("-m", "minimolmo.weights.adapters", str(run), str(out))
        raise ValueError(f"{run} holds adapters, which the official layout has no names for. Try {merge}")
    model = MiniMolmo(config.model)
    checkpoint.load_weights(folder, model)
    write_export(out, model, folder / "tokenizer.json")
    return len(official_names(model))


def write_export(out: Path, model: MiniMolmo, tokenizer: Path) -> None:
    """Write a model and its tokenizer in the official layout: under a temporary name, then as `out`."""
    text = tokenizer.read_text(encoding="utf-8")
    with whole_folder(out, KIND) as unfinished:
        save_official(unfinished, model)
        write_text(unfinished / "tokenizer.json", text)


def main(arguments: list[str]) -> None:
    """The command line: write a checkpoint of ours in the official layout."""
    parser = Parser(description="Write a run's newest checkpoint in the official layout.")
    parser.add_argument("run", type=path_argument, help="the run's folder, as out/nano")
    parser.add_argument("out", type=path_argument, help="the folder to write, as out/official")
    given = parser.parse_args(arguments)
    say(f"written: {given.out}, {export(given.run, given.out)} tensors")


if __name__ == "__main__":
    run_command(main)
