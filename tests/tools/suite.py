"""Run all tests in two processes side by side, each on one core.

    python tests/tools/suite.py              all tests
    python tests/tools/suite.py -k points    with arguments: pytest itself, in one process

Each process takes the next test file that the other has not taken. Failures are printed when both have ended,
then one line with all numbers. The exit status is pytest's.
"""
from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]
from minimolmo.command import run_command  # noqa: E402

import pytest  # noqa: E402

PROCESSES = 2
LONGEST = ["test_train", "test_page_mine", "test_lessons", "test_page_browser", "test_commands",
           "test_pixmo"]  # begun first; any order is right
COUNTED = ("failed", "passed", "skipped", "xfailed", "xpassed", "error")
NO_TESTS = 5  # pytest's status if nothing was selected
WORK = (f"import sys; sys.path.append({str(ROOT / 'tests')!r})\n"
        "from tools.suite import work; work(sys.argv.pop())")


class Share:
    """A plugin of pytest: a test file is run by the process that takes it first, all others skip it."""

    def __init__(self, folder: Path):
        self.folder, self.others = folder, {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Begin with the longest files, so that no process is left with one at the end."""
        items.sort(key=lambda item: item.path.stem not in LONGEST)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """True if the file is another process's: then pytest has nothing to do for this test."""
        if item.path.stem not in self.others:
            try:
                (self.folder / item.path.stem).touch(exist_ok=False)
                self.others[item.path.stem] = None
            except FileExistsError:
                self.others[item.path.stem] = True
        return self.others[item.path.stem]


def work(folder: str) -> None:
    """Run pytest in this process, on the files that it takes in a folder for both."""
    options = ["-q", "--override-ini=console_output_style=classic", "tests"]
    sys.exit(pytest.main(options, [Share(Path(folder))]))


def run_all() -> tuple[list[str], list[int]]:
    """Run the processes; returns what they print, and their statuses."""
    environment, running = {**os.environ, "OMP_NUM_THREADS": "1"}, []
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder, f"output {number}") for number in range(PROCESSES)]
        try:
            for output in outputs:
                with open(output, "wb") as file:  # a session of its own: Ctrl-C reaches it once, from here
                    running.append(subprocess.Popen(
                        [sys.executable, "-c", WORK, folder], cwd=ROOT, env=environment, stdout=file,
                        stderr=subprocess.STDOUT, start_new_session=True))
            show_progress(running, outputs)
        finally:
            statuses = [end(process) for process in running]
        return [output.read_text(encoding="utf-8", errors="replace") for output in outputs], statuses


def end(process: subprocess.Popen) -> int:
    """End a pytest if it still runs, and what it has started; returns its status."""
    for number in ("SIGINT", "SIGKILL"):  # a test that trains takes SIGINT for its own, and pytest goes on
        if process.poll() is None:
            process.kill() if os.name == "nt" else os.killpg(process.pid, getattr(signal, number))
            with suppress(subprocess.TimeoutExpired):
                process.wait(3)
    return process.wait()


def show_progress(running: list[subprocess.Popen], outputs: list[Path]) -> None:
    """Print a letter for each test, as pytest does, until all processes have ended."""
    shown, ended = [0] * len(outputs), False
    while not ended:
        ended = all(process.poll() is not None for process in running)
        for number, output in enumerate(outputs):
            letters, _ = split(output.read_text(encoding="utf-8", errors="replace"))
            print(letters[shown[number]:], end="", flush=True)
            shown[number] = len(letters)
        time.sleep(0.1)
    print()


def split(output: str) -> tuple[str, str]:
    """What pytest printed, in two parts: the letters of its progress, and the rest."""
    letters = re.match(r"([.sFExX]*(\n|$))*", output)[0]
    return letters.replace("\n", ""), output[len(letters):]


def total(rests: list[str], seconds: float) -> str:
    """The last lines of several pytests as one."""
    counts = Counter()
    for rest in rests:
        for number, word in re.findall(r"(\d+) ([a-z]+)", rest.rpartition("\n")[2]):
            counts[word.removesuffix("s")] += int(number)
    words = [f"{counts[word]} {word}{'s' * (word == 'error' and counts[word] > 1)}" for word in COUNTED
             if counts[word]]
    return f"{', '.join(words) or 'no tests ran'} in {seconds:.0f} s"


def main(arguments: list[str]) -> int:
    """The command line: all tests; with arguments, pytest with these."""
    if arguments:
        return subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments], cwd=ROOT).returncode
    began = time.monotonic()
    outputs, statuses = run_all()
    rests = [split(output)[1].strip() for output in outputs]
    print(*rests, total(rests, time.monotonic() - began), sep="\n")
    bad = [status for status in statuses if status not in (0, NO_TESTS)]
    return bad[0] if bad else min(statuses)  # no tests at all only if no group has one


if __name__ == "__main__":
    run_command(main)
