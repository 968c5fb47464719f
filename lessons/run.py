"""Run the lessons: what a page prints, quotes, draws and names must be so. page.py says what a page holds.

    python -m lessons.run 05            run lesson 05 and compare
    python -m lessons.run               all of them
    python -m lessons.run --write       run, and write today's outputs, quotes and pictures into the pages

A python block that ends in the comment "# raises ValueError" must raise it; its text block ends with the
message. Pictures are saved as HERE / "name.png"; HERE is a copy of the lesson's folder, so that the committed
picture can be held against the new one.
"""
from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import math
import re
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lessons.page import (
    CODE,
    PICTURE,
    RAISES,
    ROOT,
    Block,
    blocks,
    find,
    line_of,
    missing_names,
    prose,
    quoted,
    words,
)

NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
CELL, MOST = 16, 24.0       # pixels; mean difference (of 255) allowed in each: other Pillows draw other edges
LARGEST_PICTURE = 200_000   # bytes


class Run:
    """One page, being run: what it printed last, what is wrong so far, what could be mended."""

    def __init__(self, page: Path, here: Path, write: bool):
        self.page, self.here, self.write, self.text = page, here, write, page.read_text()
        self.space = {"__name__": "__main__", "HERE": here}
        self.ran: Block | None = None   # the python block that ran last
        self.printed = ""               # by it, and not yet shown on the page
        self.faults: list[str] = []
        self.mended: list[tuple[int, int, str]] = []  # begin, end, what stands there from now on

    def fault(self, line: int, what: str):
        """Note what is wrong, under the page's name and line."""
        self.faults.append(f"{self.page}:{line}\n{what.rstrip()}")

    def play(self):
        """Every block in order, then the pictures and the names; the page is rewritten if it may be."""
        for block in blocks(self.text):
            if block.kind == "text":
                self.hold_output(block)
            elif block.kind == "python" and block.noted("quote"):
                self.hold_quote(block)
            elif block.kind == "python" and not self.execute(block):
                break  # the blocks after it would fail too
            elif block.kind not in ("python", "bash", ""):
                self.fault(block.line - 1, f"a block of kind {block.kind!r}: pages hold python, text, bash")
        self.hold_nothing_unshown()
        self.hold_pictures()
        self.hold_names()
        if self.write and self.mended:
            for begin, end, new in reversed(self.mended):
                self.text = self.text[:begin] + new + self.text[end:]
            self.page.write_text(self.text)

    def execute(self, block: Block) -> bool:
        """Run a python block in the page's namespace; False if it stopped and should not have."""
        self.hold_nothing_unshown()
        expected, error = RAISES.search(block.body), None
        with contextlib.redirect_stdout(io.StringIO()) as out:
            try:
                exec(compile("\n" * (block.line - 1) + block.body, str(self.page), "exec"), self.space)
            except Exception as caught:  # a page may raise anything: it is reported, and the next page runs
                error = caught
        self.ran, self.printed = block, out.getvalue()
        if expected and type(error).__name__ == expected[1]:
            self.printed += f"{type(error).__name__}: {error}\n"
        elif error or expected:
            self.fault(_line_of(error, self.page) or block.line,
                       f"stopped with {type(error).__name__}: {error}" if error else
                       f"should have raised {expected[1]}, and did not")
            self.printed = ""
            return bool(expected)
        return True

    def hold_output(self, block: Block):
        """Compare a text block with what was printed just above it."""
        if self.ran is None or self.text[self.ran.end:block.begin].strip():
            return self.fault(block.line, "no python block stands right above this text block. "
                                          "Try a fence without a name for what is only shown")
        if not alike(block.body, self.printed, block.noted("tolerance")):
            self.mend(block, self.printed, "the code prints")
        self.ran, self.printed = None, ""

    def hold_quote(self, block: Block):
        """Compare a quote with the source it names."""
        try:
            source = quoted(block.noted("quote"))
        except ValueError as error:
            return self.fault(block.line, str(error))
        if block.body.rstrip() != source.rstrip():
            self.mend(block, source, f"{block.noted('quote')} says")

    def hold_nothing_unshown(self):
        """What a block prints must stand on the page."""
        if self.ran and self.printed:
            self.fault(self.ran.line, "prints, and no text block follows. Try an empty one and "
                                      f"make lessons-write. It printed:\n{self.printed}")
        self.ran, self.printed = None, ""

    def mend(self, block: Block, new: str, whose: str):
        """Note that a block's body should be another; with `write`, put it there."""
        if self.write:
            self.mended.append((block.inner, block.inner + len(block.body), new.rstrip() + "\n"))
        else:
            old, new = block.body.splitlines(), new.splitlines()
            difference = difflib.unified_diff(old, new, "the page says", whose, lineterm="")
            self.fault(block.line, "\n".join(difference))

    def hold_pictures(self):
        """Every picture shown is drawn by the page and equals the committed one; none lies about unseen."""
        shown = list(PICTURE.finditer(prose(self.text)))
        for match in shown:
            line, name = line_of(prose(self.text), match.start()), match["name"]
            if not match["alt"].strip():
                self.fault(line, f"{name} has no words for those who cannot see it: ![what to see]({name})")
            if "/" in name and not (self.page.parent / name).is_file():
                self.fault(line, f"the picture {name} does not exist")
            elif "/" not in name:
                self.hold_picture(line, name)
        for path in sorted(self.page.parent.glob("*.png")):
            if path.name not in [match["name"] for match in shown]:
                self.fault(1, f"{path.name} lies in the folder, and the page does not show it")

    def hold_picture(self, line: int, name: str):
        """One picture against the committed one."""
        old, new = self.page.parent / name, self.here / name
        if not new.exists():
            return self.fault(line, f"no block draws {name}. Try picture.save(HERE / {name!r})")
        if new.stat().st_size > LARGEST_PICTURE:
            self.fault(line, f"{name} has {new.stat().st_size:,} bytes; {LARGEST_PICTURE:,} are allowed. Try "
                             f"a smaller one, or picture.quantize(64).save(...)")
        differs = picture_differs(old, new) if old.exists() else "is not there yet"
        if differs and self.write:
            shutil.copy(new, old)
        elif differs:
            self.fault(line, f"the picture {name} {differs}. Look at it, then make lessons-write")

    def hold_names(self):
        """Make targets, modules, files and tests that the page names exist."""
        for block in blocks(self.text):
            if block.kind == "bash":
                for number, line in enumerate(block.body.splitlines()):
                    for what in missing_names(line):
                        self.fault(block.line + number, what)
        for match in CODE.finditer(prose(self.text)):
            for what in missing_names(match[1]):
                self.fault(line_of(prose(self.text), match.start()), what)


