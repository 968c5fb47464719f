"""Released Molmo weights, name by name: the model you read, with other numbers in its config, is Molmo.

    python -m minimolmo.answer photo.jpg "Count the cups." --weights=Molmo-7B-D-0924  # open a released folder
    python -m minimolmo.weights.official out/mine out/official                                # ours, in their names

A released folder holds model.safetensors, or shards with an index; config.json; and the tokenizer's files.
Every tensor of theirs is one of ours, or two of ours one after the other: nothing is computed on the way, so
a folder read and written again is the same to the last bit.

Source: parameter names of the official code and of the files on Hugging Face, where all begin with "model.".
"""
from __future__ import annotations

import json
import math
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from minimolmo.config import MolmoConfig, RunConfig
from minimolmo.disk import write_atomically
from minimolmo.distributed import local_shard
from minimolmo.model.molmo import MiniMolmo
from minimolmo.overrides import from_dict, to_dict
from minimolmo.presets import PRESETS, preset
from minimolmo.text.hf_tokenizer import read_tokenizer
from minimolmo.weights import checkpoint, safetensors
from minimolmo.weights.hf_experts import StackedExperts
from minimolmo.weights.official_config import config_from, describe
from minimolmo.weights.shards import RELEASED, TensorFolder, save_folder
from minimolmo.weights.sizes import GB, TRAINING_BYTES, count, meta_model

PREFIX = "model."
SHARD_BYTES = 5_000_000_000  # of one file
GPU_BYTES = 80 * GB  # of a large GPU

BLOCK, TOWER = "transformer.blocks.#.", "vision_backbone."
LAYER = TOWER + "image_vit.transformer.resblocks.#."
NAMES = {  # ours: theirs, weights and biases alike; # is a block's number
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
    "decoder.blocks.#.mlp.up": BLOCK + "ff_proj",  # one matrix of theirs: first up, then gate
    "decoder.blocks.#.mlp.gate": BLOCK + "ff_proj",
    "decoder.blocks.#.mlp.down": BLOCK + "ff_out",
    "padding": TOWER + "pad_embed",
    "pooling.attention.query": TOWER + "image_pooling_2d.wq",
    "pooling.attention.key": TOWER + "image_pooling_2d.wk",
    "pooling.attention.value": TOWER + "image_pooling_2d.wv",
    "pooling.attention.out": TOWER + "image_pooling_2d.wo",
    "projector.gate": TOWER + "image_projector.w1",
    "projector.down": TOWER + "image_projector.w2",
    "projector.up": TOWER + "image_projector.w3",
    "vit.embed.class_token": TOWER + "image_vit.class_embedding",
    "vit.embed.positions": TOWER + "image_vit.positional_embedding",
    "vit.embed.project": TOWER + "image_vit.patch_embedding",
    "vit.embed.norm": TOWER + "image_vit.pre_ln",
    "vit.blocks.#.attention.query": LAYER + "attention.wq",
    "vit.blocks.#.attention.key": LAYER + "attention.wk",
    "vit.blocks.#.attention.value": LAYER + "attention.wv",
    "vit.blocks.#.attention.out": LAYER + "attention.wo",
    "vit.blocks.#.attention_norm": LAYER + "attention_norm",
    "vit.blocks.#.attention_scale.weight": LAYER + "lambda1",
    "vit.blocks.#.mlp_norm": LAYER + "ffn_norm",
    "vit.blocks.#.mlp.up": LAYER + "feed_forward.w1",
    "vit.blocks.#.mlp.down": LAYER + "feed_forward.w2",
    "vit.blocks.#.mlp_scale.weight": LAYER + "lambda2",
}
EXPERT_NAMES = {  # all experts of a block one below the other
    "decoder.blocks.#.mlp.router": BLOCK + "ffn.router.layer",
    "decoder.blocks.#.mlp.gate.weight": BLOCK + "ffn.experts.mlp.w1",
    "decoder.blocks.#.mlp.up.weight": BLOCK + "ffn.experts.mlp.v1",
    "decoder.blocks.#.mlp.down.weight": BLOCK + "ffn.experts.mlp.w2",
}


