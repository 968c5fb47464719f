"""The sets on disk: same seed, same bytes; no half-written files; text that agrees with the objects."""
import errno
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from functools import cache

import pytest
from PIL import Image

from data.generate import (
    DATA_FOLDER,
    NUM_IMAGES,
    annotation_to_json,
    code_digest,
    is_finished,
    make_dataset_spec,
    run_command_line,
    write_dataset,
)
from data.prepare_all import DATASETS
from data.scenes.easy import COLORS, KINDS, pair_of
from data.scenes.easy_wording import label_text, place_of
from data.scenes.levels import LEVELS
from minimolmo.batch.dataset import Dataset, read_example
from minimolmo.flow import Annotation

EASY = LEVELS["easy"]
NAMING = {*COLORS, *KINDS}


@cache
def examples_of(name: str, split: str = "train", count: int = 300):
    """(scene, annotations) of a set, not drawn."""
    return [DATASETS[name](EASY, split, random.Random(f"{name}/{split}/{index}")) for index in range(count)]


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name != ".lock"}


def meant_by(words: str, things) -> list:
    """The things that a label means, by the colour and the kind it names."""
    named = set(re.findall("|".join([*COLORS, *KINDS]), words))
    return [thing for thing in things if named <= {thing.color, thing.kind}]


# On disk

def test_one_worker_and_two_write_the_same_bytes(tmp_path):
    """Every scene has its own generator, so it does not matter who draws it."""
    spec = make_dataset_spec("points", images=20)
    for workers in (1, 2):
        write_dataset(spec, DATASETS["points"], tmp_path / str(workers), workers)
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")


def test_another_seed_draws_no_picture_twice(tmp_path):
    """Nor does one seed: all 2 x 15 pictures differ."""
    for seed in (1, 2):
        write_dataset(make_dataset_spec("cap", seed=seed, images=5), DATASETS["cap"], tmp_path / str(seed))
    pictures = [data for path, data in files_of(tmp_path).items() if path.suffix == ".png"]
    assert len(pictures) == len(set(pictures)) == 30


@pytest.mark.parametrize("name", NUM_IMAGES["easy"])
def test_a_set_is_a_folder_of_rows_and_pictures(name, tmp_path):
    """A row names its picture, and holds annotations in the fields of flow.Annotation, and the things."""
    folder = write_dataset(make_dataset_spec(name, images=3), DATASETS[name], tmp_path)
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 3 and (folder / rows[0]["image"]).is_file()
    assert all(set(entry) <= set(Annotation.__dataclass_fields__) for entry in rows[0]["annotations"])
    assert set(rows[0]["things"][0]) == {"kind", "color", "x", "y", "width", "height"}


def test_empty_fields_are_left_out_but_an_empty_list_of_points_is_kept():
    """A row without "points" would leave the reader wondering."""
    no_cat, no_cats = Annotation("pointing", label="cat"), Annotation("count", label="cats", answer="0")
    assert annotation_to_json(no_cat) == {"style": "pointing", "label": "cat", "points": ()}
    assert annotation_to_json(no_cats) == {"style": "count", "label": "cats", "answer": "0"}


def test_a_second_run_reuses_the_dataset_and_reports_it(tmp_path, capsys):
    """Not a byte is touched."""
    spec = make_dataset_spec("count", images=3)
    folder = write_dataset(spec, DATASETS["count"], tmp_path)
    before = (folder / "train.jsonl").stat().st_mtime_ns
    write_dataset(spec, DATASETS["count"], tmp_path)
    assert (folder / "train.jsonl").stat().st_mtime_ns == before
    assert "is there already (9 images)" in capsys.readouterr().out


def test_other_arguments_generate_the_dataset_again(tmp_path):
    """And nothing of the old set stays."""
    write_dataset(make_dataset_spec("count", images=4), DATASETS["count"], tmp_path)
    folder = write_dataset(make_dataset_spec("count", images=2, seed=2), DATASETS["count"], tmp_path)
    assert len(list((folder / "images").iterdir())) == 6
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["seed"] == 2


