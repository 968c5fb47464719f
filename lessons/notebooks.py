"""Write each page as a Jupyter notebook: python -m lessons.notebooks. The standard library alone.

Python blocks become code cells with their printed output, everything else stays text. Pictures are embedded,
so a notebook may be moved. Its cells draw into out/notebooks, never into lessons/.
"""
from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path

from lessons.page import PICTURE, RAISES, ROOT, find_lessons, parse_blocks
from minimolmo.command import run_command
from minimolmo.disk import write_text
from minimolmo.options import Parser

OUT = ROOT / "out" / "notebooks"
SETUP_CELL = """\
# Finds the project, and a folder for what the cells draw.
import os, sys
from pathlib import Path

ROOT = next(folder for folder in [Path.cwd(), *Path.cwd().parents, Path({root!r})]
            if (folder / "minimolmo").is_dir() and (folder / "lessons").is_dir())
os.chdir(ROOT)
sys.path.insert(0, str(ROOT))
HERE = ROOT / "out" / "notebooks" / {name!r}
HERE.mkdir(parents=True, exist_ok=True)
"""


def make_notebook(page: Path, out: Path = OUT) -> dict:
    """One page in nbformat 4.5: the set-up cell, then text and code in the page's order."""
    text, offset = page.read_text(encoding="utf-8"), 0
    blocks = parse_blocks(text)
    cells = [_code_cell(SETUP_CELL.format(root=str(ROOT), name=page.parent.name), [], False)]
    for block, after in zip(blocks, [*blocks[1:], None]):
        if block.kind == "python" and not block.note:
            cells += _markdown_cells(text[offset:block.start], page, out)
            output = after.body if after and after.kind == "text" else ""
            cells.append(_code_cell(block.body, _outputs(output), bool(RAISES.search(block.body))))
            offset = block.end
        elif block.kind == "text":  # it is the output of the cell above
            offset = block.end
    cells += _markdown_cells(text[offset:], page, out)
    for number, cell in enumerate(cells):
        cell["id"] = f"{page.parent.name}-{number}".replace("_", "-")
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
            "nbformat": 4, "nbformat_minor": 5}


def _code_cell(source: str, outputs: list, raises: bool) -> dict:
    """A code cell; one that raises is tagged, so that "run all" goes on."""
    return {"cell_type": "code", "execution_count": None, "outputs": outputs, "source": _lines(source),
            "metadata": {"tags": ["raises-exception"]} if raises else {}}


def _outputs(text: str) -> list[dict]:
    return [{"output_type": "stream", "name": "stdout", "text": _lines(text)}] if text else []


def _lines(text: str) -> list[str]:
    return text.rstrip("\n").splitlines(keepends=True)


def _markdown_cells(text: str, page: Path, out: Path) -> list[dict]:
    """A text cell with embedded pictures and links that still lead to the same files; none if it is empty."""
    attachments = {}

    def embed(match: re.Match) -> str:
        path = page.parent / match["name"]
        attachments[path.name] = {"image/png": base64.b64encode(path.read_bytes()).decode()}
        return f"![{match['alt']}](attachment:{path.name})"

    def relink(match: re.Match) -> str:
        return f"]({os.path.relpath(page.parent / match[1], out)}"

    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.S)
    text = re.sub(r"^</?details>.*\n?", "", text, flags=re.M)  # a fold cannot reach over cells
    text = re.sub(r"^> \[!\w+\]\n", "", text, flags=re.M).strip()
    text = re.sub(r"\]\((?!http|#|attachment:)([^)#]+)", relink, PICTURE.sub(embed, text))
    cell = {"cell_type": "markdown", "metadata": {}, "source": _lines(text)}
    return [cell | ({"attachments": attachments} if attachments else {})] if text else []


def main(arguments: list[str]) -> None:
    """Write every lesson's notebook."""
    Parser(description=__doc__.splitlines()[0]).parse_args(arguments)
    OUT.mkdir(parents=True, exist_ok=True)
    for folder in find_lessons():
        path = OUT / f"{folder.name}.ipynb"
        write_text(path, json.dumps(make_notebook(folder / "README.md"), indent=1))
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    run_command(main)
