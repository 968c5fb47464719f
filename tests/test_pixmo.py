"""Download of a PixMo subset from the Hub to a folder for training: complete, repeatable, safe to kill."""
import errno
import hashlib
import io
import itertools
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tools import fake_hub
from tools.fake_hub import FakeHub, status
from tools.fake_pixmo import FakePixmo

from data.pixmo import prepare as preparing
from data.pixmo.hub import LIMITS, Hub
from data.pixmo.network import Limits
from data.pixmo.prepare import PixmoSpec, main, prepare, split_rows
from data.pixmo.records import LATER, ImageOutcome, Record
from data.pixmo.store import Store
from data.pixmo.workers import Workers
from minimolmo.batch.dataset import Dataset, check_split
from minimolmo.locks import locked

FAST = Limits(max_tries=2, backoff=0.01, loopback=True)
HUB_FAST = replace(LIMITS, max_tries=2, backoff=0.01, loopback=True)
CAP = "allenai/pixmo-cap", "default"


@pytest.fixture
def web():
    with FakeHub() as server:
        yield server


def picture(number: int) -> bytes:
    """A JPEG like no other, the same each time."""
    file = io.BytesIO()
    Image.new("RGB", (70, 70), (number % 256, 90, 90)).save(file, "JPEG", comment=str(number))
    return file.getvalue()


def captions(web: FakeHub, number: int) -> None:
    """Fill the cap set with so many rows, each with a picture."""
    web.images = {f"/{n}.jpg": picture(n) for n in range(number)}
    web.rows[CAP] = [{"image_url": f"{web.url}/{n}.jpg", "caption": f"Number {n}."} for n in range(number)]


def run(web: FakeHub, folder: Path, sets=("cap",), **plan) -> str:
    """Prepare a small subset; returns the last line."""
    plan = PixmoSpec(sets=sets, **{"rows": 10, "size": 64, **plan})
    return prepare(plan, folder, Hub(web.url, limits=HUB_FAST, pause=0), FAST)


def rows_of(folder: Path, split: str = "") -> list[dict]:
    """The rows of a split, or of both."""
    files = [folder / f"{name}.jsonl" for name in ([split] if split else ["train", "val"])]
    return [json.loads(line) for file in files for line in open(file)]


def failures_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in open(folder / "failures.jsonl")]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file and its bytes, but for when the run ended and how long it took."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
             if path.is_file() and path.name != ".lock"}
    manifest = json.loads(files["manifest.json"])
    manifest.pop("run")
    return files | {"manifest.json": json.dumps(manifest).encode()}


def test_all_eight_sets_become_one_folder_with_the_annotations_of_their_rows(web, tmp_path):
    """The fake's rows were made from annotations we know: the same come back. Three rows share a picture in
    two of the sets, so six rows are two pictures there."""
    pixmo = FakePixmo(web, rows=6, dead_links=False)
    line = run(web, tmp_path, sets=PixmoSpec().sets, rows=4)
    for split in ("train", "val"):
        assert check_split(tmp_path, split).endswith("all good")
    assert line.startswith("pixmo: 28 of 32 images with 36 rows in ")
    assert line.endswith("none; points has no more rows; ask_model_anything has no more rows")
    labels = {note["label"]: note["points"] for row in rows_of(tmp_path) for note in row["annotations"]
              if note["style"] == "pointing"}
    for number in range(2):
        for note in pixmo.make_example("points", "default", number)[1][:3]:
            assert labels[note.label] == [list(point) for point in note.points]
    answers = {note["answer"] for row in rows_of(tmp_path) for note in row["annotations"]
               if note["style"] == "point_explanations"}
    assert len(answers) == 4 and answers <= {
        pixmo.make_example("point_explanations", "default", number)[1][0].answer for number in range(6)}
    styles = {note["style"] for row in rows_of(tmp_path) for note in row["annotations"]}
    assert styles == {"long_caption", "transcript", "pointing", "point_count", "count", "user_qa", "cap_qa",
                      "point_explanations", "charts", "diagrams", "tables", "other", "clocks"}


def test_pixels_of_the_count_set_land_where_the_things_are(web, tmp_path):
    pixmo = FakePixmo(web, rows=3, dead_links=False)
    run(web, tmp_path, sets=("count",), rows=3)
    points = {note["label"]: note["points"] for row in rows_of(tmp_path) for note in row["annotations"]
              if note["style"] == "pointing"}
    for index in range(3):
        note = next(n for n in pixmo.make_example("count", "default", index)[1] if n.style == "point_count")
        assert np.array(points[note.label]) == pytest.approx(np.array(note.points), abs=0.01)


