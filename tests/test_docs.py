"""The dataset docs: answers agree with the data, the data with the pixels, and all text is readable."""
import random
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from data.docs import charts, diagrams, posters_and_timetables, receipts_and_forms, tables
from data.docs.canvas import COLORS, SIDE_RANGE, THEMES, load_font
from data.docs.full import RECIPES, make_example, make_page, split_of
from data.docs.grid import Grid, grid_questions
from data.docs.processes import CYCLES, HIERARCHIES, PROCESSES
from data.docs.render import render
from data.docs.topics import PERSONAS, SCATTER_TOPICS, TOPICS
from data.docs.wordings import QUESTION_FAMILIES, WORDINGS

RAIN = Grid("Rainfall", "month", "in", ("Jan", "Feb", "Mar", "Apr"), ("rainfall",), ("rainfall",),
            ((40,), (10,), (25,), (70,)), "mm", ordered=True)


@cache
def examples_of(split: str = "train", count: int = 300):
    """(document, annotations), without images."""
    return [make_example(split, random.Random(f"docs/{split}/{index}")) for index in range(count)]


def pages(count: int, kind=None) -> list:
    """Pages of one kind of chart, or of all recipes in turn."""
    rng, result = random.Random("pages"), []
    while len(result) < count:
        recipe = RECIPES[0] if kind else RECIPES[len(result) % len(RECIPES)]
        page = make_page(recipe, rng.choice(PERSONAS), "train", rng)
        if kind in (None, getattr(page, "kind", None)):
            result.append(page)
    return result


def answers_by_question(questions) -> dict[tuple, str]:
    """(question type, slots) -> answer."""
    return {(question.question_type, *question.slots.values()): question.answer for question in questions}


def all_answers(make_questions, page, times: int = 40) -> dict[tuple, str]:
    """(question type, slots) -> answer, over many random draws of the questions."""
    answers = {}
    for seed in range(times):
        answers |= answers_by_question(make_questions(page, random.Random(seed)))
    return answers


# The dataset as a whole

def test_the_same_seed_gives_the_same_annotations_and_pixels():
    """Each example is made twice and drawn twice."""
    for seed in range(8):
        (one, first), (two, second) = (make_example("train", random.Random(seed)) for _ in range(2))
        assert first == second and one.columns == two.columns
        assert one.draw().tobytes() == two.draw().tobytes() == one.draw().tobytes()


def test_no_page_has_the_same_data_in_two_splits():
    """Train and val are split by a checksum of the data, novel by its topics."""
    data = {split: {repr(document.page.data) for document, _ in examples_of(split)}
            for split in ("train", "val", "novel")}
    assert not data["train"] & data["val"] and not data["novel"] & (data["train"] | data["val"])
    for split in ("train", "val"):
        assert all(split_of(document.page) == split for document, _ in examples_of(split))


def test_novel_topics_are_named_in_no_title_of_train_and_val():
    """For example wind speed, sailing and minerals."""
    titles = {topic.title for group in (TOPICS, SCATTER_TOPICS, PROCESSES, CYCLES)
              for topic in group if topic.novel}
    titles |= {hierarchy.root for hierarchy in HIERARCHIES if hierarchy.novel}
    text = repr([document.page.data for split in ("train", "val") for document, _ in examples_of(split)])
    assert len(titles) == 10 and not [title for title in titles if repr(title) in text]


def test_there_are_12_personas_and_40_topics_or_more():
    assert len(PERSONAS) >= 12 and len(TOPICS) >= 40
    assert {kind for persona in PERSONAS for kind in persona.preferred_types} <= WORDINGS.keys()


def test_a_row_has_pixmos_columns_and_they_equal_the_annotations():
    """Two lists of the same length, in the same order."""
    for document, annotations in examples_of():
        columns = document.columns["questions"]
        assert columns["question"] == [annotation.question for annotation in annotations]
        assert columns["answer"] == [annotation.answer for annotation in annotations]
        assert document.columns["image_id"].startswith(document.page.family) and document.things == ()


