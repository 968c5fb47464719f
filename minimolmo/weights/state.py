"""The training state of a checkpoint as JSON and tensors, and back: optimizer and progress.

    saved, tensors = split_state(optimizer.state_dict(), {"step": 400})
    optimizer_state, progress = join_state(saved, tensors)     # bit for bit; tuples in progress become lists
"""
from __future__ import annotations

from pathlib import Path

from torch import Tensor


def split_state(optimizer_state: dict | None, progress: dict) -> tuple[dict, dict[str, Tensor]]:
    """The values for state.json, and the tensors, each under the name of its parameter."""
    saved = optimizer_state or {"state": {}, "param_groups": None}
    tensors, others = {}, {}
    for piece, values in [("progress", progress), *saved["state"].items()]:
        tensors |= {f"{piece}.{key}": value for key, value in values.items() if isinstance(value, Tensor)}
        others[piece] = {key: value for key, value in values.items() if not isinstance(value, Tensor)}
    return {"progress": others.pop("progress"), "state": others, "groups": saved["param_groups"]}, tensors


def join_state(saved: dict, tensors: dict[str, Tensor]) -> tuple[dict | None, dict]:
    """The optimizer's state_dict() or None, and the progress. `check_state` must have passed."""
    pieces = {"progress": saved["progress"], **saved["state"]}
    for name, tensor in tensors.items():
        piece, key = name.split(".", 1)
        pieces[piece][key] = tensor
    progress = pieces.pop("progress")
    if saved["groups"] is None:
        return None, progress
    state = {int(index): values for index, values in pieces.items()}
    return {"state": state, "param_groups": [_with_tuples(group) for group in saved["groups"]]}, progress


def check_state(path: Path, saved: dict, tensors: dict[str, Tensor], step: int | None) -> None:
    """Raise ValueError if a state.json cannot be what `split_state` made.

    step  that of the folder's name; None if the name has none
    """
    fault = _fault_of_progress(saved.get("progress"), step) or _fault_of_optimizer(saved, tensors)
    if fault:
        raise ValueError(f"{path} {fault}, so training cannot go on from it. Try an older checkpoint.")


def _fault_of_progress(progress: object, step: int | None) -> str:
    if not isinstance(progress, dict):
        return "lacks the progress, the state or the groups"
    own = progress.get("step")
    if not (type(own) is int and own >= 0):
        return f"has the step {str(own)[:40]!r}, which is no whole number from 0"
    if step not in (None, own):
        return f"is of step {str(own)[:40]}, and its folder is named after step {step}"
    digests = progress.get("digests", {})
    if not (isinstance(digests, dict) and all(isinstance(digest, str) for digest in digests.values())):
        return "has digests that do not name files and their sha256"
    return ""


def _fault_of_optimizer(saved: dict, tensors: dict[str, Tensor]) -> str:
    state, groups = saved.get("state"), saved.get("groups", "none")
    if not (isinstance(state, dict) and (groups is None or isinstance(groups, list))):
        return "lacks the progress, the state or the groups"
    if not all(key.isdecimal() and isinstance(values, dict) for key, values in state.items()):
        return "has a state that is not numbered by parameter"
    lost = [name for name in tensors if "." not in name or name.split(".")[0] not in {"progress", *state}]
    if lost:
        return f"has no place for the tensor {lost[0][:40]} of optimizer.safetensors"
    if groups is not None and not (groups and all(map(_is_group, groups))):
        return "has groups that do not list their parameters"
    return ""


def _is_group(group: object) -> bool:
    return isinstance(group, dict) and isinstance(group.get("params"), list)


def _with_tuples(group: dict) -> dict:
    """Turn lists from JSON back into tuples, except `params`."""
    return {key: tuple(value) if isinstance(value, list) and key != "params" else value
            for key, value in group.items()}