def official_names(model: MiniMolmo) -> dict[str, list[str]]:
    """For each tensor of theirs, those of ours whose rows, one after the other, are its rows."""
    table = {**NAMES, **EXPERT_NAMES} if model.config.decoder.experts else NAMES
    names: dict[str, list[str]] = {}
    for ours, _ in model.named_parameters():
        numbers = re.findall(r"\.(\d+)\.", ours)
        pattern = re.sub(r"\.\d+\.", ".#.", ours)
        module, _, kind = pattern.rpartition(".")
        theirs = table.get(pattern) or f"{table[module]}.{kind}"
        names.setdefault(theirs.replace("#", "".join(numbers)), []).append(ours)
    return {theirs: sorted(ours, reverse=True) for theirs, ours in names.items()}  # up before gate


@lru_cache
def official_shapes(config: MolmoConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of theirs and its shape: what a released folder of this architecture must hold."""
    model = meta_model(config)
    sizes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    return {theirs: _one_below_the_other([sizes[name] for name in ours])
            for theirs, ours in official_names(model).items()}


def _one_below_the_other(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    if len(shapes[0]) == 1:
        return shapes[0]
    return sum(math.prod(shape[:-1]) for shape in shapes), shapes[0][-1]


def is_official(folder: str | Path) -> bool:
    """Whether a folder holds weights as Molmo was released, or some of them, and not a checkpoint of ours."""
    return any(Path(folder).glob(f"{RELEASED}*.safetensors*"))


def load_official(folder: str | Path, model: MiniMolmo) -> None:
    """Fill a model, in its own dtype and on its device, tensor by tensor: memory for the model and 16 MB.

    Of a sharded model each process reads its own share. Raises ValueError with every name that is missing,
    unexpected or of another shape; then nothing is changed.
    """
    file, parameters = open_weights(folder, model.config), dict(model.named_parameters())
    prefix = _prefix(file.entries)
    for theirs, ours in tqdm(official_names(model).items(), desc=f"reading {Path(folder).name}", delay=3,
                             leave=False):
        first = 0
        for name in ours:
            numbers, offset = local_shard(parameters[name])
            file.read_into(prefix + theirs, numbers, first + offset)
            first += parameters[name].numel()


def open_weights(folder: str | Path, config: MolmoConfig) -> StackedExperts:
    """A folder's weights, none of them read yet. Raises ValueError if they do not fit the architecture."""
    file, shapes = StackedExperts(TensorFolder(folder)), official_shapes(config)
    prefix = _prefix(file.entries)
    safetensors.check_shapes(folder, file, {prefix + name: shape for name, shape in shapes.items()},
                               "a folder copied whole, or the preset that it was made from")
    return file


def _prefix(names) -> str:
    return PREFIX if all(name.startswith(PREFIX) for name in names) else ""


class OfficialTensors(Mapping):
    """A model's weights under their official names, put together only when asked for."""

    def __init__(self, model: MiniMolmo):
        self.names, self.shapes = official_names(model), official_shapes(model.config)
        self.parameters = dict(model.named_parameters())

    def __getitem__(self, name: str) -> Tensor:
        theirs = name.removeprefix(PREFIX)
        ours = [self.parameters[each].detach() for each in self.names[theirs]]
        return (torch.cat(ours) if len(ours) > 1 else ours[0]).reshape(self.shapes[theirs])

    def __iter__(self) -> Iterator[str]:
        return (PREFIX + name for name in self.names)

    def __len__(self) -> int:
        return len(self.names)


def save_official(folder: str | Path, model: MiniMolmo, shard_bytes: int = SHARD_BYTES) -> None:
    """Write a model's weights and config.json as a released folder. The tokenizer's files are the
    caller's."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_folder(folder, OfficialTensors(model), shard_bytes, {"format": "pt"})  # some readers insist on this
    text = json.dumps({**describe(model.config), "minimolmo": to_dict(model.config)}, indent=2)
    write_atomically(folder / "config.json", [text.encode()])


def read_config(folder: str | Path) -> MolmoConfig:
    """The architecture of a released folder: one we wrote says so itself, a Molmo is known by its shapes, and
    anything else by its config.json. Raises ValueError if that does not say enough."""
    path = Path(folder) / "config.json"
    values = safetensors.parse_table(path, path.read_bytes()) if path.is_file() else {}
    if "minimolmo" in values:
        return from_dict(MolmoConfig, values["minimolmo"])
    known = _same_shapes(StackedExperts(TensorFolder(folder)))
    try:
        return known or from_dict(MolmoConfig, to_dict(config_from(values, path)))  # which checks every type
    except (TypeError, AttributeError, LookupError) as error:
        raise ValueError(f"{path} holds a setting of a type that it cannot have ({error}), so no model can "
                         f"be built. Try the config.json that was released with the weights.") from None


def _same_shapes(file: StackedExperts) -> MolmoConfig | None:
    """The released Molmo that has just these tensors, if one has."""
    prefix = _prefix(file.entries)
    found = {name.removeprefix(prefix): entry.shape for name, entry in file.entries.items()}
    return next((run.model for run in PRESETS.values() if official_shapes(run.model) == found), None)


def finetune_config(folder: str | Path) -> RunConfig:
    """How to fine-tune a released folder: as its own preset, or under the folder's name at the rates of
    Molmo-7B-D. To see and to caption it has learned.

    Raises ValueError if it is none.
    """
    if not is_official(folder):
        raise ValueError(f"{folder} holds no released weights. Try a folder with model*.safetensors, "
                         f"config.json and the tokenizer's files.")
    model = read_config(folder)
    run = next((run for run in PRESETS.values() if run.model == model), None)
    run = run or _run_of_another(Path(folder).resolve().name, model)
    return replace(run, bootstrap=replace(run.bootstrap, steps=0), pretrain=replace(run.pretrain, steps=0))


def _run_of_another(name: str, model: MolmoConfig) -> RunConfig:
    """An architecture that was not released: one of ours. Processes share its weights only if they must, as
    whole ones are compiled. Its experts learned with our loss on their load, so they keep it; Molmo had none,
    as its experts came from OLMoE, evenly asked.
    """
    shard = count(model)["total"] * TRAINING_BYTES > GPU_BYTES
    return replace(preset("molmo_7b_d"), name=name, model=model, shard=shard, balance=RunConfig.load_balance_weight)


def load(folder: str | Path, device: torch.device, dtype: torch.dtype = torch.bfloat16) -> tuple:
    """A released model ready to answer, its words and its settings: (MiniMolmo, Tokenizer, RunConfig)."""
    config = finetune_config(folder)
    open_weights(folder, config.model)  # before memory is asked for: the settings alone may want without end
    tokenizer = read_tokenizer(folder, config.model.decoder.vocab)
    model = meta_model(config.model).to(dtype).to_empty(device=device)
    model.decoder.tie()
    load_official(folder, model)
    return model.eval(), tokenizer, config


def main(arguments: list[str]) -> None:
    """Write a checkpoint of ours as a released folder."""
    if len(arguments) != 2:
        raise ValueError(f"{len(arguments)} folders are named, but two are needed: the run and where to "
                         f"write. Try python -m minimolmo.weights.official out/nano out/released.")
    folder = checkpoint.latest(arguments[0]) or Path(arguments[0])
    model = MiniMolmo(checkpoint.load_config(folder).model)
    checkpoint.load_weights(folder, model)
    try:
        save_official(arguments[1], model)
        shutil.copy(folder / "tokenizer.json", arguments[1])
    except OSError as error:
        raise ValueError(f"{arguments[1]} cannot be written ({error}), so the model there is not whole. "
                         f"Make room, or try another folder.") from error
    print(f"written: {arguments[1]}, {len(official_names(model))} tensors")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