def _line_of(error: Exception | None, page: Path) -> int | None:
    """The page's line on which an error arose."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    lines = [frame.lineno for frame in frames if frame.filename == str(page)]
    return lines[-1] if lines else getattr(error, "lineno", None)  # a SyntaxError knows its own


def alike(old: str, new: str, tolerance: str = "") -> bool:
    """Whether two outputs are the same but for spaces at the ends of lines, and numbers within the tolerance.

    tolerance  "" for none, "0.02" for that much, "5%" for a share of the number

    >>> alike("loss 0.71", "loss 0.72", "0.02"), alike("loss 0.71", "lots 0.71", "0.02")
    (True, False)
    """
    if [line.rstrip() for line in old.rstrip().splitlines()] == [
            line.rstrip() for line in new.rstrip().splitlines()]:
        return True
    if not tolerance or NUMBER.sub("0", old).split() != NUMBER.sub("0", new).split():
        return False
    share, most = tolerance.endswith("%"), float(tolerance.rstrip("%"))
    pairs = zip(*[map(float, NUMBER.findall(text)) for text in (old, new)])
    return all(math.isclose(a, b, rel_tol=most / 100 if share else 1e-9, abs_tol=0 if share else most + 1e-9)
               for a, b in pairs)


def picture_differs(old: Path, new: Path) -> str:
    """In words, how two pictures differ in size or in the mean difference of any 16 x 16 pixels, or ""."""
    with Image.open(old) as first, Image.open(new) as second:
        if first.size != second.size:
            return f"has {first.size} pixels, the new one {second.size}"
        a, b = (np.asarray(image.convert("RGB"), np.float32) for image in (first, second))
    cells = Image.fromarray(np.abs(a - b).mean(axis=2)).reduce(CELL)
    worst = np.asarray(cells).max()
    words_ = f"differs from the new one by {worst:.0f} of 255 in some {CELL} x {CELL} pixels"
    return words_ if worst > MOST else ""


def play(page: Path, write: bool = False) -> list[str]:
    """Run one page and return its faults, each as "page:line" and what is wrong; with `write`, mend them."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / page.parent.name
        shutil.copytree(page.parent, here, ignore=shutil.ignore_patterns("*.png", "__pycache__"))
        run, threads = Run(page, here, write), torch.get_num_threads()
        torch.set_num_threads(1)  # sums in the same order on every machine, and quicker at a page's sizes
        try:
            run.play()
        finally:
            torch.set_num_threads(threads)
    return run.faults


def main(arguments: list[str]) -> int:
    """The command line: one line for each lesson, its faults below it. Returns 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", nargs="?", default="", help="its number (default: all)")
    parser.add_argument("--write", action="store_true", help="write today's outputs into the pages")
    given, faulty = parser.parse_args(arguments), 0
    for folder in find(given.lesson):
        page, start = folder / "README.md", time.perf_counter()
        faults = play(page.relative_to(ROOT) if Path.cwd() == ROOT else page, given.write)
        verdict, seconds = "NOT TRUE" if faults else "true", time.perf_counter() - start
        count = words(page.read_text())
        print(f"{folder.name:<22} {verdict:<9} {count:>5,} words {seconds:>5.1f} s", flush=True)
        for fault in faults:
            print("\n" + fault)
        faulty += bool(faults)
    return int(faulty > 0)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ValueError as error:
        sys.exit(str(error))
