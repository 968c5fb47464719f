"""Draw all datasets of a level of mini-PixMo.

    python -m data.prepare_all --level=easy --seed=1 --sets=cap,points --workers=2 --images=1000
"""
from data.ask_model_anything.prepare import make_example as ask_model_anything
from data.cap.prepare import make_example as cap
from data.cap_qa.prepare import make_example as cap_qa
from data.clocks.prepare import make_example as clocks
from data.count.prepare import make_example as count
from data.docs.prepare import make_example as docs
from data.generate import run_command_line
from data.point_explanations.prepare import make_example as point_explanations
from data.points.prepare import make_example as points
from minimolmo.command import run_command

DATASETS = {
    "points": points, "count": count, "ask_model_anything": ask_model_anything, "cap": cap, "cap_qa": cap_qa,
    "point_explanations": point_explanations, "docs": docs, "clocks": clocks
}


def main(arguments: list[str]) -> None:
    """The command line: draw the datasets of a level."""
    run_command_line(DATASETS, arguments)


if __name__ == "__main__":
    run_command(main)
