"""docs: answers that agree with the facts, facts that agree with the pixels, words that can be read."""
import random
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from data.docs import charts, diagrams, posters_and_timetables, receipts_and_forms, tables
from data.docs.canvas import COLORS, SIDE_RANGE, THEMES, load_font
from data.docs.grid import Grid, grid_questions
from data.docs.prepare import RECIPES, make_example, make_page, split_of
from data.docs.processes import CYCLES, HIERARCHIES, PROCESSES
from data.docs.render import render
from data.docs.topics import PERSONAS, SCATTER_TOPICS, TOPICS
from data.docs.wordings import QUESTION_FAMILIES, WORDINGS
from data.scenes.easy import EASY

RAIN = Grid("Rainfall", "month", "in", ("Jan", "Feb", "Mar", "Apr"), ("rainfall",), ("rainfall",),
            ((40,), (10,), (25,), (70,)), "mm", ordered=True)


@cache
def composed(split: str = "train", count: int = 300):
    """(document, annotations), not drawn."""
    return [make_example(EASY, split, random.Random(f"docs/{split}/{index}")) for index in range(count)]


def pages(count: int, kind=None) -> list:
    """Pages of a kind of chart, or of every sort."""
    rng, made = random.Random("pages"), []
    while len(made) < count:
        recipe = RECIPES[0] if kind else RECIPES[len(made) % len(RECIPES)]
        page = make_page(recipe, rng.choice(PERSONAS), "train", rng)
        if kind in (None, getattr(page, "kind", None)):
            made.append(page)
    return made


def asked(questions) -> dict[tuple, str]:
    """(kind, slots) -> answer."""
    return {(question.question_type, *question.slots.values()): question.answer for question in questions}


def gathered(question, page, times: int = 40) -> dict[tuple, str]:
    """Everything that many draws of the questions offer."""
    return {key: answer for seed in range(times) for key, answer in asked(question(page,
                                                                              random.Random(seed))).items()}


# The set as a whole

def test_the_same_seed_gives_the_same_words_and_the_same_pixels():
    """Composed twice, drawn twice."""
    for seed in range(8):
        (one, annotations), (two, others_) = (make_example(EASY, "train", random.Random(seed))
                                              for _ in range(2))
        assert annotations == others_ and one.columns == two.columns
        assert one.draw().tobytes() == two.draw().tobytes() == one.draw().tobytes()


def test_no_facts_are_in_two_splits():
    """Train and val by a checksum of the facts, novel by its topics."""
    told = {split: {repr(page.page.data) for page, _ in composed(split)} for split in ("train", "val",
                                                                                       "novel")}
    assert not told["train"] & told["val"] and not told["novel"] & (told["train"] | told["val"])
    assert all(split_of(document.page) == split for split in ("train", "val") for document,
               _ in composed(split))


def test_novel_topics_are_named_in_no_title_of_train_and_val():
    """Wind speed, sailing, minerals: only in novel."""
    kept = {
        topic.title
        for group in (TOPICS, SCATTER_TOPICS, PROCESSES, CYCLES)
        for topic in group
        if topic.novel
    }
    kept |= {whole.root for whole in HIERARCHIES if whole.novel}
    words = {split: repr([document.page.data for document, _ in composed(split)]) for split in ("train",
                                                                                                "val")}
    assert len(kept) == 10 and not [title for title in kept if repr(title) in words["train"] + words["val"]]


def test_there_are_12_personas_and_40_topics_or_more():
    """Twelve and forty."""
    assert len(PERSONAS) >= 12 and len(TOPICS) >= 40
    assert {kind for persona in PERSONAS for kind in persona.preferred_types} <= WORDINGS.keys()


def test_a_row_has_pixmos_columns_and_they_say_what_the_annotations_say():
    """Two lists of the same length, in the same order."""
    for document, annotations in composed():
        told = document.columns["questions"]
        assert told["question"] == [annotation.question for annotation in annotations]
        assert told["answer"] == [annotation.answer for annotation in annotations]
        assert document.columns["image_id"].startswith(document.page.family) and document.things == ()


