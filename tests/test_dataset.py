"""A dataset folder: a learner's own data is read unchanged, and every error names file and line."""
import json
import math
import pickle
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minimolmo.batch import dataset
from minimolmo.batch.dataset import Dataset, check_split
from minimolmo.disk import write_atomically
from minimolmo.flow import Annotation, Thing

CAT = {"style": "user_qa", "question": "Who is it?", "answer": "A cat."}


def write(folder: Path, *rows, split: str = "train", end: str = "\n") -> Path:
    """Write rows, as objects or as raw text, to folder/<split>.jsonl, and an image to images/cat.png."""
    (folder / "images").mkdir(exist_ok=True)
    Image.new("RGB", (4, 3), "orange").save(folder / "images" / "cat.png")
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / f"{split}.jsonl").write_bytes((end.join(lines) + end).encode())
    return folder


def row(*annotations, **more) -> dict:
    return {"image": "images/cat.png", "annotations": list(annotations), **more}


def test_a_learners_folder_of_ten_pictures_works_unchanged(tmp_path, capsys):
    """Ten images of one square each, with a caption, a point, a count and a question. No object labels."""
    rng, rows = np.random.default_rng(0), []
    (tmp_path / "images").mkdir()
    for number in range(10):
        left, top = rng.integers(0, 24, size=2).tolist()
        picture = Image.new("RGB", (32, 32), "white")
        picture.paste("red", (left, top, left + 8, top + 8))
        picture.save(tmp_path / "images" / f"{number}.jpg")
        center = [(left + 4) / 32 * 100, (top + 4) / 32 * 100]
        rows.append({"image": f"images/{number}.jpg", "annotations": [
            {"style": "long_caption", "answer": "A red square."},
            {"style": "pointing", "label": "red square", "points": [center]},
            {"style": "count", "label": "squares", "answer": "1"},
            {"style": "user_qa", "question": "Which color?", "answer": "red"}]})
    write(tmp_path, *rows[:8])
    write(tmp_path, *rows[8:], split="val")

    message = run_command(str(tmp_path))

    assert message is None
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/train.jsonl: 8 pictures, 32 annotations, all good",
        f"{tmp_path}/val.jsonl: 2 pictures, 8 annotations, all good"]


def run_command(*arguments: str) -> str | None:
    """`python -m minimolmo.batch.dataset ...`: its error message, or None."""
    before, sys.argv = sys.argv, ["dataset", *arguments]
    try:
        runpy.run_path(dataset.__file__, run_name="__main__")
    except SystemExit as end:
        return end.code
    finally:
        sys.argv = before


def test_object_labels_are_found_however_the_json_is_spaced(tmp_path):
    thing = {"kind": "cat", "color": "orange", "x": 61.5, "y": 40.4, "width": 20, "height": 10}
    write(tmp_path, row(CAT, things=[thing]))
    text = (tmp_path / "train.jsonl").read_text(encoding="utf-8")
    (tmp_path / "train.jsonl").write_text(text.replace('"things": [{', '"things" : [ {'), encoding="utf-8")
    assert dataset.has_things(Dataset(tmp_path, "train"))


def test_a_row_becomes_an_example(tmp_path):
    thing = {"kind": "cat", "color": "orange", "x": 61.5, "y": 40.4, "width": 20, "height": 10}
    write(tmp_path, row(CAT, {"style": "pointing", "label": "cat", "points": [[61.5, 40]]}, things=[thing]))
    example = Dataset(tmp_path, "train")[0]
    assert example.image == tmp_path / "images" / "cat.png"
    assert example.annotations == (Annotation("user_qa", question="Who is it?", answer="A cat."),
                                   Annotation("pointing", label="cat", points=((61.5, 40.0),)))
    assert example.things == (Thing("cat", "orange", 61.5, 40.4, 20, 10),)
    assert example.name == f"{tmp_path}/train.jsonl:1"


def test_no_points_in_a_pointing_style_means_there_are_none(tmp_path):
    write(tmp_path, row({"style": "pointing", "label": "dog", "points": []}))
    assert Dataset(tmp_path, "train")[0].annotations[0].points == ()


def test_a_row_is_read_on_access(tmp_path):
    """The second row is broken, and the error comes only when it is read."""
    data = Dataset(write(tmp_path, row(CAT), "{broken", row(CAT)), "train")
    assert len(data) == 3
    assert data[2].name.endswith("train.jsonl:3")
    with pytest.raises(ValueError, match=r"train\.jsonl:2: this line is not JSON"):
        data[1]


