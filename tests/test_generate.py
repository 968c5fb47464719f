"""Datasets on disk: same seed, same bytes; no half-written files; annotations that agree with the scenes."""
import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from data.clean import clean_dataset
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
from data.own import is_own_dataset
from data.prepare_all import DATASETS
from data.scenes.easy import COLORS, KINDS, color_kind_pair
from data.scenes.easy_wording import label_text, place_of
from data.scenes.levels import LEVELS
from minimolmo.batch.dataset import Dataset, read_example
from minimolmo.flow import Annotation

EASY = LEVELS["easy"]
NAMING = {*COLORS, *KINDS}
PAIR_SETS = [name for name in NUM_IMAGES["easy"] if name not in ("clocks", "docs")]  # these hold out values


@cache
def examples_of(name: str, split: str = "train", count: int = 300):
    """(scene, annotations) of a dataset, without images."""
    return [DATASETS[name](EASY, split, random.Random(f"{name}/{split}/{index}")) for index in range(count)]


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name != ".lock"}


def referents(label: str, things) -> list:
    """The objects that a label refers to, by the colour and the kind it names."""
    names = set(re.findall("|".join([*COLORS, *KINDS]), label))
    return [thing for thing in things if names <= {thing.color, thing.kind}]


# On disk

def test_one_worker_and_two_write_the_same_bytes(tmp_path):
    """Every scene has its own random generator, so it does not depend on the worker."""
    spec = make_dataset_spec("points", images=20)
    for workers in (1, 2):
        write_dataset(spec, DATASETS["points"], tmp_path / str(workers), workers)
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")


def test_another_seed_draws_no_picture_twice(tmp_path):
    """All 2 x 15 images differ, also those of one seed."""
    for seed in (1, 2):
        write_dataset(make_dataset_spec("cap", seed=seed, images=5), DATASETS["cap"], tmp_path / str(seed))
    pictures = [data for path, data in files_of(tmp_path).items() if path.suffix == ".png"]
    assert len(pictures) == len(set(pictures)) == 30


@pytest.mark.parametrize("name", NUM_IMAGES["easy"])
def test_a_set_is_a_folder_of_rows_and_pictures(name, tmp_path):
    """A row has the path of its image, annotations with the fields of flow.Annotation, and object labels."""
    folder = write_dataset(make_dataset_spec(name, images=3), DATASETS[name], tmp_path)
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 3 and (folder / rows[0]["image"]).is_file()
    assert all(set(entry) <= set(Annotation.__dataclass_fields__) for entry in rows[0]["annotations"])
    assert set(rows[0]["things"][0]) == {"kind", "color", "x", "y", "width", "height"}


def test_empty_fields_are_left_out_but_an_empty_list_of_points_is_kept():
    """An empty list of points says that there are none; a missing one would be an error."""
    no_cat, no_cats = Annotation("pointing", label="cat"), Annotation("count", label="cats", answer="0")
    assert annotation_to_json(no_cat) == {"style": "pointing", "label": "cat", "points": ()}
    assert annotation_to_json(no_cats) == {"style": "count", "label": "cats", "answer": "0"}


def test_a_second_run_reuses_the_dataset_and_reports_it(tmp_path, capsys):
    """No file is written again."""
    spec = make_dataset_spec("count", images=3)
    folder = write_dataset(spec, DATASETS["count"], tmp_path)
    before = (folder / "train.jsonl").stat().st_mtime_ns
    write_dataset(spec, DATASETS["count"], tmp_path)
    assert (folder / "train.jsonl").stat().st_mtime_ns == before
    assert "is there already (9 images)" in capsys.readouterr().out


def test_what_is_replaced_is_said_before(tmp_path, capsys):
    """Another size or seed; nothing is said of a first drawing, of none, and of an edited set that stays."""
    for spec in (make_dataset_spec("count", images=4), make_dataset_spec("count", images=2),
                 make_dataset_spec("count", images=2), make_dataset_spec("count", images=3, seed=2)):
        folder = write_dataset(spec, DATASETS["count"], tmp_path)
    lines = [line for line in capsys.readouterr().out.splitlines() if "replaces" in line]
    assert lines == [f"count: replaces 4 drawn train images by 2 in {folder}",
                     f"count: replaces 2 drawn train images of seed 1 by 3 in {folder}"]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["counts"] = {"train": "?"}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ValueError, match="was edited since it was drawn"):
        write_dataset(make_dataset_spec("count", images=1), DATASETS["count"], tmp_path)
    assert "replaces" not in capsys.readouterr().out


