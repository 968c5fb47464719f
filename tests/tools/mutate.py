"""Make mutants of a function: its source with one small change each, found by rules on its syntax tree.

    mutants("def f(x):\n    return x > 0\n")   [Mutant("return x > 0", "return x >= 0", source), ...]

The changes are the slips of learners: off by one, the wrong axis, swapped arguments, > for >=, + for -,
floor for ceil, the first row alone, a clamp forgotten, `and` for `or`, a line left out.
"""
from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Slot = tuple[ast.AST, str, "int | None"]  # where a node hangs: its parent, the field, the index in a list

ARITHMETIC = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "/", ast.Mod: "//",
              ast.Pow: "*", ast.BitAnd: "|", ast.BitOr: "&"}
ORDERED = {ast.Sub: "-", ast.Div: "/", ast.FloorDiv: "//", ast.MatMult: "@", ast.Pow: "**"}
COMPARISONS = {ast.Gt: (">=", "<"), ast.GtE: (">", "<="), ast.Lt: ("<=", ">"), ast.LtE: ("<", ">="),
               ast.Eq: ("!=",), ast.NotEq: ("==",), ast.In: ("not in",), ast.NotIn: ("in",),
               ast.Is: ("is not",), ast.IsNot: ("is",)}
OTHER_CALL = {"round": ("int", "math.floor", "math.ceil"), "int": ("round",),
              "math.ceil": ("math.floor", "round"), "math.floor": ("math.ceil", "int"), "min": ("max",),
              "max": ("min",), "torch.sin": ("torch.cos",), "torch.cos": ("torch.sin",), "any": ("all",),
              "all": ("any",)}
OTHER_AXIS = {"0": "1", "1": "0", "-1": "-2", "-2": "-1"}


@dataclass(frozen=True)
class Mutant:
    """A function with one change: the first line that differs, before and after, and its source."""
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.before}   ->   {self.after}"


def mutants(source: str) -> list[Mutant]:
    """All mutants of a function's source, each source once, in the order of its lines."""
    tree = ast.parse(source)
    unchanged, found = ast.unparse(tree), {}
    for slot, node in list(_slots(tree.body[0])):
        for after in _alternatives(slot, node):
            changed = _with_replacement(tree, slot, node, after)
            if changed != unchanged:
                found[changed] = Mutant(*_first_difference(unchanged, changed), changed)
    return list(found.values())


def _first_difference(before: str, after: str) -> tuple[str, str]:
    pairs = zip(before.splitlines(), after.splitlines())
    return next((a.strip(), b.strip()) for a, b in pairs if a != b)


def _slots(tree: ast.FunctionDef) -> Iterator[tuple[Slot, ast.AST]]:
    """Every expression and statement of the body, with the place where it hangs; no docstring."""
    for statement in tree.body[ast.get_docstring(tree) is not None:]:
        yield (tree, "body", tree.body.index(statement)), statement
        for parent in ast.walk(statement):
            for field, value in ast.iter_fields(parent):
                for index, node in enumerate(value if isinstance(value, list) else [value]):
                    if isinstance(node, (ast.expr, ast.stmt)) and hasattr(node, "lineno"):
                        yield (parent, field, index if isinstance(value, list) else None), node


def _with_replacement(tree: ast.AST, slot: Slot, node: ast.AST, after: str) -> str:
    """The source of the tree with other code in one place. The tree is as before afterwards."""
    new = ast.parse(after).body[0]
    _hang(slot, new.value if isinstance(node, ast.expr) else new)
    try:
        return ast.unparse(tree)
    finally:
        _hang(slot, node)


def _hang(slot: Slot, node: ast.AST) -> None:
    parent, field, index = slot
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _alternatives(slot: Slot, node: ast.AST) -> Iterator[str]:
    """What may stand in place of a node, as source."""
    if slot[1] == "iter":
        text = ast.unparse(node)
        yield from (f"list({text})[:1]", f"list({text})[:-1]", f"list({text})[1:]")
    if isinstance(slot[0], ast.Slice) or ast.unparse(getattr(slot[0], "func", slot[0])) == "range":
        yield from (f"{ast.unparse(node)} + 1", f"{ast.unparse(node)} - 1")
    if isinstance(node, ast.stmt) and not isinstance(node, (ast.FunctionDef, ast.Pass)):
        yield "pass"
    yield from RULES.get(type(node), lambda node: ())(node)


# the rules: for a kind of node, what may stand in its place

def _constant(node: ast.Constant) -> Iterator[str]:
    if isinstance(node.value, bool):
        yield str(not node.value)
    elif isinstance(node.value, int):
        yield from (str(node.value + 1), str(node.value - 1))
    elif isinstance(node.value, float):
        yield from (str(node.value * 2), str(node.value + 1))


