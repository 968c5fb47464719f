"""Measures what fine-tuning on own photos buys, and what is forgotten: a table for RUNS.md.

    python tests/tools/own_photos.py --weights=out/nano             10, 30, 100 photos; replay 0 and .5
    python tests/tools/own_photos.py --photos=30 --replay=0.5 --seeds=1,2 --finetune.steps=400

The photos are those of paper_shapes.py. Every model answers all questions about the same 50 held-out photos,
and one question of each style about held-out drawn images. A finished run is a line of OUT/results.jsonl, so
the same command goes on after an interruption.
"""
from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command, say  # noqa: E402  first: the slow imports follow

import numpy as np  # noqa: E402

import train  # noqa: E402
from minimolmo.answer import load  # noqa: E402
from minimolmo.batch.dataset import Dataset  # noqa: E402
from minimolmo.disk import write_text  # noqa: E402
from minimolmo.evaluate import RIGHT_IMAGE, answer_all, collect_items, group_items  # noqa: E402
from minimolmo.metrics import EvalItem, distance, same_text, score_items  # noqa: E402
from minimolmo.options import Parser, path_argument  # noqa: E402
from minimolmo.text.prompts import evaluation_question  # noqa: E402
from tools import paper_shapes  # noqa: E402
from tools.paper_photos import KINDS, PAPERS  # noqa: E402

PHOTOS, VAL, FIRST = 100, 50, 10         # to train on; held out; of these, scored apart too
DRAWN, DRAWN_ROWS = ("points", "count", "ask_model_anything"), 64
NAMES = {*KINDS, *PAPERS}
SCORES = ("within 3 %", "within 5 %", "naming", "count")


def prepare(out: Path, data: Path, counts: list[int]) -> None:
    """Write the photos, a dataset for each number of them, and links to the drawn datasets."""
    photos, folder = out / "photos", out / "data"
    if not (photos / "truth.jsonl").is_file():  # written last
        paper_shapes.write_photos(photos, {"train": max(PHOTOS, *counts), "val": VAL}, seed=1)
    rows = (photos / "train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    if len(rows) < max(counts):
        raise ValueError(f"{photos} has {len(rows)} photos to train on, and --photos asks for {max(counts)}. "
                         f"Try another --out.")
    folder.mkdir(exist_ok=True)
    for name in ("tokenizer", *(path.parent.name for path in data.glob("*/easy"))):
        if not (folder / name).exists():
            (folder / name).symlink_to((data / name).resolve())
    for count in counts:
        own = folder / f"mine{count}"
        own.mkdir(exist_ok=True)
        if not (own / "images").exists():
            (own / "images").symlink_to((photos / "images").resolve())
        write_text(own / "train.jsonl", "".join(rows[:count]))
        write_text(own / "val.jsonl", (photos / "val.jsonl").read_text(encoding="utf-8"))


def all_questions(folder: Path) -> list[EvalItem]:
    """Every question about the held-out photos, but for captions."""
    rng, items = np.random.default_rng(0), []
    for example in Dataset(folder, "val"):
        items += [EvalItem("mine", example, annotation, evaluation_question(annotation, rng))
                  for annotation in example.annotations if annotation.style != "long_caption"]
    return items


def measure(weights: Path, data: Path, own: str) -> dict[str, dict[str, float]]:
    """The scores of a model: on the first held-out photos, on all of them, and on drawn images."""
    model, tokenizer, config = load(weights)
    drawn = collect_items({name: data / name / "easy" for name in DRAWN}, "val", DRAWN_ROWS)
    answered = [answer_all(model, tokenizer, group, RIGHT_IMAGE, config.finetune.view)
                for group in group_items(all_questions(data / own) + drawn).values()]
    items = list(itertools.chain(*answered))
    photos = [item for item in items if item.dataset == "mine"]
    first = {example.image for example in itertools.islice(Dataset(data / own, "val"), FIRST)}
    return {f"{FIRST} photos": scores([item for item in photos if item.example.image in first]),
            f"{VAL} photos": scores(photos), "drawn": scores([i for i in items if i.dataset != "mine"])}


def scores(items: list[EvalItem]) -> dict[str, float]:
    """SCORES of answered items. Naming: the questions whose answer is a colour or a kind."""
    single = [item for item in items
              if item.annotation.style == "pointing" and len(item.annotation.points) == 1]
    errors = np.array([distance(item.answer.points[0], item.annotation.points[0], item.aspect)
                       if item.answer.points else 100.0 for item in single])
    names = [same_text(item.answer.text, item.annotation.answer) for item in items
             if item.annotation.style == "user_qa" and item.annotation.answer in NAMES]
    count = score_items(items)["count"]["accuracy"]
    values = (np.mean(errors <= 3), np.mean(errors <= 5), np.mean(names), count)
    return {name: round(float(value), 3) for name, value in zip(SCORES, values)}


def table(results: list[dict]) -> str:
    """The results as a Markdown table."""
    groups = list(results[0]["scores"])
    head = ["photos", "replay", "seed", "minutes", *(f"{group}: {', '.join(SCORES)}" for group in groups)]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for result in results:
        cells = ["; ".join(f"{value:.2f}".lstrip("0") for value in result["scores"][group].values())
                 for group in groups]
        lines.append("| " + " | ".join([*map(str, result["run"]), str(result["minutes"]), *cells]) + " |")
    return "\n".join(lines)


def finished(path: Path) -> list[dict]:
    """The results of the runs that are finished."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines]


def measure_run(run: list, weights: Path, out: Path, settings: list[str]) -> dict:
    """Fine-tune on so many photos with that replay and seed, resuming if it was interrupted; its scores."""
    photos, replay, seed = run
    folder = out / f"{photos}-{replay}-{seed}"
    train.main([f"--from={weights}", f"--data={out / 'data'}", f"--out={folder}", f"--mix.mine{photos}=1",
                f"--replay={replay}", f"--seed={seed}", "--resume", *settings])
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    batch = train.checkpoint.load_config(train.checkpoint.latest(folder)).finetune.batch_size
    minutes = round(sum(batch / max(line["images_per_second"], 0.05) for line in log) / 60, 1)
    return {"run": run, "minutes": minutes, "scores": measure(folder, out / "data", f"mine{photos}")}


def main(arguments: list[str]) -> None:
    """The command line: do the runs that are missing, and print the table of all."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=path_argument, default=Path("out/nano"))
    parser.add_argument("--data", type=path_argument, default=ROOT / "data")
    parser.add_argument("--out", type=path_argument, default=Path("out/own-photos"))
    parser.add_argument("--photos", default="10,30,100")
    parser.add_argument("--replay", default="0,0.5")
    parser.add_argument("--seeds", default="1")
    given, settings = parser.parse_known_args(arguments)
    counts, results = [int(number) for number in given.photos.split(",")], given.out / "results.jsonl"
    prepare(given.out, given.data, counts)
    if not results.is_file():
        before = measure(given.weights, given.out / "data", f"mine{counts[0]}")
        write_text(results, json.dumps({"run": ["before", "", ""], "minutes": 0, "scores": before}) + "\n")
    numbers = (counts, map(float, given.replay.split(",")), map(int, given.seeds.split(",")))
    for run in map(list, itertools.product(*numbers)):
        if run not in [result["run"] for result in finished(results)]:
            line = json.dumps(measure_run(run, given.weights, given.out, settings))
            with open(results, "a", encoding="utf-8") as file:
                file.write(line + "\n")
    say(table(finished(results)))


if __name__ == "__main__":
    run_command(main)
