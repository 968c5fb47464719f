"""What the page paints in the browser is what the Python generators draw."""
import dataclasses
import itertools
import random

import numpy as np
import pytest

from data.ask_model_anything import prepare as ask_model_anything
from data.cap_qa import prepare as cap_qa
from data.clocks import easy as clocks
from data.count import prepare as count
from data.docs import easy_charts, easy_tables
from data.docs.easy_charts import BarChart
from data.docs.easy_pies import Pie
from data.points.prepare import make_example as make_points
from data.scenes.easy import EASY, Scene, place_things
from data.splits import SPLITS
from minimolmo.answer import RELEASED, ask, load
from minimolmo.flow import Thing
from minimolmo.metrics import parse_time
from minimolmo.page import server
from minimolmo.text.prompts import TEMPLATES
from tools.digit_bitmaps import table as digit_bitmaps
from tools.page_records import SIDE, TYPES, as_pictures, as_python, as_record
from tools.page_records import drawn, from_png, is_novel, some_clocks, some_pages, some_scenes
from tools.webdriver import Browser, needs_browser

pytestmark = needs_browser()
PAGE = server.__file__.rsplit("server.py", 1)[0]
SCRIPTS = ("canvas", "charts", "clock", "digits", "paint", "random", "scene", "scene_truth", "table", "truth",
           "verdict")
MODULE = "const m = await import('/paint.js'), [given] = arguments;"
AS_TEXT = "(picture) => btoa(String.fromCharCode(...picture))"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "page.html"
    page.write_text('<!DOCTYPE html><title>Paint</title><canvas width="512" height="512"></canvas>',
                    encoding="utf-8")
    running = server.start([], {"/": page} | {f"/{name}.js": f"{PAGE}{name}.js" for name in SCRIPTS})
    with Browser(width=560, height=560) as browser:
        browser.open(running.address)
        yield browser
    running.stop()


def run(browser, script: str, given=None):
    """What a script returns; it finds paint.js as m, and `given`."""
    return browser.execute(f"return (async (...arguments) => {{ {MODULE} {script} }})(...arguments)", given)


def painted(browser, records: list[dict]) -> np.ndarray:
    """The browser's pictures: (N, 64, 64, 3) uint8."""
    return as_pictures(run(browser, f"return given.map(m.paint).map({AS_TEXT})", records))


def differences(browser, examples: list) -> np.ndarray:
    """The mean difference of each picture between browser and Python, 0 to 255."""
    pictures = painted(browser, [as_record(example) for example in examples])
    return np.abs(pictures.astype(int) - drawn(examples)).mean(axis=(1, 2, 3))


# What is painted

def test_scenes_are_painted_to_the_byte(browser):
    assert differences(browser, some_scenes()).max() == 0


def test_nano_answers_the_same_about_both_pictures_of_40_scenes(browser):
    scenes, nano = some_scenes(), load(RELEASED)[:2]
    questions = [f"Point to the {scene.things[0].color} {scene.things[0].kind}." for scene in scenes]
    pictures = [*drawn(scenes), *painted(browser, [as_record(scene) for scene in scenes])]
    answers = [answer.text for answer in ask(*nano, pictures, questions * 2, max_new_tokens=40)]

    assert answers[:40] == answers[40:]
    assert sum("<point" in text for text in answers) > 60


def test_clocks_are_painted_to_the_byte(browser):
    assert differences(browser, some_clocks()).max() == 0


def test_bars_are_painted_to_the_byte_and_pies_nearly(browser):
    charts = some_pages(easy_charts)
    found = differences(browser, charts)
    is_pie = np.array([isinstance(chart, Pie) for chart in charts])

    assert 3 < is_pie.sum() < 17
    assert found[~is_pie].max() == 0
    assert found[is_pie].max() < 0.5        # a few pixels along the edges of slices


def test_tables_differ_only_by_the_smoothing_of_digits(browser):
    assert differences(browser, some_pages(easy_tables)).max() < 1


