"""Batches without end, mixed from several datasets: batch k depends on the seed and on k alone.

So there is nothing to save: to resume at step k is to ask for batch k. And nothing depends on how many
workers prepare batches, or on how many processes share each one.
"""
from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Iterator

import numpy as np
from torch.utils.data import DataLoader

from minimolmo.batch.collate import collate
from minimolmo.batch.dataset import Dataset
from minimolmo.batch.sequence import build_sequence
from minimolmo.config import ImageConfig
from minimolmo.flow import Annotation, Batch, Example, Sequence
from minimolmo.image.resize import open_image
from minimolmo.image.tiler import tile_image
from minimolmo.text.prompts import to_messages
from minimolmo.text.tokenizer import Tokenizer

GROUP = 8  # batches are made in groups, sorted by length inside, so that little is padded


def shares(sizes: list[int], weights: list[float]) -> np.ndarray:
    """How often each dataset is drawn: in proportion to its weight times the square root of its size.

    >>> shares([10_000, 100], [1.0, 1.0]).round(2)
    array([0.91, 0.09])

    Source: paper, Section 3 (fine-tuning mixture).
    """
    share = np.sqrt(np.array(sizes, float)) * np.array(weights)
    return share / share.sum()


def choose(example: Example, stage: str, rng: np.random.Generator) -> list[Annotation]:
    """What is trained on this time: in stage "grow" no words at all; in "captions" the caption and one random
    transcript; in "mixture" all but transcripts. In random order, so a length limit cuts different ones."""
    if stage == "grow":
        return []
    spoken = [a for a in example.annotations if a.style == "transcript"]
    chosen = [a for a in example.annotations if a.style != "transcript"]
    if stage == "captions":
        chosen = [a for a in chosen if a.style == "long_caption"]
        chosen += [spoken[rng.integers(len(spoken))]] if spoken else []
    return [chosen[i] for i in rng.permutation(len(chosen))]


@dataclass(frozen=True)
class Recipe:
    """How an example becomes a sequence."""
    image: ImageConfig
    tokenizer: Tokenizer
    stage: str          # "grow", "captions" or "mixture": which words, which annotations, which weights
    max_crops: int
    max_tokens: int
    lengths: tuple[int, ...] = ()  # batches are filled up to one of these: see `collate`

    def token_ids(self, example: Example, rng: np.random.Generator) -> list[list[list[int]]]:
        """The chosen annotations, each as its messages' ids."""
        messages = (to_messages(a, self.stage, rng) for a in choose(example, self.stage, rng))
        return [[self.tokenizer.encode(text) for text in pair] for pair in messages]

    def sequence(self, example: Example, annotations: list[list[list[int]]]) -> Sequence:
        """Open the image, cut it, and lay it and the annotations end to end."""
        try:
            crops = tile_image(open_image(example.image), self.image, self.max_crops, as_bytes=True)
        except ValueError as error:
            raise ValueError(f"{example.name}: {error}") from None
        first = lambda word: self.tokenizer.encode(" " + word)[0]
        things = [(t.x, t.y, t.width, t.height, first(t.color), first(t.kind)) for t in example.things]
        return build_sequence(crops, annotations, self.tokenizer, self.max_tokens, self.stage == "mixture",
                              np.array(things, np.float32).reshape(-1, 6), example.name)


class Loader:
    """The batches of one stage: `loader.batches(start)` goes on for ever from step `start`.

    Each step is a list of micro-batches (gradient accumulation), this process's share of the global batch.
    """

    def __init__(self, datasets: list[Dataset], weights: list[float], recipe: Recipe, batch: int, seed: int,
                 accumulate: int = 1, rank: int = 0, world: int = 1):
        parts = accumulate * world
        if batch % parts:
            raise ValueError(f"batch={batch} images cannot be shared out among {world} process(es) x "
                             f"accumulate={accumulate}. Try batch={-(-batch // parts) * parts}.")
        self.datasets, self.recipe, self.batch, self.seed = datasets, recipe, batch, seed
        self.shares = shares([len(d) for d in datasets], weights)
        self.accumulate, self.rank, self.world = accumulate, rank, world
        self.drawn = [np.zeros(len(datasets), int)]  # rows drawn from each dataset before group 0, 1, ...
        self.orders: dict[int, tuple[int, np.ndarray]] = {}

    def draw(self, group: int) -> list[tuple[Dataset, int]]:
        """Which rows make up a group. Each dataset is walked in shuffled rounds, every row once a round."""
        while len(self.drawn) <= group + 1:
            rng = np.random.default_rng((self.seed, 0, len(self.drawn) - 1))
            self.drawn.append(self.drawn[-1] + rng.multinomial(GROUP * self.batch, self.shares))
        turns = zip(self.datasets, self.drawn[group], self.drawn[group + 1])
        return [(dataset, self.row(which, turn)) for which, (dataset, first, last) in enumerate(turns)
                for turn in range(first, last)]

    def row(self, which: int, turn: int) -> int:
        """The row that dataset number `which` gives at its turn-th draw."""
        round_, place = divmod(turn, len(self.datasets[which]))
        if self.orders.get(which, (None,))[0] != round_:
            rng = np.random.default_rng((self.seed, 1, which, round_))
            self.orders[which] = (round_, rng.permutation(len(self.datasets[which])))
        return int(self.orders[which][1][place])

    def __getitem__(self, group: int) -> list[list[Batch]]:
        """All steps of one group. Words are drawn for the whole group, pictures opened for our share only."""
        rng, examples = np.random.default_rng((self.seed, 2, group)), []
        for dataset, row in self.draw(group):
            example = dataset[row]
            examples.append((example, self.recipe.token_ids(example, rng)))
        examples.sort(key=lambda pair: sum(len(m) for messages in pair[1] for m in messages))
        batches = [examples[i:i + self.batch] for i in range(0, len(examples), self.batch)]
        return [self.step(batches[i]) for i in rng.permutation(GROUP)]

    def step(self, examples: list) -> list[Batch]:
        """This process's share of one global batch, as micro-batches."""
        pieces = self.accumulate * self.world
        mine = [examples[i::pieces] for i in range(self.rank, pieces, self.world)]
        return [collate([self.recipe.sequence(*pair) for pair in piece], self.recipe.lengths)
                for piece in mine]

    def batches(self, start: int = 0, steps: int = 10 ** 9, workers: int = 0,
                pin: bool = False) -> Iterator[list[Batch]]:
        """The micro-batches of step `start`, `start + 1`, ... prepared ahead by `workers` processes."""
        groups = range(start // GROUP, -(-steps // GROUP))
        ahead = dict(prefetch_factor=1, worker_init_fn=_leave_interrupts_to_the_parent) if workers else {}
        engine = DataLoader(self, batch_size=None, sampler=groups, num_workers=workers, pin_memory=pin,
                            **ahead)
        for number, group in zip(groups, engine):
            for place, step in enumerate(group):
                if start <= number * GROUP + place < steps:
                    yield step


def _leave_interrupts_to_the_parent(_worker: int) -> None:
    """Ctrl-C reaches every process of a terminal; the one that trains must finish its step first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
