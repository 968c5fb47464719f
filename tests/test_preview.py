"""Contact sheets of the datasets, README's two pictures, and its first answer."""
import re

import pytest
from PIL import Image
from tools import answer_card

from data.clocks.styles import STYLES
from data.generate import make_dataset_spec, write_dataset
from data.prepare_all import DATASETS
from data.preview import contact_sheets, system_diagram
from data.preview.catalogue import CLOCK_SIDE, PICTURES_FOLDER, clocks_sheet, image_grid
from data.preview.easy_sheets import draw_card, easy_sheet
from lessons.run import compare_pictures
from minimolmo.answer import RELEASED, ask, load
from minimolmo.flow import Annotation, Example, Thing
from minimolmo.image.resize import open_image
from minimolmo.metrics import is_correct
from minimolmo.text.points import parse_points


def test_each_dataset_gets_a_contact_sheet(tmp_path, monkeypatch):
    monkeypatch.setattr(contact_sheets, "ROWS_PER_TILE", 4)
    for name in ("points", "clocks"):
        write_dataset(make_dataset_spec(name, "full", images=8), DATASETS[name], tmp_path)
    contact_sheets.main([f"--folder={tmp_path}", f"--out={tmp_path / 'sheets'}", "--pictures=2"])
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir()) == ["clocks.png", "points.png"]
    with Image.open(tmp_path / "sheets/points.png") as sheet:
        assert sheet.mode == "RGB" and sheet.width > 2 * 230  # colours are shown as they are


def test_your_own_folder_gets_a_contact_sheet(tmp_path):
    write_dataset(make_dataset_spec("clocks", "full", images=3), DATASETS["clocks"], tmp_path)
    (tmp_path / "clocks/full").rename(tmp_path / "mine")
    contact_sheets.main([f"--own={tmp_path / 'mine'}", f"--out={tmp_path / 'sheets'}"])
    assert [path.name for path in (tmp_path / "sheets").iterdir()] == ["mine.png"]


def test_without_any_dataset_the_message_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match='nothing to show. Try "make data LEVEL=full"'):
        contact_sheets.main([f"--folder={tmp_path}", f"--out={tmp_path}"])


def test_question_and_answer_are_shown_in_one_line():
    question = Annotation("user_qa", question="Who?", answer="a cat")
    assert contact_sheets.annotation_text(question) == "Who? - a cat"
    points = ((1.0, 2.0), (3.0, 4.0))
    texts = [contact_sheets.annotation_text(Annotation("pointing", label="cats", points=points[:n]))
             for n in range(3)]
    assert texts == ["cats - none", "cats - 1 point", "cats - 2 points"]
    long = contact_sheets.annotation_text(Annotation("long_caption", answer="word " * 99))
    assert long.split()[contact_sheets.MAX_WORDS:] == ["..."]


def test_points_are_found_inside_sentences_too():
    annotation = Annotation("point_explanations",
                            answer='A <point x="1.0" y="2.0" alt="cat">cat</point> sleeps.')
    assert contact_sheets.points_in(annotation) == [(1.0, 2.0)]
    assert contact_sheets.annotation_text(annotation) == "A cat sleeps."


def test_the_annotation_with_the_most_points_comes_first():
    one, two, none = (Annotation("pointing", label=f"{n}", points=((1.0, 2.0),) * n) for n in (1, 2, 0))
    assert contact_sheets.annotations_to_show(Example(None, (one, two, none))) == [two, one, none]


def test_interest_prefers_many_points_and_objects_that_no_dot_hides():
    five, sixteen = (Annotation("pointing", label="all", points=((1.0, 2.0),) * n) for n in (5, 16))
    large, tiny = Thing("cat", "red", 50, 50, 20, 20), Thing("key", "red", 9, 9, 2, 2)
    order = [(sixteen, tiny), (five, tiny), (five, large, tiny), (sixteen, large), (five, large),
             (five, large, large)]
    scores = [contact_sheets.interest(Example(None, (first,), things)) for first, *things in order]
    assert scores == sorted(scores) and len(set(scores)) == len(order)