@pytest.mark.parametrize("damage", ["manifest.json", "train.jsonl", "images/train_000001.png"])
def test_a_set_with_a_file_missing_is_not_finished(damage, tmp_path):
    """Whichever file it is, and then it is drawn again."""
    spec, compose = make_dataset_spec("points", images=3), DATASETS["points"]
    folder = write_dataset(spec, compose, tmp_path)
    assert is_finished(folder, spec, code_digest(compose))
    (folder / damage).unlink()
    assert not is_finished(folder, spec, code_digest(compose))
    if damage == "manifest.json":  # then nothing says that the folder is ours
        with pytest.raises(ValueError, match="easy holds no manifest.json of ours, .* is not replaced"):
            write_dataset(spec, compose, tmp_path)
        folder.rename(tmp_path / "elsewhere")
    write_dataset(spec, compose, tmp_path)
    assert is_finished(folder, spec, code_digest(compose))


def test_a_row_that_was_cut_off_is_noticed(tmp_path):
    """The manifest knows the digest of every jsonl."""
    spec, compose = make_dataset_spec("points", images=3), DATASETS["points"]
    folder = write_dataset(spec, compose, tmp_path)
    (folder / "train.jsonl").write_bytes((folder / "train.jsonl").read_bytes()[:-10])
    assert not is_finished(folder, spec, code_digest(compose))


