"""The page's last step: train nano on the folder, score its held-out photos before and after.

Each run has a folder: out/page, then out/page-2, ... A run that was stopped has a checkpoint and is resumed.
"""
from __future__ import annotations

import math
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TextIO

from minimolmo.answer import load
from minimolmo.command import ROOT, printable
from minimolmo.evaluate import RIGHT_IMAGE, answer_by_style, check_items, collect_items
from minimolmo.logfile import read_log
from minimolmo.metrics import report_lines, score_items
from minimolmo.page.journal import Journal
from minimolmo.page.messages import Refusal, Request, Route
from minimolmo.page.teach import RELEASED, STEPS, tokens_needed, train_command, write_and_check
from minimolmo.weights import checkpoint

MOST_ROWS = 256     # of the held-out photos that are scored
POLL = 0.2          # seconds between two looks at a training
LONGEST_STOP = 120  # seconds that a training has to finish a step and save
LONGEST = 86_400    # seconds that a training may take
BAR = re.compile(r"\d+%\|")  # a line of tqdm's


def next_run(out: Path, journal: Journal | None = None) -> Path:
    """The folder of the next run: an unfinished one that can go on with the journal's data, or a new one."""
    for folder in run_folders(out):
        newest = checkpoint.latest(folder)
        if newest is None or not is_finished(folder) and goes_on(newest, journal):
            return folder


def newest_run(out: Path) -> Path | None:
    """The newest finished run; None if there is none."""
    found = None
    for folder in run_folders(out):
        if checkpoint.latest(folder) is None:
            return found
        found = folder if is_finished(folder) else found


def run_folders(out: Path) -> Iterator[Path]:
    """The folders of the first run, of the second, and so on: out, out-2, ..."""
    yield out
    yield from (out.with_name(f"{out.name}-{number}") for number in count(2))


def goes_on(newest: Path, journal: Journal | None) -> bool:
    """Whether a stopped run has the settings that the journal's data needs now: --resume changes none."""
    config = checkpoint.load_config(newest)
    return journal is None or (bool(config.mix.get(journal.folder.name))
                               and config.max_tokens == tokens_needed(journal))


def is_finished(run: Path) -> bool:
    """Whether a run's folder has the checkpoint of its last step."""
    newest = checkpoint.latest(run)
    return newest is not None and (checkpoint.read_step(newest) or 0) >= STEPS


def score_events(weights: Path, folder: Path, when: str) -> Iterator[dict]:
    """The scores of a model on a folder's held-out photos, one event for each number.

    Raises ValueError if none of them has an annotation that can be scored.
    """
    model, tokenizer, config = load(weights)
    items = collect_items({folder.name: folder}, "val", MOST_ROWS, config.untagged)
    check_items(items, {folder.name: folder})
    answered = answer_by_style(model, tokenizer, items, RIGHT_IMAGE, config.finetune.view, None)
    for name, (value,) in report_lines({RIGHT_IMAGE: score_items(answered)}):
        finite = value if math.isfinite(value) else None
        yield {"e": "score", "when": when, "name": name, "value": finite}


def routes(trainer: Callable[[], Trainer]) -> list[Route]:
    """POST /api/train: score, train, score again. POST /api/score: the newest model's scores. Both stream.

    `trainer` is called at each request.
    """
    return [Route("POST", "/api/train", lambda request: trainer().answer(request), 1_000, LONGEST),
            Route("POST", "/api/score", lambda request: trainer().score(request), 1_000)]


class Trainer:
    """Trains on a journal's folder, once at a time. `stop` ends a training that still runs."""

    def __init__(self, journal: Journal, out: Path):
        self.journal, self.folder, self.out = journal, journal.folder, out
        self.busy, self.process = threading.Lock(), None

    def answer(self, request: Request) -> Iterator[dict]:
        """Answer with `train`, once the folder is written and can be trained on."""
        self.check()
        return self.train(request.closed)

    def score(self, request: Request) -> Iterator[dict]:
        """The scores of the newest trained model, or of the released one."""
        self.check()
        run = newest_run(self.out)
        return score_events(run or RELEASED, self.folder, "after" if run else "before")

    def check(self) -> None:
        """Write the folder's files. Raises ValueError if they cannot be trained on."""
        good, lines = write_and_check(self.journal)
        if not good:
            raise ValueError("\n".join(lines))

    def train(self, closed: Callable[[], bool]) -> Iterator[dict]:
        """Score, train and score again, as events. Once `closed`, the training saves and ends."""
        if not self.busy.acquire(blocking=False):
            raise Refusal(409, "A training runs already.", "Two would share the processor.",
                          "Stop it, or wait until it is done.")
        try:
            yield from score_events(RELEASED, self.folder, "before")
            run = next_run(self.out, self.journal)
            if not closed():
                yield from self._run(train_command(self.journal, run), run, closed)
            if not closed():
                yield from score_events(run, self.folder, "after")
                yield {"e": "done", "run": str(run)}
        finally:
            self.stop()
            self.busy.release()

    def _run(self, words: list[str], run: Path, closed: Callable[[], bool]) -> Iterator[dict]:
        """Run train.py; yields its lines and steps. Raises ValueError if it fails."""
        self.process = start_training(words)
        lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=read_lines, args=(self.process.stdout, lines), daemon=True)
        reader.start()
        shown = 0
        while self.process.poll() is None and not closed():
            time.sleep(POLL)
            shown = yield from news(lines, run, shown)
        self.stop()
        reader.join(1)
        yield from news(lines, run, shown)
        if self.process.returncode and not closed():
            raise ValueError(f"The training ended with status {self.process.returncode}, so there is no "
                             f"model. Try its command in the terminal.")

    def stop(self) -> None:
        """Let a running training finish its step and save; it is killed if that takes too long."""
        if self.process and self.process.poll() is None:
            ask_to_stop(self.process)
            try:
                self.process.wait(LONGEST_STOP)
            except subprocess.TimeoutExpired:
                self.process.kill()


def start_training(words: list[str]) -> subprocess.Popen:
    """Start train.py in a session of its own: Ctrl-C in the terminal reaches the page, which stops it."""
    session = ({"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if os.name == "nt" else
               {"start_new_session": True})
    script, *options = words
    options = [*dict.fromkeys([*options, "--resume"])]
    return subprocess.Popen([sys.executable, str(ROOT / script), *options], text=True,
                            encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **session)


def ask_to_stop(process: subprocess.Popen) -> None:
    """Send the signal after which train.py finishes a step and saves."""
    process.send_signal(signal.CTRL_BREAK_EVENT if os.name == "nt" else signal.SIGTERM)


def read_lines(file: TextIO, lines: queue.Queue[str]) -> None:
    """Put what a process prints into a queue, without its progress bar."""
    for line in file:
        text = printable(line.rpartition("\r")[2].strip())[:500]
        if text and not BAR.search(text):
            lines.put(text)


def news(lines: queue.Queue[str], run: Path, shown: int) -> Iterator[dict]:
    """The lines and steps that were not shown yet, as events; returns the number of the last step."""
    for _ in range(lines.qsize()):
        yield {"e": "line", "text": lines.get_nowait()}
    for line in new_steps(run, shown):
        shown = line["step"]
        yield {"e": "step", "step": shown, "steps": STEPS, "loss": line["loss"]}
    return shown


def new_steps(run: Path, shown: int) -> list[dict]:
    """The steps in a run's log that were not shown yet; none while another process writes the file anew."""
    try:
        return [line for line in read_log(run / "log.jsonl", "loss") if line["step"] > shown]
    except ValueError:
        return []
