"""Download a subset of the real PixMo: rows from the Hub, images from the web, a folder to train on.

    python -m data.pixmo.prepare --sets=cap,points --rows=200 --size=512 --seed=1
    python train.py --mix.pixmo=1

An interrupted run continues when it is started again. For details see data/pixmo/README.md.
"""
from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from data.generate import DATA_FOLDER, MANIFEST, annotation_to_json
from data.own import edited_rows, refuse_edited
from data.pixmo.columns import READERS
from data.pixmo.download import Downloader, DownloadResult
from data.pixmo.fetch import fetch_image
from data.pixmo.hub import Hub
from data.pixmo.network import Limits
from data.pixmo.records import NEVER
from data.pixmo.store import JOURNAL, Store, write_lines
from data.pixmo.workers import Workers
from minimolmo.command import os_error_message, run_command, say
from minimolmo.disk import WRITER, has_own_manifest, write_atomically
from minimolmo.locks import locked
from minimolmo.options import Parser, count_argument, path_argument

KIND = "pixmo"         # of the manifest
VAL_EVERY = 16         # one image in this many is held out, by the hash of its bytes
SIZE_RANGE = (64, 4096)     # pixels


@dataclass(frozen=True)
class PixmoSpec:
    """The subset to download. The same spec reads the same rows."""
    sets: tuple[str, ...] = tuple(READERS)
    rows: int = 2000   # images of each dataset; several rows may share an image
    size: int = 512    # largest side in pixels
    seed: int = 1

    def __post_init__(self) -> None:
        unknown = [name for name in self.sets if name not in READERS]
        if unknown or not self.sets:
            raise ValueError(f"dataset {(unknown or [''])[0]!r} does not exist in PixMo, so there is "
                             f"nothing to fetch. Try some of: {', '.join(READERS)}.")
        if self.rows < 1:
            raise ValueError(f"rows={self.rows} is less than 1, so there is nothing to fetch. Try rows=100.")
        if not SIZE_RANGE[0] <= self.size <= SIZE_RANGE[1]:
            raise ValueError(
                f"size={self.size} pixels is not between {SIZE_RANGE[0]} and {SIZE_RANGE[1]}: smaller "
                f"images show nothing, larger ones fill the disk. Try size=512.")

    def to_json(self) -> dict:
        """The spec as a dictionary for JSON."""
        return {**asdict(self), "sets": list(self.sets)}


def prepare(spec: PixmoSpec, folder: Path, hub: Hub, limits: Limits = Limits()) -> str:
    """Download the subset into the folder, and return a summary line.

    Failed images and rows are written to failures.jsonl and do not stop the run. Raises ValueError if the
    folder cannot be written, is in use, or holds another subset or a dataset that is not ours.
    """
    try:
        with locked(folder):
            manifest = _read_manifest(folder)
            _check_is_own(folder, manifest)
            if manifest and is_finished(manifest, spec, folder):
                return f"{manifest['run']['summary']} (it was there already)"
            _check_same_subset(manifest, spec, folder)
            refuse_edited(folder, edited_rows(folder, manifest["sha256"] if manifest else {}), "fetched")
            with Store(folder, spec.size) as store:
                return _download_and_write(spec, store, hub, limits)
    except OSError as error:  # disk errors only: network errors are outcomes
        error.filename = error.filename or str(folder)
        raise ValueError(f"{os_error_message(error)} What was fetched stays, and the next run goes on."
                         ) from error


def _download_and_write(spec: PixmoSpec, store: Store, hub: Hub, limits: Limits) -> str:
    workers = Workers(partial(fetch_image, size=spec.size, limits=limits))
    start = time.monotonic()
    with tqdm(total=spec.rows * len(spec.sets), desc="pixmo", unit=" images", smoothing=0.05) as progress:
        downloader = Downloader(hub, store, workers, spec.seed, spec.rows, progress)
        results = [downloader.download(name) for name in spec.sets]
    return _write_results(spec, store, results, time.monotonic() - start)


