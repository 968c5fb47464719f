"""Ask a model about an image: the answer is text and points.

    python -m minimolmo.answer photo.jpg "Point to the red circle"
    python -m minimolmo.answer photo.jpg "Count the cups" --weights=out/nano --view=close_up --out=points.png
    python -m minimolmo.answer photo.jpg "Count the cups" --weights=Molmo-7B-D-0924    # a released folder

The prompt is built by the same `build_sequence` as in training, so the two cannot differ.
"""
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from minimolmo import draw
from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.checkpoint_folders import ANSWERING
from minimolmo.command import run_command, say
from minimolmo.config import STAGES, VIEWS, RunConfig
from minimolmo.device import autocast, explain_out_of_memory, pick_device
from minimolmo.disk import check_not_given, image_format, write_image
from minimolmo.flow import IMAGE_SEGMENT, PAD_SEGMENT, Answer, Batch, Sequence
from minimolmo.image.resize import open_image
from minimolmo.image.tiler import tile_image
from minimolmo.model.attention import KVCache, attention_mask
from minimolmo.model.molmo import MiniMolmo
from minimolmo.options import Parser, count_argument, number_argument, path_argument
from minimolmo.presets import DRAWN
from minimolmo.text.points import parse_points
from minimolmo.text.prompts import known_words, question_prompt, unknown_words
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.weights import adapters, checkpoint, official

RELEASED = Path(__file__).resolve().parent.parent / "data" / "released" / "minimolmo-nano"
MAX_NEW_TOKENS = 448  # of an answer. Molmo: 192 for points, 448 for captions
MOST_NEW_TOKENS = 100_000  # that can be asked for: memory is taken for all of them at once
COLDEST = 1e-30  # the lowest temperature above 0


