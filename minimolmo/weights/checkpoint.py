"""A checkpoint is a folder with everything needed to answer, or to go on training as if nothing had happened.

    out/nano/latest                    names the folders worth reading, newest first
    out/nano/step-000600/
        weights.safetensors            the model
        config.json, tokenizer.json    how to build it, and the words it speaks
        optimizer.safetensors          its moments, "<parameter>.<moment>", and tensors of the progress
        state.json                     the optimizer's settings, and how far training has come

A folder is written under another name, renamed when complete, and only then named in `latest`. Both last
steps happen at once or not at all, so a process killed at any moment leaves a complete checkpoint behind.
No file holds a pickle: reading a checkpoint from a stranger runs no code of theirs.
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
from minimolmo.weights.shards import OURS, TensorFolder, index_of

FOLDER = re.compile(r"step-[0-9]+(-again)*(\.tmp)?")  # named by us; a copy called step-000400-best is yours


def save_checkpoint(out: str | Path, step: int, weights: dict[str, Tensor], config: RunConfig,
                    tokenizer: Tokenizer, optimizer_state: dict | None, progress: dict) -> Path:
    """Write out/step-<step>, keep the checkpoint before it, remove older ones. Returns the new folder.

    weights          a model's state_dict(); names that share one tensor are stored once
    optimizer_state  a torch optimizer's state_dict(), or None for a model that is done learning
    progress         how far training has come: JSON values, and tensors at its top level
    """
    out, kept = Path(out), _listed(Path(out))
    name = f"step-{step:06d}"
    while name in kept:  # never write over what `latest` names
        name += "-again"
    unfinished = out / f"{name}.tmp"
    _remove(unfinished)
    unfinished.mkdir(parents=True)
    safetensors.save(unfinished / "weights.safetensors", _each_once(weights))
    _write_json(unfinished / "config.json", to_dict(config))
    tokenizer.save(unfinished / "tokenizer.json")
    _save_training_state(unfinished, optimizer_state, progress)
    _remove(out / name)  # a complete folder that `latest` never came to name
    os.replace(unfinished, out / name)

    kept = [name, *kept[:1]]
    write_atomically(out / "latest", ["\n".join(kept).encode()])
    for old in out.iterdir():  # what is older, and what an interrupted save left behind
        if FOLDER.fullmatch(old.name) and old.name not in kept:
            _remove(old)
    return out / name


def latest(out: str | Path) -> Path | None:
    """The newest complete checkpoint in a folder; None if there never was one.

    Raises ValueError if there was one and it has been taken away.
    """
    names = _listed(Path(out))
    for name in names:
        if (Path(out) / name).is_dir():
            return Path(out) / name
    if names:
        raise ValueError(f"{out}/latest names {' and '.join(names)}, but no such folder is there any more. "
                         f"Try putting it back, or remove {out}/latest to start anew.")
    return None


def load_weights(folder: str | Path, model: nn.Module) -> None:
    """Fill a model with a checkpoint's weights, in the model's own dtype and on its device.

    Raises ValueError with every name that is missing, left over or of another shape; then nothing is changed.
    """
    file, wanted = _weights(folder), dict(model.named_parameters())  # a tied head is there once
    safetensors.check_shapes(folder, file, {name: tuple(weight.shape) for name, weight in wanted.items()},
                               f"building the model from {folder}/config.json")
    for name, weight in wanted.items():
        file.read_into(name, *local_shard(weight))


def read_weights(folder: str | Path) -> dict[str, Tensor]:
    """All weights of a checkpoint by name, those that share numbers once."""
    return dict(_weights(folder))


def load_config(folder: str | Path) -> RunConfig:
    """The configuration a checkpoint was trained with. Raises ValueError if it is missing or not sound."""
    return from_dict(RunConfig, _read_json(_part(folder, "config.json")))


def load_tokenizer(folder: str | Path) -> Tokenizer:
    """The tokenizer a checkpoint was trained with. Raises ValueError if it is missing."""
    return read_tokenizer(_part(folder, "tokenizer.json"))


def load_training_state(folder: str | Path) -> tuple[dict | None, dict]:
    """The optimizer's state_dict(), or None, and the progress, both as they were saved to the last bit.

    Only tuples inside the progress become lists. Raises ValueError if a part is missing.
    """
    tensors = safetensors.load(_part(folder, "optimizer.safetensors"))
    saved = _read_json(_part(folder, "state.json"))
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
    """Tensors to one file, everything else to JSON; each keeps the name of the piece it belongs to."""
    saved = optimizer_state or {"state": {}, "param_groups": None}
    tensors, others = {}, {}
    for piece, values in [("progress", progress), *saved["state"].items()]:
        tensors |= {f"{piece}.{key}": value for key, value in values.items() if isinstance(value, Tensor)}
        others[piece] = {key: value for key, value in values.items() if not isinstance(value, Tensor)}
    safetensors.save(folder / "optimizer.safetensors", tensors)
    _write_json(folder / "state.json", {"progress": others.pop("progress"), "state": others,
                                        "groups": saved["param_groups"]})


def _with_tuples(group: dict) -> dict:
    """JSON turned tuples into lists; in a group of parameters, only `params` was a list before."""
    return {key: tuple(value) if isinstance(value, list) and key != "params" else value
            for key, value in group.items()}


def _each_once(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the names that come second to the same numbers: the tied head is the embedding."""
    once = {}
    for name, tensor in weights.items():
        same_numbers = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        once.setdefault(same_numbers, (name, tensor))
    return dict(once.values())


def _listed(out: Path) -> list[str]:
    path = out / "latest"
    return path.read_text().split() if path.is_file() else []


def _weights(folder: str | Path) -> TensorFolder:
    """One file, or the shards of a release."""
    if not (Path(folder) / index_of(OURS)).is_file():
        _part(folder, f"{OURS}.safetensors")
    return TensorFolder(folder, OURS)


def _part(folder: str | Path, name: str) -> Path:
    path = Path(folder) / name
    if not path.is_file():
        raise ValueError(f"{path} is missing, so {folder} is no complete checkpoint. Try the folder that "
                         f"{Path(folder).parent / 'latest'} names, or train one with train.py.")
    return path


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)


def _write_json(path: Path, value) -> None:
    write_atomically(path, [json.dumps(value, indent=1).encode()])


def _read_json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON, so unreadable: {error}. Try an older checkpoint.") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds a {type(value).__name__}, where a table of names belongs. "
                         f"Try an older checkpoint.")
    return value
