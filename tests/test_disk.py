"""Files that are written whole or not at all, whatever interrupts the writing."""
import errno
import os

import pytest

from minimolmo.disk import write_atomically


def test_pieces_end_up_in_one_file_and_nothing_else_is_left(tmp_path):
    write_atomically(tmp_path / "a", [b"one ", b"two"])
    assert (tmp_path / "a").read_bytes() == b"one two"
    assert os.listdir(tmp_path) == ["a"]


def test_bytes_are_on_the_disk_before_the_name_says_so(tmp_path, monkeypatch):
    """Else a power cut may leave the new name with nothing, or with zeros, behind it."""
    order = []
    for name in ("fsync", "replace"):
        really = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given, name=name, really=really: (
            order.append(name), really(*given)))
    write_atomically(tmp_path / "a", [b"new"])
    assert order == ["fsync", "replace"]


@pytest.mark.parametrize("end", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_and_ctrl_c_leave_the_old_file_and_no_half_of_the_new(tmp_path, end):
    def pieces():
        yield b"new"
        raise end

    write_atomically(tmp_path / "a", [b"old"])
    with pytest.raises(type(end)):
        write_atomically(tmp_path / "a", pieces())
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
