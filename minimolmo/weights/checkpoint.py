"""Saves and loads checkpoints. A checkpoint is a folder with all that answering and resumed training need.

    out/nano/latest                    names the complete checkpoints, newest first
    out/nano/step-000600/
        weights.safetensors            the model's weights
        config.json, tokenizer.json    its settings and its tokenizer
        optimizer.safetensors          its moments, "<parameter>.<moment>", and tensors of the progress
        state.json                     the optimizer's settings, and how far training has come
        manifest.json                  that we wrote it, its step, and the sha256 of each file

A folder is written under a temporary name, renamed when it is complete, and only then named in `latest`. Both
last steps are atomic, so a process killed at any moment leaves a complete checkpoint. Damage is found by the
sha256, and the checkpoint before is used. No file holds a pickle, so loading a checkpoint runs no code.
"""
from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from minimolmo.command import say
from minimolmo.config import RunConfig
from minimolmo.disk import (MANIFEST, check_files, has_own_manifest, is_unused, read_manifest, remove_folder,
                            write_manifest, write_text)
from minimolmo.distributed import local_shard
from minimolmo.overrides import from_dict, to_dict
from minimolmo.text.hf_tokenizer import read_tokenizer
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights import safetensors
from minimolmo.weights.shards import CHECKPOINT_STEM, TensorFolder, index_name
from minimolmo.weights.state import check_state, join_state, split_state

KIND, UNFINISHED = "checkpoint", "unfinished checkpoint"
LONGEST_NAME = 255  # of a file, on all systems
UNFINISHED_FILE = re.compile(r"(\.[0-9]+)?\.tmp$")  # what write_atomically adds to a name
FOLDER = re.compile(r"step-([0-9]+)(-again)*(\.tmp)?")
ANSWERING = ("weights.safetensors", "config.json", "tokenizer.json", "state.json")  # what answering reads
FILES = (*ANSWERING, "optimizer.safetensors")


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
    kept = list(dict.fromkeys(([before.name] if before else []) + _names(out)))[:2]
    _remove_older(out, kept)
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
    write_manifest(unfinished, KIND, **origin)
    os.replace(unfinished, out / name)

    kept = [name, *kept[:1]]
    write_text(out / "latest", "\n".join(kept))
    _remove_older(out, kept)
    return out / name


def _remove_older(out: Path, kept: list[str]) -> None:
    """Remove finished and unfinished checkpoints that were written in this folder, except `kept`.

    A folder that was copied or renamed by hand has another origin in its manifest, so it stays. So does one
    with files or folders in it that are not a checkpoint's, as notes.txt.
    """
    for folder in out.iterdir() if out.is_dir() else ():
        if FOLDER.fullmatch(folder.name) and folder.name not in kept and not folder.is_symlink():
            origin = read_manifest(folder)
            name = folder.name.removesuffix(".tmp")
            here = (origin.get("out"), origin.get("name")) == (str(out.resolve()), name)
            if here and not _has_more(folder) and has_own_manifest(folder, KIND, UNFINISHED):
                remove_folder(folder)
            elif folder.suffix == ".tmp" and is_unused(folder):  # a save that was killed at its beginning
                remove_folder(folder)


def _has_more(folder: Path) -> bool:
    """Whether a folder holds anything that `save_checkpoint` does not write. Unfinished files end in .tmp."""
    own = {*FILES, MANIFEST}
    return any(path.is_dir() or UNFINISHED_FILE.sub("", path.name) not in own for path in folder.iterdir())


def latest(out: str | Path, files: tuple[str, ...] = FILES) -> Path | None:
    """The newest checkpoint in a folder whose `files` are whole; None if there is none.

    If the newest one is damaged, the one before it is used, and a note on stderr says so. Checkpoints that
    `latest` does not name, because they were copied, count too. Raises ValueError if all are damaged or gone.
    """
    faults = []
    for name in _names(Path(out)):
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
    if _read_latest(Path(out)):
        raise ValueError(f"{out}/latest names {' and '.join(_read_latest(Path(out)))}, but no such folder "
                         f"exists any more. Try putting it back, or remove {out}/latest to start anew.")
    return None


def _names(out: Path) -> list[str]:
    """The checkpoints in a folder, newest first: those that `latest` names and that are there, else all."""
    return [name for name in _read_latest(out) if (out / name).is_dir()] or _find_checkpoints(out)


def _find_checkpoints(out: Path) -> list[str]:
    """The folders named like checkpoints, the highest step first."""
    paths = out.iterdir() if out.is_dir() else ()
    folders = [path for path in paths if path.is_dir() and any(path.iterdir())]
    matches = [match for match in (FOLDER.fullmatch(path.name) for path in folders) if match and not match[3]]
    return [match[0] for match in sorted(matches, key=lambda m: (int(m[1]), m[0]), reverse=True)]


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

    Raises ValueError that lists every name that is missing, unexpected or misshapen; then nothing is changed.
    """
    file, parameters = _open_weights(folder), dict(model.named_parameters())  # tied weights occur once
    safetensors.check_shapes(folder, file, {name: tuple(weight.shape) for name, weight in parameters.items()},
                             f"building the model from {folder}/config.json")
    check_files(folder, CHECKPOINT_STEM)
    for name, weight in parameters.items():
        file.read_into(name, *local_shard(weight))
    check_finite_weights(folder, parameters)


def check_finite_weights(folder: str | Path, parameters: dict[str, Tensor]) -> None:
    """Raise ValueError if a weight that was loaded is NaN or infinite."""
    for name, weight in parameters.items():
        if not bool(torch.isfinite(local_shard(weight)[0]).all()):
            raise ValueError(f"{folder} has weights that are not finite, the first in {name}, so no answer "
                             f"could be right. Try an earlier checkpoint, or another copy.")


def check_vocabulary(folder: str | Path, tokenizer: Tokenizer, config: RunConfig) -> None:
    """Raise ValueError if a tokenizer's vocabulary is not the model's."""
    vocab = config.model.decoder.vocab
    if tokenizer.vocab != vocab:
        raise ValueError(f"{folder} holds a tokenizer with vocab={tokenizer.vocab} and a model with "
                         f"vocab={vocab}, so token ids would mean something else. Try the tokenizer.json "
                         f"that belongs to it.")


def read_weights(folder: str | Path) -> dict[str, Tensor]:
    """All weights of a checkpoint by name; tied weights occur once."""
    return dict(_open_weights(folder))


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


def _read_latest(out: Path) -> list[str]:
    """The checkpoints that `latest` names. Lines that are no such name, as a path elsewhere, do not count."""
    path = out / "latest"
    if path.is_dir():
        raise ValueError(f"{path} is a folder, where the list of checkpoints belongs, so none could be found "
                         f"or saved. Move it away, or try another folder than {out}.")
    names = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return [name for name in map(str.strip, names) if _is_finished(name)]


def _is_finished(name: str) -> bool:
    """Whether a name is that of a finished checkpoint's folder, and no longer than a disk allows."""
    match = FOLDER.fullmatch(name)
    return bool(match) and not match[3] and len(name) <= LONGEST_NAME


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
