"""Run the lessons' pages and check what they print, quote, draw and name. page.py parses a page.

    python -m lessons.run 05            run lesson 05 and compare
    python -m lessons.run               all of them
    python -m lessons.run --write       run, and write today's outputs, quotes and pictures into the pages

A python block that ends in the comment "# raises ValueError" must raise it; its text block ends with the
message. Pictures are saved as HERE / "name.png". HERE is a temporary copy of the lesson's folder, so that the
committed picture can be compared with the new one.
"""
from __future__ import annotations

import contextlib
import difflib
import io
import math
import re
import shutil
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lessons.page import (
    INLINE_CODE,
    PICTURE,
    RAISES,
    ROOT,
    Block,
    count_words,
    extract_prose,
    find_lessons,
    find_missing_names,
    line_number,
    parse_blocks,
    read_source,
)
from minimolmo.command import run_command
from minimolmo.disk import write_atomically, write_text
from minimolmo.image.resize import open_image
from minimolmo.options import Parser

NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
CELL_SIZE = 16              # pixels
MAX_CELL_DIFFERENCE = 24.0  # of 255, the mean of a cell: other versions of Pillow draw other edges
MAX_PICTURE_BYTES = 200_000


class PageRun:
    """The run of one page: its namespace, the last output, the errors so far and the edits to be written."""

    def __init__(self, page: Path, here: Path, write: bool):
        self.page, self.here, self.write, self.text = page, here, write, page.read_text(encoding="utf-8")
        self.namespace = {"__name__": "__main__", "HERE": here}
        self.last_block: Block | None = None  # the python block that ran last
        self.output = ""                      # printed by it, and not yet shown on the page
        self.errors: list[str] = []
        self.edits: list[tuple[int, int, str]] = []  # start, end, the new text between them

    def add_error(self, line: int, message: str) -> None:
        """Note an error under the page's name and line."""
        self.errors.append(f"{self.page}:{line}\n{message.rstrip()}")

    def run(self) -> None:
        """Run every block in order, then check pictures and names; rewrite the page if `write` is set."""
        for block in parse_blocks(self.text):
            if block.kind == "text":
                self.check_output(block)
            elif block.kind == "python" and block.note_value("quote"):
                self.check_quote(block)
            elif block.kind == "python" and not self.execute(block):
                break  # the blocks after it would fail too
            elif block.kind not in ("python", "bash", ""):
                self.add_error(block.line - 1,
                               f"a block of kind {block.kind!r}: pages hold python, text, bash")
        self.check_all_output_is_shown()
        self.check_pictures()
        self.check_names()
        if self.write and self.edits:
            for start, end, new in reversed(self.edits):
                self.text = self.text[:start] + new + self.text[end:]
            write_text(self.page, self.text)

    def execute(self, block: Block) -> bool:
        """Run a python block in the page's namespace; False if it stopped and should not have."""
        self.check_all_output_is_shown()
        expected, error = RAISES.search(block.body), None
        with contextlib.redirect_stdout(io.StringIO()) as out:
            try:
                code = compile("\n" * (block.line - 1) + block.body, str(self.page), "exec")
                exec(code, self.namespace)
            except Exception as caught:  # a page may raise anything: it is reported, and the next page runs
                error = caught
        self.last_block, self.output = block, out.getvalue()
        if expected and type(error).__name__ == expected[1]:
            self.output += f"{type(error).__name__}: {error}\n"
        elif error or expected:
            self.add_error(_error_line(error, self.page) or block.line,
                           f"stopped with {type(error).__name__}: {error}" if error else
                           f"should have raised {expected[1]}, and did not")
            self.output = ""
            return bool(expected)
        return True

    def check_output(self, block: Block) -> None:
        """Compare a text block with what the python block just above it printed."""
        if self.last_block is None or self.text[self.last_block.end:block.start].strip():
            return self.add_error(block.line, "no python block stands right above this text block. "
                                              "Try a fence without a name for what is only shown")
        if not outputs_match(block.body, self.output, block.note_value("tolerance")):
            self.replace_body(block, self.output, "the code prints")
        self.last_block, self.output = None, ""

    def check_quote(self, block: Block) -> None:
        """Compare a quote with the source it names."""
        try:
            source = read_source(block.note_value("quote"))
        except ValueError as error:
            return self.add_error(block.line, str(error))
        if block.body.rstrip() != source.rstrip():
            self.replace_body(block, source, f"{block.note_value('quote')} says")

    def check_all_output_is_shown(self) -> None:
        """Add an error if the last block printed something and no text block shows it."""
        if self.last_block and self.output:
            self.add_error(self.last_block.line, "prints, and no text block follows. Try an empty one and "
                                                 f"make lessons-write. It printed:\n{self.output}")
        self.last_block, self.output = None, ""

    def replace_body(self, block: Block, new: str, label: str) -> None:
        """Write a block's new body if `write` is set, else add the difference as an error."""
        if self.write:
            self.edits.append((block.body_start, block.body_start + len(block.body), new.rstrip() + "\n"))
        else:
            old, new = block.body.splitlines(), new.splitlines()
            difference = difflib.unified_diff(old, new, "the page says", label, lineterm="")
            self.add_error(block.line, "\n".join(difference))

    def check_pictures(self) -> None:
        """Check that the page draws each picture it shows as committed, and shows all in its folder."""
        prose = extract_prose(self.text)
        shown = list(PICTURE.finditer(prose))
        for match in shown:
            line, name = line_number(prose, match.start()), match["name"]
            if not match["alt"].strip():
                self.add_error(line, f"{name} has no words for those who cannot see it: "
                                     f"![what to see]({name})")
            if "/" in name and not (self.page.parent / name).is_file():
                self.add_error(line, f"the picture {name} does not exist")
            elif "/" not in name:
                self.check_picture(line, name)
        for path in sorted(self.page.parent.glob("*.png")):
            if path.name not in [match["name"] for match in shown]:
                self.add_error(1, f"{path.name} lies in the folder, and the page does not show it")

    def check_picture(self, line: int, name: str) -> None:
        """Compare one picture with the committed one."""
        old, new = self.page.parent / name, self.here / name
        if not new.exists():
            return self.add_error(line, f"no block draws {name}. Try picture.save(HERE / {name!r})")
        if new.stat().st_size > MAX_PICTURE_BYTES:
            self.add_error(line, f"{name} has {new.stat().st_size:,} bytes; {MAX_PICTURE_BYTES:,} are "
                                 f"allowed. Try a smaller one, or picture.quantize(64).save(...)")
        difference = compare_pictures(old, new) if old.exists() else "is not there yet"
        if difference and self.write:
            write_atomically(old, [new.read_bytes()])
        elif difference:
            self.add_error(line, f"the picture {name} {difference}. Look at it, then make lessons-write")

    def check_names(self) -> None:
        """Check that the make targets, modules, files and tests that the page names exist."""
        for block in parse_blocks(self.text):
            if block.kind == "bash":
                for number, line in enumerate(block.body.splitlines()):
                    for message in find_missing_names(line):
                        self.add_error(block.line + number, message)
        prose = extract_prose(self.text)
        for match in INLINE_CODE.finditer(prose):
            for message in find_missing_names(match[1]):
                self.add_error(line_number(prose, match.start()), message)


