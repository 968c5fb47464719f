"""Settings from a command line (`--key=value`) and from JSON, checked name by name and type by type.

    run = override(RunConfig(), ["--finetune.steps=20"])
    from_dict(RunConfig, to_dict(run)) == run
"""
from __future__ import annotations

import dataclasses
import difflib
import json
from typing import Any

from minimolmo.config import (
    ConnectorConfig,
    DecoderConfig,
    ImageConfig,
    MolmoConfig,
    RunConfig,
    StageConfig,
    VisionConfig,
)
from minimolmo.renamed import rename_settings

CLASSES = {kind.__name__: kind for kind in
           (ImageConfig, VisionConfig, ConnectorConfig, DecoderConfig, MolmoConfig, StageConfig)}


def override(config: RunConfig, arguments: list[str]) -> RunConfig:
    """A copy of the config with `--a.b=value` applied. Values are JSON or plain text.

    Raises ValueError for a name that does not exist, and for a value of the wrong type.

    >>> override(RunConfig(), ["--finetune.steps=20"]).finetune.steps
    20
    """
    values = to_dict(config)
    for argument in arguments:
        key, equals, value = argument.removeprefix("--").partition("=")
        if not (argument.startswith("--") and equals):
            raise ValueError(f"{argument!r} is not a setting: settings look like --finetune.steps=20.")
        path = key.split(".")
        if path[0] == "mix" and len(path) > 1:  # it may be a dataset of your own
            values["mix"].setdefault(path[1], 0.0)
        _set(values, path, _parse(value), key)
    return from_dict(RunConfig, values)  # checked when all are set: a width and its heads change together


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _set(node: dict, path: list[str], value: object, key: str) -> None:
    name, *rest = path
    if name not in node:
        close = difflib.get_close_matches(name, node, n=1) or [", ".join(node)]
        raise ValueError(f"--{key}: there is no setting {name!r}. Did you mean {close[0]}?")
    inner = isinstance(node[name], dict)
    if inner and not rest:
        raise ValueError(f"--{key} names a group, so it has no value of its own. Try --{key}.NAME=value.")
    if rest and not inner:
        raise ValueError(f"--{key}: {name} is a single setting, without parts. Try --{name}={node[name]!r}.")
    if rest:
        _set(node[name], rest, value, key)
    else:
        node[name] = _checked(node[name], value, key)


def _checked(old: object, value: object, key: str) -> Any:
    """The value, converted to the type of the old one. Raises ValueError if that is not possible."""
    if isinstance(old, tuple) and isinstance(value, list) and len(old) == len(value):
        return tuple(_checked(a, b, key) for a, b in zip(old, value))
    if isinstance(old, float) and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if type(value) is type(old):
        return value
    raise ValueError(f"--{key}={value!r} is not a {type(old).__name__}. Its present value is {old!r}: "
                     f"try one like it.")


def to_dict(config: object) -> dict:
    """A config as plain JSON."""
    return dataclasses.asdict(config)


def from_dict(kind: type, values: dict) -> Any:
    """A config from the dictionary of `to_dict`. Missing settings get their default.

    Raises ValueError for names that do not exist and for values of the wrong type. Names of earlier versions
    are accepted too: see renamed.py.
    """
    fields, given = {f.name: str(f.type) for f in dataclasses.fields(kind)}, {}
    if not isinstance(values, dict):
        raise ValueError(f"{kind.__name__} is {values!r}, where names and values belong. Try another copy.")
    for name, value in rename_settings(kind.__name__, values).items():
        if name not in fields:
            raise ValueError(f"{kind.__name__} has no setting {name!r}: the file comes from another version.")
        inner = CLASSES.get(fields[name])
        if not inner and not _has_type(value, fields[name]):
            raise ValueError(f"{kind.__name__} has {name}={value!r}, which is no {fields[name]}, so nothing "
                             f"can be built from it. Try another copy of the file.")
        given[name] = from_dict(inner, value) if inner else tuple(value) if isinstance(value, list) else value
    return kind(**given)


def _has_type(value: object, kind: str) -> bool:
    """Whether a value matches a type annotation of config.py. An int is accepted as a float."""
    if kind.startswith("tuple["):
        kinds = kind[len("tuple["):-1].split(", ")
        is_list = isinstance(value, (list, tuple))
        return is_list and len(value) == len(kinds) and all(map(_has_type, value, kinds))
    if kind.startswith("dict["):
        return isinstance(value, dict) and all(_has_type(each, "float") for each in value.values())
    types = {"int": int, "float": (int, float), "bool": bool, "str": str}
    return isinstance(value, types[kind]) and isinstance(value, bool) == (kind == "bool")
