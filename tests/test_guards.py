"""Rules that every module keeps, read from the code: run_command, utf-8, files written whole."""
import ast
import re
from pathlib import Path

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


def calls(path: Path) -> list[tuple[str, str, ast.Call]]:
    """All calls in a file: (the receiver's source, the function's name, the call)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            receiver = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
            found.append((receiver, getattr(node.func, "attr", getattr(node.func, "id", "")), node))
    return found


def mode_of(node: ast.Call, receiver: str) -> str:
    """The mode of a call of open, as a function of a path or as its method."""
    given = [*node.args[0 if receiver else 1:], *(word.value for word in node.keywords if word.arg == "mode")]
    return given[0].value if given and isinstance(given[0], ast.Constant) else "r"


@pytest.mark.parametrize("path", sorted({*CODE} - {*(ROOT / "lessons").glob("*.py")} - {
    ROOT / "minimolmo/command.py"}), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_printed_is_printed_by_say(path):
    """It may hold names of files, which must not steer a terminal."""
    assert "print" not in [name for _, name, _ in calls(path)], "command.say spells control characters out"


@pytest.mark.parametrize("path", ALL_CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_file_is_utf_8_on_every_system(path):
    """Windows and LC_ALL=C have other ideas."""
    for receiver, name, node in calls(path):
        opens = name == "open" and receiver in ("", "path", "file") and "b" not in mode_of(node, receiver)
        runs = receiver == "subprocess" and any(word.arg == "text" for word in node.keywords)
        if opens or name in ("read_text", "write_text") and receiver not in ("", "disk") or runs:
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert words.get("encoding") == "'utf-8'" or None in words, f"{path}:{node.lineno}"


IN_PLACE = {  # what may write without disk.py, and why
    ("minimolmo/disk.py", "save"): "write_image itself, into memory",
    ("minimolmo/disk.py", "open"): "write_atomically and the lock themselves",
    ("minimolmo/training/log.py", "open"): "log.jsonl grows by a line a step",
    ("train.py", "open"): "os.devnull",
    ("data/generate.py", "save"): "into the folder that is renamed when it is whole",
    ("data/generate.py", "open"): "as above",
    ("data/pixmo/picture.py", "save"): "into memory",
    ("data/pixmo/store.py", "open"): "the journal grows by a line an image",
    ("tests/tools/fake_pixmo.py", "save"): "into memory",
    ("tests/tools/bench_pixmo.py", "save"): "into memory",
    ("tests/tools/answer_card.py", "save"): "into a temporary folder",
    ("tests/tools/faults.py", "write_bytes"): "damage, into a temporary folder",
    ("tests/tools/faults.py", "save"): "as above",
    ("tests/tools/fault_campaigns.py", "write_bytes"): "as above",
    ("tests/tools/fault_campaigns.py", "write_text"): "as above",
    ("tests/tools/fault_campaigns.py", "save"): "as above",
    ("tests/tools/fault_campaigns.py", "open"): "as above",
}
SAVE_THEMSELVES = ("safetensors", "tokenizer", "run", "Tokenizer.train(corpus, vocab)")  # atomically


@pytest.mark.parametrize("path", ALL_CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_person_keeps_is_written_whole_or_not_at_all(path):
    """So the old file stays if the disk is full or the power fails."""
    for receiver, name, node in calls(path):
        writes = (name == "save" and receiver not in ("", *SAVE_THEMSELVES)
                  or name in ("write_text", "write_bytes") and receiver not in ("", "disk")
                  or name == "open" and set("wax+") & set(mode_of(node, receiver))
                  or (receiver, name) in (("json", "dump"), ("np", "save"), ("torch", "save")))
        allowed = (path.relative_to(ROOT).as_posix(), name) in IN_PLACE
        assert not writes or allowed, f"{path}:{node.lineno} goes round disk.py"