def _error_line(error: Exception | None, page: Path) -> int | None:
    """The page's line on which an error arose."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    lines = [frame.lineno for frame in frames if frame.filename == str(page)]
    return lines[-1] if lines else getattr(error, "lineno", None)  # a SyntaxError knows its own


def outputs_match(old: str, new: str, tolerance: str = "") -> bool:
    """Whether two outputs are the same but for spaces at the ends of lines, and numbers within the tolerance.

    tolerance  "" for none, "0.02" for that much, "5%" for a share of the number

    >>> outputs_match("loss 0.71", "loss 0.72", "0.02"), outputs_match("loss 0.71", "lots 0.71", "0.02")
    (True, False)
    """
    if [line.rstrip() for line in old.rstrip().splitlines()] == [
            line.rstrip() for line in new.rstrip().splitlines()]:
        return True
    if not tolerance or NUMBER.sub("0", old).split() != NUMBER.sub("0", new).split():
        return False
    number = float(tolerance.rstrip("%"))
    relative, absolute = (number / 100, 0) if tolerance.endswith("%") else (1e-9, number + 1e-9)
    pairs = zip(*[map(float, NUMBER.findall(text)) for text in (old, new)])
    return all(math.isclose(a, b, rel_tol=relative, abs_tol=absolute) for a, b in pairs)


def compare_pictures(old: Path, new: Path) -> str:
    """In words, how two pictures differ in size or in the mean difference of any 16 x 16 pixels, or ""."""
    a, b = (open_image(path).astype(np.float32) for path in (old, new))
    if a.shape != b.shape:
        return f"has {a.shape[1::-1]} pixels, the new one {b.shape[1::-1]}"
    cells = Image.fromarray(np.abs(a - b).mean(axis=2)).reduce(CELL_SIZE)
    worst = np.asarray(cells).max()
    if worst <= MAX_CELL_DIFFERENCE:
        return ""
    return f"differs from the new one by {worst:.0f} of 255 in some {CELL_SIZE} x {CELL_SIZE} pixels"


def run_page(page: Path, write: bool = False) -> list[str]:
    """Run one page and return its errors, each as "page:line" and a message; with `write`, update it."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / page.parent.name
        shutil.copytree(page.parent, here, ignore=shutil.ignore_patterns("*.png", "__pycache__"))
        page_run, num_threads = PageRun(page, here, write), torch.get_num_threads()
        torch.set_num_threads(1)  # sums in the same order on every machine, and quicker at a page's sizes
        try:
            page_run.run()
        finally:
            torch.set_num_threads(num_threads)
    return page_run.errors


def count_checks(page: Path) -> str:
    """In words, what was checked of a page: its blocks run, outputs, quotes and pictures compared."""
    text = page.read_text(encoding="utf-8")
    blocks = parse_blocks(text)
    kinds, quotes = [block.kind for block in blocks], sum(bool(b.note_value("quote")) for b in blocks)
    return (f"{kinds.count('python') - quotes} blocks of code run, {kinds.count('text')} outputs and "
            f"{quotes} quotes compared, {len(PICTURE.findall(extract_prose(text)))} pictures drawn")


def main(arguments: list[str]) -> int:
    """The command line: one line for each lesson, its errors below it. Returns 1 if there are any."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", nargs="?", default="", help="its number (default: all)")
    parser.add_argument("--write", action="store_true", help="write today's outputs into the pages")
    args, num_failed = parser.parse_args(arguments), 0
    for folder in find_lessons(args.lesson):
        page, start = folder / "README.md", time.perf_counter()
        errors = run_page(page.relative_to(ROOT) if Path.cwd() == ROOT else page, args.write)
        verdict, seconds = "FAILED" if errors else "passed", time.perf_counter() - start
        num_words = count_words(page.read_text(encoding="utf-8"))
        print(f"{folder.name:<22} {verdict:<9} {num_words:>5,} words {seconds:>5.1f} s", flush=True)
        if args.lesson and not errors:
            print(f"checked: {count_checks(page)}. Read it in lessons/{folder.name}/README.md")
        for error in errors:
            print("\n" + error)
        num_failed += bool(errors)
    return int(num_failed > 0)


if __name__ == "__main__":
    run_command(main)