def test_what_all_sets_say_of_a_picture_stands_in_one_row_once(web, tmp_path):
    captions(web, 2)
    same = {"image_url": f"{web.url}/0.jpg", "image_sha256": hashlib.sha256(picture(0)).hexdigest()}
    web.images["/copy.jpg"] = picture(0)  # another link to the same bytes
    web.rows["allenai/pixmo-ask-model-anything", "default"] = [
        {**same, "question": "Who?", "answer": "A cat."}, {**same, "question": "Who?", "answer": "A cat."},
        {**same, "question": "Where?", "answer": "Here.", "image_url": f"{web.url}/copy.jpg"}]
    run(web, tmp_path, sets=("cap", "ask_model_anything"))
    answers = {tuple(note["answer"] for note in row["annotations"]) for row in rows_of(tmp_path)}
    assert answers == {("Number 0.", "A cat.", "Here."), ("Number 1.",)}
    assert web.count_requests("/0.jpg") == 1


def test_as_many_more_rows_are_read_as_there_are_dead_links(web, tmp_path):
    captions(web, 250)
    for number in range(0, 250, 3):
        del web.images[f"/{number}.jpg"]
    line = run(web, tmp_path, rows=60)
    assert len(rows_of(tmp_path)) == 60 == len(list((tmp_path / "images").rglob("*.jpg")))
    dead = [failure for failure in failures_of(tmp_path) if failure["cause"] == "gone"]
    assert len(dead) >= 25 and f"rows that failed: {len(dead)} gone" in line
    assert dead[0]["url"].startswith(web.url) and dead[0]["row"].startswith("cap/default/")


def test_the_seed_alone_picks_the_rows_and_the_manifest_tells_which(web, tmp_path):
    captions(web, 1000)
    chosen = []
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(web, tmp_path / folder, seed=seed)
        manifest = json.loads((tmp_path / folder / "manifest.json").read_text(encoding="utf-8"))
        chosen.append(manifest["sets"]["cap"]["rows"]["default"])
    assert chosen[0] == chosen[1] != chosen[2]
    assert manifest["sets"]["cap"]["revisions"] == {"default": fake_hub.REVISION}
    assert manifest["sha256"]["train.jsonl"] == hashlib.sha256(
        (tmp_path / "c/train.jsonl").read_bytes()).hexdigest()


def test_the_order_in_which_downloads_end_changes_nothing(web, tmp_path):
    captions(web, 120)
    for number in range(0, 120, 5):
        web.add_faults(f"/{number}.jpg", *[status(404)] * 2)
    images, rng = web.images, random.Random(0)

    def slowly(path):
        time.sleep(rng.random() * 0.02)
        return images.get(path, 404)

    run(web, tmp_path / "a", rows=40)
    web.images = slowly
    for number in range(0, 120, 5):
        web.add_faults(f"/{number}.jpg", status(404))
    run(web, tmp_path / "b", rows=40)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_second_run_finds_all_there_and_requests_nothing(web, tmp_path):
    captions(web, 30)
    del web.images["/3.jpg"]
    first, before = run(web, tmp_path, rows=29), len(web.requests)
    again = run(web, tmp_path, rows=29)
    assert len(web.requests) == before and again == first + " (it was there already)"


def test_what_failed_for_a_moment_is_tried_again_next_time_and_what_failed_for_good_is_not(web, tmp_path):
    captions(web, 12)
    web.add_faults("/3.jpg", status(503), status(503))
    web.add_faults("/4.jpg", status(404))
    assert "1 busy, 1 gone (1 of them will be tried again next time)" in " ".join(
        sorted_causes(run(web, tmp_path, rows=12)))
    assert len(rows_of(tmp_path)) == 10
    before = len(web.requests)
    run(web, tmp_path, rows=12)
    assert [path for path, _ in web.requests[before:]] == ["/3.jpg"] and len(rows_of(tmp_path)) == 11
    assert [failure["cause"] for failure in failures_of(tmp_path)] == ["gone"]


def sorted_causes(line: str) -> list[str]:
    """The part of the last line that counts causes, most common first, ties by name."""
    causes, rest = re.search(r"rows that failed: ([^(;]*) (\(.*?\))", line).groups()
    return [", ".join(sorted(causes.split(", "), key=lambda cause: cause.split()[1])), rest]


