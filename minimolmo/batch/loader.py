"""The data loader: endless batches mixed from several datasets. Batch k depends only on the seed and k.

So resuming at step k needs no saved state, and batches do not depend on the number of workers or processes.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader

from minimolmo.batch.augment import Variation, choose_variation, shrink
from minimolmo.batch.collate import collate
from minimolmo.batch.dataset import Dataset
from minimolmo.batch.sequence import build_sequence
from minimolmo.command import init_worker
from minimolmo.config import ImageConfig
from minimolmo.flow import Annotation, Batch, Crops, Example, Sequence
from minimolmo.image.resize import open_image
from minimolmo.image.tiler import tile_image
from minimolmo.text.prompts import to_messages
from minimolmo.text.tokenizer import Tokenizer

GROUP_STEPS = 8        # the examples of this many steps are sorted by length: little padding
CACHE_BYTES = 2 ** 25  # of the images that a process keeps: 2,700 overviews of nano, or 80 photos


def sampling_weights(sizes: list[int], weights: list[float]) -> np.ndarray:
    """The probability of each dataset: its weight times the square root of its size, normalised.

    >>> sampling_weights([10_000, 100], [1.0, 1.0]).round(2)
    array([0.91, 0.09])

    Source: paper, Section 3 (fine-tuning mixture).
    """
    products = np.sqrt(np.array(sizes, float)) * np.array(weights)
    return products / products.sum()


def replay_weights(sizes: list[int], weights: list[float], replayed: list[bool],
                   fraction: float) -> list[float]:
    """The weights, scaled so that the replayed datasets together have this fraction of the images.

    Nothing is scaled if only one of the two groups is there, as in a stage that the other has no data for.

    >>> scaled = replay_weights([10_000, 30], [0.6, 1.0], [True, False], fraction=0.5)
    >>> sampling_weights([10_000, 30], scaled)
    array([0.5, 0.5])
    """
    probability = sampling_weights(sizes, weights)
    total = float(probability[replayed].sum())
    if not 0 < total < 1:
        return weights
    return [weight * (fraction / total if old else (1 - fraction) / (1 - total))
            for weight, old in zip(weights, replayed)]


def select_annotations(example: Example, stage: str, rng: np.random.Generator) -> list[Annotation]:
    """The annotations for a stage, in random order, so that truncation drops different ones each time.

    bootstrap  none
    pretrain   the caption and one random transcript
    finetune   all except transcripts

    Two draws: rng.integers for the transcript, if there is one, then rng.permutation for the order.
    """
    if stage == "bootstrap":
        return []
    transcripts = [a for a in example.annotations if a.style == "transcript"]
    selected = [a for a in example.annotations if a.style != "transcript"]
    if stage == "pretrain":
        selected = [a for a in selected if a.style == "long_caption"]
        selected += [transcripts[rng.integers(len(transcripts))]] if transcripts else []
    return [selected[i] for i in rng.permutation(len(selected))]


class ImageCache:
    """Keeps the first images, or their crops, up to a number of bytes; later ones are made each time.

    A photo takes longer to decode than nano takes to learn from it. A set of tens of photos, of which each is
    seen a hundred times, is decoded once.
    """

    def __init__(self, limit: int = CACHE_BYTES):
        self.kept: dict[Path, Crops | np.ndarray] = {}
        self.free = limit

    def get(self, path: Path, make: Callable[[], Crops | np.ndarray]) -> Crops | np.ndarray:
        """What is kept for an image, or what `make` makes."""
        if path in self.kept:
            return self.kept[path]
        made = make()
        size = (made.patches if isinstance(made, Crops) else made).nbytes
        if size <= self.free:
            self.free -= size
            self.kept[path] = made
        return made


@dataclass(frozen=True)
class Preprocessor:
    """Turns an example into a sequence."""
    image: ImageConfig
    tokenizer: Tokenizer
    stage: str          # bootstrap, pretrain or finetune: sets annotations, wording and loss weights
    max_crops: int
    max_tokens: int
    lengths: tuple[int, ...] = ()  # batches are padded to one of these: see `collate`
    untagged: float = 0.0  # probability that a style which always has a tag in Molmo has none
    cache: ImageCache = field(default_factory=ImageCache, compare=False)    # of crops
    varied: ImageCache = field(default_factory=ImageCache, compare=False)   # of images that are varied

    def token_ids(self, example: Example, rng: np.random.Generator) -> list[list[list[int]]]:
        """The selected annotations, each as the token ids of its messages."""
        messages = (to_messages(a, self.stage, rng, self.untagged)
                    for a in select_annotations(example, self.stage, rng))
        return [[self.tokenizer.encode(text) for text in pair] for pair in messages]

    def crops(self, path: Path, variation: Variation | None) -> Crops:
        """Open an image, vary it if that is wanted, and cut it into crops."""
        def tile(image: np.ndarray) -> Crops:
            return tile_image(image, self.image, self.max_crops, as_bytes=True)

        if variation is None:
            return self.cache.get(path, lambda: tile(open_image(path)))
        image = self.varied.get(path, lambda: open_image(path) if self.max_crops else
                                shrink(open_image(path), self.image.crop_size))
        return tile(variation.vary_image(image))

    def sequence(self, example: Example, annotations: list[list[list[int]]],
                 variation: Variation | None = None) -> Sequence:
        """Cut the image into crops and pack it with the annotations' token ids."""
        try:
            crops = self.crops(example.image, variation)
        except ValueError as error:
            raise ValueError(f"{example.name}: {error}") from None
        boxes = np.array([(t.x, t.y, t.width, t.height) for t in example.things], np.float32).reshape(-1, 4)
        names = [(self.first_id(t.color), self.first_id(t.kind)) for t in example.things]
        return build_sequence(crops, annotations, self.tokenizer, self.max_tokens, self.stage == "finetune",
                              boxes, np.array(names, np.int64).reshape(-1, 2), example.name)

    def first_id(self, word: str) -> int:
        """The id of a word's first token. Digits have no space before them, as in numbers and points."""
        return self.tokenizer.encode(word if word.isdigit() else " " + word)[0]


