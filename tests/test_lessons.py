"""Every lesson's page and exercises, and the code in `lessons/` that runs and checks them."""
import ast
import base64
import doctest
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from lessons import blank, check, hint, marks, notebooks, pytest_plugin, run, train_mine
from lessons.check import BROKEN, NOT_BEGUN, NOT_YET, PASSED, check_exercise, load_module
from lessons.compare import Mismatch, compare, expect_equal
from lessons.page import ROOT, count_words, find_lessons, find_missing_names, parse_blocks, read_source

LESSONS = find_lessons()
TRAPS = "traps"  # its stubs hold broken code, so they are "not yet" where others are "not begun"
BOXES = {"NOTE": "Special note.", "WARNING": "Alert note.", "TIP": "Insider note."}


def each_lesson(test):
    return pytest.mark.parametrize("folder", LESSONS, ids=lambda folder: folder.name)(test)


def each_exercise(test):
    pairs = [(folder, name) for folder in LESSONS
             for name in check.list_exercises(load_module(folder / "answers.py"))]
    names = [f"{folder.name}-{name}" for folder, name in pairs]
    return pytest.mark.parametrize("folder, name", pairs, ids=names)(test)


# every page

def lesson_of(text):
    """The page without its quiz and its open task, which come on top of the lesson's own length."""
    return re.sub(r"^## (Quiz|Open task)\n.*?(?=^## )", "", text, flags=re.M | re.S)


@each_lesson
def test_a_pages_outputs_quotes_pictures_and_names_are_right(folder):
    errors = run.run_page(folder / "README.md")
    assert not errors, "\n\n".join(errors)