def test_a_folder_may_grow_and_what_it_has_is_not_fetched_again(web, tmp_path):
    captions(web, 60)
    run(web, tmp_path, rows=10)
    few = {row["image"] for row in rows_of(tmp_path)}
    before = web.count_requests("/rows"), len(web.requests)
    run(web, tmp_path, rows=20)
    assert few < {row["image"] for row in rows_of(tmp_path)} and web.count_requests("/rows") == before[0]
    assert len(web.requests) - before[1] <= 20  # ten more, and a few ahead


def test_a_folder_is_not_exchanged_for_another_subset(web, tmp_path):
    captions(web, 30)
    run(web, tmp_path, rows=10)
    before = contents(tmp_path)
    for other in ({"rows": 5}, {"seed": 2}, {"size": 100}, {"sets": ("points",)}):
        with pytest.raises(ValueError, match="another subset"):
            run(web, tmp_path, **other)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("file", ["train.jsonl", "val.jsonl", "images/holiday.jpg"])
def test_a_dataset_of_yours_is_not_replaced(web, tmp_path, file):
    """It has no manifest of ours and no journal."""
    captions(web, 5)
    path = tmp_path / "mine" / file
    path.parent.mkdir(parents=True)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=f"mine holds {file.split('/')[0]}.*is not replaced. Try another"):
        run(web, tmp_path / "mine")
    files = {path.name for path in (tmp_path / "mine").rglob("*") if path.is_file()} - {".lock"}
    assert files == {path.name} and path.read_text(encoding="utf-8") == "mine"


def test_rows_that_you_edited_are_not_replaced(web, tmp_path):
    captions(web, 12)
    run(web, tmp_path)
    path = tmp_path / "train.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + "{}\n", encoding="utf-8")
    before = contents(tmp_path)
    with pytest.raises(ValueError, match="train.jsonl was edited since it was fetched, so .*Move .*--folder"):
        run(web, tmp_path, rows=11)
    assert contents(tmp_path) == before
    path.unlink()
    run(web, tmp_path)
    assert path.exists()


def test_other_pictures_than_the_hash_promises_are_not_used(web, tmp_path):
    web.images = {"/0.jpg": picture(0), "/1.jpg": picture(1)}
    right = hashlib.sha256(picture(0)).hexdigest()
    web.rows["allenai/pixmo-ask-model-anything", "default"] = [
        {"image_url": f"{web.url}/{n}.jpg", "image_sha256": right.upper(), "question": "Who?",
         "answer": "A cat."} for n in range(2)]
    run(web, tmp_path, sets=("ask_model_anything",))
    assert len(rows_of(tmp_path)) == 1
    assert [(f["cause"], f["again"]) for f in failures_of(tmp_path)] == [("bad_hash", "never")]


def test_the_same_bytes_under_many_links_are_no_picture_of_anything(web, tmp_path):
    captions(web, 20)
    for number in range(5, 20):
        web.images[f"/{number}.jpg"] = picture(5)
    run(web, tmp_path, rows=20)
    assert [failure["cause"] for failure in failures_of(tmp_path)] == ["placeholder"] * 11


def test_broken_rows_are_counted_and_the_others_used(web, tmp_path):
    captions(web, 12)
    web.rows[CAP][2] = None
    web.rows[CAP][3] = {"image_url": None, "caption": "x"}
    web.rows[CAP][4]["caption"] = "Кот и 猫 🐈 \ud83d"
    web.rows[CAP][5]["image_url"] = "file:///etc/hostname"
    web.rows[CAP][6]["image_url"] = web.url + "/../../..//%2e%2e/etc/passwd?\x00=../" + "x" * 300
    folder = tmp_path / "deep/down"
    run(web, folder, rows=12)
    assert check_split(folder, "train").endswith("all good") and len(rows_of(folder)) == 8
    causes = sorted(failure["cause"] for failure in failures_of(folder))
    assert causes == ["bad_row", "bad_row", "bad_url", "gone"]
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert all(re.fullmatch(r"[0-9a-f]{64}\.jpg", path.name) for path in (folder / "images").rglob("*.*"))
    assert any("猫 🐈 ?" in note["answer"] for row in rows_of(folder) for note in row["annotations"])


def spoil_texts(cell):
    """The same cells, each text with half a character (a lone surrogate) at its end."""
    if isinstance(cell, dict):
        return {key: spoil_texts(value) for key, value in cell.items()}
    if isinstance(cell, list):
        return [spoil_texts(value) for value in cell]
    return cell + "\ud83d" if isinstance(cell, str) else cell


