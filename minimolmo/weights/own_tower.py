"""Reads the vision tower of a whole model as a part: of a run or a release of ours, or of a Molmo.

    python -m minimolmo.weights.parts --vision=data/released/minimolmo-nano --decoder=SmolLM2-135M

The new model cuts images and takes features as the tower's model does. Only its connector is new.
"""
from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from minimolmo.checkpoint_folders import ANSWERING
from minimolmo.command import python_command
from minimolmo.config import MolmoConfig
from minimolmo.disk import check_files
from minimolmo.weights import checkpoint, official
from minimolmo.weights.counts import meta_model
from minimolmo.weights.safetensors import check_shapes, parse_json_object
from minimolmo.weights.shards import CHECKPOINT_STEM

PREFIX = "vit."


def is_whole_model(folder: Path) -> bool:
    """Whether a folder holds a run, a checkpoint or a release of ours, or a Molmo: more than one part."""
    values = _read_config(_newest(folder))
    return _is_ours(values) or values.get("model_type") == "molmo"


class OwnTower(Mapping):
    """The weights of a whole model's tower under our names, float32. A tensor is read when it is looked up.

    image, vision  the model's settings of crops and tower

    Raises ValueError, before any tensor is read, for a model that is not complete or has adapters.
    """

    def __init__(self, folder: Path):
        self.folder = _newest(folder)
        open_model = _open_checkpoint if _is_ours(_read_config(self.folder)) else _open_official
        config, self.file, self.names = open_model(self.folder)
        self.image, self.vision = replace(config.image, shifted_masks=False), config.vision
        self.shapes = {name: shape for name, shape in _shapes(config).items() if name.startswith(PREFIX)}

    def __getitem__(self, name: str) -> Tensor:
        values = torch.empty(math.prod(self.shapes[name]))
        self.file.read_into(self.names[name], values)
        checkpoint.check_finite_weights(self.folder, {name: values})
        return values.reshape(self.shapes[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


def _newest(folder: Path) -> Path:
    """The newest checkpoint of a run's folder, or the folder itself."""
    return checkpoint.latest(folder, ANSWERING) or Path(folder)


def _read_config(folder: Path) -> dict:
    path = folder / "config.json"
    return parse_json_object(path, path.read_bytes()) if path.is_file() else {}


def _is_ours(values: dict) -> bool:
    """Whether a config.json is a checkpoint's: the settings of a run, with those of its model."""
    return isinstance(values.get("model"), dict) and "model_type" not in values


def _shapes(config: MolmoConfig) -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in meta_model(config).named_parameters()}


def _open_checkpoint(folder: Path) -> tuple[MolmoConfig, Mapping, dict[str, str]]:
    """The architecture of a checkpoint, its weights, and each of our names as it is in the file."""
    config = checkpoint.load_config(folder)
    if config.lora:
        merge = python_command("-m", "minimolmo.weights.adapters", str(folder), "MERGED")
        raise ValueError(f"{folder} holds adapters and not the tower below them, so it is no part for "
                         f"--vision. Merge them first: {merge}")
    file, expected = checkpoint.open_weights(folder), _shapes(config.model)
    check_shapes(folder, file, expected, f"a checkpoint that fits {folder}/config.json")
    check_files(folder, CHECKPOINT_STEM)
    return config.model, file, {name: name for name in expected}


def _open_official(folder: Path) -> tuple[MolmoConfig, Mapping, dict[str, str]]:
    """As `_open_checkpoint`, of a folder in the official layout. The tower's weights are single tensors."""
    config = official.read_config(folder)
    file, names = official.open_weights(folder, config), official.official_names(meta_model(config))
    prefix = official.name_prefix(file.entries)
    return config, file, {ours[0]: prefix + name for name, ours in names.items()}
