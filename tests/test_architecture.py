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

# Floor by floor, from the ground up; the model's files stand in reading order.
FLOORS = [
    ["disk"],
    ["config", "flow", "draw", "safetensors", "device", "parallel", "text.tokenizer", "text.points",
     "text.cutter", "model.attention", "model.mlp"],
    ["presets", "shards", "image.resize", "image.tiler", "text.prompts", "text.official_words", "optim",
     "flops", "log", "model.patch_embed", "model.pooling", "model.vit", "model.experts", "model.decoder",
     "model.molmo"],
    ["batch.sequence", "batch.collate", "batch.dataset", "batch.loader", "bootstrap", "checkpoint", "score",
     "sizes", "official_config", "experts_apart"],
    ["official", "speed"],
    ["answer", "inside", "release", "run"],
    ["evaluate", "look_inside"],
]
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}
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
    for path in [*OURS, *LESSONS, *(ROOT / "tests").rglob("*.py")]:
        own = {"minimolmo", "data", "train", "lessons", "tools",
               *(f.stem for f in (ROOT / "tests").glob("*.py"))}
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
    for path in [*OURS, *LESSONS, *(ROOT / "tests").rglob("*.py")]:
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            assert len(line) <= 110, f"{path}:{number} has {len(line)}"


def test_the_lessons_notebooks_and_pages_need_nothing_but_python():
    import sys
    for name in ("page", "notebooks", "blank", "marks", "train_mine"):
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