def test_the_digits_are_those_that_the_tool_prints():
    with open(f"{PAGE}digits.js", encoding="utf-8") as file:
        text = file.read().replace('" +\n    "', "")

    for large, digits in digit_bitmaps().items():
        assert f"{large}: [\n" + "".join(f'    "{letters}",\n' for letters in digits) in text


def test_a_picture_is_shown_with_each_pixel_as_a_square(browser):
    scene = some_scenes(1)[0]
    shown = run(browser, """const canvas = document.querySelector("canvas");
        m.show(canvas, m.paint(given));
        return canvas.toDataURL().split(",")[1]""", as_record(scene))

    assert np.array_equal(from_png(shown), drawn([scene])[0].repeat(8, 0).repeat(8, 1))


def test_random_numbers_are_pythons(browser):
    script = """const rng = new m.Random(given);
        return [[...rng.bytes(8)], rng.integer(-10, 10), rng.fraction(), rng.uniform(2, 3), rng.word(),
                rng.choice("abcdefg")]"""
    for seed in (0, 1, 2**32 - 1):
        rng = random.Random(seed)
        expected = [list(rng.randbytes(8)), rng.randint(-10, 10), rng.random(), rng.uniform(2, 3),
                    rng.getrandbits(32), rng.choice("abcdefg")]
        assert run(browser, script, seed) == expected


def test_random_records_of_the_browser_are_lawful_and_painted_as_python_draws_them(browser):
    script = f"""const rng = new m.Random(7), records = [];
        for (const make of [m.randomScene, m.randomClock, m.randomChart, m.randomTable]) {{
          for (let i = 0; i < 12; i++) records.push(make(rng));
        }}
        return records.map((record) => [record, m.novelParts(record), ({AS_TEXT})(m.paint(record))])"""
    rows = run(browser, script)
    examples = [as_python(record) for record, _, _ in rows]

    assert {record["type"] for record, _, _ in rows} == set(TYPES)
    assert all(novel == [] for _, novel, _ in rows)
    assert not any(is_novel(example) for example in examples)
    assert all(max(abs(a.x - b.x), abs(a.y - b.y)) >= (a.width + b.width) / 2 + EASY.gap
               for e in examples if isinstance(e, Scene) for a, b in itertools.combinations(e.things, 2))
    pictures = as_pictures([text for _, _, text in rows])
    assert np.abs(pictures.astype(int) - drawn(examples)).mean(axis=(1, 2, 3)).max() < 1


def test_novel_parts_are_those_of_the_data(browser):
    examples = [*some_scenes(), *some_clocks(), *some_pages(easy_charts), *some_pages(easy_tables)]
    script = "return given.map((record) => m.novelParts(record).length > 0)"
    found = run(browser, script, [as_record(example) for example in examples])

    assert found == [is_novel(example) for example in examples]
    assert 20 < sum(found) < 60


def test_all_24_pairs_are_listed_and_the_three_of_novel_marked(browser):
    pairs = run(browser, "return m.allPairs()")

    novel, trained = ([(pair["color"], pair["kind"]) for pair in pairs if pair["novel"] is is_novel]
                      for is_novel in (True, False))
    assert set(novel) == set(EASY.held_out) and len(novel) == 3
    assert set(trained) == set(EASY.pairs) and len(trained) == 21


# Hands on the records

def test_a_moved_scene_is_drawn_by_python_in_the_same_way(browser):
    records = [as_record(scene) for scene in some_scenes(12)]
    records = run(browser, """return given.flatMap((record, i) => [m.moved(record, 0, 8.3 * i, 70),
        m.moved(record, 0, -50, 200), m.recoloured(m.reshaped(record, 0, "cross"), 0, "blue"),
        m.added(record, "red", "triangle", 30, 30)])""", records)
    pictures = painted(browser, records)

    assert np.array_equal(pictures, drawn([as_python(record) for record in records]))
    corner = records[1]["things"][0]
    assert corner["x"] == pytest.approx(corner["width"] / 2, abs=0.01)
    assert corner["y"] == pytest.approx(100 - corner["height"] / 2, abs=0.01)