def test_a_dataset_keeps_its_rows_when_its_file_is_replaced(tmp_path):
    """The page writes train.jsonl anew while a training reads it: rows shift in the new file only."""
    data = Dataset(write(tmp_path, row(CAT), row({**CAT, "answer": "A dog."})), "train")
    new = json.dumps(row({**CAT, "answer": "A very long answer about a horse."}))
    write_atomically(tmp_path / "train.jsonl", [f"{new}\n".encode() * 3])
    assert [example.annotations[0].answer for example in data] == ["A cat.", "A dog."]
    assert list(data.rows_matching(b"dog")) == [1]
    assert len(Dataset(tmp_path, "train")) == 3


def test_a_dataset_is_sent_to_a_worker_unless_its_file_has_been_replaced(tmp_path):
    data = Dataset(write(tmp_path, row(CAT), row(CAT)), "train")
    assert pickle.loads(pickle.dumps(data))[1] == data[1]
    sent = pickle.dumps(data)
    write_atomically(tmp_path / "train.jsonl", [b"{}\n"])
    with pytest.raises(ValueError, match=r"train\.jsonl has changed while .* Try again"):
        pickle.loads(sent)


def test_a_file_may_come_from_windows_or_lack_its_last_line_end(tmp_path):
    for ending in ("\n", "\r\n"):
        data = Dataset(write(tmp_path, row(CAT), row(CAT), end=ending), "train")
        assert data[1].annotations[0].answer == "A cat."
    path = tmp_path / "train.jsonl"  # with a byte order mark, as Notepad writes it, and no last line end
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().rstrip())
    data = Dataset(tmp_path, "train")
    assert [example.name[-2:] for example in data] == [":1", ":2"]


def test_text_may_be_of_any_language(tmp_path):
    line = json.dumps(row({**CAT, "answer": "eine Katze, 猫"}), ensure_ascii=False)
    data = Dataset(write(tmp_path, row(CAT), line, row(CAT)), "train")
    assert data[1].annotations[0].answer == "eine Katze, 猫"


POINT = {"style": "pointing", "label": "cat", "points": [[50, 50]]}
BAD_ROWS = {
    "{'image': 'cat.png'}": "this line is not JSON .* Try one whole object a line",
    '{"image": "cat.png",': "this line is not JSON",
    "[" * 100_000: "this line is not JSON",
    "": "the line is blank.* Remove it",
    "[1, 2]": 'the row is not an object with an "image".* Try',
    '{"annotations": []}': 'the row is not an object with an "image"',
    '{"image": 7, "annotations": []}': 'the row is not an object with an "image"',
    '{"image": "images/cat.png"}': 'the row has no "annotations".* Try',
    json.dumps(row()): 'the row has no "annotations"',
    json.dumps({"image": "a.png", "annotations": CAT}): 'the row has no "annotations"',
    json.dumps(row("a cat")): "annotation 1: 'a cat' is not an object",
    json.dumps(row(CAT, {"style": "poem"})): "annotation 2: its \"style\" is 'poem'.* Try one of",
    json.dumps(row({"style": ["count"]})): "annotation 1: its \"style\" is ",
    json.dumps(row({"answer": "A cat."})): "its \"style\" is None",
    json.dumps(row({"style": "user_qa", "question": "Who?"})): 'style user_qa needs "answer".* Add',
    json.dumps(row({**CAT, "answer": " "})): 'style user_qa needs "answer"',
    json.dumps(row({"style": "user_qa", "answer": "A cat."})): 'needs "question"',
    json.dumps(row({"style": "user_qa", "question": "Who?", "anwser": "A cat."})):
        '"anwser" is not a field of an annotation.* Did you mean answer',
    json.dumps(row({**CAT, "answer": 3})): '"answer" is 3, not text.* quotes',
    json.dumps(row({"style": "pointing", "label": "cat"})): 'style pointing needs "points"',
    json.dumps(row({"style": "pointing", "points": []})): 'style pointing needs "label"',
    json.dumps(row({"style": "count", "answer": "3"})): 'count needs "label" or "question".* Add "label"',
    json.dumps(row({"style": "count", "label": "cat", "answer": "three"})): "'three' is not a number",
    json.dumps(row({**POINT, "points": [[50, 100.5]]})): r"point \[50, 100.5\] is not \[x, y\] in percent",
    json.dumps(row({**POINT, "points": [[50, -1]]})): "in percent",
    json.dumps(row({**POINT, "points": [[320, 240]]})): r"\[320, 240\] .* Divide pixels by the image's width",
    json.dumps(row({**POINT, "points": [{"x": 50, "y": 50}]})): r"'x': 50, .* is not \[x, y\]",
    **{json.dumps(row({"style": "point_count", "label": "cat", "points": points})):
       f'"points" is {points}, not a list.* Try' for points in (5, None, True)},
    json.dumps(row({**POINT, "points": [50, 50]})): r"the point 50 is not \[x, y\]",
    json.dumps(row({**POINT, "points": [["50", "50"]]})): r"is not \[x, y\]",
    json.dumps(row({**POINT, "points": [[True, 50]]})): r"is not \[x, y\]",
    json.dumps(row({**POINT, "points": [[float("nan"), 50]]})): r"is not \[x, y\]",
    json.dumps(row({**POINT, "points": "50, 50"})): '"points" is .* not a list',
    json.dumps(row(CAT, things="cat")): '"things" is .* not a list',
    json.dumps(row(CAT, things=[{"kind": "cat", "size": 3}])): "does not have the fields kind, color, x, y",
    json.dumps(row(CAT, things=[{"kind": "cat", "color": "red", "x": "1", "y": 1, "width": 1, "height": 1}])):
        "does not have the fields kind",
    json.dumps(row(CAT, things=[{"kind": "cat", "color": "red", "x": True, "y": 1, "width": 1,
                                 "height": 1}])): "does not have the fields kind",
    json.dumps(row(CAT, things=[{"kind": "cat", "color": "red", "x": math.nan, "y": 1, "width": 1,
                                 "height": 1}])): "does not have the fields kind",
}


