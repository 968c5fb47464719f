"""Train the byte-level BPE tokenizer on the text of mini-PixMo.

    python -m data.tokenizer.prepare --level=easy --vocab=512

Reads the training rows of all datasets, words them as in training, and writes
data/tokenizer/<level>-<vocab>.json.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from minimolmo.command import run_command, say
from minimolmo.flow import Annotation
from minimolmo.locks import locked
from minimolmo.options import Parser, count_argument, path_argument
from minimolmo.text.prompts import to_messages
from minimolmo.text.tokenizer import Tokenizer

DATA_FOLDER = Path(__file__).resolve().parent.parent
MAX_ROWS = 2000  # rows of each dataset; they contain every word of level easy many times


def training_texts(level: str, seed: int, data: Path = DATA_FOLDER) -> Iterator[str]:
    """All messages of the first MAX_ROWS rows of each dataset, as the training stages word them."""
    rng = np.random.default_rng(seed)
    for file in sorted(data.glob(f"*/{level}/train.jsonl")):
        with open(file, encoding="utf-8") as lines:
            for _, line in zip(range(MAX_ROWS), lines):
                for row in json.loads(line)["annotations"]:
                    annotation = Annotation(**{**row, "points": tuple(map(tuple, row.get("points", [])))})
                    stages = ["pretrain"] if row["style"] == "transcript" else ["pretrain", "finetune"]
                    if row["style"] != "long_caption":
                        stages = stages[-1:]
                    for stage in stages:
                        yield from to_messages(annotation, stage, rng)


def ensure_tokenizer(level: str, vocab: int, seed: int = 1, data: Path = DATA_FOLDER) -> Path:
    """The path of the tokenizer, which is trained if it is missing or older than the data.

    Raises ValueError if there is no data to train on.
    """
    path = data / "tokenizer" / f"{level}-{vocab}.json"
    newest_data = max((file.stat().st_mtime for file in data.glob(f"*/{level}/train.jsonl")), default=0.0)
    if not path.exists() or path.stat().st_mtime < newest_data:
        corpus = list(training_texts(level, seed, data))
        if not corpus:
            raise ValueError(f"there is no dataset of level {level!r} under {data}, so a tokenizer "
                             f"has no text to train on. Run \"make data LEVEL={level}\" first.")
        with locked(path.parent):
            Tokenizer.train(corpus, vocab).save(path)
    return path


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--level", default="easy")
    parser.add_argument("--vocab", type=count_argument(257, 1_000_000), default=512)
    parser.add_argument("--seed", type=count_argument(0), default=1)
    parser.add_argument("--folder", type=path_argument, default=DATA_FOLDER, help="folder of the datasets")
    given = parser.parse_args(arguments)
    say(f"tokenizer: {ensure_tokenizer(given.level, given.vocab, given.seed, given.folder)}")


if __name__ == "__main__":
    run_command(main)
