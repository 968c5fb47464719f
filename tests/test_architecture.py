"""The rules of the code: allowed imports, docstrings, line length, and what README names."""
import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = [ROOT / "train.py", *(ROOT / "minimolmo").rglob("*.py"), *(ROOT / "data").rglob("*.py"),
        *(ROOT / "lessons").glob("*.py")]
CODE = sorted(path for path in CODE if path.stat().st_size)
LESSONS = sorted((ROOT / "lessons").glob("*/*.py"))
PACKAGES = {"numpy", "torch", "PIL", "tqdm", "pytest"}

# The layers of minimolmo, lowest first. A package (a folder or a single module) may import from lower layers
# and from itself.
LAYERS = [
    ["flow", "bounds", "config", "renamed", "overrides", "device", "disk", "checkpoint_folders", "locks",
     "command", "options", "pool", "distributed", "draw", "plot"],
    ["presets", "logfile", "image", "text", "model"],
    ["batch", "metrics"],
    ["weights"],
    ["training", "answer"],
    ["evaluate", "viz"],
    ["page"],
]
LAYER_OF = {package: number for number, layer in enumerate(LAYERS, start=1) for package in layer}
SAME_LAYER = {("config", "bounds"), ("overrides", "bounds"), ("overrides", "config"),
              ("overrides", "renamed"), ("draw", "flow"), ("plot", "draw"), ("plot", "flow"),
              ("options", "bounds"), ("options", "command"),
              ("locks", "command"), ("pool", "command"), ("device", "command"),
              ("checkpoint_folders", "disk")}  # (importer, imported) pairs within layer 1
DATA_IMPORTS = {"flow", "config", "text", "draw", "plot", "disk", "checkpoint_folders", "locks", "image",
                "command", "options", "pool"}  # of minimolmo


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, as dotted names."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules(folder: str) -> dict[str, Path]:
    """The modules of a folder by their dotted names."""
    return {module_name(path): path for path in (ROOT / folder).rglob("*.py") if path.stat().st_size}


def imported_packages(path: Path) -> set[str]:
    """The packages of minimolmo that a file imports from."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("minimolmo.")}
    return names & LAYER_OF.keys()


def test_every_package_has_a_layer():
    packages = {name.split(".")[1] for name in modules("minimolmo") if "." in name}
    assert packages == LAYER_OF.keys()


def test_modules_import_from_lower_layers_only():
    for name, path in modules("minimolmo").items():
        if name == "minimolmo":
            continue  # it imports command, which comes first in every process
        package = name.split(".")[1]
        for other in imported_packages(path) - {package}:
            allowed = LAYER_OF[other] < LAYER_OF[package] or (package, other) in SAME_LAYER
            assert allowed, f"{name} (layer {LAYER_OF[package]}) imports {other} (layer {LAYER_OF[other]})"


def test_minimolmo_imports_nothing_from_data_and_data_imports_no_model():
    """Data and minimolmo share files on disk; data imports only packages that need no model."""
    for path in modules("minimolmo").values():
        assert not {name for name in imports(path) if name.split(".")[0] == "data"}, path
    for path in modules("data").values():
        assert imported_packages(path) <= DATA_IMPORTS | {"batch", "metrics"}, path


@pytest.mark.parametrize("folder", ["minimolmo", "data", "lessons"])
def test_there_are_no_circular_imports(folder):
    known = modules(folder)
    uses = {name: imports(path) & known.keys() - {name} for name, path in known.items()}
    finished: set[str] = set()

    def visit(name: str, chain: tuple[str, ...]) -> None:
        assert name not in chain, f"circular import: {' -> '.join([*chain[chain.index(name):], name])}"
        if name not in finished:
            for other in sorted(uses[name]):
                visit(other, (*chain, name))
            finished.add(name)

    for name in known:
        visit(name, ())


def test_only_two_modules_replace_files():
    """disk.py replaces files, checkpoint.py a folder."""
    users = {path.name for path in CODE if "os.replace(" in path.read_text(encoding="utf-8")}
    assert users == {"disk.py", "checkpoint.py"}


def test_image_and_text_import_no_torch():
    for path in [*(ROOT / "minimolmo/image").glob("*.py"), *(ROOT / "minimolmo/text").glob("*.py")]:
        assert not {n for n in imports(path) if n.split(".")[0] == "torch"}, path


def test_only_five_packages_are_imported():
    import sys
    for path in [*CODE, *LESSONS, *(ROOT / "tests").rglob("*.py")]:
        ours = {"minimolmo", "data", "train", "lessons", "tools",
                *(f.stem for f in (ROOT / "tests").glob("*.py"))}
        known = PACKAGES | set(sys.stdlib_module_names) | ours
        outside = {name.split(".")[0] for name in imports(path)} - known
        assert not outside, f"{path} imports {outside}"


def test_every_public_function_and_class_has_a_docstring():
    for path in CODE:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"{path} has no docstring"
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: class {node.name}"
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_lines_are_at_most_110_characters():
    for path in [*CODE, *LESSONS, *(ROOT / "tests").rglob("*.py")]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            assert len(line) <= 110, f"{path}:{number} has {len(line)}"


def test_the_lessons_notebooks_and_pages_need_nothing_but_python():
    import sys
    for name in ("page", "notebooks", "course", "markdown", "highlight", "blank", "marks", "train_mine"):
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
    names = {name for line in tree.splitlines() for name in re.findall(r"([a-z_]+)/(?= |$)", line[:110])}
    assert names <= {folder.name for folder in folders} | {"name"}
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", readme)) <= targets


def test_links_in_the_pages_lead_to_existing_files():
    for page in [ROOT / "README.md", ROOT / "RUNS.md", *(ROOT / "data").rglob("*.md"),
                 *(ROOT / "lessons").rglob("*.md")]:
        prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for link in re.findall(r"\]\((?!http|#)([^)#]+)", prose):
            assert (page.parent / link).exists(), f"{page} links to {link}"


@pytest.mark.parametrize("name", ["README.md", "RUNS.md", "LICENSE", "requirements.txt", "pyproject.toml"])
def test_the_top_level_has(name):
    assert (ROOT / name).is_file()


def test_all_doctests_pass():
    import doctest
    import importlib
    for path in CODE:
        module = importlib.import_module(module_name(path).removesuffix(".__init__"))
        assert not doctest.testmod(module).failed, path
