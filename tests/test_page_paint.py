"""What the page paints in the browser is what the Python generators draw."""
import base64
import dataclasses
import random
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from data.clocks import easy as clocks
from data.docs import easy_charts, easy_tables
from data.docs.easy_charts import BarChart
from data.docs.easy_pies import Pie
from data.docs.easy_tables import Layout, Row, Table
from data.points.prepare import make_example as make_points
from data.scenes.easy import EASY, Scene, choose_pairs, make_scene, place_things, split_of
from minimolmo.answer import RELEASED, ask, load
from minimolmo.flow import Thing
from minimolmo.page import server
from minimolmo.text.prompts import TEMPLATES
from tests.tools.digit_bitmaps import table as digit_bitmaps
from tests.tools.webdriver import Browser, needs_browser

pytestmark = needs_browser()
PAGE = server.__file__.rsplit("server.py", 1)[0]
SCRIPTS = ("canvas", "charts", "clock", "digits", "paint", "random", "scene", "table", "truth")
MODULE = "const m = await import('/paint.js'), [given] = arguments;"
AS_TEXT = "(picture) => btoa(String.fromCharCode(...picture))"
SIDE = 64
TYPES = {"scene": Scene, "clock": clocks.EasyClock, "bars": BarChart, "pie": Pie, "table": Table}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "page.html"
    page.write_text('<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Paint</title>'
                    '<canvas width="512" height="512"></canvas></html>')
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
    texts = run(browser, f"return given.map(m.paint).map({AS_TEXT})", records)
    return as_pictures(texts)


def as_pictures(texts: list[str]) -> np.ndarray:
    return np.stack([np.frombuffer(base64.b64decode(text), np.uint8).reshape(SIDE, SIDE, 3) for text in texts])


def drawn(examples: list) -> np.ndarray:
    """Python's pictures: (N, 64, 64, 3) uint8."""
    return np.stack([np.asarray(example.draw()) for example in examples])


def as_record(example) -> dict:
    """The browser's record of a Python record."""
    kind = next(name for name, cls in TYPES.items() if isinstance(example, cls))
    record = {"type": kind, **dataclasses.asdict(example)}
    return record | ({"rows": [row._asdict() for row in example.rows]} if kind == "table" else {})


