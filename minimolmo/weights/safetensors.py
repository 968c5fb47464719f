"""Reader and writer of the safetensors file format: tensors on disk without pickle, so loading runs no code.

    8 bytes   N, the length of the header, little-endian
    N bytes   JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}, then spaces
    the rest  the values of all tensors, without gaps, little-endian; offsets count from here

The header is checked completely before any tensor is read: a file that contradicts itself is refused.

Source: https://github.com/huggingface/safetensors, section "Format".
"""
from __future__ import annotations

import json
import math
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
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}
WIDEST_FIRST = sorted(DTYPE_NAMES, key=lambda dtype: -dtype.itemsize)  # in this order every tensor is aligned
MAX_HEADER_BYTES = 10_000_000  # Molmo's have some thousands; the official reader allows 100 million
MAX_AXES = 64                  # of a tensor, as in PyTorch; multiplying millions of sizes takes minutes
CHUNK_BYTES = 16 * 2 ** 20     # in memory at a time while a tensor is read into another


class Entry(NamedTuple):
    """One tensor's dtype, shape and position: bytes `start` to `stop` of the file."""
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stop: int


def save(path: str | Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors of any device and layout to one file, atomically: the widest dtype first, then by name.

    Tensors are taken from the mapping one at a time, so it may compute them when they are looked up. Raises
    ValueError for a dtype that the format does not have.
    """
    entries = {name: make_entry(name, tensors[name]) for name in tensors}
    order = sorted(entries, key=lambda name: (WIDEST_FIRST.index(entries[name].dtype), name))
    header: dict[str, dict] = {"__metadata__": metadata} if metadata else {}
    stop = 0
    for name in order:
        dtype, shape, _, size = entries[name]
        start, stop = stop, stop + size
        header[name] = dict(dtype=DTYPE_NAMES[dtype], shape=list(shape), data_offsets=[start, stop])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the values begin at a multiple of 8 bytes
    values = (_to_bytes(tensors[name]) for name in order)
    write_atomically(path, chain([len(text).to_bytes(8, "little"), text], values))


def load(path: str | Path) -> dict[str, Tensor]:
    """All tensors of a file, writable and on the CPU. Raises ValueError for a corrupt file."""
    return dict(TensorFile(path))


class TensorFile(Mapping):
    """A file opened for reading: a mapping that reads a tensor from disk when it is looked up.

        file = TensorFile("weights.safetensors")
        file.entries["vit.bias"].shape    # from the header, no tensor is read
        file["vit.bias"]                  # reads this tensor; it may be changed

    The file is read into the tensors' own memory. It is not mapped: if a mapped file is cut short or copied
    over while its tensors live, which is hours in training, the system ends the process or weights change.
    Here a ValueError says so. A map would save a fifth of the time of loading (RUNS.md).
    """

    def __init__(self, path: str | Path):
        self.path = path
        self.entries, self.metadata = read_header(path)
        self._file = open(path, "rb", buffering=0)

    def __getitem__(self, name: str) -> Tensor:
        dtype, shape, start, _ = self.entries[name]
        return self._fill(torch.empty(math.prod(shape), dtype=dtype), start).reshape(shape)

    def read_into(self, name: str, out: Tensor, first: int = 0) -> None:
        """Fill `out` (n,), of any dtype and device, with values `first` to `first + n` of a flattened tensor.

        Values of another dtype or for another device are read in chunks of CHUNK_BYTES, which is all the
        memory that loading takes besides the model's.
        """
        dtype, _, start, stop = self.entries[name]
        start, step = start + first * dtype.itemsize, CHUNK_BYTES // dtype.itemsize
        assert start + len(out) * dtype.itemsize <= stop
        if out.dtype == dtype and out.device.type == "cpu" and out.is_contiguous():
            self._fill(out, start)
            return
        chunk = torch.empty(min(step, len(out)), dtype=dtype)
        for part in out.split(step):
            part.copy_(self._fill(chunk[:len(part)], start))
            start += len(part) * dtype.itemsize

    def _fill(self, values: Tensor, start: int) -> Tensor:
        """Read the file from byte `start` on into a tensor (n,) on the CPU, and return it."""
        rest = memoryview(values.view(torch.uint8).numpy())
        self._file.seek(start)
        while rest:  # the system reads 2 GB at once, or less
            count = self._file.readinto(rest)
            if not count:
                raise corrupt_file(self.path, f"it ends {len(rest)} bytes before a tensor does, so it was "
                                              f"cut short after it was opened")
            rest = rest[count:]
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def read_header(path: str | Path) -> tuple[dict[str, Entry], dict[str, str]]:
    """The checked entries of a file, and its metadata. Reads no tensor.

    Raises ValueError if the file is missing, cut off, or contradicts itself in any way.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path} does not exist, so nothing can be read from it. Try another path.")
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(first := file.read(8), "little")
        if first == b"version ":  # the beginning of a Git LFS pointer file
            raise ValueError(f"{path} is a Git LFS pointer, and does not hold the weights themselves. "
                             f"Try \"git lfs pull\" in its folder.")
        if length > min(size - 8, MAX_HEADER_BYTES):
            raise corrupt_file(path, f"its {size} bytes cannot hold a header of {length} bytes")
        header = parse_json_object(path, file.read(length))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise corrupt_file(path, "its metadata is not a JSON object")
    entries = {name: _parse_entry(path, name, fields, offset=8 + length) for name, fields in header.items()}
    _check_contiguous(path, entries, first=8 + length, last=size)
    return entries, metadata


