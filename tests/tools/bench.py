"""Benchmark the speed of a preset on this machine: python tests/tools/bench.py [nano|mini] [--steps=12]

Training steps and where their time goes, attention in three forms, packing, compiling, crops, decoding,
tiling; on a GPU also a model of a billion weights; with --decoders (a minute more) also decoding with larger
decoders. Prints a table, writes out/bench-PRESET.json and .png; RUNS.md keeps the results by machine. Nothing
is asserted: other jobs on the machine change the numbers.
"""
from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from tqdm import tqdm  # noqa: E402

from minimolmo.answer import build_prompt, generate, generate_steps  # noqa: E402
from minimolmo.batch.collate import collate  # noqa: E402
from minimolmo.batch.dataset import Dataset  # noqa: E402
from minimolmo.batch.loader import Loader, Preprocessor  # noqa: E402
from minimolmo.batch.sequence import build_sequence  # noqa: E402
from minimolmo.config import (  # noqa: E402
    ConnectorConfig,
    DecoderConfig,
    ImageConfig,
    MolmoConfig,
    RunConfig,
    VisionConfig,
)
from minimolmo.device import autocast, pick_device  # noqa: E402
from minimolmo.disk import write_image, write_text  # noqa: E402
from minimolmo.flow import IMAGE_SEGMENT, Batch  # noqa: E402
from minimolmo.image.tiler import tile_image  # noqa: E402
from minimolmo.model.attention import attention, attention_mask, fused_attention  # noqa: E402
from minimolmo.model.molmo import MiniMolmo  # noqa: E402
from minimolmo.options import Parser, count_argument, path_argument  # noqa: E402
from minimolmo.presets import preset  # noqa: E402
from minimolmo.text.hf_tokenizer import read_tokenizer  # noqa: E402
from minimolmo.text.tokenizer import Tokenizer  # noqa: E402
from minimolmo.training import compiler  # noqa: E402
from minimolmo.training.flops import peak_flops, training_flops  # noqa: E402
from minimolmo.training.optimizer import make_optimizer  # noqa: E402
from tools.charts import draw_bars  # noqa: E402

DEVICE = pick_device()
BILLION = MolmoConfig(  # CLIP's ViT-L and a decoder of the size of Llama-3.2-1B's: 1.4 billion weights in all
    ImageConfig(crop_size=336, patch_size=14, margins=(4, 4), ground_crops=12),
    VisionConfig(width=1024, layers=23, heads=16, mlp=4096, feature_layers=(-2, -9)),
    ConnectorConfig(width=1024, heads=16, mlp=8192),
    DecoderConfig(width=2048, layers=16, heads=16, kv_heads=8, mlp=8192, vocab=50304))
DECODERS = {  # their weights are random, which changes nothing in the speed
    "width 512, 8 layers": DecoderConfig(width=512, layers=8, heads=8, kv_heads=4, mlp=1408, vocab=8192),
    "width 2048, 3 layers": DecoderConfig(width=2048, layers=3, heads=16, kv_heads=8, mlp=5504, vocab=32768)}
Row = dict  # group, what, value, unit, note


def row(group: str, what: str, value: float, unit: str, note: str = "") -> Row:
    """One line of the table."""
    return {"group": group, "what": what, "value": float(f"{value:.4g}"), "unit": unit, "note": note}


