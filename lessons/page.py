"""Parser of a lesson's page: its blocks, quotes, pictures and names. The standard library alone.

    ```python                  runs, in order, all blocks of a page in one namespace
    ```text                    what the python block just above it printed
    ```bash                    is not run, but its make targets, modules and files must exist
    ```                        is only shown
    <!-- quote FILE:NAME -->   the python block below is not run: it is NAME in FILE, word for word
    <!-- tolerance 0.02 -->    numbers in the text block below may be off by this much; or by 5%
"""
from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"(?:^<!-- (?P<note>.+?) -->\n)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.M | re.S)
PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?!http)(?P<name>[^)\s]+)\)")
RAISES = re.compile(r"# raises (\w+)\s*\Z")  # at the end of a block that must raise this error
INLINE_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """One fenced block. `start`, `body_start` and `end` are offsets in the page's text."""
    kind: str  # python, text, bash, or "" for what is only shown
    note: str  # "quote FILE:NAME", "tolerance 0.02" or ""
    body: str
    line: int  # of the page, on which the body begins
    start: int
    body_start: int
    end: int

    def note_value(self, key: str) -> str:
        """The value of a note: "0.02" of "tolerance 0.02" for the key "tolerance", else ""."""
        first, _, rest = self.note.partition(" ")
        return rest.strip() if first == key else ""


def parse_blocks(text: str) -> list[Block]:
    """All fenced blocks that stand at the left edge, in order."""
    return [Block(match["kind"], match["note"] or "", match["body"], line_number(text, match.start("body")),
                  match.start(), match.start("body"), match.end()) for match in FENCE.finditer(text)]


def line_number(text: str, offset: int) -> int:
    """The line, from 1, of an offset in a text."""
    return text.count("\n", 0, offset) + 1


def find_lessons(number: str = "", folder: Path = ROOT / "lessons") -> list[Path]:
    """The folder of one lesson, by its number ("5", "05") or name, or all of them. Raises ValueError."""
    lessons = sorted(page.parent for page in folder.glob("*/README.md"))
    names = number, number.zfill(2)
    found = [lesson for lesson in lessons
             if not number or lesson.name in names or lesson_number(lesson) in names]
    if not found:
        raise ValueError(f"there is no lesson {number!r}. Try N= and one of: "
                         f"{', '.join(map(lesson_number, lessons))}.")
    return found


def lesson_number(folder: Path) -> str:
    """The number of a lesson's folder: "05" of 05_views."""
    return folder.name.split("_")[0]


def read_source(reference: str, root: Path = ROOT) -> str:
    """The source of one function, class, method or constant, e.g. minimolmo/image/tiler.py:stitch_ids.

    A method is moved to the left edge. Raises ValueError if the file or the name is not there.
    """
    file, _, dotted = reference.partition(":")
    if not (root / file).is_file():
        raise ValueError(f"{file} does not exist, so {reference} cannot be quoted. Was it moved?")
    text = (root / file).read_text(encoding="utf-8")
    first, last = line_range(text, dotted, file)
    return textwrap.dedent("\n".join(text.splitlines()[first - 1:last]) + "\n")


def line_range(text: str, dotted: str, file: str) -> tuple[int, int]:
    """The first and the last line of NAME or CLASS.NAME in a Python source, decorators included."""
    node = find_definition(ast.parse(text), dotted, file)
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]), node.end_lineno


def find_definition(tree: ast.Module, dotted: str, file: str) -> ast.stmt:
    """The definition or assignment of NAME or CLASS.NAME. Raises ValueError if there is none."""
    node = tree
    for name in dotted.split("."):
        node = next((child for child in getattr(node, "body", []) if name in _defined_names(child)), None)
        if node is None:
            raise ValueError(f"{file} has no {dotted}. Was {name!r} renamed?")
    return node


def _defined_names(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {getattr(node, "name", "")} | {name.id for name in targets if isinstance(name, ast.Name)}


def extract_prose(text: str) -> str:
    """The page without its blocks and comments. They become empty lines, so line numbers stay."""
    def empty_lines(match: re.Match) -> str:
        return "\n" * match[0].count("\n")
    return re.sub(r"<!--.*?-->", empty_lines, FENCE.sub(empty_lines, text), flags=re.S)


def count_words(text: str) -> int:
    """How many words a reader reads: no blocks, no pictures, no links' addresses, no bare signs."""
    text = re.sub(r"\]\([^)]*\)", "]", PICTURE.sub("", extract_prose(text)))
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def find_missing_names(code: str, root: Path = ROOT) -> list[str]:
    """A message for each make target, file, module or test that a command names and that does not exist."""
    code = re.sub(r"(^|\s)#.*", "", code)
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.M))
    messages = [f"make {name}: no such target in the Makefile"
                for name in re.findall(r"\bmake +([a-z][a-z-]*)", code) if name not in targets]
    files = re.findall(r"(?<![\w/.])((?:tests|lessons|minimolmo|data)/[\w/.-]+\.(?:py|md)|train\.py)\b", code)
    modules = re.findall(r"python -m ((?:data|lessons|minimolmo)[\w.]*)", code)
    files += [module.replace(".", "/") + ".py" for module in modules]
    messages += [f"{file} does not exist" for file in files if not (root / file).is_file()]
    tests = re.findall(r"(?<![\w/.])test_\w+(?!\w*\.py)\b", code)
    return messages + [f"no test is named {name}" for name in tests if name not in _test_names(root)]


@cache
def _test_names(root: Path) -> set[str]:
    return {name for path in (root / "tests").glob("test_*.py")
            for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.M)}