def as_python(record: dict):
    """The Python record of a browser's record."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in record.items()
              if key != "type"}
    if record["type"] == "scene":
        return Scene(SIDE, SIDE, values["style_seed"], tuple(Thing(**thing) for thing in values["things"]))
    if record["type"] == "table":
        values |= {"rows": tuple(Row(**row) for row in values["rows"]), "layout": Layout(**values["layout"])}
    return TYPES[record["type"]](**values)


def differences(browser, examples: list) -> np.ndarray:
    """The mean difference of each picture between browser and Python, 0 to 255."""
    pictures = painted(browser, [as_record(example) for example in examples])
    return np.abs(pictures.astype(int) - drawn(examples)).mean(axis=(1, 2, 3))


def some_scenes(count: int = 40) -> list[Scene]:
    """Scenes of one to seven objects, every fourth with a pair that was never drawn in training."""
    rng, scenes = random.Random(1), []
    for number in range(count):
        split = "novel" if number % 4 == 0 else "val"
        pairs = choose_pairs(1 + number % 7, EASY, split, rng, allow_duplicates=True)
        scenes.append(make_scene(pairs, EASY, split, rng))
    return scenes


def some_pages(module, count: int = 20) -> list:
    rng = random.Random(2)
    return [module.make_page(("train", "val", "novel")[number % 3], rng) for number in range(count)]


def some_clocks(count: int = 20) -> list[clocks.EasyClock]:
    rng = random.Random(3)
    return [clocks.random_clock(("train", "val", "novel")[number % 3], rng) for number in range(count)]


# What is painted

def test_scenes_are_painted_to_the_byte(browser):
    assert differences(browser, some_scenes()).max() == 0


def test_nano_answers_the_same_about_both_pictures_of_40_scenes(browser):
    scenes, nano = some_scenes(), load(RELEASED)[:2]
    questions = [f"Point to the {scene.things[0].color} {scene.things[0].kind}." for scene in scenes]
    answers = [[answer.text for answer in ask(*nano, list(pictures), questions)]
               for pictures in (drawn(scenes), painted(browser, [as_record(scene) for scene in scenes]))]

    assert answers[0] == answers[1]
    assert sum("<point" in text for text in answers[0]) > 30


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
    scene, record = some_scenes(1)[0], as_record(some_scenes(1)[0])
    shown = run(browser, """const canvas = document.querySelector("canvas");
        m.show(canvas, m.paint(given));
        return canvas.toDataURL()""", record)
    picture = np.asarray(Image.open(BytesIO(base64.b64decode(shown.split(",")[1]))).convert("RGB"))

    assert np.array_equal(picture, drawn([scene])[0].repeat(8, 0).repeat(8, 1))


# Random numbers and random records

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
    assert all(0 < t.x - t.width / 2 + 0.01 and t.x + t.width / 2 < 100.01 for e in examples for t in e.things
               if isinstance(e, Scene))
    pictures = as_pictures([text for _, _, text in rows])
    assert np.abs(pictures.astype(int) - drawn(examples)).mean(axis=(1, 2, 3)).max() < 1


def is_novel(example) -> bool:
    if isinstance(example, Scene):
        return split_of(example.things, EASY) == "novel"
    return clocks.split_of(example) == "novel" if isinstance(example, clocks.EasyClock) else example.is_novel


def test_novel_parts_are_those_of_the_data(browser):
    examples = [*some_scenes(), *some_clocks(), *some_pages(easy_charts), *some_pages(easy_tables)]
    found = run(browser, "return given.map((record) => m.novelParts(record).length > 0)",
                [as_record(example) for example in examples])

    assert found == [is_novel(example) for example in examples]
    assert 20 < sum(found) < 60


def test_all_24_pairs_are_listed_and_the_three_of_novel_marked(browser):
    pairs = run(browser, "return m.allPairs()")

    assert {(pair["color"], pair["kind"]) for pair in pairs} == {(c, k) for c in EASY.colors for k in EASY.kinds}
    assert {(p["color"], p["kind"]) for p in pairs if p["novel"]} == set(EASY.held_out)
    assert len(pairs) == 24


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


def test_a_removed_thing_leaves_every_other_pixel_as_it_was(browser):
    rng = random.Random(4)
    scene = Scene(SIDE, SIDE, 5, place_things(rng.sample(EASY.pairs, 3), EASY, rng))
    before = drawn([scene])[0]
    after = painted(browser, [run(browser, "return m.removed(given, 0)", as_record(scene))])[0]

    ys, xs = np.nonzero((before != after).any(axis=2))
    gone = scene.things[0]
    assert np.abs((xs + 0.5) / SIDE * 100 - gone.x).max() <= gone.width / 2 + 1
    assert np.abs((ys + 0.5) / SIDE * 100 - gone.y).max() <= gone.height / 2 + 1
    assert len(xs) > 30


def test_what_is_at_a_place_can_be_taken_hold_of(browser):
    for example in (some_scenes(8)[7], some_clocks(1)[0]):
        centers = [[thing.x, thing.y] for thing in example.things]
        found = run(browser, "return given[1].map((place) => m.thingAt(given[0], ...place))",
                    [as_record(example), centers])
        assert found == list(range(len(centers)))
    for page in [*some_pages(easy_charts), *some_pages(easy_tables)]:
        boxes = [thing for thing in page.things if not thing.kind.isdigit()]
        found = run(browser, "return given[1].map((place) => m.thingAt(given[0], ...place))",
                    [as_record(page), [[box.x, box.y] for box in boxes]])
        assert found == list(range(len(boxes)))


def test_a_minute_hand_that_passes_twelve_changes_the_hour(browser):
    clock = dataclasses.replace(some_clocks(1)[0], hour=11, minute=58)
    late, early = (dataclasses.replace(clock, hour=hour, minute=minute) for hour, minute in ((12, 3), (7, 30)))
    script = "const c = m.moved(given[0], given[1], ...given[2]); return [c.hour, c.minute]"
    tips = [[[tip.x, tip.y] for tip in other.things] for other in (late, early)]

    assert run(browser, script, [as_record(clock), 1, tips[0][1]]) == [12, 3]
    assert run(browser, script, [as_record(clock), 0, tips[1][0]]) == [7, 30]


def test_a_bar_follows_the_hand_to_whole_numbers(browser):
    chart = BarChart(1, "standing", ("red", "blue", "green"), (4, 5, 6))
    script = "return given[1].map((y) => m.moved(given[0], 1, 50, y).values)"

    assert run(browser, script, [as_record(chart), [0, (60 - 2 * 6) / 64 * 100, 99]]) == [
        [4, 9, 6], [4, 2, 6], [4, 1, 6]]


# The truth

def test_the_truth_about_a_question_is_the_answer_of_the_data(browser):
    rng, asked = random.Random(6), []
    for number in range(60):
        split = ("train", "val", "novel")[number % 3]
        for page, annotations in (clocks.make_example(split, rng), *(
                (page, module.questions(page, rng)) for module in (easy_charts, easy_tables)
                for page in [module.make_page(split, rng)])):
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
    found = run(browser, 'return given.map((record) => m.truth(record, "What is love?"))',
                [as_record(example) for example in examples])

    assert found == [None] * 3


def test_nothing_went_wrong_in_the_console(browser):
    assert [entry for entry in browser.console() if entry["level"] == "SEVERE"] == []