def test_a_picture_has_six_to_nine_questions_none_twice_and_every_one_has_an_answer():
    """The style of all annotations is the family of the page."""
    for document, annotations in examples_of():
        questions = {annotation.question for annotation in annotations}
        assert 5 <= len(annotations) <= 9 and len(questions) == len(annotations)
        assert all(annotation.answer and "{" not in annotation.question for annotation in annotations)
        assert {annotation.style for annotation in annotations} == {document.page.family}


def test_all_four_families_and_every_kind_of_question_come_up():
    """Charts are the most common, as in PixMo-Docs."""
    counts = Counter(document.page.family for document, _ in examples_of())
    assert counts.keys() == {"charts", "tables", "diagrams", "other"} and counts["charts"] > 100
    kinds = {question.question_type for recipe in RECIPES for seed in range(20) for question in
             recipe.questions(recipe.make(PERSONAS[0], False, random.Random(seed)), random.Random(seed))}
    assert kinds == WORDINGS.keys() == {kind for family in QUESTION_FAMILIES.values() for kind in family}


def test_no_answer_is_a_good_guess_and_yes_is_as_common_as_no():
    """The most common answer has less than one question in eight."""
    answers = Counter(annotation.answer
                      for _, annotations in examples_of(count=600)
                      for annotation in annotations)
    assert max(answers.values()) < 0.12 * sum(answers.values())
    assert 0.46 < answers["yes"] / (answers["yes"] + answers["no"]) < 0.54


@pytest.mark.parametrize("kind", WORDINGS)
def test_each_kind_of_question_has_eight_wordings(kind):
    """All different."""
    assert len(set(WORDINGS[kind])) == len(WORDINGS[kind]) >= 8


# Answers

def test_the_questions_about_a_chart_of_four_months_by_hand():
    """Jan 40, Feb 10, Mar 25, Apr 70."""
    answers = all_answers(grid_questions, RAIN)
    assert answers["retrieve", "rainfall in Mar"] == "25"
    assert answers["extremum", "month", "highest", "rainfall"] == "Apr"
    assert answers["extremum", "month", "lowest", "rainfall"] == "Feb"
    assert answers["peak", "lowest", "rainfall"] == "10"
    assert answers["sum", "rainfall", "in Jan", "in Mar", "Jan", "Mar"] == "65"
    assert answers["difference", "rainfall", "in Feb", "in Apr", "Feb", "Apr"] == "60"
    assert answers["average", "rainfall", "in Jan", "in Feb", "Jan", "Feb"] == "25"
    assert ("average", "rainfall", "in Jan", "in Mar", "Jan", "Mar") not in answers  # it is 32.5
    assert answers["trend", "rainfall", "Jan", "Feb"] == "fall"
    assert answers["trend", "rainfall", "Feb", "Mar"] == "rise"
    assert answers["count", "months", "rainfall", "above", "25"] == "2"
    assert answers["count", "months", "rainfall", "below", "25"] == "1"
    assert answers["how_many", "months"] == "4"
    assert answers["choice", "month", "lower", "rainfall", "Jan", "Apr"] == "Jan"
    assert answers["compare", "rainfall in Feb", "rainfall in Jan", "in Jan", "higher"] == "no"
    assert answers["compare", "rainfall in Jan", "rainfall in Feb", "in Feb", "higher"] == "yes"


def test_tenths_are_added_without_error():
    """0.1 + 0.2 is 0.3 where tenths are whole numbers."""
    grid = replace(RAIN, values=((1,), (2,), (25,), (70,)), decimals=1)
    answers = all_answers(grid_questions, grid)
    assert answers["sum", "rainfall", "in Jan", "in Feb", "Jan", "Feb"] == "0.3"
    assert answers["retrieve", "rainfall in Apr"] == "7.0"


def test_no_question_asks_for_the_highest_of_two_equal_values():
    """And no question compares the two."""
    answers = all_answers(grid_questions, replace(RAIN, values=((70,), (10,), (25,), (70,))))
    assert ("extremum", "month", "highest", "rainfall") not in answers
    assert ("extremum", "month", "lowest", "rainfall") in answers
    assert not [key for key in answers
                if key[0] in ("choice", "trend", "difference") and {"Jan", "Apr"} <= set(key)]