@each_lesson
def test_a_page_has_the_parts_that_readers_look_for(folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    numbered = folder.name[0].isdigit()
    assert text.startswith(f"# {folder.name[:2]} " if numbered else "# ")
    parts = ["**Predict.**", "## In Molmo", "**Write.**", *["**Build.**"] * numbered]
    for part in parts if folder.name != TRAPS else ():
        assert part in text, f"{folder.name} has no {part}"


@each_lesson
def test_the_answer_to_a_prediction_is_folded(folder):
    """What follows the question, up to the first code or table, must not give it away."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text.count("\n<details>") == text.count("\n</details>") >= text.count("\n**Predict.**")
    for part in text.split("\n**Predict.**")[1:]:
        shown = part.partition("\n<details><summary>")[0]
        assert "\n## " not in shown
        assert "```text" not in shown and "\n| " not in shown


@each_lesson
def test_boxes_are_special_alert_and_insider_notes(folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    boxes = re.findall(r"^> \[!(\w+)\]\n> \*\*(.*?)\*\*", text, re.M)
    assert len(boxes) == len(re.findall(r"\[!", text))
    assert all(BOXES.get(kind) == name for kind, name in boxes), boxes


@each_lesson
def test_a_page_is_short_and_plain(folder):
    """900 to 1,500 words for most (below, for all of them together); lines that fit; letters, no emojis."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    code = "\n".join(block.body for block in parse_blocks(text) if block.kind == "python")
    assert count_words(lesson_of(text)) <= 1900 and count_words(text) <= 2600
    assert max(map(len, code.splitlines())) <= 110
    assert not {letter for letter in text if not letter.isascii()} - set("éü°·×÷±−≈≤≥→←↑↓√π∞²³…")


def test_the_middle_lesson_has_900_to_1500_words():
    pages = [(folder / "README.md").read_text(encoding="utf-8") for folder in LESSONS]
    counts = [count_words(lesson_of(text)) for text in pages]
    assert 900 <= statistics.median(counts) <= 1500


def test_all_pictures_together_are_under_12_megabytes():
    sizes = {path: path.stat().st_size for path in (ROOT / "lessons").rglob("*.png")}
    assert max(sizes.values()) <= run.MAX_PICTURE_BYTES and sum(sizes.values()) < 12_000_000


@each_lesson
def test_a_lesson_builds_functions_that_are_there_and_that_tests_mark(folder):
    for reference in blank.read_build_list(folder):
        assert isinstance(ast.parse(read_source(reference)).body[0], ast.FunctionDef)
    assert not blank.read_build_list(folder) or blank.find_test_files(folder)


# every exercise

@each_exercise
def test_the_librarys_answer_passes(folder, name):
    answers = load_module(folder / "answers.py")
    result = check_exercise(name, answers, getattr(answers, name))
    assert result.state == PASSED, result.message


@each_exercise
def test_a_stub_is_not_begun(folder, name):
    answers, stubs = load_module(folder / "answers.py"), load_module(folder / "exercise.py")
    state = check_exercise(name, answers, getattr(stubs, name)).state
    assert state == (NOT_YET if folder.name == TRAPS else NOT_BEGUN)


@each_exercise
def test_plausible_slips_do_not_pass(folder, name):
    """Each runs without an exception, and its result is wrong."""
    answers = load_module(folder / "answers.py")
    slips = getattr(answers, f"wrong_{name}")
    assert len(slips) >= (1 if folder.name == TRAPS else 2)
    for description, slip in slips.items():
        with pytest.raises(Mismatch) as caught:
            getattr(answers, f"check_{name}")(slip)
        assert caught.value.__cause__ is None, f"{description}: {caught.value}"


@each_exercise
def test_a_stub_gives_a_hint_and_its_example_is_true_of_the_answer(folder, name):
    answers, stubs = load_module(folder / "answers.py"), load_module(folder / "exercise.py")
    text = getattr(stubs, name).__doc__
    assert "Hint:" not in text and len(answers.HINTS[name]) == 3, "a stub gives nothing away"
    space = vars(stubs) | {other: getattr(answers, other) for other in check.list_exercises(answers)}
    test = doctest.DocTestParser().get_doctest(text, space, name, None, 0)
    assert not doctest.DocTestRunner().run(test).failed


@each_lesson
def test_a_lesson_has_two_to_four_exercises(folder):
    names = check.list_exercises(load_module(folder / "answers.py"))
    assert len(names) == 8 if folder.name == TRAPS else 2 <= len(names) <= 4


def test_hints_come_in_three_steps_and_the_last_stays(tmp_path):
    """Without a name they are for the first exercise that is not passed."""
    folder, = find_lessons("03")
    first, second, third, again = (hint.next_hint(folder, mine=tmp_path) for _ in range(4))
    assert first.startswith("attention_weights, hint 1 of 3: ") and "more: make hint N=03" in first
    assert "hint 2 of 3" in second and "hint 3 of 3" in third and third == again and "answers.py" in third
    assert "hint 1 of 3" in hint.next_hint(folder, "attention", tmp_path)
    with pytest.raises(ValueError, match="has no exercise 'atention'.*Try F= and one of: attention_weights"):
        hint.next_hint(folder, "atention", tmp_path)


def test_a_hint_for_a_lesson_that_is_passed_is_no_error(tmp_path, capsys, monkeypatch):
    """An error would end `make hint` with "Error 1", which looks like a crash."""
    monkeypatch.setattr(hint, "check_lesson", lambda *_: [check.Result("attention", PASSED)])
    hint.main(["03"])
    assert capsys.readouterr().out.startswith("all exercises of lesson 03_attention are passed, so none")


# the code: pages

@pytest.fixture
def page(tmp_path):
    """A function that writes a page, runs it, and returns its errors without the folder's name."""
    def run_text(text, write=False):
        path = tmp_path / "00_own" / "README.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return [error.removeprefix(f"{path.parent}/") for error in run.run_page(path, write)]
    return run_text


def test_a_correct_page_has_no_errors(page):
    assert page("```python\nx = 2\n```\nwords\n```python\nprint(x, 'is')\n```\n```text\n2 is\n```\n") == []


def test_a_wrong_number_is_reported_with_page_and_line(page):
    error, = page("# T\n\n```python\nprint(1 + 1)\n```\n```text\n3\n```\n")
    assert error.startswith("README.md:7\n") and "-3\n+2" in error


def test_numbers_are_exact_unless_a_tolerance_is_stated(page):
    block = "```python\nprint('loss', 0.52)\n```\n{}```text\n{}\n```\n"
    assert page(block.format("", "loss 0.53"))
    assert not page(block.format("<!-- tolerance 0.02 -->\n", "loss 0.53"))
    assert not page(block.format("<!-- tolerance 5% -->\n", "loss 0.53"))
    assert page(block.format("<!-- tolerance 0.005 -->\n", "loss 0.53"))
    assert page(block.format("<!-- tolerance 0.02 -->\n", "lost 0.53"))  # words are exact always
    assert page(block.format("<!-- tolerance 0.02 -->\n", "loss 0.53 0.53"))


def test_writing_mends_outputs_and_quotes_and_leaves_what_is_within_the_tolerance(page, tmp_path):
    quote = "<!-- quote minimolmo/image/tiler.py:Grid -->\n```python\nGrid = 3\n```\n"
    text = quote + "```python\nprint(2, 0.5)\n```\n<!-- tolerance 0.1 -->\n```text\n2 0.52\n```\n" \
                   "```python\nprint(1)\n```\n```text\n```\n"
    assert len(page(text)) == 2
    assert page(text, write=True) == []

    mended = (tmp_path / "00_own" / "README.md").read_text(encoding="utf-8")
    assert "Grid = tuple[int, int]  # rows, columns\n```" in mended
    assert "2 0.52" in mended and "```text\n1\n```" in mended


def test_a_quote_is_the_source_word_for_word(page):
    source = read_source("minimolmo/image/tiler.py:window_patch_ids")
    quote = "<!-- quote minimolmo/image/tiler.py:window_patch_ids -->\n```python\n{}```\n"

    assert page(quote.format(source)) == []
    error, = page(quote.format(source.replace("side * side", "side ** 2")))
    assert error.startswith("README.md:3\n") and "+    patches[:side, :side] = np.arange(side * s" in error


def test_methods_and_constants_can_be_quoted_and_a_new_name_is_noticed(page):
    assert read_source("minimolmo/config.py:ImageConfig.side").startswith("@property\ndef side(self)")
    assert read_source("minimolmo/config.py:ImageConfig.pool").startswith("pool: int = 2")
    error, = page("<!-- quote minimolmo/image/tiler.py:glue -->\n```python\n```\n")
    assert error == "README.md:3\nminimolmo/image/tiler.py has no glue. Was 'glue' renamed?"
    error, = page("<!-- quote minimolmo/glue.py:glue -->\n```python\n```\n")
    assert "minimolmo/glue.py does not exist" in error


def test_a_block_may_show_the_error_it_raises(page):
    text = "```python\nprint('so')\nint('x')  # raises {}\n```\n```text\nso\n{}\n```\n"
    message = "ValueError: invalid literal for int() with base 10: 'x'"

    assert page(text.format("ValueError", message)) == []
    assert "README.md:3\nstopped with ValueError" in page(text.format("TypeError", message))[0]
    error, = page("```python\nint('1')  # raises ValueError\n```\n")
    assert error == "README.md:2\nshould have raised ValueError, and did not"


def test_an_unexpected_error_is_reported_with_its_line_and_ends_the_page(page):
    error, = page("```python\nx = 1\n\ny = x / 0\n```\n```python\nz = y\n```\n")
    assert error == "README.md:4\nstopped with ZeroDivisionError: division by zero"
    assert page("```python\nx = = 1\n```\n")[0].startswith("README.md:2\nstopped with SyntaxError")


def test_every_output_is_shown_and_every_shown_output_is_printed(page):
    assert "README.md:2\nprints, and no text block follows" in page("```python\nprint(1)\n```\n")[0]
    assert "no python block stands right above" in page("```text\n1\n```\n")[0]
    assert page("```python\nx = 1\n```\n\n```\na drawing in letters\n```\n") == []
    assert "kind 'console'" in page("```console\nls\n```\n")[0]


def test_an_unknown_make_target_module_file_or_test_is_reported(page):
    fine = "```bash\nmake test   # make sure\npython -m minimolmo.answer a.png\n```\nand `make lesson`\n"
    assert page(fine) == []
    no_tea = "make tea: no such target in the Makefile"
    assert page("# T\n```bash\n\nmake tea\n```\n") == [f"README.md:4\n{no_tea}"]
    assert page("Say `make tea`.\n") == [f"README.md:1\n{no_tea}"]
    assert find_missing_names("python -m minimolmo.tea") == ["minimolmo/tea.py does not exist"]
    assert find_missing_names("see tests/test_tea.py") == ["tests/test_tea.py does not exist"]
    assert find_missing_names("test_tea_is_hot") == ["no test is named test_tea_is_hot"]
    assert find_missing_names("test_a_window_holds_neighbouring_patches in tests/test_tiler.py") == []


DOT = ("```python\nfrom minimolmo.draw import draw_points\nfrom PIL import Image\n"
       "draw_points(Image.new('RGB', (300, 300)), [({}, 50)]).save(HERE / 'dot.png')\n```\n"
       "![a dot](dot.png)\n")


def test_a_changed_picture_is_reported_and_never_overwritten(page, tmp_path):
    committed = tmp_path / "00_own" / "dot.png"
    assert page(DOT.format(40)) == [
        "README.md:6\nthe picture dot.png is not there yet. Look at it, then make lessons-write"]
    assert page(DOT.format(40), write=True) == [] and committed.exists()
    before = committed.read_bytes()

    assert page(DOT.format(40)) == []
    error, = page(DOT.format(43))
    assert error.startswith("README.md:6\nthe picture dot.png differs") and committed.read_bytes() == before
    assert "pixels, the new one" in page(DOT.format(40).replace("300, 300", "300, 310"))[0]
    assert page(DOT.format(43), write=True) == [] and committed.read_bytes() != before


def test_pictures_are_drawn_shown_described_and_small(page, tmp_path):
    page(DOT.format(40), write=True)
    assert "no block draws dot.png" in page("![a dot](dot.png)\n")[0]
    assert page("words\n") == ["README.md:1\ndot.png lies in the folder, and the page does not show it"]
    assert "has no words for those who cannot see it" in page(DOT.format(40).replace("[a dot]", "[]"))[0]
    assert "does not exist" in page(DOT.format(40) + "![other](../no.png)\n")[0]
    noise = ("```python\nimport numpy as np\nfrom PIL import Image\nrng = np.random.default_rng(0)\n"
             "Image.fromarray(rng.integers(0, 256, (300, 300, 3), np.uint8)).save(HERE / 'dot.png')\n```\n"
             "![noise](dot.png)\n")
    assert any("200,000 are allowed" in error for error in page(noise))


def test_a_lesson_is_found_by_number_and_an_unknown_one_is_named():
    for number in ("5", "05"):
        assert [folder.name for folder in find_lessons(number)] == ["05_views"]
    with pytest.raises(ValueError, match="no lesson '99'.*05"):
        find_lessons("99")


# the code: exercises

def make_answers():
    """The answers of a lesson with one exercise, `double`."""
    def double(x):
        return 2 * x

    def check_double(yours):
        compare(yours, double, [dict(x=1), dict(x=2), dict(x=3)], because="Twice as much.")
    wrong = {"forgets to double": lambda x: x, "squares": lambda x: x * x}
    return SimpleNamespace(double=double, check_double=check_double, wrong_double=wrong)


def test_the_smallest_failing_case_is_shown_in_words():
    result = check_exercise("double", make_answers(), lambda x: 2 * x if x < 3 else 7)
    assert (result.state, result.message) == (NOT_YET, "given    x = 3\nyours    7\nexpected 6\n"
                                                     "They are not equal.\nTwice as much.")


def test_a_slip_that_does_what_yours_does_is_named():
    """At 1 a square is what forgetting the 2 gives; the later cases tell them apart."""
    result = check_exercise("double", make_answers(), lambda x: x ** 2)
    assert result.message.endswith("The same comes out of a function that squares.")


def test_a_slip_that_only_begins_as_yours_does_is_not_named():
    """No known mistake gives 7 at 3; one that stops has no name; the last fails at 1 alone, where both
    known mistakes give 1 as well, but they fail more."""
    for yours in (lambda x: 7 if x == 3 else x, lambda x: x if x < 3 else x / 0, lambda x: 2 * x - (x == 1)):
        result = check_exercise("double", make_answers(), yours)
        assert result.state == NOT_YET and "The same comes out" not in result.message


needs_alarm = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no such alarm")


@needs_alarm
def test_a_loop_without_an_end_is_ended_and_named(monkeypatch):
    def endless(x):
        while True:
            x += 1
    monkeypatch.setattr("lessons.check.time_limit", lambda: marks.time_limit(0.2))
    message = check_exercise("double", make_answers(), endless).message
    assert "in endless: TimeoutError: no end after 0.2 seconds. Is this loop one that never stops?" in message
    assert re.search("\n    (while True:|x \\+= 1)\n", message)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)  # the alarm is off again


