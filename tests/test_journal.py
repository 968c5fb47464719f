"""The journal of own photos: what was acknowledged is on the disk, once, whatever happens."""
import errno
import json
import os

import pytest

from minimolmo.page import journal as journals
from minimolmo.page.entries import read_entry
from minimolmo.page.journal import Conflict, WrongChunk, open_journal

PHOTO, OTHER = "0123456789abcdef", "fedcba9876543210"
CAT = {"style": "pointing", "label": "cat", "points": [[61.5, 40.4]]}
DOG = {"style": "pointing", "label": "dog", "points": []}
EXPLANATION = {"style": "point_explanations", "question": "Is it whole?",
               "answer": "No: the {red mug} is chipped.", "points": [[[61.5, 40.4], [10, 20]]]}


@pytest.fixture
def journal(tmp_path):
    """An open journal with two photos."""
    with open_journal(tmp_path) as opened:
        for photo in (PHOTO, OTHER):
            opened.add_photo(photo, 640, 480)
        yield opened


def reopened(folder) -> dict:
    """The photos of a journal that is read anew."""
    with open_journal(folder) as again:
        return again.photos


# Entries and their versions

def test_what_was_written_is_there_when_the_folder_is_opened_again(tmp_path):
    with open_journal(tmp_path / "new") as journal:
        journal.add_photo(PHOTO, 640, 480)
        seq = journal.edit(PHOTO, "k1", 0, CAT)
        journal.edit(PHOTO, "k2", 0, {"style": "transcript", "answer": "a cat \u2014 گربه \U0001f408\u2028."})
        journal.add_chunk(PHOTO, 1, 0, b"sound", "webm")
        photos = journal.photos
    assert reopened(tmp_path / "new") == photos
    assert photos[PHOTO].entries["k1"] == (seq, CAT) and photos[PHOTO].takes[1].size == 5


def test_an_edit_of_an_older_version_is_refused_with_the_newest_one(journal):
    first = journal.edit(PHOTO, "k1", 0, CAT)
    second = journal.edit(PHOTO, "k1", first, DOG)
    for base in (0, first, second + 1):
        with pytest.raises(Conflict, match="was changed elsewhere.*Try comparing") as conflict:
            journal.edit(PHOTO, "k1", base, {**CAT, "label": "bird"})
        assert (conflict.value.seq, conflict.value.entry) == (second, DOG)
    assert journal.photos[PHOTO].entries["k1"] == (second, DOG)


def test_an_edit_that_is_sent_again_counts_once(journal, tmp_path):
    """As a browser does that has not heard of the first; even if the entry has changed since."""
    first = journal.edit(PHOTO, "k1", 0, CAT)
    second = journal.edit(PHOTO, "k1", first, DOG)
    size = (tmp_path / "journal.jsonl").stat().st_size
    assert journal.edit(PHOTO, "k1", 0, CAT) == first and journal.edit(PHOTO, "k1", first, DOG) == second
    assert (tmp_path / "journal.jsonl").stat().st_size == size


def test_undo_appends_and_rewrites_nothing(journal, tmp_path):
    first = journal.edit(PHOTO, "k1", 0, CAT)
    second = journal.edit(PHOTO, "k1", first, None)
    before = (tmp_path / "journal.jsonl").read_bytes()
    journal.edit(PHOTO, "k1", second, CAT)
    assert (tmp_path / "journal.jsonl").read_bytes().startswith(before)
    assert journal.photos[PHOTO].annotations == read_entry(CAT)


def test_the_second_photo_and_every_fifth_after_it_are_held_out_for_ever(tmp_path):
    with open_journal(tmp_path) as journal:
        for number in range(12):
            journal.add_photo(f"{number:016x}", 640, 480)
        journal.add_photo(f"{1:016x}", 640, 480)  # again
    splits = [photo.split for photo in reopened(tmp_path).values()]
    assert [number for number, split in enumerate(splits, start=1) if split == "val"] == [2, 7, 12]
    assert len(splits) == 12


def test_a_photo_has_at_most_64_entries_and_a_removed_one_makes_room(journal):
    seqs = [journal.edit(PHOTO, f"k{number}", 0, CAT) for number in range(64)]
    with pytest.raises(ValueError, match="has 64 entries.*Try"):
        journal.edit(PHOTO, "more", 0, CAT)
    journal.edit(PHOTO, "k7", seqs[7], None)
    journal.edit(PHOTO, "more", 0, CAT)


