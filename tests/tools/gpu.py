"""Measure everything that waits for a GPU, in the order in which its minutes are best spent.

    python tests/tools/gpu.py --minutes=9                       results in out/gpu
    python tests/tools/gpu.py --out=results --work=out/gpu      drawn data and checkpoints in another folder

Each part is a process with a time limit of its own. One that fails is noted, and the next runs. The same
command goes on where it stopped: WORK/gpu.json says what is done. After the last part, after Ctrl-C and when
the time is over, a table is printed and written to OUT/gpu.md, beside the parts' logs.

Sized for 15 minutes of one H200 with 16 cores, in two calls. The first part asks for the GPU.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow
from minimolmo.disk import write_text  # noqa: E402
from minimolmo.options import Parser, number_argument, path_argument  # noqa: E402

GRACE = 25.0   # seconds in which a stopped part saves its state, before it is killed
FINISH = 5.0   # seconds that are left for the table
MACHINE = """import os, shutil, torch
print(f"machine: {torch.cuda.get_device_name()}, torch {torch.__version__}, {os.cpu_count()} cores, "
      f"{shutil.disk_usage('/dev/shm').free / 1e9:.0f} GB of shared memory")"""
SPEED = r"loss [\d.]+, \d+ images/s"


@dataclass(frozen=True)
class Part:
    """One measurement."""
    name: str
    command: tuple[str, ...]     # after the interpreter; MINUTES in it becomes the minutes it may take
    minutes: float               # its time limit
    found: str = r"(?!)"         # a pattern of its log: all that match, the last of each, are its results
    least: float = 0.3           # minutes without which it does not begin
    after: str = ""              # a part that has to be done before
    keep: tuple[str, ...] = ()   # small files of the work folder, copied to OUT
    unfinished: str = ""         # a pattern of its log that says that the same command goes on


def parts(work: Path) -> list[Part]:
    """All parts, the most valuable minutes first."""
    nano, data = work / "nano", f"{work / 'nano' / 'data'}"
    speedrun = dict(
        command=("tests/tools/speedrun.py", "mini", f"--out={work / 'speedrun'}", "--minutes=MINUTES"),
        found=rf"minutes: [^\n]*|{SPEED}|[^\n]*goals[^\n]*",
        keep=("speedrun/clock.json", *(f"speedrun/run/{name}" for name in (
            "log.jsonl", "loss.png", "report.json", "targets.json"))))
    return [
        Part("machine", ("-c", MACHINE), 1, r"machine: ([^\n]*)"),
        Part("tests", ("-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider"), 2.5,
             r"\d+ (?:passed|failed)[^\n]*|^(?:FAILED|ERROR)[^\n]*", least=0.5),
        Part("lora-7b", ("tests/tools/lora_step.py", "molmo_7b_d", "--rank=16"), 1.5, r"lora: ([^\n]*)"),
        Part("speed-run, first minutes", minutes=4, least=1.5, **speedrun),
        Part("bench", ("tests/tools/bench.py", "mini", f"--out={work}"), 3.5, least=1,
             found=r"\| ((?:training step|MFU|memory|decoding): [^|]*\| [^|]*\S) *\|",
             keep=("bench-mini.json", "bench-mini.png")),
        Part("nano, data", ("-m", "data.prepare_all", "--level=easy", f"--folder={data}",
                            f"--workers={os.cpu_count()}"), 1),
        Part("nano, tokenizer", ("-m", "data.tokenizer.prepare", "--level=easy", f"--folder={data}"), 0.5,
             after="nano, data"),
        Part("nano, training", ("train.py", "nano", f"--out={nano}", f"--data={data}", "--resume",
                                "--minutes=MINUTES"), 3, SPEED, after="nano, tokenizer",
             keep=("nano/log.jsonl", "nano/loss.png"), unfinished="the minutes are over"),
        Part("nano, scores", ("-m", "minimolmo.evaluate", f"--weights={nano}", f"--data={data}"), 1.5,
             r"^(?:naming|pointing|count|point_count|caption)[^\n]*", after="nano, training",
             keep=("nano/report.json",)),
        Part("speed-run, to the end", minutes=30, least=0.7, unfinished="not at the end yet", **speedrun)]


class Journal:
    """What each part came to: {name: {"state": done, failed or stopped, "seconds": ..., "found": [...]}}."""

    def __init__(self, work: Path):
        self.file = work / "gpu.json"
        self.entries = json.loads(self.file.read_text(encoding="utf-8")) if self.file.is_file() else {}

    def state(self, name: str) -> str:
        """done, failed, stopped, or "" if the part has not begun."""
        return self.entries.get(name, {}).get("state", "")

    def note(self, name: str, state: str, seconds: float, found: list[str]) -> None:
        """Write down how a part ended; seconds of several starts are summed."""
        seconds += self.entries.get(name, {}).get("seconds", 0)
        self.entries[name] = dict(state=state, seconds=round(seconds, 1), found=found)
        write_text(self.file, json.dumps(self.entries, indent=1))

    def table(self, all_parts: list[Part]) -> str:
        """A row for each part."""
        rows = ["| part | state | seconds | found |", "|---|---|---|---|"]
        for part in all_parts:
            entry = self.entries.get(part.name, dict(state="not begun", seconds="", found=[]))
            found = "; ".join(entry["found"]).replace("|", ",")
            rows.append(f"| {part.name} | {entry['state']} | {entry['seconds']} | {found} |")
        return "\n".join(rows)


def run_part(part: Part, log: Path, limit: float) -> str:
    """Run a part for at most `limit` seconds, its output in a file; returns "done", "failed" or "stopped".

    A Ctrl-C, and a limit, stop it as Ctrl-C would, with all its processes.
    """
    command = [word.replace("MINUTES", f"{max(0.1, (limit - GRACE) / 60):.2f}") for word in part.command]
    with open(log, "wb") as output:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            failed = process.wait(limit)
        except subprocess.TimeoutExpired:
            stop(process)
            return "stopped"
        except KeyboardInterrupt:
            stop(process)
            raise
    return "failed" if failed else "done"


def stop(process: subprocess.Popen) -> None:
    """Interrupt a process and all that it started, so that they save their state; then kill them."""
    for number, seconds in ((signal.SIGINT, GRACE), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError, PermissionError):  # none of them is left
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def read_results(part: Part, text: str) -> list[str]:
    """What a part's pattern finds in its output: of lines that differ in numbers alone, the last."""
    found = {}
    for match in re.finditer(part.found, text, re.M):
        line = match[match.lastindex or 0].strip()
        found[re.sub(r"[\d.]+", "", line)] = line
    return list(found.values())[-12:]


