"""Safe files and folders: atomic writes, manifests, what may be removed."""
import errno
import hashlib
import os
import shutil
import socket
import time
from pathlib import Path

import pytest
from PIL import Image

from minimolmo import disk
from minimolmo.bounds import check_plain_name
from minimolmo.disk import (
    MANIFEST,
    check_files,
    check_unchanged,
    has_own_manifest,
    remove_own,
    replace_own,
    replaced_name,
    write_atomically,
    write_image,
    write_manifest,
)


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


def test_a_file_that_is_called_like_an_unfinished_one_is_kept(tmp_path):
    """It may be a person's, or another writer's."""
    (tmp_path / "a.tmp").write_bytes(b"mine")

    def pieces():
        yield b"new"
        write_atomically(tmp_path / "b", [b"other"])
        assert {path.name for path in tmp_path.iterdir()} == {"a.tmp", "b", f"a.{os.getpid()}.tmp"}

    write_atomically(tmp_path / "a", pieces())
    assert (tmp_path / "a.tmp").read_bytes() == b"mine" and (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_pipes_and_sockets_are_refused_and_devices_are_written_in_place(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name in ("pipe", "link", "socket"):
            with pytest.raises(ValueError, match="is a pipe, a socket or a disk.*Try the name of a file"):
                write_atomically(tmp_path / name, [b"new"])
    write_atomically(os.devnull, [b"new"])
    assert Path(os.devnull).is_char_device()
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "link", "socket"}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_an_error_of_a_device_names_it():
    with pytest.raises(OSError) as caught:
        write_atomically("/dev/full", [b"new"])
    assert caught.value.filename == "/dev/full"


def test_an_image_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    write_image(tmp_path / "a.png", Image.new("RGB", (2, 2), "red"))
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError):
        write_image(tmp_path / "a.png", Image.new("RGB", (2, 2), "blue"))
    with Image.open(tmp_path / "a.png") as image:
        assert image.getpixel((0, 0)) == (255, 0, 0)


# Manifests

@pytest.fixture
def ours(tmp_path) -> Path:
    folder = tmp_path / "ours"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text("a", encoding="utf-8")
    write_manifest(folder, "test", step=3)
    return folder


def test_a_folder_is_ours_by_its_manifest_and_its_kind(ours, tmp_path):
    assert has_own_manifest(ours, "test") and has_own_manifest(ours, "release", "test")
    assert not has_own_manifest(ours, "release") and not has_own_manifest(tmp_path, "test")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"writer": "me", "kind": "test"}', '{"kind": "test"}'])
def test_a_folder_without_our_manifest_is_never_removed_or_replaced(ours, content):
    (ours / "manifest.json").write_text(content, encoding="utf-8")
    for act in (lambda: remove_own(ours, "test"), lambda: replace_own(ours / "deep", ours, "test")):
        with pytest.raises(ValueError, match="was not written by this program .*Move it away"):
            act()
    assert (ours / "deep" / "a.txt").read_text(encoding="utf-8") == "a"


def test_a_link_to_a_folder_of_ours_is_not_followed(ours, tmp_path):
    (tmp_path / "link").symlink_to(ours)
    with pytest.raises(ValueError, match="not removed or replaced"):
        remove_own(tmp_path / "link", "test")
    assert has_own_manifest(ours, "test")


def test_a_folder_of_ours_is_removed_and_one_that_is_not_there_is_no_error(ours):
    remove_own(ours, "test")
    remove_own(ours, "test")
    assert not ours.exists()


def test_half_removed_folders_still_say_whose_they_are(ours, monkeypatch):
    """Killed while it removes a folder: the manifest goes last, so the next run goes on."""
    def killed(path):
        raise KeyboardInterrupt
    monkeypatch.setattr(Path, "rmdir", killed)
    monkeypatch.setattr(Path, "unlink",
                        lambda path: killed(path) if path.name == MANIFEST else os.unlink(path))
    with pytest.raises(KeyboardInterrupt):
        remove_own(ours, "test")
    monkeypatch.undo()
    assert os.listdir(ours) == [MANIFEST]
    remove_own(ours, "test")
    assert not ours.exists()


def test_an_older_folder_is_moved_aside_before_the_new_one_takes_its_name(ours, tmp_path, monkeypatch):
    new = shutil.copytree(ours, tmp_path / "new")
    (new / "more").write_text("more", encoding="utf-8")
    monkeypatch.setattr("minimolmo.disk.remove_folder", lambda folder: None)  # killed at this point
    replace_own(new, ours, "test")
    assert (ours / "more").exists() and (replaced_name(ours) / MANIFEST).exists()
    monkeypatch.undo()
    replace_own(shutil.copytree(ours, tmp_path / "third"), ours, "test")
    assert not replaced_name(ours).exists()


