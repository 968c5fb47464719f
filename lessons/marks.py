"""Describe an error in the learner's own file; used by `make check`, `make marks` and `make tiny`.

    mine/minimolmo/image/tiler.py, line 34, in choose_grid: NameError: name 'grid' is not defined
        return grid.nothing
      Nothing beyond this line can be marked: mend it first.
      It fails test_the_grid_has_the_shape_of_the_image and 94 other tests.

Nothing here imports the library: the tests must import the learner's copy first.
"""
from __future__ import annotations

import ast
import contextlib
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path

from lessons.page import ROOT

MINE, TESTS = ROOT / "mine", ROOT / "tests"
TIME_LIMIT = 60  # seconds that a test or an exercise may take; the library's own take a few


def describe_error(error: BaseException) -> str:
    """What stopped the learner's code, on which line, and the source of that line.

    It is the last line that the learner wrote: a deeper line, also one of the library's in mine/, only got
    what that line gave it.
    """
    file, line, function, source = locate_error(error)
    where = f"{_relative_path(file)}, line {line}"
    if isinstance(error, NotImplementedError):
        return f"{where}: {function} is still empty, yours to write"
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    where += f", in {function}" if function.isidentifier() else ""
    shown = f"\n    {source.strip()}" if source else ""
    return f"{where}: {type(error).__name__}: {message}{shown}"


def locate_error(error: BaseException) -> tuple[str, int, str, str]:
    """File, line, function and source where an error arose: in code that the learner wrote if it passed
    through such, else in mine/, else in a test, else where it was raised."""
    if isinstance(error, SyntaxError) and Path(error.filename or "").is_file():  # it never came to run
        return error.filename, error.lineno, "", error.text or ""
    frames = traceback.extract_tb(error.__traceback__)
    mine, tests = ([frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
                   for folder in (MINE, TESTS))
    written = [frame for frame in mine if is_written_by_learner(Path(frame.filename), frame.lineno)]
    nowhere = [traceback.FrameSummary(__file__, 0, "", line="")]
    frame = (written or mine or tests or frames or nowhere)[-1]
    return frame.filename, frame.lineno, frame.name, frame.line


def is_written_by_learner(path: Path, line: int) -> bool:
    """Whether the function around a line of a file in mine/ is not one of the library's, copied."""
    library = MINE.parent / path.relative_to(MINE)
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, SyntaxError):  # the library's files can be read
        return True
    if not library.is_file():
        return True
    around = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
              and node.lineno <= line <= node.end_lineno]
    lines = text.splitlines(keepends=True)
    own = "".join(lines[around[0].lineno - 1:around[0].end_lineno] if around else lines[line - 1:line])
    return own.rstrip() not in library.read_text(encoding="utf-8")


@contextlib.contextmanager
def time_limit(seconds: float = TIME_LIMIT, computing: bool = False) -> Iterator[None]:
    """Raise TimeoutError on the line that is running when the time is over: an endless loop, perhaps.
    Windows has no such alarm; there Ctrl-C does it.

    computing  count the seconds that this process computes, however busy the machine is
    """
    if not hasattr(signal, "setitimer"):
        yield
        return

    def on_alarm(*_):
        raise TimeoutError(f"no end after {seconds:g} seconds. Is this loop one that never stops?")
    timer, number = ((signal.ITIMER_PROF, signal.SIGPROF) if computing else
                     (signal.ITIMER_REAL, signal.SIGALRM))
    before = signal.signal(number, on_alarm)
    signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        signal.setitimer(timer, 0)
        signal.signal(number, before)


def is_in_own_code(error: BaseException) -> bool:
    """Whether an error arose in the learner's files, or in what they called."""
    return Path(locate_error(error)[0]).is_relative_to(MINE)


def _relative_path(file: str) -> Path:
    return Path(file).relative_to(ROOT) if Path(file).is_relative_to(ROOT) else Path(file)