@pytest.mark.parametrize("name", PixmoSpec().sets)
def test_half_a_character_anywhere_in_a_row_does_not_end_the_run(web, tmp_path, name):
    """JSON can hold one, no file and no URL can. Row 0 has one in each of its texts, the others are whole."""
    FakePixmo(web, rows=6, dead_links=False)
    for key, rows in web.rows.items():
        rows = [rows[index] for index in range(len(rows))]
        web.rows[key] = [spoil_texts(rows[0]), *[
            {**rows[1], column: spoil_texts(cell)} for column, cell in rows[1].items()], *rows[2:]]
    line = run(web, tmp_path, sets=(name,), rows=50)
    assert "has no more rows" in line and len(rows_of(tmp_path)) > 0
    assert all(failure["cause"] for failure in failures_of(tmp_path))
    for split in ("train", "val"):
        assert check_split(tmp_path, split).endswith("all good")


def test_every_picture_dead_is_said_and_is_not_an_error(web, tmp_path):
    captions(web, 5)
    web.images = {}
    assert "pixmo: 0 of 10 images" in run(web, tmp_path)
    assert len(failures_of(tmp_path)) == 5


def test_a_hub_that_goes_down_half_way_leaves_what_is_there_and_the_next_run_ends_the_same(web, tmp_path):
    captions(web, 300)
    run(web, tmp_path / "unbroken", rows=150)
    before = web.count_requests("/rows")
    send_rows = fake_hub.Handler.send_rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake_hub.Handler, "send_rows", lambda handler, query: (
            status(503)(handler) if web.count_requests("/rows") > before + 2 else send_rows(handler, query)))
        line = run(web, tmp_path / "broken", rows=150)
    assert "cap stopped, hub: status 503" in line and "100 of 150 images" in line
    assert len(rows_of(tmp_path / "broken")) == 100
    run(web, tmp_path / "broken", rows=150)
    assert contents(tmp_path / "broken") == contents(tmp_path / "unbroken")


def test_another_revision_is_not_mixed_in(web, tmp_path):
    captions(web, 300)
    run(web, tmp_path, rows=10)
    web.revision = "newer"
    with pytest.raises(ValueError, match="has changed on the Hub"):
        run(web, tmp_path, rows=250)


def test_links_that_expire_are_never_written_and_asked_for_anew(web, tmp_path):
    FakePixmo(web, rows=2, dead_links=False)
    for config in ("charts", "tables"):
        web.add_faults(f"/docs/{config}/0-200.jpg", status(403))
    assert "2 refused (2 of them will be tried again" in run(web, tmp_path, sets=("docs",), rows=8)
    assert not [path for path in tmp_path.rglob("*.json*") if b"Signature" in path.read_bytes()]
    before = web.count_requests("/rows")
    assert "8 of 8 images" in run(web, tmp_path, sets=("docs",), rows=8)
    assert web.count_requests("/rows") == before + 2  # of the two parts that lacked a picture, the page


def test_the_token_is_for_the_hub_alone_and_is_written_nowhere(web, tmp_path, capfd):
    captions(web, 5)
    hub = Hub(web.url, token="hf_secret", limits=HUB_FAST, pause=0)
    web.add_faults("/rows", status(500))
    web.add_faults("/0.jpg", status(500), status(500))
    print(prepare(PixmoSpec(("cap",), rows=5, size=64), tmp_path, hub, FAST))
    assert {path for path, headers in web.requests if "Authorization" in headers} == {"/rows"}
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"hf_secret" in path.read_bytes()]
    assert "hf_secret" not in "".join(capfd.readouterr())


def test_two_runs_at_once_on_one_folder_are_refused(web, tmp_path):
    captions(web, 5)
    with locked(tmp_path):
        with pytest.raises(ValueError, match="is in use by process"):
            run(web, tmp_path)
    assert "5 of 10 images" in run(web, tmp_path)


@pytest.mark.parametrize("writes", [0, 1, 2, 5, 13])
def test_a_full_disk_stops_it_with_a_message_and_loses_nothing(web, tmp_path, monkeypatch, writes):
    """The disk is full after so many files: pages, pictures, or at the very end."""
    captions(web, 20)
    run(web, tmp_path / "unbroken")
    clock = itertools.count()

    def flush(_):
        if next(clock) == writes:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", flush)
        with pytest.raises(ValueError, match="the disk is full.*Make room"):
            run(web, tmp_path / "full")
    assert not list((tmp_path / "full").rglob("*.tmp"))
    run(web, tmp_path / "full")
    assert contents(tmp_path / "full") == contents(tmp_path / "unbroken")


