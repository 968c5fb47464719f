"""Check whether a trained mini meets its goals: python tests/tools/targets.py --weights=out/mini [--rows=256]

`minimolmo.evaluate` with two scores that need our drawing code: a point hits if it lies in the visible mask
of its object, and the free questions of closed types (one right answer) are scored by themselves. Prints
one table, goal by goal, beside the columns without the right image; writes report.json and targets.json.
"""
from __future__ import annotations

import json
import sys
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from data.scenes.masks import covers_point, visible_masks  # noqa: E402
from minimolmo import evaluate  # noqa: E402
from minimolmo.answer import load  # noqa: E402
from minimolmo.disk import write_image, write_text  # noqa: E402
from minimolmo.flow import Example, Point  # noqa: E402
from minimolmo.metrics import EvalItem, maximum_matching, score_exact, score_items  # noqa: E402
from minimolmo.options import Parser, count_argument, path_argument  # noqa: E402

NOVEL, MAX_DROP = "novel pairs", 0.05  # a column; how far it may lie below the pairs of training
# Line of the table: (style, score, goal). Errors should be small, all other scores large.
GOALS = {
    "pointing F1, in the visible mask": ("pointing", "mask F1", 0.95),
    "pointing, median error in % of the width": ("pointing", "median error, % of width", 1.0),
    "count 0-16, by pointing first": ("point_count", "accuracy", 0.93),
    "clock within 5 minutes": ("clocks", "within 5 minutes", 0.90),
    "charts, relaxed": ("charts", "relaxed accuracy", 0.80),
    "tables, relaxed": ("tables", "relaxed accuracy", 0.80),
    "diagrams, relaxed": ("diagrams", "relaxed accuracy", 0.80),
    "other documents, relaxed": ("other", "relaxed accuracy", 0.80),
    "caption F1 by facts": ("long_caption", "fact F1", 0.85),
    "free questions of closed types, exact": ("user_qa", "closed types", 0.85),
}


@lru_cache(maxsize=64)
def masks_of(example: Example) -> list[np.ndarray]:
    """The visible mask of each object of a held-out image."""
    with Image.open(example.image) as image:
        return visible_masks(example.things, *image.size)


def masked_f1(item: EvalItem) -> float:
    """F1 of one question; a point hits a target if it lies in the visible mask of the target's object."""
    predicted, target = item.answer.points, list(item.annotation.points)
    if not predicted or not target:
        return float(not predicted and not target)
    masks = {(t.x, t.y): m for t, m in zip(item.example.things, masks_of(item.example))}
    hits = maximum_matching([[n for n, center in enumerate(target) if in_mask(masks, center, point)]
                             for point in predicted])
    return 2 * hits / (len(predicted) + len(target))


def in_mask(masks: dict[Point, np.ndarray], center: Point, point: Point) -> bool:
    """Whether a point lies in the visible mask of the object with this centre."""
    return center in masks and covers_point(masks[center], point)


def score_with_masks(items: list[EvalItem]) -> dict[str, dict[str, float]]:
    """`score_items`, and the scores that need the drawing code."""
    report = score_items(items)
    pointing = [item for item in items if item.annotation.style == "pointing"]
    closed = [item for item in items
              if item.annotation.style == "user_qa" and not item.annotation.answer.endswith(".")]
    if pointing:
        report["pointing"]["mask F1"] = round(float(np.mean([masked_f1(item) for item in pointing])), 4)
    if closed:
        report["user_qa"]["closed types"] = round(float(score_exact(closed)["exact match"]), 4)
    return report


def compare(report: dict) -> list[dict]:
    """A line for each goal: the score in every column, and whether it is met."""
    lines = []
    for name, (style, key, goal) in GOALS.items():
        values = {column: scores.get(style, {}).get(key) for column, scores in report.items()}
        value = values[evaluate.RIGHT_IMAGE]
        met = None if value is None else value <= goal if "error" in key else value >= goal
        lines.append({"what": name, **values, "goal": goal, "met": met})
    return lines + compare_unseen_pairs(report)


def compare_unseen_pairs(report: dict) -> list[dict]:
    """The line for pairs of colour and kind never seen in training, or none if the report lacks them."""
    seen, unseen = (report.get(column, {}).get("user_qa", {}).get("closed types")
                    for column in (evaluate.RIGHT_IMAGE, NOVEL))
    if seen is None or unseen is None:
        return []
    goal = round(seen - MAX_DROP, 4)
    return [{"what": "the same of unseen pairs", **dict.fromkeys(report), evaluate.RIGHT_IMAGE: unseen,
             "goal": goal, "met": unseen >= goal}]


def format_table(lines: list[dict]) -> str:
    """The lines as a Markdown table for RUNS.md."""
    columns = [key for key in lines[0] if key != "met"]
    rows = ["| " + " | ".join(columns) + " | met |", "|---" * (len(columns) + 1) + "|"]
    for line in lines:
        cells = ["-" if line[key] is None else str(line[key]) for key in columns]
        rows.append("| " + " | ".join([*cells, {True: "yes", False: "no", None: "-"}[line["met"]]]) + " |")
    return "\n".join(rows)


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=path_argument, default=Path("out/mini"))
    parser.add_argument("--data", type=path_argument, default=ROOT / "data")
    parser.add_argument("--rows", type=count_argument(2), default=256)
    args = parser.parse_args(arguments)
    model, tokenizer, config = load(args.weights)
    folders = {name: config.folder(args.data, name) for name, weight in config.mix.items() if weight}
    report, answers = evaluate.evaluate(model, tokenizer, folders, config.finetune.view, args.rows,
                                         score_with_masks, config.untagged)
    lines = compare(report)
    print(f"{evaluate.format_table(report)}\n\n{format_table(lines)}")
    write_text(args.weights / "report.json", json.dumps(report, indent=1))
    write_text(args.weights / "targets.json", json.dumps(lines, indent=1))
    write_image(args.weights / "report.png", evaluate.report_sheet(answers))


if __name__ == "__main__":
    run_command(main)