def _write_results(spec: PixmoSpec, store: Store, results: list[DownloadResult], seconds: float) -> str:
    """Write rows and failures, and last the manifest, which marks the folder as complete."""
    (store.folder / MANIFEST).unlink(missing_ok=True)
    splits, summary_line = split_rows(merge_by_image(results, store)), summary(spec, results, seconds)
    for split, rows in splits.items():
        write_lines(store.folder / f"{split}.jsonl", rows)
    write_lines(store.folder / "failures.jsonl",
                [failure for result in results for failure in result.failures])
    if not any(result.stopped for result in results):
        store.remove_unused(set().union(*(result.judged_keys for result in results)))
    manifest = json.dumps(_manifest(spec, store, results, summary_line))
    write_atomically(store.folder / MANIFEST, [manifest.encode()])
    return summary_line


def merge_by_image(results: list[DownloadResult], store: Store) -> dict[str, dict]:
    """The annotations of all datasets, merged by image: sha256 -> row."""
    rows: dict[str, dict] = {}
    for result in results:
        for _, outcome, row_annotations in result.rows:
            row = rows.setdefault(outcome.sha256, {"image": store.image_path(outcome), "annotations": []})
            row["annotations"] += [
                note for note in map(annotation_to_json, row_annotations) if note not in row["annotations"]
            ]
    return rows


def split_rows(rows: dict[str, dict]) -> dict[str, list[dict]]:
    """Split rows into train and val by the hash of the image. Val has at least one row.

    Rows are sorted by hash, which mixes the datasets.
    """
    held_out = {key for key in rows if int(key[:8], 16) % VAL_EVERY == 0}
    if not held_out and len(rows) > 1:
        held_out = {min(rows)}
    return {"train": [rows[key] for key in sorted(rows) if key not in held_out],
            "val": [rows[key] for key in sorted(rows) if key in held_out]}


def summary(spec: PixmoSpec, results: list[DownloadResult], seconds: float) -> str:
    """A line with the number of images and rows, and the causes of failures."""
    images, num_wanted = sum(len(result.image_keys) for result in results), spec.rows * len(spec.sets)
    causes = Counter(failure["cause"] for result in results for failure in result.failures)
    num_retried = sum(failure["again"] != NEVER for result in results for failure in result.failures)
    rows = sum(len(result.rows) for result in results)
    failure_causes = ", ".join(f"{number:,} {cause}" for cause, number in causes.most_common()) or "none"
    line = (f"pixmo: {images:,} of {num_wanted:,} images with {rows:,} rows in {seconds:.0f} s; "
            f"rows that failed: {failure_causes}")
    line += f" ({num_retried:,} of them will be tried again next time)" if num_retried else ""
    for result in results:
        line += f"; {result.name} stopped, {result.stopped}: run again to go on" if result.stopped else ""
        line += f"; {result.name} has no more rows" if result.exhausted and len(
            result.image_keys) < spec.rows else ""
    return line


