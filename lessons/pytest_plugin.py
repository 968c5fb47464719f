"""Plugin of pytest that words the failures of `make marks`: python -m pytest -p lessons.pytest_plugin.

Each failing line is shown once, with the tests it fails. A test with an endless loop is stopped.
marks.py describes the errors; pytest chose the names of the hooks.
"""
from __future__ import annotations

from pathlib import Path

import pytest

from lessons.marks import describe_error, is_in_own_code, is_written_by_learner, locate_error, time_limit

MAX_FAILURES, MAX_LINES, MAX_WIDTH = 8, 5, 160  # failures that are shown, their lines, a line's characters
FAILURES: dict[tuple[str, int], list[str]] = {}  # file and line: the message, then the tests that fail


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Stop a test that takes too long, and the whole run: later tests would most likely wait there too."""
    try:
        with time_limit():
            return (yield)
    except TimeoutError:
        item.session.shouldstop = "it took too long"
        raise


pytest_runtest_setup = pytest_runtest_call  # fixtures may call the learner's code already


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Stop a test file that takes too long to import."""
    with time_limit():
        return (yield)


def pytest_keyboard_interrupt(excinfo) -> None:
    """Show where Ctrl-C stopped the code. pytest calls this hook for its own reasons to stop, too."""
    if type(excinfo.value) is not KeyboardInterrupt:
        return
    where = locate_error(excinfo.value)[:2]
    FAILURES.setdefault(where, [describe_failure(excinfo.value), "the test that was stopped"])


def pytest_exception_interact(node, call, report) -> None:
    """Note a failing test, or a test file that cannot be read, under the line that failed."""
    error = call.excinfo.value
    if type(error).__name__ == "CollectError":  # pytest's own, around the reason
        error = error.__cause__ or error.__context__ or error
    tests = FAILURES.setdefault(locate_error(error)[:2], [describe_failure(error)])
    tests.append(getattr(node, "originalname", None) or node.name)


def describe_failure(error: BaseException) -> str:
    """What is wrong with the learner's copy, in a few lines, and what to try."""
    lines = [line for line in describe_error(error).splitlines() if line.strip() and "Use -v" not in line]
    return "\n".join([*(line[:MAX_WIDTH] for line in lines[:MAX_LINES]), f"  {advise(error)}"])


def advise(error: BaseException) -> str:
    """What to do about a failure, by whose line it is."""
    file, line, *_ = locate_error(error)
    if is_in_own_code(error) and not is_written_by_learner(Path(file), line):
        return "This line is the library's own: a function of yours gave it something that it cannot use."
    if is_in_own_code(error):
        return "Nothing beyond this line can be marked: mend it first."
    if isinstance(error, ImportError):
        return "Your copy has lost that name: functions must keep theirs."
    return "Your copy does something else than this line asks. Read the test: it is a worked example."


def pytest_terminal_summary(terminalreporter) -> None:
    """Print each failure once, with the tests it fails."""
    for message, first, *others in list(FAILURES.values())[:MAX_FAILURES]:
        more = f" and {len(others)} other test{'s' * (len(others) > 1)}" if others else ""
        terminalreporter.write_line(f"\n{message}\n  It fails {first}{more}.")
    if len(FAILURES) > MAX_FAILURES:
        terminalreporter.write_line(f"\n{len(FAILURES) - MAX_FAILURES} more follow when these are mended.")