def mix_lengths(examples: list, batch_size: int) -> list[list]:
    """A group's examples, sorted by length, as GROUP_STEPS batches: half of each short ones, half long ones.

    Tasks differ in length, so a batch of equal lengths would be nearly of one task. With two micro-batches
    in a step the short and the long half are padded apart.

    >>> mix_lengths(list(range(16)), batch_size=2)[:2]
    [[0, 8], [1, 9]]
    """
    short, half = batch_size // 2, GROUP_STEPS * (batch_size // 2)
    long = batch_size - short
    return [examples[i * short:(i + 1) * short] + examples[half + i * long:half + (i + 1) * long]
            for i in range(GROUP_STEPS)]


class Loader:
    """The batches of one stage: `loader.batches(start)` yields them from step `start` on.

    Each step is a list of micro-batches (gradient accumulation): this process's part of the global batch.
    """

    def __init__(self, datasets: list[Dataset], weights: list[float], preprocessor: Preprocessor,
                 batch_size: int, seed: int, accumulate: int = 1, rank: int = 0, world: int = 1,
                 augment: Iterable[float] = ()):
        pieces = accumulate * world
        if batch_size % pieces:
            raise ValueError(f"batch_size={batch_size} images cannot be divided among {world} process(es) x "
                             f"accumulate={accumulate}. Try batch_size={-(-batch_size // pieces) * pieces}.")
        self.datasets, self.preprocessor = datasets, preprocessor
        self.batch_size, self.seed = batch_size, seed
        self.sampling_weights = sampling_weights([len(d) for d in datasets], weights)
        self.accumulate, self.rank, self.world = accumulate, rank, world
        self.augment = dict(zip(datasets, augment))  # how much each dataset's images are varied
        self.drawn = [np.zeros(len(datasets), int)]  # rows sampled from each dataset before group 0, 1, ...
        self.orders: dict[int, tuple[int, np.ndarray]] = {}

    def sample_rows(self, group: int) -> list[tuple[Dataset, int]]:
        """The rows sampled for one group of steps. Each epoch of a dataset has every row once, shuffled."""
        while len(self.drawn) <= group + 1:
            rng = np.random.default_rng((self.seed, 0, len(self.drawn) - 1))
            self.drawn.append(self.drawn[-1] + rng.multinomial(GROUP_STEPS * self.batch_size,
                                                               self.sampling_weights))
        draws = zip(self.datasets, self.drawn[group], self.drawn[group + 1])
        return [(dataset, self.row_of(number, draw)) for number, (dataset, first, last) in enumerate(draws)
                for draw in range(first, last)]

    def row_of(self, number: int, draw: int) -> int:
        """The row index of a dataset's draw-th sample; each epoch has a new permutation."""
        epoch, index = divmod(draw, len(self.datasets[number]))
        if self.orders.get(number, (None,))[0] != epoch:
            rng = np.random.default_rng((self.seed, 1, number, epoch))
            self.orders[number] = (epoch, rng.permutation(len(self.datasets[number])))
        return int(self.orders[number][1][index])

    def __getitem__(self, group: int) -> list[list[Batch]]:
        """All steps of a group: every process makes all random choices, but opens only its own images."""
        rng, examples = np.random.default_rng((self.seed, 2, group)), []
        for dataset, row in self.sample_rows(group):
            example, variation, strength = dataset[row], None, self.augment.get(dataset, 0.0)
            if strength:
                variation = choose_variation(example, strength, rng)
                example = variation.vary_example(example)
            examples.append((example, self.preprocessor.token_ids(example, rng), variation))
        examples.sort(key=lambda each: sum(len(m) for messages in each[1] for m in messages))
        steps = mix_lengths(examples, self.batch_size)
        return [self.micro_batches(steps[i]) for i in rng.permutation(GROUP_STEPS)]

    def micro_batches(self, examples: list) -> list[Batch]:
        """This process's part of one global batch, as micro-batches of about equally long sequences."""
        size = self.batch_size // self.accumulate
        pieces = [examples[i:i + size] for i in range(0, len(examples), size)]
        return [collate([self.preprocessor.sequence(*each) for each in piece[self.rank::self.world]],
                        self.preprocessor.lengths) for piece in pieces]

    def batches(self, start: int = 0, steps: int = 10 ** 9, workers: int = 0,
                pin: bool = False) -> Iterator[list[Batch]]:
        """The micro-batches of step `start`, `start + 1`, ... below `steps`, made by `workers` processes."""
        groups = range(start // GROUP_STEPS, -(-steps // GROUP_STEPS))
        options = dict(prefetch_factor=1, worker_init_fn=init_worker) if workers else {}
        loader = DataLoader(self, batch_size=None, sampler=groups, num_workers=workers, pin_memory=pin,
                            **options)
        for number, group in zip(groups, loader):
            for index, step in enumerate(group):
                if start <= number * GROUP_STEPS + index < steps:
                    yield step
