"""Ablations: train small Molmos that each lack one idea, and compare their scores with the base's.

    python tests/tools/ablate.py [--minutes=9] [--only=one,two] [--seeds=1,2]

Every variant is trained with the same data, steps and seeds as the base, and differs in one thing. Only
"one annotation each" gets the base's seconds in stage finetune instead of its steps. Steps are timed with
batches that are ready and shapes that are compiled, so waiting for data, compiling and saving do not count.
Run the command again to continue: finished runs are kept in OUT/<variant>-s<seed>/result.json. Prints a table
beside the paper's numbers and writes OUT/ablate.json and OUT/ablate.png.

A variant is a setting where there is one, else a patch of a module while the variant trains and answers.
"""
from __future__ import annotations

import contextlib
import json
import multiprocessing
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from PIL import Image  # noqa: E402
from torch import Tensor, nn  # noqa: E402

import train  # noqa: E402
from minimolmo import evaluate  # noqa: E402
from minimolmo.answer import load  # noqa: E402
from minimolmo.batch import loader  # noqa: E402
from minimolmo.config import RunConfig  # noqa: E402
from minimolmo.disk import write_atomically, write_image, write_text  # noqa: E402
from minimolmo.metrics import score_items  # noqa: E402
from minimolmo.model import molmo  # noqa: E402
from minimolmo.options import Parser, count_argument, number_argument, path_argument  # noqa: E402
from minimolmo.overrides import override  # noqa: E402
from minimolmo.presets import preset  # noqa: E402
from minimolmo.text import prompts  # noqa: E402
from minimolmo.text.points import parse_points, points_to_text  # noqa: E402
from minimolmo.training import compiler  # noqa: E402
from minimolmo.training.run import Run, make_loader  # noqa: E402
from minimolmo.weights import checkpoint  # noqa: E402
from tools.charts import draw_bars  # noqa: E402

# What is compared: (style, score). The first two are the paper's own: cap F1, and counting by pointing.
SCORES = {"caption F1": ("long_caption", "fact F1"), "point-then-count": ("point_count", "accuracy"),
          "pointing F1": ("pointing", "F1"), "free questions": ("user_qa", "exact match")}
# A smaller mini, so that some forty runs take an hour or two on a GPU.
SMALL = ["--model.image.crop_size=112", "--model.image.ground_crops=4", "--model.image.close_up_crops=12",
         "--model.vision.width=256", "--model.vision.layers=4", "--model.vision.heads=4",
         "--model.vision.mlp=1024",
         "--model.connector.width=256", "--model.connector.heads=4", "--model.connector.mlp=768",
         "--model.decoder.width=256", "--model.decoder.layers=4", "--model.decoder.heads=4",
         "--model.decoder.kv_heads=4", "--model.decoder.mlp=768",
         "--bootstrap.steps=600", "--pretrain.steps=300", "--finetune.steps=1500"]


class StackPooling(nn.Module):
    """One matrix multiplies the concatenated patches of a window. Replaces `AttentionPooling`."""

    def __init__(self, in_width: int, width: int, heads: int, window: int = 4):
        super().__init__()
        self.out = nn.Linear(window * in_width, width)

    def forward(self, features: Tensor, pool_idx: Tensor) -> Tensor:
        return self.out(F.pad(features, (0, 0, 0, 1))[pool_idx].flatten(1))


class MeanPooling(nn.Module):
    """One matrix multiplies the mean of a window's patches. Replaces `AttentionPooling`."""

    def __init__(self, in_width: int, width: int, heads: int):
        super().__init__()
        self.out = nn.Linear(in_width, width)

    def forward(self, features: Tensor, pool_idx: Tensor) -> Tensor:
        return self.out(F.pad(features, (0, 0, 0, 1))[pool_idx].mean(dim=1))


def one_annotation(example, stage: str, rng: np.random.Generator, select=loader.select_annotations) -> list:
    """Select one annotation of each image, where packing selects all."""
    return select(example, stage, rng)[:1]  # they come in random order


def unordered(points: list, label_text: str, alt_text: str) -> str:
    """Points in a random order, the same each time for the same points."""
    ordered = points_to_text(points, label_text, alt_text)
    shuffled = parse_points(ordered)
    random.Random(repr(shuffled)).shuffle(shuffled)
    with mock.patch("minimolmo.text.points.sorted", lambda values: list(values), create=True):
        return points_to_text(shuffled, label_text, alt_text)