def test_other_arguments_generate_the_dataset_again(tmp_path):
    """No file of the old dataset is left."""
    write_dataset(make_dataset_spec("count", images=4), DATASETS["count"], tmp_path)
    folder = write_dataset(make_dataset_spec("count", images=2, seed=2), DATASETS["count"], tmp_path)
    assert len(list((folder / "images").iterdir())) == 6
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["seed"] == 2


@pytest.mark.parametrize("damage", ["manifest.json", "train.jsonl", "images/train_000001.png"])
def test_a_set_with_a_file_missing_is_not_finished(damage, tmp_path):
    """Whichever file is missing, the dataset is generated again."""
    spec, make_example = make_dataset_spec("points", images=3), DATASETS["points"]
    folder = write_dataset(spec, make_example, tmp_path)
    assert is_finished(folder, spec, code_digest(make_example))
    (folder / damage).unlink()
    assert not is_finished(folder, spec, code_digest(make_example))
    if damage == "manifest.json":  # then nothing says that the folder is ours
        with pytest.raises(ValueError, match="easy holds no manifest.json of ours, .* is not replaced"):
            write_dataset(spec, make_example, tmp_path)
        folder.rename(tmp_path / "elsewhere")
    write_dataset(spec, make_example, tmp_path)
    assert is_finished(folder, spec, code_digest(make_example))


def test_a_row_that_was_cut_off_is_noticed(tmp_path):
    """The manifest has the digest of every jsonl file."""
    spec, make_example = make_dataset_spec("points", images=3), DATASETS["points"]
    folder = write_dataset(spec, make_example, tmp_path)
    (folder / "train.jsonl").write_bytes((folder / "train.jsonl").read_bytes()[:-10])
    assert not is_finished(folder, spec, code_digest(make_example))


def edit_rows(folder):
    path = folder / "train.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("red", "blue"), encoding="utf-8")


def paint_over(folder):
    Image.new("RGB", (8, 8), "red").save(folder / "images" / "train_000001.png")


def add_an_image(name):
    return lambda folder: (folder / "images" / name).write_bytes(b"mine")


@pytest.mark.parametrize("edit, name", [
    (edit_rows, "train.jsonl"), (paint_over, "images"),
    *((add_an_image(name), f"images/{name}") for name in ("train_000099.png", "val_1.png")),
    (add_an_image("train_000001.jpg"), "images")])
def test_a_set_that_you_edited_is_not_drawn_again(edit, name, tmp_path):
    """Also if the code that drew it is another by now; and `make clean` leaves it."""
    folder = write_dataset(make_dataset_spec("points", images=3), DATASETS["points"], tmp_path)
    edit(folder)
    before = files_of(tmp_path)
    with pytest.raises(ValueError, match=f"{name} was edited since it was drawn, so .*Move .*--folder"):
        write_dataset(make_dataset_spec("points", images=4), DATASETS["points"], tmp_path)
    assert clean_dataset(tmp_path / "points") == [folder]
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("name", ["easy.old", "easy-2", "backup"])
def test_a_copy_of_a_set_that_you_keep_is_not_removed(name, tmp_path):
    """Not by drawing again, nor by `make clean`."""
    spec = make_dataset_spec("points", images=3)
    copy = shutil.copytree(write_dataset(spec, DATASETS["points"], tmp_path), tmp_path / "points" / name)
    write_dataset(make_dataset_spec("points", images=4), DATASETS["points"], tmp_path)
    clean_dataset(tmp_path / "points")
    assert is_finished(copy, spec, code_digest(DATASETS["points"])) and not (copy.parent / "easy").exists()


def test_missing_files_are_no_edits(tmp_path):
    folder = write_dataset(make_dataset_spec("points", images=3), DATASETS["points"], tmp_path)
    for name in ("train.jsonl", "images/val_000001.png"):
        (folder / name).unlink()
    assert is_own_dataset(folder)
    write_dataset(make_dataset_spec("points", images=4), DATASETS["points"], tmp_path)


