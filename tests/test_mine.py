"""The page for own photos: pictures, edits and speech over HTTP, and the folder that they become."""
import errno
import hashlib
import io
import json
import os
import re
import struct
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import train
from minimolmo.batch.dataset import Dataset, check_split
from minimolmo.image.resize import open_image
from minimolmo.page import finish, journal, teach
from minimolmo.page.guards import cookie_name
from minimolmo.page.maker import Mine
from minimolmo.page.messages import Refusal
from minimolmo.page.server import start
from minimolmo.weights import checkpoint

ROOT = Path(__file__).resolve().parent.parent
CAT = {"style": "pointing", "label": "cat", "points": [[61.5, 40.4]]}
GPS, ORIENTATION = 0x8825, 0x0112


def photo(seed: int = 0, orientation: int = 1, size: tuple[int, int] = (80, 60), form: str = "JPEG") -> bytes:
    """A photo file: grey, with one red corner as it is stored, and with the place where it was taken."""
    pixels = np.full((size[1], size[0], 3), 100 + seed, np.uint8)
    pixels[:size[1] // 4, :size[0] // 4] = 255, 0, 0
    exif = Image.Exif()
    exif[ORIENTATION], exif[GPS], exif[0x010F] = orientation, {1: "N", 2: (48.0, 51.0, 29.0)}, "SecretCamera"
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, exif=exif, quality=95)
    return file.getvalue()


@dataclass
class Page:
    """A running page, asked as the browser does."""
    mine: Mine
    url: str
    key: str

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self.mine.folder

    def ask(self, path: str, body: bytes | dict | None = None) -> tuple[int, dict | bytes]:
        """Status and answer."""
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        host = self.url.removeprefix("http://")
        headers = {"Cookie": f"{cookie_name(host)}={self.key}", "X-Minimolmo": "1"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers)) as reply:
                status, kind, content = reply.status, reply.headers["Content-Type"], reply.read()
        except urllib.error.HTTPError as error:
            status, kind, content = error.code, error.headers["Content-Type"], error.read()
        return status, json.loads(content) if kind == "application/json" else content

    def add(self, data: bytes) -> str:
        """Add a photo; returns its ID."""
        status, added = self.ask("/api/photo", data)
        assert status == 200, added
        return added["id"]

    def edit(self, photo: str, key: str, entry: dict | None, base: int = 0) -> tuple[int, dict]:
        """Write a version of an entry."""
        return self.ask("/api/edit", {"photo": photo, "key": key, "base": base, "set": entry})


@pytest.fixture
def page(tmp_path):
    """A page on an empty folder, with three photos offered."""
    (tmp_path / "photos").mkdir()
    for number, name in enumerate(("b.jpg", "a.JPG", "c.jpg")):
        (tmp_path / "photos" / name).write_bytes(photo(number))
    (tmp_path / "photos" / "notes.txt").write_text("not offered", encoding="utf-8")
    with Mine(tmp_path / "mine", tmp_path / "out", tmp_path / "photos", "out/nano") as opened:
        running = start(opened.routes(), {})
        yield Page(opened, running.url, running.key)
        running.stop()


# Photos

