"""The architecture's rules: allowed imports, docstrings, what README promises."""
import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = [ROOT / "train.py", *(ROOT / "minimolmo").rglob("*.py"), *(ROOT / "data").rglob("*.py"),
        *(ROOT / "lessons").glob("*.py")]
OURS = sorted(path for path in OURS if path.stat().st_size)
LESSONS = sorted((ROOT / "lessons").glob("*/*.py"))
PACKAGES = {"numpy", "torch", "PIL", "tqdm", "pytest"}

# Floor by floor, from the ground up: a room (a folder or a module) may import from the floors below and
# from itself.
FLOORS = [
    ["flow", "bounds", "config", "renamed", "overrides", "device", "disk", "command", "options",
     "distributed", "draw", "plot"],
    ["presets", "image", "text", "model"],
    ["batch", "metrics"],
    ["weights"],
    ["training", "answer"],
    ["evaluate", "viz"],
]
FLOOR = {room: number for number, floor in enumerate(FLOORS, start=1) for room in floor}
GROUND = {("config", "bounds"), ("overrides", "bounds"), ("overrides", "config"), ("overrides", "renamed"),
          ("draw", "flow"), ("plot", "draw"), ("plot", "flow"),
          ("options", "command")}  # who may import whom on the ground floor
DATA_ROOMS = {"flow", "text", "draw", "plot", "disk", "image", "command", "options"}  # that data may import


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules(folder: str) -> dict[str, Path]:
    """The modules of a folder by their dotted names."""
    return {module_name(path): path for path in (ROOT / folder).rglob("*.py") if path.stat().st_size}


