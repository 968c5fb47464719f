"""What went wrong in the learner's own file, in words: said alike by `make check`, `make marks`, `make tiny`.

    mine/minimolmo/image/tiler.py, line 34, in choose_grid: NameError: name 'grid' is not defined
        return grid.nothing
      Nothing beyond this line can be marked: mend it first.
      It fails test_the_grid_has_the_shape_of_the_image and 94 other tests.

The second half is a plugin of pytest: python -m pytest -p lessons.marks. Nothing here imports the library, as
the tests are to meet the learner's copy of it first.
"""
from __future__ import annotations

import contextlib
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from lessons.page import ROOT

MINE, TESTS = ROOT / "mine", ROOT / "tests"
MOST, LINES, WIDTH = 8, 5, 160  # different faults that are shown; lines of each; characters of a line
PATIENCE = 60  # seconds that a test or an exercise may take; the library's own take a few


def stopped(error: BaseException) -> str:
    """In words, what stopped the learner's code, on which line, and that line.

    It is the last line in a file of the learner's: what lies deeper was only asked to do the impossible.
    """
    file, line, inside, source = place(error)
    where = f"{_short(file)}, line {line}"
    if isinstance(error, NotImplementedError):
        return f"{where}: {inside} is still empty, yours to write"
    what = error.msg if isinstance(error, SyntaxError) else str(error)
    where += f", in {inside}" if inside.isidentifier() else ""
    shown = f"\n    {source.strip()}" if source else ""
    return f"{where}: {type(error).__name__}: {what}{shown}"


def place(error: BaseException) -> tuple[str, int, str, str]:
    """File, line, function and source where an error arose: in the learner's own files if it passed through
    one, else in a test, else where it was raised."""
    if isinstance(error, SyntaxError) and Path(error.filename or "").is_file():  # it never came to run
        return error.filename, error.lineno, "", error.text or ""
    frames = traceback.extract_tb(error.__traceback__)
    own = ([frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
           for folder in (MINE, TESTS))
    frame = next(filter(None, own), frames or [traceback.FrameSummary(__file__, 0, "", line="")])[-1]
    return frame.filename, frame.lineno, frame.name, frame.line


@contextlib.contextmanager
def patience(seconds: float = PATIENCE) -> Iterator[None]:
    """Raise TimeoutError on the line that is being run when the time is over: a loop without an end, perhaps.
    Windows has no such alarm; there Ctrl-C does it."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def over(*_):
        raise TimeoutError(f"no end after {seconds:g} seconds. Is this loop one that never stops?")
    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def is_own(error: BaseException) -> bool:
    """Whether an error arose in the learner's files, or in what they asked for."""
    return Path(place(error)[0]).is_relative_to(MINE)


def _short(file: str) -> Path:
    return Path(file).relative_to(ROOT) if Path(file).is_relative_to(ROOT) else Path(file)


# a plugin of pytest, which chose the names

FAULTS: dict[tuple[str, int], list[str]] = {}  # file and line: what went wrong there, then whom it fails


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A test that takes too long ends, and all that would follow: they would most likely wait there too."""
    try:
        with patience():
            return (yield)
    except TimeoutError:
        item.session.shouldstop = "it took too long"
        raise


def pytest_keyboard_interrupt(excinfo) -> None:
    """Ctrl-C shows where it was. pytest calls its own reasons to stop by this name, too."""
    if type(excinfo.value) is not KeyboardInterrupt:
        return
    FAULTS.setdefault(place(excinfo.value)[:2], [fault(excinfo.value), "the test that was stopped"])


def pytest_exception_interact(node, call, report) -> None:
    """Note a test that fails, or a file of tests that cannot be read, under the line that is to blame."""
    error = call.excinfo.value
    if type(error).__name__ == "CollectError":  # pytest's own, around the reason
        error = error.__cause__ or error.__context__ or error
    tests = FAULTS.setdefault(place(error)[:2], [fault(error)])
    tests.append(getattr(node, "originalname", None) or node.name)


def fault(error: BaseException) -> str:
    """What is wrong with the learner's copy, in a few lines, and what to try."""
    lines = [line for line in stopped(error).splitlines() if line.strip() and "Use -v" not in line]
    lost = isinstance(error, ImportError)
    advice = ("Nothing beyond this line can be marked: mend it first." if is_own(error) else
              "Your copy has lost that name: functions must keep theirs." if lost else
              "Your copy does something else than this line asks. Read the test: it is a worked example.")
    return "\n".join([*(line[:WIDTH] for line in lines[:LINES]), f"  {advice}"])


def pytest_terminal_summary(terminalreporter) -> None:
    """Each fault once, and whom it fails."""
    for words, first, *others in list(FAULTS.values())[:MOST]:
        more = f" and {len(others)} other test{'s' * (len(others) > 1)}" if others else ""
        terminalreporter.write_line(f"\n{words}\n  It fails {first}{more}.")
    if len(FAULTS) > MOST:
        terminalreporter.write_line(f"\n{len(FAULTS) - MOST} more follow when these are mended.")
