"""Drawing: the right colour at the right pixel, and no error for any output of a half-trained model."""
import math

import numpy as np
import pytest
from PIL import Image

from minimolmo import draw, plot
from minimolmo.draw import COLORS, contact_sheet, draw_crops, draw_grid, draw_points, wrap
from minimolmo.plot import loss_curve

GREY = Image.new("RGB", (100, 50), "#808080")


def rgb(color: str) -> tuple:
    return tuple(bytes.fromhex(color[1:]))


def has_color(picture, color: str) -> bool:
    """Whether some pixel has nearly this colour; nearly, because edges are antialiased."""
    return bool((np.abs(np.asarray(picture).astype(int) - rgb(color)).max(axis=2) < 8).any())


def test_a_small_image_is_enlarged_until_its_short_side_has_256_pixels():
    assert draw_points(GREY, []).size == (512, 256)
    assert draw_points(Image.new("RGB", (400, 300)), []).size == (400, 300)


def test_no_shape_of_image_grows_past_1600_pixels():
    assert draw_points(Image.new("RGB", (1, 1)), []).size == (256, 256)
    assert draw_points(Image.new("RGB", (10_000, 1)), []).size == (1600, 1)


def test_a_point_is_drawn_at_its_percent_of_the_image():
    """75 % of 512 pixels is 384, 50 % of 256 is 128. A ring is 2 x 6.1 pixels around the dot; between dot and
    ring the image is visible."""
    picture = draw_points(GREY, [(75, 50)], color="#0000ff")
    assert picture.getpixel((384, 128)) == (0, 0, 255)
    assert picture.getpixel((384, 128 - 11)) == (0, 0, 255)
    assert picture.getpixel((384, 128 - 6)) == (128, 128, 128)
    assert picture.getpixel((128, 128)) == (128, 128, 128)


def test_points_outside_the_image_are_left_out():
    points = [(150, 50), (-1, 50), (math.nan, 50), (50, 1e308), (math.inf, 0)]
    assert draw_points(GREY, points).tobytes() == draw_points(GREY, []).tobytes()


def test_a_label_stands_right_of_its_point_and_left_where_the_image_ends():
    def label_columns(x):
        bare, named = (np.asarray(draw_points(GREY, [(x, 50)], labels)) for labels in (None, ["bird"]))
        return np.flatnonzero((bare != named).any(axis=(0, 2)))

    assert label_columns(50).min() > 256
    assert label_columns(99).max() < 0.99 * 512


def test_labels_must_be_as_many_as_points():
    with pytest.raises(ValueError):
        draw_points(GREY, [(1, 1)], ["one", "two"])


def test_crops_may_reach_beyond_the_image():
    """The image is drawn 512 x 256; a crop twice as high adds 256 rows; 12 pixels stay free around."""
    assert draw_crops(GREY, [(0, 0, 100, 100)]).size == (512 + 24, 256 + 24)
    assert draw_crops(GREY, [(0, -50, 100, 200)]).size == (512 + 24, 512 + 24)


def test_overlapping_crops_are_tinted_twice():
    """Crops 1 and 2 overlap in the middle third; crop 0, the overview, is only an outline."""
    picture = draw_crops(GREY, [(0, 0, 100, 100), (0, 0, 66, 100), (33, 0, 66, 100)])
    left, middle, right = (picture.getpixel((12 + x, 200)) for x in (80, 256, 430))
    assert len({left, middle, right, (128, 128, 128)}) == 4


def test_a_contact_sheet_has_a_row_for_every_full_set_of_columns():
    card = (GREY, "title", [], None)
    one, four, five = (contact_sheet([card] * count, columns=4, width=100) for count in (1, 4, 5))
    assert one.width == 16 + 116 and four.width == five.width == 16 + 4 * 116
    assert five.height - 16 == 2 * (four.height - 16)


def test_right_and_wrong_cards_differ_in_colour_and_sign():
    right, wrong, open_ = (contact_sheet([(GREY, "", [], verdict)]) for verdict in (True, False, None))
    assert has_color(right, draw.GOOD) and not has_color(right, draw.BAD)
    assert has_color(wrong, draw.BAD) and not has_color(wrong, draw.GOOD)
    assert not has_color(open_, draw.GOOD) and not has_color(open_, draw.BAD)


