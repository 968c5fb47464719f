"""Measure the load of each expert of a trained mixture of experts, on held-out examples.

    python tests/tools/expert_load.py out/moe

One line a block: the share of the tokens that each expert gets (1.00 is an even load).
"""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

import torch  # noqa: E402

from minimolmo.answer import load  # noqa: E402
from minimolmo.batch.dataset import Dataset  # noqa: E402
from minimolmo.batch.loader import Loader, Preprocessor  # noqa: E402
from minimolmo.options import Parser, path_argument  # noqa: E402

NUM_BATCHES = 32  # of 16 examples each


@torch.no_grad()
def count_tokens(folder: Path) -> list[torch.Tensor]:
    """How many tokens each expert of each block got, over NUM_BATCHES batches of held-out examples."""
    model, tokenizer, config = load(folder)
    device = next(model.parameters()).device
    names = [name for name, weight in config.mix.items() if weight]
    datasets = [Dataset(config.folder(ROOT / "data", name), "val") for name in names]
    image, weights = config.model.image, [config.mix[name] for name in names]
    preprocessor = Preprocessor(image, tokenizer, "finetune", image.max_crops(config.finetune.view),
                                config.max_tokens)
    batches = iter(Loader(datasets, weights, preprocessor, batch_size=16, seed=1).batches())
    if not config.model.decoder.experts:
        raise ValueError(f"{folder} has no experts. Try a run with --model.decoder.experts=8 "
                         f"--model.decoder.top_k=2.")
    counts = [0] * config.model.decoder.layers
    for _ in range(NUM_BATCHES):
        batch = next(batches)[0].to(device)
        routings = model.decode(batch, model.encode_images(batch)[1]).routing
        counts = [before + routing.counts for before, routing in zip(counts, routings)]
    return counts


def main(arguments: list[str]) -> None:
    """The command line: a line for each block."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=path_argument, help="the run's folder, as out/moe")
    for number, counts in enumerate(count_tokens(parser.parse_args(arguments).run)):
        load = counts / counts.float().mean()
        print(f"block {number}: " + " ".join(f"{value:.2f}" for value in load.tolist()) +
              f"   largest {load.max():.2f}, least {load.min():.2f}")


if __name__ == "__main__":
    run_command(main)
