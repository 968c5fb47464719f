"""Rules that every module keeps, read from the code: run_command, utf-8, files written whole."""
import ast
import re
from typing import NamedTuple

import pytest
from test_architecture import CODE, LESSONS, PACKAGES, ROOT, imports

COMMANDS = {path: path.read_text(encoding="utf-8") for path in [*CODE, *(ROOT / "tests/tools").glob("*.py")]}
COMMANDS = {path: text for path, text in COMMANDS.items() if '\nif __name__ == "__main__":' in text}


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_goes_through_run_command(path):
    """So errors end in words and signals are heeded. Scripts import command.py before anything slow."""
    text = COMMANDS[path]
    assert text.endswith('\n\n\nif __name__ == "__main__":\n    run_command(main)\n')
    assert re.search(r"^def main\(arguments: list\[str\]\) -> (None|int):$", text, re.M)
    assert "argparse.ArgumentParser(" not in text, "options.Parser suggests and refuses in words"
    if path.parent.name == "tools" or path.name == "train.py":
        modules = re.findall(r"^(?:from|import) ([\w.]+)", text, re.M)
        slow = [name for name in modules if name.split(".")[0] in PACKAGES | {"minimolmo", "data", "train"}]
        assert slow[0] == "minimolmo.command"


@pytest.mark.parametrize("package", ["minimolmo", "data", "lessons"])
def test_every_package_imports_command_first(package):
    assert imports(ROOT / package / "__init__.py") - {"sys"} == {"minimolmo.command"}


ALL_CODE = [*CODE, *LESSONS, *(ROOT / "tests/tools").glob("*.py"), ROOT / "tests/conftest.py"]


class Call(NamedTuple):
    """A call in the code."""
    receiver: str   # the source of what the function belongs to: "" for a plain function
    name: str       # of the function that is called
    node: ast.Call
    function: str   # the one in which the call stands; "" outside all


def calls(source: str) -> list[Call]:
    """All calls in a file's source."""
    found = []

    def visit(node: ast.AST, function: str) -> None:
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            receiver = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            found.append(Call(receiver, name, node, function))
        function = node.name if isinstance(node, ast.FunctionDef) else function
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(ast.parse(source), "")
    return found


def mode_of(call: Call) -> str:
    """The mode of a call of open, as a function of a path or as its method; "w" if a variable holds it."""
    words = [word.value for word in call.node.keywords if word.arg == "mode"]
    given = [*call.node.args[0 if call.receiver else 1:], *words]
    return (given[0].value if isinstance(given[0], ast.Constant) else "w") if given else "r"


