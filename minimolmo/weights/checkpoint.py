"""Saves and loads checkpoints. A checkpoint is a folder with all that answering and resumed training need.

    out/nano/latest                    names the checkpoints of this run, newest first
    out/nano/step-000600/
        weights.safetensors            the model's weights
        config.json, tokenizer.json    its settings and its tokenizer
        optimizer.safetensors          its moments, "<parameter>.<moment>", and tensors of the progress
        state.json                     the optimizer's settings, and how far training has come
        manifest.json                  that we wrote it, its step, and the sha256 of each file

A folder is written under a temporary name. When it is complete, `latest` names it, and then it is renamed.
Both steps are atomic, and names of folders that are not there do not count, so a process killed at any moment
leaves a complete checkpoint. Damage is found by the sha256, and the checkpoint before is used. Only those
that `latest` names are ever removed. No file holds a pickle, so loading a checkpoint runs no code.
"""
from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from minimolmo.checkpoint_folders import (FILES, FOLDER, KIND, UNFINISHED, is_own_checkpoint, read_latest,
                                          saved_names, step_of)
from minimolmo.command import say
from minimolmo.config import RunConfig
from minimolmo.disk import MANIFEST, check_files, read_manifest, remove_folder, write_manifest, write_text
from minimolmo.distributed import local_shard
from minimolmo.overrides import from_dict, to_dict
from minimolmo.text.hf_tokenizer import read_tokenizer
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights import safetensors
from minimolmo.weights.shards import CHECKPOINT_STEM, TensorFolder, index_name
from minimolmo.weights.state import check_state, join_state, split_state


def save_checkpoint(out: str | Path, step: int, weights: dict[str, Tensor], config: RunConfig,
                    tokenizer: Tokenizer, optimizer_state: dict | None, progress: dict,
                    before: Path | None = None) -> Path:
    """Write out/step-<step>, keep the one before it, remove older ones of this run. Returns the new folder.

    weights          a model's state_dict(); tensors with several names (tied weights) are stored once
    optimizer_state  a torch optimizer's state_dict(), or None for a model that is fully trained
    progress         how far training has come: JSON values, and tensors at its top level
    before           the checkpoint that training went on from, which is whole. Default: the newest one
    """
    out = Path(out)
    named = list(dict.fromkeys(([before.name] if before else []) + saved_names(out)))
    earlier = [name for name in named if step_of(name) <= step_of(named[0])]  # newer ones stay, unused
    _remove(out, earlier[2:])
    name = f"step-{step:06d}"
    while (out / name).exists() or (out / f"{name}.tmp").exists():  # nothing is overwritten
        name += "-again"
    origin = {"step": step, "out": str(out.resolve()), "name": name}
    unfinished = out / f"{name}.tmp"
    unfinished.mkdir(parents=True)
    write_manifest(unfinished, UNFINISHED, **origin)
    safetensors.save(unfinished / "weights.safetensors", _without_tied(weights))
    _write_json(unfinished / "config.json", to_dict(config))
    tokenizer.save(unfinished / "tokenizer.json")
    _save_training_state(unfinished, optimizer_state, progress)
    write_manifest(unfinished, KIND, **origin, written=time.time_ns())
    write_text(out / "latest", "\n".join([name, *earlier[:2]]))  # names count if their folder is there
    os.replace(unfinished, out / name)
    _remove(out, earlier[1:])
    return out / name


def _remove(out: Path, names: list[str]) -> None:
    """Remove these checkpoints, and what interrupted saves left. Those that are not ours or edited stay."""
    unfinished = [path.name for path in out.glob("step-*.tmp")] if out.is_dir() else []
    for folder in (out / name for name in [*names, *unfinished]):
        if is_own_checkpoint(folder):
            remove_folder(folder)


def latest(out: str | Path, files: tuple[str, ...] = FILES) -> Path | None:
    """The newest checkpoint in a folder whose `files` are whole; None if there is none.

    If the newest one is damaged, the one before it is used, and a note on stderr says so. Checkpoints that
    `latest` does not name, because they were copied, count too. Raises ValueError if all are damaged or gone.
    """
    faults = []
    for name in saved_names(Path(out)):
        folder = Path(out) / name
        try:
            _check_complete(folder, files)
        except ValueError as error:
            faults.append(str(error))
            continue
        if faults:
            say(f"note: {faults[0]} Using {folder}.", file=sys.stderr)
        return folder
    if faults:
        raise ValueError(f"no checkpoint in {out} can be used. {' '.join(faults)}")
    gone = [name for name in read_latest(Path(out)) if not (Path(out) / f"{name}.tmp").is_dir()]
    if gone:  # and not only about to be renamed, when the run was killed
        raise ValueError(f"{out}/latest names {' and '.join(gone)}, but no such folder exists any more. Try "
                         f"putting it back, or remove {out}/latest to start anew.")
    return None


