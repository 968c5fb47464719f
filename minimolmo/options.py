"""Options of the commands: a parser with suggestions, and the types of paths and numbers.

    parser = Parser(description=__doc__)
    parser.add_argument("--rows", type=count_argument(2), default=256)

A value that no command could use is refused before anything slow begins.
"""
from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Callable
from pathlib import Path

from minimolmo.bounds import LARGEST
from minimolmo.command import printable


class Parser(argparse.ArgumentParser):
    """argparse's parser. For an unknown option it suggests one that exists."""

    def parse_args(self, args: list[str] | None = None, namespace=None) -> argparse.Namespace:
        """The options; exits with status 2 if one is unknown or wrong."""
        given, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown_message(unknown[0]))
        return given

    def error(self, message: str) -> None:
        """Print usage and message, and exit with status 2."""
        super().error(printable(message))

    def _unknown_message(self, argument: str) -> str:
        if not argument.startswith("-"):
            return f"{argument!r} is one argument too many. Try quotes around what has spaces in it."
        option = argument.partition("=")[0]
        known = [name for name in self._option_string_actions if name.startswith("--")]
        close = difflib.get_close_matches(option, known, n=1) or [", ".join(known)]
        return f"{option} is not an option of this command. Did you mean {close[0]}?"


def path_argument(text: str) -> Path:
    """The type of an option that takes a path: ~ is the home folder, as a shell has it.

    A shell leaves the ~ of --out=~/run as it is.
    """
    if not text:
        raise argparse.ArgumentTypeError("it names no path. Try one, as photo.jpg or out/try")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"there is no home folder {text!r}. Try a whole path") from None


def count_argument(minimum: int = 1, maximum: float = LARGEST) -> Callable[[str], int]:
    """The type of an option that takes a whole number."""
    def read(text: str) -> int:
        try:
            return _within(int(text), minimum, maximum)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text[:40]!r} is not a whole number. Try {minimum} or more") from None
    return read


def number_argument(minimum: float = 0.0) -> Callable[[str], float]:
    """The type of an option that takes a number; never NaN or infinity."""
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number. Try {minimum:g} or more")
        return _within(value, minimum, LARGEST)
    return read


def _within(value, minimum, maximum):
    if value < minimum:
        raise argparse.ArgumentTypeError(f"{value} is too small. Try {minimum:g} or more")
    if value > maximum:
        raise argparse.ArgumentTypeError(f"{str(value)[:40]} is too large. Try {maximum:.0f} or less")
    return value
