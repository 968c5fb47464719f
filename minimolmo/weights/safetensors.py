"""The safetensors file format by hand: tensors on disk without pickle, so opening a file runs no code.

    8 bytes   N, the length of the header, little-endian
    N bytes   JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}, then spaces
    the rest  the numbers of all tensors, end to end, little-endian; offsets count from here

Reading trusts nothing: a file in which any number disagrees with another is refused before a tensor is made.

Source: https://github.com/huggingface/safetensors, section "Format".
"""
from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from minimolmo.disk import write_atomically

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
          "I32": torch.int32, "U8": torch.uint8, "BOOL": torch.bool}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
ALIGNED = sorted(NAMES, key=lambda dtype: -dtype.itemsize)  # so written, no number lies across a boundary
LONGEST_HEADER = 10_000_000  # bytes; Molmo's have some thousands. The official reader allows 100 million
MOST_AXES = 64               # of a tensor, as in PyTorch; to multiply millions of sizes takes minutes
PIECE = 16 * 2 ** 20         # bytes that are in memory at a time while a tensor is read into another


class Entry(NamedTuple):
    """Where one tensor lies: `start` and `stop` are bytes from the beginning of the file."""
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stop: int


def save(path: str | Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors of any device and layout to one file: the widest numbers first, then in the order of
    names.

    The file appears complete or not at all. A mapping that makes its tensors when asked is asked for one at a
    time. Raises ValueError for a dtype the format does not know.
    """
    entries = {name: describe(name, tensors[name]) for name in tensors}
    order = sorted(entries, key=lambda name: (ALIGNED.index(entries[name].dtype), name))
    header: dict[str, dict] = {"__metadata__": metadata} if metadata else {}
    stop = 0
    for name in order:
        dtype, shape, _, size = entries[name]
        start, stop = stop, stop + size
        header[name] = dict(dtype=NAMES[dtype], shape=list(shape), data_offsets=[start, stop])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers begin at a multiple of 8 bytes
    numbers = (_to_bytes(tensors[name]) for name in order)
    write_atomically(path, chain([len(text).to_bytes(8, "little"), text], numbers))


def load(path: str | Path) -> dict[str, Tensor]:
    """All tensors of a file, writable and on the CPU. Raises ValueError for a file that is not sound."""
    return dict(TensorFile(path))


class TensorFile(Mapping):
    """A file opened for reading: a dictionary whose tensors are fetched from disk only when asked for.

        file = TensorFile("weights.safetensors")
        file.entries["vit.bias"].shape    # from the header alone
        file["vit.bias"]                  # reads that one tensor: a copy, yours to change
    """

    def __init__(self, path: str | Path):
        self.entries, self.metadata = read_header(path)
        with open(path, "rb") as file:
            self._pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # nothing is read yet

    def __getitem__(self, name: str) -> Tensor:
        dtype, shape, start, stop = self.entries[name]
        return self._read(dtype, start, stop).reshape(shape)

    def read_into(self, name: str, numbers: Tensor, first: int = 0) -> None:
        """Fill `numbers` (n,), of any dtype and device, with those of a tensor from its number `first` on.

        Piece by piece, and the pages read are given back: so a file is loaded in the memory of the model
        alone. """
        dtype, _, start, stop = self.entries[name]
        start, step = start + first * dtype.itemsize, PIECE // dtype.itemsize
        assert start + len(numbers) * dtype.itemsize <= stop
        for piece in numbers.split(step):
            end = start + len(piece) * dtype.itemsize
            piece.copy_(self._read(dtype, start, end))
            start = end

    def _read(self, dtype: torch.dtype, start: int, stop: int) -> Tensor:
        """Bytes of the file as numbers (n,) in memory of their own; the file's pages are given back."""
        if start == stop:
            return torch.empty(0, dtype=dtype)
        numbers = torch.frombuffer(bytearray(memoryview(self._pages)[start:stop]), dtype=dtype)
        if hasattr(mmap, "MADV_DONTNEED"):  # Windows has no such call, and decides by itself
            page = start - start % mmap.PAGESIZE
            self._pages.madvise(mmap.MADV_DONTNEED, page, stop - page)
        return numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def read_header(path: str | Path) -> tuple[dict[str, Entry], dict[str, str]]:
    """What a file holds, and its metadata, without reading a tensor. Every entry has been checked.

    Raises ValueError if the file is missing, cut off, or contradicts itself in any way.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path} is not there, so nothing can be read from it. Try another path.")
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(first := file.read(8), "little")
        if first == b"version ":  # as git's own note of where a large file lies begins
            raise ValueError(f"{path} is git's note of a large file and not the weights themselves. "
                             f"Try \"git lfs pull\" in its folder.")
        if length > min(size - 8, LONGEST_HEADER):
            raise corrupt_file(path, f"its {size} bytes cannot hold a header of {length} bytes")
        header = parse_table(path, file.read(length))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise corrupt_file(path, "its metadata is not a table of names")
    entries = {name: _entry(path, name, about, data=8 + length) for name, about in header.items()}
    _check_end_to_end(path, entries, first=8 + length, last=size)
    return entries, metadata


def parse_table(path, text: bytes) -> dict:
    """A table of names from JSON, each name in it once. Raises ValueError that names `path`."""
    try:
        table = json.loads(text.decode(), object_pairs_hook=_each_name_once)
    except (ValueError, RecursionError) as error:
        raise corrupt_file(path, f"it is not JSON ({error})", kind="table of names") from None
    if not isinstance(table, dict):
        raise corrupt_file(path, f"it is a {type(table).__name__}", kind="table of names")
    return table


def describe(name: str, tensor: Tensor) -> Entry:
    """A tensor's entry, as if its file began with it. Raises ValueError for a dtype without a name."""
    if tensor.dtype not in NAMES:
        raise ValueError(f"tensor {name!r} is {tensor.dtype}, for which the format has no name. "
                         f"Try converting it to one of {', '.join(str(dtype) for dtype in NAMES)}.")
    return Entry(tensor.dtype, tuple(tensor.shape), 0, tensor.numel() * tensor.element_size())


def check_shapes(path, file: Mapping, wanted: dict[str, tuple[int, ...]], remedy: str) -> None:
    """Raise ValueError with every tensor that a file lacks, has too many, or has in another shape than
    wanted.

    file  a `TensorFile`, or what is used like one
    """
    found = {name: entry.shape for name, entry in file.entries.items()}
    misfits = [f"  missing     {name} {wanted[name]}" for name in wanted if name not in found]
    misfits += [f"  unexpected  {name} {found[name]}" for name in found if name not in wanted]
    misfits += [f"  misshaped   {name} {found[name]}, the model's is {wanted[name]}"
                for name in wanted if name in found and found[name] != wanted[name]]
    if misfits:
        raise ValueError(f"{path} does not fit the model, so nothing was loaded:\n" + "\n".join(misfits) +
                         f"\nTry {remedy}.")


def _to_bytes(tensor: Tensor) -> memoryview:
    return memoryview(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())


def _each_name_once(pairs: list[tuple]) -> dict:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands in it twice")
    return dict(pairs)


def _entry(path, name: str, about, data: int) -> Entry:
    """One line of the header as an Entry; `data` is where in the file the offsets count from."""
    about = about if isinstance(about, dict) else {}
    dtype, shape, offsets = about.get("dtype"), about.get("shape"), about.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise corrupt_file(path, f"tensor {name!r} has dtype {dtype!r}, which is none of {', '.join(DTYPES)}",
                       "a file saved in one of these")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise corrupt_file(path, f"tensor {name!r} has shape {shape} and offsets {offsets}, not lists of sizes")
    start, stop = offsets
    if math.prod(shape) * DTYPES[dtype].itemsize != stop - start:
        raise corrupt_file(path, f"tensor {name!r}, {dtype} of shape {shape}, needs {math.prod(shape)} x "
                             f"{DTYPES[dtype].itemsize} bytes, but its offsets {offsets} hold {stop - start}")
    return Entry(DTYPES[dtype], tuple(shape), data + start, data + stop)


def _are_sizes(numbers) -> bool:
    """Whether this is a short list of whole numbers from 0, none larger than any file."""
    return (isinstance(numbers, list) and len(numbers) <= MOST_AXES
            and all(type(n) is int and 0 <= n < 2 ** 48 for n in numbers))


def _check_end_to_end(path, entries: dict[str, Entry], first: int, last: int) -> None:
    """The tensors fill the file from `first` to `last`: no overlap, no gap, nothing cut off or left over."""
    reached, before = first, "the header"
    for name, entry in sorted(entries.items(), key=lambda item: item[1][2:]):
        if entry.start != reached:
            fault = "overlap" if entry.start < reached else "leave a gap"
            raise corrupt_file(path, f"{before} ends at byte {reached} and tensor {name!r} starts at "
                                 f"{entry.start}: they {fault}")
        reached, before = entry.stop, f"tensor {name!r}"
    if reached != last:
        raise corrupt_file(path, f"{before} ends at byte {reached}, but the file at {last}")


def corrupt_file(path, fault: str, remedy: str = "copying or making the file again",
             kind: str = "safetensors file") -> ValueError:
    return ValueError(f"{path} is not a sound {kind}: {fault}. Try {remedy}.")