@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_that_the_camera_stored_turned_is_kept_upright(page, orientation):
    """Where a viewer shows the red corner, a point is red in the kept file: so its percent are right."""
    data = photo(orientation=orientation)
    corner = {1: (5, 5), 2: (95, 5), 3: (95, 95), 4: (5, 95), 5: (5, 5), 6: (95, 5), 7: (95, 95), 8: (5, 95)}
    status, added = page.ask("/api/photo", data)
    sides = (80, 60) if orientation < 5 else (60, 80)
    assert status == 200 and (added["width"], added["height"]) == sides
    pixels = open_image(page.folder / "images" / f"{added['id']}.jpg")
    assert pixels.shape == (sides[1], sides[0], 3)
    x, y = corner[orientation]
    red, green, _ = pixels[y * sides[1] // 100, x * sides[0] // 100].astype(int)
    assert red > 200 and green < 60


def test_nothing_of_a_photos_exif_is_kept_and_its_name_is_the_sha256_of_what_was_given(page):
    data = photo()
    name = page.add(data)
    kept = (page.folder / "images" / f"{name}.jpg").read_bytes()
    assert name == hashlib.sha256(data).hexdigest()[:16]
    assert b"SecretCamera" in data and b"SecretCamera" not in kept and b"Exif" not in kept
    assert not Image.open(io.BytesIO(kept)).getexif()
    assert page.ask(f"/photo/{name}") == (200, kept) and page.ask(f"/api/photo/{name}") == (200, kept)


def test_the_same_photo_twice_is_one_photo(page):
    assert page.add(photo()) == page.add(photo()) != page.add(photo(1))
    assert len(page.ask("/api/mine")[1]["photos"]) == 2


def test_a_large_photo_is_made_smaller(page):
    name = page.add(photo(size=(4100, 30)))
    assert open_image(page.folder / "images" / f"{name}.jpg").shape == (15, 2048, 3)


def png_bomb(side: int) -> bytes:
    """The header of a PNG that claims side x side pixels."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9)))
            + chunk(b"IEND", b""))


@pytest.mark.parametrize("data, status, words", [
    (b"", 400, "not an image of a known format"), (b"%!PS-Adobe-3.0", 400, "not an image of a known format"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400, "not an image of a known format"),
    (photo()[:900], 400, "damaged, cut short"), (png_bomb(60_000), 400, "more than 50,000,000 pixels"),
    (photo(size=(80, 9)), 400, "a side has fewer than 16"), (bytes(32_000_001), 413, "32,000,000 bytes")])
def test_what_is_no_photo_is_refused_in_words(page, data, status, words):
    answered, refusal = page.ask("/api/photo", data)
    assert answered == status and refusal["e"] == "error" and refusal["try"]
    assert words in f"{refusal['given']} {refusal['why']}"
    assert not page.ask("/api/mine")[1]["photos"] and not list(page.folder.glob("images/*"))


def test_photos_of_a_folder_are_offered_and_not_changed(page, tmp_path):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "photos").iterdir()}
    assert [(each["n"], each["name"], each["photo"]) for each in page.ask("/api/mine")[1]["offered"]] == [
        (0, "a.JPG", None), (1, "b.jpg", None), (2, "c.jpg", None)]
    status, shown = page.ask("/api/offered/1")
    assert status == 200 and Image.open(io.BytesIO(shown)).size == (80, 60)
    name = page.ask("/api/offered", {"n": 1})[1]["id"]
    assert name == page.add(photo(0)) and page.ask("/api/mine")[1]["offered"][1]["photo"] == name
    assert page.ask("/api/offered/3")[0] == 400 and page.ask("/api/offered", {"n": -1})[0] == 400
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns)
                      for path in (tmp_path / "photos").iterdir()}


def test_an_offered_photo_that_is_a_pipe_or_too_large_is_refused(page, tmp_path):
    path = tmp_path / "photos" / "b.jpg"
    os.truncate(path, 32_000_001)
    assert "over 32,000,000 bytes" in page.ask("/api/offered/1")[1]["why"]
    path.unlink()
    assert "does not exist" in page.ask("/api/offered/1")[1]["why"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        assert "pipe" in page.ask("/api/offered/1")[1]["why"]


# Edits and speech

def test_an_edit_is_answered_with_its_number_and_an_older_one_with_both_versions(page):
    name = page.add(photo())
    status, first = page.edit(name, "k1", CAT)
    assert status == 200 and page.edit(name, "k1", CAT) == (200, first)
    status, conflict = page.edit(name, "k1", None)
    assert status == 409 and conflict["seq"] == first["seq"] and conflict["set"] == CAT and conflict["why"]
    status, second = page.edit(name, "k1", None, first["seq"])
    shown, = page.ask("/api/mine")[1]["photos"]
    assert status == 200 and shown["entries"] == {} and shown["seqs"] == {"k1": second["seq"]}


@pytest.mark.parametrize("change", [
    {"photo": "../../../etc/pass"}, {"photo": "0" * 16}, {"key": "../k"}, {"key": ""}, {"base": -1},
    {"base": "0"}, {"set": 3}, {"set": {"style": "pointing", "label": "", "points": []}},
    {"more": 1}, {"set": ...}])
def test_an_edit_that_is_not_one_is_refused_and_nothing_is_written(page, change):
    given = {"photo": page.add(photo()), "key": "k1", "base": 0, "set": CAT} | change
    before = (page.folder / "journal.jsonl").read_bytes()
    given = {name: value for name, value in given.items() if value is not ...}
    status, refusal = page.ask("/api/edit", given)
    assert status == 400 and refusal["why"] and refusal["try"]
    assert (page.folder / "journal.jsonl").read_bytes() == before


def test_speech_is_kept_and_can_be_played_up_to_the_last_second(page):
    name = page.add(photo())
    chunks = [b"\x1aE\xdf\xa3 one", b" two", b" three"]
    for n, chunk in enumerate(chunks):
        assert page.ask(f"/api/speech/{name}/1?n={n}", chunk) == (200, {"next": n + 1})
    assert page.ask(f"/api/speech/{name}/1?n=1", chunks[1]) == (200, {"next": 3})
    status, refusal = page.ask(f"/api/speech/{name}/1?n=4", b" five")
    assert (status, refusal["next"]) == (409, 3)
    assert page.ask(f"/api/speech/{name}/1") == (200, b"".join(chunks))
    assert page.ask("/api/mine")[1]["photos"][0]["takes"] == [{"take": 1, "next": 3, "kind": "audio/webm"}]
    assert page.ask(f"/api/speech/{name}/2?n=0", b"\0\0\0\x20ftypmp42")[0] == 200


@pytest.mark.parametrize("path, body", [("1?n=0", b"MZ"), ("1?n=x", b""), ("1", b""),
                                        ("9?n=0", b"\x1aE\xdf\xa3")])
def test_what_is_no_speech_is_refused(page, path, body):
    status, refusal = page.ask(f"/api/speech/{page.add(photo())}/{path}", body)
    assert status == 400 and refusal["why"] and refusal["try"] and not list(page.folder.glob("speech/*"))


def test_a_full_disk_is_answered_with_507_and_the_journal_stays_whole(page, monkeypatch):
    name, really = page.add(photo()), journal.write_and_sync

    def full(file, data):
        file.write(bytes(data)[:7])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(journal, "write_and_sync", full)
    for answer in (page.edit(name, "k1", CAT), page.ask(f"/api/speech/{name}/1?n=0", b"\x1aE\xdf\xa3")):
        assert answer[0] == 507 and "disk is full" in answer[1]["why"] and answer[1]["try"]
    monkeypatch.setattr(journal, "write_and_sync", really)
    assert page.edit(name, "k1", CAT)[0] == 200
    assert page.ask(f"/api/speech/{name}/1?n=0", b"\x1aE\xdf\xa3 one")[0] == 200
    for line in (page.folder / "journal.jsonl").read_text(encoding="utf-8").splitlines():
        json.loads(line)


# The folder

def fill(page) -> list[str]:
    """Six photos with an entry each; the second is held out."""
    names = [page.add(photo(number)) for number in range(6)]
    for name in names:
        assert page.edit(name, "k1", CAT)[0] == 200
    return names


def test_the_folder_is_written_on_click_in_the_order_of_adding_and_is_good(page):
    names = fill(page)
    page.edit(names[0], "k2", {"style": "transcript", "answer": "okay, so there is a red corner."})
    status, written = page.ask("/api/write", {})
    assert status == 200 and written["good"] and len(written["lines"]) == 2
    assert "train.py" in written["command"] and "--mix.mine=1" in written["command"]
    train, val = Dataset(page.folder, "train"), Dataset(page.folder, "val")
    assert [train[row].image.stem for row in range(len(train))] == [*names[:1], *names[2:]]
    assert [val[row].image.stem for row in range(len(val))] == names[1:2]
    assert [each.style for each in train[0].annotations] == ["pointing", "point_count", "transcript"]


def test_what_is_missing_is_said_in_words(page):
    first = page.add(photo())
    page.edit(first, "k1", CAT)
    written = page.ask("/api/write", {})[1]
    assert not written["good"] and "adding a second photo" in written["lines"][1]
    page.add(photo(1))
    assert "about the second photo" in page.ask("/api/write", {})[1]["lines"][1]
    assert page.ask("/api/train", {})[0] == page.ask("/api/score", {})[0] == 400


def test_explanations_without_points_are_counted_apart_and_named(page):
    names = fill(page)
    explained = {"style": "point_explanations", "question": "Why?", "answer": "The {cat} sits on the {mat}."}
    page.edit(names[2], "k2", {**explained, "points": [[[1, 2]], []]})
    *_, line = page.ask("/api/write", {})[1]["lines"]
    assert line.startswith("1 explanation is not counted") and 'photo 3, "Why?" ({mat}).' in line
    for number in range(4):
        page.edit(names[0], f"e{number}", {**explained, "points": [[], []]})
    *_, line = page.ask("/api/write", {})[1]["lines"]
    assert line.startswith("5 explanations are") and "({cat}, {mat}); and 2 more. Try" in line
    assert page.ask("/api/write", {})[1]["good"]


def test_a_removed_entry_leaves_the_folder_and_comes_back_by_undo(page):
    names = fill(page)
    page.ask("/api/write", {})
    seq = page.edit(names[0], "k1", None, page.edit(names[0], "k1", CAT)[1]["seq"])[1]["seq"]
    page.ask("/api/write", {})
    assert len(Dataset(page.folder, "train")) == 4
    page.edit(names[0], "k1", CAT, seq)
    page.ask("/api/write", {})
    assert len(Dataset(page.folder, "train")) == 5


def test_the_folder_is_written_at_the_start_and_at_the_end(tmp_path):
    with Mine(tmp_path / "mine") as opened:
        maker, _ = opened.open()
        for number in range(2):
            maker.journal.edit(maker.add(photo(number))["id"], "k1", 0, CAT)
    assert len(Dataset(tmp_path / "mine", "train")) == len(Dataset(tmp_path / "mine", "val")) == 1
    (tmp_path / "mine" / "train.jsonl").unlink()
    with Mine(tmp_path / "mine") as opened:
        opened.open()
        assert len(Dataset(tmp_path / "mine", "train")) == 1


def test_rows_that_somebody_wrote_or_edited_by_hand_are_never_replaced(tmp_path):
    """Also those of a folder that the page has never seen."""
    row = {"image": "images/cat.jpg", "annotations": [CAT]}
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "train.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(ValueError, match="written or edited by somebody else.*Move it away"):
        with Mine(tmp_path / "mine") as opened:
            opened.open()
    assert json.loads(path.read_text(encoding="utf-8")) == row


def test_a_page_that_is_not_used_makes_no_folder(tmp_path):
    with Mine(tmp_path / "mine") as opened:
        opened.routes()
    assert not (tmp_path / "mine").exists()


def test_a_second_page_on_the_same_folder_is_refused_in_words(page):
    page.ask("/api/mine")
    with Mine(page.folder) as second, pytest.raises(ValueError, match=f"in use by process {os.getpid()}"):
        second.open()
    assert page.ask("/api/mine")[0] == 200


# Training

@pytest.fixture
def one_thread():
    """Torch without a second thread, which waits long for the first on a machine that does other things."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_made_folder_passes_its_check_and_trains_five_steps(page, one_thread, monkeypatch):
    """By the command that the page shows; the scores before and after have the same names."""
    monkeypatch.setattr(teach, "STEPS", 5)
    fill(page)
    assert page.ask("/api/write", {})[1]["good"]
    maker, trainer = page.mine.open()
    for split in ("train", "val"):
        assert check_split(page.folder, split).endswith("all good")
    script, *options = teach.train_command(maker.journal, page.mine.out)
    assert script == "train.py" and not finish.is_finished(page.mine.out)
    train.main([*options, "--finetune.batch_size=2"])
    assert checkpoint.read_step(checkpoint.latest(page.mine.out)) == 5
    monkeypatch.setattr(finish, "STEPS", 5)
    assert finish.next_run(page.mine.out) == page.mine.out.with_name("out-2")
    assert "--resume" in teach.train_command(maker.journal, page.mine.out)
    monkeypatch.setattr(finish, "STEPS", 6)  # as if it had been stopped
    assert finish.next_run(page.mine.out, maker.journal) == page.mine.out
    with monkeypatch.context() as patch:  # a long caption since then
        patch.setattr(finish, "tokens_needed", lambda journal: teach.MANY_TOKENS)
        assert finish.next_run(page.mine.out, maker.journal) == page.mine.out.with_name("out-2")
    monkeypatch.setattr(finish, "STEPS", 5)
    before = list(finish.score_events(teach.RELEASED, page.folder, "before"))
    after = list(trainer.score(None))
    assert [event["name"] for event in before] == [event["name"] for event in after]
    assert "pointing: F1" in [event["name"] for event in after] and after[0]["when"] == "after"
    words = (ROOT / "minimolmo/page/scores.js").read_text(encoding="utf-8")
    measures = {event["name"].split(": ")[1] for event in after} - {"questions"}
    assert [name for name in measures if not re.search(rf'^  "?{re.escape(name)}"?: \[', words, re.M)] == []


STAND_IN = """
import json, signal, sys, time
out = sys.argv[1]
def stop(*_):
    print("saved", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in sys.argv else stop)
print("checked\\n  5%|##  | 1/20\\nnote: \\x1b[31mred", flush=True)
with open(out + "/log.jsonl", "a") as log:
    for step in range(1, 4):
        print(json.dumps({"stage": "finetune", "step": step, "loss": 1.5}), file=log, flush=True)
time.sleep(0 if "quick" in sys.argv or "fail" in sys.argv else 60)
sys.exit(3 if "fail" in sys.argv else 0)
"""


@pytest.fixture
def trainer(page, monkeypatch, tmp_path):
    """The page's trainer, with a stand-in for train.py and no scores."""
    fill(page)
    (tmp_path / "train.py").write_text(STAND_IN, encoding="utf-8")
    (tmp_path / "out").mkdir()
    words = []
    monkeypatch.setattr(finish, "train_command", lambda journal, run: [tmp_path / "train.py", run, *words])
    monkeypatch.setattr(finish, "score_events", lambda *given: iter([{"e": "score", "when": given[2]}]))
    opened = page.mine.open()[1]
    opened.words = words
    return opened


def test_a_training_is_followed_line_by_line_and_step_by_step(trainer):
    trainer.words.append("quick")
    events = list(trainer.train(lambda: False))
    assert [event for event in events if event["e"] == "line"] == [
        {"e": "line", "text": "checked"}, {"e": "line", "text": "note: \\x1b[31mred"}]
    assert [event["step"] for event in events if event["e"] == "step"] == [1, 2, 3]
    assert [event["when"] for event in events if event["e"] == "score"] == ["before", "after"]
    assert events[-1]["e"] == "done"


def test_a_training_that_fails_ends_in_words_and_without_new_scores(trainer):
    trainer.words.append("fail")
    with pytest.raises(ValueError, match="ended with status 3, so there is no model. Try"):
        list(trainer.train(lambda: False))
    assert not trainer.busy.locked()


def test_a_training_whose_page_is_closed_saves_and_ends(trainer):
    events, closed = [], []
    for event in trainer.train(lambda: bool(closed)):
        events.append(event)
        closed += [True] if event["e"] == "step" else []
    assert {"e": "line", "text": "saved"} in events and trainer.process.returncode == 143
    assert [event["when"] for event in events if event["e"] == "score"] == ["before"]
    assert "done" not in {event["e"] for event in events}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no TERM")
def test_a_training_that_does_not_end_is_killed_when_the_page_ends(trainer, monkeypatch):
    monkeypatch.setattr(finish, "LONGEST_STOP", 0.1)
    trainer.words.append("deaf")
    events = trainer.train(lambda: False)
    while next(events)["e"] != "step":
        pass
    with pytest.raises(Refusal, match="A training runs already"):
        next(trainer.train(lambda: False))
    events.close()
    assert trainer.process.wait() == -9
