"""Reads MoE weights stored per expert into stacked matrices, as in the native files.

    model.transformer.blocks.3.mlp.experts.17.down_proj.weight  (2048, 1024)   one of 64 experts
    model.transformer.blocks.3.ffn.experts.mlp.w2               (65536, 2048)  all experts, each transposed

UNVERIFIED: Hugging Face's MolmoE has a module for each expert with these three matrices, and a router called
gate. Their place in a block is a guess, from the names in Hugging Face's own OLMoE. A folder with other
names, or with shapes that do not fit, is refused.
"""
from __future__ import annotations

import math
import re

from torch import Tensor

from minimolmo.weights.safetensors import Entry
from minimolmo.weights.shards import TensorFolder

ROUTER = re.compile(r"(.*blocks\.\d+\.)mlp\.gate\.weight")
EXPERT = re.compile(r"(.*blocks\.\d+\.)mlp\.experts\.(\d+)\.(gate|up|down)_proj\.weight")
NATIVE_NAMES = {"gate": "w1", "up": "v1", "down": "w2"}


class StackedExperts:
    """A `TensorFolder` under the native names, whether its experts are stacked or separate.

    name_of  native name: name in the folder, for all other tensors
    experts  native name of a stack: {index of an expert: name in the folder}
    """

    def __init__(self, file: TensorFolder):
        self.file, self.entries, self.name_of, self.experts = file, {}, {}, {}
        for name, entry in file.entries.items():
            router, expert = ROUTER.fullmatch(name), EXPERT.fullmatch(name)
            if expert:
                stack = f"{expert[1]}ffn.experts.mlp.{NATIVE_NAMES[expert[3]]}"
                self.experts.setdefault(stack, {})[int(expert[2])] = name
            else:
                native = f"{router[1]}ffn.router.layer.weight" if router else name
                self.entries[native], self.name_of[native] = entry, name
        for stack, experts in self.experts.items():
            self.entries |= self._stack_entries(stack, experts)

    def _stack_entries(self, stack: str, experts: dict[int, str]) -> dict[str, Entry]:
        """The entry of a stack. If an expert is missing or has another shape, return the separate entries."""
        parts = {name: self.file.entries[name] for name in experts.values()}
        shapes = {entry.shape[::-1] if stack.endswith("w2") else entry.shape for entry in parts.values()}
        shape, *others = shapes
        if others or len(shape) != 2 or set(experts) != set(range(len(experts))):
            return parts
        return {stack: Entry(next(iter(parts.values())).dtype, (len(experts) * shape[0], shape[1]), 0, 0)}

    def read_into(self, name: str, out: Tensor, first: int = 0) -> None:
        """As `TensorFile.read_into`. For a stack, only the experts that `out` overlaps are read."""
        if name not in self.experts:
            return self.file.read_into(self.name_of[name], out, first)
        last, size = first + len(out), math.prod(self.entries[name].shape) // len(self.experts[name])
        for index in range(first // size, -(-last // size)):
            expert = self.file[self.experts[name][index]]
            values, offset = (expert.T if name.endswith("w2") else expert).reshape(-1), index * size
            begin, end = max(first, offset), min(last, offset + size)
            out[begin - first:end - first].copy_(values[begin - offset:end - offset])
