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

# Floor by floor, from the ground up: a room (a folder or a module) may import from the floors below, and from
# itself. On the ground floor everything may also import flow and config.
FLOORS = [
    ["flow", "config", "renamed", "overrides", "device", "disk", "distributed", "draw", "plot"],
    ["presets", "image", "text", "model"],
    ["batch", "metrics"],
    ["weights"],
    ["training", "answer"],
    ["evaluate", "viz"],
]
FLOOR = {room: number for number, floor in enumerate(FLOORS, start=1) for room in floor}
GROUND = {("overrides", "config"), ("overrides", "renamed"), ("draw", "flow"), ("plot", "draw"), ("plot", "flow")}
DATA_ROOMS = {"flow", "text", "draw", "plot", "disk", "image"}  # of minimolmo, that data may import


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
        room = (name.split(".") + [""])[1]
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
    assert {path.name for path in OURS if "os.replace(" in path.read_text(encoding="utf-8")} == {"disk.py", "checkpoint.py"}


def test_image_files_are_decoded_in_one_place_alone():
    """Elsewhere: open_image, or decode_image for bytes. They have the limits, the formats and the words."""
    for path in OURS:
        text = path.read_text(encoding="utf-8")
        assert "Image.open(" not in text, f"{path}: Try open_image."
        assert path.name == "reader.py" or "ImageFile" not in text, path


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


def test_readme_names_every_file_and_every_target_it_gives_exists():
    readme, makefile = (ROOT / "README.md").read_text(encoding="utf-8"), (ROOT / "Makefile").read_text(encoding="utf-8")
    for path in OURS:
        assert path.name == "__init__.py" or path.name in readme, f"README's tree lacks {path}"
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    assert set(re.findall(r"^ *make ([a-z-]+)", readme, re.M)) <= targets


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
