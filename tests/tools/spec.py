"""Print the names of all tests as sentences: python tests/tools/spec.py"""
import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from minimolmo.command import run_command  # noqa: E402
from minimolmo.options import Parser  # noqa: E402


def main(arguments: list[str]) -> None:
    """The command line."""
    Parser(description=__doc__).parse_args(arguments)
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        names = [node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                 if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        print("\n" + path.stem.removeprefix("test_"))
        for name in names:
            print("    " + name.removeprefix("test_").replace("_", " "))


if __name__ == "__main__":
    run_command(main)
