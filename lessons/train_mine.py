"""Train a few steps with the code in mine/minimolmo: python -m lessons.train_mine (after `make blank`).

`make tiny` draws the data into out/tiny/data first. Prints whose code ran, and how the loss fell.
"""
from __future__ import annotations

import json
import sys

from lessons.marks import describe_error, is_in_own_code
from lessons.page import ROOT

OUT = ROOT / "out" / "tiny"
STEPS = ["--bootstrap.steps=60", "--bootstrap.warmup_steps=[5,5,5]", "--pretrain.steps=10",
         "--finetune.steps=10"]


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
        losses = [line.get("cross_entropy", line["loss"]) for line in lines if line["stage"] == stage]
        print(f"{stage:<10} loss {losses[0]:.2f} -> {losses[-1]:.2f}")


def error_message(error: BaseException) -> str:
    """Why training ended: the learner's own line if the error arose there, else train.py's message."""
    cause = error.__context__ if isinstance(error, SystemExit) else error
    if isinstance(cause, Exception) and is_in_own_code(cause):
        return f"{describe_error(cause)}\nTry make marks, which says more, or mend that line."
    return str(error)


if __name__ == "__main__":
    try:
        main()
    except (Exception, SystemExit) as error:  # a learner's code may raise anything
        sys.exit(error_message(error))