def test_questions_about_a_table_include_totals_and_text_columns():
    """40 + 10 + 25 + 70 = 145."""
    table = tables.Table(RAIN, "Lead", ("Ada", "Ben", "Finn", "Zoe"), True, "", "rules", "light", 1.0)
    answers = all_answers(tables.table_questions, table)
    assert answers["retrieve", "total rainfall"] == "145"
    assert answers["field", "lead in Feb"] == "Ben" and answers["lookup", "month", "lead", "Zoe"] == "Apr"
    assert answers["lookup", "month", "rainfall", "25"] == "Mar"
    assert answers["text", "title"] == "Rainfall (mm)"


def test_questions_about_a_flow_chart_follow_its_arrows():
    """A, B, then C if it is ready; if not, wait and go back to B."""
    flow = diagrams.Flow("Work", ("A", "B", "C", "D"), "Ready?", "Wait", 1, False, "blue", "light", 1.0)
    answers = all_answers(diagrams._flow_questions, flow)
    assert answers["order", "A", "after", "step"] == "B"
    assert answers["order", "B", "after", "step"] == "Ready?"
    assert answers["branch", "Ready?", "yes"] == "C" and answers["branch", "Ready?", "no"] == "Wait"
    assert answers["order", "Wait", "after", "step"] == "B"
    assert answers["order", "C", "before", "step"] == "Ready?"
    assert ("order", "B", "before", "step") not in answers   # both A and Wait lead there
    assert answers["field", "last step"] == "D" and answers["how_many", "arrows"] == "6"
    assert answers["check", 'an arrow goes from "A" to "B"'] == "yes"
    assert answers["check", 'an arrow goes from "B" to "A"'] == "no"


def test_a_circle_has_as_many_arrows_as_steps():
    """The last arrow leads to the first step."""
    flow = diagrams.Flow("Day", ("A", "B", "C", "D"), "", "", 0, True, "blue", "light", 1.0)
    answers = all_answers(diagrams.diagram_questions, flow)
    assert answers["order", "D", "after", "step"] == "A" and answers["how_many", "arrows"] == "4"


def test_questions_about_a_tree_are_about_parents_and_children():
    """Animals: mammals (cat, bat), birds (owl)."""
    tree = diagrams.Tree("Animals", (("Mammals", ("Cat", "Bat")), ("Birds", ("Owl",))), True, "blue",
                         "light", 1.0)
    answers = all_answers(diagrams.diagram_questions, tree)
    assert answers["family", '"Bat"'] == "Mammals" and answers["how_many", "boxes"] == "6"
    assert answers["how_many", 'boxes that branch off from "Birds"'] == "1"
    assert answers["extremum", "branch", "highest", "number of boxes of its own"] == "Mammals"
    assert answers["check", '"Owl" belongs to "Mammals"'] == "no"
    assert answers["check", '"Owl" belongs to "Birds"'] == "yes"


def test_a_receipt_adds_up():
    """2 x 1.50 + 4.20 = 7.20, paid with 10.00."""
    receipt = receipts_and_forms.Receipt("Bakery", "1 Mill Lane", "1 May 2024", 77,
                                         (("Bagel", 2, 150), ("Cake", 1, 420)), 1000, False, "light", 1.0)
    answers = all_answers(receipts_and_forms.receipt_questions, receipt)
    assert answers["field", "total"] == "7.20" and answers["field", "change"] == "2.80"
    assert answers["retrieve", "amount for Bagel"] == "3.00"
    assert answers["retrieve", "price of one Bagel"] == "1.50"
    assert answers["extremum", "item", "highest", "amount"] == "Cake"
    assert answers["how_many", "pieces in all"] == "3"
    assert answers["difference", "amount", "for Bagel", "for Cake", "Bagel", "Cake"] == "1.20"
    assert answers["check", "card was used to pay"] == "no"
    assert answers["check", "cash was used to pay"] == "yes"


def test_questions_about_a_form_are_about_its_entries():
    """One of two boxes has a tick."""
    form = receipts_and_forms.Form("Gym", (("First name", "Ada"), ("Town", "Holt")),
                                   (("Pool", True), ("Yoga", False)), "blue", "light", 1.0)
    answers = all_answers(receipts_and_forms.form_questions, form)
    assert answers["field", "town"] == "Holt" and answers["text", "only box with a tick"] == "Pool"
    assert answers["check", 'there is a tick at "Yoga"'] == "no"
    assert answers["how_many", "boxes with a tick"] == "1"


