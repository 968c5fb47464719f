"""The log of a run: OUT/log.jsonl, one line per step, and the loss curve drawn from it."""
from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

from minimolmo.disk import write_atomically, write_image
from minimolmo.logfile import read_log
from minimolmo.plot import loss_curve


def open_log(out: Path, step: int) -> TextIO:
    """Open OUT/log.jsonl to append to it. Lines after `step` are removed: those steps run again.

    Raises ValueError, before anything changes, if the file is not a log of ours.
    """
    path = out / "log.jsonl"
    kept = [json.dumps(line) + "\n" for line in read_log(path, "loss") if line["step"] <= step]
    write_atomically(path, ["".join(kept).encode()])
    return open(path, "a", buffering=1, encoding="utf-8")


def plot_losses(out: Path) -> None:
    """Draw OUT/loss.png from OUT/log.jsonl: the cross-entropy; in stage bootstrap, the loss."""
    lines = read_log(out / "log.jsonl", "loss")
    series = {line["stage"]: [] for line in lines}
    for line in lines:
        series[line["stage"]].append((line["step"], line.get("cross_entropy", line["loss"])))
    marks = {curve[0][0]: stage for stage, curve in series.items()}
    write_image(out / "loss.png", loss_curve(series, f"{out.name}: loss by step", marks, log=True))
