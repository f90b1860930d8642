"""The table of codes is complete: it has each code that the engine's source can produce, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import pytest

from engine.errors.codes import CODES, PLACES, Code, table
from engine.expressions.array_constraints import ARRAY_CONSTRAINTS
from engine.expressions.constraints import CONSTRAINTS
from engine.mapping.reference import ERRORS_FILE, errors_text

PACKAGE = Path(__file__).parents[2] / "engine"
CHANGES = (
    "evolution/changes.py",
    "evolution/kinds.py",
    "evolution/diff.py",
    "evolution/expiring.py",
    "evolution/losses.py",
)  # changes have codes of their own, which docs/evolution.md prints
NUMPY = re.compile(r"[<>]?[fiu]\d")  # names of its types, which it calls codes as well
PASSED_ON = re.compile(r"\S+: (\w+\.)*code")  # a parameter, or the code of a finding, check or record that exists already
ELSEWHERE = {"plan/checks.py: name": "a constraint's name", "plan/checks.py: rule.name": "a rule's name: the user's own code"}
"""The calls whose code is neither a literal nor in a table of this kind: module and expression."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Bound = tuple[ast.expr, int | None, int]
"""What a name stands for: an expression, or item n of a tuple of so many that the expression holds."""
Names = dict[str, list[Bound]]


@dataclass(frozen=True)
class Taker:
    """A function or a class that is called with a code: where in the call it stands, and what a call must give besides."""

    module: str
    place: int
    default: ast.expr | None
    required: int
    keywords: frozenset[str]

    @classmethod
    def of(cls, module: str, node: ast.AST) -> Taker | None:
        """The taker that a definition makes; None where it has no text `code` among its parameters."""
        if isinstance(node, ast.ClassDef):
            if start := next((one for one in node.body if isinstance(one, Function) and one.name == "__init__"), None):
                return cls.of(module, start)
            given = [(one.target.id, one.annotation, one.value) for one in node.body
                     if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]  # fmt: skip
            keywords: frozenset[str] = frozenset()
        elif isinstance(node, Function):
            plain = [*node.args.posonlyargs, *node.args.args]
            defaults = [*[None] * (len(plain) - len(node.args.defaults)), *node.args.defaults]
            given = [(one.arg, one.annotation, value) for one, value in zip(plain, defaults, strict=True) if one.arg not in ("self", "cls")]
            keyed = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            keywords = frozenset(one.arg for one, value in keyed if value is None)
        else:
            return None
        for place, (name, annotation, value) in enumerate(given):
            if name == "code" and isinstance(annotation, ast.Name) and annotation.id == "str":
                return cls(module, place, value, sum(default is None for _, _, default in given), keywords)
        return None

    def code(self, call: ast.Call) -> ast.expr | None:
        """What the call gives as the code; None where this is a call of something else that has the same name."""
        named = {one.arg: one.value for one in call.keywords if one.arg}
        spread = any(isinstance(one, ast.Starred) for one in call.args)
        if not self.keywords <= named.keys() or (not spread and len(call.args) + len(named) < self.required):
            return None
        if call.args and isinstance(call.args[0], ast.Starred):  # Finding(*place, code, …)
            return call.args[1]
        return call.args[self.place] if len(call.args) > self.place else named.get("code", self.default)


def bindings(node: ast.AST) -> Iterator[tuple[str, Bound]]:
    """The names that an assignment, a loop or a comprehension binds."""
    match node:
        case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
            pass
        case ast.NamedExpr(target=target, value=value) | ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            pass
        case _:
            return
    if isinstance(target, ast.Name):
        yield target.id, (value, None, 0)
    elif isinstance(target, ast.Tuple):
        same = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
        for place, item in enumerate(target.elts):
            if isinstance(item, ast.Name):
                yield item.id, (value.elts[place], None, 0) if same else (value, place, len(target.elts))