def run_all(all_parts: list[Part], out: Path, work: Path, deadline: float) -> None:
    """Run what is not done yet, until the deadline; what failed before comes last."""
    journal = Journal(work)
    remaining = [part for part in all_parts if journal.state(part.name) != "done"]
    for part in sorted(remaining, key=lambda part: "failed" in map(journal.state, (part.name, part.after))):
        limit = min(60 * part.minutes, deadline - time.monotonic() - GRACE - FINISH)
        if limit < 60 * part.least or part.after and journal.state(part.after) != "done":
            continue
        print(f"{part.name}: at most {limit / 60:.1f} minutes", flush=True)
        state = run_and_note(part, journal, out, work, limit)
        if state == "failed" and part is all_parts[0]:
            break  # no GPU


def run_and_note(part: Part, journal: Journal, out: Path, work: Path, limit: float) -> str:
    """Run a part, and write down how it ended, also after Ctrl-C; returns its state."""
    log, start, state = out / f"{re.sub(r'[, ]+', '-', part.name)}.log", time.monotonic(), "stopped"
    try:
        state = run_part(part, log, limit)
    finally:
        text = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n")
        if state == "done" and part.unfinished and part.unfinished in text:
            state = "stopped"
        journal.note(part.name, state, time.monotonic() - start, read_results(part, text))
        copy_results(part, out, work)
    if state == "failed":
        print(f"{part.name} failed, and the next part runs. The end of {log}:\n{text[-1500:]}", flush=True)
    return state


def copy_results(part: Part, out: Path, work: Path) -> None:
    """Copy a part's small files to the results."""
    for name in part.keep:
        if (work / name).is_file():
            shutil.copyfile(work / name, out / name.replace("/", "-"))


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=path_argument, default=Path("out/gpu"), help="folder of the results")
    parser.add_argument("--work", type=path_argument, help="folder of data, checkpoints (default: OUT/work)")
    parser.add_argument("--minutes", type=number_argument(), default=9.0, help="stop after N")
    given = parser.parse_args(arguments)
    deadline, out = time.monotonic() + 60 * given.minutes, given.out.resolve()
    work = given.work.resolve() if given.work else out / "work"
    for folder in (out, work):
        folder.mkdir(parents=True, exist_ok=True)
    all_parts = parts(work)
    try:
        run_all(all_parts, out, work, deadline)
    finally:
        journal = Journal(work)
        table = journal.table(all_parts)
        write_text(out / "gpu.md", table + "\n")
        print(f"\n{table}")
        if any(journal.state(part.name) != "done" for part in all_parts):
            print("not at the end yet; the same command goes on")


if __name__ == "__main__":
    run_command(main)
