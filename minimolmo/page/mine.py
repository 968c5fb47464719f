"""The page on which a learner makes PixMo data from own photos: what is said about them becomes data/mine.

    python -m minimolmo.page.mine [--photos=FOLDER] [--folder=data/mine] [--port=8000] [--no-browser]

The same server has the page of demo.py: its model answers what is asked about a photo.
"""
from __future__ import annotations

import re
from pathlib import Path

from minimolmo.answer import default_weights, describe_weights
from minimolmo.command import run_command, say
from minimolmo.options import Parser, path_argument
from minimolmo.page import demo
from minimolmo.page.maker import OUT, OWN_PHOTOS, Mine


def check_folder_name(folder: Path) -> None:
    """Raise ValueError for a folder whose name cannot be a setting of train.py: --mix.NAME=1."""
    name = folder.resolve().name
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ValueError(f"--folder {str(folder)!r} is called {name!r}, and training names it in a setting, "
                         f"--mix.NAME=1, which takes letters, digits, - and _. Try --folder=data/mine.")


def main(arguments: list[str]) -> None:
    """The command line: serve this page, and the one that asks, until Ctrl-C."""
    parser = Parser(description="Make a dataset of your own photos in the browser.")
    parser.add_argument("--photos", type=path_argument, help="a folder of photos to offer; never changed")
    parser.add_argument("--folder", type=path_argument, default=OWN_PHOTOS, help="default: %(default)s")
    demo.add_options(parser)
    given = parser.parse_args(arguments)
    check_folder_name(given.folder)
    weights = given.weights or default_weights()
    with Mine(given.folder, OUT, given.photos, describe_weights(weights)) as mine:
        mine.open()  # errors come now, and not in the browser
        say(f"your data: {given.folder}")
        demo.serve_pages(weights, mine, given.port, not given.no_browser, "/mine")


if __name__ == "__main__":
    run_command(main)