def measure_seconds(run: Callable, min_seconds: float = 1.0, max_runs: int = 50) -> float:
    """Median seconds of `run`, after one run that does not count; about `min_seconds` in all."""
    times = []
    run()
    while len(times) < 2 or sum(times) < min_seconds and len(times) < max_runs:
        _synchronize()
        start = time.perf_counter()
        run()
        _synchronize()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _reset() -> None:
    """Free the compiled programs and weights of the last measurement, and reset the memory's peak."""
    compiler.reset_compiler()
    if DEVICE.type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def _synchronize() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def random_image(height: int = 480, width: int = 640) -> np.ndarray:
    """An image of noise (height, width, 3), uint8."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def make_batch(model: MolmoConfig, images: int, max_crops: int, num_tokens: int, annotations: int = 6,
               side: tuple[int, int] = (480, 640)) -> Batch:
    """A batch of images, each with annotations of `num_tokens` tokens, half question and half answer."""
    tokenizer, rng = Tokenizer([], vocab=model.decoder.vocab), np.random.default_rng(0)
    crops = tile_image(random_image(*side), model.image, max_crops, as_bytes=True)
    messages = [[rng.integers(0, 256, num_tokens // 2).tolist() for _ in range(2)]
                for _ in range(annotations)]
    return collate([build_sequence(crops, messages, tokenizer)] * images, compiler.LENGTH_BUCKETS).to(DEVICE)


class Step:
    """A training step of a model: forward, backward, update."""

    def __init__(self, model: MolmoConfig, compiled: bool = False):
        torch.manual_seed(0)
        with DEVICE:  # initialising a billion weights is fast on a GPU
            self.model = MiniMolmo(model)
        if compiled:
            compiler.compile_blocks(self.model)
        self.optimizer = make_optimizer(self.model.parameter_groups(), 0.0)

    def __call__(self, batch: Batch) -> None:
        with autocast(DEVICE):
            hidden = self.model.decode(batch, self.model.encode_images(batch)[1]).last
            loss, _ = self.model.loss(batch, hidden)
        (loss / batch.loss_weight.sum()).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def bench_step(name: str, model: MolmoConfig, batch: Batch, compiled: bool) -> list[Row]:
    """Images a second, MFU and memory of one size."""
    step, mode = Step(model, compiled), "compiled" if compiled else "eager"
    seconds = measure_seconds(lambda: step(batch))
    mfu = training_flops(model, "finetune", batch) / seconds / peak_flops(DEVICE)
    shape = f"{len(batch.ids)} images, {len(batch.patches)} crops, {batch.ids.shape[1]} tokens each"
    rows = [row("training step", f"{name}, {mode}", len(batch.ids) / seconds, "images/s", shape),
            row("MFU", f"{name}, {mode}", 100 * mfu, "%", shape)]
    if DEVICE.type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2 ** 30
        rows.append(row("memory", f"{name}, {mode}", peak, "GiB", shape))
    return rows


def bench_parts(config: RunConfig, batch: Batch) -> list[Row]:
    """The time of each part of a step. Each part's forward and backward pass is run alone."""
    step = Step(config.model)
    model = step.model

    def run(part: Callable) -> Callable:
        def forward_backward():
            with autocast(DEVICE):
                out = part()
            out.float().sum().backward()
        return forward_backward

    with torch.no_grad(), autocast(DEVICE):
        features, visual = model.encode_images(batch)
        hidden = model.decode(batch, visual).last
    features, visual, hidden = (x.detach().requires_grad_() for x in (features, visual, hidden))
    is_answer = batch.loss_weight > 0
    parts = {"ViT": run(lambda: model.encode_crops(batch.patches, batch.patch_coverage)),
             "connector": run(lambda: model.projector(model.pooling(features.flatten(0, 1), batch.pool_idx))),
             "decoder": run(lambda: model.decode(batch, visual).last),
             "head and loss": run(lambda: model.decoder.logits(hidden[is_answer]).float().logsumexp(dim=-1)),
             "optimizer": lambda: step.optimizer.step()}
    seconds = {name: measure_seconds(part, 0.5) for name, part in parts.items()}
    total = sum(seconds.values())
    return [row("where the time goes", name, 100 * value / total, "%", f"{1000 * value:.1f} ms")
            for name, value in seconds.items()]