def test_questions_about_a_poster_are_about_times_and_prices():
    """Talk at 9:00, ball at 20:30."""
    poster = posters_and_timetables.Poster("Day", "Fri 1 May", "Town Hall", 12,
                                           ((540, "Talk"), (1230, "Ball")), "blue", "light", 1.0)
    answers = all_answers(posters_and_timetables.poster_questions, poster)
    assert answers["retrieve", "time of Ball"] == "20:30"
    assert answers["lookup", "event", "time", "9:00"] == "Talk"
    assert answers["check", "Ball begins before Talk"] == "no"
    assert answers["field", "price of 2 tickets in euros"] == "24"


def test_questions_about_a_timetable_include_the_next_departure():
    """From Holt at 8:00 and 9:30, 12 minutes to Dale."""
    table = posters_and_timetables.Timetable("Bus 1", ("Holt", "Dale"), ((480, 570), (492, 582)), "blue",
                                             "light", 1.0)
    answers = all_answers(posters_and_timetables.timetable_questions, table)
    assert answers["minutes", "ride from Holt to Dale"] == "12"
    assert answers["retrieve", "last time at Dale"] == "9:42"
    nexts = {key[2]: answer for key, answer in answers.items() if key[0] == "next_after"}
    for time, answer in nexts.items():
        hours, minutes = map(int, time.split(":"))
        assert answer == ("8:00" if 60 * hours + minutes < 480 else "9:30")
    assert set(nexts.values()) == {"8:00", "9:30"}


# Pixels

def pixels_of(page) -> np.ndarray:
    return np.asarray(render(page).to_image()).astype(int)


def has_color(pixels: np.ndarray, color) -> np.ndarray:
    """Where the image has exactly this colour."""
    return (pixels == np.array(color)).all(axis=-1)


@pytest.mark.parametrize("kind", ["bars", "grouped"])
def test_the_height_of_a_bar_measured_in_pixels_is_its_number(kind):
    """Grid lines are found beside the bars, and bars by their colour, without the drawing code."""
    for chart in pages(8, kind):
        pixels, theme = pixels_of(chart), THEMES[chart.theme]
        bars = {color: has_color(pixels, COLORS[color]) for color in chart.colors}
        starts = []   # (left, column of the grid, height in pixels), found from left to right
        for column, color in enumerate(chart.colors):
            plot = bars[color][66:]   # below the key
            heights = plot.sum(axis=0) * (plot.sum(axis=0) > 8)
            edges = np.flatnonzero((heights[1:] > 0) & (heights[:-1] == 0)) + 1
            assert len(edges) == len(chart.grid.rows)
            starts += [(edge, column, heights[edge + 3]) for edge in edges]
        left_of_bars = min(starts)[0] - 3
        end = 2 + max(np.flatnonzero(bar.any(axis=1))[-1] for bar in bars.values())
        beside = pixels[66:end, left_of_bars]
        lines = np.flatnonzero(has_color(beside, theme.rule) | has_color(beside, theme.faint))
        spacing = np.diff(lines)
        assert len(set(spacing)) == 1
        measured = iter(sorted(starts))
        for row in chart.grid.values:
            for _ in row:
                _, column, height = next(measured)
                number = height / spacing[0] * chart.steps[0]
                assert abs(number - row[column]) <= chart.steps[0] / spacing[0], chart.grid   # one pixel


def test_the_numbers_at_the_grid_lines_are_right():
    """The text beside each line agrees with the line's height."""
    for chart in pages(6, "bars"):
        canvas = render(chart)
        pixels = np.asarray(canvas.to_image()).astype(int)
        at_axis = [word for word in canvas.text_boxes if word[4] == chart.grid.number(0)][0]
        column = int(at_axis[2]) + 8
        lines = np.flatnonzero(has_color(pixels[:, column], canvas.theme.rule) |
                               has_color(pixels[:, column], canvas.theme.faint))
        for tick, line in enumerate(lines[::-1]):
            labels = [word[4] for word in canvas.text_boxes
                      if word[2] < column and abs((word[1] + word[3]) / 2 - line) < 3]
            assert labels == [chart.grid.number(tick * chart.steps[0])]


