"""Points in text: writing, parsing, and malformed text that must not stop the parser."""
import json
from pathlib import Path

import numpy as np
import pytest

from minimolmo.text.points import parse_points, plain_text, points_to_text, to_percent, to_pixels

GOLDEN = json.loads((Path(__file__).parent / "golden" / "formatter.json").read_text(encoding="utf-8"))

NO_POINT = [
    "", "There are none.", "<point", '<point x="1.0', '<point x="1.0" y="2.0',         # cut off
    '<point x=1.0 y=2.0>', "<point x='1.0' y='2.0'>", '<point x="1.0 y="2.0>',         # quotes lost
    'x3="5.0" alt="b"', 'x3="5.0" y4="6.0"', 'y1="5.0" x1="6.0"',                      # only one coordinate
    'x="abc" y="1"', 'x="nan" y="1"', 'x="inf" y="1"', 'x="" y=""', 'x="1,5" y="2"',   # no plain ...
    'x="1e308" y="1"', 'x="1e1" y="1"', 'x="-3.0" y="1"', 'x="+3.0" y="1"',            # ... decimal number
    'x="100.1" y="5.0"', 'x="5.0" y="101"', f'x="{"9" * 400}" y="1"',                  # outside the image
    'x="\u0663" y="\u0664"', 'x\u0661="3" y\u0661="4"', 'x="\uff11" y="\uff12"',  # digits of other scripts
]


def test_points_are_written_as_molmo_writes_them():
    for case in GOLDEN["points_to_text"]:
        assert points_to_text(case["points"], case["label_text"], case["alt_text"]) == case["text"]


@pytest.mark.parametrize("value, printed", GOLDEN["rounding_float64"])
def test_a_coordinate_is_rounded_half_to_even_like_numpy(value, printed):
    text = points_to_text([(value, value)], "cat", "cat")
    assert text == f'<point x="{printed}" y="{printed}" alt="cat">cat</point>'


def test_points_are_rounded_first_and_sorted_afterwards():
    """12.44 and 12.36 both round to 12.4, so y decides, although 12.36 is further left."""
    text = points_to_text([(12.36, 80), (12.44, 20)], "cats", "cats")
    assert text == '<points x1="12.4" y1="20.0" x2="12.4" y2="80.0" alt="cats">cats</points>'


def test_no_points_make_no_text():
    assert points_to_text([], "cats", "cats") == ""


def test_a_coordinate_that_is_not_finite_is_refused_before_training_on_it():
    for value in (float("nan"), float("inf"), 1e308):
        with pytest.raises(ValueError):
            points_to_text([(value, 1)], "cat", "cat")


@pytest.mark.words
def test_a_coordinate_that_is_not_finite_is_refused_with_what_to_try():
    with pytest.raises(ValueError, match="Try percent"):
        points_to_text([(float("nan"), 1)], "cat", "cat")


def test_written_points_are_parsed_back_to_a_tenth_of_a_percent():
    rng = np.random.default_rng(0)
    for count in range(50):
        points = [tuple(point) for point in rng.uniform(0, 100, (count, 2))]
        expected = sorted(map(tuple, np.round(points, 1).tolist()))
        assert parse_points(points_to_text(points, "cats", "cats")) == expected


def test_any_label_comes_back_and_adds_no_point():
    for label in ("cat", "salt & pepper", '12" ruler', "a < b > c", "</points>", '<point x="1.0" y="1.0">',
                  "&lt;", "&amp;lt;", "&amp", "&", ""):
        text = "See " + points_to_text([(1, 2), (3, 4)], label, label) + "."
        assert parse_points(text) == [(1.0, 2.0), (3.0, 4.0)]
        assert plain_text(text) == f"See {label}."


def test_an_ordinary_label_is_written_as_it_is():
    for label in ("salt & pepper", "Mt. Rainier's top (left)", "caf\u00e9"):
        text = points_to_text([(1, 2)], label, label)
        assert text == f'<point x="1.0" y="2.0" alt="{label}">{label}</point>'


def test_points_are_parsed_in_the_order_of_the_text():
    text = '<point x="90.0" y="1.0" alt="a">a</point> <points x1="5" y1="6" x2="7.5" y2="8" alt="b">b</points'
    assert parse_points(text) == [(90.0, 1.0), (5.0, 6.0), (7.5, 8.0)]


def test_text_that_is_no_point_is_not_parsed_as_one():
    for text in NO_POINT:
        assert parse_points(text) == [], text


def test_complete_points_are_parsed_among_broken_ones():
    text = '<point <points x1="1" y1="2" x2="3" x3="no" y3="4" x4="5" y4="6" x5="101" y5="7" x6="100" y6="0"'
    assert parse_points(text) == [(1.0, 2.0), (5.0, 6.0), (100.0, 0.0)]


def test_plain_text_has_the_words_and_not_the_tags():
    tag = points_to_text([(1, 2), (3, 4)], "cats", "alt")
    assert plain_text(f"Counting the {tag} shows a total of 2.") == "Counting the cats shows a total of 2."
    assert plain_text('a <point x="1">b <point y="2">c</point> d</point> e') == "a b c d e"  # nested
    assert plain_text('It is here: <point x="61.5" y="4') == "It is here: "                  # cut off
    assert plain_text("5 < 6 > 4, <pointless> &lt;") == "5 < 6 > 4, <pointless> &lt;"        # not our tags


def test_time_is_linear_in_the_length():
    """100,000 characters of each nonsense; with quadratic time, one alone would take a minute."""
    units = ["<", "x", "1", " ", '"', "x1", 'x="', '<point x="1', '<point x="1" ', 'x="1" y="', "<point ",
             "<point >", "<point x>a", "</point>", 'x1="1"   ', "&amp"]
    starts = ["", '<point x="', '<points x1="1.', "<point x", 'x="1" y="1.', 'x="1"', "<points ", "<points >"]
    for text in (start + unit * (100_000 // len(unit)) for start in starts for unit in units):
        assert parse_points(text) == []
        plain_text(text)


def test_ten_megabytes_of_nonsense_are_parsed_in_a_moment():
    for unit in ("<", '<point x="1'):
        assert parse_points(unit * (10_000_000 // len(unit))) == []


def test_percent_and_pixels_describe_the_same_point():
    """Three quarters across and half way down an image of 640 x 480 pixels."""
    assert to_pixels([(75, 50)], width=640, height=480) == [(480.0, 240.0)]
    assert to_percent([(480, 240)], width=640, height=480) == [(75.0, 50.0)]
    back = to_percent(to_pixels([(61.5, 40.4)], 333, 77), 333, 77)
    np.testing.assert_allclose(back, [(61.5, 40.4)])