def test_a_bad_row_is_named_by_file_and_line(tmp_path):
    for line in BAD_ROWS:
        write(tmp_path, row(CAT), line, row(CAT))
        with pytest.raises(ValueError) as error:
            check_split(tmp_path, "train")
        assert str(error.value).startswith(f"{tmp_path}/train.jsonl:2"), line


def test_a_bad_annotation_is_named_by_its_number(tmp_path):
    write(tmp_path, row(CAT, {"style": "poem"}))
    with pytest.raises(ValueError, match=r"train\.jsonl:1, annotation 2"):
        check_split(tmp_path, "train")


@pytest.mark.words
@pytest.mark.parametrize("line", BAD_ROWS, ids=lambda line: BAD_ROWS[line][:40])
def test_a_bad_row_is_named_by_file_and_line_with_a_remedy(tmp_path, line):
    """The message gives the value, the reason and what to try."""
    write(tmp_path, row(CAT), line, row(CAT))
    with pytest.raises(ValueError, match=BAD_ROWS[line]) as error:
        check_split(tmp_path, "train")
    assert str(error.value).startswith(f"{tmp_path}/train.jsonl:2")
    assert "so it cannot be used. " in str(error.value)


def test_bytes_that_are_not_utf_8_are_an_error(tmp_path):
    write(tmp_path, row(CAT))
    (tmp_path / "train.jsonl").write_bytes(b'{"image": "\xff\xfe"}\n')
    with pytest.raises(ValueError, match=r"train\.jsonl:1: this line is not JSON"):
        Dataset(tmp_path, "train")[0]


def test_a_missing_or_broken_image_is_named_with_its_row(tmp_path):
    write(tmp_path, row(CAT), {**row(CAT), "image": "images/dog.png"})
    with pytest.raises(ValueError, match=r"train\.jsonl:2: .*dog\.png does not exist\. Check the spelling"):
        check_split(tmp_path, "train")
    (tmp_path / "images" / "dog.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"train\.jsonl:2: .*dog\.png is empty, or not an image"):
        check_split(tmp_path, "train")


def test_a_missing_and_an_empty_file_say_what_to_do(tmp_path):
    for name in ("points", "points/easy"):
        with pytest.raises(ValueError, match=r'train\.jsonl is missing, so .* Run "make data" first'):
            Dataset(tmp_path / name, "train")
    with pytest.raises(ValueError, match=r"train\.jsonl is missing, so .* Try writing it: data/README.md"):
        Dataset(tmp_path / "mine", "train")  # make data would not draw it
    (tmp_path / "train.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match=r"train\.jsonl is empty, so .* Put one row a picture into it"):
        Dataset(tmp_path, "train")


def test_the_command_checks_both_splits(tmp_path, capsys):
    assert run_command() == 2 and "required: folder" in capsys.readouterr().err
    write(tmp_path, row(CAT))
    assert "val.jsonl is missing" in run_command(str(tmp_path))
    write(tmp_path, row(CAT), row({**CAT, "style": "poem"}), split="val")
    for file in ("train.jsonl", "none.jsonl"):
        assert run_command(str(tmp_path / file)).endswith(f"Try giving the folder: {tmp_path}")
    assert f"{tmp_path}/val.jsonl:2, annotation 1: its \"style\" is 'poem'" in run_command(str(tmp_path))