def test_a_complete_folder_keeps_nothing_of_killed_writers(tmp_path):
    (tmp_path / "pages").mkdir()
    leftovers = [tmp_path / "train.jsonl.12.tmp", tmp_path / "pages" / "cap-0.json.12.tmp"]
    for path in (*leftovers, tmp_path / "mine.tmp"):
        path.write_text("{", encoding="utf-8")
    with Store(tmp_path, 64) as store:
        store.remove_unused(set())
    assert not any(path.exists() for path in leftovers) and (tmp_path / "mine.tmp").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's always full device")
def test_a_journal_that_cannot_grow_stops_it_too(web, tmp_path, monkeypatch):
    captions(web, 5)
    with Store(tmp_path, 64) as store:
        store.journal.close()
        store.journal = open("/dev/full", "a")
        with pytest.raises(OSError, match="No space left"):
            store.save_outcome(ImageOutcome("key", 64, "gone"), b"")


def test_a_line_of_the_journal_that_a_kill_cut_off_is_cut_away(web, tmp_path):
    captions(web, 20)
    run(web, tmp_path)
    before = contents(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with open(tmp_path / "fetched.jsonl", "a") as journal:
        journal.write('{"key": "http://')
    run(web, tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("file, spoil", [
    ("manifest.json", lambda data: b""),
    ("manifest.json", lambda data: data[:100]),
    ("manifest.json", lambda data: b"\0" * len(data)),
    ("manifest.json", lambda data: b"[]"),
    ("manifest.json", lambda data: b'{"plan": {"sets": 7}}'),
    ("fetched.jsonl", lambda data: b""),
    ("fetched.jsonl", lambda data: data[:-100]),
    ("fetched.jsonl", lambda data: b"\0" * 4096 + data[4096:]),
    ("fetched.jsonl", lambda data: b'[1]\n{"key": "http://x"}\n\xff\n' + data),
    ("train.jsonl", lambda data: data[:50]),
    ("failures.jsonl", lambda data: b"\0" * len(data)),
    ("pages/cap-default-000000000-100.json", lambda data: b""),
])
def test_a_file_that_a_power_cut_spoiled_is_made_again_from_those_that_are_whole(web, tmp_path, file, spoil):
    """What the other files still hold is not requested again: only the spoiled page, or lines, are."""
    captions(web, 40)
    del web.images["/3.jpg"]
    run(web, tmp_path, rows=39)
    before, path, num_requests = contents(tmp_path), tmp_path / file, len(web.requests)
    path.write_bytes(spoil(path.read_bytes()))
    if file != "manifest.json":
        (tmp_path / "manifest.json").unlink()
    intact = {*path.read_bytes().splitlines()} & {*before["fetched.jsonl"].splitlines()}
    run(web, tmp_path, rows=39)
    assert contents(tmp_path) == before
    expected = {"fetched.jsonl": 40 - len(intact)}.get(file, int("pages" in file))
    assert len(web.requests) - num_requests == expected


def test_the_journal_goes_on_after_a_torn_line_and_forgets_what_may_pass(tmp_path):
    """What failed for good is known to the next run, what failed for a moment is not."""
    with Store(tmp_path, 64) as store:
        store.save_outcome(ImageOutcome("busy", 64, "busy", LATER), b"")
        store.journal.write('{"key": "torn')
    for key in ("first", "second"):
        with Store(tmp_path, 64) as store:
            store.save_outcome(ImageOutcome(key, 64, "gone"), b"")
    with Store(tmp_path, 64) as store:
        assert set(store.outcomes) == {"first", "second"}
    with Store(tmp_path, 128) as store:
        assert not store.outcomes  # pictures of another size are fetched anew


def test_a_picture_that_is_missing_or_was_cut_by_a_crash_is_fetched_again(web, tmp_path):
    captions(web, 20)
    run(web, tmp_path)
    before = contents(tmp_path)
    first, second, *_ = sorted((tmp_path / "images").rglob("*.jpg"))
    first.unlink()
    run(web, tmp_path)
    assert contents(tmp_path) == before
    (tmp_path / "manifest.json").unlink()
    second.write_bytes(b"")
    run(web, tmp_path)
    assert contents(tmp_path) == before


def test_kill_9_at_any_time_and_the_next_run_ends_with_the_same_files(web, tmp_path):
    captions(web, 120)
    for number in range(0, 120, 4):
        del web.images[f"/{number}.jpg"]
    run(web, tmp_path / "unbroken", rows=60)
    web.delay = 0.02
    program = ("from pathlib import Path; from data.pixmo.prepare import *;"
               f"prepare(PixmoSpec(('cap',), 60, 64), Path({str(tmp_path / 'killed')!r}),"
               f"        Hub({web.url!r}, limits={HUB_FAST!r}, pause=0), {FAST!r})")
    command = [sys.executable, "-c", program]
    for num_images in (1, 30):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=Path(__file__).parent.parent)
        deadline = time.monotonic() + 20
        while len(list(tmp_path.glob("killed/images/*/*"))) < num_images and time.monotonic() < deadline:
            time.sleep(0.005)
        assert process.poll() is None
        process.kill()
        process.wait()
        assert not (tmp_path / "killed/manifest.json").exists()
    web.delay = 0.0
    run(web, tmp_path / "killed", rows=60)
    assert contents(tmp_path / "killed") == contents(tmp_path / "unbroken")


def test_few_pictures_at_a_time_come_from_one_host_and_many_from_all(monkeypatch):
    running, peak, lock = {}, {}, threading.Lock()

    def job(record):
        host = record.image_url.split("/")[2]
        with lock:
            running[host] = running.get(host, 0) + 1
            peak[host] = max(peak.get(host, 0), running[host])
            peak["all"] = max(peak.get("all", 0), sum(running.values()))
        time.sleep(0.005)
        with lock:
            running[host] -= 1
        return host

    workers = Workers(job, threads=6, per_host=2)
    for number in range(40):
        workers.submit(Record(str(number), (), image_url=f"http://host{number % 4}/{number}"))
        workers.submit(Record(str(number), (), image_url=f"http://host{number % 4}/{number}"))
    keys = {workers.next_result()[0].key for _ in range(40)}
    assert len(keys) == 40 and {peak[f"host{n}"] for n in range(4)} == {2} and peak["all"] == 6


def test_one_picture_in_sixteen_is_held_out_and_at_least_one():
    hashes = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(800)]
    rows = split_rows({key: {"image": key} for key in hashes})
    assert len(rows["val"]) + len(rows["train"]) == 800 and 30 < len(rows["val"]) < 70
    assert [row["image"] for row in rows["val"]] == sorted(row["image"] for row in rows["val"])
    few = split_rows({key: {"image": key} for key in ("ff" * 32, "fe" * 32)})
    assert few == {"train": [{"image": "ff" * 32}], "val": [{"image": "fe" * 32}]}