def count_only(annotation, answer_text=prompts.answer_text) -> str:
    """The number without the points."""
    if annotation.style != "point_count" or not annotation.points:
        return answer_text(annotation)
    return f"A total of {len(annotation.points)}."


def count_then_point(annotation, answer_text=prompts.answer_text) -> str:
    """The number first, then the points."""
    if annotation.style != "point_count" or not annotation.points:
        return answer_text(annotation)
    label = annotation.label.lower()
    return f"A total of {len(annotation.points)}: {points_to_text(list(annotation.points), label, label)}"


def clip_globally(optimizer: torch.optim.Optimizer, max_norm: float) -> list[float]:
    """Clip the gradient of all parts together to one norm. Replaces `optimizer.clip_gradients`."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    return [float(torch.nn.utils.clip_grad_norm_(weights, max_norm))] * len(optimizer.param_groups)


@dataclass(frozen=True)
class Variant:
    """One line of the table.

    settings  what differs on train.py's command line
    patches   replacements while it trains and answers: (module, name, replacement)
    paper     (score, the paper's number with the idea as in Molmo, and with this change); None: it gives none
    view      the view for answering, if not as in training
    seconds   whether its finetune steps take the base's time, instead of being as many
    """
    settings: tuple[str, ...] = ()
    patches: tuple[tuple, ...] = ()
    paper: tuple[str, float, float] | None = None
    view: str = ""
    seconds: bool = False
    adapt: Callable[[RunConfig], RunConfig] = lambda config: config


def without_pretraining(config: RunConfig) -> RunConfig:
    """No stage pretrain; finetune gets its steps."""
    steps = config.pretrain.steps + config.finetune.steps
    return replace(config, pretrain=replace(config.pretrain, steps=0),
                   finetune=replace(config.finetune, steps=steps))


def in_view(view: str) -> tuple[str, ...]:
    """The settings that give all stages this view."""
    return tuple(f"--{stage}.view={view}" for stage in train.STAGES)


# Paper's numbers: Molmo-7B-D's ablations, cap F1 of 54.1 and PixMo-Count of 86.3 being the default's.
VARIANTS = {
    "base": Variant(),
    "no overlap": Variant(("--model.image.margins=[0,0]",), paper=("caption F1", 54.1, 53.4)),
    "overview alone": Variant(in_view("bird"), paper=("caption F1", 54.1, 46.7)),
    "twelve crops": Variant(("--model.image.ground_crops=12",), paper=("caption F1", 52.0, 54.1)),
    "stacking": Variant(patches=((molmo, "AttentionPooling", StackPooling),),
                        paper=("caption F1", 54.1, 53.7)),
    "mean pooling": Variant(patches=((molmo, "AttentionPooling", MeanPooling),)),
    "one tapped layer": Variant(("--model.vision.feature_layers=[-1,-1]",), paper=("caption F1", 54.1, 53.7)),
    "one annotation each": Variant(patches=((loader, "select_annotations", one_annotation),), seconds=True),
    "straight to the mixture": Variant(adapt=without_pretraining),
    "dropout as in the paper": Variant(("--pretrain.dropout=0.1", "--finetune.dropout=0.1"),
                                       paper=("caption F1", 53.1, 54.1)),
    "no length hint": Variant(patches=((prompts, "HINT_PROBABILITY", 0.0),),
                              paper=("caption F1", 54.1, 53.0)),
    "points unordered": Variant(patches=((prompts, "points_to_text", unordered),),
                                paper=("point-then-count", 86.3, 74.1)),
    "count only": Variant(patches=((prompts, "answer_text", count_only),),
                          paper=("point-then-count", 86.3, 80.2)),
    "count then point": Variant(patches=((prompts, "answer_text", count_then_point),),
                                paper=("point-then-count", 86.3, 77.6)),
    "clipped globally": Variant(patches=((train, "clip_gradients", clip_globally),),
                                paper=("caption F1", 54.1, 53.6)),
    "close-up when answering": Variant(view="close_up"),
}


@contextlib.contextmanager
def patched(variant: Variant) -> Iterator[None]:
    """Replace what the variant replaces, for the duration of the block."""
    with contextlib.ExitStack() as stack:
        for where, name, stand_in in variant.patches:
            stack.enter_context(mock.patch.object(where, name, stand_in))
        yield


def make_config(base: RunConfig, variant: Variant, seed: int) -> RunConfig:
    """The base's settings with the variant's difference."""
    return variant.adapt(override(replace(base, seed=seed), list(variant.settings)))


def run_variant(name: str, base: RunConfig, seed: int, out: Path, data: Path, deadline: float,
                rows: int) -> dict[str, float | None]:
    """Train and score one variant with one seed, or read the scores of an earlier run. Raises
    KeyboardInterrupt when the time is over; what was trained so far is kept."""
    variant, folder = VARIANTS[name], out / f"{name.replace(' ', '-')}-s{seed}"
    if (folder / "result.json").is_file():
        return json.loads((folder / "result.json").read_text(encoding="utf-8"))
    if time.monotonic() > deadline:
        raise KeyboardInterrupt
    config = make_config(base, variant, seed)
    if variant.seconds and not checkpoint.latest(folder):
        config = match_time(make_config(base, VARIANTS["base"], seed), config, variant, folder, data)
    with patched(variant), cleanup():
        if not variant.view:
            train_variant(config, folder, data, deadline)
        weights = out / f"base-s{seed}" if variant.view else folder
        result = score_variant(weights, data, variant.view, rows)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "result.json", [json.dumps(result, indent=1).encode()])
    return result


@contextlib.contextmanager
def cleanup() -> Iterator[None]:
    """Free compiled programs and GPU memory afterwards."""
    try:
        yield
    finally:
        compiler.reset_compiler()


def train_variant(config: RunConfig, folder: Path, data: Path, deadline: float) -> None:
    """Train, or resume from the newest checkpoint."""
    newest = checkpoint.latest(folder)
    config = checkpoint.load_config(newest) if newest else config
    train.train(config, folder, data, newest, minutes=(deadline - time.monotonic()) / 60)


def match_time(base: RunConfig, config: RunConfig, variant: Variant, folder: Path, data: Path) -> RunConfig:
    """The variant's settings, but finetune has as many steps as fit into the base's time for finetune."""
    base_seconds = seconds_per_step(base, folder, data)
    with patched(variant):
        seconds = seconds_per_step(config, folder, data)

    steps = max(1, round(base.finetune.steps * base_seconds / seconds))
    return replace(config, finetune=replace(config.finetune, steps=steps))


def seconds_per_step(config: RunConfig, folder: Path, data: Path, groups: int = 4) -> float:
    """Mean seconds of a finetune step, over whole groups of short and long batches.

    The same batches run twice. The second time counts, because all shapes are compiled by then.
    """
    steps = min(groups * loader.GROUP_STEPS, config.finetune.steps)
    with cleanup():
        run = Run(config, folder, data, None)
        batches = list(make_loader(run, "finetune").batches(0, steps))
        for _ in range(2):
            start = time.perf_counter()
            for number, micro_batches in enumerate(batches):
                train.train_step(run, "finetune", number, micro_batches)
            seconds = time.perf_counter() - start
        del run
    return seconds / steps


def score_variant(folder: Path, data: Path, view: str, rows: int) -> dict[str, float | None]:
    """The scores of a trained run on held-out images; only the column of the right image."""
    model, tokenizer, config = load(folder)
    folders = {name: config.folder(data, name) for name, weight in config.mix.items() if weight}
    items = evaluate.collect_items(folders, "val", rows, config.untagged)
    items = evaluate.answer_all(model, tokenizer, items, evaluate.RIGHT_IMAGE, view or config.finetune.view)
    report = score_items(items)
    return {name: report.get(style, {}).get(key) for name, (style, key) in SCORES.items()}


def summarise(results: dict[str, list[dict]]) -> list[dict]:
    """A line for each variant: mean and spread of each score over its seeds, and the paper's numbers.

    All seeds of the base count, also if a variant has fewer: a single seed has no spread of its own.
    """
    lines = []
    for name, runs in results.items():
        line = {"variant": name, "seeds": len(runs)}
        for key in SCORES:
            values = [result[key] for result in runs if result[key] is not None]
            base = [result[key] for result in results["base"] if result[key] is not None]
            if values and base:
                line[key] = float(np.mean(values))
                line[f"{key}, gained"] = float(np.mean(values) - np.mean(base))
                line[f"{key}, spread"] = float(max(np.ptp(values), np.ptp(base)))
        lines.append({**line, **compare_with_paper(VARIANTS[name], line)})
    return lines


def compare_with_paper(variant: Variant, line: dict) -> dict:
    """The paper's change, and if ours has the same sign; "too close" if ours is within the seeds' spread."""
    if variant.paper is None or f"{variant.paper[0]}, gained" not in line:
        return {"paper": "-", "agrees": "-"}
    key, before, after = variant.paper
    gained = line[f"{key}, gained"]
    same = "yes" if gained * (after - before) > 0 else "no"
    return {"paper": f"{key} {before} -> {after}", "agrees": same if abs(gained) > line[f"{key}, spread"] else
            "too close"}


def format_table(lines: list[dict]) -> str:
    """The lines as a Markdown table: each score, and in brackets the gain over the base."""
    rows = ["| variant | seeds | " + " | ".join(SCORES) + " | the paper | same direction? |",
            "|---" * (len(SCORES) + 4) + "|"]
    for line in lines:
        cells = [f"{line[key]:.3f} ({line[key + ', gained']:+.3f})" if key in line else "-" for key in SCORES]
        rows.append(f"| {line['variant']} | {line['seeds']} | {' | '.join(cells)} | {line['paper']} | "
                    f"{line['agrees']} |")
    return "\n".join(rows)


def draw_chart(lines: list[dict]) -> Image.Image:
    """Bars of each variant's gain over the base, a group of bars for each score."""
    rows = []
    for key in SCORES:
        rows += [(f"{key}: {line['variant']}", line[f"{key}, gained"], f"{line[key + ', gained']:+.3f}")
                 for line in lines if f"{key}, gained" in line and line["variant"] != "base"]
        rows.append(("", 0.0, ""))
    return draw_bars(rows, "What changes when one idea does: gain over the base")


def keep_settings(out: Path, settings: dict) -> None:
    """Save the settings of a table once. Raises ValueError if the folder's are others: their results would
    not compare with these."""
    file = out / "settings.json"
    if file.is_file() and (saved := json.loads(file.read_text(encoding="utf-8"))) != settings:
        raise ValueError(f"{out} holds results of {saved}, which would not compare with those of {settings}. "
                         f"Try --out=FOLDER for a table of its own.")
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(file, [json.dumps(settings).encode()])


def run_all(names: list[str], seeds: list[int], **options) -> dict[str, list[dict]]:
    """The results of every variant, seed after seed, until the minutes are over."""
    results = {name: [] for name in names}
    try:
        for seed in seeds:
            for name in names:
                results[name].append(run_variant(name, seed=seed, **options))
    except KeyboardInterrupt:
        print("stopped, or the minutes are over; the same command goes on")
    return {name: runs for name, runs in results.items() if runs}


def main(arguments: list[str]) -> None:
    """Run what is left, then print and draw the results."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="", help="default: mini made smaller; nano for a CPU")
    parser.add_argument("--only", default=",".join(VARIANTS), help="variants with commas between them")
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--minutes", type=number_argument(), default=9.0,
                        help="stop then; run again to go on")
    parser.add_argument("--rows", type=count_argument(2), default=128, help="held-out rows of each set")
    parser.add_argument("--out", type=path_argument, default=Path("out/ablate"))
    parser.add_argument("--data", type=path_argument, default=train.DATA)
    args, settings = parser.parse_known_args(arguments)
    if "fork" in multiprocessing.get_all_start_methods():  # forked workers have the replacements too
        multiprocessing.set_start_method("fork", force=True)
    deadline, seeds = time.monotonic() + 60 * args.minutes, [int(seed) for seed in args.seeds.split(",")]
    base = preset(args.preset or "mini")
    base = override(base, ([] if args.preset else SMALL) + list(in_view("ground")) + settings)
    names = ["base", *(name for name in args.only.split(",") if name != "base")]
    if unknown := set(names) - VARIANTS.keys():
        raise ValueError(f"variant {sorted(unknown)[0]!r} does not exist. Try of: {', '.join(VARIANTS)}.")
    keep_settings(args.out, {"preset": args.preset or "mini made smaller", "settings": sorted(settings),
                              "rows": args.rows, "data": str(args.data)})
    results = run_all(names, seeds, base=base, out=args.out, data=args.data, deadline=deadline,
                      rows=args.rows)
    if results:
        lines = summarise(results)
        print(format_table(lines))
        write_text(args.out / "ablate.json", json.dumps(lines, indent=1))
        write_image(args.out / "ablate.png", draw_chart(lines))
    print(f"{sum(map(len, results.values()))} of {len(names) * len(seeds)} runs done")


if __name__ == "__main__":
    run_command(main)