def test_an_error_in_your_code_is_shown_with_what_it_was_given_and_its_line():
    result = check_exercise("double", make_answers(), lambda x: x / 0)
    assert result.state == NOT_YET and result.message.startswith(
        "given    x = 1\nyours stops: tests/test_lessons.py, line ")
    assert "ZeroDivisionError: division by zero\n    result = check_exercise(" in result.message


def unfinished(x):
    raise NotImplementedError


def test_not_implemented_means_not_begun():
    assert check_exercise("double", make_answers(), unfinished).state == NOT_BEGUN


def test_the_command_prints_how_each_exercise_stands():
    command = [sys.executable, "-m", "lessons.check", "05"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if re.search("(passed|not yet|not begun)$", line)]
    assert [line.split()[0] for line in lines] == ["starts", "keep", "stitch", "best_grid"], done.stderr


def test_your_function_cannot_change_the_case_it_gets():
    def spoils(x):
        x.append(3)
        return x
    compare(spoils, lambda x: [*x, 3], cases := [dict(x=[1, 2])])
    assert cases == [dict(x=[1, 2])]


def test_your_function_must_refuse_what_the_answer_refuses():
    def root(x):
        if x < 0:
            raise ValueError("negative")
        return x ** 0.5
    compare(root, root, [dict(x=4), dict(x=-4)])
    with pytest.raises(Mismatch, match="should raise ValueError"):
        compare(lambda x: abs(x) ** 0.5, root, [dict(x=4), dict(x=-4)])
    with pytest.raises(Mismatch, match="(?s)OverflowError.*needs a ValueError. Try .*\nNo roots below 0."):
        compare(lambda x: x ** 0.5 if x > 0 else round(float("inf")), root, [dict(x=-4)], "No roots below 0.")


