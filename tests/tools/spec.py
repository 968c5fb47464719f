"""Print the names of all tests as sentences: python tests/tools/spec.py"""
import ast
from pathlib import Path

for path in sorted(Path(__file__).parents[1].glob("test_*.py")):
    names = [node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    print("\n" + path.stem.removeprefix("test_"))
    for name in names:
        print("    " + name.removeprefix("test_").replace("_", " "))
