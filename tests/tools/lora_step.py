"""Time a training step with adapters on random weights, and compare its memory with what fit.py computes.

    python tests/tools/lora_step.py molmo_7b_d --rank=16      no weights are needed: a minute on a GPU
"""
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

import torch  # noqa: E402
from tools.fit import make_batch  # noqa: E402

from minimolmo.config import RunConfig  # noqa: E402
from minimolmo.device import autocast, frozen_dtype, pick_device, trains_in_bfloat16  # noqa: E402
from minimolmo.model import lora  # noqa: E402
from minimolmo.model.molmo import MiniMolmo  # noqa: E402
from minimolmo.model.recompute import recompute_blocks  # noqa: E402
from minimolmo.options import Parser, count_argument  # noqa: E402
from minimolmo.overrides import override  # noqa: E402
from minimolmo.presets import preset, with_adapters  # noqa: E402
from minimolmo.training.optimizer import make_optimizer  # noqa: E402
from minimolmo.weights.counts import GB, meta_model  # noqa: E402
from minimolmo.weights.fit import training_need  # noqa: E402


def random_model(config: RunConfig, device: torch.device) -> MiniMolmo:
    """An adapted model with random weights, which takes no more memory than it has weights."""
    model = meta_model(config.model)
    lora.adapt(model, config.lora, dtype=frozen_dtype(device))
    model = model.to_empty(device=device).train()
    model.decoder.tie()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    lora.init_adapters(model)
    recompute_blocks(model)
    return model


def main(arguments: list[str]) -> None:
    """The command line: print seconds of a step, and memory."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", nargs="?", default="molmo_7b_d")
    parser.add_argument("--rank", type=count_argument(), default=16)
    parser.add_argument("--steps", type=count_argument(2), default=4, help="the first does not count")
    given = parser.parse_args(arguments)
    config, device = override(with_adapters(preset(given.preset)), [f"--lora={given.rank}"]), pick_device()
    torch.manual_seed(0)
    model, batch = random_model(config, device), make_batch(config).to(device)
    optimizer, seconds = make_optimizer(model.parameter_groups(), 0.0), []
    for _ in range(given.steps):
        start = time.monotonic()
        with autocast(device):
            hidden = model.decode(batch, model.encode_images(batch)[1]).last
            loss, _ = model.loss(batch, hidden, config.z_loss)
        del hidden
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(loss.item() and time.monotonic() - start)  # item() waits for the GPU
    peak = torch.cuda.max_memory_allocated() / GB if device.type == "cuda" else float("nan")
    reduced, frozen = trains_in_bfloat16(device), frozen_dtype(device)
    need = training_need(config, reduced=reduced, frozen=frozen).peak / GB
    print(f"lora: {min(seconds[1:]):.2f} s a step of {len(batch.ids)} image, {len(batch.patches)} crops, "
          f"{batch.ids.shape[1]} tokens; peak {peak:.2f} GB, computed {need:.2f} GB ({need / peak - 1:+.1%})")


if __name__ == "__main__":
    run_command(main)
