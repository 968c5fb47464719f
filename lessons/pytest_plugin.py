"""How `make marks` words what fails, a plugin of pytest: python -m pytest -p lessons.pytest_plugin.

Each fault is told once: the line that is to blame, and which tests it fails. A loop without an end is ended.
The words are marks.py's; pytest chose the names of the hooks.
"""
from __future__ import annotations

import pytest

from lessons.marks import is_own, patience, place, stopped

MOST, LINES, WIDTH = 8, 5, 160  # different faults that are shown; lines of each; characters of a line
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


pytest_runtest_setup = pytest_runtest_call  # what a test asks for may ask the learner's code already


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """And so may a file of tests, as it is read."""
    with patience():
        return (yield)


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