def parse_json_object(path: str | Path, text: bytes) -> dict:
    """A JSON object with unique names as a dictionary. Raises ValueError that names `path`."""
    try:
        values = json.loads(text.decode(), object_pairs_hook=_unique_names)
    except (ValueError, RecursionError) as error:
        raise corrupt_file(path, f"it is not JSON ({error})", kind="JSON object") from None
    if not isinstance(values, dict):
        raise corrupt_file(path, f"it is a {type(values).__name__}", kind="JSON object")
    return values


def make_entry(name: str, tensor: Tensor) -> Entry:
    """The entry of a tensor at the beginning of a file. Raises ValueError for an unsupported dtype."""
    if tensor.dtype not in DTYPE_NAMES:
        raise ValueError(f"tensor {name!r} is {tensor.dtype}, which the format does not have. "
                         f"Try converting it to one of {', '.join(str(dtype) for dtype in DTYPE_NAMES)}.")
    return Entry(tensor.dtype, tuple(tensor.shape), 0, tensor.numel() * tensor.element_size())


def check_shapes(path: str | Path, file: Mapping, expected: dict[str, tuple[int, ...]], remedy: str) -> None:
    """Raise ValueError that lists every tensor of a file that is missing, unexpected or of another shape.

    file      a `TensorFile`, or a mapping with the same `entries`
    expected  the shapes of the model's tensors
    """
    found = {name: entry.shape for name, entry in file.entries.items()}
    misfits = [f"  missing     {name} {expected[name]}" for name in expected if name not in found]
    misfits += [f"  unexpected  {name} {found[name]}" for name in found if name not in expected]
    misfits += [f"  misshaped   {name} {found[name]}, the model's is {expected[name]}"
                for name in expected if name in found and found[name] != expected[name]]
    if misfits:
        raise ValueError(f"{path} does not fit the model, so nothing was loaded:\n" + "\n".join(misfits) +
                         f"\nTry {remedy}.")


def _to_bytes(tensor: Tensor) -> memoryview:
    return memoryview(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())


def _unique_names(pairs: list[tuple]) -> dict:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _parse_entry(path: str | Path, name: str, fields: object, offset: int) -> Entry:
    """An entry from its fields in the header. `offset` is the byte that data_offsets count from."""
    fields = fields if isinstance(fields, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise corrupt_file(path, f"tensor {name!r} has dtype {dtype!r}, which is none of {', '.join(DTYPES)}",
                           "a file saved in one of these")
    if not _is_size_list(shape) or not _is_size_list(offsets) or len(offsets) != 2:
        raise corrupt_file(path, f"tensor {name!r} has shape {shape} and offsets {offsets}, "
                                 f"not lists of sizes")
    start, stop = offsets
    if math.prod(shape) * DTYPES[dtype].itemsize != stop - start:
        raise corrupt_file(path, f"tensor {name!r}, {dtype} of shape {shape}, needs {math.prod(shape)} x "
                                 f"{DTYPES[dtype].itemsize} bytes, but its offsets {offsets} hold "
                                 f"{stop - start}")
    return Entry(DTYPES[dtype], tuple(shape), offset + start, offset + stop)


def _is_size_list(value: object) -> bool:
    """Whether this is a short list of non-negative integers, none larger than a file can be."""
    return (isinstance(value, list) and len(value) <= MAX_AXES
            and all(type(size) is int and 0 <= size < 2 ** 48 for size in value))


def _check_contiguous(path: str | Path, entries: dict[str, Entry], first: int, last: int) -> None:
    """Raise ValueError unless the tensors fill bytes `first` to `last` without an overlap or a gap."""
    end, previous = first, "the header"
    for name, entry in sorted(entries.items(), key=lambda item: item[1][2:]):
        if entry.start != end:
            fault = "overlap" if entry.start < end else "leave a gap"
            raise corrupt_file(path, f"{previous} ends at byte {end} and tensor {name!r} starts at "
                                     f"{entry.start}: they {fault}")
        end, previous = entry.stop, f"tensor {name!r}"
    if end != last:
        raise corrupt_file(path, f"{previous} ends at byte {end}, but the file at {last}")


def corrupt_file(path: str | Path, fault: str, remedy: str = "copying or making the file again",
                 kind: str = "safetensors file") -> ValueError:
    """The error to raise for a file whose content contradicts itself or its format."""
    return ValueError(f"{path} is not a valid {kind}: {fault}. Try {remedy}.")
