"""Photos of paper shapes: what their records say is in their pixels."""
import colorsys
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minimolmo.batch.dataset import Dataset, check_split
from minimolmo.image.resize import open_image
from tools import paper_shapes
from tools.paper_photos import KINDS, PAPERS


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Three photos to train on and one held out."""
    folder = tmp_path_factory.mktemp("photos") / "mine"
    paper_shapes.main([str(folder), "--train=3", "--val=1", "--seed=2"])
    return folder


def truth_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()]


def shapes_of(folder: Path) -> list[tuple[np.ndarray, dict]]:
    """Each shape's photo (height, width, 3) and record."""
    return [(open_image(folder / row["image"]).astype(float), paper) for row in truth_of(folder)
            for paper in row["papers"]]


def region_of(pixels: np.ndarray, paper: dict) -> tuple[np.ndarray, np.ndarray]:
    """The mean place, in percent, of the pixels around a shape that have the colour at its centre; and it."""
    height, width = pixels.shape[:2]
    x, y = round(paper["x"] / 100 * width - 0.5), round(paper["y"] / 100 * height - 0.5)
    color = np.median(pixels[y - 1:y + 2, x - 1:x + 2], axis=(0, 1))
    corners = np.array(paper["outline"]) / 100 * (width, height)
    left, top = np.floor(corners.min(axis=0) - 2).clip(0).astype(int)
    right, bottom = np.ceil(corners.max(axis=0) + 2).astype(int)
    found = np.argwhere(np.linalg.norm(pixels[top:bottom, left:right] - color, axis=2) < 48)
    place = (found.mean(axis=0)[::-1] + 0.5 + (left, top)) / (width, height) * 100
    return place, color


def test_the_pixels_of_each_shape_lie_around_its_point(photos):
    """The mean place of a shape's colour is the recorded centre, within 1.5 % of the photo."""
    for pixels, paper in shapes_of(photos):
        place, _ = region_of(pixels, paper)
        assert np.abs(place - (paper["x"], paper["y"])).max() < 1.5, paper


def test_a_shape_has_the_colour_that_its_record_names(photos):
    """Of the six papers' hues, the nearest one is its own, whatever the light."""
    hues = {name: colorsys.rgb_to_hsv(*color)[0] for name, color in PAPERS.items()}
    for pixels, paper in shapes_of(photos):
        hue = colorsys.rgb_to_hsv(*region_of(pixels, paper)[1])[0]
        apart = {name: min(abs(hue - other), 1 - abs(hue - other)) for name, other in hues.items()}
        assert min(apart, key=apart.get) == paper["color"], (paper["color"], apart)


def is_named(paper: dict, label: str) -> bool:
    """Whether a label as "red crosses", "shapes" or "blue shapes" means this shape."""
    kinds, colors = [kind for kind in KINDS if kind in label], [color for color in PAPERS if color in label]
    return paper["kind"] in (kinds or KINDS) and paper["color"] in (colors or PAPERS)


def test_the_folder_is_a_dataset_whose_points_are_those_of_the_truth(photos):
    papers = {row["image"]: row["papers"] for row in truth_of(photos)}
    for split, rows in (("train", 3), ("val", 1)):
        assert f"{rows} pictures" in check_split(photos, split)
        for example in Dataset(photos, split):
            shown = papers[f"images/{example.image.name}"]
            for annotation in example.annotations:
                named = [(p["x"], p["y"]) for p in shown if is_named(p, annotation.label)]
                if annotation.style in ("pointing", "point_count"):
                    assert list(annotation.points) == named, annotation
                if annotation.style == "count":
                    assert annotation.answer == str(len(named))


def test_a_photo_depends_on_seed_split_and_number_alone(photos, tmp_path):
    paper_shapes.main([str(tmp_path / "two"), "--train=1", "--val=1", "--seed=2"])
    paper_shapes.main([str(tmp_path / "other"), "--train=1", "--val=0", "--seed=3"])
    first = (photos / "train.jsonl").read_text(encoding="utf-8").splitlines()
    assert (tmp_path / "two" / "train.jsonl").read_text(encoding="utf-8").splitlines() == first[:1]
    names = ("images/train_000.jpg", "images/val_000.jpg")
    assert all((tmp_path / "two" / name).read_bytes() == (photos / name).read_bytes() for name in names)
    assert (tmp_path / "other" / "train.jsonl").read_text(encoding="utf-8").splitlines() != first[:1]


def test_photos_are_of_many_sizes_and_none_is_written_over(photos):
    sizes = {Image.open(photos / row["image"]).size for row in truth_of(photos)}
    assert len(sizes) > 2 and all(64 <= side <= 512 for size in sizes for side in size)
    with pytest.raises(ValueError, match="exists, and what is in it would be lost. Try another folder"):
        paper_shapes.main([str(photos)])