def _check_complete(folder: Path, files: tuple[str, ...]) -> None:
    """Raise ValueError if a file of a checkpoint is missing or changed, or if its name is of another step.

    Checkpoints of earlier versions have no manifest; of those the files must be there.
    """
    digests = read_manifest(folder).get("sha256")
    if (folder / MANIFEST).exists() and not (isinstance(digests, dict) and digests.keys() >= set(FILES)):
        raise ValueError(f"{folder}/{MANIFEST} does not name the checkpoint's files, so damage would not be "
                         f"found. Try another copy, or the folder before it.")
    for name in files:
        _existing_file(folder, name)
    step, named = read_manifest(folder).get("step"), FOLDER.fullmatch(folder.name)
    if step is not None and named and step != int(named[1]):
        raise ValueError(f"{folder} is of step {step} by its {MANIFEST}, so it is not what its name says. "
                         f"Try the name step-{step:06d}.")


def load_weights(folder: str | Path, model: nn.Module) -> None:
    """Load a checkpoint's weights into a model, in the model's dtype and on its device.

    Of an adapted model (lora.py) only what is trained: a checkpoint holds nothing else of it. Raises
    ValueError that lists every name that is missing, unexpected or misshapen; then nothing is changed.
    """
    file, parameters = open_weights(folder), trained_weights(model)
    safetensors.check_shapes(folder, file, {name: tuple(weight.shape) for name, weight in parameters.items()},
                             f"building the model from {folder}/config.json")
    check_files(folder, CHECKPOINT_STEM)
    for name, weight in parameters.items():
        file.read_into(name, *local_shard(weight))
    check_finite_weights(folder, parameters)


def trained_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """A model's weights by name, without frozen ones. Tied weights occur once."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def check_finite_weights(folder: str | Path, parameters: dict[str, Tensor]) -> None:
    """Raise ValueError if a weight that was loaded is NaN or infinite."""
    for name, weight in parameters.items():
        if not is_finite(local_shard(weight)[0]):
            raise ValueError(f"{folder} has weights that are not finite, the first in {name}, so no answer "
                             f"could be right. Try an earlier checkpoint, or another copy.")


def is_finite(weight: Tensor) -> bool:
    """Whether no value is NaN or infinite.

    The sum is not finite if a value is not, and needs no memory. A sum that overflows proves nothing.
    """
    return bool(torch.isfinite(weight.sum())) or bool(torch.isfinite(weight).all())


def check_vocabulary(folder: str | Path, tokenizer: Tokenizer, config: RunConfig) -> None:
    """Raise ValueError if a tokenizer's vocabulary is not the model's."""
    vocab = config.model.decoder.vocab
    if tokenizer.vocab != vocab:
        raise ValueError(f"{folder} holds a tokenizer with vocab={tokenizer.vocab} and a model with "
                         f"vocab={vocab}, so token ids would mean something else. Try the tokenizer.json "
                         f"that belongs to it.")


def read_weights(folder: str | Path) -> dict[str, Tensor]:
    """All weights of a checkpoint by name; tied weights occur once."""
    return dict(open_weights(folder))


def load_config(folder: str | Path) -> RunConfig:
    """The configuration of a checkpoint. Raises ValueError if it is missing or invalid."""
    return from_dict(RunConfig, _read_json(_existing_file(folder, "config.json")))


def load_tokenizer(folder: str | Path) -> Tokenizer:
    """The tokenizer of a checkpoint. Raises ValueError if it is missing, or if it is another model's."""
    tokenizer = read_tokenizer(_existing_file(folder, "tokenizer.json"))
    check_vocabulary(folder, tokenizer, load_config(folder))
    return tokenizer


def load_training_state(folder: str | Path) -> tuple[dict | None, dict]:
    """The optimizer's state_dict() or None, and the progress, bit for bit as they were saved.

    Only tuples inside the progress become lists. Raises ValueError if a file is missing, or if its values
    cannot be a training state.
    """
    tensors = safetensors.load(_existing_file(folder, "optimizer.safetensors"))
    saved, named = _read_json(_existing_file(folder, "state.json")), FOLDER.fullmatch(Path(folder).name)
    check_state(Path(folder) / "state.json", saved, tensors, int(named[1]) if named else None)
    return join_state(saved, tensors)


def read_step(folder: str | Path) -> int | None:
    """How many steps a checkpoint was trained, without reading the optimizer. None if it does not say."""
    return _read_state(folder)["progress"].get("step")


def _read_state(folder: str | Path) -> dict:
    """The values in state.json. Raises ValueError if they are not what `_save_training_state` writes."""
    saved = _read_json(_existing_file(folder, "state.json"))
    if not (isinstance(saved.get("progress"), dict) and isinstance(saved.get("state"), dict)
            and "groups" in saved):
        raise ValueError(f"{folder}/state.json lacks the progress, the state or the groups, so training "
                         f"cannot go on from it. Try an older checkpoint.")
    return saved


def _save_training_state(folder: Path, optimizer_state: dict | None, progress: dict) -> None:
    """Write tensors to one file and all other values to JSON."""
    saved, tensors = split_state(optimizer_state, progress)
    safetensors.save(folder / "optimizer.safetensors", tensors)
    _write_json(folder / "state.json", saved)


def _without_tied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Drop second names of the same tensor: a tied head is the embedding."""
    unique = {}
    for name, tensor in weights.items():
        storage = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        unique.setdefault(storage, (name, tensor))
    return dict(unique.values())


def open_weights(folder: str | Path) -> TensorFolder:
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
    check_files(folder, name)
    return path


def _write_json(path: Path, value: dict) -> None:
    write_text(path, json.dumps(value, indent=1))


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
