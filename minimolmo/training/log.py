"""The log of a run: OUT/log.jsonl, one line per step, and the loss curve drawn from it."""
from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

from minimolmo.disk import write_atomically, write_image
from minimolmo.plot import loss_curve
from minimolmo.renamed import rename_log_line


def open_log(out: Path, step: int) -> TextIO:
    """Open OUT/log.jsonl to append to it. Lines after `step` are removed: those steps run again."""
    path = out / "log.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() and step else []
    kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
    write_atomically(path, ["".join(line + "\n" for line in kept).encode()])
    return open(path, "a", buffering=1, encoding="utf-8")


def read_log(out: Path) -> list[dict]:
    """The lines of OUT/log.jsonl. Keys of earlier versions are renamed to the current ones."""
    text = (out / "log.jsonl").read_text(encoding="utf-8")
    return [rename_log_line(json.loads(line)) for line in text.splitlines()]


def plot_losses(out: Path) -> None:
    """Draw OUT/loss.png from OUT/log.jsonl: the cross-entropy; in stage bootstrap, the loss."""
    lines = read_log(out)
    series = {line["stage"]: [] for line in lines}
    for line in lines:
        series[line["stage"]].append((line["step"], line.get("cross_entropy", line["loss"])))
    marks = {curve[0][0]: stage for stage, curve in series.items()}
    write_image(out / "loss.png", loss_curve(series, f"{out.name}: loss by step", marks, log=True))
