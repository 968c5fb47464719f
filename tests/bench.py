"""Measure, on this machine: python tests/bench.py [--steps=12]

Packing against one image for each annotation, the KV cache against none, the tiler, the words, and the data's
share of a training step. Prints a table; RUNS.md keeps what it said on which machine. Numbers, not tests: a
busy machine may print anything.
"""
from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from minimolmo.answer import generate, prompt  # noqa: E402
from minimolmo.batch.collate import collate  # noqa: E402
from minimolmo.batch.dataset import Dataset  # noqa: E402
from minimolmo.batch.loader import Loader, Recipe  # noqa: E402
from minimolmo.presets import preset  # noqa: E402
from minimolmo.flow import Batch  # noqa: E402
from minimolmo.image.tiler import tile_image  # noqa: E402
from minimolmo.model.molmo import MiniMolmo  # noqa: E402
from minimolmo.optim import make_optimizer  # noqa: E402
from minimolmo.text.official_words import read_tokenizer  # noqa: E402
from minimolmo.text.tokenizer import Tokenizer  # noqa: E402


class Unpacked(Loader):
    """The same examples, one copy of the image for each annotation: what packing saves."""

    def step(self, examples: list) -> list[Batch]:
        """Every (example, annotation) pair as a sequence of its own, in one batch."""
        return [collate([self.recipe.sequence(example, [annotation]) for example, annotations in examples
                         for annotation in annotations])]


def seconds_a_step(model, batches: list[Batch]) -> float:
    """Mean seconds of a whole training step (forward, backward, update), the first one left out."""
    optimizer, taken = make_optimizer(model.parts(), 0.0), []
    for batch in tqdm(batches, leave=False, delay=1):
        began = time.perf_counter()
        loss, _ = model.loss(batch, model.look(batch)[1])
        (loss / batch.loss_weight.sum()).backward()
        optimizer.step()
        optimizer.zero_grad()
        taken.append(time.perf_counter() - began)
    return float(np.mean(taken[1:]))


def bench_training(config, tokenizer, steps: int) -> list[tuple[str, str]]:
    """Packed against apart: the same images, the same annotations; and how long batches take to make."""
    recipe = Recipe(config.model.image, tokenizer, "mixture", config.model.image.budget(config.mixture.view),
                    config.max_tokens)
    datasets = [Dataset(config.folder(ROOT / "data", name), "train") for name in config.mix]
    rows, speeds = [], {}
    for name, kind in (("packed", Loader), ("one image each", Unpacked)):
        loader = kind(datasets, [1.0] * len(datasets), recipe, config.mixture.batch, seed=0)
        began = time.perf_counter()
        batches = [parts[0] for parts in loader.batches(0, steps)]
        making = (time.perf_counter() - began) / steps
        torch.manual_seed(0)
        taken = seconds_a_step(MiniMolmo(config.model), batches)
        speeds[name] = config.mixture.batch / taken
        rows.append((f"training, {name}",
                     f"{speeds[name]:.0f} images/s, batches of {len(batches[0].ids)} sequences"))
        if name == "packed":
            rows.append(("making a batch, of a step's time",
                         f"{making / taken:.1%} ({1000 * making:.1f} ms)"))
    rows.append(("packing gains", f"{speeds['packed'] / speeds['one image each']:.2f}x"))
    return rows


@torch.no_grad()
def without_cache(model, batch: Batch, steps: int) -> list[int]:
    """Greedy decoding that reads everything again for every token; a batch of one."""
    said, visual = [], model.look(batch)[1]
    for _ in range(steps):
        word = model.decoder.logits(model.read(batch, visual)[:, -1]).argmax(dim=-1)
        said.append(int(word))
        batch = replace(batch, ids=torch.cat([batch.ids, word[:, None]], dim=1),
                        position=torch.cat([batch.position, batch.position[:, -1:] + 1], dim=1),
                        branch=torch.cat([batch.branch, batch.branch[:, -1:]], dim=1))
    return said


def bench_decoding(config, tokenizer, tokens: int = 200) -> list[tuple[str, str]]:
    """Tokens a second with the KV cache and without, and that they say the same."""
    torch.manual_seed(0)
    model = MiniMolmo(config.model).eval()
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    batch = collate([prompt(image, "What is there?", model, tokenizer, "bird")])
    taken = {}
    for name, run in (("cached", lambda: generate(model, batch, -1, tokens)[0]),
                      ("uncached", lambda: without_cache(model, batch, tokens))):
        run()
        began = time.perf_counter()
        taken[name] = (run(), time.perf_counter() - began)
    assert taken["cached"][0] == taken["uncached"][0], "the cache changes what is said"
    speeds = [(f"{tokens} tokens, {name}", f"{tokens / seconds:.0f} tokens/s")
              for name, (_, seconds) in taken.items()]
    return speeds + [("the KV cache gains", f"{taken['uncached'][1] / taken['cached'][1]:.1f}x")]


def bench_tiler(config, images: int = 60) -> list[tuple[str, str]]:
    """Images a second of 640x480 on one core, in every view."""
    image, rows = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8), []
    for view in ("bird", "ground", "close_up"):
        began = time.perf_counter()
        for _ in range(images):
            tile_image(image, config.model.image, config.model.image.budget(view))
        rows.append((f"tiling 640x480, {view}", f"{images / (time.perf_counter() - began):.0f} images/s"))
    return rows


def bench_words(ours, official, size: int = 4_000_000) -> list[tuple[str, str]]:
    """Megabytes of English (our own pages, over and over) encoded a second on one core, once warm."""
    pages = (ROOT / "README.md").read_text("utf-8") + (ROOT / "RUNS.md").read_text("utf-8")
    text, rows = pages * (size // len(pages)), []
    for name, words in (("our own words", ours), ("official words", official)):
        words.encode(pages)
        began = time.perf_counter()
        words.encode(text)
        rows.append((f"encoding English, {name}",
                     f"{len(text.encode()) / 1e6 / (time.perf_counter() - began):.1f} MB/s"))
    return rows


def main() -> None:
    """Run all and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=16, help="training steps to time")
    parser.add_argument("--words", type=Path, default=ROOT / "tests" / "golden" / "tiny_tokenizer.json",
                        help="an official tokenizer's file or folder (default: the tests' tiny one)")
    given = parser.parse_args()
    config = preset("nano")
    file = ROOT / "data" / "tokenizer" / f"{config.level}-{config.model.decoder.vocab}.json"
    if not file.exists():
        sys.exit(f"{file} is missing, so there is nothing to train on. Run \"make data\" first.")
    tokenizer = Tokenizer.load(file)
    rows = bench_tiler(config) + bench_words(tokenizer, read_tokenizer(given.words))
    rows += bench_decoding(config, tokenizer) + bench_training(config, tokenizer, given.steps)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for name, value in rows:
        print(f"{name:<36}{value}")


if __name__ == "__main__":
    main()