def test_a_folder_has_at_most_5000_photos(journal, monkeypatch):
    assert journals.MAX_PHOTOS == 5_000
    monkeypatch.setattr(journals, "MAX_PHOTOS", 2)
    with pytest.raises(ValueError, match="has 2 photos.*Try another"):
        journal.add_photo("a" * 16, 640, 480)
    journal.add_photo(PHOTO, 640, 480)


def test_nothing_can_be_said_about_a_photo_that_is_not_there(journal):
    for action in (lambda: journal.edit("../../etc/passwd", "k1", 0, CAT), lambda: journal.find("a" * 16),
                   lambda: journal.add_chunk("a" * 16, 1, 0, b"", "webm"),
                   lambda: journal.take_path(PHOTO, 1)):
        with pytest.raises(ValueError, match=r"[Tt]here is no|has no take 1.*Try"):
            action()


# What entries are, and become

def test_points_are_written_as_pointing_and_as_point_count():
    assert read_entry(CAT) == [CAT, {**CAT, "style": "point_count"}]
    assert read_entry(DOG)[0]["points"] == []  # there are none


def test_each_pair_of_braces_in_an_explanation_becomes_a_tag():
    row, = read_entry(EXPLANATION)
    assert row["answer"] == ('No: the <points x1="10.0" y1="20.0" x2="61.5" y2="40.4" alt="red mug">red mug'
                             '</points> is chipped.')
    assert read_entry({**EXPLANATION, "points": [[]]}) == []  # unfinished: kept, and not trained on


@pytest.mark.parametrize("entry, words", [
    (None, "style is 'None'"), ({"style": "cap_qa", "question": "Who?", "answer": "I."}, "style is 'cap_qa'"),
    ({"style": ["pointing"]}, "style is"), ({**CAT, "answer": "1"}, "fields"),
    ({"style": "pointing"}, "fields"),
    ({**CAT, "label": " "}, "label is empty"), ({**CAT, "label": 3}, "label is empty"),
    ({**CAT, "points": [[1, 101]]}, r"\[1, 101\]"), ({**CAT, "points": [[1]]}, "not .x, y. in percent"),
    ({**CAT, "points": [[1, 2]] * 201}, "at most 200"), ({**CAT, "points": "none"}, "at most 200"),
    ({**CAT, "points": [[True, float("nan")]]}, "in percent"),
    ({"style": "count", "label": "cats", "answer": "three"}, "not a number in digits"),
    ({"style": "user_qa", "question": "a" * 501, "answer": "b"}, "501 characters"),
    ({"style": "long_caption", "answer": "a" * 5_001}, "5,001 characters"),
    ({"style": "long_caption", "answer": "\ud800"}, "half a sign"),
    ({**EXPLANATION, "answer": "No braces."}, "0 words in braces and 1 lists"),
    ({**EXPLANATION, "answer": "{a} {b}"}, "2 words in braces"),
    ({**EXPLANATION, "answer": "{a} }"}, "a brace without"),
    ({**EXPLANATION, "answer": "{ }"}, "0 words in braces"),
    ({**EXPLANATION, "points": [3]}, "points of {red mug}"),
    ({**EXPLANATION, "points": [[[1, 2]] * 201]}, "at most 200")])
def test_an_entry_that_cannot_be_trained_on_is_refused_in_words(entry, words):
    with pytest.raises(ValueError, match=words) as error:
        read_entry(entry)
    assert ". " in str(error.value) and str(error.value).endswith((".", "?"))


# Speech

def test_speech_is_appended_second_by_second_and_each_of_them_once(journal, tmp_path):
    assert [journal.add_chunk(PHOTO, 1, n, chunk, "webm") for n, chunk in
            [(0, b"one "), (0, b"one "), (1, b"two "), (0, b"one "), (2, b"three")]] == [1, 1, 2, 2, 3]
    assert journal.take_path(PHOTO, 1).read_bytes() == b"one two three"
    with pytest.raises(WrongChunk, match="Chunk 4 .* chunk 3 is the next.*Try") as wrong:
        journal.add_chunk(PHOTO, 1, 4, b"five", "webm")
    assert wrong.value.next == 3


def test_a_second_of_speech_that_was_not_acknowledged_is_written_over(journal, tmp_path):
    """A kill came after its bytes and before its record."""
    journal.add_chunk(PHOTO, 1, 0, b"one ", "webm")
    with open(journal.take_path(PHOTO, 1), "ab") as file:
        file.write(b"tw")
    journal.add_chunk(PHOTO, 1, 1, b"two", "webm")
    assert journal.take_path(PHOTO, 1).read_bytes() == b"one two"


