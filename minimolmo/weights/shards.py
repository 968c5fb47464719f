"""A folder of weights too large for one file: shards, and an index of who holds what.

    model.safetensors.index.json    {"metadata": {"total_size": 32084101120}, "weight_map": {"name": "file"}}
    model-00001-of-00007.safetensors, ...

Small models lie in model.safetensors alone. Source: Hugging Face's layout, that of the released Molmos.
"""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from minimolmo.disk import write_atomically
from minimolmo.weights.safetensors import LONGEST_HEADER, TensorFile, describe, parse_table, save

RELEASED, OURS = "model", "weights"  # what the files of a released Molmo, and of ours, begin with


def index_of(stem: str) -> str:
    """The name of the index: model.safetensors.index.json."""
    return f"{stem}.safetensors.index.json"


class TensorFolder(Mapping):
    """The weights of a model: model.safetensors, or several files and an index of who holds what.

    Used like a `TensorFile`. Raises ValueError if a file is missing or unsound, or the index is wrong about
    one. """

    def __init__(self, folder: str | Path, stem: str = RELEASED):
        index = Path(folder) / index_of(stem)
        home = read_index(index) if index.is_file() else None
        names = sorted(set(home.values())) if home else [f"{stem}.safetensors"]
        missing = [name for name in names if not (index.parent / name).is_file()]
        if missing:
            parts = (f"{len(missing)} of {len(names)} weights files ({', '.join(missing[:5])})" if home else
                     f"{names[0]}, or {index.name} and its files")
            raise ValueError(f"{folder} lacks {parts}, so it was not copied or downloaded to the end. "
                             f"Try that again.")
        files = {name: TensorFile(index.parent / name) for name in names}
        self._file = {name: file for file in files.values() for name in file}
        self.entries = {name: file.entries[name] for name, file in self._file.items()}
        held = {name: shard for shard, file in files.items() for name in file}
        wrong = [name for name in {**home, **held} if home.get(name) != held.get(name)] if home else []
        if wrong or sum(map(len, files.values())) > len(held):
            fault = f"it and the files disagree on who holds {', '.join(wrong[:5])}"
            raise corrupt_file(index, fault if wrong else "two files hold a tensor of the same name")

    def __getitem__(self, name: str) -> Tensor:
        return self._file[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._file)

    def __len__(self) -> int:
        return len(self._file)

    def read_into(self, name: str, numbers: Tensor, first: int = 0) -> None:
        """As `TensorFile.read_into`."""
        self._file[name].read_into(name, numbers, first)


def read_index(index: Path) -> dict[str, str]:
    """Which file beside the index holds each tensor. Raises ValueError if it is not sound."""
    with open(index, "rb") as file:
        text = file.read(LONGEST_HEADER + 1)
    if len(text) > LONGEST_HEADER:
        raise corrupt_file(index, f"it has more than {LONGEST_HEADER} bytes")
    home = parse_table(index, text).get("weight_map")
    if not (isinstance(home, dict) and home and all(isinstance(shard, str) for shard in home.values())):
        raise corrupt_file(index, 'it has no "weight_map" from names to files')
    for shard in set(home.values()):
        if Path(shard).name != shard or not shard.endswith(".safetensors"):  # no way out of the folder
            raise corrupt_file(index, f"it names {shard!r}, which is no weights file beside it")
    return home


def save_folder(folder: Path, tensors: Mapping[str, Tensor], shard_bytes: int, metadata: dict[str, str],
                stem: str = RELEASED) -> None:
    """Write weights as a `TensorFolder`: files of at most `shard_bytes` (or one tensor), and their index.

    A mapping that makes its tensors when asked is asked for one at a time. An older index goes first, and the
    new one comes last: a folder half written holds no weights, rather than those of two models.
    """
    (folder / index_of(stem)).unlink(missing_ok=True)
    sizes = {name: describe(name, tensors[name]).stop for name in tensors}
    shards, room = [[]], shard_bytes
    for name, size in sizes.items():
        if size > room and shards[-1]:
            shards.append([])
            room = shard_bytes
        shards[-1].append(name)
        room -= size
    files = {f"{stem}-{number:05d}-of-{len(shards):05d}.safetensors": names
             for number, names in enumerate(shards, start=1)}
    for file, names in files.items():
        save(folder / file, _Part(tensors, names), metadata)
    home = {name: file for file, names in files.items() for name in names}
    index = {"metadata": {"total_size": sum(sizes.values())}, "weight_map": home}
    write_atomically(folder / index_of(stem), [json.dumps(index, indent=2).encode()])


class _Part(Mapping):
    """Some names of a mapping, nothing fetched before it is asked for."""

    def __init__(self, whole: Mapping, names: list[str]):
        self.whole, self.names = whole, names

    def __getitem__(self, name: str):
        return self.whole[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def corrupt_file(index: Path, fault: str) -> ValueError:
    return ValueError(f"{index} is not a sound index: {fault}. Try copying the folder again, whole.")
