"""The tables in the datasets' READMEs: numbers, digests and sample rows agree with the code."""
import hashlib
import json
import re

import pytest

from data.generate import DATA_FOLDER, NUM_IMAGES, SPLITS, make_dataset_spec, make_row, write_dataset
from data.prepare_all import DATASETS
from data.preview import readme_tables

FULL = NUM_IMAGES["full"]


DATA_README = (DATA_FOLDER / "README.md").read_text(encoding="utf-8")


def read_readme(name):
    return (DATA_FOLDER / name / "README.md").read_text(encoding="utf-8")


def readme_numbers(name):
    """Split -> (images, annotations, sha256) in the dataset's own README."""
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \| `([0-9a-f]{64})` \|$", read_readme(name), re.M)
    return {split: (int(images.replace(",", "")), int(num_annotations.replace(",", "")), digest)
            for split, images, num_annotations, digest in rows}


@pytest.mark.parametrize("name", FULL)
def test_the_readme_of_a_dataset_agrees_with_the_table_of_all_datasets(name):
    numbers = readme_numbers(name)
    assert list(numbers) == list(SPLITS)
    assert readme_tables.datasets_table({name: numbers}).splitlines()[-1] in DATA_README
    assert tuple(images for images, _, _ in numbers.values()) == FULL[name]


def test_the_total_in_data_readme_is_the_sum_of_the_datasets():
    """20,000 scenes, and the number of their annotations."""
    scenes = [readme_numbers(name)["train"] for name in FULL if name not in ("docs", "clocks")]
    assert sum(images for images, _, _ in scenes) == 20_000
    num_annotations = sum(annotations for _, annotations, _ in scenes)
    assert num_annotations >= 200_000
    assert f"20,000 scenes with {num_annotations:,} annotations" in DATA_README


@pytest.mark.parametrize("name", FULL)
def test_the_sample_row_is_the_one_that_the_code_generates(name):
    row = json.loads(re.search(r"One row of `val`.*?```json\n(.*?)```", read_readme(name), re.DOTALL)[1])
    index = int(re.search(r"val_(\d+)", row["image"])[1])
    assert row == json.loads(json.dumps(readme_tables.sample_row(name, index)))


@pytest.mark.parametrize("name", FULL)
def test_the_digest_in_the_readme_is_that_of_the_rows_that_the_code_generates(name):
    """The smallest split is generated again, so that a changed wording without new numbers is noticed."""
    rows = (make_row(make_dataset_spec(name, "full"), DATASETS[name], "novel", i)[1]
            for i in range(FULL[name][2]))
    text = "".join(json.dumps(row) + "\n" for row in rows)
    assert hashlib.sha256(text.encode()).hexdigest() == readme_numbers(name)["novel"][2]


def test_only_a_default_dataset_gives_numbers_for_its_readme(tmp_path):
    with pytest.raises(ValueError, match="was not drawn, so its README cannot be written. Run"):
        readme_tables.dataset_numbers(tmp_path, "clocks")
    write_dataset(make_dataset_spec("clocks", "full", images=2), DATASETS["clocks"], tmp_path)
    with pytest.raises(ValueError, match="'train': 2, .* not those of the default drawing. Draw"):
        readme_tables.dataset_numbers(tmp_path, "clocks")


def test_only_the_text_between_the_markers_is_replaced(tmp_path):
    page = tmp_path / "README.md"
    first, last = readme_tables.MARKERS
    page.write_text(f"before\n{first}\nold\n{last}\nafter\n", encoding="utf-8")
    readme_tables.replace_between_markers(page, "new")
    assert page.read_text(encoding="utf-8") == f"before\n{first}\n\nnew\n\n{last}\nafter\n"
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="its numbers have no place. Put them back"):
        readme_tables.replace_between_markers(page, "new")


def test_long_texts_are_cut_at_a_word():
    assert readme_tables.shortened({"answer": "word " * 100})["answer"] == "word " * 47 + "word ..."
    assert readme_tables.shortened({"points": [[1, 2]] * 9}) == {"points": [[1, 2]] * 9}