def test_wrapped_lines_fit_the_width_and_lose_no_letter():
    text = "a short word and oneverylongwordthatnolinecanhold x"
    lines = wrap(text, width=80, size=12)
    assert all(draw.text_width(line, 12) <= 80 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert lines[0] == "a short word"
    assert wrap("", 80) == []


def test_a_loss_curve_shows_every_series_in_its_own_colour():
    series = {"bootstrap": [(0, 4), (9, 1)], "pretrain": [(9, 3), (20, 1)]}
    picture = loss_curve(series, "loss", marks={0: "bootstrap", 9: "pretrain"})
    assert has_color(picture, COLORS[0]) and has_color(picture, COLORS[1])
    assert not has_color(picture, COLORS[2])


def test_higher_losses_are_drawn_higher_on_both_kinds_of_axis():
    """x = 0 is at the left, x = 10 at the right; in logarithms, 1 is half way from 0.1 to 10."""
    for log in (False, True):
        axes = plot.Axes((0, 0, 100, 100), [0, 10], [0.1, 10], log)
        assert axes.to_pixels(0, 5)[0] == 0 and axes.to_pixels(10, 5)[0] == 100
        assert axes.to_pixels(0, 10)[1] < axes.to_pixels(0, 1)[1] < axes.to_pixels(0, 0.1)[1]
    assert axes.to_pixels(0, 1)[1] == pytest.approx(50)


def test_a_linear_axis_starts_at_zero():
    assert plot.Axes((0, 0, 100, 100), [0, 1], [8, 10], log=False).to_pixels(0, 0)[1] == 100


def test_ticks_are_round_numbers():
    assert plot.ticks(0, 2000) == [0, 500, 1000, 1500, 2000]
    assert plot.ticks(0, 0.6) == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert plot.log_ticks(0.4, 6) == [0.5, 1, 2, 5]


def test_the_running_mean_neither_lags_nor_touches_short_curves():
    """The running mean of a straight line is the line itself, except at its two ends."""
    line = [(float(x), 2.0 * x) for x in range(200)]
    assert plot.running_mean(line)[10:-10] == line[10:-10]
    assert plot.running_mean([(0, 5.0), (1, 1.0)]) == [(0, 5.0), (1, 1.0)]


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("curve", [[], [(3, 2.0)], [(0, 0.0), (1, 0.0)], [(0, -1.0), (1, -1.0)],
                                   [(0, 1.0), (1, math.nan), (2, math.inf), (3, 0.5)]])
def test_any_loss_curve_can_be_drawn(curve, log):
    assert loss_curve({"loss": curve}, marks={0: "start"}, log=log).size == (760, 420)


def cell_color(picture, row, column, cell=20):
    """The colour of a cell: without names, the first cell begins 16 pixels from the left and the top."""
    return picture.getpixel((16 + column * cell + cell // 2, 16 + row * cell + cell // 2))


def test_a_grid_of_booleans_fills_what_is_true():
    picture = draw_grid([[True, False]], cell=20)
    assert cell_color(picture, 0, 0) == rgb(COLORS[0]) and cell_color(picture, 0, 1) == (255, 255, 255)


def test_a_grid_of_whole_numbers_colours_groups():
    picture = draw_grid([[0, 1], [1, -1]], cell=20)
    assert cell_color(picture, 0, 1) == cell_color(picture, 1, 0) == rgb(COLORS[1])
    assert cell_color(picture, 0, 0) == rgb(COLORS[0]) and cell_color(picture, 1, 1) == (255, 255, 255)


def test_a_grid_of_numbers_runs_from_pale_to_dark():
    """Minus infinity, as in a mask before the softmax, is as pale as the smallest number."""
    picture = draw_grid([[0.0, 0.5, 1.0, -math.inf, math.nan]], cell=20)
    lowest, middle, highest, infinite, nan = (sum(cell_color(picture, 0, column)) for column in range(5))
    assert lowest > middle > highest and infinite == nan == lowest


def test_names_of_rows_and_columns_enlarge_the_grid():
    bare = draw_grid(np.eye(3), cell=20)
    named = draw_grid(np.eye(3), cell=20, rows=["a long name", "b", "c"], columns=["up", "", "there"])
    assert named.width > bare.width and named.height > bare.height


def test_letters_missing_in_the_font_become_ascii_letters_or_question_marks():
    assert draw._printable("Z\u00fcrich \u2192 \u9ce5\x00") == "Zurich ? ??"


def test_without_scalable_fonts_everything_is_still_drawn(monkeypatch):
    monkeypatch.setattr(draw, "SCALABLE", False)
    draw._font.cache_clear()
    loss_curve({"loss": [(0, 1.0)]}, "\u00e9", {0: "start"})
    draw_grid(np.eye(2), 20, ["a", "b"], ["a", "b"], "title")
    contact_sheet([(GREY, "title", ["words"], True)])
    monkeypatch.undo()
    draw._font.cache_clear()


def test_a_picture_is_darkened_where_its_heat_is_low():
    """Heat on the right half alone: there the picture is unchanged, on the left it is darkened to a fifth."""
    picture = np.asarray(draw.dim_by_heatmap(GREY, [[0, 2]]))
    full, dark = np.asarray(GREY)[0, 0, 0], picture[100, 20, 0]
    assert picture[100, -20, 0] == full and dark == pytest.approx(0.2 * full, abs=2)


def test_tokens_with_a_loss_weight_are_green_and_the_others_grey():
    picture = draw.draw_tokens(["mm", "mm"], [0.0, 1.0], width=300)
    assert picture.getpixel((19, 19)) == rgb(draw.LINE) and picture.getpixel((70, 19)) == rgb(draw.GOOD)


def test_many_tokens_are_drawn_on_several_lines():
    assert draw.draw_tokens(["word"] * 30, [1.0] * 30, width=300).height > draw.draw_tokens(
        ["word"], [1.0], width=300).height


def test_stacked_pictures_share_a_width():
    assert draw.stack([GREY, GREY.resize((50, 100))], width=80).size == (80, 40 + 160)
