"""Locks of folders: one writer at a time; a second one is told who holds the folder.

    with locked(folder): ...
"""
from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from minimolmo.command import say

try:
    import fcntl
except ImportError:  # Windows has another kind of lock
    fcntl = None
    import msvcrt

LOCK = ".lock"
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)  # some network disks
LOCK_BYTE = 1 << 30  # where Windows locks the file: behind the text, so that others can read who holds it


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Lock a folder for this process alone. The system unlocks it when the process ends, however it ends.

    Raises ValueError that says who holds it. The folder is made if it does not exist.
    """
    with _open_locked(Path(folder)) as file:
        file.truncate(0)
        note = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        file.write(json.dumps(note).encode())
        file.flush()
        yield


def _open_locked(folder: Path) -> BinaryIO:
    """Open and lock a folder's lock file; anew if the process that held it has removed the file meanwhile."""
    path = folder / LOCK
    if path.is_symlink() or path.exists() and path.read_bytes()[:7] not in (b"", b'{"pid":'):
        raise ValueError(f"{path} is not a lock of this program, so it would be overwritten. Move it away.")
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            file = stack.enter_context(open(path, "a+b"))
            _lock(file, folder)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                    stack.pop_all()
                    return file


def _lock(file: BinaryIO, folder: Path) -> None:
    """Lock an open file without waiting. Raises ValueError if another process holds it."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            file.seek(LOCK_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):  # the second on Windows
        raise ValueError(f"{folder} is in use by {_holder(file)}, so this command would get in its way. "
                         f"Wait until it is done, or try another folder.") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        say(f"note: this disk has no locks: let no other command write to {folder} meanwhile.", sys.stderr)


def _holder(file: BinaryIO) -> str:
    """Who holds a lock, as the lock file says."""
    file.seek(0)
    try:
        note = json.loads(file.read())
        return f"process {note['pid']} on {note['host']} since {note['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