def test_image_grid_centres_pictures_in_equal_cells():
    """Two cells of 4 x 3 with a gap of 1: the small picture has a margin of a pixel."""
    small, large = Image.new("RGB", (2, 1)), Image.new("RGB", (4, 3))
    page = image_grid([small, large, small], columns=2, gap=1, background=(255, 255, 255))
    assert page.size == (9, 7)
    assert page.getpixel((0, 0)) == (255, 255, 255)
    assert page.getpixel((1, 1)) == page.getpixel((5, 0)) == (0, 0, 0)


def test_a_sheet_of_clocks_has_one_of_each_style():
    """Seven styles need two rows of six."""
    assert clocks_sheet(tuple(STYLES)[:7]).size == (6 * (CLOCK_SIDE + 4) - 4, 2 * (CLOCK_SIDE + 4) - 4)


def test_a_row_of_level_easy_has_six_pictures_magnified_eight_times():
    """With gaps of 24 pixels, and room for three lines of text."""
    assert easy_sheet("clocks").size == (6 * 512 + 5 * 24, 512 + 3 * 46)


def test_question_and_answer_stand_below_a_magnified_picture():
    """A black picture of 64 pixels: the text's row is white and dark."""
    annotation = Annotation("clocks", question="What time is it?", answer="3:40")
    card = draw_card(Image.new("RGB", (64, 64)), annotation)
    assert card.getpixel((511, 511)) == (0, 0, 0) and card.getpixel((511, 512)) == (255, 255, 255)
    for top in (512, 558):
        assert min(card.crop((0, top, 512, top + 46)).convert("L").getextrema()) < 110


@pytest.mark.parametrize("name", ["clocks", "cap_qa", "point_explanations"])
def test_the_row_of_level_easy_is_the_committed_one(name, tmp_path):
    easy_sheet(name).save(tmp_path / "row.png")
    assert not compare_pictures(PICTURES_FOLDER / f"{name}-easy.png", tmp_path / "row.png")


def test_the_system_diagram_is_the_committed_one(tmp_path):
    system_diagram.system_diagram().save(tmp_path / "system.png")
    assert not compare_pictures(system_diagram.PICTURE, tmp_path / "system.png")


def test_every_file_and_lesson_of_the_diagram_exists():
    for box in system_diagram.BOXES.values():
        assert (system_diagram.ROOT / box.file).is_file(), box
        assert all(list((system_diagram.ROOT / "lessons").glob(f"{number:02}_*")) for number in box.lessons)


def test_the_boxes_of_the_diagram_do_not_overlap():
    boxes = [box.edges for box in system_diagram.BOXES.values()]
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert 0 < left < right < system_diagram.WIDTH and 0 < top < bottom < system_diagram.HEIGHT
        for other in boxes[:i]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def test_readmes_answers_are_those_of_the_released_nano(tmp_path):
    """One of the twelve is wrong, and the committed picture shows these answers."""
    items = answer_card.answered_items(tmp_path)
    wrong = [number for number, item in enumerate(items) if not is_correct(item, items)]
    assert len(items) == 12 and wrong == [2]
    answer_card.draw_answers(items).save(tmp_path / "answers.png")
    assert not compare_pictures(answer_card.PICTURE, tmp_path / "answers.png")


def test_readmes_first_answer_is_that_of_the_released_nano():
    """Another CPU may differ in a last digit."""
    readme = (PICTURES_FOLDER.parents[1] / "README.md").read_text(encoding="utf-8")
    shown = parse_points(re.search(r"^<points .*", readme, re.M)[0])
    model, tokenizer, _ = load(RELEASED)
    answer, = ask(model, tokenizer, [open_image(PICTURES_FOLDER / "scene.png")], ["Point to the shapes."])
    for point, expected in zip(answer.points, shown, strict=True):
        assert point == pytest.approx(expected, abs=0.15)
