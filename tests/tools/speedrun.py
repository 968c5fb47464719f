"""Time everything from no data to mini's scores: python tests/tools/speedrun.py [mini] [--minutes=9]

Draws the data, trains the tokenizer, trains the model and evaluates it; prints the minutes of each part and
the goals. With --minutes it stops after these minutes, and the same command continues. OUT/clock.json keeps
the seconds.
"""
from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from minimolmo.command import python_command, run_command  # noqa: E402  first: the slow imports follow
from minimolmo.config import RunConfig  # noqa: E402
from minimolmo.disk import write_text  # noqa: E402
from minimolmo.options import Parser, number_argument, path_argument  # noqa: E402
from minimolmo.overrides import override  # noqa: E402
from minimolmo.presets import preset  # noqa: E402
from minimolmo.weights import checkpoint  # noqa: E402

PARTS = ("data", "tokenizer", "training", "evaluation")
EVALUATION_MINUTES = 3.0  # evaluation cannot go on after a stop, so it starts only with this much time left


def commands(config: RunConfig, settings: list[str], out: Path, minutes: float) -> dict[str, list[str]]:
    """The command of each part, as one would type it."""
    data, level, seed = out / "data", f"--level={config.level}", f"--seed={config.seed}"
    limit = [] if minutes == math.inf else [f"--minutes={minutes:.2f}"]
    return {
        "data": ["-m", "data.prepare_all", level, seed, f"--folder={data}", f"--workers={os.cpu_count()}"],
        "tokenizer": ["-m", "data.tokenizer.prepare", level, f"--vocab={config.model.decoder.vocab}",
                      f"--folder={data}"],
        "training": ["train.py", config.name, f"--out={out / 'run'}", f"--data={data}", "--resume", *limit,
                     *settings],
        "evaluation": ["tests/tools/targets.py", f"--weights={out / 'run'}", f"--data={data}"]}


class Clock:
    """Seconds of each part so far, and which parts are done; kept in a file, so that it survives a stop."""

    def __init__(self, out: Path):
        self.file = out / "clock.json"
        saved = json.loads(self.file.read_text(encoding="utf-8")) if self.file.is_file() else {}
        self.seconds = saved.get("seconds", dict.fromkeys(PARTS, 0.0))
        self.done = saved.get("done", [])

    def run(self, part: str, command: list[str]) -> None:
        """Run a part in the repository's root, and count its seconds, also those of one that fails or is
        stopped. Raises ValueError if it fails."""
        start = time.monotonic()
        try:
            failed = subprocess.run([sys.executable, *command], cwd=ROOT).returncode
        finally:
            self.seconds[part] += time.monotonic() - start
            self.write()
        if failed:
            raise ValueError(f"{part} failed, so the run ends here. Try its command by itself: "
                             f"{python_command(*command)}")

    def finish(self, part: str) -> None:
        """Write down that a part is done."""
        self.done.append(part)
        self.write()

    def write(self) -> None:
        """Save the seconds and parts in the file."""
        write_text(self.file, json.dumps({"seconds": self.seconds, "done": self.done}, indent=1))


def is_trained(config: RunConfig, run: Path) -> bool:
    """Whether the newest checkpoint is at the last step of all stages."""
    folder = checkpoint.latest(run)
    steps = config.bootstrap.steps + config.pretrain.steps + config.finetune.steps
    return folder is not None and checkpoint.load_training_state(folder)[1]["step"] >= steps


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", nargs="?", default="mini")
    parser.add_argument("--out", type=path_argument, default=Path("out/speedrun"),
                        help="must be empty at first")
    parser.add_argument("--minutes", type=number_argument(), default=math.inf)
    args, settings = parser.parse_known_args(arguments)
    config, end = override(preset(args.preset), settings), time.monotonic() + 60 * args.minutes
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    clock = Clock(out)
    for part in [part for part in PARTS if part not in clock.done]:
        minutes_left = (end - time.monotonic()) / 60
        if minutes_left <= (EVALUATION_MINUTES if part == "evaluation" else 0):
            break
        clock.run(part, commands(config, settings, out, minutes_left)[part])
        if part == "training" and not is_trained(config, out / "run"):
            break
        clock.finish(part)
    minutes = {part: round(seconds / 60, 2) for part, seconds in clock.seconds.items()}
    print(f"minutes: {sum(minutes.values()):.2f} in all, {minutes}")
    if len(clock.done) < len(PARTS):
        print("not at the end yet; the same command goes on"
              + f", with more than {EVALUATION_MINUTES:g} minutes" * (args.minutes <= EVALUATION_MINUTES))


if __name__ == "__main__":
    run_command(main)
