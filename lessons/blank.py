"""Empty a lesson's functions in a copy of the library, mine/minimolmo, so that the learner writes them.

    python -m lessons.blank 05           empty lesson 05's functions; what you have written stays
    python -m lessons.blank 05 --marks   run the library's own tests on your copy
    python -m lessons.blank 05 --status  which functions are empty, which are yours
    python -m lessons.blank 05 --reset=stitch_ids    empty one function again; what you wrote is printed

A lesson's exercise.py names its functions: BUILD = ["minimolmo/image/tiler.py:stitch_ids", ...]. Signature
and docstring stay, the body is yours. To get the library's own function back, copy it from minimolmo/.
"""
from __future__ import annotations

import ast
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from lessons.page import ROOT, find_definition, find_lessons, lesson_number, line_range
from minimolmo.command import python_command, run_command
from minimolmo.disk import write_text
from minimolmo.locks import locked
from minimolmo.options import Parser

LIBRARY, EMPTY, YOURS, BROKEN = "the library's", "empty", "yours", "cannot be read: make marks says where"


def read_build_list(folder: Path) -> list[str]:
    """A lesson's BUILD, read without running the file (it would import the library)."""
    tree = ast.parse((folder / "exercise.py").read_text(encoding="utf-8"))
    return ast.literal_eval(find_definition(tree, "BUILD", f"{folder.name}/exercise.py").value)


def empty_function(text: str, dotted: str, file: str) -> str:
    """A source with the body of one function replaced; its docstring and everything around it stay."""
    node = find_definition(ast.parse(text), dotted, file)
    first, *rest = node.body
    start = first.end_lineno if ast.get_docstring(node) else first.lineno - 1
    lines = text.splitlines(keepends=True)
    stub = " " * first.col_offset + "raise NotImplementedError  # yours to write\n"
    return "".join(lines[:start] + [stub] + lines[node.end_lineno:])


def function_state(reference: str, root: Path = ROOT) -> str:
    """Whose function it is in mine/minimolmo: LIBRARY, EMPTY, YOURS, or BROKEN if its file is no Python."""
    file, _, dotted = reference.partition(":")
    library, path = (root / file).read_text(encoding="utf-8"), root / "mine" / file
    if not path.exists():
        return LIBRARY
    try:
        mine = _source(path.read_text(encoding="utf-8"), dotted, file)
    except SyntaxError:
        return BROKEN
    except ValueError:  # renamed
        return YOURS
    empty = empty_function(library, dotted, file)
    return {_source(library, dotted, file): LIBRARY, _source(empty, dotted, file): EMPTY}.get(mine, YOURS)


def _source(text: str, dotted: str, file: str) -> str:
    first, last = line_range(text, dotted, file)
    return "\n".join(text.splitlines()[first - 1:last])


def function_states(folder: Path, root: Path = ROOT) -> list[str]:
    """The states of all functions in a lesson's BUILD."""
    return [function_state(reference, root) for reference in read_build_list(folder)]


def blank_lesson(folder: Path, root: Path = ROOT) -> None:
    """Empty a lesson's functions in mine/minimolmo, which is copied if it is not there; yours are kept."""
    with locked(root / "mine"):
        if not (root / "mine" / "minimolmo").exists():
            copy_library(root)
        for reference in read_build_list(folder):
            file, _, dotted = reference.partition(":")
            if function_state(reference, root) == LIBRARY:
                path = root / "mine" / file
                write_text(path, empty_function(path.read_text(encoding="utf-8"), dotted, file))


def copy_library(root: Path) -> None:
    """Copy minimolmo/ to mine/. The copy gets its name when it is whole."""
    with tempfile.TemporaryDirectory(dir=root / "mine") as folder:
        copy = Path(folder) / "minimolmo"
        shutil.copytree(root / "minimolmo", copy, ignore=shutil.ignore_patterns("__pycache__"))
        copy.rename(root / "mine" / "minimolmo")


def what_to_build(folder: Path) -> str:
    """In words, where a lesson that empties no function says what to build, or that there is nothing."""
    if "**Build.**" in (folder / "README.md").read_text(encoding="utf-8"):
        return f"what to build stands on its page, under Build: lessons/{folder.name}/README.md"
    return "this page has nothing to build"


def print_states(folder: Path, root: Path = ROOT) -> None:
    """Print whose each function of a lesson is."""
    if not read_build_list(folder):
        print(f"lesson {folder.name} empties no function: {what_to_build(folder)}")
    for reference, state in zip(read_build_list(folder), function_states(folder, root)):
        print(f"mine/{reference:<52} {state}")


def find_test_files(folder: Path, root: Path = ROOT) -> list[str]:
    """The test files that mark a lesson: those of the modules in its BUILD."""
    stems = dict.fromkeys(Path(reference.partition(":")[0]).stem for reference in read_build_list(folder))
    return [f"tests/test_{stem}.py" for stem in stems if (root / "tests" / f"test_{stem}.py").exists()]