@pytest.mark.parametrize("yours, expected, message", [
    (None, 3, "is a return missing"),
    ([1, 2], [1, 2, 3], "Yours has 2 entries, 3 are expected"),
    ([[1, 2], [3, 5]], [[1, 2], [3, 4]], r"At \[1\]\[1\]: yours 5, expected 4"),
    ({"a": 1.0}, {"a": 1.1}, r"At \['a'\]"),
    (np.zeros((2, 3)), np.zeros((3, 2)), r"the shape \(2, 3\), expected is \(3, 2\)"),
    (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5]), r"1 of 2 entries differ, the first at \[1\]"),
    ("two", np.zeros(2), "An array is expected|shape"),
    (Image.new("RGB", (4, 4)), Image.new("RGB", (4, 5)), r"A picture of \(4, 5\) pixels"),
    (0.5, 0.6, "not equal"),
    ("red", "blue", "not equal"),
])
def test_a_difference_is_described_in_words(yours, expected, message):
    with pytest.raises(Mismatch, match=message):
        expect_equal(yours, expected)
    expect_equal(expected, expected)


def test_numbers_of_numpy_are_shown_as_numbers():
    with pytest.raises(Mismatch, match="(?s)yours    10.expected 11"):
        expect_equal(np.int64(10), 11)