def sample_tokens(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """The next token of each sequence: the most likely (temperature 0) or a sample. (B, N) -> (B,)"""
    if temperature == 0:
        return logits.argmax(dim=-1)
    temperature = max(temperature, COLDEST)  # less would exceed float32
    return torch.multinomial((logits.float() / temperature).softmax(dim=-1), 1, generator=generator)[:, 0]


@torch.inference_mode()
def generate_steps(model: MiniMolmo, batch: Batch, max_new_tokens: int = MAX_NEW_TOKENS,
                   temperature: float = 0.0, generator: torch.Generator | None = None,
                   prefix: tuple[int, ...] = ()) -> Iterator[tuple[Tensor, Tensor]]:
    """Continue each sequence of the batch, one token a step: yields the tokens (B,) and their logits (B, N).

    prefix  ids that every answer begins with; the logits are still the model's own

    The first pass runs over image and question and fills the KV cache. Each later step decodes one token,
    and only when it is asked for. End-of-text ends nothing here: the caller stops.
    """
    length, rows = batch.ids.shape[1], torch.arange(len(batch.ids), device=batch.ids.device)
    cache = KVCache(model.config.decoder.layers, max_tokens=length + max_new_tokens)
    hidden = model.decode(batch, model.encode_images(batch)[1], cache=cache).last     # (B, T, D)
    last = (batch.segment_ids != PAD_SEGMENT).sum(dim=1) - 1                          # (B,) last token
    hidden, position, segment = hidden[rows, last], batch.position[rows, last], batch.segment_ids[rows, last]
    segments = torch.cat([batch.segment_ids, segment[:, None].expand(-1, max_new_tokens)], dim=1)
    visible = attention_mask(segment[:, None], segments)                              # (B, 1, 1, T + max_new)
    visible = None if visible.all() else visible          # nothing is masked: the kernel runs without a mask
    for step in range(1, max_new_tokens + 1):
        logits = model.decoder.logits(hidden)
        forced = step <= len(prefix)
        tokens = (torch.full_like(last, prefix[step - 1]) if forced else
                  sample_tokens(logits, temperature, generator))
        yield tokens, logits
        if step == max_new_tokens:
            return                                            # nothing is predicted from the last token
        x = model.decoder.embedding(tokens[:, None])                                  # never an image token
        mask = None if visible is None else visible[..., :length + step]
        hidden = model.decoder(x, (position + step)[:, None], mask, cache=cache).last[:, 0]


def generate(model: MiniMolmo, batch: Batch, eos: int, max_new_tokens: int = MAX_NEW_TOKENS,
             temperature: float = 0.0, generator: torch.Generator | None = None) -> list[list[int]]:
    """Continue each sequence of the batch until end-of-text; returns the new ids without end-of-text."""
    new, done = [], torch.zeros_like(batch.ids[:, 0], dtype=torch.bool)
    for tokens, _ in generate_steps(model, batch, max_new_tokens, temperature, generator):
        new.append(tokens)
        done = done | (tokens == eos)
        if done.all():
            break
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
    """One Answer per pair of an image (H, W, 3) uint8 and a question. Points are in percent of that image.

    Raises ValueError if there are not as many questions as images.
    """
    if len(images) != len(questions):
        raise ValueError(f"{len(images)} images and {len(questions)} questions are not pairs, so some would "
                         f"get no answer. Try one image for each question: [image] * {len(questions)}.")
    prompts = map_in_threads(lambda image, question: build_prompt(image, question, model, tokenizer, view),
                             images, questions)
    return answer_prompts(model, tokenizer, prompts, max_new_tokens, temperature, generator)


def answer_prompts(model: MiniMolmo, tokenizer: Tokenizer, prompts: list[Sequence],
                   max_new_tokens: int = MAX_NEW_TOKENS, temperature: float = 0.0,
                   generator: torch.Generator | None = None) -> list[Answer]:
    """One Answer per prompt, all in one batch."""
    device = next(model.parameters()).device
    with autocast(device):
        ids = generate(model, collate(prompts).to(device), tokenizer.eos, max_new_tokens, temperature,
                       generator)
    texts = [tokenizer.decode(row).strip() for row in ids]
    return [Answer(text, parse_points(text), len(row) >= max_new_tokens) for text, row in zip(texts, ids)]


def default_weights() -> Path:
    """The folder of your own nano if you have trained one, else of the released nano."""
    own = Path("out/nano")
    return own if checkpoint.latest(own, ANSWERING) else RELEASED


def load(weights: str | Path) -> tuple[MiniMolmo, Tokenizer, RunConfig]:
    """A trained model, its tokenizer and its config, from a run's folder, a checkpoint or a released Molmo.

    Raises ValueError if there is none.
    """
    if official.is_official(weights):
        return official.load(weights, pick_device())
    folder = checkpoint.latest(weights, ANSWERING) or Path(weights)
    if not folder.is_dir():
        raise ValueError(f"{weights} holds no trained model, so there is nothing to ask. Train one with "
                         f"\"make quickstart\", or name another folder with --weights=FOLDER.")
    config = checkpoint.load_config(folder)
    if config.lora:
        model = adapters.load_adapted(folder, config, pick_device())
        return model, checkpoint.load_tokenizer(folder), config
    model = MiniMolmo(config.model)
    checkpoint.load_weights(folder, model)
    return model.eval().to(pick_device()), checkpoint.load_tokenizer(folder), config


def describe_weights(weights: Path) -> str:
    """The folder, and how far its training has come if it is not finished."""
    folder = None if official.is_official(weights) else checkpoint.latest(weights, ANSWERING)
    if folder is None:
        return str(weights)
    config, step = checkpoint.load_config(folder), checkpoint.read_step(folder)
    steps = sum(getattr(config, stage).steps for stage in STAGES)
    if step is None or step >= steps:
        return str(weights)
    return f"{weights}, in training: step {step:,} of {steps:,} (--weights={RELEASED} is trained)"


def check_length(prompt: Sequence, config: RunConfig) -> None:
    """Raise ValueError if a question is longer than the sequences that the model was trained on.

    The image does not count: Molmo answers with 36 crops, 2,932 tokens, and was trained on at most 2,304.
    """
    length = int((prompt.segment_ids != IMAGE_SEGMENT).sum())
    if length >= config.max_tokens:
        raise ValueError(f"the question is {length} tokens, and the model was trained on at most "
                         f"{config.max_tokens}, so the answer would be a guess. Try a shorter question.")


def words_known(config: RunConfig) -> frozenset[str]:
    """The words of the questions that nano was trained on, in lower case; empty if they are not listed.

    Other models, and a nano that was trained on your own data too, may know any word.
    """
    drawn_only = config.name == "nano" and config.level == "easy" and config.mix.keys() <= {*DRAWN}
    return known_words(config.mix) if drawn_only else frozenset()


def words_never_seen(question: str, config: RunConfig) -> list[str]:
    """The words of a question that are not among `words_known`, if there are such."""
    return unknown_words(question, config.mix) if words_known(config) else []


def note_unknown_words(question: str, config: RunConfig) -> None:
    """Say on stderr which words of a question nano has never seen."""
    if words := words_never_seen(question, config):
        say(f"note: no question of nano's training has {', '.join(map(repr, words))}, so it may not "
            f"understand this one. It understands \"What does the picture show?\", \"How many circles "
            f"can you find?\" and \"Point to the red circle.\"", file=sys.stderr)


def draw_answer(image: np.ndarray, answer: Answer, out: Path) -> None:
    """Write the image with the answer's points, and print where it is."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_image(out, draw.draw_points(Image.fromarray(image), answer.points))
    say(f"drawn: {out}")


@explain_out_of_memory()
def main(arguments: list[str]) -> None:
    """The command line: print the answer, and draw its points if it has any."""
    parser = Parser(description="Ask a model a question about an image.")
    parser.add_argument("image", type=path_argument)
    parser.add_argument("question")
    parser.add_argument("--weights", type=path_argument,
                        help="a run's folder or a released Molmo's (default: out/nano if it is trained, else "
                             "the released nano)")
    parser.add_argument("--view", choices=VIEWS, help="default: the one of training")
    parser.add_argument("--out", type=path_argument, default=Path("out/answer.png"),
                        help="the file for the image with the points (default: %(default)s)")
    parser.add_argument("--temperature", type=number_argument(), default=0.0,
                        help="0 = the most likely tokens")
    parser.add_argument("--max_new_tokens", type=count_argument(1, MOST_NEW_TOKENS), default=MAX_NEW_TOKENS,
                        help="longer answers are cut (default: %(default)s)")
    parser.add_argument("--seed", type=count_argument(0), default=0)
    given = parser.parse_args(arguments)
    if not given.question.strip():
        raise ValueError("the question is empty, so there is nothing to answer. Try \"Point to the shapes.\"")
    image_format(given.out)  # refuses a wrong suffix now, not after the answer
    check_not_given(given.out, given.image)
    weights = given.weights or default_weights()
    say(f"asking {describe_weights(weights)}", file=sys.stderr)
    model, tokenizer, config = load(weights)
    image = open_image(given.image)
    view = given.view or config.finetune.view
    check_length(build_prompt(image, given.question, model, tokenizer, view), config)
    generator = torch.Generator(pick_device()).manual_seed(given.seed)
    answer = ask(model, tokenizer, [image], [given.question], view, given.max_new_tokens, given.temperature,
                 generator)[0]
    say(answer.text + f" (cut at {given.max_new_tokens} tokens)" * answer.cut)
    note_unknown_words(given.question, config)
    if answer.points:
        draw_answer(image, answer, given.out)


if __name__ == "__main__":
    run_command(main)