def test_an_interrupt_leaves_the_older_folder_under_its_name(ours, tmp_path, monkeypatch):
    new, rename = shutil.copytree(ours, tmp_path / "new"), Path.rename

    def interrupted(path, target):
        if path == new:
            raise KeyboardInterrupt
        rename(path, target)
    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_own(new, ours, "test")
    assert has_own_manifest(ours, "test") and sorted(os.listdir(tmp_path)) == ["new", "ours"]


def test_a_folder_that_a_killed_run_had_only_begun_is_nobodys(tmp_path):
    (tmp_path / "begun").mkdir()
    for name in (f"{MANIFEST}.tmp", f"{MANIFEST}.123.tmp"):
        (tmp_path / "begun" / name).write_text("{", encoding="utf-8")
    remove_own(tmp_path / "begun", "test")
    assert not (tmp_path / "begun").exists()


def test_every_change_of_a_file_is_found(ours):
    check_files(ours)
    (ours / "deep" / "a.txt").write_text("b", encoding="utf-8")
    with pytest.raises(ValueError, match="a.txt is not what was written.*Try another copy"):
        check_files(ours)
    (ours / "deep" / "a.txt").unlink()
    with pytest.raises(ValueError, match="a.txt is missing"):
        check_files(ours)
    check_files(ours, "other")


def test_a_file_that_has_not_changed_for_a_while_is_read_once(tmp_path, monkeypatch):
    """And a change is found, even one that keeps size and time of modification."""
    reads, really = [], disk._read_sha256
    monkeypatch.setattr(disk, "_read_sha256", lambda path: (reads.append(path), really(path))[1])
    path, now = tmp_path / "a", time.time_ns()
    path.write_bytes(b"one")
    first = disk.sha256_of(path), disk.sha256_of(path)
    assert len(reads) == 2  # it has just changed, so it may change again within the same tick
    monkeypatch.setattr(time, "time_ns", lambda: now + 10 ** 10)
    assert {disk.sha256_of(path), disk.sha256_of(path), *first} == {hashlib.sha256(b"one").hexdigest()}
    assert len(reads) == 3
    modified = path.stat().st_mtime_ns
    time.sleep(0.05)
    path.write_bytes(b"two")
    os.utime(path, ns=(modified, modified))
    assert disk.sha256_of(path) == hashlib.sha256(b"two").hexdigest()


@pytest.mark.parametrize("name, fault", [("deep/a.txt", "was edited"), ("b.txt", "was added"),
                                         ("deep/b.txt", "was added"), ("deep/manifest.json", "was added")])
def test_edits_and_additions_of_a_user_are_found(ours, name, fault):
    check_unchanged(ours)
    check_unchanged(ours / "nowhere")
    (ours / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=f"{name} {fault} since .*would lose that work. Move .*another name"):
        check_unchanged(ours)


def test_a_missing_file_is_no_edit_and_a_link_is_one(ours):
    (ours / "deep" / "a.txt").rename(ours.parent / "a.txt")
    check_unchanged(ours)
    (ours / "deep" / "a.txt").symlink_to(ours.parent / "a.txt")
    with pytest.raises(ValueError, match="a.txt was edited"):
        check_unchanged(ours)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "/x", "", ".x", "a b", "x\n"])
def test_names_that_could_lead_elsewhere_are_refused(name):
    with pytest.raises(ValueError, match="is not a plain name"):
        check_plain_name(name, "--name")


@pytest.mark.parametrize("end", [".old", "-old", ".bak"])
def test_a_backup_beside_a_folder_stays_when_the_folder_is_replaced(ours, tmp_path, end):
    backup = shutil.copytree(ours, tmp_path / f"ours{end}")
    replace_own(shutil.copytree(ours, tmp_path / "new"), ours, "test")
    assert (backup / "deep" / "a.txt").exists()


def test_a_replaced_folder_with_a_users_file_is_not_removed(ours, tmp_path):
    """A killed run left it, and somebody worked on in it."""
    leftover = shutil.copytree(ours, replaced_name(ours))
    (leftover / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="mine.txt was added"):
        replace_own(shutil.copytree(ours, tmp_path / "new"), ours, "test")
    assert (leftover / "mine.txt").exists()
