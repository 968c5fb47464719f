"""Every numbered lesson has a quiz of five questions with folded answers, and an open task with a bar.

Three pages beside the path have a quiz of three questions.
"""
import re
from pathlib import Path

import pytest

from lessons.page import ROOT, extract_prose, find_lessons, lesson_number, read_source

LESSONS = [folder for folder in find_lessons() if folder.name[0].isdigit()]
QUESTION = re.compile(r"^\*\*(\d)\.\*\* (.+?)\n\n<details><summary>Answer</summary>\n\n(.+?)\n\n</details>$",
                      re.M | re.S)
LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]*)#?([^)\s]*)\)")
PARTS = ["Start", "Measure", "Today", "Bar"]


def section(text: str, title: str) -> str:
    """The text below a heading of the second level, up to the next one; "" if there is none."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found[1] if found else ""


def anchors(text: str) -> list[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", extract_prose(text), re.M)
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


def dead_links(text: str, links: list[tuple[str, str, str]], folder: Path) -> list[str]:
    """A message for each link to a file, a heading, or a name in a Python file that is not there."""
    messages = []
    for label, file, anchor in links:
        path = (folder / file).resolve()
        if file and not path.is_file():
            messages.append(f"{file} does not exist")
        elif anchor and anchor not in anchors(path.read_text(encoding="utf-8") if file else text):
            messages.append(f"{file or 'this page'} has no heading #{anchor}")
        elif file.endswith(".py") and not label.endswith(".py`"):
            try:
                read_source(f"{path.relative_to(ROOT)}:{label.strip('`')}")
            except ValueError as error:
                messages.append(str(error))
    return messages


def quiz_errors(text: str, folder: Path, numbers: str = "12345") -> list[str]:
    """What is wrong with a page's quiz: its questions, their answers and the links in these."""
    quiz, number = section(text, "Quiz"), lesson_number(folder)
    number = int(number) if number.isdigit() else 0
    questions, messages = QUESTION.findall(quiz), []
    if [each[0] for each in questions] != list(numbers) or quiz.count("<details>") != len(numbers):
        messages.append(f"{len(numbers)} questions, **1.** to **{numbers[-1]}.**, each with one answer "
                        "folded right below it")
    for name, question, answer in questions:
        links = LINK.findall(answer)
        messages += [f"answer {name}: {message}" for message in dead_links(text, links, folder)]
        if not links:
            messages.append(f"answer {name} does not say where it stands")
        if not 2 <= len(re.findall(r"[.:?](?=\s|$|\))", re.sub(r"\n\n.*", "", answer, flags=re.S))) <= 5:
            messages.append(f"answer {name} has not two to three sentences and a link")
    if number and not any(int(earlier) < number for earlier in re.findall(r"lessons?\s(\d\d)", quiz)):
        messages.append("no question joins this lesson with an earlier one")
    return messages


def task_errors(text: str, folder: Path) -> list[str]:
    """What is wrong with a page's open task: its four parts, their numbers, the block or command."""
    task = section(text, "Open task")
    parts = dict(re.findall(r"^\*\*(\w+)\.\*\* (.+?)(?=^\*\*(?:Start|Measure|Today|Bar)\.\*\*|\Z)", task,
                            re.M | re.S))
    if list(parts) != PARTS:
        return [f"the open task's parts are {', '.join(PARTS)}, in this order"]
    messages = [f"{name} has no number" for name in ("Today", "Bar") if not re.search(r"\d", parts[name])]
    if not re.search(r"^```(?:python|bash)$", parts["Measure"], re.M):
        messages.append("nothing measures: a block of code or a command")
    if "<details>" in task:
        messages.append("an open task has no answer")
    return messages + dead_links(text, LINK.findall(task), folder)


def page_errors(text: str, folder: Path) -> list[str]:
    """What is wrong with a page's quiz and open task, and with their place: after the exercises."""
    order = [name for name in re.findall(r"^## (.*)$", extract_prose(text), re.M)
             if name in ("Your turn", "Quiz", "Open task")]
    messages = [] if order == ["Your turn", "Quiz", "Open task"] else [f"the order is {', '.join(order)}"]
    if "**Next:**" in text and text.find("**Next:**") < text.find("## Open task"):
        messages.append("Next comes before the open task")
    return messages + quiz_errors(text, folder) + task_errors(text, folder)


@pytest.mark.parametrize("folder", LESSONS, ids=lambda folder: folder.name)
def test_a_lesson_has_a_quiz_of_five_questions_and_an_open_task_with_a_bar(folder):
    assert page_errors((folder / "README.md").read_text(encoding="utf-8"), folder) == []


@pytest.mark.parametrize("name", ["change", "worlds", "traps"])
def test_a_page_beside_the_path_has_a_quiz_of_three_questions(name):
    folder = ROOT / "lessons" / name
    assert quiz_errors((folder / "README.md").read_text(encoding="utf-8"), folder, "123") == []


def page(number: str = "1") -> str:
    """A page on which nothing is wrong; `number` replaces that of its first question."""
    answer = "\n\n<details><summary>Answer</summary>\n\nIt is 3. See [here](#one-idea), and " \
             "[`stitch_ids`](../../minimolmo/image/tiler.py).\n\n</details>\n\n"
    questions = "".join(f"**{each}.** How many, by lesson 01?{answer}" for each in [number, *"2345"])
    task = "Make it smaller.\n\n**Start.** At [`choose_grid`](../../minimolmo/image/tiler.py).\n\n" \
           "**Measure.** With\n\n```bash\nmake bench\n```\n\n**Today.** It is 12.\n\n**Bar.** 8 or less.\n\n"
    return f"# T\n\n## One idea\n\n## Your turn\n\n## Quiz\n\n{questions}## Open task\n\n{task}" \
           "## What was proved\n\n**Next:** more.\n"


def test_a_complete_page_has_no_errors():
    assert page_errors(page(), LESSONS[2]) == []


@pytest.mark.parametrize("old, new, message", [
    ("#one-idea", "#two", "no heading #two"),
    ("`stitch_ids`", "`glue`", "has no glue"),
    ("image/tiler.py", "image/tailor.py", "tailor.py does not exist"),
    ("It is 3. See [here](#one-idea), and [`stitch_ids`](../../minimolmo/image/tiler.py).", "It is. 3.",
     "answer 1 does not say where it stands"),
    ("It is 3. See", "See", "not two to three sentences"),
    ("lesson 01", "lesson 12", "no question joins"),
    ("<details><summary>Answer</summary>", "Answer", "5 questions"),
    ("8 or less", "Less", "Bar has no number"),
    ("**Bar.**", "Bar.", "parts are Start, Measure, Today, Bar"),
    ("```bash\nmake bench\n```", "a clock", "nothing measures"),
    ("## Your turn\n", "**Next:** more.\n\n## Your turn\n", "Next comes before"),
    ("## Quiz", "## Questions", "the order is Your turn, Open task")])
def test_what_is_wrong_is_named(old, new, message):
    assert any(message in each for each in page_errors(page().replace(old, new), LESSONS[2]))


def test_each_question_has_its_own_number():
    assert page_errors(page(number="2"), LESSONS[2])
