"""The folder of own photos that a page's server has open: its journal, its maker and its trainer.

    with Mine(Path("data/mine")) as mine:
        serve(mine.routes(), ...)
"""
from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

from minimolmo.page import annotate, finish, teach
from minimolmo.page.annotate import Maker, offered_photos
from minimolmo.page.finish import Trainer, next_run
from minimolmo.page.journal import open_journal
from minimolmo.page.messages import Route

OWN_PHOTOS, OUT = teach.shown(teach.DATA / "mine"), Path("out/page")


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
                maker = Maker(journal, lambda: next_run(self.out, journal), self.model, self.offered)
                self.opened = maker, trainer
            return self.opened

    def routes(self) -> list[Route]:
        """What the page asks for."""
        return annotate.routes(lambda: self.open()[0]) + finish.routes(lambda: self.open()[1])
