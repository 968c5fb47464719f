"""Reads a run's log.jsonl, and says in words which line is not one of train.py's."""
from __future__ import annotations

import json
from pathlib import Path

from minimolmo.bounds import is_finite_number
from minimolmo.config import STAGES
from minimolmo.renamed import rename_log_line

BEGINNING = '{"stage": "'  # of each line


def read_log(path: Path, *numbers: str) -> list[dict]:
    """The lines of a log.jsonl, none if there is no file. Keys of earlier versions get their current names.

    numbers  keys that each line must have, with a finite number; cross_entropy is one if it is there

    A last line that was cut off, as by kill -9, is dropped. Raises ValueError for any other line that is not
    one of a log.
    """
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    *lines, last = text.split("\n")
    if last and not _is_cut_off(last):
        lines.append(last)
    return [_parse(line, f"{path}:{number}", numbers) for number, line in enumerate(lines, start=1)]


def _is_cut_off(line: str) -> bool:
    """Whether a line without an end is the beginning of one of ours."""
    return not line.endswith("}") and (line.startswith(BEGINNING) or BEGINNING.startswith(line))


def _parse(line: str, where: str, numbers: tuple[str, ...]) -> dict:
    try:
        values = rename_log_line(json.loads(line))
    except (ValueError, TypeError, KeyError, RecursionError):  # not JSON, no object, no stage
        values = {}
    fault = _fault(values, numbers)
    if fault:
        raise ValueError(f"{where} {fault}, so it is no line of a training log. Try moving the file away, or "
                         f"a run in another folder.")
    return values


def _fault(values: dict, numbers: tuple[str, ...]) -> str:
    if values.get("stage") not in STAGES:
        return f"names none of the stages {', '.join(STAGES)}"
    if not (type(values.get("step")) is int and values["step"] > 0):
        return "has no step that is a whole number from 1"
    for name in (*numbers, *{"cross_entropy"} & values.keys()):
        if not is_finite_number(values.get(name)):
            return f"has no {name} that is a number"
    return ""