def test_numbers_may_differ_within_the_tolerance():
    expect_equal(0.5 + 1e-7, 0.5)
    expect_equal([torch.tensor([1.0 + 1e-7]), float("nan")], (np.array([1.0]), float("nan")))
    expect_equal(np.array([1.0]), [1.0][0] * np.ones(1))
    with pytest.raises(Mismatch):
        expect_equal(0.5 + 1e-3, 0.5)
    expect_equal(0.5 + 1e-3, 0.5, tolerance=1e-2)


def test_the_difference_of_pictures_and_matrices_is_drawn():
    black, red = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8), "red")
    for pair, draw in [((black, red), False), ((np.eye(3) > 0, np.ones((3, 3), bool)), True)]:
        with pytest.raises(Mismatch) as caught:
            expect_equal(*pair, draw=draw)
        assert caught.value.picture.width > 900  # three cards


def test_starting_copies_the_stubs_once(tmp_path):
    path = check.copy_stubs(find_lessons("05")[0], tmp_path)
    assert [result.state for result in check.check_lesson(find_lessons("05")[0], tmp_path)] == [NOT_BEGUN] * 4
    path.write_text("def starts(count, side, overlap):\n"
                    "    return [n * (side - overlap) for n in range(count)]\n", encoding="utf-8")
    first, second, *_ = check.check_lesson(find_lessons("05")[0], tmp_path)
    assert first.state == PASSED
    assert second.state == NOT_BEGUN and "exercise.py has its stub" in second.message
    with pytest.raises(ValueError, match="holds your work already"):
        check.copy_stubs(find_lessons("05")[0], tmp_path)
    path.write_text("def starts(:\n", encoding="utf-8")
    first, *others = check.check_lesson(find_lessons("05")[0], tmp_path)
    assert (first.state, first.message) == (BROKEN, (
        "05_views.py cannot be read, so nothing counts until this line is mended:\n"
        f"{path}, line 1: SyntaxError: invalid syntax\n    def starts(:"))
    assert [(result.state, result.message) for result in others] == [(BROKEN, "")] * 3
    path.write_text("import sys\nsys.exit()\n", encoding="utf-8")  # it must not end `make check`
    assert f"{path}, line 2: SystemExit" in check.check_lesson(find_lessons("05")[0], tmp_path)[0].message


def test_the_line_that_is_shown_is_yours_and_not_a_deeper_one_in_a_library(tmp_path, monkeypatch):
    """The error is raised inside json; the message names line 4 of the learner's file, which called it."""
    monkeypatch.setattr(marks, "MINE", tmp_path)
    code = "import json\n\ndef parse(text):\n    return json.loads(text)\n"
    (tmp_path / "own.py").write_text(code, encoding="utf-8")
    with pytest.raises(ValueError) as caught:
        load_module(tmp_path / "own.py").parse("[")
    assert marks.describe_error(caught.value) == (
        f"{tmp_path}/own.py, line 4, in parse: JSONDecodeError: Expecting value: line 1 column 2 (char 1)\n"
        "    return json.loads(text)")


def test_starting_again_leaves_the_work_and_is_no_error(begun, capsys, tmp_path):
    path = tmp_path / "mine" / "05_views.py"
    path.write_text("work", encoding="utf-8")
    check.main(["05", "--start"])
    assert "mine/05_views.py holds your work already and stays as it is" in capsys.readouterr().out
    assert path.read_text(encoding="utf-8") == "work"


@pytest.mark.parametrize("name, words", [
    ("11_mini_pixmo", "what to build stands on its page, under Build: lessons/11_mini_pixmo/README.md"),
    ("inside", "this page has nothing to build"),
])
def test_a_lesson_that_empties_no_function_says_whether_there_is_something_to_build(
        name, words, capsys, monkeypatch, tmp_path):
    folder = ROOT / "lessons" / name
    monkeypatch.setattr(check, "ROOT", tmp_path)
    monkeypatch.setattr(check, "check_lesson", lambda *_: [check.Result("cover", PASSED)])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / f"{name}.py").write_text("work", encoding="utf-8")
    blank.print_states(folder)
    assert blank.run_tests(folder) == 0
    check.print_results(folder)
    _, _, checked = [line for line in capsys.readouterr().out.splitlines() if words in line]
    assert checked.startswith(f"all passed. {words}")


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """A learner's folder with the stubs of lesson 05, the only lesson."""
    folder, = find_lessons("05")
    monkeypatch.setattr(check, "ROOT", tmp_path)
    monkeypatch.setattr(check, "find_lessons", lambda *_: [folder])
    monkeypatch.setattr(check.check_lesson, "__defaults__", (tmp_path / "mine",))
    check.copy_stubs(folder, tmp_path / "mine")
    return folder


