"""Ask a picture: image and question in, text and points out.

    python -m minimolmo.answer photo.jpg "Point to the red circle"
    python -m minimolmo.answer photo.jpg "Count the cups" --weights=out/nano --view=close_up --out=points.png
    python -m minimolmo.answer photo.jpg "Count the cups" --weights=Molmo-7B-D-0924    # a released folder

The question goes through the same `build_sequence` as in training: one path, no second tokenisation to drift.
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

from minimolmo import checkpoint, draw, official
from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.config import RunConfig
from minimolmo.device import autocast, pick_device, room_to_answer
from minimolmo.flow import PADDING, Answer, Batch
from minimolmo.image.resize import open_image
from minimolmo.image.tiler import tile_image
from minimolmo.model.decoder import KVCache
from minimolmo.model.molmo import MiniMolmo, who_sees_whom
from minimolmo.text.points import parse_points
from minimolmo.text.prompts import question_prompt
from minimolmo.text.tokenizer import Tokenizer

RELEASED = Path(__file__).resolve().parent.parent / "data" / "released" / "minimolmo-nano"
MAX_NEW = 192  # tokens of an answer at the most; Molmo: 192 when pointing, 448 for captions


def choose_tokens(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """The likeliest word of each row (temperature 0), or a draw. (B, N) -> (B,)"""
    if temperature == 0:
        return logits.argmax(dim=-1)
    return torch.multinomial((logits.float() / temperature).softmax(dim=-1), 1, generator=generator)[:, 0]


@torch.inference_mode()
def generate(model: MiniMolmo, batch: Batch, eos: int, max_new: int = MAX_NEW, temperature: float = 0.0,
             generator: torch.Generator | None = None) -> list[list[int]]:
    """Continue each sequence of the batch until it says end-of-text: the new ids, without that last one.

    The image and the question are read once; then one token a step, everything before it in the KV cache.
    """
    length, rows = batch.ids.shape[1], torch.arange(len(batch.ids), device=batch.ids.device)
    cache = KVCache(model.config.decoder.layers, room=length + max_new)
    hidden = model.read(batch, model.look(batch)[1], cache=cache)                     # (B, T, D)
    end = (batch.branch != PADDING).sum(dim=1) - 1                                    # (B,) each one's last
    hidden, position, mine = hidden[rows, end], batch.position[rows, end], batch.branch[rows, end]
    branch = torch.cat([batch.branch, mine[:, None].expand(-1, max_new)], dim=1)     # of all that may be said
    visible = who_sees_whom(mine[:, None], branch)                                    # (B, 1, 1, T + max_new)
    visible = None if visible.all() else visible                                      # one question, unpadded
    said, done = [], torch.zeros_like(end, dtype=torch.bool)
    for number in range(1, max_new + 1):
        words = choose_tokens(model.decoder.logits(hidden), temperature, generator)
        said.append(words)
        done = done | (words == eos)
        if done.all():
            break
        x = model.decoder.embedding(words[:, None])                                   # no image is ever said
        seen = None if visible is None else visible[..., :length + number]
        hidden = model.decoder(x, (position + number)[:, None], seen, cache=cache)[:, 0]
    return [_until(row, eos) for row in torch.stack(said, dim=1).tolist()]


def _until(ids: list[int], eos: int) -> list[int]:
    """What a row said before its end-of-text; what follows was said while others were still speaking."""
    return ids[:ids.index(eos)] if eos in ids else ids


def prompt(image: np.ndarray, question: str, model: MiniMolmo, tokenizer: Tokenizer, view: str):
    """Image and question as the Sequence that training would have built, the answer still to come."""
    crops = tile_image(image, model.config.image, model.config.image.budget(view))
    return build_sequence(crops, [[tokenizer.encode(question_prompt(question))]], tokenizer)


def in_threads(function: Callable, *lists: list) -> list:
    """`map`, on several cores: Pillow and numpy let others run while they work on a picture."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(function, *lists))


def ask(model: MiniMolmo, tokenizer: Tokenizer, images: list[np.ndarray], questions: list[str],
        view: str = "bird", max_new: int = MAX_NEW, temperature: float = 0.0,
        generator: torch.Generator | None = None) -> list[Answer]:
    """One answer for each pair of image (H, W, 3) uint8 and question; points in percent of that image."""
    device = next(model.parameters()).device
    batch = collate(in_threads(lambda image, q: prompt(image, q, model, tokenizer, view), images, questions))
    with autocast(device):
        said = generate(model, batch.to(device), tokenizer.eos, max_new, temperature, generator)
    texts = [tokenizer.decode(ids).strip() for ids in said]
    return [Answer(text, parse_points(text)) for text in texts]


def default_weights() -> Path:
    """Your own nano if you have trained one, else the released one, so that anybody can ask at once."""
    mine = Path("out/nano")
    return mine if checkpoint.latest(mine) else RELEASED


def load(weights: str | Path) -> tuple[MiniMolmo, Tokenizer, RunConfig]:
    """A trained model, its words and its settings. `weights` is a run's folder, a checkpoint or a released
    Molmo.

    Raises ValueError if nothing was trained there.
    """
    if official.is_released(weights):
        return official.load(weights, pick_device())
    folder = checkpoint.latest(weights) or Path(weights)
    if not folder.is_dir():
        raise ValueError(f"{weights} holds no trained model, so nobody can answer. Train one with "
                         f"\"make quickstart\", or name another folder with --weights=FOLDER.")
    config = checkpoint.load_config(folder)
    model = MiniMolmo(config.model)
    checkpoint.load_weights(folder, model)
    return model.eval().to(pick_device()), checkpoint.load_tokenizer(folder), config


@room_to_answer()
def main(arguments: list[str]) -> None:
    """The command line: print the answer, and draw its points if it has any."""
    parser = argparse.ArgumentParser(description="Ask a picture.")
    parser.add_argument("image", type=Path)
    parser.add_argument("question")
    parser.add_argument("--weights", type=Path,
                        help="a run's folder or a released Molmo's (default: out/nano if it is trained, else "
                             "the released nano)")
    parser.add_argument("--view", choices=["bird", "ground", "close_up"], help="default: the one of training")
    parser.add_argument("--out", type=Path, default=Path("out/answer.png"),
                        help="where the picture with the points goes (default: %(default)s)")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 = the likeliest words")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if given.temperature < 0:
        raise ValueError(f"--temperature={given.temperature} would prefer the least likely words. "
                         f"Try 0, or 0.7.")
    weights = given.weights or default_weights()
    print(f"asking {weights}", file=sys.stderr)
    model, tokenizer, config = load(weights)
    image = open_image(given.image)
    generator = torch.Generator(pick_device()).manual_seed(given.seed)
    answer = ask(model, tokenizer, [image], [given.question], given.view or config.mixture.view,
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
