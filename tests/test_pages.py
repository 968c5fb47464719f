"""README.md: its pictures, answers, commands, links and numbers agree with the code."""
import re

import pytest

from data.preview import system_diagram
from lessons.page import ROOT, count_words, find_missing_names
from lessons.run import outputs_match
from minimolmo.answer import RELEASED, ask, load
from minimolmo.image.resize import open_image

README = (ROOT / "README.md").read_text(encoding="utf-8")
LESSONS_PAGE = (ROOT / "lessons" / "README.md").read_text(encoding="utf-8")


def rows_of_table(text: str, head: str) -> list[list[str]]:
    """The first table whose header begins with `head`: header and rows, cell by cell, without bold type."""
    table = re.search(rf"^{re.escape(head)}.*\n(?:\|.*\n)+", text, re.M)[0]
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return [rows[0], *rows[2:]]


@pytest.mark.parametrize("page", [README, LESSONS_PAGE], ids=["README.md", "lessons/README.md"])
def test_lines_are_shorter_than_120_characters_and_in_ascii(page):
    for number, line in enumerate(page.splitlines(), start=1):
        assert len(line) < 120 and line.isascii(), f"line {number}: {line}"


def test_readme_is_a_landing_page_of_at_most_1000_words():
    assert count_words(README) <= 1000


def test_every_command_file_and_module_that_readme_names_exists():
    code = re.findall(r"`+(?:\w*\n)?(.+?)`+", README, re.S)
    assert not [message for each in code for message in find_missing_names(each)]


def test_raw_commands_are_those_of_the_makefile():
    """The table for machines without make: each raw command stands in the Makefile, up to its arguments."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    raw = re.findall(r"`(python [^`]+)`", README.split("| make | raw command |")[1].split("\n\n")[0])
    assert len(raw) >= 9
    for command in raw:
        start = re.match(r"python (-m [\w.]+(?: install)?|[\w./]+)", command)[1]
        assert any(f"{python} {start}" in makefile for python in ("python", "$(PYTHON)", "$(RUN)")), command


def test_the_answer_of_make_ask_is_that_of_the_released_nano():
    printed = re.search(r"^<points .*$", README, re.M)[0]
    question = re.search(r'^\$ make ask Q="(.+?)"$', README, re.M)[1]
    image = re.search(r"^IMAGE *= (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]
    model, tokenizer, _ = load(RELEASED)
    answer, = ask(model, tokenizer, [open_image(ROOT / image)], [question])
    assert outputs_match(printed, answer.text, tolerance="2")


def test_the_table_below_the_diagram_links_its_boxes():
    assert system_diagram.links_table() in README


def test_reference_links_lead_to_existing_files():
    addresses = re.findall(r"^\[[^\]]+\]: (\S+)$", README, re.M)
    assert addresses and not [path for path in addresses if not (ROOT / path).exists()]


def test_a_link_to_a_heading_finds_it():
    for path, anchor in re.findall(r"\]\(([\w/.]+)#([\w-]+)\)", README):
        headings = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(encoding="utf-8"), re.M)
        assert anchor in [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


def test_the_scores_are_those_of_runs():
    """Right and blank image of the quick start, then of the released nano."""
    measured = [run for name in ("quick start, seed 1", "released nano")
                for run in right_and_blank("| run, eight sets |", name)]
    _, *scores = rows_of_table(README, "| held-out images |")
    assert len(scores) == 9
    for name, *numbers in scores:
        keys = [next((key for key in [*run][2:][::-1] if name.startswith(key)), "") for run in measured]
        assert numbers == [run.get(key, "") for run, key in zip(measured, keys)], name


def right_and_blank(head: str, name: str) -> list[dict[str, str]]:
    """The two rows of a run in the table of RUNS.md with this head, by column."""
    columns, *runs = rows_of_table((ROOT / "RUNS.md").read_text(encoding="utf-8"), head)
    start = [row[0] for row in runs].index(name)
    assert [row[1] for row in runs[start:start + 2]] == ["right", "blank"]
    return [dict(zip(columns, row)) for row in runs[start:start + 2]]


def test_the_time_is_that_of_runs():
    runs = (ROOT / "RUNS.md").read_text(encoding="utf-8")
    minutes = re.search(r"The quick start takes (\d+) minutes", README)[1]
    seconds = re.search(r"^`make quickstart` at .*, nothing else running: \*\*(\d+) s", runs, re.M)[1]
    assert minutes == str(round(int(seconds) / 60))
