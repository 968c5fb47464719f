"""Renames old settings, tensors and log keys, and adds missing settings, so that older runs can be resumed.

Only this module knows the old names. All new files have the current names.
"""
from __future__ import annotations

STAGES = {"grow": "bootstrap", "captions": "pretrain", "mixture": "finetune"}

SETTINGS = {  # class of config.py: {old: present}
    "ImageConfig": {"bird": "bird_crops", "ground": "ground_crops", "close_up": "close_up_crops",
                    "early_masks": "shifted_masks"},
    "VisionConfig": {"taps": "feature_layers", "table": "position_grid"},
    "DecoderConfig": {"spare": "vocab_padding", "extra": "additional_vocab"},
    "StageConfig": {"rates": "learning_rates", "warmups": "warmup_steps", "hold": "hold_fraction",
                    "batch": "batch_size", "growth": "auxiliary_weight"},
    "RunConfig": {**STAGES, "clip": "max_grad_norm", "balance": "load_balance_weight"},
}
# Settings that older files lack, with what was fixed then.
ADDED = {"RunConfig": {"optimizer": "adamw", "untagged": 0.0}}
AUXILIARY = {"hands": "center", "mentions": "referents"}  # first part of an auxiliary head's tensor name
LOG = {"waited": "data_wait", "rates": "learning_rates", "norms": "grad_norms"}


def rename_settings(kind: str, values: dict) -> dict:
    """A config class's values with current names, and with the settings that it did not have yet.

    >>> rename_settings("StageConfig", {"steps": 4, "batch": 8})
    {'steps': 4, 'batch_size': 8}
    """
    names = SETTINGS.get(kind, {})
    return ADDED.get(kind, {}) | {names.get(name, name): value for name, value in values.items()}


def rename_auxiliary(tensors: dict) -> dict:
    """The auxiliary heads' state_dict with current names.

    >>> rename_auxiliary({"hands.weight": 1, "patch.bias": 2})
    {'center.weight': 1, 'patch.bias': 2}
    """
    split = {name: name.partition(".") for name in tensors}
    return {AUXILIARY.get(first, first) + dot + rest: tensors[name]
            for name, (first, dot, rest) in split.items()}


def rename_log_line(line: dict) -> dict:
    """Rename a log line's keys. The old `loss` is now the cross-entropy; the old `total` is now `loss`.

    >>> rename_log_line({"stage": "captions", "step": 7, "loss": 2.0, "total": 2.5})
    {'stage': 'pretrain', 'step': 7, 'cross_entropy': 2.0, 'loss': 2.5}
    """
    if line["stage"] not in STAGES:
        return line
    stage = STAGES[line["stage"]]
    words = {} if stage == "bootstrap" else {"cross_entropy": line["loss"]}
    others = {LOG.get(key, key): value for key, value in line.items()
              if key not in ("stage", "step", "loss", "total")}
    return {"stage": stage, "step": line["step"], **words, "loss": line["total"], **others}