def bench_attention(config: RunConfig, batch: Batch) -> list[Row]:
    """Attention under the segment mask: written out, fused, and FlexAttention.

    On a GPU forward and backward. On a CPU forward alone, because FlexAttention has no backward there.
    """
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    decoder, segment_ids = config.model.decoder, batch.segment_ids
    size = len(segment_ids), decoder.heads, segment_ids.shape[1], decoder.head_size
    cuda, dtype = DEVICE.type == "cuda", torch.bfloat16 if DEVICE.type == "cuda" else torch.float32
    q, k, v = (torch.randn(size, device=DEVICE, dtype=dtype, requires_grad=cuda) for _ in range(3))
    visible = attention_mask(segment_ids, segment_ids)

    def is_visible(b, _h, query, key):
        same_segment = segment_ids[b, query] == segment_ids[b, key]
        return (key <= query) & (same_segment | (segment_ids[b, key] == IMAGE_SEGMENT))

    mask = create_block_mask(is_visible, size[0], None, size[2], size[2], device=DEVICE)
    flex = torch.compile(flex_attention) if cuda else flex_attention
    forms = {"written out": lambda: attention(q, k, v, visible),
             "fused": lambda: fused_attention(q, k, v, visible),
             "FlexAttention" + ", not compiled" * (not cuda): lambda: flex(q, k, v, block_mask=mask)}
    note = (f"{size[0]} x {size[2]} tokens, {100 * visible.float().mean():.0f} % visible, forward"
            f"{' and backward' if cuda else ''}")
    seconds = {name: measure_seconds((lambda: form().sum().backward()) if cuda else form, 0.5)
             for name, form in forms.items()}
    return [row("attention, segment mask", name, 1000 * value, "ms", note) for name, value in seconds.items()]


class UnpackedLoader(Loader):
    """The same examples without packing: one sequence, with its own image, for each annotation."""

    def micro_batches(self, examples: list) -> list[Batch]:
        """Every (example, annotation) pair as a sequence of its own, in one batch."""
        preprocessor = self.preprocessor
        return [collate([preprocessor.sequence(example, [annotation]) for example, annotations in examples
                         for annotation in annotations], preprocessor.lengths)]


def bench_packing(config: RunConfig, tokenizer: Tokenizer, steps: int) -> list[Row]:
    """Speed of packed sequences, and of one sequence per annotation; and the time to make a batch."""
    max_crops = config.model.image.max_crops(config.finetune.view)
    preprocessor = Preprocessor(config.model.image, tokenizer, "finetune", max_crops, config.max_tokens,
                                untagged=config.untagged)
    datasets = [Dataset(config.folder(ROOT / "data", name), "train") for name in config.mix]
    rows, speeds, size = [], {}, min(config.finetune.batch_size, 16)
    for name, loader_class in (("packed", Loader), ("one image each", UnpackedLoader)):
        start = time.process_time()
        loader = loader_class(datasets, list(config.mix.values()), preprocessor, size, seed=0)
        batches = [micro_batches[0] for micro_batches in loader.batches(0, steps)]
        seconds_per_batch = (time.process_time() - start) / steps
        num_annotations = sum(int(batch.segment_ids.amax(dim=1).clamp(min=0).sum()) for batch in batches)
        batches, step = [batch.to(DEVICE) for batch in batches], Step(config.model)
        step(batches[0])
        _synchronize()
        start = time.perf_counter()
        for batch in tqdm(batches, name, leave=False, delay=1):
            step(batch)
        _synchronize()
        seconds = time.perf_counter() - start
        speeds[name] = num_annotations / seconds
        rows.append(row("packing", name, speeds[name], "annotations/s",
                        f"{len(batches[0].ids)} sequences a step"))
        if name == "packed":
            percent = 100 * seconds_per_batch * steps / seconds
            rows.append(row("making a batch", "one process, of a step's time", percent, "%",
                            f"{1000 * seconds_per_batch / size:.2f} ms an image"))
    gain = speeds["packed"] / speeds["one image each"]
    return rows + [row("packing gains", "annotations a second", gain, "x")]


def bench_crops(config: RunConfig, images: int, limits=(0, 1, 2, 4, 6, 9, 12)) -> list[Row]:
    """Training speed on 640 x 480 images, by the largest number of crops."""
    rows, step = [], Step(config.model)
    for max_crops in limits:
        batch = make_batch(config.model, images, max_crops, num_tokens=32)
        seconds = measure_seconds(lambda: step(batch), 0.5)
        note = f"{len(batch.patches) // images} crops, {len(batch.pool_idx) // images} visual tokens an image"
        rows.append(row("crops budget", f"at most {max_crops}" if max_crops else "overview alone",
                        images / seconds, "images/s", note))
    return rows