def bound_in(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Names:
    """All that these nodes bind, by name."""
    found: Names = {}
    for name, bound in chain.from_iterable(map(bindings, nodes)):
        found.setdefault(name, []).append(bound)
    return found


@dataclass
class Package:
    """The engine's source. A code is what a call gives for a parameter that is called `code`."""

    trees: dict[str, ast.Module]
    constants: dict[str, Names] = field(default_factory=dict)
    takers: dict[str, list[Taker]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Package:
        """Parse all modules."""
        names = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.py"))}
        found = cls({name: ast.parse(path.read_text(encoding="utf-8")) for name, path in names.items() if name not in CHANGES})
        for module, tree in found.trees.items():
            found.constants[module] = bound_in(tree.body)
            for node in ast.walk(tree):
                if taker := Taker.of(module, node):
                    found.takers.setdefault(node.name, []).append(taker)  # type: ignore[attr-defined]
        return found

    def given(self) -> Iterator[tuple[str, ast.expr, set[str]]]:
        """Each expression that is given as a code: where, what, and the texts it can be."""
        for module, tree in self.trees.items():
            for around in tree.body:
                names = bound_in(ast.walk(around))
                for call in ast.walk(around):
                    for code in self._codes(module, call) if isinstance(call, ast.Call) else ():
                        yield module, code, self.texts(module, code, names)

    def _codes(self, module: str, call: ast.Call) -> Iterator[ast.expr]:
        name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr if isinstance(call.func, ast.Attribute) else ""
        for taker in self.takers.get(name, ()):
            if (taker.module == module or not name.startswith("_")) and (code := taker.code(call)):
                yield code

    def texts(self, module: str, code: ast.expr, names: Names) -> set[str]:
        """The literals that an expression can be, through conditions, variables and the rows of tables."""
        match code:
            case ast.Constant(value=str(text)):
                return {text}
            case ast.IfExp(body=body, orelse=other):
                return self.texts(module, body, names) | self.texts(module, other, names)
            case ast.Name(id=name):
                found = (self._bound(module, one, names) for one in names.get(name) or self._constant(module, name))
                return set().union(*found)
        return set()

    def _bound(self, module: str, bound: Bound, names: Names) -> set[str]:
        value, place, width = bound
        if place is None:
            return self.texts(module, value, names)
        read = sorted({node.id for node in ast.walk(value) if isinstance(node, ast.Name)})
        tables = [value, *(table for name in read for table, _, _ in self._constant(module, name))]
        rows = (row.elts for table in tables for row in ast.walk(table) if isinstance(row, ast.Tuple) and len(row.elts) == width)
        return set().union(*(self.texts(module, row[place], names) for row in rows))

    def _constant(self, module: str, name: str) -> list[Bound]:
        """A constant of this module, or of the one that it is imported from."""
        others = chain.from_iterable(constants.get(name, []) for constants in self.constants.values() if name.isupper())
        return self.constants[module].get(name) or list(others)


SOURCE = Package.read(PACKAGE)
ROOT = PACKAGE.parent


def test_every_code_has_its_row_and_every_row_its_code() -> None:
    found = {text for _, _, texts in SOURCE.given() for text in texts if not NUMPY.fullmatch(text)}
    assert found | {*CONSTRAINTS} | {*ARRAY_CONSTRAINTS} == set(CODES)


def test_no_code_escapes_the_collector() -> None:
    unknown = {f"{module}: {ast.unparse(code)}" for module, code, texts in SOURCE.given() if not texts}
    assert {one for one in unknown if not PASSED_ON.fullmatch(one)} == set(ELSEWHERE)


def test_one_registered_twice_is_refused() -> None:
    row = ("empty", "The cell is empty.", "Fill it.")
    with pytest.raises(ValueError, match="registered twice: empty"):
        table({"rows": [row], "run": [row]})
    with pytest.raises(ValueError, match="unknown place: nowhere"):
        table({"nowhere": [row]})


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.name)
def test_cause_and_remedy_are_a_sentence_each(code: Code) -> None:
    for text in (code.cause, code.remedy):
        assert text[0].isupper() or text.startswith(("`", "mongod"))
        assert text.endswith(".")
        assert ". " not in text
        assert "|" not in text


def test_every_place_has_codes() -> None:
    assert {code.where for code in CODES.values()} == set(PLACES)


def test_the_page_is_current() -> None:
    assert (ROOT / ERRORS_FILE).read_text(encoding="utf-8") == errors_text(), "run `make docs`"
