"""Experts that a released folder keeps one by one, read as the native files hold them: one below the other.

    model.transformer.blocks.3.mlp.experts.17.down_proj.weight  (2048, 1024)   one of 64, in a file
    model.transformer.blocks.3.ffn.experts.mlp.w2               (65536, 2048)  all, each turned on its side

UNVERIFIED: it is known that Hugging Face's MolmoE has a module for each expert with these three matrices, and
a router called gate. Where in a block they hang is a guess, from how Hugging Face's own OLMoE names them. A
folder with other names, or with shapes that do not fit, is refused as before.
"""
from __future__ import annotations

import math
import re

from torch import Tensor

from minimolmo.weights.safetensors import Entry
from minimolmo.weights.shards import TensorFolder

ROUTER = re.compile(r"(.*blocks\.\d+\.)mlp\.gate\.weight")
EXPERT = re.compile(r"(.*blocks\.\d+\.)mlp\.experts\.(\d+)\.(gate|up|down)_proj\.weight")
STACK = {"gate": "w1", "up": "v1", "down": "w2"}


class StackedExperts:
    """A `TensorFolder` under the native names, whichever it has; used like one, as far as loading goes."""

    def __init__(self, file: TensorFolder):
        self.file, self.entries, self.name_of, self.experts = file, {}, {}, {}
        for name, entry in file.entries.items():
            router, expert = ROUTER.fullmatch(name), EXPERT.fullmatch(name)
            if expert:
                stack = f"{expert[1]}ffn.experts.mlp.{STACK[expert[3]]}"
                self.experts.setdefault(stack, {})[int(expert[2])] = name
            else:
                native = f"{router[1]}ffn.router.layer.weight" if router else name
                self.entries[native], self.name_of[native] = entry, name
        for stack, experts in self.experts.items():
            self.entries |= self._stacked(stack, experts)

    def _stacked(self, stack: str, experts: dict[int, str]) -> dict[str, Entry]:
        """The entry of a whole stack; if it has a gap or is of several shapes, its parts as they are."""
        parts = {name: self.file.entries[name] for name in experts.values()}
        shapes = {entry.shape[::-1] if stack.endswith("w2") else entry.shape for entry in parts.values()}
        shape, *others = shapes
        if others or len(shape) != 2 or set(experts) != set(range(len(experts))):
            return parts
        return {stack: Entry(next(iter(parts.values())).dtype, (len(experts) * shape[0], shape[1]), 0, 0)}

    def read_into(self, name: str, numbers: Tensor, first: int = 0) -> None:
        """As `TensorFile.read_into`; of a stack, expert by expert, only those that are asked for."""
        if name not in self.experts:
            return self.file.read_into(self.name_of[name], numbers, first)
        size = math.prod(self.entries[name].shape) // len(self.experts[name])
        for number in range(first // size, -(-(first + len(numbers)) // size)):
            expert = self.file[self.experts[name][number]]
            row = (expert.T if name.endswith("w2") else expert).reshape(-1)
            begin, end = max(first, number * size), min(first + len(numbers), (number + 1) * size)
            numbers[begin - first:end - first].copy_(row[begin - number * size:end - number * size])