def rooms(path: Path) -> set[str]:
    """The rooms of minimolmo that a file imports from."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("minimolmo.")}
    return names & FLOOR.keys()


def test_every_room_has_a_floor():
    found = {name.split(".")[1] for name in modules("minimolmo") if "." in name}
    assert found == FLOOR.keys()


def test_imports_run_down_the_floors_only():
    for name, path in modules("minimolmo").items():
        if name == "minimolmo":
            continue  # it imports command, so that this comes first
        room = name.split(".")[1]
        for other in rooms(path) - {room}:
            below = FLOOR[other] < FLOOR[room] or (room, other) in GROUND
            assert below, f"{name} (floor {FLOOR[room]}) imports {other} (floor {FLOOR[other]})"


def test_data_and_minimolmo_meet_on_disk():
    """Nothing in minimolmo imports data; data imports the rooms without a model alone."""
    for path in modules("minimolmo").values():
        assert not {name for name in imports(path) if name.split(".")[0] == "data"}, path
    for path in modules("data").values():
        assert rooms(path) <= DATA_ROOMS | {"batch", "metrics"}, (path, rooms(path))


@pytest.mark.parametrize("folder", ["minimolmo", "data", "lessons"])
def test_no_module_imports_itself_by_way_of_others(folder):
    known = modules(folder)
    uses = {name: imports(path) & known.keys() - {name} for name, path in known.items()}
    finished: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"a circle: {' -> '.join([*way[way.index(name):], name])}"
        if name not in finished:
            for other in sorted(uses[name]):
                visit(other, (*way, name))
            finished.add(name)

    for name in known:
        visit(name, ())


def test_files_are_replaced_in_one_place_alone():
    """disk.py replaces files, checkpoint.py a folder."""
    using = {path.name for path in OURS if "os.replace(" in path.read_text(encoding="utf-8")}
    assert using == {"disk.py", "checkpoint.py"}


COMMANDS = {path: path.read_text(encoding="utf-8") for path in [*OURS, *(ROOT / "tests/tools").glob("*.py")]}
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


CODE = [*OURS, *LESSONS, *(ROOT / "tests/tools").glob("*.py"), ROOT / "tests/conftest.py"]


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


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_file_is_utf_8_on_every_system(path):
    """Windows and LC_ALL=C have other ideas."""
    for receiver, name, node in calls(path):
        opens = name == "open" and receiver in ("", "path", "file") and "b" not in mode_of(node, receiver)
        runs = receiver == "subprocess" and any(word.arg == "text" for word in node.keywords)
        if opens or name in ("read_text", "write_text") and receiver not in ("", "disk") or runs:
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert words.get("encoding") == "'utf-8'", f"{path}:{node.lineno}"


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
}
SAVE_THEMSELVES = ("safetensors", "tokenizer", "run", "Tokenizer.train(corpus, vocab)")  # atomically


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_person_keeps_is_written_whole_or_not_at_all(path):
    """So the old file stays if the disk is full or the power fails."""
    for receiver, name, node in calls(path):
        writes = (name == "save" and receiver not in ("", *SAVE_THEMSELVES)
                  or name in ("write_text", "write_bytes") and receiver not in ("", "disk")
                  or name == "open" and set("wax+") & set(mode_of(node, receiver))
                  or (receiver, name) in (("json", "dump"), ("np", "save"), ("torch", "save")))
        allowed = (path.relative_to(ROOT).as_posix(), name) in IN_PLACE
        assert not writes or allowed, f"{path}:{node.lineno} goes round disk.py"


def test_image_and_text_need_no_torch():
    for path in [*(ROOT / "minimolmo/image").glob("*.py"), *(ROOT / "minimolmo/text").glob("*.py")]:
        assert not {n for n in imports(path) if n.split(".")[0] == "torch"}, path


def test_five_packages_are_all_we_use():
    import sys
    for path in [*OURS, *LESSONS, *(ROOT / "tests").rglob("*.py")]:
        own = {"minimolmo", "data", "train", "lessons", "tools",
               *(f.stem for f in (ROOT / "tests").glob("*.py"))}
        known = PACKAGES | set(sys.stdlib_module_names) | own
        outside = {name.split(".")[0] for name in imports(path)} - known
        assert not outside, f"{path} imports {outside}"


def test_every_public_function_and_class_has_a_docstring():
    for path in OURS:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"{path} does not say what it is"
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: class {node.name}"
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_lines_are_at_most_110_characters():
    for path in [*OURS, *LESSONS, *(ROOT / "tests").rglob("*.py")]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            assert len(line) <= 110, f"{path}:{number} has {len(line)}"


def test_the_lessons_notebooks_and_pages_need_nothing_but_python():
    import sys
    for name in ("page", "notebooks", "blank", "marks", "train_mine"):
        outside = {each.split(".")[0] for each in imports(ROOT / "lessons" / f"{name}.py")}
        assert outside <= set(sys.stdlib_module_names) | {"lessons", "minimolmo", "train"}, name


def test_readmes_tree_names_every_folder_and_every_target_it_gives_exists():
    """Lessons are NN_name/ in the tree."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    tree = readme.split("## The tree")[1].split("```")[1]
    folders = {path.parent for name in ("minimolmo", "data", "lessons", "tests")
               for path in (ROOT / name).rglob("*.py")}
    folders |= {ROOT / "data" / "pictures", ROOT / "data" / "released", ROOT / "tests" / "golden"}
    for folder in folders - {folder for folder in folders if re.match(r"\d\d_", folder.name)}:
        assert re.search(rf"(?<![\w/]){folder.name}/", tree), f"README's tree lacks {folder}"
    named = {name for line in tree.splitlines() for name in re.findall(r"([a-z_]+)/(?= |$)", line[:110])}
    assert named <= {folder.name for folder in folders} | {"name"}
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", readme)) <= targets


def test_links_in_the_pages_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "RUNS.md", *(ROOT / "data").rglob("*.md"),
                 *(ROOT / "lessons").rglob("*.md")]:
        prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for link in re.findall(r"\]\((?!http|#)([^)#]+)", prose):
            assert (page.parent / link).exists(), f"{page} links to {link}"


@pytest.mark.parametrize("name", ["README.md", "RUNS.md", "LICENSE", "requirements.txt", "pyproject.toml"])
def test_the_top_level_holds(name):
    assert (ROOT / name).is_file()


def test_doctests_print_what_they_say():
    import doctest
    import importlib
    for path in OURS:
        module = importlib.import_module(module_name(path).removesuffix(".__init__"))
        assert not doctest.testmod(module).failed, path
