"""Train a few steps with the code in mine/minimolmo: python -m lessons.train_mine (after `make blank`).

`make tiny` draws the data into out/tiny/data first. Prints whose code ran, and how the loss fell.
"""
from __future__ import annotations

import json
import sys

from lessons.marks import describe_error, is_in_own_code
from lessons.page import ROOT
from minimolmo.command import run_command
from minimolmo.options import Parser

OUT = ROOT / "out" / "tiny"
STEPS = ["--bootstrap.steps=60", "--bootstrap.warmup_steps=[5,5,5]", "--pretrain.steps=10",
         "--finetune.steps=10"]


def use_mine() -> None:
    """Put mine/ before the library, and forget what was imported of it. ValueError if there is no mine/."""
    if not (ROOT / "mine" / "minimolmo").is_dir():
        raise ValueError("mine/minimolmo is not there, so there is no code of yours to train with. "
                         "Try make blank N=05.")
    sys.path[:0] = [str(ROOT / "mine"), str(ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] == "minimolmo"]:
        del sys.modules[name]


def main(arguments: list[str]) -> None:
    """Train, then print the first and the last loss of each stage."""
    Parser(description=__doc__.splitlines()[0]).parse_args(arguments)
    use_mine()
    try:
        train_with_mine()
    except (Exception, SystemExit) as error:  # a learner's code may raise anything
        if isinstance(error, SystemExit) and isinstance(error.code, int):
            raise  # it was stopped, and has said so
        raise ValueError(error_message(error)) from None


def train_with_mine() -> None:
    """Train with the copy of the library that `use_mine` put first."""
    import minimolmo
    import train  # imports the library, so it had to wait
    print(f"training with {minimolmo.__path__[0]}", flush=True)
    train.main([f"--data={OUT / 'data'}", f"--out={OUT / 'run'}", *STEPS])
    text = (OUT / "run" / "log.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
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
    run_command(main)