def test_a_take_ends_after_300_seconds_and_takes_are_numbered(journal, monkeypatch):
    assert journals.MAX_CHUNKS == 300
    monkeypatch.setattr(journals, "MAX_CHUNKS", 2)
    journal.add_chunk(PHOTO, 1, 0, b"one", "webm"), journal.add_chunk(PHOTO, 1, 1, b"two", "webm")
    with pytest.raises(ValueError, match="has 2 s.*Try a new take"):
        journal.add_chunk(PHOTO, 1, 2, b"three", "webm")
    with pytest.raises(ValueError, match="Take 3 is not the next one.*Try"):
        journal.add_chunk(PHOTO, 3, 0, b"one", "webm")
    assert journal.add_chunk(PHOTO, 2, 0, b"one", "mp4") == 1


# Kills, full disks, two servers

def test_a_torn_last_line_is_cut_off_wherever_it_was_torn(tmp_path):
    path = tmp_path / "journal.jsonl"
    with open_journal(tmp_path) as journal:
        journal.add_photo(PHOTO, 640, 480)
        whole = path.read_bytes()
        seq = journal.edit(PHOTO, "k1", 0, CAT)
    both = path.read_bytes()
    for length in range(len(whole), len(both), 11):
        path.write_bytes(both[:length])
        assert not reopened(tmp_path)[PHOTO].entries and path.read_bytes() == whole
    with open_journal(tmp_path) as journal:
        assert journal.edit(PHOTO, "k1", 0, CAT) == seq and path.read_bytes() == both


@pytest.mark.parametrize("line", [
    "{", "[]", '{"seq": 1}', '{"seq": 9}', '{"seq": 9, "photo": "x", "key": "k"}',
    '{"seq": 9, "photo": "0123456789abcdef", "key": "k", "base": 0, "set": {}}'])
def test_a_damaged_line_in_the_middle_is_named_and_nothing_is_changed(tmp_path, line):
    with open_journal(tmp_path) as journal:
        journal.add_photo(PHOTO, 640, 480)
    path = tmp_path / "journal.jsonl"
    content = path.read_text(encoding="utf-8") + line + "\n"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"journal.jsonl:2 is no record of ours .* Try removing this line"):
        reopened(tmp_path)
    assert path.read_text(encoding="utf-8") == content


def test_a_second_server_of_the_same_folder_is_refused(journal, tmp_path):
    with pytest.raises(ValueError, match=f"in use by process {os.getpid()}.*Wait until"):
        reopened(tmp_path)


class FullDisk:
    """A file on a disk that is full after so many bytes."""

    def __init__(self, file, room: int):
        self.file, self.room = file, room

    def write(self, data) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self.file.write(bytes(data)[:self.room])
        self.room -= written
        return written

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("room", [0, 1, 60])
def test_a_full_disk_leaves_the_journal_whole_and_the_edit_can_be_sent_again(journal, tmp_path, room):
    path, file = tmp_path / "journal.jsonl", journal.file
    before = path.read_bytes()
    journal.file = FullDisk(file, room)
    with pytest.raises(OSError):
        journal.edit(PHOTO, "k1", 0, CAT)
    assert path.read_bytes() == before and not journal.photos[PHOTO].entries
    journal.file = file
    seq = journal.edit(PHOTO, "k1", 0, CAT)
    last = json.loads(path.read_bytes().splitlines()[-1])
    assert last == {"seq": seq, "photo": PHOTO, "key": "k1", "base": 0, "set": CAT}


def test_a_disk_that_is_full_for_speech_keeps_what_was_acknowledged(journal, monkeypatch):
    journal.add_chunk(PHOTO, 1, 0, b"one ", "webm")
    really = journals.write_and_sync
    monkeypatch.setattr(journals, "write_and_sync", lambda file, data: really(FullDisk(file, 2), data))
    with pytest.raises(OSError):
        journal.add_chunk(PHOTO, 1, 1, b"two ", "webm")
    monkeypatch.undo()
    assert journal.photos[PHOTO].takes[1].size == 4
    assert journal.add_chunk(PHOTO, 1, 1, b"two ", "webm") == 2
    assert journal.take_path(PHOTO, 1).read_bytes() == b"one two "


def test_an_edit_is_on_the_disk_before_it_is_acknowledged(journal, monkeypatch):
    synced = []
    monkeypatch.setattr(journals.os, "fsync", lambda number: synced.append(os.fstat(number).st_size))
    journal.edit(PHOTO, "k1", 0, CAT)
    assert synced == [journal.size]
    journal.add_chunk(PHOTO, 1, 0, b"one", "webm")
    assert synced[1:] == [3, journal.size]  # the sound, then its record
