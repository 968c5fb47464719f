"""Atomic writes: a file on disk is always complete."""
from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: str | Path, pieces: Iterable[bytes]) -> None:
    """Write byte strings to a file. If writing fails, the old file stays as it was.

    A killed process leaves PATH.tmp behind, which the next write replaces.
    """
    unfinished = Path(f"{path}.tmp")
    try:
        with open(unfinished, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())  # the bytes must be on the disk before the file has its name
        os.replace(unfinished, path)
    except BaseException:  # Ctrl-C too
        unfinished.unlink(missing_ok=True)  # frees space if the disk is full
        raise