@torch.inference_mode()
def generate_without_cache(model, batch: Batch, steps: int) -> list[int]:
    """Greedy decoding without a KV cache: the whole sequence is run again for every token. A batch of one."""
    answer, visual = [], model.encode_images(batch)[1]
    for _ in range(steps):
        token = model.decoder.logits(model.decode(batch, visual).last[:, -1]).argmax(dim=-1)
        answer.append(int(token))
        batch = replace(batch, ids=torch.cat([batch.ids, token[:, None]], dim=1),
                        position=torch.cat([batch.position, batch.position[:, -1:] + 1], dim=1),
                        segment_ids=torch.cat([batch.segment_ids, batch.segment_ids[:, -1:]], dim=1))
    return answer


def bench_decoding(config: RunConfig, tokens: int = 200) -> list[Row]:
    """Tokens a second with the KV cache (1 or 32 answers) and without. On a CPU the tokens must agree."""
    torch.manual_seed(0)
    model = MiniMolmo(config.model).eval().to(DEVICE)
    tokenizer = Tokenizer([], vocab=config.model.decoder.vocab)
    sequence = build_prompt(random_image(), "What is there?", model, tokenizer, "bird")
    one, many = collate([sequence]).to(DEVICE), collate([sequence] * 32).to(DEVICE)
    with autocast(DEVICE):
        with_cache = generate(model, one, -1, tokens)[0]
        if DEVICE.type == "cpu" and with_cache != generate_without_cache(model, one, tokens):
            raise AssertionError("the tokens with and without the KV cache differ")
        seconds = {
            "KV cache, batch 1": measure_seconds(lambda: generate(model, one, -1, tokens)),
            "KV cache, batch 32": measure_seconds(lambda: generate(model, many, -1, tokens)) / 32,
            "no cache, batch 1": measure_seconds(lambda: generate_without_cache(model, one, tokens))}
    rows = [row("decoding", name, tokens / value, "tokens/s", f"{tokens} tokens")
            for name, value in seconds.items()]
    gain = seconds["no cache, batch 1"] / seconds["KV cache, batch 1"]
    return rows + [row("KV cache gains", "batch 1", gain, "x")]


def bench_decoder(name: str, model: MolmoConfig, tokens: int = 24) -> list[Row]:
    """Tokens a second of 1 or 32 answers with the KV cache, without the pass over the prompt."""
    torch.manual_seed(0)
    with DEVICE:
        model = MiniMolmo(model).eval()
    tokenizer = Tokenizer([], vocab=model.config.decoder.vocab)
    sequence = build_prompt(random_image(), "What is there?", model, tokenizer, "bird")
    rows, note = [], f"up to {tokens} tokens after a prompt of {len(sequence.ids)}"
    for size in (1, 32):
        with autocast(DEVICE):
            steps = generate_steps(model, collate([sequence] * size).to(DEVICE), tokens)
            next(steps)  # runs the prompt
            seconds = measure_seconds(lambda: next(steps), 2.0, tokens - 2)
        rows.append(row("decoding", f"{name}, batch {size}", size / seconds, "tokens/s", note))
    return rows


def bench_tiler(config: RunConfig) -> list[Row]:
    """640x480 images that one core tiles a second, per view: uint8 (training) or float32 (answers)."""
    rows, image = [], random_image()
    for as_bytes in (True, False):
        for view in ("bird", "ground", "close_up"):
            max_crops = config.model.image.max_crops(view)
            seconds = measure_seconds(lambda: tile_image(image, config.model.image, max_crops, as_bytes), 0.3)
            name = f"{view}, {'bytes' if as_bytes else 'exact'}"
            rows.append(row("tiler, 640x480", name, 1 / seconds, "images/s"))
    return rows


