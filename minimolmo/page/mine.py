"""The page on which a learner makes PixMo data from own photos: what is said about them becomes data/mine.

    python -m minimolmo.page.mine [--photos=FOLDER] [--folder=data/mine] [--port=8017] [--no-browser]
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minimolmo.command import run_command, say
from minimolmo.options import Parser, count_argument, path_argument
from minimolmo.page import annotate, finish, teach
from minimolmo.page.annotate import Maker, offered_photos
from minimolmo.page.finish import Trainer, next_run
from minimolmo.page.journal import open_journal
from minimolmo.page.messages import Route
from minimolmo.page.server import serve

HERE = Path(__file__).resolve().parent
FOLDER, OUT = teach.shown(teach.DATA / "mine"), Path("out/mine")
SCRIPTS = ("mine.js", "outbox.js", "talk.js", "tasks.js", "finish.js", "picture.js", "mine.css", "page.css")
FILES = {**dict.fromkeys(("/", "/mine"), HERE / "mine.html"), **{f"/{name}": HERE / name for name in SCRIPTS}}


@contextmanager
def open_mine(folder: Path, photos: Path | None = None, model: str | None = None,
              out: Path = OUT) -> Iterator[list[Route]]:
    """The page's routes while its folder is open. Its files are written at the start and at the end.

    photos  a folder whose pictures are offered
    model   the name of the model that answers questions, if there is one
    out     the folder of the first training; the next ones get a number

    Raises ValueError if another process has the folder open, or if its files are somebody else's.
    """
    offered = offered_photos(photos) if photos else []
    with open_journal(folder) as journal:
        teach.write_splits(journal)
        trainer = Trainer(journal, out)
        try:
            maker = Maker(journal, lambda: next_run(out), model, offered)
            yield annotate.routes(maker) + finish.routes(trainer)
        finally:
            trainer.stop()
            teach.write_splits(journal)


def main(arguments: list[str]) -> None:
    """The command line: serve the page until Ctrl-C."""
    parser = Parser(description="Make a dataset of your own photos in the browser.")
    parser.add_argument("--photos", type=path_argument, help="a folder of photos to offer; never changed")
    parser.add_argument("--folder", type=path_argument, default=FOLDER, help="default: %(default)s")
    parser.add_argument("--port", type=count_argument(0, 65_535), default=8017)
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")
    given = parser.parse_args(arguments)
    with open_mine(given.folder, given.photos) as table:
        say(f"your data: {given.folder}")
        serve(table, FILES, given.port, not given.no_browser, "/mine")


if __name__ == "__main__":
    run_command(main)