def test_check_names_the_file_to_write_in(begun, capsys, tmp_path):
    """Unless all is passed; before make start it names that."""
    path = tmp_path / "mine" / "05_views.py"
    check.print_results(begun)
    assert capsys.readouterr().out.endswith("\nwrite in mine/05_views.py, then make check N=05\n")
    path.write_text((begun / "answers.py").read_text(encoding="utf-8"), encoding="utf-8")
    check.print_results(begun)
    assert capsys.readouterr().out.splitlines()[-1].startswith("all passed. next: make blank N=05")
    path.unlink()
    check.print_results(begun)
    assert capsys.readouterr().out.endswith("\nmake start N=05 puts the stubs into mine/05_views.py\n")


def test_progress_says_what_written_and_built_mean(begun, capsys):
    check.print_progress()
    row, meaning, following = capsys.readouterr().out.splitlines()
    assert "0 of 4 written, 0 of" in row and meaning.startswith("written: exercises passed in mine/")
    assert "built: functions of your own in mine/minimolmo that pass the library's tests" in meaning
    assert following.startswith("next: lesson 05_views, exercise")


# the code: building

SMALL = '''"""A file."""


def one(x):
    """Adds one."""
    # how
    return x + 1


class Box:
    def two(self): return 2
    def three(self):
        return 3
'''


@pytest.fixture
def project(tmp_path):
    """A project with one module and one lesson that builds two of its functions."""
    (tmp_path / "minimolmo").mkdir()
    (tmp_path / "minimolmo" / "small.py").write_text(SMALL, encoding="utf-8")
    folder = tmp_path / "lessons" / "00_small"
    folder.mkdir(parents=True)
    (folder / "exercise.py").write_text(
        'BUILD = ["minimolmo/small.py:one", "minimolmo/small.py:Box.three"]\n', encoding="utf-8")
    return tmp_path, folder


def test_blank_empties_bodies_and_keeps_signatures_docstrings_and_neighbours(project):
    root, folder = project
    blank.blank_lesson(folder, root)

    mine = (root / "mine" / "minimolmo" / "small.py").read_text(encoding="utf-8")
    stub = "raise NotImplementedError  # yours to write\n"
    assert mine == SMALL.replace("# how\n    return x + 1\n", stub).replace("return 3\n", stub)
    assert (root / "minimolmo" / "small.py").read_text(encoding="utf-8") == SMALL
    assert blank.function_states(folder, root) == ["empty", "empty"]


def test_blank_again_keeps_what_you_have_written(project):
    root, folder = project
    blank.blank_lesson(folder, root)
    path = root / "mine" / "minimolmo" / "small.py"
    stub = "raise NotImplementedError  # yours to write"
    written = path.read_text(encoding="utf-8").replace(stub, "return 1 + x", 1)
    path.write_text(written, encoding="utf-8")

    blank.blank_lesson(folder, root)
    assert path.read_text(encoding="utf-8") == written
    assert blank.function_states(folder, root) == ["yours", "empty"]


def test_a_file_with_a_slip_in_it_is_kept_and_counts_for_nothing(project, capsys):
    root, folder = project
    blank.blank_lesson(folder, root)
    path = root / "mine" / "minimolmo" / "small.py"
    path.write_text(slip := path.read_text(encoding="utf-8") + "def (", encoding="utf-8")

    blank.blank_lesson(folder, root)
    blank.print_states(folder, root)
    assert path.read_text(encoding="utf-8") == slip
    assert capsys.readouterr().out.count("cannot be read: make marks says where") == 2


def test_what_is_still_empty_is_named_even_if_no_test_reaches_it(project, capsys):
    root, folder = project
    blank.blank_lesson(folder, root)
    blank.print_empty(folder, root)
    assert capsys.readouterr().out.startswith("still empty: one, Box.three. One shows above once")
    shutil.copy(root / "minimolmo" / "small.py", root / "mine" / "minimolmo")
    blank.print_empty(folder, root)
    assert capsys.readouterr().out == ""


def test_marks_need_your_copy_to_be_there(tmp_path):
    with pytest.raises(ValueError, match="nothing to mark. Try make blank N=05"):
        blank.run_tests(find_lessons("05")[0], root=tmp_path)


def test_marks_before_anything_is_yours_say_so(project):
    """Without it the library's own functions would pass, and look like the learner's."""
    root, folder = project
    (root / "mine").mkdir()
    blank.copy_library(root)
    with pytest.raises(ValueError, match="nothing of lesson .* is yours yet.*Try make blank"):
        blank.run_tests(folder, root)