def test_a_picture_has_six_to_nine_questions_none_twice_and_every_one_has_an_answer():
    """And the style is the family of the page."""
    for document, annotations in composed():
        assert 5 <= len(annotations) <= 9 and len({annotation.question
                                                   for annotation in annotations}) == len(annotations)
        assert all(annotation.answer and "{" not in annotation.question for annotation in annotations)
        assert {annotation.style for annotation in annotations} == {document.page.family}


def test_all_four_families_and_every_kind_of_question_come_up():
    """Charts most often, as in PixMo-Docs."""
    share = Counter(document.page.family for document, _ in composed())
    assert share.keys() == {"charts", "tables", "diagrams", "other"} and share["charts"] > 100
    kinds = {question.question_type for recipe in RECIPES for seed in range(20) for question in
             recipe.questions(recipe.make(PERSONAS[0], False, random.Random(seed)), random.Random(seed))}
    assert kinds == WORDINGS.keys() == {kind for family in QUESTION_FAMILIES.values() for kind in family}


def test_no_answer_is_a_good_guess_and_yes_is_as_common_as_no():
    """The most common one is given to less than one question in eight."""
    answers = Counter(annotation.answer
                      for _, annotations in composed(count=600)
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
    told = gathered(lambda grid, rng: grid_questions(grid, rng), RAIN)
    assert told["retrieve", "rainfall in Mar"] == "25"
    assert told["extremum", "month", "highest", "rainfall"] == "Apr"
    assert told["extremum", "month", "lowest", "rainfall"] == "Feb"
    assert told["peak", "lowest", "rainfall"] == "10"
    assert told["sum", "rainfall", "in Jan", "in Mar", "Jan", "Mar"] == "65"
    assert told["difference", "rainfall", "in Feb", "in Apr", "Feb", "Apr"] == "60"
    assert told["average", "rainfall", "in Jan", "in Feb", "Jan", "Feb"] == "25"
    assert ("average", "rainfall", "in Jan", "in Mar", "Jan", "Mar") not in told   # 32.5 is no whole number
    assert told["trend", "rainfall", "Jan", "Feb"] == "fall"
    assert told["trend", "rainfall", "Feb", "Mar"] == "rise"
    assert told["count", "months", "rainfall", "above", "25"] == "2"
    assert told["count", "months", "rainfall", "below", "25"] == "1"
    assert told["how_many", "months"] == "4"
    assert told["choice", "month", "lower", "rainfall", "Jan", "Apr"] == "Jan"
    assert told["compare", "rainfall in Feb", "rainfall in Jan", "in Jan", "higher"] == "no"
    assert told["compare", "rainfall in Jan", "rainfall in Feb", "in Feb", "higher"] == "yes"


def test_tenths_are_added_without_error():
    """0.1 + 0.2 is 0.3 where tenths are whole numbers."""
    grid = replace(RAIN, values=((1,), (2,), (25,), (70,)), decimals=1)
    told = gathered(lambda grid, rng: grid_questions(grid, rng), grid)
    assert told["sum", "rainfall", "in Jan", "in Feb", "Jan", "Feb"] == "0.3"
    assert told["retrieve", "rainfall in Apr"] == "7.0"


def test_no_question_asks_for_the_highest_of_two_equal_values():
    """Nor which of them is higher."""
    told = gathered(lambda grid, rng: grid_questions(grid, rng),
                    replace(RAIN, values=((70, ), (10, ), (25, ), (70, ))))
    assert ("extremum", "month", "highest", "rainfall") not in told
    assert ("extremum", "month", "lowest", "rainfall") in told
    assert not [key for key in told if key[0] in ("choice", "trend", "difference") and {"Jan",
                                                                                        "Apr"} <= set(key)]


def test_questions_about_a_table_include_totals_and_text_columns():
    """40 + 10 + 25 + 70 = 145."""
    table = tables.Table(RAIN, "Lead", ("Ada", "Ben", "Finn", "Zoe"), True, "", "rules", "light", 1.0)
    told = gathered(tables.table_questions, table)
    assert told["retrieve", "total rainfall"] == "145"
    assert told["field", "lead in Feb"] == "Ben" and told["lookup", "month", "lead", "Zoe"] == "Apr"
    assert told["lookup", "month", "rainfall", "25"] == "Mar" and told["text", "title"] == "Rainfall (mm)"


def test_questions_about_a_flow_chart_follow_its_arrows():
    """A, B, then C if it is ready; if not, wait and go back to B."""
    flow = diagrams.Flow("Work", ("A", "B", "C", "D"), "Ready?", "Wait", 1, False, "blue", "light", 1.0)
    told = gathered(diagrams._flow_questions, flow)
    assert told["order", "A", "after", "step"] == "B" and told["order", "B", "after", "step"] == "Ready?"
    assert told["branch", "Ready?", "yes"] == "C" and told["branch", "Ready?", "no"] == "Wait"
    assert told["order", "Wait", "after", "step"] == "B" and told["order", "C", "before", "step"] == "Ready?"
    assert ("order", "B", "before", "step") not in told   # both A and Wait lead there
    assert told["field", "last step"] == "D" and told["how_many", "arrows"] == "6"
    assert told["check", 'an arrow goes from "A" to "B"'] == "yes"
    assert told["check", 'an arrow goes from "B" to "A"'] == "no"


def test_a_circle_has_as_many_arrows_as_steps():
    """And the last leads to the first."""
    told = gathered(diagrams.diagram_questions,
                    diagrams.Flow("Day", ("A", "B", "C", "D"), "", "", 0, True, "blue", "light", 1.0))
    assert told["order", "D", "after", "step"] == "A" and told["how_many", "arrows"] == "4"


def test_questions_about_a_tree_are_about_parents_and_children():
    """Animals: mammals (cat, bat), birds (owl)."""
    tree = diagrams.Tree("Animals", (("Mammals", ("Cat", "Bat")), ("Birds", ("Owl",))), True, "blue",
                         "light", 1.0)
    told = gathered(diagrams.diagram_questions, tree)
    assert told["family", '"Bat"'] == "Mammals" and told["how_many", "boxes"] == "6"
    assert told["how_many", 'boxes that branch off from "Birds"'] == "1"
    assert told["extremum", "branch", "highest", "number of boxes of its own"] == "Mammals"
    assert told["check", '"Owl" belongs to "Mammals"'] == "no"
    assert told["check", '"Owl" belongs to "Birds"'] == "yes"


def test_a_receipt_adds_up():
    """2 x 1.50 + 4.20 = 7.20, paid with 10.00."""
    receipt = receipts_and_forms.Receipt("Bakery", "1 Mill Lane", "1 May 2024", 77,
                                         (("Bagel", 2, 150), ("Cake", 1, 420)), 1000, False, "light", 1.0)
    told = gathered(receipts_and_forms.receipt_questions, receipt)
    assert told["field", "total"] == "7.20" and told["field", "change"] == "2.80"
    assert told["retrieve", "amount for Bagel"] == "3.00" and told["retrieve", "price of one Bagel"] == "1.50"
    assert told["extremum", "item", "highest", "amount"] == "Cake"
    assert told["how_many", "pieces in all"] == "3"
    assert told["difference", "amount", "for Bagel", "for Cake", "Bagel", "Cake"] == "1.20"
    assert told["check", "card was used to pay"] == "no" and told["check", "cash was used to pay"] == "yes"


def test_questions_about_a_form_are_about_its_entries():
    """One tick of two."""
    form = receipts_and_forms.Form("Gym", (("First name", "Ada"), ("Town", "Holt")),
                                   (("Pool", True), ("Yoga", False)), "blue", "light", 1.0)
    told = gathered(receipts_and_forms.form_questions, form)
    assert told["field", "town"] == "Holt" and told["text", "only box with a tick"] == "Pool"
    assert told["check", 'there is a tick at "Yoga"'] == "no" and told["how_many", "boxes with a tick"] == "1"


def test_questions_about_a_poster_are_about_times_and_prices():
    """Talk at 9:00, ball at 20:30."""
    poster = posters_and_timetables.Poster("Day", "Fri 1 May", "Town Hall", 12,
                                           ((540, "Talk"), (1230, "Ball")), "blue", "light", 1.0)
    told = gathered(posters_and_timetables.poster_questions, poster)
    assert told["retrieve", "time of Ball"] == "20:30" and told["lookup", "event", "time", "9:00"] == "Talk"
    assert told["check", "Ball begins before Talk"] == "no"
    assert told["field", "price of 2 tickets in euros"] == "24"


def test_questions_about_a_timetable_include_the_next_departure():
    """From Holt at 8:00 and 9:30, 12 minutes to Dale."""
    table = posters_and_timetables.Timetable("Bus 1", ("Holt", "Dale"), ((480, 570), (492, 582)), "blue",
                                             "light", 1.0)
    told = gathered(posters_and_timetables.timetable_questions, table)
    assert told["minutes", "ride from Holt to Dale"] == "12"
    assert told["retrieve", "last time at Dale"] == "9:42"
    nexts = {key[2]: answer for key, answer in told.items() if key[0] == "next_after"}
    for time, answer in nexts.items():
        hours, minutes = map(int, time.split(":"))
        assert answer == ("8:00" if 60 * hours + minutes < 480 else "9:30")
    assert set(nexts.values()) == {"8:00", "9:30"}


# Pixels

def pixels_of(page) -> np.ndarray:
    return np.asarray(render(page).to_image()).astype(int)


def same(pixels: np.ndarray, color) -> np.ndarray:
    """Where the picture has exactly this colour."""
    return (pixels == np.array(color)).all(axis=-1)


@pytest.mark.parametrize("kind", ["bars", "grouped"])
def test_the_height_of_a_bar_measured_in_pixels_is_its_number(kind):
    """Grid lines are found beside the bars, and bars by their colour; the drawing code is not asked."""
    for chart in pages(8, kind):
        pixels, theme = pixels_of(chart), THEMES[chart.theme]
        bars = {color: same(pixels, COLORS[color]) for color in chart.colors}
        starts = []   # (left, column of the grid, height in pixels), found from left to right
        for column, color in enumerate(chart.colors):
            deep = bars[color][66:]   # below the key
            solid = deep.sum(axis=0) * (deep.sum(axis=0) > 8)
            edges = np.flatnonzero((solid[1:] > 0) & (solid[:-1] == 0)) + 1
            assert len(edges) == len(chart.grid.rows)
            starts += [(edge, column, solid[edge + 3]) for edge in edges]
        beside = min(starts)[0] - 3
        end = 2 + max(np.flatnonzero(bar.any(axis=1))[-1] for bar in bars.values())
        lines = np.flatnonzero(same(pixels[66:end, beside], theme.rule) | same(pixels[66:end, beside],
                                                                               theme.faint))
        spacing = np.diff(lines)
        assert len(set(spacing)) == 1
        seen = iter(sorted(starts))
        for row in chart.grid.values:
            for _ in row:
                _, column, height = next(seen)
                number = height / spacing[0] * chart.steps[0]
                assert abs(number - row[column]) <= chart.steps[0] / spacing[0], chart.grid   # one pixel


def test_the_numbers_at_the_grid_lines_are_right():
    """The word beside each line, and the line's own height."""
    for chart in pages(6, "bars"):
        canvas = render(chart)
        pixels = np.asarray(canvas.to_image()).astype(int)
        at_axis = [word for word in canvas.text_boxes if word[4] == chart.grid.number(0)][0]
        column = int(at_axis[2]) + 8
        lines = np.flatnonzero(same(pixels[:, column], canvas.theme.rule) | same(pixels[:, column],
                                                                              canvas.theme.faint))
        for tick, line in enumerate(lines[::-1]):
            words = [word for word in canvas.text_boxes
                     if word[2] < column and abs((word[1] + word[3]) / 2 - line) < 3]
            assert [word[4] for word in words] == [chart.grid.number(tick * chart.steps[0])]


def test_the_length_of_a_horizontal_bar_measured_in_pixels_is_its_number():
    """Compared with the longest, since all begin at zero."""
    for chart in pages(8, "rows"):
        lengths = same(pixels_of(chart), COLORS[chart.colors[0]]).sum(axis=1)
        tops = np.flatnonzero((lengths[1:] > 0) & (lengths[:-1] == 0)) + 1
        values = chart.grid.column(0)
        assert len(tops) == len(values)
        scale = max(lengths) / max(values)
        assert all(abs(lengths[top + 3] - value * scale) <= 1.5 for top, value in zip(tops, values))


def test_the_area_of_a_slice_measured_in_pixels_is_its_number():
    """Within 1.5 percent of the pie; the key to its right does not count."""
    for chart in pages(8, "pie"):
        pixels = pixels_of(chart)
        anywhere = np.any([same(pixels, COLORS[color]) for color in chart.colors], axis=0)
        gap = np.flatnonzero(~anywhere.any(axis=0))
        end = gap[gap > np.flatnonzero(anywhere.any(axis=0))[0] + 40][0]   # behind the pie
        areas = [same(pixels[:, :end], COLORS[color]).sum() for color in chart.colors]
        disc = np.pi / 4 * (end - np.flatnonzero(anywhere.any(axis=0))[0]) ** 2
        assert sum(areas) > 0.93 * disc   # the rest is numbers and edges: the pie is whole
        for area, (share,) in zip(areas, chart.grid.values):
            assert abs(100 * area / sum(areas) - share) < 1.5


def test_a_line_passes_through_its_numbers():
    """A dot on the right grid line above each name."""
    for chart in pages(5, "lines"):
        canvas = render(chart)
        pixels = np.asarray(canvas.to_image()).astype(int)
        middles = {word[4]: ((word[0] + word[2]) / 2, (word[1] + word[3]) / 2) for word in canvas.text_boxes}
        for column, color in enumerate(chart.colors):
            for name, value in zip(chart.grid.rows, chart.grid.column(column)):
                x, y = middles[name][0], middles[chart.grid.number(value)][1]
                assert same(pixels[round(y) - 1:round(y) + 2, round(x) - 1:round(x) + 2], COLORS[color]).any()


def test_every_word_is_nine_pixels_high_inside_the_picture_and_on_no_other_word():
    """49 pages, seven of each recipe; sides between 224 and 640."""
    for page in pages(49):
        canvas = render(page)
        assert all(SIDE_RANGE[0] <= side <= SIDE_RANGE[1] for side in (canvas.width, canvas.height))
        for place, (left, top, right, bottom, text, size) in enumerate(canvas.text_boxes):
            box = load_font(size).getbbox("H")
            assert box[3] - box[1] >= 9, text
            assert 0 <= left and 0 <= top and right <= canvas.width and bottom <= canvas.height, text
            for other in canvas.text_boxes[:place]:
                apart = other[2] <= left or right <= other[0] or other[3] <= top or bottom <= other[1]
                assert apart, (text, other[4])


def test_every_answer_that_is_a_word_of_the_page_stands_on_it():
    """What is retrieved from a table, a receipt, a form is printed there."""
    for place, page in enumerate(pages(42)):
        if isinstance(page, charts.Chart):
            continue
        printed = " | ".join(word[4] for word in render(page).text_boxes)
        for question in RECIPES[place % len(RECIPES)].questions(page, random.Random(1)):
            if question.question_type in ("text", "field", "lookup", "order", "branch", "family", "extremum",
                                     "next_after"):
                assert question.answer in printed or "2 tickets" in question.slots["it"], question


def test_colours_in_the_answers_are_those_of_the_key():
    """The square of the key stands left of its name."""
    for chart in pages(6, "grouped") + pages(6, "pie"):
        canvas = render(chart)
        pixels = np.asarray(canvas.to_image()).astype(int)
        questions = charts.chart_questions(chart, random.Random(1))
        told = {
            question.slots["it"]: question.answer
            for question in questions
            if question.question_type == "color"
        }
        for left, top, _, bottom, text, _ in canvas.text_boxes:
            if text in told:
                assert same(pixels[round((top + bottom) / 2), round(left) - 10], COLORS[told[text]])