def test_a_sweep_shows_a_thing_at_each_place_of_a_grid(browser):
    records, texts, bytes_ = run(browser, f"""const records = m.sweep(given, 0, 4), all = m.paintAll(records);
        return [records, records.map(m.paint).map({AS_TEXT}), all.length]""", as_record(some_scenes(3)[2]))
    places = [(record["things"][0]["x"], record["things"][0]["y"]) for record in records]

    assert np.array_equal(as_pictures(texts), drawn([as_python(record) for record in records]))
    assert bytes_ == 16 * SIDE * SIDE * 3
    assert len(set(places)) == 16 and places == sorted(places, key=lambda place: place[::-1])


def test_swapped_things_have_each_others_places(browser):
    before, after = run(browser, "return [given, m.swapped(given, 0, 1)].map((record) => record.things)",
                        as_record(some_scenes(3)[2]))
    for i, j in ((0, 1), (1, 0)):
        assert after[i]["color"] == before[i]["color"]
        assert (after[i]["x"], after[i]["y"]) == pytest.approx((before[j]["x"], before[j]["y"]), abs=0.4)
    assert after[2] == before[2]


def test_scenes_that_training_never_showed_are_called_unusual(browser):
    first, novel = Thing("circle", "red", 20.0, 20.0, 20.0, 20.0), some_scenes(1)[0]
    pairs = [(first, dataclasses.replace(first, x=40.0 + gap)) for gap in (2.9, 3.1)]
    scenes = [*(Scene(SIDE, SIDE, 1, pair) for pair in pairs), novel]

    assert run(browser, "return given.map(m.isUsual)", [as_record(s) for s in scenes]) == [False, True, False]


def test_a_removed_thing_leaves_every_other_pixel_as_it_was(browser):
    scene = Scene(SIDE, SIDE, 5, place_things(EASY.pairs[:3], EASY, random.Random(4)))
    before = drawn([scene])[0]
    after = painted(browser, [run(browser, "return m.removed(given, 0)", as_record(scene))])[0]

    gone, changed = scene.things[0], np.argwhere((before != after).any(axis=2))[:, ::-1]  # x, y
    assert len(changed) > 30
    assert np.abs((changed + 0.5) / SIDE * 100 - (gone.x, gone.y)).max() <= gone.width / 2 + 1


def test_what_is_at_a_place_can_be_taken_hold_of(browser):
    examples = [some_scenes(8)[7], some_clocks(1)[0], *some_pages(easy_charts), *some_pages(easy_tables)]
    centers = [[[thing.x, thing.y] for thing in example.things if not thing.kind.isdigit()]
               for example in examples]
    found = run(browser, "return given.map(([record, places]) => places.map((p) => m.thingAt(record, ...p)))",
                [[as_record(example), places] for example, places in zip(examples, centers)])

    assert found == [list(range(len(places))) for places in centers]


def test_a_minute_hand_that_passes_twelve_changes_the_hour(browser):
    clock = dataclasses.replace(some_clocks(1)[0], hour=11, minute=58)
    script = "const c = m.moved(given[0], given[1], ...given[2]); return [c.hour, c.minute]"
    for hand, time in ((1, (12, 3)), (1, (11, 50)), (0, (7, 30))):
        tip = dataclasses.replace(clock, hour=time[0], minute=time[1]).things[hand]
        assert run(browser, script, [as_record(clock), hand, [tip.x, tip.y]]) == list(time)


def test_a_bar_follows_the_hand_to_whole_numbers(browser):
    chart = BarChart(1, "standing", ("red", "blue", "green"), (4, 5, 6))
    script = "return given[1].map((y) => m.moved(given[0], 1, 50, y).values)"

    assert run(browser, script, [as_record(chart), [0, (60 - 2 * 6) / 64 * 100, 99]]) == [
        [4, 9, 6], [4, 2, 6], [4, 1, 6]]


