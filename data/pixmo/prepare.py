"""A subset of the real PixMo: rows from the Hub, pictures from all over the web, a folder to train on.

    python -m data.pixmo.prepare --sets=cap,points --rows=200 --size=512 --seed=1
    python train.py --mix.pixmo=1

Stopped or killed, it goes on where it was when it is called again. data/pixmo/README.md tells the rest.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from data.pixmo.columns import READERS
from data.pixmo.records import NEVER
from data.pixmo.fetch import fetch
from data.pixmo.download import Gathered, Gatherer
from data.pixmo.hub import Hub
from data.pixmo.network import Limits
from data.pixmo.store import Store, write_lines
from data.pixmo.workers import Workers
from data.generate import HERE, MANIFEST, to_json
from minimolmo.disk import write_atomically

VAL_SHARE = 16         # one picture in so many is held out, chosen by the hash of its bytes
SIZES = (64, 4096)     # pixels


@dataclass(frozen=True)
class Plan:
    """What is asked for. The same plan reads the same rows."""
    sets: tuple[str, ...] = tuple(READERS)
    rows: int = 2000   # images of each set; a row is one annotation, and several may share an image
    size: int = 512    # pixels along the longest side, at most
    seed: int = 1

    def __post_init__(self):
        unknown = [name for name in self.sets if name not in READERS]
        if unknown or not self.sets:
            raise ValueError(f"set {(unknown or [''])[0]!r} is none of PixMo's, so there is nothing to "
                             f"fetch. Try some of: {', '.join(READERS)}.")
        if self.rows < 1:
            raise ValueError(f"rows={self.rows} leaves nothing to fetch. Try rows=100.")
        if not SIZES[0] <= self.size <= SIZES[1]:
            raise ValueError(f"size={self.size} pixels is not between {SIZES[0]} and {SIZES[1]}: smaller "
                             f"shows nothing, larger fills the disk. Try size=512.")

    def told(self) -> dict:
        """The plan as JSON."""
        return {**asdict(self), "sets": list(self.sets)}


def prepare(plan: Plan, folder: Path, hub: Hub, limits: Limits = Limits()) -> str:
    """Fetch what the plan asks for into the folder; returns the line that says how it went.

    What fails is written to failures.jsonl and never stops it. Raises ValueError if the folder cannot be
    written, is in use, or holds something else that would be lost.
    """
    try:
        with Store(folder, plan.size) as store:
            told = _read_manifest(folder)
            if told and is_finished(told, plan, folder):
                return f"{told['run']['summary']} (it was there already)"
            _refuse_to_shrink(told, plan, folder)
            return _fill(plan, store, hub, limits)
    except OSError as error:  # of the disk: the network's were all dealt with
        raise ValueError(f"{folder} cannot be written ({error}), so nothing more can be kept. Make room, or "
                         f"try another --folder; what was fetched stays, and the next run goes on."
                         ) from error


def _fill(plan: Plan, store: Store, hub: Hub, limits: Limits) -> str:
    workers = Workers(partial(fetch, size=plan.size, limits=limits))
    start = time.monotonic()
    with tqdm(total=plan.rows * len(plan.sets), desc="pixmo", unit=" images", smoothing=0.05) as bar:
        gatherer = Gatherer(hub, store, workers, plan.seed, plan.rows, bar)
        found = [gatherer.gather(name) for name in plan.sets]
    return _write(plan, store, found, time.monotonic() - start)


def _write(plan: Plan, store: Store, found: list[Gathered], seconds: float) -> str:
    """The rows, the failures, and last the manifest that says the rest is whole."""
    (store.folder / MANIFEST).unlink(missing_ok=True)
    splits, line = split_rows(group(found, store)), summary(plan, found, seconds)
    for split, rows in splits.items():
        write_lines(store.folder / f"{split}.jsonl", rows)
    write_lines(store.folder / "failures.jsonl", [failure for part in found for failure in part.failures])
    if not any(part.stopped for part in found):
        store.tidy(set().union(*(part.looked_at for part in found)))
    manifest = json.dumps(_manifest(plan, store, found, line))
    write_atomically(store.folder / MANIFEST, [manifest.encode()])
    return line


def group(found: list[Gathered], store: Store) -> dict[str, dict]:
    """All that was said about each picture, whichever set said it: sha256 -> row."""
    rows: dict[str, dict] = {}
    for part in found:
        for _, outcome, notes in part.chosen:
            row = rows.setdefault(outcome.sha256, {"image": store.image_of(outcome), "annotations": []})
            row["annotations"] += [note for note in map(to_json, notes) if note not in row["annotations"]]
    return rows


def split_rows(rows: dict[str, dict]) -> dict[str, list[dict]]:
    """Train and val, by the hash of the picture: the same bytes are never in both. Val has at least one.

    In the order of the hashes, so that the sets are mixed and the first rows show them all.
    """
    held_out = {key for key in rows if int(key[:8], 16) % VAL_SHARE == 0}
    if not held_out and len(rows) > 1:
        held_out = {min(rows)}
    return {"train": [rows[key] for key in sorted(rows) if key not in held_out],
            "val": [rows[key] for key in sorted(rows) if key in held_out]}


def summary(plan: Plan, found: list[Gathered], seconds: float) -> str:
    """How many of how many, and why not more."""
    images, wanted = sum(len(part.images) for part in found), plan.rows * len(plan.sets)
    causes = Counter(failure["cause"] for part in found for failure in part.failures)
    later = sum(failure["again"] != NEVER for part in found for failure in part.failures)
    rows = sum(len(part.chosen) for part in found)
    why = ", ".join(f"{number:,} {cause}" for cause, number in causes.most_common()) or "none"
    line = (f"pixmo: {images:,} of {wanted:,} images with {rows:,} rows in {seconds:.0f} s; "
            f"rows that failed: {why}")
    line += f" ({later:,} of them will be tried again next time)" if later else ""
    for part in found:
        line += f"; {part.name} stopped, {part.stopped}: run again to go on" if part.stopped else ""
        line += f"; {part.name} has no more rows" if part.exhausted and len(part.images) < plan.rows else ""
    return line


def _manifest(plan: Plan, store: Store, found: list[Gathered], line: str) -> dict:
    sets = {}
    for part in found:
        rows: dict[str, list[int]] = {}
        for where, _, _ in part.chosen:
            _, config, index = where.split("/")
            rows.setdefault(config, []).append(int(index))
        causes = Counter(failure["cause"] for failure in part.failures)
        sets[part.name] = {"dataset": f"allenai/pixmo-{part.name.replace('_', '-')}", "split": "train",
                           "revisions": part.revisions, "rows": rows, "images": len(part.images),
                           "failures": dict(sorted(causes.items())), "complete": not part.stopped}
    run = {"ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "summary": line}
    return {"plan": plan.told(), "sets": sets, "sha256": _digests(store.folder), "run": run}


def _digests(folder: Path) -> dict[str, str]:
    files = [folder / f"{name}.jsonl" for name in ("train", "val", "failures")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()}


def _read_manifest(folder: Path) -> dict | None:
    """What a finished folder says of itself. None if it is not finished, or the manifest is damaged: then the
    run goes on as after a kill, and what is whole in pages, journal and images is not fetched again."""
    try:
        told = json.loads((folder / MANIFEST).read_bytes())
        Plan(**told["plan"]), told["sets"], told["sha256"], told["run"]["summary"]  # all that is read of it
        return told
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def is_finished(told: dict, plan: Plan, folder: Path) -> bool:
    """Whether this very plan is done, with no file missing and nothing left that is worth another try."""
    if (told["plan"] != plan.told() or told["sha256"] != _digests(folder)
            or not all(part["complete"] for part in told["sets"].values())):
        return False
    failures, *rows = ([json.loads(line) for line in open(folder / f"{name}.jsonl")]
                       for name in ("failures", "train", "val"))
    return (all(failure["again"] == NEVER for failure in failures)
            and all((folder / row["image"]).is_file() for row in sum(rows, [])))


def _refuse_to_shrink(told: dict | None, plan: Plan, folder: Path) -> None:
    """More rows and more sets may join a folder; anything else would throw pictures away."""
    old = Plan(**{**told["plan"], "sets": tuple(told["plan"]["sets"])}) if told else plan
    if not (set(old.sets) <= set(plan.sets) and old.rows <= plan.rows
            and (old.size, old.seed) == (plan.size, plan.seed)):
        raise ValueError(f"{folder} holds another subset (sets={','.join(old.sets)} rows={old.rows} "
                         f"size={old.size} seed={old.seed}), part of which would be lost. Try another "
                         f"--folder, or ask for more of the same.")


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Fetch a subset of PixMo, ready to train on.")
    parser.add_argument("--sets", default=",".join(READERS), help="names of sets (default: all eight)")
    parser.add_argument("--rows", type=int, default=2000, help="images of each set (default: %(default)s)")
    parser.add_argument("--size", type=int, default=512,
                        help="pixels of the longest side (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="chooses the rows (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=HERE / "pixmo", help="default: %(default)s")
    asked = parser.parse_args(arguments)
    sets = tuple(dict.fromkeys(name for name in re.split(r"[,\s]+", asked.sets) if name))
    plan = Plan(sets, asked.rows, asked.size, asked.seed)
    print(prepare(plan, asked.folder, Hub(token=os.environ.get("HF_TOKEN", "").strip())))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(f"pixmo: {error}")
    except KeyboardInterrupt:
        sys.exit("pixmo: stopped; what was fetched stays, and the next run goes on")