def test_the_length_of_a_horizontal_bar_measured_in_pixels_is_its_number():
    """Compared with the longest bar; all bars begin at zero."""
    for chart in pages(8, "rows"):
        lengths = has_color(pixels_of(chart), COLORS[chart.colors[0]]).sum(axis=1)
        tops = np.flatnonzero((lengths[1:] > 0) & (lengths[:-1] == 0)) + 1
        values = chart.grid.column(0)
        assert len(tops) == len(values)
        scale = max(lengths) / max(values)
        assert all(abs(lengths[top + 3] - value * scale) <= 1.5 for top, value in zip(tops, values))


def test_the_area_of_a_slice_measured_in_pixels_is_its_number():
    """Within 1.5 percent of the pie, without the key on its right."""
    for chart in pages(8, "pie"):
        pixels = pixels_of(chart)
        colored = np.any([has_color(pixels, COLORS[color]) for color in chart.colors], axis=0)
        gap = np.flatnonzero(~colored.any(axis=0))
        end = gap[gap > np.flatnonzero(colored.any(axis=0))[0] + 40][0]   # behind the pie
        areas = [has_color(pixels[:, :end], COLORS[color]).sum() for color in chart.colors]
        disc = np.pi / 4 * (end - np.flatnonzero(colored.any(axis=0))[0]) ** 2
        assert sum(areas) > 0.93 * disc   # the rest is numbers and edges: the pie is whole
        for area, (percent,) in zip(areas, chart.grid.values):
            assert abs(100 * area / sum(areas) - percent) < 1.5


def test_a_line_passes_through_its_numbers():
    """Above each name, a dot is on the right grid line."""
    for chart in pages(5, "lines"):
        canvas = render(chart)
        pixels = np.asarray(canvas.to_image()).astype(int)
        middles = {word[4]: ((word[0] + word[2]) / 2, (word[1] + word[3]) / 2) for word in canvas.text_boxes}
        for column, color in enumerate(chart.colors):
            for name, value in zip(chart.grid.rows, chart.grid.column(column)):
                x, y = middles[name][0], middles[chart.grid.number(value)][1]
                around = pixels[round(y) - 1:round(y) + 2, round(x) - 1:round(x) + 2]
                assert has_color(around, COLORS[color]).any()


def test_every_word_is_nine_pixels_high_inside_the_image_and_overlaps_no_other():
    """49 pages, seven of each recipe; sides between 224 and 640."""
    for page in pages(49):
        canvas = render(page)
        assert all(SIDE_RANGE[0] <= side <= SIDE_RANGE[1] for side in (canvas.width, canvas.height))
        for index, (left, top, right, bottom, text, size) in enumerate(canvas.text_boxes):
            box = load_font(size).getbbox("H")
            assert box[3] - box[1] >= 9, text
            assert 0 <= left and 0 <= top and right <= canvas.width and bottom <= canvas.height, text
            for other in canvas.text_boxes[:index]:
                disjoint = other[2] <= left or right <= other[0] or other[3] <= top or bottom <= other[1]
                assert disjoint, (text, other[4])


def test_every_answer_that_is_text_of_the_page_is_printed_on_it():
    """Answers from a table, a receipt or a form are printed there."""
    for index, page in enumerate(pages(42)):
        if isinstance(page, charts.Chart):
            continue
        printed = " | ".join(word[4] for word in render(page).text_boxes)
        for question in RECIPES[index % len(RECIPES)].questions(page, random.Random(1)):
            if question.question_type in ("text", "field", "lookup", "order", "branch", "family", "extremum",
                                          "next_after"):
                assert question.answer in printed or "2 tickets" in question.slots["it"], question


def test_colours_in_the_answers_are_those_of_the_key():
    """The square of the key is left of its name."""
    for chart in pages(6, "grouped") + pages(6, "pie"):
        canvas = render(chart)
        pixels = np.asarray(canvas.to_image()).astype(int)
        questions = charts.chart_questions(chart, random.Random(1))
        colors = {question.slots["it"]: question.answer
                  for question in questions if question.question_type == "color"}
        for left, top, _, bottom, text, _ in canvas.text_boxes:
            if text in colors:
                assert has_color(pixels[round((top + bottom) / 2), round(left) - 10], COLORS[colors[text]])
