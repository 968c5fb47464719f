"""lessons/README.md: its path, notes, tables and glossary agree with the lessons and the code."""
import re

import pytest

from lessons.page import ROOT, find_lessons, find_missing_names
from minimolmo.presets import preset

PAGE = (ROOT / "lessons" / "README.md").read_text(encoding="utf-8")
LESSONS = [folder for folder in find_lessons() if folder.name[0].isdigit()]
ROWS_OF_THE_TABLES = {
    "image encoder": ["params", "dim", "MLP dim", "activation", "heads, KV heads", "layers", "image size",
                      "patch", "dropout"],
    "connector": ["params", "pool size", "pool dim", "pool heads", "MLP dim", "activation", "dropout"],
    "LLM": ["params", "embed", "dim", "MLP dim", "MLP dim (MoE)", "activation", "heads", "KV heads",
            "layers", "theta", "dropout"],
    "pre-training": ["warm-up steps", "learning rate", "batch size", "steps"],
    "fine-tuning": ["warm-up steps", "learning rate", "batch size", "steps"],
    "both": ["cosine decay to", "eps, betas"],
}


def section(title: str) -> str:
    """The text under a heading."""
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]


def table(text: str) -> list[list[str]]:
    """The rows of a table without its head, cell by cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def tables_by_part() -> list[list[str]]:
    """The rows of the papers' tables: "part: name" and the full name of each setting."""
    rows = []
    for text in section("The tables, row by row").split("\n### ")[1:]:
        part, group = re.match(r"([\w -]+?)(?:: `([\w.]+)`)?\n", text).groups()
        part = part if part == "LLM" else part.lower()
        rows += [[f"{part}: {name}", number, re.sub(r"^`\.", f"`{group}.", setting), *rest]
                 for name, number, setting, *rest in table(text)]
    return rows


def notes() -> list[tuple[str, str, str, str]]:
    """Each note's number, lessons, module and test."""
    return re.findall(r"^- \*\*(\d+)\*\* .*?\n  Lesson ([\d, ]+)\. `([^`]+)`, `([^`]+)`\.$",
                      section("The notes"), re.M)


PAGES = r"\b\d\d\b|\[training\]"  # what a page builds on
PATH, NOTES = table(section("The path")), notes()
TABLES, GLOSSARY = tables_by_part(), table(section("Glossary"))


def test_the_path_has_nineteen_lessons_in_order_and_every_folder_is_one():
    assert [re.match(r"\[(\d\d) ", row[0])[1] for row in PATH] == [f"{number:02}" for number in range(19)]
    for folder in find_lessons():
        assert f"({folder.name}/README.md)" in PAGE


@pytest.mark.parametrize("folder", LESSONS, ids=lambda folder: folder.name)
def test_the_path_gives_each_pages_own_minutes_and_what_it_builds_on(folder):
    head = " ".join((folder / "README.md").read_text(encoding="utf-8").split("\n\n")[1].split())
    reading, doing, before = re.search(r"Time: (\d+) minutes to read, (\d+) to do\. Builds on: (.*?)\.\*",
                                       head).groups()
    before = re.sub(r"(\d\d) to (\d\d)", lambda m: ", ".join(
        f"{number:02}" for number in range(int(m[1]), int(m[2]) + 1)), before)
    row, = [row for row in PATH if f"({folder.name}/" in row[0]]
    assert row[1:3] == [reading, doing]
    assert re.findall(PAGES, row[3]) == re.findall(PAGES, before)


def test_all_fourteen_notes_have_a_lesson_a_module_and_a_test():
    assert list(dict.fromkeys(int(row[0]) for row in NOTES)) == list(range(1, 15))
    assert len(NOTES) == section("The notes").count("\n- ") == 17
    for note, lessons, module, test in NOTES:
        assert (ROOT / module).is_file(), note
        assert re.fullmatch(r"test_\w+", test) and not find_missing_names(test), note
        assert re.fullmatch(r"\d\d(, \d\d)*", lessons), note


def test_every_row_of_the_papers_tables_has_a_lesson_and_a_test():
    assert [row[0] for row in TABLES] == [f"{part}: {name}" for part, names in ROWS_OF_THE_TABLES.items()
                                          for name in names]
    for row, _, _, lessons, test in TABLES:
        assert re.fullmatch(r"`test_\w+`", test) and not find_missing_names(test), row
        assert re.fullmatch(r"\d\d(, \d\d)*", lessons), row


@pytest.mark.parametrize("row", [row for row in TABLES if row[2] and "MolmoE" not in row[1]],
                         ids=lambda row: row[2])
def test_the_number_of_a_row_is_the_presets(row):
    value = preset("molmo_7b_d")
    for name in row[2].strip("`").split("."):
        value = getattr(value, name)
    assert row[1] == str(value)


def test_the_experts_are_molmoes():
    decoder = preset("molmoe_1b").model.decoder
    row, = [row for row in TABLES if "MolmoE" in row[1]]
    assert row[1] == f"{decoder.experts} experts of {decoder.mlp:,} in MolmoE"


def test_the_glossary_is_in_alphabetical_order_and_a_line_each():
    terms = [row[0].lower() for row in GLOSSARY]
    assert terms == sorted(set(terms)) and len(terms) >= 40
    assert all(len(row) == 3 and len(row[1]) <= 100 and re.fullmatch(r"(training, )?\d\d", row[2])
               for row in GLOSSARY)


def test_a_word_of_a_story_names_its_lesson_and_stands_on_that_page():
    stories = [re.match(r"([^(]+) \(lesson (\d\d)\)$", row[0]) for row in GLOSSARY]
    stories = [match.groups() for match in stories if match]
    assert len(stories) >= 15
    for words, number in stories:
        page = next(folder for folder in LESSONS if folder.name.startswith(number)) / "README.md"
        text = page.read_text(encoding="utf-8").lower()
        for word in words.lower().split(", "):
            assert word.split()[0].rstrip("s") in text, f"{page} has no {word}"


def test_the_sizes_of_the_code_are_right_to_a_tenth():
    """The lines of the four folders image, text, batch and model, of all the code, and of data."""
    package, data = ROOT / "minimolmo", ROOT / "data"
    four = [path for name in ("image", "text", "batch", "model") for path in (package / name).glob("*.py")]
    files = four, [ROOT / "train.py", *package.rglob("*.py")], data.rglob("*.py")
    stated = [int(number.replace(",", "")) for number in re.findall(r"about ([\d,]+) lines", PAGE)]
    assert len(stated) == len(files)
    for number, paths in zip(stated, files):
        lines = sum(path.read_text(encoding="utf-8").count("\n") for path in paths)
        assert abs(number - lines) <= lines / 10, (number, lines)


def test_commands_of_the_page_exist():
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.S):
        assert not [name for line in block.splitlines() for name in find_missing_names(line)]
