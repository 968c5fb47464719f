"""Run all tests in two processes side by side, each on one core.

    python tests/tools/suite.py -k points    with arguments: pytest itself, in one process

The files are divided by the seconds that they take (SECONDS). Failures are printed when both processes have
ended, then one line with all numbers. The exit status is pytest's.
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

SECONDS = {"test_train": 40}  # of the longest ones; the others take about one
COUNTED = ("failed", "passed", "skipped", "xfailed", "xpassed", "error", "errors")
NO_TESTS = 5  # pytest's status if nothing was selected


def divide(files: list[Path]) -> list[list[Path]]:
    """Divide files into two groups that take about equally long: longest first, each to the shorter group."""
    seconds, groups = {file: SECONDS.get(file.stem, 1) for file in sorted(files)}, ([], [])
    for file in sorted(seconds, key=seconds.get, reverse=True):
        min(groups, key=lambda group: sum(seconds[each] for each in group)).append(file)
    return list(groups)


def run_groups(groups: list[list[Path]]) -> tuple[list[str], list[int]]:
    """Run pytest for each group, all at once; returns what they print, and their statuses."""
    command = [sys.executable, "-m", "pytest", "-q", "--override-ini=console_output_style=classic"]
    one_core = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        outputs, running = [Path(folder, str(number)) for number in range(len(groups))], []
        try:
            for group, output in zip(groups, outputs):
                with open(output, "wb") as file:  # a session of its own: Ctrl-C reaches it once, from here
                    running.append(subprocess.Popen([*command, *group], stdout=file, stderr=file, cwd=ROOT,
                                                    env=one_core, start_new_session=True))
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
            counts[word] += int(number)
    words = [f"{counts[word]} {word}" for word in COUNTED if counts[word]]
    return f"{', '.join(words) or 'no tests ran'} in {seconds:.0f} s"


def main(arguments: list[str]) -> int:
    """The command line: all tests; with arguments, pytest with these."""
    if arguments:
        return subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments], cwd=ROOT).returncode
    began, groups = time.monotonic(), divide(list((ROOT / "tests").glob("test_*.py")))
    outputs, statuses = run_groups(groups)
    rests = [split(output)[1].strip() for output in outputs]
    print(*rests, total(rests, time.monotonic() - began), sep="\n")
    bad = [status for status in statuses if status not in (0, NO_TESTS)]
    return bad[0] if bad else min(statuses)  # no tests at all only if no group has one


if __name__ == "__main__":
    run_command(main)
