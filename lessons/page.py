"""What a lesson's page is made of: its blocks, quotes, pictures and names. The standard library alone.

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
RAISES = re.compile(r"# raises (\w+)\s*\Z")  # at the end of a block that must stop
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """One fenced block: from `begin` to `end` in the page's text, its body from `inner` on."""
    kind: str  # python, text, bash, or "" for what is only shown
    note: str  # "quote FILE:NAME", "tolerance 0.02" or ""
    body: str
    line: int  # of the page, on which the body begins
    begin: int
    inner: int
    end: int

    def noted(self, word: str) -> str:
        """What the comment above says after this word, or ""."""
        first, _, rest = self.note.partition(" ")
        return rest.strip() if first == word else ""


def blocks(text: str) -> list[Block]:
    """All fenced blocks that stand at the left edge, in order."""
    return [Block(match["kind"], match["note"] or "", match["body"], line_of(text, match.start("body")),
                  match.start(), match.start("body"), match.end()) for match in FENCE.finditer(text)]


def line_of(text: str, place: int) -> int:
    """The line, from 1, on which a place in the text lies."""
    return text.count("\n", 0, place) + 1


def find(number: str = "", folder: Path = ROOT / "lessons") -> list[Path]:
    """The folder of one lesson, by its number ("5", "05") or name, or all of them. Raises ValueError."""
    every = sorted(page.parent for page in folder.glob("*/README.md"))
    names = number, number.zfill(2)
    found = [each for each in every if not number or each.name in names or each.name.split("_")[0] in names]
    if not found:
        raise ValueError(f"there is no lesson {number!r}. Try N= and one of: "
                         f"{', '.join(each.name.split('_')[0] for each in every)}.")
    return found


def quoted(reference: str, root: Path = ROOT) -> str:
    """The source of one function, class, method or constant, e.g. minimolmo/image/tiler.py:stitch_ids.

    A method is moved to the left edge. Raises ValueError if the file or the name is not there.
    """
    file, _, dotted = reference.partition(":")
    if not (root / file).is_file():
        raise ValueError(f"{file} does not exist, so {reference} cannot be quoted. Was it moved?")
    text = (root / file).read_text()
    first, last = extent(text, dotted, file)
    return textwrap.dedent("\n".join(text.splitlines()[first - 1:last]) + "\n")


def extent(text: str, dotted: str, file: str) -> tuple[int, int]:
    """The first and the last line of NAME or CLASS.NAME in a Python source, decorators included."""
    node = named(ast.parse(text), dotted, file)
    return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]), node.end_lineno


def named(tree: ast.Module, dotted: str, file: str) -> ast.stmt:
    """The definition or assignment of NAME or CLASS.NAME. Raises ValueError if there is none."""
    node = tree
    for name in dotted.split("."):
        node = next((each for each in getattr(node, "body", []) if name in _names(each)), None)
        if node is None:
            raise ValueError(f"{file} has no {dotted}. Was {name!r} renamed?")
    return node


def _names(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {getattr(node, "name", "")} | {each.id for each in targets if isinstance(each, ast.Name)}


def prose(text: str) -> str:
    """The page without its blocks and comments, line for line: what stood there is left empty."""
    def empty(match: re.Match) -> str:
        return "\n" * match[0].count("\n")
    return re.sub(r"<!--.*?-->", empty, FENCE.sub(empty, text), flags=re.S)


def words(text: str) -> int:
    """How many words a reader reads: no blocks, no pictures, no links' addresses, no bare signs."""
    text = re.sub(r"\]\([^)]*\)", "]", PICTURE.sub("", prose(text)))
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def missing_names(code: str, root: Path = ROOT) -> list[str]:
    """What a command, or words between backticks, name that does not exist, said in words."""
    code = re.sub(r"(^|\s)#.*", "", code)
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.M))
    said = [f"make {name}: no such target in the Makefile"
            for name in re.findall(r"\bmake +([a-z][a-z-]*)", code) if name not in targets]
    files = re.findall(r"(?<![\w/.])((?:tests|lessons|minimolmo|data)/[\w/.-]+\.(?:py|md)|train\.py)\b", code)
    modules = re.findall(r"python -m ((?:data|lessons|minimolmo)[\w.]*)", code)
    files += [module.replace(".", "/") + ".py" for module in modules]
    said += [f"{file} does not exist" for file in files if not (root / file).is_file()]
    tests = re.findall(r"(?<![\w/.])test_\w+(?!\w*\.py)\b", code)
    return said + [f"no test is named {name}" for name in tests if name not in _tests(root)]


@cache
def _tests(root: Path) -> set[str]:
    """The names of all tests."""
    return {name for path in (root / "tests").glob("test_*.py")
            for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.M)}