def test_no_colour_and_no_number_comes_twice_into_a_table(browser):
    page = some_pages(easy_tables, 1)[0]
    first, second = page.rows[:2]
    rows = run(browser, """const [record, color, number] = given;
        return [m.recoloured(record, 0, color), m.renumbered(record, 0, number)].map(({ rows }) => rows)""",
        [as_record(page), second.color, second.number])

    assert [row["color"] for row in rows[0][:2]] == [second.color, first.color]
    assert [row["number"] for row in rows[1][:2]] == [second.number, first.number]


def test_a_png_for_the_server_holds_the_same_pixels(browser):
    scene = some_scenes(1)[0]
    text = run(browser, """const png = await m.toPng(m.paint(given));
        return btoa(String.fromCharCode(...new Uint8Array(await png.arrayBuffer())))""", as_record(scene))

    assert np.array_equal(from_png(text), drawn([scene])[0])


# The truth

def test_the_truth_about_a_question_is_the_answer_of_the_data(browser):
    rng, asked = random.Random(6), []
    for number in range(60):
        split = SPLITS[number % 3]
        pages = [(page, module.questions(page, rng)) for module in (easy_charts, easy_tables)
                 for page in [module.make_page(split, rng)]]
        for page, annotations in (clocks.make_example(split, rng), *pages):
            asked += [(as_record(page), a.question, a.answer) for a in annotations]
    found = run(browser, "return given.map(([record, question]) => m.truth(record, question)?.text)", asked)

    assert found == [answer for _, _, answer in asked]
    assert len(asked) > 600


def test_the_true_points_are_those_of_the_data_in_every_wording(browser):
    rng, asked = random.Random(8), []
    for _ in range(20):
        scene, annotations = make_points(EASY, "val", rng)
        asked += [(as_record(scene), rng.choice(TEMPLATES["pointing"]).format(label=a.label), a.points)
                  for a in annotations]
    found = run(browser, "return given.map(([record, question]) => m.truth(record, question).points)", asked)

    assert found == [[list(point) for point in points] for _, _, points in asked]


def test_a_question_that_is_not_understood_has_no_truth(browser):
    examples = some_scenes(1)[0], some_clocks(1)[0], some_pages(easy_tables, 1)[0]
    script = 'return given.map((record) => m.truth(record, "What is love?"))'

    assert run(browser, script, [as_record(example) for example in examples]) == [None] * 3


VERDICTS = """const { verdictOf } = await import('/verdict.js');
    return given.map(([record, question, answer, points]) => {
      const { good, close, strong, words } = verdictOf(record, question, answer, points ?? []);
      return [close ? "close" : good, `${strong} ${words}`.trim()];
    })"""


def test_free_questions_about_shapes_are_judged_in_every_wording(browser):
    """The data's answer is right, and another answer to the same question is wrong."""
    rng, asked, others = random.Random(9), [], []
    for number in range(30):
        split = SPLITS[number % 3]
        for make in (ask_model_anything.make_example, cap_qa.make_example, count.make_example):
            scene, annotations = make(EASY, split, rng)
            for each in annotations:
                template = rng.choice(TEMPLATES.get(each.style, ("",)))
                question = each.question or template.format(label=each.label)
                answer = each.answer or f"Counting shows a total of {len(each.points)}."
                asked.append((as_record(scene), question, answer))
                others.append((as_record(scene), question, "purple" if answer != "purple" else "red"))

    found = run(browser, VERDICTS, asked)
    assert [(q, a) for (_, q, a), (good, _) in zip(asked, found) if good is not True] == []
    assert {good for good, _ in run(browser, VERDICTS, others)} == {False}
    assert len(asked) > 350


