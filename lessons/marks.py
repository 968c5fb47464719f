"""What went wrong in the learner's own file, in words: said alike by `make check`, `make marks`, `make tiny`.

    mine/minimolmo/image/tiler.py, line 34, in choose_grid: NameError: name 'grid' is not defined
        return grid.nothing
      Nothing beyond this line can be marked: mend it first.
      It fails test_the_grid_has_the_shape_of_the_image and 94 other tests.

Nothing here imports the library, as the tests are to meet the learner's copy of it first.
"""
from __future__ import annotations

import contextlib
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path

from lessons.page import ROOT

MINE, TESTS = ROOT / "mine", ROOT / "tests"
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
