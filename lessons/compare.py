"""What a check is written with: hold a function against the answer, and say in words where they part.

    compare(yours, answer, cases)   on cases of growing size: the first that differs is shown
    same(yours, expected)           for a single result
"""
from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image, ImageChops

from lessons.marks import stopped
from minimolmo.draw import contact_sheet, draw_grid

LONGEST, INDENT = 700, 9  # characters of a value that are shown; of what stands before it


class NotYet(AssertionError):
    """Yours is not the expected: what to say, and a picture of the difference where there is one."""

    def __init__(self, words: str, picture: Image.Image | None = None):
        super().__init__(words)
        self.picture = picture


def same(yours, expected, given: str = "", because: str = "", tolerance: float = 1e-5, draw: bool = False):
    """Raise NotYet unless yours equals the expected: arrays, tensors, pictures, numbers, words, lists.

    given      what the function was given, in words
    because    the rule that is broken, in a sentence
    tolerance  how far numbers may be off, as a value and as a share
    draw       draw two matrices and where they differ; pictures are drawn anyway
    """
    difference = _difference(yours, expected, tolerance)
    if difference:
        lines = [f"given    {given}"] if given else []
        lines += [f"yours    {_show(yours)}", f"expected {_show(expected)}", difference, because]
        raise NotYet("\n".join(filter(None, lines)), _draw(yours, expected, draw))


def compare(yours: Callable, answer: Callable, cases: Iterable[dict], because: str = "",
            tolerance: float = 1e-5, draw: bool = False):
    """Hold a function against the answer on each case, {argument: value}, until one differs. Smallest first.

    A case that the answer refuses with ValueError must be refused by yours as well.
    """
    for case in cases:
        given = [f"{name} = {_show(value)}" for name, value in case.items()]
        given = (("\n" + " " * INDENT) if any("\n" in each for each in given) else ", ").join(given)
        try:
            expected = answer(**copy.deepcopy(case))
        except ValueError:
            expected = ValueError
        same(_call(yours, case, given, expected, because), expected, given, because, tolerance, draw)


def _call(yours: Callable, case: dict, given: str, expected, because: str):
    """What the learner's function gives back; if it stops, NotYet says where."""
    try:
        return yours(**copy.deepcopy(case))
    except NotImplementedError:
        raise
    except (Exception, SystemExit) as error:  # a learner's code may raise anything
        if expected is ValueError and isinstance(error, ValueError):
            return ValueError
        lines = [f"given    {given}", f"yours stops: {stopped(error)}"]
        if expected is ValueError:
            lines.append("To stop is right, as this cannot work; but whoever called should be told so by a "
                         "ValueError. Try an if before that line, and raise it there.")
        raise NotYet("\n".join(filter(None, [*lines, because]))) from error


def _difference(yours, expected, tolerance: float, at: str = "") -> str:
    """In words, how yours is not the expected, or "". `at` says where inside of it we are, like [0][1]."""
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
        return _array_difference(yours, _array(expected), tolerance, at)
    if isinstance(expected, dict) and isinstance(yours, dict) and yours.keys() == expected.keys():
        parts = [(f"{at}[{key!r}]", yours[key], expected[key]) for key in expected]
    elif isinstance(expected, (list, tuple)) and isinstance(yours, (list, tuple)):
        if len(yours) != len(expected):
            return f"Yours has {len(yours)} entries{at and ' at ' + at}, {len(expected)} are expected."
        parts = [(f"{at}[{place}]", *pair) for place, pair in enumerate(zip(yours, expected))]
    else:
        return "" if _equal(yours, expected, tolerance) else (
            f"At {at}: yours {_show(yours)}, expected {_show(expected)}." if at else "They are not equal.")
    return next((words for where, a, b in parts if (words := _difference(a, b, tolerance, where))), "")


def _equal(yours, expected, tolerance: float) -> bool:
    if isinstance(expected, float) and isinstance(yours, (int, float)):
        both_nan = yours != yours and expected != expected
        return both_nan or math.isclose(yours, expected, rel_tol=tolerance, abs_tol=tolerance)
    equal = yours == expected
    return bool(equal.all() if _is_array(equal) else equal)


def _array_difference(yours, expected: np.ndarray, tolerance: float, at: str) -> str:
    try:
        yours = _array(yours)
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
    return (f"{bad.sum()} of {bad.size} entries differ{where}: yours {_show(yours[first])}, "
            f"expected {_show(expected[first])}.")


def _is_array(value) -> bool:
    return isinstance(value, np.ndarray) or hasattr(value, "detach")  # the second is a tensor


def _array(value) -> np.ndarray:
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def _show(value) -> str:
    """A value as a person reads it: small arrays whole, large ones by their shape."""
    if isinstance(value, Image.Image):
        return f"a picture of {value.size} pixels"
    if value is ValueError:
        return "ValueError"
    if _is_array(value):
        array = _array(value)
        text = np.array2string(array, precision=4, suppress_small=True, threshold=200, max_line_width=100)
        if array.size > 200:
            text = f"an array of shape {array.shape}"
    else:
        text = f"{value:.6g}" if isinstance(value, (float, np.floating)) else repr(value)
    text = text if len(text) <= LONGEST else text[:LONGEST] + " ..."
    return text if "\n" not in text else text.replace("\n", "\n" + " " * INDENT)


def _draw(yours, expected, draw: bool) -> Image.Image | None:
    """Yours, the expected and where they differ, side by side."""
    if isinstance(expected, Image.Image) and isinstance(yours, Image.Image):
        tiles = [(yours, "yours", [], False), (expected, "expected", [], True)]
        if yours.size == expected.size:
            apart = ImageChops.difference(yours.convert("RGB"), expected.convert("RGB"))
            tiles.append((apart, "the difference", [], None))
    elif draw and _is_array(yours) and _is_array(expected) and yours.ndim == expected.ndim == 2:
        a, b = _array(yours), _array(expected)
        tiles = [(draw_grid(a, 16), "yours", [], False), (draw_grid(b, 16), "expected", [], True)]
        if a.shape == b.shape:
            tiles.append((draw_grid(~np.isclose(a, b), 16), "where they differ", [], None))
    else:
        return None
    return contact_sheet(tiles, columns=3, width=320)
