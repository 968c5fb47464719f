"""Train nano's first steps with other connectors: attention pooling, mean pooling, a two-layer MLP.

    python -m lessons.change.connectors --steps=300        after `make data`; writes out/connector-NAME
"""
from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from unittest import mock

import torch.nn.functional as F
from torch import Tensor, nn

import train
from minimolmo.command import run_command, say
from minimolmo.model.pooling import AttentionPooling
from minimolmo.options import Parser, count_argument, path_argument


class MeanPooling(nn.Module):
    """One matrix multiplies the mean of a window's patches. Shapes as in `AttentionPooling`."""

    def __init__(self, in_width: int, width: int, heads: int):
        super().__init__()
        self.out = nn.Linear(in_width, width)

    def forward(self, features: Tensor, pool_idx: Tensor) -> Tensor:
        window = F.pad(features, (0, 0, 0, 1))[pool_idx]       # (V, K, in_width); -1 is the row of zeros
        return self.out(window.mean(dim=1))                    # (V, width)


class TwoLayers(nn.Module):
    """A two-layer MLP on the concatenated patches of a window. Shapes as in `AttentionPooling`, K = 4."""

    def __init__(self, in_width: int, width: int, heads: int, window: int = 4):
        super().__init__()
        self.up = nn.Linear(window * in_width, width)
        self.down = nn.Linear(width, width)

    def forward(self, features: Tensor, pool_idx: Tensor) -> Tensor:
        window = F.pad(features, (0, 0, 0, 1))[pool_idx].flatten(1)     # (V, K*in_width)
        return self.down(F.gelu(self.up(window)))                       # (V, width)


CONNECTORS = {"attention pooling": AttentionPooling, "mean pooling": MeanPooling, "two layers": TwoLayers}


def losses_of(connector: type, out: Path, arguments: list[str]) -> list[float]:
    """Train with this connector in the place of `AttentionPooling`; returns the loss of each step."""
    with mock.patch("minimolmo.model.molmo.AttentionPooling", connector):
        train.main([f"--out={out}", *arguments])
    lines = (out / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["loss"] for line in lines]


def main(arguments: list[str]) -> None:
    """The command line: stage bootstrap with each connector, then a line for each."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=count_argument(40), default=300, help="default: %(default)s")
    parser.add_argument("--out", type=path_argument, default=Path("out"), help="folder of the three runs")
    parser.add_argument("--data", type=path_argument, default=train.DATA, help="the folder of the datasets")
    given = parser.parse_args(arguments)
    stages = [f"--bootstrap.steps={given.steps}", "--bootstrap.batch_size=16", "--pretrain.steps=0",
              "--finetune.steps=0", f"--data={given.data}"]
    losses = {name: losses_of(kind, given.out / f"connector-{name.replace(' ', '-')}", stages)
              for name, kind in CONNECTORS.items()}
    for name, values in losses.items():
        say(f"{name:<18} first 20 steps {mean(values[:20]):.2f}, last 20 steps {mean(values[-20:]):.2f}")


if __name__ == "__main__":
    run_command(main)
