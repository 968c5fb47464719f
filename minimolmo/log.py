"""The log of a run: OUT/log.jsonl, a line a step, and the curve that is drawn from it."""
from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

from minimolmo import draw
from minimolmo.disk import write_atomically


def open_log(out: Path, step: int) -> TextIO:
    """OUT/log.jsonl to append to, without the lines of steps after `step`: they were lost and come again."""
    path = out / "log.jsonl"
    lines = path.read_text().splitlines() if path.exists() and step else []
    kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
    write_atomically(path, ["".join(line + "\n" for line in kept).encode()])
    return open(path, "a", buffering=1)


def plot_losses(out: Path) -> None:
    """OUT/loss.png from OUT/log.jsonl."""
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    series = {line["stage"]: [] for line in lines}
    for line in lines:
        series[line["stage"]].append((line["step"], line["loss"]))
    marks = {curve[0][0]: stage for stage, curve in series.items()}
    draw.loss_curve(series, f"{out.name}: loss by step", marks, log=True).save(out / "loss.png")
