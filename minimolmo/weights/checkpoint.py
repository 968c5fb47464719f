"""Saves and loads checkpoints. A checkpoint is a folder with all that answering and resumed training need.

    out/nano/latest                    names the complete checkpoints, newest first
    out/nano/step-000600/
        weights.safetensors            the model's weights
        config.json, tokenizer.json    its settings and its tokenizer
        optimizer.safetensors          its moments, "<parameter>.<moment>", and tensors of the progress
        state.json                     the optimizer's settings, and how far training has come

A folder is written under a temporary name, renamed when it is complete, and only then named in `latest`. Both
last steps are atomic, so a process killed at any moment leaves a complete checkpoint. No file holds a pickle,
so loading a checkpoint runs no code.
"""
from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

from torch import Tensor, nn

from minimolmo.config import RunConfig
from minimolmo.disk import write_atomically
from minimolmo.distributed import local_shard
from minimolmo.overrides import from_dict, to_dict
from minimolmo.text.hf_tokenizer import read_tokenizer
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights import safetensors
from minimolmo.weights.shards import CHECKPOINT_STEM, TensorFolder, index_name

FOLDER = re.compile(r"step-[0-9]+(-again)*(\.tmp)?")  # only these are removed, no copy named step-000400-best


def save_checkpoint(out: str | Path, step: int, weights: dict[str, Tensor], config: RunConfig,
                    tokenizer: Tokenizer, optimizer_state: dict | None, progress: dict) -> Path:
    """Write out/step-<step>, keep the checkpoint before it, remove older ones. Returns the new folder.

    weights          a model's state_dict(); tensors with several names (tied weights) are stored once
    optimizer_state  a torch optimizer's state_dict(), or None for a model that is fully trained
    progress         how far training has come: JSON values, and tensors at its top level
    """
    out, kept = Path(out), _read_latest(Path(out))
    name = f"step-{step:06d}"
    while name in kept:  # never overwrite a folder that `latest` names
        name += "-again"
    unfinished = out / f"{name}.tmp"
    _remove(unfinished)
    unfinished.mkdir(parents=True)
    safetensors.save(unfinished / "weights.safetensors", _without_tied(weights))
    _write_json(unfinished / "config.json", to_dict(config))
    tokenizer.save(unfinished / "tokenizer.json")
    _save_training_state(unfinished, optimizer_state, progress)
    _remove(out / name)  # complete, but from a save interrupted before `latest` named it
    os.replace(unfinished, out / name)

    kept = [name, *kept[:1]]
    write_atomically(out / "latest", ["\n".join(kept).encode()])
    for old in out.iterdir():  # older checkpoints, and leftovers of interrupted saves
        if FOLDER.fullmatch(old.name) and old.name not in kept:
            _remove(old)
    return out / name


def latest(out: str | Path) -> Path | None:
    """The newest complete checkpoint in a folder; None if there never was one.

    Raises ValueError if there was one and it has been removed.
    """
    names = _read_latest(Path(out))
    for name in names:
        if (Path(out) / name).is_dir():
            return Path(out) / name
    if names:
        raise ValueError(f"{out}/latest names {' and '.join(names)}, but no such folder exists any more. "
                         f"Try putting it back, or remove {out}/latest to start from scratch.")
    return None


def load_weights(folder: str | Path, model: nn.Module) -> None:
    """Load a checkpoint's weights into a model, in the model's dtype and on its device.

    Raises ValueError that lists every name that is missing, unexpected or misshapen; then nothing is changed.
    """
    file, parameters = _open_weights(folder), dict(model.named_parameters())  # tied weights occur once
    safetensors.check_shapes(folder, file, {name: tuple(weight.shape) for name, weight in parameters.items()},
                             f"building the model from {folder}/config.json")
    for name, weight in parameters.items():
        file.read_into(name, *local_shard(weight))


def read_weights(folder: str | Path) -> dict[str, Tensor]:
    """All weights of a checkpoint by name; tied weights occur once."""
    return dict(_open_weights(folder))


def load_config(folder: str | Path) -> RunConfig:
    """The configuration of a checkpoint. Raises ValueError if it is missing or invalid."""
    return from_dict(RunConfig, _read_json(_existing_file(folder, "config.json")))


def load_tokenizer(folder: str | Path) -> Tokenizer:
    """The tokenizer of a checkpoint. Raises ValueError if it is missing."""
    return read_tokenizer(_existing_file(folder, "tokenizer.json"))


def load_training_state(folder: str | Path) -> tuple[dict | None, dict]:
    """The optimizer's state_dict() or None, and the progress, bit for bit as they were saved.

    Only tuples inside the progress become lists. Raises ValueError if a file is missing.
    """
    tensors = safetensors.load(_existing_file(folder, "optimizer.safetensors"))
    saved = _read_json(_existing_file(folder, "state.json"))
    pieces = {"progress": saved["progress"], **saved["state"]}
    for name, tensor in tensors.items():
        piece, key = name.split(".", 1)
        pieces[piece][key] = tensor
    progress = pieces.pop("progress")
    if saved["groups"] is None:
        return None, progress
    state = {int(index): values for index, values in pieces.items()}
    return {"state": state, "param_groups": [_with_tuples(group) for group in saved["groups"]]}, progress


def _save_training_state(folder: Path, optimizer_state: dict | None, progress: dict) -> None:
    """Write tensors to one file and all other values to JSON, each under the name of its parameter."""
    saved = optimizer_state or {"state": {}, "param_groups": None}
    tensors, others = {}, {}
    for piece, values in [("progress", progress), *saved["state"].items()]:
        tensors |= {f"{piece}.{key}": value for key, value in values.items() if isinstance(value, Tensor)}
        others[piece] = {key: value for key, value in values.items() if not isinstance(value, Tensor)}
    safetensors.save(folder / "optimizer.safetensors", tensors)
    _write_json(folder / "state.json", {"progress": others.pop("progress"), "state": others,
                                        "groups": saved["param_groups"]})


def _with_tuples(group: dict) -> dict:
    """Turn lists from JSON back into tuples, except `params`."""
    return {key: tuple(value) if isinstance(value, list) and key != "params" else value
            for key, value in group.items()}


def _without_tied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Drop second names of the same tensor: a tied head is the embedding."""
    unique = {}
    for name, tensor in weights.items():
        storage = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        unique.setdefault(storage, (name, tensor))
    return dict(unique.values())


def _read_latest(out: Path) -> list[str]:
    path = out / "latest"
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def _open_weights(folder: str | Path) -> TensorFolder:
    """The weights of a checkpoint in one file, or of a release in shards."""
    if not (Path(folder) / index_name(CHECKPOINT_STEM)).is_file():
        _existing_file(folder, f"{CHECKPOINT_STEM}.safetensors")
    return TensorFolder(folder, CHECKPOINT_STEM)


def _existing_file(folder: str | Path, name: str) -> Path:
    """The path of a file in a checkpoint. Raises ValueError if it does not exist."""
    path = Path(folder) / name
    if not path.is_file():
        raise ValueError(f"{path} is missing, so {folder} is no complete checkpoint. Try the folder that "
                         f"{Path(folder).parent / 'latest'} names, or train one with train.py.")
    return path


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)


def _write_json(path: Path, value: dict) -> None:
    write_atomically(path, [json.dumps(value, indent=1).encode()])


def _read_json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON, so it cannot be read: {error}. "
                         f"Try an older checkpoint.") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds a {type(value).__name__}, where a JSON object is needed. "
                         f"Try an older checkpoint.")
    return value
