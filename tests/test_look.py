"""Looking at what was drawn: one contact sheet for each set."""
import pytest
from PIL import Image

from data import look
from data.prepare_all import SETS
from data.write import make_plan, write_set
from minimolmo.flow import Annotation


def test_each_drawn_set_gets_a_sheet_that_is_no_larger_than_it_need_be(tmp_path):
    for name in ("points", "clocks"):
        write_set(make_plan(name, "full", images=3), SETS[name], tmp_path)
    look.main([f"--folder={tmp_path}", f"--out={tmp_path / 'look'}", "--pictures=2"])
    assert sorted(path.name for path in (tmp_path / "look").iterdir()) == ["clocks.png", "points.png"]
    with Image.open(tmp_path / "look/points.png") as sheet:
        assert sheet.mode == "P" and sheet.width > 400


def test_a_folder_of_your_own_gets_one_too(tmp_path):
    write_set(make_plan("clocks", "full", images=3), SETS["clocks"], tmp_path)
    (tmp_path / "clocks/full").rename(tmp_path / "mine")
    look.main([f"--own={tmp_path / 'mine'}", f"--out={tmp_path / 'look'}"])
    assert [path.name for path in (tmp_path / "look").iterdir()] == ["mine.png"]


def test_where_nothing_was_drawn_it_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match='nothing to look at. Try "make data LEVEL=full"'):
        look.main([f"--folder={tmp_path}", f"--out={tmp_path}"])


def test_question_and_answer_stand_in_one_line():
    assert look.words_of(Annotation("user_qa", question="Who?", answer="a cat")) == "Who? - a cat"
    assert look.words_of(Annotation("pointing", label="cats", points=((1, 2), (3, 4)))) == "cats - 2 points"


def test_points_are_found_inside_sentences_too():
    said = Annotation("point_explanations", answer='A <point x="1.0" y="2.0" alt="cat">cat</point> sleeps.')
    assert look.points_in(said) == [(1.0, 2.0)]
    assert look.words_of(said) == "A cat sleeps."