def _manifest(spec: PixmoSpec, store: Store, results: list[DownloadResult], summary_line: str) -> dict:
    sets = {}
    for result in results:
        rows: dict[str, list[int]] = {}
        for where, _, _ in result.rows:
            _, config, index = where.split("/")
            rows.setdefault(config, []).append(int(index))
        causes = Counter(failure["cause"] for failure in result.failures)
        sets[result.name] = {
            "dataset": f"allenai/pixmo-{result.name.replace('_', '-')}", "split": "train",
            "revisions": result.revisions, "rows": rows, "images": len(result.image_keys),
            "failures": dict(sorted(causes.items())), "complete": not result.stopped
        }
    run = {"ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "summary": summary_line}
    return {"writer": WRITER, "kind": KIND, "plan": spec.to_json(), "sets": sets,
            "sha256": _digests(store.folder), "run": run}


def _digests(folder: Path) -> dict[str, str]:
    files = [folder / f"{name}.jsonl" for name in ("train", "val", "failures")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()}


def _read_manifest(folder: Path) -> dict | None:
    """The manifest of a complete folder. None if it is missing or damaged; then the run continues."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        PixmoSpec(**manifest["plan"]), manifest["sets"], manifest["sha256"], manifest["run"][
            "summary"]  # raises if a part is missing
        return manifest
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def is_finished(manifest: dict, spec: PixmoSpec, folder: Path) -> bool:
    """Is the folder complete for this spec, with all files and no failure worth another try?"""
    if (manifest["plan"] != spec.to_json() or manifest["sha256"] != _digests(folder)
            or not all(part["complete"] for part in manifest["sets"].values())):
        return False
    failures, *rows = ([json.loads(line) for line in open(folder / f"{name}.jsonl", encoding="utf-8")]
                       for name in ("failures", "train", "val"))
    return (all(failure["again"] == NEVER for failure in failures)
            and all((folder / row["image"]).is_file() for row in sum(rows, [])))


def _check_is_own(folder: Path, manifest: dict | None) -> None:
    """Raise ValueError for a dataset that we did not download: its rows and images would be lost."""
    present = [name for name in ("train.jsonl", "val.jsonl", "images") if os.path.lexists(folder / name)]
    if present and not (manifest or has_own_manifest(folder, KIND) or (folder / JOURNAL).is_file()):
        raise ValueError(f"{folder} holds {present[0]}, but no {MANIFEST} of ours and no {JOURNAL}, so it is "
                         f"no download of ours and is not replaced. Try another --folder.")


def _check_same_subset(manifest: dict | None, spec: PixmoSpec, folder: Path) -> None:
    """Raise ValueError if the spec would lose images of the folder. More rows and datasets are allowed."""
    old = PixmoSpec(**{**manifest["plan"], "sets": tuple(manifest["plan"]["sets"])}) if manifest else spec
    if not (set(old.sets) <= set(spec.sets) and old.rows <= spec.rows
            and (old.size, old.seed) == (spec.size, spec.seed)):
        raise ValueError(f"{folder} holds another subset (sets={','.join(old.sets)} rows={old.rows} "
                         f"size={old.size} seed={old.seed}), part of which would be lost. Try another "
                         f"--folder, or ask for more of the same.")


def main(arguments: list[str]) -> None:
    """Run the command line."""
    parser = Parser(description="Fetch a subset of PixMo, ready to train on.")
    parser.add_argument("--sets", default=",".join(READERS), help="names of datasets (default: all eight)")
    parser.add_argument("--rows", type=count_argument(), default=2000,
                        help="images a dataset (default: %(default)s)")
    parser.add_argument("--size", type=count_argument(), default=512,
                        help="pixels of the longest side (default: %(default)s)")
    parser.add_argument("--seed", type=count_argument(0), default=1,
                        help="chooses the rows (default: %(default)s)")
    parser.add_argument("--folder", type=path_argument, default=DATA_FOLDER / "pixmo",
                        help="default: %(default)s")
    parsed = parser.parse_args(arguments)
    sets = tuple(dict.fromkeys(name for name in re.split(r"[,\s]+", parsed.sets) if name))
    spec = PixmoSpec(sets, parsed.rows, parsed.size, parsed.seed)
    say(prepare(spec, parsed.folder, Hub(token=os.environ.get("HF_TOKEN", "").strip())))
    _check_not_empty(spec, parsed.folder)


def _check_not_empty(spec: PixmoSpec, folder: Path) -> None:
    """Raise ValueError if a requested dataset got no image, for example because the network was down."""
    found = (_read_manifest(folder) or {"sets": {}})["sets"]
    empty = [name for name in spec.sets if name in found and not found[name]["images"]]
    if empty:
        raise ValueError(f"no image of {', '.join(empty)} could be fetched (failures.jsonl in {folder} has "
                         f"the causes), so there is nothing to train on. Try the same command again when the "
                         f"network is there.")


if __name__ == "__main__":
    run_command(main)