def test_a_lesson_is_built_when_its_tests_pass_and_until_a_function_changes(project, capfd):
    """Not when its functions are only no longer empty."""
    root, folder = write_learner_copy(project, "", "")
    path = root / "mine" / "minimolmo" / "small.py"
    assert blank.count_built(folder, root) == 0
    assert blank.run_tests(folder, root) == 0 and "is built: all its tests pass" in capfd.readouterr().out
    assert blank.count_built(folder, root) == 1

    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace("return 1 + x", "return x"), encoding="utf-8")
    assert blank.count_built(folder, root) == 0
    assert blank.run_tests(folder, root) == 1
    path.write_text(whole, encoding="utf-8")
    assert blank.count_built(folder, root) == 0, "the last marks failed"


def test_one_function_is_emptied_again_and_shown_once_more(project, capsys):
    root, folder = write_learner_copy(project, "", "")
    assert "return 1 + x" in blank.reset_function(folder, "one", root)
    assert "return 1 + x" in (root / "mine" / "removed" / "one.py").read_text(encoding="utf-8")
    assert blank.function_states(folder, root) == [blank.EMPTY, blank.LIBRARY]
    with pytest.raises(ValueError, match="no function 'two', so none was emptied. Try one of: one, Box"):
        blank.reset_function(folder, "two", root)


def test_an_error_inside_the_librarys_code_is_blamed_on_what_the_learner_gave_it(tmp_path, monkeypatch):
    """The learner wrote f of mine/minimolmo/a.py only; it calls g, which is the library's."""
    library = "def g(x):\n    return x.shape\n\n\ndef f(x):\n    return g(x)\n"
    for folder, code in ((tmp_path, library), (tmp_path / "mine", library.replace("g(x)\n", "g(1)\n"))):
        (folder / "minimolmo").mkdir(parents=True)
        (folder / "minimolmo" / "a.py").write_text(code.replace("def g(1)", "def g(x)"), encoding="utf-8")
    monkeypatch.setattr(marks, "MINE", tmp_path / "mine")
    module = load_module(tmp_path / "mine" / "minimolmo" / "a.py")
    for call, line, advice in ((module.f, 6, "mend it first"), (module.g, 2, "line is the library's own")):
        with pytest.raises(AttributeError) as caught:
            call(1)
        assert marks.locate_error(caught.value)[1] == line
        assert advice in pytest_plugin.advise(caught.value)


def test_train_mine_names_your_own_line_even_where_training_ends_with_its_own_message(tmp_path, monkeypatch):
    """An error that train.py reports is shown with its line if that line is the learner's, else unchanged."""
    monkeypatch.setattr("lessons.marks.MINE", tmp_path)

    def message_of(file) -> str:
        try:
            try:
                exec(compile("def f():\n    raise ValueError('3 is not 4')\nf()", str(file), "exec"), {})
            except ValueError as error:
                sys.exit(f"words: {error}")
        except SystemExit as end:
            return train_mine.error_message(end)

    mine = tmp_path / "small.py"
    assert message_of(mine).startswith(f"{mine}, line 2, in f: ValueError: 3 is not 4")
    assert message_of("elsewhere.py") == "words: 3 is not 4"


def test_tiny_says_whether_the_losses_are_those_of_the_library():
    def log(change):
        return [{"stage": stage, "loss": loss + change * (stage == "pretrain")}
                for stage, losses in train_mine.LIBRARY.items() for loss in losses]
    same, near, far = (train_mine.judge_losses(log(change)) for change in (0, 0.1, 0.3))
    assert "pretrain   loss 6.33 -> 6.22   with the library's code 6.33 -> 6.22" in same
    assert "\ngood: " in same and "\ngood: " in near and "\nnot good: " in far


@pytest.mark.parametrize("old, new, expected", [
    ("return 1 + x", "raise NotImplementedError", "line 6: one is still empty, yours to write\n"),
    ("return 1 + x", "return [1 + x", "line 6: SyntaxError: '[' was never closed\n    return [1 + x\n"),
    ("return 1 + x", "return y", "line 6, in one: NameError: name 'y' is not defined\n    return y\n"),
    ('"""A file."""', "1 / 0", "line 1: ZeroDivisionError: division by zero\n    1 / 0\n"),
    ("return 1 + x", "return x", "tests/test_small.py, line 4, in test_one: AssertionError: assert 1 == 2"),
    ("def one", "def won", "tests/test_small.py, line 2: ImportError: cannot import name 'one'"),
])
def test_marks_show_the_line_in_your_own_file_and_no_traceback(project, capfd, old, new, expected):
    """The whole command, in a small project; two tests call the one function."""
    output = run_marks(project, old, new, capfd)
    assert expected in output
    assert "mine/minimolmo/small.py, line" in output or "tests/test_small.py, line" in expected
    assert "It fails test_" in output and "Traceback" not in output and "_pytest" not in output


@needs_alarm
def test_marks_end_a_loop_without_an_end_and_run_no_other_test(project, capfd):
    output = run_marks(project, "return 1 + x", "while True: x += 1", capfd, seconds=0.3)
    assert "line 6, in one: TimeoutError: no end after 0.3 seconds." in output
    assert "It fails test_one." in output and "1 failed" in output


