"""Locks of folders: one writer at a time, and a second one is told who holds the folder."""
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minimolmo import locks
from minimolmo.locks import locked

HOLD = """
import sys
from minimolmo.locks import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_folder_until_that_one_ends(tmp_path):
    """It ends by kill -9, and the system frees the lock."""
    root = Path(__file__).resolve().parent.parent
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "new")], cwd=root, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ValueError, match=rf"in use by process {holder.pid} on .* since .*Wait until it"):
        with locked(tmp_path / "new"):
            pass
    holder.kill()
    holder.communicate()
    with locked(tmp_path / "new"):
        pass


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_anew(tmp_path, monkeypatch):
    """As when data.clean, which held it, removed the folder: two processes would hold two files."""
    really, opened = locks._lock, []

    def lock(file, *rest):
        if not opened:
            (tmp_path / ".lock").unlink()
        opened.append(file)
        really(file, *rest)
    monkeypatch.setattr(locks, "_lock", lock)
    with locked(tmp_path):
        assert (tmp_path / ".lock").exists()
        with pytest.raises(ValueError, match="is in use"):
            with locked(tmp_path):
                pass
    assert len(opened) == 3 and opened[0].closed


@pytest.mark.skipif(not locks.fcntl, reason="Windows has another kind of lock")
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_used_with_a_note(tmp_path, monkeypatch, capsys, code):
    def flock(*_):
        raise OSError(code, os.strerror(code))
    monkeypatch.setattr(locks.fcntl, "flock", flock)
    with locked(tmp_path):
        assert "note: this disk has no locks" in capsys.readouterr().err


def test_a_lock_that_is_a_link_or_a_users_file_is_not_overwritten(tmp_path):
    (tmp_path / "precious.txt").write_text("precious", encoding="utf-8")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".lock").symlink_to(tmp_path / "precious.txt")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / ".lock").write_text("mine", encoding="utf-8")
    for name in "ab":
        with pytest.raises(ValueError, match=".lock is not a lock of this program"), locked(tmp_path / name):
            pass
    assert (tmp_path / "precious.txt").read_text(encoding="utf-8") == "precious"
    assert (tmp_path / "b" / ".lock").read_text(encoding="utf-8") == "mine"