@pytest.mark.parametrize("path", sorted({*CODE} - {*(ROOT / "lessons").glob("*.py")} - {
    ROOT / "minimolmo/command.py"}), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_printed_is_printed_by_say(path):
    """It may hold names of files, which must not steer a terminal."""
    names = [call.name for call in calls(path.read_text(encoding="utf-8"))]
    assert "print" not in names, "command.say spells control characters out"


@pytest.mark.parametrize("path", ALL_CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_file_is_utf_8_on_every_system(path):
    """Windows and LC_ALL=C have other ideas."""
    for call in calls(path.read_text(encoding="utf-8")):
        receiver, name, node, _ = call
        opens = name == "open" and receiver in ("", "path", "file") and "b" not in mode_of(call)
        runs = receiver == "subprocess" and any(word.arg == "text" for word in node.keywords)
        if opens or name in ("read_text", "write_text") and receiver not in ("", "disk") or runs:
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert words.get("encoding") == "'utf-8'" or None in words, f"{path}:{node.lineno}"


COMMAND_WORDS = re.compile(r"\bpython3? (-m|[\w/]+\.py)|(^|[ \"'])train\.py( -|$)|"
                           r"-m (data|minimolmo|lessons)\.")
NOT_PRINTED_HERE = {  # (file, function) with the words of a command of Python, and why
    ("minimolmo/weights/release.py", "training_command"): "for the card, which is read elsewhere",
    ("minimolmo/weights/release.py", "model_card"): "as above",
    ("minimolmo/command.py", "_runs_a_command"): "the name of the script",
    ("data/preview/readme_tables.py", ""): "a comment in the pages",
    ("lessons/page.py", "find_missing_names"): "what it looks for in pages",
    ("minimolmo/training/memory.py", "_too_many_weights"): "torchrun",
    ("minimolmo/weights/advice.py", "_more_gpus"): "torchrun",
    ("data/preview/system_diagram.py", ""): "a file's name in the picture",
    ("minimolmo/page/teach.py", "train_command"): "to be run; what is printed is made of it",
    ("tests/tools/speedrun.py", "commands"): "to be run; what is printed is made of it",
    ("tests/tools/gpu.py", "parts"): "to be run",
}


def texts(source: str) -> list[tuple[str, str]]:
    """(function, text) of every string in a file's source, f-strings joined, without docstrings.

    The words of a python_command are left out.
    """
    found = []

    def visit(node: ast.AST, function: str) -> None:
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "python_command":
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append((function, node.value))
        if isinstance(node, ast.JoinedStr):
            found.append((function, "".join(getattr(part, "value", "{}") if isinstance(part, ast.Constant)
                                            else "{}" for part in node.values)))
        function = node.name if isinstance(node, ast.FunctionDef) else function
        for child in ast.iter_child_nodes(node):
            if not (isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)):
                visit(child, function)

    visit(ast.parse(source), "")
    return found


@pytest.mark.parametrize("path", ALL_CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_command_to_type_is_written_by_python_command(path):
    """So it starts an interpreter that has the packages, and paths with spaces are quoted."""
    for function, text in texts(path.read_text(encoding="utf-8")):
        if COMMAND_WORDS.search(text):
            place = path.relative_to(ROOT).as_posix(), function
            assert place in NOT_PRINTED_HERE, f"{place}: {text!r} goes round command.python_command"


def test_no_place_that_may_have_the_words_of_a_command_is_out_of_date():
    found = {(path.relative_to(ROOT).as_posix(), function) for path in ALL_CODE
             for function, text in texts(path.read_text(encoding="utf-8")) if COMMAND_WORDS.search(text)}
    assert found == NOT_PRINTED_HERE.keys()


@pytest.mark.parametrize("line, number", [
    ('say("next: python -m minimolmo.evaluate")', 1), ('say(f"{a}\\nnext: python train.py --out={b}")', 1),
    ('raise ValueError(f"Try " f"python "\n "-m data.prepare_all.")', 1),
    ('"""Run python -m data.clean."""', 0),
    ('say(python_command("-m", "data.clean"))', 0)])
def test_a_command_that_is_printed_is_found(line, number):
    assert sum(bool(COMMAND_WORDS.search(text)) for _, text in texts(line)) == number


IN_PLACE = {  # (file, function) that may write without disk.py, and why
    ("minimolmo/disk.py", "_write"): "this is it",
    ("minimolmo/disk.py", "write_image"): "into memory",
    ("minimolmo/locks.py", "_open_locked"): "the lock",
    ("minimolmo/training/log.py", "open_log"): "log.jsonl grows by a line a step",
    ("train.py", "train_stages"): "os.devnull",
    ("data/generate.py", "_write_rows"): "into the folder that is renamed when it is whole",
    ("data/generate.py", "_write_example"): "as above",
    ("minimolmo/image/reencode.py", "encode_jpeg"): "into memory",
    ("minimolmo/page/pictures.py", "png"): "into memory",
    ("minimolmo/page/journal.py", "__init__"): "the journal grows by a line an edit, each of them fsynced",
    ("minimolmo/page/journal.py", "append_at"): "speech grows by a second at a time",
    ("data/pixmo/store.py", "__enter__"): "the journal grows by a line an image",
    ("data/pixmo/store.py", "remove_unused"): "as above",
    ("tests/tools/fake_pixmo.py", "encode_jpeg"): "into memory",
    ("tests/tools/bench_pixmo.py", "_add_captions"): "into memory",
    ("tests/tools/fault_page.py", "add_photos"): "into memory",
    ("tests/tools/tab_kills.py", "measure"): "into a temporary folder",
    ("tests/tools/paper_shapes.py", "write_photos"): "into a folder that it has made itself",
    ("tests/tools/own_photos.py", "main"): "the results grow by a line a run",
    ("tests/tools/answer_card.py", "make_item"): "into a temporary folder",
    ("tests/tools/suite.py", "run_all"): "into a temporary folder",
    ("tests/tools/gpu.py", "run_part"): "a log grows line by line",
    ("tests/tools/faults.py", "sample_images"): "into memory",
    ("tests/tools/faults.py", "mutate_images"): "damage, into a temporary folder",
    ("tests/tools/fault_campaigns.py", "mutate_checkpoints"): "as above",
    ("tests/tools/fault_campaigns.py", "mutate_rows"): "as above",
    ("tests/tools/fault_campaigns.py", "mutate_tokenizers"): "as above",
    ("tests/tools/fault_campaigns.py", "opened"): "a stand-in for open, on a disk that is full",
    ("tests/tools/fault_campaigns.py", "full_disks"): "into a temporary folder",
}
NOT_FILES = ("Image", "os", "self", "self._opener", "browser", "webbrowser")  # not of files
SAVE_THEMSELVES = ("safetensors", "tokenizer", "run", "Tokenizer.train(corpus, vocab)")  # atomically


def is_write(call: Call) -> bool:
    """Whether a call writes a file, and not by disk.py."""
    receiver, name, *_ = call
    return (name == "save" and receiver not in ("", *SAVE_THEMSELVES)
            or name in ("write_text", "write_bytes") and receiver not in ("", "disk")
            or name == "open" and receiver not in NOT_FILES and bool(set("wax+") & set(mode_of(call)))
            or (receiver, name) in (("json", "dump"), ("np", "save"), ("torch", "save")))


@pytest.mark.parametrize("path", ALL_CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_person_keeps_is_written_whole_or_not_at_all(path):
    """So the old file stays if the disk is full or the power fails."""
    for call in filter(is_write, calls(path.read_text(encoding="utf-8"))):
        place = path.relative_to(ROOT).as_posix(), call.function
        assert place in IN_PLACE, f"{path}:{call.node.lineno} goes round disk.py"


def test_no_place_that_may_write_is_out_of_date():
    found = {(path.relative_to(ROOT).as_posix(), call.function) for path in ALL_CODE
             for call in calls(path.read_text(encoding="utf-8")) if is_write(call)}
    assert found == IN_PLACE.keys()


@pytest.mark.parametrize("path", ALL_CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_worker_processes_are_those_of_one_function(path):
    """multiprocessing.Pool waits for ever for a worker that was killed."""
    made = {call.name for call in calls(path.read_text(encoding="utf-8"))} & {"Pool", "ProcessPoolExecutor"}
    assert made == ({"ProcessPoolExecutor"} if path.name == "pool.py" else set())


@pytest.mark.parametrize("line", ['open(path, "w")', 'path.open("x")', 'open(path, mode=m)', "open(path, m)",
                                  "path.open(m)", 'path.write_text("")', "image.save(path)"])
def test_a_write_is_found_with_its_function(line):
    call, = filter(is_write, calls(f"def f():\n    class A:\n        def g(self):\n            {line}\n"))
    assert call.function == "g"


@pytest.mark.parametrize("line", ["open(path)", 'open(path, "rb")', "path.open()", "Image.open(path)"])
def test_reading_is_no_write(line):
    assert not any(map(is_write, calls(line)))
