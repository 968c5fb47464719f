"""Train a few steps with the code in mine/minimolmo: python -m lessons.train_mine (after `make blank`).

`make tiny` draws the data into out/tiny/data first. Prints whose code ran, how the loss fell, and how it
falls with the library's own code.
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
LIBRARY = {"bootstrap": (16.18, 6.05), "pretrain": (6.33, 6.22), "finetune": (6.27, 6.14)}  # first, last loss
NEAR = 0.2  # other machines round otherwise


def use_mine() -> None:
    """Put mine/ before the library, and forget what was imported of it. ValueError if there is no mine/."""
    if not (ROOT / "mine" / "minimolmo").is_dir():
        raise ValueError("mine/minimolmo is not there, so there is no code of yours to train with. "
                         "Try make blank N=05.")
    sys.path[:0] = [str(ROOT / "mine"), str(ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] == "minimolmo"]:
        del sys.modules[name]


def main(arguments: list[str]) -> None:
    """Train, then print the first and the last loss of each stage, beside the library's."""
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
    print(f"training with {minimolmo.__path__[0]}: 80 steps, 2 to 4 minutes", flush=True)
    train.main([f"--data={OUT / 'data'}", f"--out={OUT / 'run'}", *STEPS])
    text = (OUT / "run" / "log.jsonl").read_text(encoding="utf-8")
    print(judge_losses([json.loads(line) for line in text.splitlines()]))


def judge_losses(lines: list[dict]) -> str:
    """The first and the last loss of each stage in a log, beside the library's, and what that means."""
    rows, is_near = [], True
    for stage, expected in LIBRARY.items():
        losses = [line.get("cross_entropy", line["loss"]) for line in lines if line["stage"] == stage]
        pair = losses[0], losses[-1]
        rows.append("{:<10} loss {:.2f} -> {:.2f}   with the library's code {:.2f} -> {:.2f}".format(
            stage, *pair, *expected))
        is_near &= all(abs(mine - theirs) <= NEAR for mine, theirs in zip(pair, expected))
    if is_near:
        return "\n".join([*rows, f"good: each loss is within {NEAR} of the library's, so your code trains as "
                          "it does. 80 steps teach it no answers: 6.24 is a guess among 512 tokens"])
    return "\n".join([*rows, f"not good: a loss is more than {NEAR} from the library's, so some function of "
                      "yours computes something else. Try make marks for the lessons that you built"])


def error_message(error: BaseException) -> str:
    """Why training ended: the learner's own line if the error arose there, else train.py's message."""
    cause = error.__context__ if isinstance(error, SystemExit) else error
    if isinstance(cause, Exception) and is_in_own_code(cause):
        return f"{describe_error(cause)}\nTry make marks, which says more, or mend that line."
    return str(error)


if __name__ == "__main__":
    run_command(main)