def test_offline_the_command_fails_in_words(tmp_path, capsys, monkeypatch):
    """Nothing listens on that port. What is there already stays, and a script notices the failure."""
    monkeypatch.setattr(preparing, "Hub", lambda token: Hub("http://127.0.0.1:1", limits=HUB_FAST, pause=0))
    with pytest.raises(ValueError, match="no image of cap .* Try the same command again"):
        main(["--sets=cap", "--rows=2", f"--folder={tmp_path}"])
    assert "0 of 2 images" in capsys.readouterr().out


def test_the_command_line_names_what_is_wrong(tmp_path):
    for arguments, message in [(["--sets=cats"], "does not exist in PixMo"), (["--size=9"], "not between"),
                               (["--sets="], "does not exist in PixMo")]:
        with pytest.raises(ValueError, match=message):
            main([*arguments, f"--folder={tmp_path}"])


def test_sets_may_be_named_with_spaces_or_commas(tmp_path, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(preparing, "prepare", lambda plan, folder, hub: calls.append((plan, hub)) or "done")
    monkeypatch.setenv("HF_TOKEN", "hf_secret\n")
    main(["--sets=cap points,cap", "--rows=7", f"--folder={tmp_path}"])
    assert calls[0][0] == PixmoSpec(("cap", "points"), rows=7)
    assert calls[0][1].headers == {"Authorization": "Bearer hf_secret"}
    assert "secret" not in capsys.readouterr().out


def test_a_folder_that_may_not_be_written_is_named(web, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="file/pixmo is a file, where a folder is needed"):
        run(web, tmp_path / "file/pixmo")
    assert os.listdir(tmp_path) == ["file"]


def test_the_folder_is_read_as_any_other(web, tmp_path):
    captions(web, 20)
    run(web, tmp_path, rows=20)
    example = Dataset(tmp_path, "train")[0]
    assert example.image.is_file() and example.annotations[0].style == "long_caption"
