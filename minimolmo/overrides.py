"""Settings from a command line (`--key=value`) and from JSON, checked name by name and type by type.

    run = override(RunConfig(), ["--finetune.steps=20"])
    from_dict(RunConfig, to_dict(run)) == run
"""
from __future__ import annotations

import dataclasses
import difflib
import json
from typing import Any

from minimolmo.bounds import LARGEST
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

OPTIONS = ("out", "data", "from", "resume", "minutes")  # of train.py, beside the settings
WORDS = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a word",
         "tuple": "a list of as many numbers"}
CLASSES = {kind.__name__: kind for kind in
           (ImageConfig, VisionConfig, ConnectorConfig, DecoderConfig, MolmoConfig, StageConfig)}


def override(config: RunConfig, arguments: list[str]) -> RunConfig:
    """A copy of the config with `--a.b=value` applied. Values are JSON or plain text.

    Raises ValueError for a name that does not exist, and for a value of the wrong type.

    >>> override(RunConfig(), ["--finetune.steps=20"]).finetune.steps
    20
    """
    values = to_dict(config)
    check_forms(arguments)
    for argument in arguments:
        key, _, value = argument.removeprefix("--").partition("=")
        path = key.split(".")
        if path[0] == "mix" and len(path) > 1:  # it may be a dataset of your own
            values["mix"].setdefault(path[1], 0.0)
        _set(values, path, _parse(value), key)
    return from_dict(RunConfig, values)  # checked when all are set: a width and its heads change together


def check_forms(arguments: list[str], value: str = "", line: list[str] | None = None) -> None:
    """Raise ValueError for arguments that are not of the form --NAME=VALUE.

    value  the preset's name; it may be the value of a setting that has none
    line   the whole command line, which tells what followed a setting (default: `arguments`)
    """
    if value.startswith("--") and " " in value:  # argparse reads an argument with a space as a value
        raise ValueError(f"{value!r} is a setting with a space in it, so it is read as the preset's name. "
                         f"Try {''.join(value.split())}, without spaces.")
    line = arguments if line is None else line
    for argument in [each for each in arguments if not (each.startswith("--") and "=" in each)]:
        following = "".join(line[line.index(argument) + 1:][:1])
        if argument.startswith("--") and following and not following.startswith("--"):
            raise ValueError(f"{argument} has no value, because settings are written with =: settings look "
                             f"like --finetune.steps=20. Try {argument}={following}")
        preset = f", and the preset is {value!r}" if value and not argument.startswith("--") else ""
        raise ValueError(f"{argument!r} is not a setting{preset}: settings look like --finetune.steps=20.")


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # the second for thousands of brackets
        return text


def _set(node: dict, path: list[str], value: object, key: str) -> None:
    name, *rest = path
    if name not in node:
        known = [*node, *OPTIONS] if name == key else node
        close = difflib.get_close_matches(name, known, n=1) or [", ".join(node)]
        raise ValueError(f"--{key}: there is no setting {name!r}. Did you mean {close[0]}?")
    inner = isinstance(node[name], dict)
    if inner and not rest:
        raise ValueError(f"--{key} names a group, so it has no value of its own. Try --{key}.NAME=value.")
    if rest and not inner:
        raise ValueError(f"--{key}: {name} is a single setting, without parts. Try "
                         f"--{name}={_shown(node[name])}.")
    if rest:
        _set(node[name], rest, value, key)
    else:
        node[name] = _checked(node[name], value, key)


def _checked(old: object, value: object, key: str) -> Any:
    """The value, converted to the type of the old one. Raises ValueError if that is not possible."""
    if isinstance(old, tuple) and isinstance(value, list) and len(old) == len(value):
        return tuple(_checked(a, b, key) for a, b in zip(old, value))
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and not -LARGEST <= value <= LARGEST:  # true for NaN
        raise ValueError(f"--{key}={str(value)[:40]} is no number to compute with. Its present value is "
                         f"{_shown(old)}: try one like it.")
    if isinstance(old, float) and number:
        return float(value)
    if type(value) is type(old):
        return value
    same = {"true": True, "false": False}.get(str(value).lower(), old)
    like = f", as --{key}={_shown(same)}" if isinstance(old, bool) else ""
    raise ValueError(f"--{key}={_shown(value)[:80]} is not {WORDS[type(old).__name__]}. Its present value is "
                     f"{_shown(old)}: try one like it{like}.")


def _shown(value: object) -> str:
    """A value as a command line takes it."""
    return value if isinstance(value, str) else json.dumps(value)


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