def test_an_interrupted_run_leaves_no_files_and_keeps_the_old_dataset(tmp_path):
    """Ctrl-C in the middle of the fifth image."""
    calls = []

    def interrupted(level, split, rng):
        calls.append(split)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return DATASETS["points"](level, split, rng)

    folder = write_dataset(make_dataset_spec("points", images=3), DATASETS["points"], tmp_path)
    before = files_of(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(make_dataset_spec("points", images=9), interrupted, tmp_path)
    assert files_of(tmp_path) == before and not folder.with_name("easy.part").exists()


def test_the_next_run_removes_what_a_killed_run_left(tmp_path):
    """A kill -9 cleans nothing; the next run does, and never reads it."""
    left = tmp_path / "points" / "easy.part" / "images"
    left.mkdir(parents=True)
    (left / "train_000099.png").write_bytes(b"half a picture")
    with pytest.raises(ValueError, match="easy.part holds no manifest.json of ours, .* is not replaced"):
        write_dataset(make_dataset_spec("points", images=3), DATASETS["points"], tmp_path)
    (left.parent / "manifest.json").write_text('{"writer": "minimolmo", "kind": "unfinished dataset"}')
    folder = write_dataset(make_dataset_spec("points", images=3), DATASETS["points"], tmp_path)
    assert len(list((folder / "images").iterdir())) == 9
    assert sorted(path.name for path in folder.parent.iterdir()) == [".lock", "easy"]


def test_a_folder_with_foreign_files_is_not_replaced(tmp_path):
    """Somebody's notes are worth more than our squares."""
    (tmp_path / "points" / "easy").mkdir(parents=True)
    (tmp_path / "points" / "easy" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="holds 'notes.txt'.*is not replaced.*Try another"):
        write_dataset(make_dataset_spec("points", images=3), DATASETS["points"], tmp_path)


@pytest.mark.parametrize("arguments, complaint", [
    (["--sets=cap,poins"], "set 'poins' does not exist"),
    (["--level=hard"], "level 'hard' does not exist"),
    (["--images=0"], "--images: 0 is too small"),
    (["--images=-5"], "--images: -5 is too small"),
    (["--images=many"], "--images: 'many' is not a whole number"),
    (["--workers=0"], "--workers: 0 is too small"),
    (["--workers=1000000"], "--workers: 1000000 is too large"),
    (["--seed=-1"], "--seed: -1 is too small"),
    (["--imagez=9"], "--imagez is not an option of this command"),
    (["--sets="], "set '' does not exist"),
    (["--level=full", "--sets=maps"], "set 'maps' does not exist at level full"),
])
def test_invalid_arguments_are_refused_before_anything_is_written(arguments, complaint, tmp_path, capsys):
    """In one line, without a traceback, with something to try."""
    with pytest.raises((ValueError, SystemExit)) as end:
        run_command_line(DATASETS, [*arguments, f"--folder={tmp_path}"])
    assert re.search(f"{complaint}.*(Try|Did you mean)", f"{end.value} {capsys.readouterr().err}")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named_and_keeps_the_old_dataset(tmp_path, monkeypatch):
    """The fifth picture finds no room: nothing of the new set stays, nothing of the old one goes."""
    spec = make_dataset_spec("points", images=3)
    folder = write_dataset(spec, DATASETS["points"], tmp_path)
    before, saved = files_of(tmp_path), []

    def save(image, path, **how):
        saved.append(path)
        if len(saved) == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_bytes(b"picture")

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(ValueError, match="points/easy cannot be written: the disk is full.*was not drawn"):
        write_dataset(make_dataset_spec("points", images=9), DATASETS["points"], tmp_path)
    assert len(saved) == 5 and files_of(tmp_path) == before
    assert not folder.with_name("easy.part").exists()
    assert is_finished(folder, spec, code_digest(DATASETS["points"]))


@pytest.mark.parametrize("workers", [1, 2])
def test_after_kill_9_nothing_half_written_is_taken_for_finished(workers, tmp_path):
    """Killed while it draws: only a .part is left, no reader finds a set, and the workers end too."""
    command = [sys.executable, "-m", "data.prepare_all", "--images=20000", f"--workers={workers}",
               "--sets=points", f"--folder={tmp_path}"]
    running = subprocess.Popen(command, cwd=DATA_FOLDER.parent, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    part = tmp_path / "points" / "easy.part" / "images"
    wait_until(lambda: part.is_dir() and len(list(part.iterdir())) > 20)
    running.kill()
    running.wait()
    assert not (tmp_path / "points" / "easy").exists()
    assert [path.parent.name for path in tmp_path.rglob("manifest.json")] == ["easy.part"]
    with pytest.raises(ValueError, match="train.jsonl is missing, so there is nothing to read"):
        Dataset(tmp_path / "points" / "easy", "train")
    wait_until(lambda: not is_alive(running.pid))


def wait_until(true, seconds: float = 30):
    """Look every twentieth of a second; a machine may be slow."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_alive(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    """Here it is not even a folder."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="file.* is a file, where a folder is needed.*another --folder"):
        write_dataset(make_dataset_spec("points", images=3), DATASETS["points"], tmp_path / "file")


def test_the_ten_picture_example_of_the_readme_is_what_the_loader_reads():
    """Eight rows to train on, two to hold back; and the four sample rows above them."""
    readme = (DATA_FOLDER / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"```json\n(.*?)```", readme, re.DOTALL):
        for row in re.split(r"\n(?=\{)", block):
            read_example(json.loads(row), DATA_FOLDER, "README.md")
    mine = readme.split("## Your own pictures")[1]
    assert [len(block.splitlines()) for block in re.findall(r"```json\n(.*?)```", mine, re.DOTALL)] == [8, 2]


# What is said

@pytest.mark.parametrize("name", NUM_IMAGES["easy"])
def test_train_and_val_share_no_scene(name):
    """Compared by what is in them."""
    train, val = ({scene.things for scene, _ in examples_of(name, split)} for split in ("train", "val"))
    assert len(train) == len(val) == 300 and not train & val


@pytest.mark.parametrize("name", NUM_IMAGES["easy"])
@pytest.mark.parametrize("split", ["train", "val"])
def test_held_out_pairs_are_neither_shown_nor_named_in_training(name, split):
    """Asking for an absent one would teach that there is none."""
    for scene, annotations in examples_of(name, split):
        assert not {pair_of(thing) for thing in scene.things} & set(EASY.held_out)
        words = json.dumps([annotation_to_json(annotation) for annotation in annotations])
        assert not any(f"{color} {kind}" in words for color, kind in EASY.held_out)


@pytest.mark.parametrize("name", NUM_IMAGES["easy"])
def test_every_novel_scene_has_a_held_out_pair_and_a_question_about_it(name):
    """By its pair, its colour, its kind or its place."""
    for scene, annotations in examples_of(name, "novel"):
        new = [thing for thing in scene.things if pair_of(thing) in EASY.held_out]
        said = " ".join(f"{note.question} {note.label} {note.answer}" for note in annotations)
        ways = [{thing.color, thing.kind, "shape", place_of(thing)} for thing in new]
        assert any(word in said for words in ways for word in words)


@pytest.mark.parametrize("name, least", [("points", 4), ("count", 4), ("ask_model_anything", 4), ("cap", 4)])
def test_every_image_has_several_annotations_and_none_twice(name, least):
    """Four to six, so that packing has something to pack."""
    for _, annotations in examples_of(name):
        assert least <= len(annotations) <= 6
        assert len(set(annotations)) == len(annotations)


@pytest.mark.parametrize("set_name", ["points", "count"])
def test_a_label_points_to_everything_it_means_and_to_nothing_else(set_name):
    """Read from the words of the label."""
    for scene, annotations in examples_of(set_name):
        for note in annotations:
            meant = meant_by(note.label, scene.things)
            if note.style == "count":
                assert note.answer == str(len(meant)), note
            else:
                assert set(note.points) == {(thing.x, thing.y) for thing in meant}, note


def test_points_are_mostly_one_sometimes_many_sometimes_none():
    """About 70 %, 15 %, 15 %; and the plural does not give away which."""
    notes = [note for _, annotations in examples_of("points") for note in annotations]
    share = Counter(min(len(note.points), 2) for note in notes)
    assert 0.62 < share[1] / len(notes) < 0.76 and 0.12 < share[0] / len(notes) < 0.21
    plural = Counter(len(note.points) for note in notes if re.search("[^s]s$", note.label))
    assert plural[0] and plural[1] > plural[2]


def test_counts_are_balanced_and_each_is_asked_twice():
    """1 to 5 alike, a few 0: the best blind guess is right about one time in five."""
    notes = [note for _, annotations in examples_of("count", count=1000) for note in annotations]
    plain = Counter(note.answer for note in notes if note.style == "count")
    total = sum(plain.values())
    assert all(0.14 < plain[str(number)] / total < 0.24 for number in range(1, 6))
    assert 0 < plain["0"] / total < 0.1
    assert plain == Counter(str(len(note.points)) for note in notes if note.style == "point_count")


def test_half_of_the_questions_name_a_colour_or_a_kind_and_yes_is_as_common_as_no():
    """No colour is a good guess, no kind is, and neither is "yes"."""
    rows = examples_of("ask_model_anything", count=1000)
    answers = Counter(note.answer for _, notes in rows for note in notes)
    colors, kinds = ({word: answers[word] for word in words} for words in (COLORS, KINDS))
    naming = sum(colors.values()) + sum(kinds.values())
    assert naming >= 0.49 * sum(answers.values())
    assert max(colors.values()) < 0.22 * sum(colors.values())
    assert max(kinds.values()) < 0.33 * sum(kinds.values())
    assert 0.46 < answers["yes"] / (answers["yes"] + answers["no"]) < 0.54


def test_answers_are_true_of_the_things():
    """Each sort of question, understood from its words."""
    checked = Counter()
    for scene, notes in examples_of("ask_model_anything"):
        for note in notes:
            sort = answer_is_true(note.question.lower(), note.answer, scene.things)
            checked[sort] += 1
    assert min(checked.values()) > 50 and set(checked) == {"naming", "where", "what", "presence", "relation"}


def answer_is_true(question: str, answer: str, things) -> str:
    """Asserts it, and returns the sort of question."""
    named = [thing for thing in things if label_text(pair_of(thing)) in question]
    side = re.search(r"(left of|right of|above|below) the (\w+ \w+)", question)
    if side:
        anchor = next(thing for thing in things if label_text(pair_of(thing)) == side[2])
        beside = [label_text(pair_of(thing)) for thing in things if is_beside(thing, anchor, side[1])]
        asked = re.search(r"the (\w+ \w+) (?:left|right|above|below)", question)
        assert ((asked[1] in beside) == (answer == "yes")) if asked else [answer] == beside
        return "relation"
    if answer in ("yes", "no"):
        assert bool(named) == (answer == "yes")
        return "presence"
    if named:
        assert answer == place_of(named[0])
        return "where"
    at = re.search(r"(?:at|on|in) the ((?:top|bottom) (?:left|right)|top|bottom|left|right|center)", question)
    alone = [thing for thing in things if (at and place_of(thing) == at[1]) or
             (not at and {thing.color, thing.kind} & set(re.findall(r"\w+", question)))]
    assert len(alone) == 1, question
    assert answer in (alone[0].color, alone[0].kind, label_text(pair_of(alone[0])))
    assert answer not in question
    return "naming" if answer in NAMING else "what"


def is_beside(thing, anchor, words: str) -> bool:
    return {"left of": thing.x < anchor.x, "right of": thing.x > anchor.x,
            "above": thing.y < anchor.y, "below": thing.y > anchor.y}[words]
