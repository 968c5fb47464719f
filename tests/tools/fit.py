"""Compare the computed memory of training (weights/fit.py) with the measured one, on this machine's CPU.

    python tests/tools/fit.py                  a minute: trained whole, with adapters, recomputed
    python tests/tools/fit.py adapters         one of them

Each size is trained two steps on random images in a process of its own. The operating system reports its
peak; what Python and torch take is subtracted.
"""
import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from minimolmo.command import python_command, run_command  # noqa: E402  first: the slow imports follow

import numpy as np  # noqa: E402
import torch  # noqa: E402

from minimolmo.batch.collate import collate  # noqa: E402
from minimolmo.batch.sequence import build_sequence  # noqa: E402
from minimolmo.config import RunConfig  # noqa: E402
from minimolmo.flow import Batch  # noqa: E402
from minimolmo.image.tiler import tile_image  # noqa: E402
from minimolmo.model import lora  # noqa: E402
from minimolmo.model.molmo import MiniMolmo  # noqa: E402
from minimolmo.model.recompute import recompute_blocks  # noqa: E402
from minimolmo.overrides import override  # noqa: E402
from minimolmo.presets import preset  # noqa: E402
from minimolmo.text.tokenizer import Tokenizer  # noqa: E402
from minimolmo.training.optimizer import make_optimizer  # noqa: E402
from minimolmo.weights.fit import training_need, visual_tokens  # noqa: E402

WIDE = ["--optimizer=adamw", "--model.vision.width=512", "--model.vision.heads=8", "--model.vision.mlp=2048",
        "--model.decoder.width=768", "--model.decoder.heads=12", "--model.decoder.kv_heads=4",
        "--model.decoder.mlp=2048", "--model.decoder.layers=8", "--model.decoder.vocab=8192",
        "--model.connector.width=512", "--model.connector.heads=8", "--bootstrap.steps=0",
        "--pretrain.auxiliary_weight=0", "--finetune.auxiliary_weight=0", "--finetune.batch_size=4",
        "--accumulate=1"]
SIZES = {"whole": WIDE, "adapters": [*WIDE, "--lora=8"], "recomputed": [*WIDE, "--recompute=true"],
         "accumulated": [*WIDE, "--accumulate=2", "--model.decoder.layers=4"]}


def make_batch(config: RunConfig) -> Batch:
    """One micro-batch of random images, each with the longest answer that fits."""
    image, max_crops = config.model.image, config.model.image.max_crops(config.finetune.view)
    tokenizer, rng = Tokenizer([], vocab=config.model.decoder.vocab), np.random.default_rng(0)
    size = (3 * image.crop_size, 4 * image.crop_size, 3) if max_crops else (64, 64, 3)
    crops = tile_image(rng.integers(0, 255, size, np.uint8), image, max_crops, as_bytes=True)
    answer = [65] * max(1, config.max_tokens - visual_tokens(image, max_crops) - 10)
    sequence = build_sequence(crops, [[[66], answer]], tokenizer, config.max_tokens, True)
    return collate([sequence] * (config.finetune.batch_size // config.accumulate))


def train(config: RunConfig) -> None:
    """Two steps of training, as in train.py."""
    torch.manual_seed(0)
    model = MiniMolmo(config.model).train()
    if config.lora:
        lora.adapt(model, config.lora)
    if config.recompute:
        recompute_blocks(model)
    optimizer = make_optimizer(model.parameter_groups(), config.weight_decay)
    for _ in range(2):
        for _ in range(config.accumulate):
            batch = make_batch(config)
            hidden = model.decode(batch, model.encode_images(batch)[1]).last
            loss, _ = model.loss(batch, hidden, config.z_loss)
            del hidden
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def peak_memory() -> int:
    """The peak memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(name: str) -> None:
    """Print the measured and the computed memory of one size."""
    torch.set_num_threads(1)
    config = override(preset("nano"), SIZES[name])
    train(override(preset("nano"), ["--optimizer=adamw"]))  # loads the kernels
    before = peak_memory()
    train(config)
    measured, need = peak_memory() - before, training_need(config)
    print(f"| {name} | {measured / 1e6:.0f} MB | {need.peak / 1e6:.0f} MB | "
          f"{need.peak / measured - 1:+.1%} |", flush=True)


def main(arguments: list[str]) -> None:
    """Measure the named sizes, or all. Each is this script again."""
    if len(arguments) == 1:
        return measure(arguments[0])
    print("| trained | measured | computed | difference |\n|---|---|---|---|", flush=True)
    for name in arguments or SIZES:
        environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # freed memory goes back at once
        if subprocess.run([sys.executable, __file__, name], env=environment).returncode:
            raise ValueError(f"the size {name} failed, so nothing more is measured. Try it by itself: "
                             f"{python_command('tests/tools/fit.py', name)}")


if __name__ == "__main__":
    run_command(main)
