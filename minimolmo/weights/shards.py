"""Weights in several files (shards), and the index that says which file holds each tensor.

    model.safetensors.index.json    {"metadata": {"total_size": 32084101120}, "weight_map": {"name": "file"}}
    model-00001-of-00007.safetensors, ...

The weights of a small model are one file, model.safetensors. Source: Hugging Face's layout, which the
official Molmos have.
"""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from torch import Tensor

from minimolmo.disk import (
    PART,
    check_absent_or_own,
    remove_own,
    replace_own,
    write_atomically,
    write_manifest,
)
from minimolmo.locks import locked
from minimolmo.weights.safetensors import MAX_HEADER_BYTES, TensorFile, make_entry, parse_json_object, save

OFFICIAL_STEM, CHECKPOINT_STEM = "model", "weights"  # of the weights files' names


def index_name(stem: str) -> str:
    """The file name of the index: model.safetensors.index.json."""
    return f"{stem}.safetensors.index.json"


class TensorFolder(Mapping):
    """The weights in a folder, in one file or in shards with an index. Used like a `TensorFile`.

    Raises ValueError if a file is missing or corrupt, or if the index is wrong about one.
    """

    def __init__(self, folder: str | Path, stem: str = OFFICIAL_STEM):
        index = Path(folder) / index_name(stem)
        weight_map = read_index(index) if index.is_file() else None
        files = {name: TensorFile(index.parent / name) for name in _file_names(index, stem, weight_map)}
        if weight_map is not None:
            _check_index(index, weight_map, files)
        self._file = {name: file for file in files.values() for name in file}
        self.entries = {name: file.entries[name] for name, file in self._file.items()}

    def __getitem__(self, name: str) -> Tensor:
        return self._file[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._file)

    def __len__(self) -> int:
        return len(self._file)

    def read_into(self, name: str, out: Tensor, first: int = 0) -> None:
        """As `TensorFile.read_into`."""
        self._file[name].read_into(name, out, first)


def _file_names(index: Path, stem: str, weight_map: dict[str, str] | None) -> list[str]:
    """The weights files of a folder. Raises ValueError if one is missing."""
    names = sorted(set(weight_map.values())) if weight_map else [f"{stem}.safetensors"]
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        parts = (f"{len(missing)} of {len(names)} weights files ({', '.join(missing[:5])})" if weight_map else
                 f"{names[0]}, or {index.name} and its files")
        raise ValueError(f"{index.parent} lacks {parts}, so the copy or download is not complete. "
                         f"Try it again.")
    return names


def _check_index(index: Path, weight_map: dict[str, str], files: dict[str, TensorFile]) -> None:
    """Raise ValueError unless index and files agree, and every tensor is in one file only."""
    found = {name: file for file, tensors in files.items() for name in tensors}
    wrong = [name for name in {**weight_map, **found} if weight_map.get(name) != found.get(name)]
    if wrong:
        raise corrupt_index(index, f"it and the files disagree on which file holds {', '.join(wrong[:5])}")
    if sum(map(len, files.values())) > len(found):
        raise corrupt_index(index, "two files hold a tensor of the same name")


def read_index(index: Path) -> dict[str, str]:
    """The file that holds each tensor. Raises ValueError if the index is corrupt."""
    with open(index, "rb") as file:
        text = file.read(MAX_HEADER_BYTES + 1)
    if len(text) > MAX_HEADER_BYTES:
        raise corrupt_index(index, f"it has more than {MAX_HEADER_BYTES} bytes")
    weight_map = parse_json_object(index, text).get("weight_map")
    if not (isinstance(weight_map, dict) and weight_map
            and all(isinstance(shard, str) for shard in weight_map.values())):
        raise corrupt_index(index, 'it has no "weight_map" from names to files')
    for shard in set(weight_map.values()):
        if Path(shard).name != shard or not shard.endswith(".safetensors"):  # no path out of the folder
            raise corrupt_index(index, f"it names {shard!r}, which is no weights file beside it")
    return weight_map


def save_folder(folder: Path, tensors: Mapping[str, Tensor], shard_bytes: int, metadata: dict[str, str],
                stem: str = OFFICIAL_STEM) -> None:
    """Write weights as a `TensorFolder`: files of at most `shard_bytes` (or one tensor), and their index.

    Tensors are taken from the mapping one at a time, so it may compute them when they are looked up. An older
    index is removed first and the new one is written last. So an interrupted save leaves a folder without an
    index, and never mixes two models.
    """
    (folder / index_name(stem)).unlink(missing_ok=True)
    sizes = {name: make_entry(name, tensors[name]).stop for name in tensors}
    shards = _split_into_shards(sizes, shard_bytes)
    files = {f"{stem}-{i:05d}-of-{len(shards):05d}.safetensors": names
             for i, names in enumerate(shards, start=1)}
    for file, names in files.items():
        save(folder / file, _Subset(tensors, names), metadata)
    weight_map = {name: file for file, names in files.items() for name in names}
    index = {"metadata": {"total_size": sum(sizes.values())}, "weight_map": weight_map}
    write_atomically(folder / index_name(stem), [json.dumps(index, indent=2).encode()])


@contextmanager
def whole_folder(out: Path, kind: str) -> Iterator[Path]:
    """A folder to write into, which gets the name `out` when the block ends; after an error it is removed.

    kind  of its manifest. An older folder of this kind is replaced; ValueError for any other
    """
    out, unfinished_kind = out.absolute(), f"unfinished {kind}"
    check_absent_or_own(out, kind)
    with locked(out.parent):
        unfinished = out.with_name(f"{out.name}{PART}")
        remove_own(unfinished, kind, unfinished_kind)
        unfinished.mkdir()
        write_manifest(unfinished, unfinished_kind)
        try:
            yield unfinished
            write_manifest(unfinished, kind)
            replace_own(unfinished, out, kind)
        except BaseException:  # Ctrl-C too
            with suppress(OSError):
                remove_own(unfinished, kind, unfinished_kind)
            raise


def _split_into_shards(sizes: dict[str, int], shard_bytes: int) -> list[list[str]]:
    """Names in order, in groups of at most `shard_bytes` (or of one larger tensor)."""
    shards, free = [[]], shard_bytes
    for name, size in sizes.items():
        if size > free and shards[-1]:
            shards.append([])
            free = shard_bytes
        shards[-1].append(name)
        free -= size
    return shards


class _Subset(Mapping):
    """A mapping restricted to some names. Each value is fetched when it is looked up."""

    def __init__(self, mapping: Mapping, names: list[str]):
        self.mapping, self.names = mapping, names

    def __getitem__(self, name: str) -> Tensor:
        return self.mapping[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def corrupt_index(index: Path, fault: str) -> ValueError:
    """The error to raise for an index that contradicts itself or its files."""
    return ValueError(f"{index} is not a valid index: {fault}. Try copying the whole folder again.")