@needs_alarm
def test_marks_end_an_endless_loop_that_runs_at_import(project, capfd):
    output = run_marks(project, '"""A file."""', "while True: pass", capfd, seconds=0.3)
    assert "line 1, in <module>: TimeoutError" in output or "line 1: TimeoutError" in output


@needs_alarm
def test_ctrl_c_in_a_loop_without_an_end_names_its_line(project, tmp_path):
    """A terminal sends Ctrl-C to the command, which waits, and to the tests, which name their line."""
    loop = f"open({str(tmp_path / 'begun')!r}, 'w').close()\n    while x: pass"
    root, folder = write_learner_copy(project, "return 1 + x", loop)
    code = f"from pathlib import Path; from lessons import blank; blank.run_tests(Path({str(folder)!r}), " \
           f"Path({str(root)!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                               start_new_session=True)
    while not (tmp_path / "begun").exists() and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate()
    assert "line 7, in one: KeyboardInterrupt" in output
    assert "It fails the test that was stopped." in output


def run_marks(project, old: str, new: str, capfd, seconds: float = 60) -> str:
    """What make marks prints of a learner's copy in which `old` became `new`."""
    root, folder = write_learner_copy(project, old, new, seconds)
    assert blank.run_tests(folder, root) != 0
    return capfd.readouterr().out


def write_learner_copy(project, old: str, new: str, seconds: float = 60):
    """A project with tests and a learner's copy in which `old` became `new`: (root, folder)."""
    root, folder = project
    for name in ("__init__.py", "page.py", "marks.py", "pytest_plugin.py"):
        shutil.copy(ROOT / "lessons" / name, root / "lessons")
    path = root / "lessons" / "marks.py"
    code = path.read_text(encoding="utf-8").replace("TIME_LIMIT = 60", f"TIME_LIMIT = {seconds}")
    path.write_text(code, encoding="utf-8")
    (root / "tests").mkdir()
    (root / "tests" / "test_small.py").write_text(
        "import pytest\nfrom minimolmo.small import one\n\ndef test_one(): assert one(1) == 2\n"
        "def test_two(): assert one(one(1)) == 3\n"
        "@pytest.mark.words\ndef test_words(): assert not 'left out by make marks'\n", encoding="utf-8")
    blank.blank_lesson(folder, root)
    path = root / "mine" / "minimolmo" / "small.py"
    written = SMALL.replace("    # how\n    return x + 1", "    return 1 + x")
    path.write_text(written.replace(old, new), encoding="utf-8")
    return root, folder


def test_an_emptied_function_fails_the_librarys_own_test_and_the_library_itself_does_not(tmp_path):
    """The same command as `make marks`, with mine/ in another folder; without mine/ the library is tested."""
    folder, = find_lessons("05")
    (tmp_path / "minimolmo").symlink_to(ROOT / "minimolmo")
    blank.blank_lesson(folder, tmp_path)
    assert blank.function_states(folder, tmp_path) == ["empty"] * 4

    test = "tests/test_tiler.py::test_two_crops_side_by_side_are_read_as_one_image"
    outcomes = []
    for path in (f"{tmp_path / 'mine'} .", "."):
        command = [sys.executable, "-m", "pytest", "-q", "-o", f"pythonpath={path}", test]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        outcomes.append((done.returncode, "NotImplementedError" in done.stdout))
    assert outcomes == [(1, True), (0, False)]


# the code: notebooks

def test_a_notebook_is_valid_holds_its_pictures_and_its_cells_run(tmp_path, monkeypatch):
    folder, = find_lessons("05")
    book = notebooks.make_notebook(folder / "README.md", tmp_path)
    book = json.loads(json.dumps(book))  # plain JSON

    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    for cell in book["cells"]:
        assert re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", cell["id"])
        assert set(cell) - {"attachments"} == {"cell_type", "id", "metadata", "source"} | (
            {"outputs", "execution_count"} if cell["cell_type"] == "code" else set())
    page = parse_blocks((folder / "README.md").read_text(encoding="utf-8"))
    printed = ["".join(out["text"]) for cell in book["cells"] for out in cell.get("outputs", [])]
    assert printed == [block.body.rstrip("\n") for block in page if block.kind == "text"]
    attached = {name: base64.b64decode(data["image/png"]) for cell in book["cells"]
                for name, data in cell.get("attachments", {}).items()}
    assert attached == {path.name: path.read_bytes() for path in folder.glob("*.png")}
    text = "".join("".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "markdown")
    assert "<details>" not in text and "</details>" not in text, "a fold cannot reach over cells"
    assert "<!--" not in text and "[!NOTE]" not in text and "def stitch_ids" in text

    monkeypatch.setattr(sys, "path", list(sys.path))
    namespace, first = {"HERE": tmp_path}, True
    for cell in book["cells"]:
        if cell["cell_type"] == "code" and not first:
            exec("".join(cell["source"]), namespace)
        first = first and cell["cell_type"] != "code"
    assert {path.name for path in tmp_path.glob("*.png")} == set(attached)
