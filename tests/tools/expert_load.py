"""Measure the load of each expert of a trained mixture of experts, on held-out examples.

    python tests/tools/expert_load.py out/moe

One line a block: the share of the tokens that each expert gets (1.00 is an even load).
"""
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from minimolmo.answer import load  # noqa: E402
from minimolmo.batch.dataset import Dataset  # noqa: E402
from minimolmo.batch.loader import Loader, Preprocessor  # noqa: E402

NUM_BATCHES = 32  # of 16 examples each


@torch.no_grad()
def count_tokens(folder: str) -> list[torch.Tensor]:
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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("No run is named, so there is nothing to measure. Try "
                 "python tests/tools/expert_load.py out/moe")
    try:
        for number, counts in enumerate(count_tokens(sys.argv[1])):
            load = counts / counts.float().mean()
            print(f"block {number}: " + " ".join(f"{value:.2f}" for value in load.tolist()) +
                  f"   largest {load.max():.2f}, least {load.min():.2f}")
    except ValueError as error:
        sys.exit(str(error))