def test_a_set_of_an_earlier_version_has_no_digest_of_its_images(tmp_path):
    spec = make_dataset_spec("points", images=3)
    folder = write_dataset(spec, DATASETS["points"], tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    del manifest["images_sha256"]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert is_finished(folder, spec, code_digest(DATASETS["points"])) and is_own_dataset(folder)


def test_an_interrupted_run_leaves_no_files_and_keeps_the_old_dataset(tmp_path):
    """Ctrl-C during the fifth image."""
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


@pytest.mark.parametrize("name, content", [
    ("manifest.json", '{"writer": "minimolmo", "kind": "unfinished dataset"}'),
    ("manifest.json.tmp", '{"wri'), ("val.jsonl", "")])  # by an earlier version: it wrote the manifest last
def test_the_next_run_removes_what_a_killed_run_left(name, content, tmp_path):
    """After kill -9 a .part folder is left. The next run removes it and does not read it."""
    part = tmp_path / "points" / "easy.part" / "images"
    part.mkdir(parents=True)
    (part / "train_000099.png").write_bytes(b"half a picture")
    (part.parent / "train.jsonl").write_text("", encoding="utf-8")
    (part.parent / name).write_text(content, encoding="utf-8")
    folder = write_dataset(make_dataset_spec("points", images=3), DATASETS["points"], tmp_path)
    assert len(list((folder / "images").iterdir())) == 9
    assert sorted(path.name for path in folder.parent.iterdir()) == [".lock", "easy"]


@pytest.mark.parametrize("name", ["notes.txt", "images/holiday.jpg"])
def test_a_part_folder_with_a_file_of_yours_stays(name, tmp_path):
    part = tmp_path / "points" / "easy.part"
    (part / "images").mkdir(parents=True)
    (part / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=f"easy.part holds '{name}', .* is not replaced"):
        write_dataset(make_dataset_spec("points", images=3), DATASETS["points"], tmp_path)
    assert (part / name).read_text(encoding="utf-8") == "mine"


def test_an_interrupt_between_the_two_renames_keeps_the_old_dataset(tmp_path, monkeypatch):
    write_dataset(make_dataset_spec("points", images=3), DATASETS["points"], tmp_path)
    before, rename = files_of(tmp_path), Path.rename

    def interrupted(path, target):
        if path.suffix == ".part":
            raise KeyboardInterrupt
        rename(path, target)
    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(make_dataset_spec("points", images=2), DATASETS["points"], tmp_path)
    assert files_of(tmp_path) == before


def test_a_folder_with_foreign_files_is_not_replaced(tmp_path):
    """It may hold files of the user."""
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
    """The message is one line, without a traceback, with something to try."""
    with pytest.raises((ValueError, SystemExit)) as end:
        run_command_line(DATASETS, [*arguments, f"--folder={tmp_path}"])
    assert re.search(f"{complaint}.*(Try|Did you mean)", f"{end.value} {capsys.readouterr().err}")
    assert not list(tmp_path.iterdir())


def make_killed(level, split, rng):
    """Stands for an example that is drawn as the memory is full: the system kills the process."""
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_worker_that_the_system_kills_is_told_and_leaves_no_half_of_a_set(tmp_path):
    with pytest.raises(ValueError, match="a worker process was killed.*Try --workers=1"):
        write_dataset(make_dataset_spec("points", images=200), make_killed, tmp_path, workers=2)
    assert os.listdir(tmp_path / "points") == [".lock"]


def test_a_full_disk_is_named_and_keeps_the_old_dataset(tmp_path, monkeypatch):
    """The disk is full at the fifth image: the new dataset leaves no files, and the old one is unchanged."""
    spec = make_dataset_spec("points", images=3)
    folder = write_dataset(spec, DATASETS["points"], tmp_path)
    before, saved = files_of(tmp_path), []

    def write(path, content):
        saved.append(path)
        if len(saved) == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(path, content)

    really = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(ValueError, match="points/easy cannot be written: the disk is full.*was not drawn"):
        write_dataset(make_dataset_spec("points", images=9), DATASETS["points"], tmp_path)
    assert len(saved) == 5 and files_of(tmp_path) == before
    assert not folder.with_name("easy.part").exists()
    assert is_finished(folder, spec, code_digest(DATASETS["points"]))


@pytest.mark.parametrize("workers", [1, 2])
def test_after_kill_9_nothing_half_written_is_taken_for_finished(workers, tmp_path):
    """Killed while it writes images: only a .part folder is left, no dataset, and the workers end."""
    command = [sys.executable, "-m", "data.prepare_all", "--images=20000", f"--workers={workers}",
               "--sets=points", f"--folder={tmp_path}"]
    process = subprocess.Popen(command, cwd=DATA_FOLDER.parent, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    part = tmp_path / "points" / "easy.part" / "images"
    wait_until(lambda: part.is_dir() and len(list(part.iterdir())) > 20)
    process.kill()
    process.wait()
    assert not (tmp_path / "points" / "easy").exists()
    assert [path.parent.name for path in tmp_path.rglob("manifest.json")] == ["easy.part"]
    with pytest.raises(ValueError, match="train.jsonl is missing, so there is nothing to read"):
        Dataset(tmp_path / "points" / "easy", "train")
    wait_until(lambda: not is_alive(process.pid))


def wait_until(condition, seconds: float = 30):
    """Wait until the condition is true, checked every 0.05 s; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
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
    """The --folder is a file."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="file.* is a file, where a folder is needed.*another --folder"):
        write_dataset(make_dataset_spec("points", images=3), DATASETS["points"], tmp_path / "file")


def test_the_ten_picture_example_of_the_readme_is_what_the_loader_reads():
    """Eight rows for train, two for val; and the four sample rows above them."""
    readme = (DATA_FOLDER / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"```json\n(.*?)```", readme, re.DOTALL):
        for row in re.split(r"\n(?=\{)", block):
            read_example(json.loads(row), DATA_FOLDER, "README.md")
    mine = readme.split("## Your own pictures")[1]
    assert [len(block.splitlines()) for block in re.findall(r"```json\n(.*?)```", mine, re.DOTALL)] == [8, 2]


# Annotations

@pytest.mark.parametrize("name", NUM_IMAGES["easy"])
def test_train_and_val_share_no_scene(name):
    """Compared by their objects, pages by their facts, of which a few occur twice in one split."""
    train, val = ({getattr(scene, "data", scene.things) for scene, _ in examples_of(name, split)}
                  for split in ("train", "val"))
    assert min(len(train), len(val)) >= (280 if name == "docs" else 300) and not train & val


@pytest.mark.parametrize("name", PAIR_SETS)
@pytest.mark.parametrize("split", ["train", "val"])
def test_held_out_pairs_are_neither_shown_nor_named_in_training(name, split):
    """Questions about an absent held-out pair would teach that it never exists."""
    for scene, annotations in examples_of(name, split):
        assert not {color_kind_pair(thing) for thing in scene.things} & set(EASY.held_out)
        text = json.dumps([annotation_to_json(annotation) for annotation in annotations])
        assert not any(f"{color} {kind}" in text for color, kind in EASY.held_out)


@pytest.mark.parametrize("name", PAIR_SETS)
def test_every_novel_scene_has_a_held_out_pair_and_a_question_about_it(name):
    """The question names its pair, its colour, its kind or its place."""
    for scene, annotations in examples_of(name, "novel"):
        held_out = [thing for thing in scene.things if color_kind_pair(thing) in EASY.held_out]
        text = " ".join(f"{note.question} {note.label} {note.answer}" for note in annotations)
        names = {name for thing in held_out for name in (thing.color, thing.kind, "shape", place_of(thing))}
        assert any(name in text for name in names)


@pytest.mark.parametrize("name, least", [("points", 4), ("count", 4), ("ask_model_anything", 4), ("cap", 4),
                                         ("cap_qa", 4), ("point_explanations", 3)])
def test_every_image_has_several_annotations_and_none_twice(name, least):
    """Four to six annotations; three to five explanations."""
    for _, annotations in examples_of(name):
        assert least <= len(annotations) <= 6
        assert len(set(annotations)) == len(annotations)


@pytest.mark.parametrize("set_name", ["points", "count"])
def test_points_and_counts_are_exactly_those_of_the_labels_objects(set_name):
    """The objects are found from the words of the label."""
    for scene, annotations in examples_of(set_name):
        for note in annotations:
            things = referents(note.label, scene.things)
            if note.style == "count":
                assert note.answer == str(len(things)), note
            else:
                assert set(note.points) == {(thing.x, thing.y) for thing in things}, note


def test_points_are_mostly_one_sometimes_many_sometimes_none():
    """About 70 %, 15 %, 15 %; and a plural label may have no point, one or several."""
    notes = [note for _, annotations in examples_of("points") for note in annotations]
    counts = Counter(min(len(note.points), 2) for note in notes)
    assert 0.62 < counts[1] / len(notes) < 0.76 and 0.12 < counts[0] / len(notes) < 0.21
    plural = Counter(len(note.points) for note in notes if re.search("[^s]s$", note.label))
    assert plural[0] and plural[1] > plural[2]


def test_counts_are_balanced_and_each_has_two_questions():
    """1 to 5 are equally common, 0 is rare: the best constant guess is right one time in five."""
    notes = [note for _, annotations in examples_of("count", count=1000) for note in annotations]
    plain = Counter(note.answer for note in notes if note.style == "count")
    total = sum(plain.values())
    assert all(0.14 < plain[str(number)] / total < 0.24 for number in range(1, 6))
    assert 0 < plain["0"] / total < 0.1
    assert plain == Counter(str(len(note.points)) for note in notes if note.style == "point_count")


def test_half_of_the_questions_name_a_colour_or_a_kind_and_yes_is_as_common_as_no():
    """So no colour, no kind and not "yes" is a good constant guess."""
    rows = examples_of("ask_model_anything", count=1000)
    answers = Counter(note.answer for _, notes in rows for note in notes)
    colors, kinds = ({word: answers[word] for word in words} for words in (COLORS, KINDS))
    naming = sum(colors.values()) + sum(kinds.values())
    assert naming >= 0.49 * sum(answers.values())
    assert max(colors.values()) < 0.22 * sum(colors.values())
    assert max(kinds.values()) < 0.33 * sum(kinds.values())
    assert 0.46 < answers["yes"] / (answers["yes"] + answers["no"]) < 0.54


def test_answers_are_true_of_the_objects():
    """For each type of question, recognised by its words."""
    checked = Counter()
    for scene, notes in examples_of("ask_model_anything"):
        for note in notes:
            question_type = check_answer(note.question.lower(), note.answer, scene.things)
            checked[question_type] += 1
    assert min(checked.values()) > 50 and set(checked) == {"naming", "where", "what", "presence", "relation"}


def check_answer(question: str, answer: str, things) -> str:
    """Assert that the answer is true, and return the type of the question."""
    named = [thing for thing in things if label_text(color_kind_pair(thing)) in question]
    side = re.search(r"(left of|right of|above|below) the (\w+ \w+)", question)
    if side:
        anchor = next(thing for thing in things if label_text(color_kind_pair(thing)) == side[2])
        beside = [label_text(color_kind_pair(thing)) for thing in things if is_beside(thing, anchor, side[1])]
        subject = re.search(r"the (\w+ \w+) (?:left|right|above|below)", question)
        assert ((subject[1] in beside) == (answer == "yes")) if subject else [answer] == beside
        return "relation"
    if answer in ("yes", "no"):
        assert bool(named) == (answer == "yes")
        return "presence"
    if named:
        assert answer == place_of(named[0])
        return "where"
    at = re.search(r"(?:at|on|in) the ((?:top|bottom) (?:left|right)|top|bottom|left|right|center)", question)
    matches = [thing for thing in things if (at and place_of(thing) == at[1]) or
               (not at and {thing.color, thing.kind} & set(re.findall(r"\w+", question)))]
    assert len(matches) == 1, question
    assert answer in (matches[0].color, matches[0].kind, label_text(color_kind_pair(matches[0])))
    assert answer not in question
    return "naming" if answer in NAMING else "what"


def is_beside(thing, anchor, relation: str) -> bool:
    return {"left of": thing.x < anchor.x, "right of": thing.x > anchor.x,
            "above": thing.y < anchor.y, "below": thing.y > anchor.y}[relation]
