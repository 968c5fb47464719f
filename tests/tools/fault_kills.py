"""The campaign of kill -9: every program that writes is killed at random moments (see faults.py)."""
from __future__ import annotations

import contextlib
import io
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from data import prepare_all
from data.tokenizer.prepare import ensure_tokenizer
from minimolmo import disk
from minimolmo.batch.dataset import Dataset
from minimolmo.image.resize import open_image
from minimolmo.weights import checkpoint, release
from tools.fake_hub import FakeHub
from tools.fake_pixmo import FakePixmo
from tools.fault_campaigns import read_tiny, save_tiny
from tools.faults import ROOT, campaign, failure_of

MAX_WAIT = 1.5     # seconds after the start of the work at which a writer is killed
PIXMO_DELAY = 0.1  # seconds before each reply of the fake hub, so that a fetch lasts
START = ("import sys; from pathlib import Path; sys.path[:0] = [{root!r}, {root!r} + '/tests']; "
         "out = Path(sys.argv[1])\n")


class Writer(NamedTuple):
    """A program that writes into the folder `out`, and the check of what it leaves."""
    imports: str                                # of the program
    work: str                                   # of the program; the kill comes after its start
    check: Callable[[Path], None]               # ValueError if something is not whole or is there twice
    setup: Callable[[Path], None] = Path.mkdir  # makes the folder


def quietly(main: Callable[[list[str]], None], *arguments: str) -> None:
    """Run a command without its output."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        main([*arguments])


# Checkpoints, training, releases

def check_saved(out: Path) -> None:
    """The newest checkpoint can be read, and all its files are as written."""
    if checkpoint.latest(out):
        read_tiny(checkpoint.latest(out))


def setup_train(out: Path) -> None:
    """Draw a small mini-PixMo for training."""
    quietly(prepare_all.main, f"--folder={out / 'data'}", "--images=128", "--workers=1")
    ensure_tokenizer("easy", 512, data=out / "data")


def check_train(out: Path) -> None:
    """The newest checkpoint is whole, and up to its step the log has each step once."""
    folder = checkpoint.latest(out / "run")
    if folder is None:
        return
    disk.check_files(folder)
    lines = (out / "run/log.jsonl").read_text(encoding="utf-8").splitlines()
    steps, last = [json.loads(line)["step"] for line in lines[:-1]], int(folder.name[5:])
    if steps[:last - 1] != list(range(1, min(last, len(steps) + 1))) or len(lines) < last:
        raise ValueError(f"log.jsonl has the steps {steps[-5:]} beside {folder.name}. Try it step by step.")


def setup_release(out: Path) -> None:
    """Write a run of a tiny model that `release` accepts."""
    save_tiny(out / "run", 1)
    disk.write_text(out / "run/log.jsonl", "")
    disk.write_text(out / "run/report.json", '{"right image": {}}')


def release_tiny(out: Path) -> None:
    """Release the tiny model of out/run as out/released/tiny."""
    release.release(out / "run", "tiny", out / "released")


def check_release(out: Path) -> None:
    """A release is whole, if there is one."""
    if (out / "released/tiny").exists():
        disk.check_files(out / "released/tiny")


# Drawn and fetched images

def check_drawn(out: Path) -> None:
    """The next run finishes the set. Each row of it can be read."""
    quietly(prepare_all.main, f"--folder={out}", "--images=300", "--sets=points", "--workers=1")
    dataset = Dataset(out / "points/easy", "train")
    for row in range(len(dataset)):
        dataset[row]
    disk.remove_own(out / "points/easy", "dataset")


def check_fetched(out: Path) -> None:
    """Each image in the store can be opened, and no row is there twice."""
    for path in (out / "pixmo/images").rglob("*.jpg"):
        open_image(path)
    for split in ("train", "val") if (out / "pixmo/manifest.json").exists() else ():
        lines = (out / f"pixmo/{split}.jsonl").read_text(encoding="utf-8").splitlines()
        if len(set(lines)) < len(lines):
            raise ValueError(f"{split}.jsonl has a row twice. Try it step by step.")


WRITERS = {
    "save": Writer("from tools.fault_campaigns import save_tiny",
                   "for step in range(1, 10 ** 6): save_tiny(out, step)", check_saved),
    "train": Writer("import train; train.SAVE_EVERY = 2",
                    "train.main([f'--out={out}/run', f'--data={out}/data', '--resume', '--finetune.steps=0',"
                    "'--pretrain.steps=0', '--bootstrap.steps=100000', '--bootstrap.batch_size=2'])",
                    check_train, setup_train),
    "draw": Writer("from data.prepare_all import main",
                   "main([f'--folder={out}', '--images=300', '--sets=points', '--workers=2'])", check_drawn),
    "fetch": Writer("from dataclasses import replace; from data.pixmo.prepare import *; from data.pixmo.hub "
                    "import *; fast = replace(LIMITS, max_tries=2, backoff=0.01, loopback=True)",
                    "prepare(PixmoSpec(('cap', 'points'), 120, 64), out / 'pixmo',"
                    "Hub(sys.argv[2], limits=fast, pause=0), fast)", check_fetched),
    "release": Writer("from tools.fault_kills import release_tiny",
                      "while True: release_tiny(out)", check_release, setup_release),
}


def kill(writer: Writer, out: Path, url: str, seconds: float) -> str:
    """Start a writer, kill it so many seconds after its imports; returns what is wrong with the folder."""
    program = START.format(root=str(ROOT)) + f"{writer.imports}\nprint('ready', flush=True)\n{writer.work}\n"
    process = subprocess.Popen([sys.executable, "-c", program, str(out), url], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True)
    process.stdout.readline()
    time.sleep(seconds)
    ended = process.poll()
    process.kill()
    stderr = process.communicate()[1].decode(errors="replace")
    return f"ended by itself: {stderr[-300:]}" if ended else failure_of(lambda: writer.check(out), "")


@campaign(cost=20)
def kill_writers(seed: int, count: int) -> list[str]:
    """Kill each writer (kill -9) at random moments: its finished work must be whole; it must start again."""
    rng, failures = random.Random(seed), []
    with tempfile.TemporaryDirectory() as name, FakeHub() as hub, contextlib.redirect_stderr(io.StringIO()):
        FakePixmo(hub, rows=150, dead_links=False)
        hub.delay = PIXMO_DELAY
        for number in range(count):
            key = list(WRITERS)[number % len(WRITERS)]
            out = Path(name) / key
            if not out.exists():
                WRITERS[key].setup(out)
            wrong = kill(WRITERS[key], out, hub.url, rng.random() * MAX_WAIT)
            failures += [f"{key}, killed ({number}): {wrong}"] if wrong else []
    return failures
