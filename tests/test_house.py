"""The house rules: who may import whom, what README promises, what every public name must say."""
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

# Floor by floor, from the ground up; the model's files stand in reading order.
FLOORS = [
    ["disk"],
    ["config", "flow", "draw", "safetensors", "device", "parallel", "text.tokenizer", "text.points",
     "text.cutter", "model.attention", "model.mlp"],
    ["presets", "shards", "image.resize", "image.tiler", "text.prompts", "text.official_words", "optim",
     "flops", "log", "model.patch_embed", "model.pooling", "model.vit", "model.experts", "model.decoder",
     "model.molmo"],
    ["batch.sequence", "batch.collate", "batch.dataset", "batch.loader", "grow", "checkpoint", "score",
     "sizes", "official_config", "experts_apart"],
    ["official", "speed"],
    ["answer", "inside", "release", "run"],
    ["evaluate", "look_inside"],
]
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}
# The rooms of data/ (a folder, or a module beside the folders), from the ground up.
DATA_FLOORS = [
    ["splits"],
    ["scenes"],
    ["generate"],
    ["points", "count", "cap", "ask_model_anything", "point_explanations", "docs", "clocks", "tokenizer"],
    ["cap_qa"],
    ["prepare_all", "pixmo"],
    ["preview"],
]
DATA_FLOOR = {name: number for number, floor in enumerate(DATA_FLOORS) for name in floor}
ORDER = {name: place for place, name in enumerate(name for floor in FLOORS for name in floor)}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    """The modules of minimolmo that a file imports, without the package's name."""
    names = {name.removeprefix("minimolmo.") for name in imports(path)}
    return names & FLOOR.keys()


def test_every_file_has_its_floor():
    files = [path for path in (ROOT / "minimolmo").rglob("*.py") if path.name != "__init__.py"]
    assert {module_name(path).removeprefix("minimolmo.") for path in files} == set(FLOOR)


def test_imports_run_down_the_floors_only():
    for path in (ROOT / "minimolmo").rglob("*.py"):
        name = module_name(path).removeprefix("minimolmo.")
        for other in ours(path) if name in FLOOR else ():
            same_wing = name.split(".")[0] == other.split(".")[0] and "." in name
            below = FLOOR[other] < FLOOR[name] or (same_wing and ORDER[other] < ORDER[name])
            assert below, f"{name} (floor {FLOOR[name] + 1}) imports {other} (floor {FLOOR[other] + 1})"


def data_modules() -> dict[str, set[str]]:
    """Each module of data/ and the modules of data/ that it imports, as dotted names."""
    paths = [path for path in (ROOT / "data").rglob("*.py") if path.name != "__init__.py"]
    names = {module_name(path) for path in paths}
    return {module_name(path): imports(path) & names for path in paths}


def test_every_room_of_data_has_its_floor():
    assert {name.split(".")[1] for name in data_modules()} == set(DATA_FLOOR)


def test_imports_of_data_run_down_the_floors_only():
    for name, imported in data_modules().items():
        room = name.split(".")[1]
        for other in {each.split(".")[1] for each in imported} - {room}:
            assert DATA_FLOOR[other] < DATA_FLOOR[room], f"{name} imports data.{other}"


def test_imports_of_data_have_no_circle():
    """Modules whose imports are all gone are taken away, again and again, until none is left."""
    left = data_modules()
    while left:
        free = [name for name, imported in left.items() if not imported & left.keys()]
        assert free, f"these import each other in a circle: {sorted(left)}"
        left = {name: imported for name, imported in left.items() if name not in free}


def test_data_uses_of_minimolmo_only_what_is_below_the_model():
    """Previews may also read datasets; no module of data/ knows the model or its training."""
    allowed = {"flow", "disk", "draw", "text", "image", "score"}
    for path in (ROOT / "data").rglob("*.py"):
        rooms = {name.split(".")[1] for name in imports(path) if name.startswith("minimolmo.")}
        extra = {"batch"} if path.parent.name == "preview" else set()
        assert rooms <= allowed | extra, f"{path} imports {rooms - allowed - extra}"


def test_the_wings_meet_only_in_batches():
    """The model knows no files and no words; batches know no model; nothing here knows who drew the data."""
    for path in (ROOT / "minimolmo").rglob("*.py"):
        wing, used = path.parent.name, ours(path)
        if wing == "model":
            assert not {n for n in used if n.split(".")[0] in ("batch", "image", "text")}, path
        if wing == "batch":
            assert not {n for n in used if n.startswith("model")}, path
        assert not {n for n in imports(path) if n.split(".")[0] == "data"}, path


def test_one_function_alone_brings_files_to_their_places():
    """disk.py; checkpoint.py brings a folder."""
    assert {path.name for path in OURS if "os.replace(" in path.read_text()} == {"disk.py", "checkpoint.py"}


def test_image_and_text_need_no_torch():
    for path in [*(ROOT / "minimolmo/image").glob("*.py"), *(ROOT / "minimolmo/text").glob("*.py")]:
        assert not {n for n in imports(path) if n.split(".")[0] == "torch"}, path


def test_five_packages_are_all_we_use():
    import sys
    for path in [*OURS, *LESSONS, *(ROOT / "tests").glob("*.py")]:
        own = {"minimolmo", "data", "train", "lessons", *(f.stem for f in (ROOT / "tests").glob("*.py"))}
        known = PACKAGES | set(sys.stdlib_module_names) | own
        outside = {name.split(".")[0] for name in imports(path)} - known
        assert not outside, f"{path} imports {outside}"


def test_every_public_function_and_class_has_a_docstring():
    for path in OURS:
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), f"{path} does not say what it is"
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: class {node.name}"
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_lines_are_at_most_110_characters():
    for path in [*OURS, *LESSONS, *(ROOT / "tests").glob("*.py")]:
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            assert len(line) <= 110, f"{path}:{number} has {len(line)}"


def test_the_lessons_notebooks_and_pages_need_nothing_but_python():
    import sys
    for name in ("page", "notebooks", "blank", "marks", "tiny"):
        outside = {each.split(".")[0] for each in imports(ROOT / "lessons" / f"{name}.py")}
        assert outside <= set(sys.stdlib_module_names) | {"lessons", "minimolmo", "train"}, name


def test_readme_names_every_file_and_every_target_it_gives_exists():
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for path in OURS:
        assert path.name == "__init__.py" or path.name in readme, f"README's tree lacks {path}"
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    assert set(re.findall(r"^ *make ([a-z-]+)", readme, re.M)) <= targets


def test_links_in_the_pages_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "RUNS.md", *(ROOT / "data").rglob("*.md"),
                 *(ROOT / "lessons").rglob("*.md")]:
        prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
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