SHAPES = {"type": "scene", "style_seed": 1, "things": [
    {"kind": "circle", "color": "red", "x": 20, "y": 20, "width": 20, "height": 20},
    {"kind": "circle", "color": "blue", "x": 80, "y": 20, "width": 20, "height": 20},
    {"kind": "cross", "color": "green", "x": 34, "y": 80, "width": 20, "height": 20}]}
CASES = [  # question, answer, what the verdict is: None says nothing
    ("Is there a red circle?", "yes", True), ("Is there a red circle?", "There are none.", False),
    ("Can you see a red cross?", "no", True), ("What color is the cross?", "green", True),
    ("What colour is the cross?", "red", False), ("What shape is green?", "a cross", True),
    ("How many circles can you find?", "two", True), ("How many circles are there?", "3", False),
    ("Where is the green cross?", "bottom", True),          # 34 %: the line is close, so both are right
    ("Where is the green cross?", "at the bottom left", True), ("Where is the green cross?", "top", False),
    ("What is at the top left?", "red circle", True), ("What is at the bottom?", "green cross", None),
    ("What color is the circle?", "red", None),             # there are two
    ("What color is the cross?", "The cross is green.", None),  # right, but not in the data's form
    ("How many shapes are not red?", "2", None), ("Point to the largest circle.", "There are none.", None),
    ("Is there a red circle or a blue cross?", "yes", None), ("Are all shapes red?", "no", None),
    ("How many circles are left of the green cross?", "1", None), ("Is there 1 circle?", "no", None)]


def test_a_question_about_shapes_is_judged_only_where_it_is_understood(browser):
    found = run(browser, VERDICTS, [(SHAPES, question, answer) for question, answer, _ in CASES])

    assert [good for good, _ in found] == [good for _, _, good in CASES]
    assert found[1][1] == "✗ wrong it is yes" and found[-1][1] == ""


def test_a_time_that_is_up_to_five_minutes_off_is_called_close(browser):
    clock = as_record(dataclasses.replace(some_clocks(1)[0], hour=12, minute=1))
    cases = [("What time is it?", "12:01", True), ("What time is it?", "12:02", "close"),
             ("What time is it?", "11:56", "close"), ("What time is it?", "11:55", False),
             ("What time is it in words?", "two minutes past twelve", "close"),
             ("What time is it in hours and minutes?", "12 hours 1 minute", True),
             ("What minute is it?", "59", "close"), ("What minute is it?", "7", False),
             ("What hour is it?", "11", False), ("Is it 12:02?", "no", True),
             ("What time is it?", "red", False)]
    found = run(browser, VERDICTS, [(clock, question, answer) for question, answer, _ in cases])

    assert [good for good, _ in found] == [good for _, _, good in cases]
    assert found[1][1].startswith("≈ 1 minute off it is 12:01.") and "6 minutes off" in found[3][1]


def test_times_are_read_as_the_score_reads_them(browser):
    texts = [clocks.in_words(hour, minute) for hour in (1, 12) for minute in range(60)]
    texts += [f"{hour} hours {minute} minutes" for hour in (1, 12) for minute in (0, 59)]
    texts += ["10:09", "12:00.", "0:75", "noon", "red past blue", "half past ten", "25:00", "1 hour 1 minute"]
    script = "const { timeIn } = await import('/truth.js'); return given.map((text) => timeIn(text, 720))"

    assert run(browser, script, texts) == [parse_time(text) for text in texts]


def test_records_of_any_size_cannot_stop_the_page(browser):
    clock, page = some_clocks(1)[0], some_pages(easy_tables, 1)[0]
    huge = dataclasses.replace(clock, radius=1e12, square=False)
    tall = dataclasses.replace(page, layout=dataclasses.replace(page.layout, row_height=10**12))
    script = "try { return m.paint(given).length } catch (error) { return error.name }"

    assert run(browser, script, as_record(huge)) == "RangeError"
    assert run(browser, script, as_record(tall)) == SIDE * SIDE * 3


def test_nothing_went_wrong_in_the_console(browser):
    assert [entry for entry in browser.console() if entry["level"] == "SEVERE"] == []
