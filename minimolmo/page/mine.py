"""The page on which a learner makes PixMo data from own photos: what is said about them becomes data/mine.

    python -m minimolmo.page.mine [--photos=FOLDER] [--folder=data/mine] [--port=8017] [--no-browser]
"""
from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from minimolmo.answer import default_weights, describe_weights
from minimolmo.command import run_command, say
from minimolmo.options import Parser, count_argument, path_argument
from minimolmo.page import annotate, demo, finish, teach
from minimolmo.page.annotate import Maker, offered_photos
from minimolmo.page.finish import Trainer, next_run
from minimolmo.page.journal import open_journal
from minimolmo.page.messages import Route
from minimolmo.page.server import serve

FOLDER, OUT = teach.shown(teach.DATA / "mine"), Path("out/mine")
FILES = {**demo.FILES, "/mine": demo.FOLDER / "mine.html"}


class Mine:
    """The maker of a folder and the trainer on it, as a context manager, opened when they are first needed.

    So a page that only asks makes no folder. The folder's files are written when it is opened and at the end.
    """

    def __init__(self, folder: Path, out: Path = OUT, photos: Path | None = None, model: str | None = None):
        """`photos`: a folder whose pictures are offered. `model`: the name of what answers questions."""
        self.folder, self.out, self.model = folder, out, model
        self.offered = offered_photos(photos) if photos else []
        self.lock, self.stack, self.opened = threading.Lock(), ExitStack(), None

    def __enter__(self) -> Mine:
        return self

    def __exit__(self, *error) -> None:
        self.stack.__exit__(*error)

    def open(self) -> tuple[Maker, Trainer]:
        """The maker and the trainer.

        Raises ValueError if another process has the folder open, or if its files are somebody else's.
        """
        with self.lock:
            if self.opened is None:
                with ExitStack() as stack:
                    journal = stack.enter_context(open_journal(self.folder))
                    teach.write_splits(journal)
                    stack.callback(teach.write_splits, journal)
                    trainer = Trainer(journal, self.out)
                    stack.callback(trainer.stop)
                    self.stack = stack.pop_all()
                self.opened = Maker(journal, lambda: next_run(self.out), self.model, self.offered), trainer
            return self.opened

    def routes(self) -> list[Route]:
        """What the page asks for."""
        return annotate.routes(lambda: self.open()[0]) + finish.routes(lambda: self.open()[1])


def main(arguments: list[str]) -> None:
    """The command line: serve this page, and the one that asks, until Ctrl-C."""
    parser = Parser(description="Make a dataset of your own photos in the browser.")
    parser.add_argument("--photos", type=path_argument, help="a folder of photos to offer; never changed")
    parser.add_argument("--folder", type=path_argument, default=FOLDER, help="default: %(default)s")
    parser.add_argument("--weights", type=path_argument,
                        help="the model that questions ask (default: out/nano if it is trained, else the "
                             "released nano)")
    parser.add_argument("--port", type=count_argument(0, 65_535), default=demo.PORT,
                        help="of 127.0.0.1; one of the next ten if it is in use (default: %(default)s)")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    given = parser.parse_args(arguments)
    weights = given.weights or default_weights()
    with Mine(given.folder, OUT, given.photos, describe_weights(weights)) as mine:
        mine.open()  # errors come now, and not in the browser
        say(f"your data: {given.folder}; asking {describe_weights(weights)}", file=sys.stderr)
        table = demo.Demo(weights).routes() + mine.routes()
        serve(table, FILES, given.port, not given.no_browser, "/mine")


if __name__ == "__main__":
    run_command(main)
