"""Ask a model about an image: the answer is text and points.

    python -m minimolmo.answer photo.jpg "Point to the red circle"
    python -m minimolmo.answer photo.jpg "Count the cups" --weights=out/nano --view=close_up --out=points.png
    python -m minimolmo.answer photo.jpg "Count the cups" --weights=Molmo-7B-D-0924    # a released folder

The prompt is built by the same `build_sequence` as in training, so the two cannot differ.
"""
from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from minimolmo import draw
from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.config import VIEWS, RunConfig
from minimolmo.device import autocast, explain_out_of_memory, pick_device
from minimolmo.flow import PAD_SEGMENT, Answer, Batch, Sequence
from minimolmo.image.resize import open_image
from minimolmo.image.tiler import tile_image
from minimolmo.model.attention import KVCache, attention_mask
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text.points import parse_points
from minimolmo.text.prompts import question_prompt
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights import checkpoint, official

RELEASED = Path(__file__).resolve().parent.parent / "data" / "released" / "minimolmo-nano"
MAX_NEW_TOKENS = 192  # of an answer. Molmo: 192 for points, 448 for captions


def sample_tokens(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """The next token of each sequence: the most likely (temperature 0) or a sample. (B, N) -> (B,)"""
    if temperature == 0:
        return logits.argmax(dim=-1)
    return torch.multinomial((logits.float() / temperature).softmax(dim=-1), 1, generator=generator)[:, 0]


@torch.inference_mode()
def generate(model: MiniMolmo, batch: Batch, eos: int, max_new_tokens: int = MAX_NEW_TOKENS,
             temperature: float = 0.0, generator: torch.Generator | None = None) -> list[list[int]]:
    """Continue each sequence of the batch until end-of-text; returns the new ids without end-of-text.

    The first pass runs over image and question and fills the KV cache. Each later step decodes one token.
    """
    length, rows = batch.ids.shape[1], torch.arange(len(batch.ids), device=batch.ids.device)
    cache = KVCache(model.config.decoder.layers, max_tokens=length + max_new_tokens)
    hidden = model.decode(batch, model.encode_images(batch)[1], cache=cache).last     # (B, T, D)
    last = (batch.segment_ids != PAD_SEGMENT).sum(dim=1) - 1                          # (B,) last token
    hidden, position, segment = hidden[rows, last], batch.position[rows, last], batch.segment_ids[rows, last]
    segments = torch.cat([batch.segment_ids, segment[:, None].expand(-1, max_new_tokens)], dim=1)
    visible = attention_mask(segment[:, None], segments)                              # (B, 1, 1, T + max_new)
    visible = None if visible.all() else visible          # nothing is masked: the kernel runs without a mask
    new, done = [], torch.zeros_like(last, dtype=torch.bool)
    for step in range(1, max_new_tokens + 1):
        tokens = sample_tokens(model.decoder.logits(hidden), temperature, generator)
        new.append(tokens)
        done = done | (tokens == eos)
        if done.all():
            break
        x = model.decoder.embedding(tokens[:, None])                                  # never an image token
        mask = None if visible is None else visible[..., :length + step]
        hidden = model.decoder(x, (position + step)[:, None], mask, cache=cache).last[:, 0]
    return [_before_eos(row, eos) for row in torch.stack(new, dim=1).tolist()]


def _before_eos(ids: list[int], eos: int) -> list[int]:
    """Drop what was generated after end-of-text while other sequences were still running."""
    return ids[:ids.index(eos)] if eos in ids else ids


def build_prompt(image: np.ndarray, question: str, model: MiniMolmo, tokenizer: Tokenizer,
                 view: str) -> Sequence:
    """Image and question, packed as in training, but without the answer."""
    crops = tile_image(image, model.config.image, model.config.image.max_crops(view))
    return build_sequence(crops, [[tokenizer.encode(question_prompt(question))]], tokenizer)


def map_in_threads(function: Callable, *lists: list) -> list:
    """`map` in several threads, for work on images: Pillow and numpy release the GIL."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(function, *lists))


def ask(model: MiniMolmo, tokenizer: Tokenizer, images: list[np.ndarray], questions: list[str],
        view: str = "bird", max_new_tokens: int = MAX_NEW_TOKENS, temperature: float = 0.0,
        generator: torch.Generator | None = None) -> list[Answer]:
    """One Answer per pair of an image (H, W, 3) uint8 and a question. Points are in percent of that image."""
    device = next(model.parameters()).device
    prompts = map_in_threads(lambda image, question: build_prompt(image, question, model, tokenizer, view),
                             images, questions)
    with autocast(device):
        ids = generate(model, collate(prompts).to(device), tokenizer.eos, max_new_tokens, temperature,
                       generator)
    texts = [tokenizer.decode(row).strip() for row in ids]
    return [Answer(text, parse_points(text)) for text in texts]


def default_weights() -> Path:
    """The folder of your own nano if you have trained one, else of the released nano."""
    own = Path("out/nano")
    return own if checkpoint.latest(own) else RELEASED


def load(weights: str | Path) -> tuple[MiniMolmo, Tokenizer, RunConfig]:
    """A trained model, its tokenizer and its config, from a run's folder, a checkpoint or a released Molmo.

    Raises ValueError if there is none.
    """
    if official.is_official(weights):
        return official.load(weights, pick_device())
    folder = checkpoint.latest(weights) or Path(weights)
    if not folder.is_dir():
        raise ValueError(f"{weights} holds no trained model, so there is nothing to ask. Train one with "
                         f"\"make quickstart\", or name another folder with --weights=FOLDER.")
    config = checkpoint.load_config(folder)
    model = MiniMolmo(config.model)
    checkpoint.load_weights(folder, model)
    return model.eval().to(pick_device()), checkpoint.load_tokenizer(folder), config


@explain_out_of_memory()
def main(arguments: list[str]) -> None:
    """The command line: print the answer, and draw its points if it has any."""
    parser = argparse.ArgumentParser(description="Ask a model a question about an image.")
    parser.add_argument("image", type=Path)
    parser.add_argument("question")
    parser.add_argument("--weights", type=Path,
                        help="a run's folder or a released Molmo's (default: out/nano if it is trained, else "
                             "the released nano)")
    parser.add_argument("--view", choices=VIEWS, help="default: the one of training")
    parser.add_argument("--out", type=Path, default=Path("out/answer.png"),
                        help="the file for the image with the points (default: %(default)s)")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 = the most likely tokens")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if given.temperature < 0:
        raise ValueError(f"--temperature={given.temperature} would prefer the least likely tokens. "
                         f"Try 0, or 0.7.")
    weights = given.weights or default_weights()
    print(f"asking {weights}", file=sys.stderr)
    model, tokenizer, config = load(weights)
    image = open_image(given.image)
    generator = torch.Generator(pick_device()).manual_seed(given.seed)
    answer = ask(model, tokenizer, [image], [given.question], given.view or config.finetune.view,
                 temperature=given.temperature, generator=generator)[0]
    print(answer.text)
    if answer.points:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        draw.draw_points(Image.fromarray(image), answer.points).save(given.out)
        print(f"drawn: {given.out}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
