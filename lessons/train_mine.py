"""Train a few steps with the code in mine/minimolmo: python -m lessons.train_mine (after `make blank`).

The data lies in out/tiny/data, `make tiny` draws it. Says whose code ran, and how the loss fell.
"""
from __future__ import annotations

import json
import sys

from lessons.marks import is_own, stopped
from lessons.page import ROOT

OUT = ROOT / "out" / "tiny"
STEPS = ["--bootstrap.steps=60", "--bootstrap.warmup_steps=[5,5,5]", "--pretrain.steps=10", "--finetune.steps=10"]


def use_mine() -> None:
    """Put mine/ before the library. Raises ValueError if there is nothing of the learner's."""
    if not (ROOT / "mine" / "minimolmo").is_dir():
        raise ValueError("mine/minimolmo is not there, so there is no code of yours to train with. "
                         "Try make blank N=05.")
    sys.path[:0] = [str(ROOT / "mine"), str(ROOT)]


def main() -> None:
    """Train, then print the first and the last loss of each stage."""
    use_mine()
    import minimolmo
    import train  # imports the library, so it had to wait
    print(f"training with {minimolmo.__path__[0]}", flush=True)
    train.main([f"--data={OUT / 'data'}", f"--out={OUT / 'run'}", *STEPS])
    lines = [json.loads(line) for line in (OUT / "run" / "log.jsonl").read_text().splitlines()]
    for stage in dict.fromkeys(line["stage"] for line in lines):
        losses = [line["loss"] for line in lines if line["stage"] == stage]
        print(f"{stage:<10} loss {losses[0]:.2f} -> {losses[-1]:.2f}")


def last_words(error: BaseException) -> str:
    """Why training ended: on the learner's own line, if it was there. train.py's words may hide that line."""
    hidden = error.__context__ if isinstance(error, SystemExit) else error
    if isinstance(hidden, Exception) and is_own(hidden):
        return f"{stopped(hidden)}\nTry make marks, which says more, or mend that line."
    return str(error)


if __name__ == "__main__":
    try:
        main()
    except (Exception, SystemExit) as error:  # a learner's code may raise anything
        sys.exit(last_words(error))