def _binary(node: ast.BinOp) -> Iterator[str]:
    left, right = f"({ast.unparse(node.left)})", f"({ast.unparse(node.right)})"
    if type(node.op) in ARITHMETIC:
        yield f"{left} {ARITHMETIC[type(node.op)]} {right}"
    if type(node.op) in ORDERED:
        yield f"{right} {ORDERED[type(node.op)]} {left}"
    if isinstance(node.op, ast.FloorDiv):
        yield from (f"-(-{left} // {right})", f"round({left} / {right})")
    yield from (left, right)


def _comparison(node: ast.Compare) -> Iterator[str]:
    left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
    if len(node.ops) == 1:
        yield from (f"{left} {sign} {right}" for sign in COMPARISONS[type(node.ops[0])])


def _boolean(node: ast.BoolOp) -> Iterator[str]:
    parts = [f"({ast.unparse(value)})" for value in node.values]
    yield (" or " if isinstance(node.op, ast.And) else " and ").join(parts)
    for left_out in range(len(parts)):
        yield (" and " if isinstance(node.op, ast.And) else " or ").join(
            part for number, part in enumerate(parts) if number != left_out)


def _unary(node: ast.UnaryOp) -> Iterator[str]:
    text = ast.unparse(node)
    yield f"({ast.unparse(node.operand)})"
    if text in OTHER_AXIS:
        yield OTHER_AXIS[text]


def _call(node: ast.Call) -> Iterator[str]:
    name, arguments = ast.unparse(node.func), [ast.unparse(argument) for argument in node.args]
    keywords = [(word.arg, ast.unparse(word.value)) for word in node.keywords]
    for other in OTHER_CALL.get(name, ()):
        yield _written_call(other, arguments, keywords)
    symmetric = name.endswith((".transpose", ".swapaxes")) or name in ("min", "max") and not keywords
    for i in range(0 if symmetric else len(arguments) - 1):
        yield _written_call(name, _swapped(arguments, i), keywords)
    for number, (word, value) in enumerate(keywords):
        others = keywords[:number] + keywords[number + 1:]
        yield _written_call(name, arguments, others)
        if word in ("dim", "axis") and value in OTHER_AXIS:
            yield _written_call(name, arguments, [*others, (word, OTHER_AXIS[value])])
    if name in ("min", "max") or len(arguments) == 1:
        yield from (f"({argument})" for argument in arguments)  # the call is left out
    if isinstance(node.func, ast.Attribute):
        yield f"({ast.unparse(node.func.value)})"


def _swapped(parts: list[str], i: int) -> list[str]:
    return [*parts[:i], parts[i + 1], parts[i], *parts[i + 2:]]


def _written_call(name: str, arguments: list[str], keywords: list[tuple[str | None, str]]) -> str:
    named = [f"{word}={value}" if word else f"**{value}" for word, value in keywords]
    return f"{name}({', '.join([*arguments, *named])})"


def _tuple(node: ast.Tuple) -> Iterator[str]:
    parts = [ast.unparse(part) for part in node.elts]
    for i in range(0 if any(isinstance(part, ast.Slice) for part in node.elts) else len(parts) - 1):
        yield f"({', '.join(_swapped(parts, i))})"


def _attribute(node: ast.Attribute) -> Iterator[str]:
    if node.attr == "T":
        yield ast.unparse(node.value)


def _slice(node: ast.Subscript) -> Iterator[str]:
    """x[a:b] becomes x[a:] and x[:b]; x[a:b, c:d] becomes x[c:d, a:b]."""
    if isinstance(node.slice, ast.Tuple) and any(isinstance(part, ast.Slice) for part in node.slice.elts):
        value, parts = ast.unparse(node.value), [ast.unparse(part) for part in node.slice.elts]
        yield f"{value}[{', '.join(parts[::-1])}]"
    elif isinstance(node.slice, ast.Slice) and node.slice.lower and node.slice.upper:
        value, lower, upper = (ast.unparse(part) for part in (node.value, node.slice.lower, node.slice.upper))
        yield from (f"{value}[{lower}:]", f"{value}[:{upper}]")


def _condition(node: ast.IfExp | ast.If) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from (f"({ast.unparse(node.body)})", f"({ast.unparse(node.orelse)})")
    else:
        body = "\n".join("    " + line for part in node.body for line in ast.unparse(part).splitlines())
        yield f"if True:\n{body}"


def _augmented(node: ast.AugAssign) -> Iterator[str]:
    target, value = ast.unparse(node.target), ast.unparse(node.value)
    yield from (f"{target} = {value}", f"{target} -= {value}")


RULES: dict[type, Callable] = {
    ast.Constant: _constant, ast.BinOp: _binary, ast.Compare: _comparison, ast.BoolOp: _boolean,
    ast.UnaryOp: _unary, ast.Call: _call, ast.Tuple: _tuple, ast.Attribute: _attribute, ast.Subscript: _slice,
    ast.IfExp: _condition, ast.If: _condition, ast.AugAssign: _augmented}