def bench_tokenizer(file: Path, size: int = 4_000_000) -> list[Row]:
    """Megabytes of English that one core encodes a second. Each word was encoded once before the timing."""
    pages = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "RUNS.md"))
    text, tokenizer = pages * (size // len(pages)), read_tokenizer(file)
    tokenizer.encode(pages)
    seconds = measure_seconds(lambda: tokenizer.encode(text))
    return [row("encoding English", "HF tokenizer", len(text.encode()) / 1e6 / seconds, "MB/s", file.name)]


def list_jobs(config: RunConfig, steps: int, tokenizer_file: Path) -> list[Callable[[], list[Row]]]:
    """Every kind of measurement of one preset on this device."""
    cuda, images = DEVICE.type == "cuda", min(config.finetune.batch_size, 64 if DEVICE.type == "cuda" else 8)
    max_crops = config.model.image.max_crops(config.finetune.view)
    num_tokens = 80 if cuda else 32
    side = (480, 640) if max_crops else (64, 64)
    batch = make_batch(config.model, images, max_crops, num_tokens, side=side)
    file = ROOT / "data" / "tokenizer" / f"{config.level}-{config.model.decoder.vocab}.json"
    jobs = [lambda: bench_step(config.name, config.model, batch, False)]
    if cuda:
        jobs += [lambda: bench_step(config.name, config.model, batch, True),
                 lambda: bench_step("1B", BILLION, make_batch(BILLION, 4, 12, num_tokens), False),
                 lambda: bench_step("1B", BILLION, make_batch(BILLION, 4, 12, num_tokens), True)]
    jobs += [lambda: bench_parts(config, batch), lambda: bench_attention(config, batch)]
    if file.exists() and all(config.folder(ROOT / "data", name).is_dir() for name in config.mix):
        jobs.append(lambda: bench_packing(config, Tokenizer.load(file), steps))
    else:
        print(f"no data of level {config.level}: packing is left out (make data LEVEL={config.level})",
              file=sys.stderr)
    return jobs + [lambda: bench_crops(config, images), lambda: bench_decoding(config),
                   lambda: bench_tiler(config), lambda: bench_tokenizer(tokenizer_file)]


def bench_all(jobs: list[Callable[[], list[Row]]]) -> Iterator[list[Row]]:
    """The rows of each measurement, one after another."""
    for job in tqdm(jobs, "measuring", leave=False):
        _reset()
        try:
            yield job()
        except RuntimeError as error:  # measure the rest all the same
            print(f"left out, {type(error).__name__}: {error}", file=sys.stderr)


def draw_chart(rows: list[Row], title: str) -> Image.Image:
    """The rows as bars, with a scale for each group."""
    lines, group = [], ""
    for r in rows:
        lines += [("", 0.0, "")] if group and r["group"] != group else []
        group = r["group"]
        lines.append((f"{group}: {r['what']}", r["value"], f"{r['value']:g} {r['unit']}"))
    return draw_bars(lines, title)


def main(arguments: list[str]) -> None:
    """Run all benchmarks; print a table, write JSON and a chart. After a stop, the rows so far are kept."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", nargs="?", default="nano")
    parser.add_argument("--steps", type=count_argument(), default=16,
                        help="training steps to time for packing")
    parser.add_argument("--out", type=path_argument, default=ROOT / "out")
    parser.add_argument("--tokenizer", type=path_argument,
                        default=ROOT / "tests" / "golden" / "tiny_tokenizer.json",
                        help="a Hugging Face tokenizer's file or folder (default: the tests' tiny one)")
    parser.add_argument("--decoders", action="store_true",
                        help="decode with decoders of width 512 and 2048 too (a minute more)")
    args = parser.parse_args(arguments)
    config = preset(args.preset)
    cpu = f"{torch.get_num_threads()} CPU threads"
    device = torch.cuda.get_device_name() if DEVICE.type == "cuda" else cpu
    title = f"{config.name}: {device}, torch {torch.__version__}"
    args.out.mkdir(parents=True, exist_ok=True)
    path, rows = args.out / f"bench-{config.name}", []
    print(f"{title}\n\n| what | measured | |\n|---|---|---|")
    jobs = list_jobs(config, args.steps, args.tokenizer)
    if args.decoders:
        jobs += [partial(bench_decoder, name, replace(config.model, decoder=decoder))
                 for name, decoder in DECODERS.items()]
    for new_rows in bench_all(jobs):
        for r in new_rows:
            tqdm.write(f"| {r['group']}: {r['what']} | {r['value']:g} {r['unit']} | {r['note']} |")
        rows += new_rows
        write_text(path.with_suffix(".json"), json.dumps({"machine": title, "rows": rows}, indent=1))
    write_image(path.with_suffix(".png"), draw_chart(rows, title))
    print(f"\nwritten: {path}.json, {path}.png")


if __name__ == "__main__":
    run_command(main)
