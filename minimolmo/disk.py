"""Files that are there whole or not at all: the one place where we write what must not be lost."""
from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: str | Path, pieces: Iterable) -> None:
    """Write byte strings to a file that, whatever happens, is either complete or still the old one.

    Whoever is killed meanwhile leaves PATH.tmp behind, which the next write of this file replaces.
    """
    unfinished = Path(f"{path}.tmp")
    try:
        with open(unfinished, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())  # on the disk, before the name says so
        os.replace(unfinished, path)
    except BaseException:  # whatever it was, it goes on its way
        unfinished.unlink(missing_ok=True)  # a full disk needs the room
        raise
