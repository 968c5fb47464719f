"""Build the real thing: a copy of the library in mine/minimolmo with a lesson's functions emptied.

    python -m lessons.blank 05           empty lesson 05's functions; what you have written stays
    python -m lessons.blank 05 --marks   let the library's own tests mark your copy
    python -m lessons.blank 05 --status  which functions are empty, which are yours

A lesson's exercise.py names its functions: BUILD = ["minimolmo/image/tiler.py:stitch_ids", ...]. Signature
and docstring stay, the body is yours. To get the library's own function back, copy it from minimolmo/.
"""
from __future__ import annotations

import argparse
import ast
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from lessons.page import ROOT, extent, find, named

LIBRARY, EMPTY, YOURS, BROKEN = "the library's", "empty", "yours", "cannot be read: make marks says where"


def build_list(folder: Path) -> list[str]:
    """What a lesson's BUILD names, read without running the file (it would import the library)."""
    tree = ast.parse((folder / "exercise.py").read_text())
    return ast.literal_eval(named(tree, "BUILD", f"{folder.name}/exercise.py").value)


def emptied(text: str, dotted: str, file: str) -> str:
    """A source with the body of one function replaced; its docstring and everything around it stay."""
    node = named(ast.parse(text), dotted, file)
    first, *rest = node.body
    start = first.end_lineno if ast.get_docstring(node) else first.lineno - 1
    lines = text.splitlines(keepends=True)
    stub = " " * first.col_offset + "raise NotImplementedError  # yours to write\n"
    return "".join(lines[:start] + [stub] + lines[node.end_lineno:])


def state(reference: str, root: Path = ROOT) -> str:
    """Whose function it is in mine/minimolmo: LIBRARY, EMPTY, YOURS, or BROKEN if its file is no Python."""
    file, _, dotted = reference.partition(":")
    library, path = (root / file).read_text(), root / "mine" / file
    if not path.exists():
        return LIBRARY
    try:
        mine = _source(path.read_text(), dotted, file)
    except SyntaxError:
        return BROKEN
    except ValueError:  # renamed
        return YOURS
    empty = emptied(library, dotted, file)
    return {_source(library, dotted, file): LIBRARY, _source(empty, dotted, file): EMPTY}.get(mine, YOURS)


def _source(text: str, dotted: str, file: str) -> str:
    first, last = extent(text, dotted, file)
    return "\n".join(text.splitlines()[first - 1:last])


def built(folder: Path, root: Path = ROOT) -> list[str]:
    """The states of all functions that a lesson lets the learner build."""
    return [state(reference, root) for reference in build_list(folder)]


def blank(folder: Path, root: Path = ROOT) -> None:
    """Empty a lesson's functions in mine/minimolmo, which is copied if it is not there; yours are kept."""
    target = root / "mine" / "minimolmo"
    if not target.exists():
        shutil.copytree(root / "minimolmo", target, ignore=shutil.ignore_patterns("__pycache__"))
    for reference in build_list(folder):
        file, _, dotted = reference.partition(":")
        if state(reference, root) == LIBRARY:
            path = root / "mine" / file
            path.write_text(emptied(path.read_text(), dotted, file))


def status(folder: Path, root: Path = ROOT) -> None:
    """Print whose each function is."""
    if not build_list(folder):
        print(f"lesson {folder.name} empties no function: what to build stands on its page")
    for reference, whose in zip(build_list(folder), built(folder, root)):
        print(f"mine/{reference:<52} {whose}")


def tests_of(folder: Path, root: Path = ROOT) -> list[str]:
    """The test files that mark a lesson: those of the modules that it builds."""
    stems = dict.fromkeys(Path(reference.partition(":")[0]).stem for reference in build_list(folder))
    return [f"tests/test_{stem}.py" for stem in stems if (root / "tests" / f"test_{stem}.py").exists()]


def marks(folder: Path, root: Path = ROOT) -> int:
    """Run those tests with mine/ first on the path; pytest_plugin.py words the failures."""
    if not build_list(folder):
        raise ValueError(f"lesson {folder.name} empties no function of the library, so there is nothing to "
                         f"mark. What to build stands on its page, lessons/{folder.name}/README.md.")
    if not (root / "mine" / "minimolmo").is_dir():
        raise ValueError("mine/minimolmo is not there, so there is nothing to mark. "
                         f"Try make blank N={folder.name.split('_')[0]}.")
    command = ["-m", "pytest", "-q", "--tb=no", "-rN", "-p", "lessons.pytest_plugin",
               "-o", "pythonpath=mine .", *tests_of(folder)]
    print("python", shlex.join(command), flush=True)
    with subprocess.Popen([sys.executable, *command], cwd=root) as tests:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is theirs: they say where they were
        try:
            return tests.wait()
        finally:
            signal.signal(signal.SIGINT, before)


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", help="its number")
    parser.add_argument("--marks", action="store_true", help="run the library's tests on mine/minimolmo")
    parser.add_argument("--status", action="store_true", help="only say what is empty and what is yours")
    given = parser.parse_args(arguments)
    folder, = find(given.lesson)
    if given.marks:
        return marks(folder)
    if not given.status:
        blank(folder)
    status(folder)
    number = folder.name.split("_")[0]
    if build_list(folder):
        print(f"write what is empty, then make marks N={number}; make tiny trains with it")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ValueError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; the line above is where it was")
