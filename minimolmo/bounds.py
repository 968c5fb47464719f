"""Checks of numbers and names. Those of settings raise ValueError that says what would work."""
from __future__ import annotations

import re
import sys
from collections.abc import Iterable

LARGEST = 1e12  # of all settings; larger ones overflow somewhere
MOST_IMAGES = 100_000  # of a process in a micro-batch; more fit no memory
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def is_finite_number(value: object) -> bool:
    """Whether a value from JSON is a number to compute with: not NaN, infinite, true, or larger than a float.

    >>> [is_finite_number(value) for value in (1, 0.5, True, "1", float("nan"), float("inf"), 10 ** 400)]
    [True, True, False, False, False, False, False]
    """
    largest = sys.float_info.max
    return type(value) in (int, float) and -largest <= value <= largest


def check_numbers(config: object) -> None:
    """Raise ValueError for NaN, infinity and numbers beyond LARGEST. Command lines and JSON can hold them."""
    for name, value in vars(config).items():
        values = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
        numbers = [each for each in values if isinstance(each, (int, float))]
        if not all(-LARGEST <= number <= LARGEST for number in numbers):  # false for NaN
            raise ValueError(f"{name}={str(value)[:80]} is no number to compute with, so training would fail "
                             f"later. Try a finite one, as 1.0 or 1.")


def check_divisible(config: object, whole: str, part: str) -> None:
    """Raise ValueError unless one setting is a multiple of another."""
    a, b = getattr(config, whole), getattr(config, part)
    if b < 1 or a % b:
        raise ValueError(f"{whole}={a} cannot be divided by {part}={b}. Try {part}={max(1, b)} with "
                         f"{whole}={-(-a // max(1, b)) * max(1, b)}.")


def check_minimum(config: object, minimum: float, *names: str) -> None:
    """Raise ValueError for settings below a minimum."""
    for name in names:
        if getattr(config, name) < minimum:
            raise ValueError(f"{name}={getattr(config, name)} is too small. Try {name}={minimum}.")


def check_maximum(config: object, maximum: float, *names: str) -> None:
    """Raise ValueError for settings above a maximum, alone or in a list."""
    for name in names:
        value = getattr(config, name)
        if max(value if isinstance(value, tuple) else [value]) > maximum:
            raise ValueError(f"{name}={value} is too large to be meant. Try at most {maximum}.")


def check_range(config: object, minimum: float, maximum: float, *names: str) -> None:
    """Raise ValueError for settings below a minimum or above a maximum."""
    check_minimum(config, minimum, *names)
    check_maximum(config, maximum, *names)


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise ValueError for a value that is not one of the choices."""
    if value not in choices:
        raise ValueError(f"{name}={value!r} is not one of those that exist. Try one of {', '.join(choices)}.")


def check_images(stage: str, size: int, pieces: int) -> None:
    """Raise ValueError for a batch of a stage whose pieces are too large for any memory."""
    if size > MOST_IMAGES * pieces:
        raise ValueError(f"{stage}.batch_size={size} is {size // pieces:,} images at once, and no memory "
                         f"holds more than {MOST_IMAGES:,}. Try --{stage}.batch_size={32 * pieces}.")


def check_plain_name(name: str, what: str) -> None:
    """Raise ValueError for a name that could lead out of its folder: no slashes, no leading dot."""
    if not PLAIN_NAME.fullmatch(name):
        raise ValueError(f"{what} {name!r} is not a plain name, so it could lead to another folder. "
                         f"Try letters, digits, dots, - and _, beginning with a letter or digit.")
