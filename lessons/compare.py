"""Compare a function or a value with the expected one, and describe the first difference in words.

    compare(yours, answer, cases)   on cases of growing size: the first that differs is shown
    expect_equal(yours, expected)   for a single result
"""
from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image, ImageChops

from lessons.marks import describe_error
from minimolmo.draw import contact_sheet, draw_grid

MAX_CHARACTERS, INDENT = 700, 9  # characters of a value that are shown, and those in front of it


class Mismatch(AssertionError):
    """Yours is not the expected: a message, and a picture of the difference where there is one."""

    def __init__(self, message: str, picture: Image.Image | None = None):
        super().__init__(message)
        self.picture = picture


def expect_equal(yours, expected, given: str = "", because: str = "", tolerance: float = 1e-5,
                 draw: bool = False) -> None:
    """Raise Mismatch unless yours equals the expected: arrays, tensors, pictures, numbers, strings, lists.

    given      what the function was given, in words
    because    the rule that is broken, in a sentence
    tolerance  how far numbers may be off, absolutely and as a share
    draw       draw two matrices and where they differ; pictures are drawn anyway
    """
    difference = _describe_difference(yours, expected, tolerance)
    if difference:
        lines = [f"given    {given}"] if given else []
        lines += [f"yours    {_format(yours)}", f"expected {_format(expected)}", difference, because]
        raise Mismatch("\n".join(filter(None, lines)), _draw_difference(yours, expected, draw))


def compare(yours: Callable, answer: Callable, cases: Iterable[dict], because: str = "",
            tolerance: float = 1e-5, draw: bool = False) -> None:
    """Compare a function with the answer on each case, {argument: value}, until one differs. Smallest first.

    A case for which the answer raises ValueError must raise it in yours as well.
    """
    for case in cases:
        values = [f"{name} = {_format(value)}" for name, value in case.items()]
        given = (("\n" + " " * INDENT) if any("\n" in value for value in values) else ", ").join(values)
        try:
            expected = answer(**copy.deepcopy(case))
        except ValueError:
            expected = ValueError
        result = _call(yours, case, given, expected, because)
        expect_equal(result, expected, given, because, tolerance, draw)


def _call(yours: Callable, case: dict, given: str, expected, because: str):
    """The result of the learner's function; if it stops, Mismatch says where."""
    try:
        return yours(**copy.deepcopy(case))
    except NotImplementedError:
        raise
    except (Exception, SystemExit) as error:  # a learner's code may raise anything
        if expected is ValueError and isinstance(error, ValueError):
            return ValueError
        lines = [f"given    {given}", f"yours stops: {describe_error(error)}"]
        if expected is ValueError:
            lines.append("To stop is right, as this cannot work; but the caller needs a ValueError. "
                         "Try an if before that line, and raise it there.")
        raise Mismatch("\n".join(filter(None, [*lines, because]))) from error


def _describe_difference(yours, expected, tolerance: float, at: str = "") -> str:
    """In words, how yours differs from the expected, or "". `at` is the index inside of it, like [0][1]."""
    if yours is None and expected is not None:
        return f"Yours gives back None{at and ' at ' + at}: is a return missing?"
    if expected is ValueError:
        return "" if yours is ValueError else "This cannot work, so it should raise ValueError."
    if isinstance(expected, Image.Image):
        if not isinstance(yours, Image.Image) or yours.size != expected.size:
            return f"A picture of {expected.size} pixels is expected."
        yours, expected = np.asarray(yours.convert("RGB")), np.asarray(expected.convert("RGB"))
    if dataclasses.is_dataclass(expected):
        yours, expected = getattr(yours, "__dict__", yours), vars(expected)
    if _is_array(expected):
        return _describe_array_difference(yours, _to_array(expected), tolerance, at)
    if isinstance(expected, dict) and isinstance(yours, dict) and yours.keys() == expected.keys():
        parts = [(f"{at}[{key!r}]", yours[key], expected[key]) for key in expected]
    elif isinstance(expected, (list, tuple)) and isinstance(yours, (list, tuple)):
        if len(yours) != len(expected):
            return f"Yours has {len(yours)} entries{at and ' at ' + at}, {len(expected)} are expected."
        parts = [(f"{at}[{index}]", *pair) for index, pair in enumerate(zip(yours, expected))]
    else:
        if _is_equal(yours, expected, tolerance):
            return ""
        values = f"yours {_format(yours)}, expected {_format(expected)}"
        return f"At {at}: {values}." if at else "They are not equal."
    differences = (_describe_difference(a, b, tolerance, where) for where, a, b in parts)
    return next(filter(None, differences), "")


def _is_equal(yours, expected, tolerance: float) -> bool:
    if isinstance(expected, float) and isinstance(yours, (int, float)):
        both_nan = yours != yours and expected != expected
        return both_nan or math.isclose(yours, expected, rel_tol=tolerance, abs_tol=tolerance)
    equal = yours == expected
    return bool(equal.all() if _is_array(equal) else equal)


def _describe_array_difference(yours, expected: np.ndarray, tolerance: float, at: str) -> str:
    try:
        yours = _to_array(yours)
    except (TypeError, ValueError):
        return "An array is expected."
    if yours.shape != expected.shape:
        return f"Yours has the shape {yours.shape}, expected is {expected.shape}."
    if yours.dtype.kind not in "biuf":
        return "" if (yours == expected).all() else "They are not equal."
    bad = ~np.isclose(yours, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    if not bad.any():
        return ""
    first = tuple(np.argwhere(bad)[0].tolist())
    where = f", the first at {at}{list(first)}" if first or at else ""
    return (f"{bad.sum()} of {bad.size} entries differ{where}: yours {_format(yours[first])}, "
            f"expected {_format(expected[first])}.")


def _is_array(value) -> bool:
    return isinstance(value, np.ndarray) or hasattr(value, "detach")  # the second is a tensor


def _to_array(value) -> np.ndarray:
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def _format(value) -> str:
    """A value as a person reads it: small arrays whole, large ones by their shape."""
    if isinstance(value, Image.Image):
        return f"a picture of {value.size} pixels"
    if value is ValueError:
        return "ValueError"
    if _is_array(value):
        array = _to_array(value)
        text = np.array2string(array, precision=4, suppress_small=True, threshold=200, max_line_width=100)
        if array.size > 200:
            text = f"an array of shape {array.shape}"
    else:
        value = value.item() if isinstance(value, np.generic) else value  # not np.int64(10)
        text = f"{value:.6g}" if isinstance(value, float) else repr(value)
    text = text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + " ..."
    return text if "\n" not in text else text.replace("\n", "\n" + " " * INDENT)


def _draw_difference(yours, expected, draw: bool) -> Image.Image | None:
    """Yours, the expected and where they differ, side by side."""
    if isinstance(expected, Image.Image) and isinstance(yours, Image.Image):
        tiles = [(yours, "yours", [], False), (expected, "expected", [], True)]
        if yours.size == expected.size:
            difference = ImageChops.difference(yours.convert("RGB"), expected.convert("RGB"))
            tiles.append((difference, "the difference", [], None))
    elif draw and _is_array(yours) and _is_array(expected) and yours.ndim == expected.ndim == 2:
        a, b = _to_array(yours), _to_array(expected)
        tiles = [(draw_grid(a, 16), "yours", [], False), (draw_grid(b, 16), "expected", [], True)]
        if a.shape == b.shape:
            tiles.append((draw_grid(~np.isclose(a, b), 16), "where they differ", [], None))
    else:
        return None
    return contact_sheet(tiles, columns=3, width=320)