def run_tests(folder: Path, root: Path = ROOT) -> int:
    """Run a lesson's test files with mine/ first on the path; pytest_plugin.py words the failures.

    Tests marked `words` are left out: a learner's message may have other words than ours.
    """
    if not read_build_list(folder):
        print(f"lesson {folder.name} empties no function of the library, so there is nothing to mark: "
              f"{what_to_build(folder)}. make check N={lesson_number(folder)} checks its exercises")
        return 0
    if not (root / "mine" / "minimolmo").is_dir():
        raise ValueError("mine/minimolmo is not there, so there is nothing to mark. "
                         f"Try make blank N={lesson_number(folder)}.")
    states = function_states(folder, root)
    if not {EMPTY, YOURS, BROKEN} & {*states}:
        raise ValueError(f"nothing of lesson {folder.name} is yours yet: mine/minimolmo has the library's "
                         f"functions, which pass. Try make blank N={lesson_number(folder)}.")
    command = ["-m", "pytest", "-q", "--tb=no", "-rN", "-p", "lessons.pytest_plugin", "-m", "not words",
               "-o", "pythonpath=mine .", *find_test_files(folder, root)]
    print(python_command(*command), flush=True)
    digest = digest_of_build(folder, root)  # before: an edit made meanwhile was not marked
    with subprocess.Popen([sys.executable, *command], cwd=root) as process:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the tests handle Ctrl-C: they say where
        try:
            status = process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
    note_marks(folder, digest if status == 0 else None, root)
    print_empty(folder, root)
    if status == 0 and EMPTY not in states:
        print(f"lesson {folder.name} is built: all its tests pass with your code. make tiny trains with it")
    return status


def digest_of_build(folder: Path, root: Path = ROOT) -> str:
    """A digest of a lesson's functions as they are in mine/minimolmo, comments and all."""
    sources = []
    for reference in read_build_list(folder):
        file, _, dotted = reference.partition(":")
        try:
            sources.append(_source((root / "mine" / file).read_text(encoding="utf-8"), dotted, file))
        except (OSError, SyntaxError, ValueError):  # no copy, a slip in it, or renamed
            sources.append("")
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()


def note_marks(folder: Path, passed: str | None, root: Path = ROOT) -> None:
    """Note in mine/marks.json the digest of a lesson's functions that passed their tests; None: they did not.
    """
    with locked(root / "mine"):
        marks = read_marks(root)
        marks.pop(folder.name, None)
        if passed:
            marks[folder.name] = passed
        write_text(root / "mine" / "marks.json", json.dumps(marks, indent=1))


def read_marks(root: Path = ROOT) -> dict[str, str]:
    """The digests of the functions that passed, by lesson. A damaged file counts as none."""
    path = root / "mine" / "marks.json"
    try:
        marks = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError:
        return {}
    return marks if isinstance(marks, dict) else {}


def count_built(folder: Path, root: Path = ROOT) -> int:
    """How many of a lesson's functions are the learner's and passed the tests when last marked, unchanged."""
    if read_marks(root).get(folder.name) != digest_of_build(folder, root):
        return 0
    return function_states(folder, root).count(YOURS)


def reset_function(folder: Path, name: str, root: Path = ROOT) -> str:
    """Empty one function of a lesson in mine/minimolmo again; returns what stood there.

    Raises ValueError if the lesson does not build that function, or if its file is no Python.
    """
    references = [reference for reference in read_build_list(folder)
                  if name and name in (reference.partition(":")[2], reference.rpartition(".")[2])]
    if len(references) != 1:
        names = ", ".join(reference.partition(":")[2] for reference in read_build_list(folder))
        raise ValueError(f"lesson {folder.name} builds no function {name!r}, so none was emptied. "
                         f"Try one of: {names or 'none here'}.")
    file, _, dotted = references[0].partition(":")
    if function_state(references[0], root) == BROKEN:
        raise ValueError(f"mine/{file} is no Python at the moment, so {dotted} cannot be found in it. "
                         f"Mend it first: make marks N={lesson_number(folder)} says where.")
    with locked(root / "mine"):
        path = root / "mine" / file
        if not path.exists():
            raise ValueError(f"mine/{file} is not there, so there is nothing to empty. Try make blank "
                             f"N={lesson_number(folder)}.")
        text = path.read_text(encoding="utf-8")
        removed = _source(text, dotted, file)
        (root / "mine" / "removed").mkdir(exist_ok=True)
        write_text(root / "mine" / "removed" / f"{dotted}.py", removed + "\n")  # before it is gone there
        write_text(path, empty_function(text, dotted, file))
    return removed


def print_empty(folder: Path, root: Path = ROOT) -> None:
    """Name the functions that are still empty: tests reach some only when those before them are written."""
    states = zip(read_build_list(folder), function_states(folder, root))
    empty = [reference.partition(":")[2] for reference, state in states if state == EMPTY]
    if empty:
        print(f"still empty: {', '.join(empty)}. One shows above once those that it needs are written.")


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", help="its number")
    parser.add_argument("--marks", action="store_true", help="run the library's tests on mine/minimolmo")
    parser.add_argument("--status", action="store_true", help="only say what is empty and what is yours")
    parser.add_argument("--reset", metavar="FUNCTION", help="empty one function again, and print what it was")
    args = parser.parse_args(arguments)
    folder, = find_lessons(args.lesson)
    if args.marks:
        return run_tests(folder)
    if args.reset is not None:
        print(f"{reset_function(folder, args.reset)}\n\nremoved; a copy is in mine/removed/")
    elif not args.status:
        blank_lesson(folder)
    print_states(folder)
    if read_build_list(folder):
        print(f"write what is empty, then make marks N={lesson_number(folder)}; make tiny trains with it")
    return 0


if __name__ == "__main__":
    run_command(main)
