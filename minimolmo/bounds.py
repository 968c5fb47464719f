"""Checks of numbers in settings. Each raises ValueError that says what would work."""
from __future__ import annotations

LARGEST = 1e12  # of all settings; larger ones overflow somewhere


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


def check_minimum(config: object, minimum: int, *names: str) -> None:
    """Raise ValueError for settings below a minimum."""
    for name in names:
        if getattr(config, name) < minimum:
            raise ValueError(f"{name}={getattr(config, name)} is too small. Try {name}={minimum}.")
