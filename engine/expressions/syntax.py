"""Expression text → a small tree, by Python's own parser in `eval` mode; whatever is not in the tables here is refused."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, NoReturn, TypeAlias

from engine.expressions.syntaxerrors import explain, refused

MAX_LENGTH = 10_000  # characters
MAX_DEPTH = 100  # nested syntax nodes; far below Python's recursion limit
MAX_SIZE = 2_000  # nodes of the tree; a chain's middle operand counts twice
LONG = range(-(2**63), 2**63)
ARRAY, SPELT = "[]", "\u00aa\u00aa"  # what marks an array behind a name, and two letters that no name of a field ends in, for Python


class ExpressionError(Exception):
    """An expression that cannot be used: `message` says why, `offset` counts characters of the text from 0, `hint` says what to do."""

    def __init__(self, message: str, offset: int = 0, hint: str = "") -> None:
        self.message, self.offset, self.hint = message, offset, hint
        super().__init__(message + (f" — {hint}" if hint else ""))


@dataclass(frozen=True)
class Reference:
    """A document path such as `stay.admission_date`."""

    path: str
    offset: int
    size: ClassVar[int] = 1


@dataclass(frozen=True)
class Constant:
    """A constant: str, int, float, bool, None, datetime (naive, UTC, whole milliseconds), a tuple of constants or a Table."""

    value: object
    offset: int
    size: ClassVar[int] = 1


@dataclass(frozen=True)
class Table:
    """A constant `{key: value, …}`: constants, each key once."""

    keys: tuple[Any, ...]
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Apply:
    """An operator or function, by its name in the tables, and its arguments."""

    name: str
    arguments: tuple[Node, ...]
    offset: int
    size: int


Node: TypeAlias = Reference | Constant | Apply


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its text, its tree and the paths that it reads."""

    text: str
    root: Node
    references: frozenset[str]


def parse(text: str) -> Expression:
    """Parse an expression.

    Raises:
        ExpressionError: not an expression of this language, or beyond its limits.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression has {len(text):,} characters; {MAX_LENGTH:,} are allowed")
    reader = _AstReader(text)
    return Expression(text, reader.read(), frozenset(reader.paths))


OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "in", ast.Is: "is", ast.IsNot: "is",
    ast.And: "and", ast.Or: "or", ast.Not: "not", ast.USub: "negate",
}  # fmt: skip
NEGATED = (ast.NotIn, ast.IsNot)
NAMED_CONSTANTS = {"true": True, "false": False, "null": None}

# Strings are skipped whole; backticks, line ends and comments count only outside them.
_TOKEN = re.compile(
    r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?P<name>[^`\n]+)`|(?P<array>(?<=[\w`])\[\])|(?P<break>[\r\n\t\f])|(?P<refused>[#`])""",
    re.DOTALL,
)


class _AstReader:
    """One text being read. Offsets of the tree count UTF-8 bytes of `self.source`, which is as long as the text, character by character."""

    def __init__(self, text: str) -> None:
        self.names: dict[int, str] = {}
        self.paths: set[str] = set()
        self.text = text
        self.source = _TOKEN.sub(self._plain, text)

    def _plain(self, token: re.Match[str]) -> str:
        """Spell a name in backticks as an identifier of the same length, remembered by its place; a line end as a blank."""
        if token["refused"]:
            hint = "close the name with a second `" if token["refused"] == "`" else "write comments in YAML, outside the expression"
            raise ExpressionError(f"unexpected {token['refused']}", token.start(), hint)
        if token["name"]:
            self.names[token.start()] = token["name"]
            return "_" * len(token[0])
        if token["array"]:
            return SPELT
        return " " if token["break"] else token[0]

    def read(self) -> Node:
        start = len(self.source) - len(self.source.lstrip(" "))
        body = self._python(" " * start, self.source[start:])
        if _depth(body) > MAX_DEPTH:
            raise ExpressionError(f"the expression is nested deeper than {MAX_DEPTH} levels", 0, "split it into several computed fields")
        self.shift = start
        return self.node(body)

    def _python(self, blank: str, source: str) -> ast.expr:
        if not source:
            raise ExpressionError("the expression is empty")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # an unknown escape such as "\d" is only a warning to Python
                self.encoded = source.encode()
                return ast.parse(source, mode="eval").body
        except SyntaxError as error:
            message, offset, hint = explain(error, source, self.text[len(blank) :])
            raise ExpressionError(message, len(blank) + offset, hint) from None
        except (ValueError, MemoryError, RecursionError):
            raise ExpressionError("not an expression: it is nested too deeply, or has characters that are not text") from None

    def offset(self, node: ast.expr) -> int:
        return self._characters(node.col_offset)

    def _characters(self, column: int | None) -> int:
        return self.shift + len(self.encoded[: column or 0].decode())

    def node(self, node: ast.expr) -> Node:
        convert = CONVERSIONS.get(type(node))
        return convert(self, node) if convert else self.refuse(node)

    def refuse(self, node: ast.expr) -> NoReturn:
        message, hint = refused(node)
        raise ExpressionError(message, self.offset(node), hint)

    def apply(self, name: str, offset: int, *arguments: Node) -> Apply:
        size = 1 + sum(argument.size for argument in arguments)
        if size > MAX_SIZE:
            raise ExpressionError(f"the expression has more than {MAX_SIZE:,} parts", offset, "split it into several computed fields")
        return Apply(name, arguments, offset, size)

    def constant(self, node: ast.Constant) -> Constant:
        offset = self.offset(node)
        value = node.value
        if not isinstance(value, str | int | float | None):
            self.refuse(node)
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            raise ExpressionError("a string holds half of a surrogate pair, which is not a character", offset)
        return Constant(_number(value, offset), offset)

    def name(self, node: ast.Name) -> Node:
        if node.id in NAMED_CONSTANTS and self.offset(node) not in self.names:
            return Constant(NAMED_CONSTANTS[node.id], self.offset(node))
        return self.path(node)

    def path(self, node: ast.expr) -> Reference:
        """Segments are taken from the text, since Python normalises identifiers."""
        segments: list[str] = []
        start = self.offset(node)
        while isinstance(node, ast.Attribute):
            segments.append(self._segment(self._characters(node.value.end_col_offset), self._characters(node.end_col_offset)))
            node = node.value
        if not isinstance(node, ast.Name):
            raise ExpressionError("`.` is allowed only between the names of a path", start)
        segments.append(self._segment(start, self._characters(node.end_col_offset)))
        path = ".".join(reversed(segments))
        self.paths.add(path)
        return Reference(path, start)

    def _segment(self, start: int, end: int) -> str:
        text = self.source[start:end]
        name = text.lstrip(" .")
        if ")" in name:
            raise ExpressionError("a path is written without parentheses", start)
        plain = name.removesuffix(SPELT)
        return self.names.get(end - len(name), plain) + (ARRAY if name != plain else "")

    def binary(self, node: ast.BinOp) -> Node:
        name = OPERATORS.get(type(node.op)) or self.refuse(node)
        return self.apply(name, self.offset(node), self.node(node.left), self.node(node.right))

    def unary(self, node: ast.UnaryOp) -> Node:
        name = OPERATORS.get(type(node.op)) or self.refuse(node)
        operand = node.operand
        if name == "negate" and isinstance(operand, ast.Constant) and type(operand.value) in (int, float):
            return Constant(_number(-operand.value, self.offset(node)), self.offset(node))  # type: ignore[operator]
        return self.apply(name, self.offset(node), self.node(operand))

    def boolean(self, node: ast.BoolOp) -> Node:
        """`a and (b and c)`, and a chain among them, is one `and` of three."""
        name = OPERATORS[type(node.op)]
        parts = [self.node(value) for value in node.values]
        flat = [inner for part in parts for inner in (part.arguments if isinstance(part, Apply) and part.name == name else (part,))]
        return self.apply(name, self.offset(node), *flat)

    def compare(self, node: ast.Compare) -> Node:
        """`a < b < c` is `a < b and b < c`."""
        operands = [node.left, *node.comparators]
        links = [self.link(*link) for link in zip(operands, node.ops, operands[1:], strict=False)]
        return links[0] if len(links) == 1 else self.apply("and", self.offset(node), *links)

    def link(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Node:
        offset = self.offset(left)
        name = OPERATORS[type(operator)]
        operand = self.node(right)
        is_null = isinstance(operand, Constant) and operand.value is None
        if name == "is" and not is_null:
            raise ExpressionError("`is` can be used only with null", offset, "compare values with `==`")
        if name in ("==", "!=") and is_null:
            raise ExpressionError("a comparison with null is never true", offset, "write `is null` or `is not null`")
        made = self.apply("is_null", offset, self.node(left)) if name == "is" else self.apply(name, offset, self.node(left), operand)
        return self.apply("not", offset, made) if isinstance(operator, NEGATED) else made

    def conditional(self, node: ast.IfExp) -> Node:
        return self.apply("if else", self.offset(node), *map(self.node, (node.test, node.body, node.orelse)))

    def sequence(self, node: ast.List | ast.Tuple) -> Constant:
        items = tuple(self.node(item) for item in node.elts)
        if not items:
            raise ExpressionError("the list is empty, so nothing can be in it", self.offset(node))
        for item in items:
            if not isinstance(item, Constant) or item.value is None or isinstance(item.value, tuple):
                raise ExpressionError("a list can hold only constants, and not null", item.offset)
        return Constant(items, self.offset(node))

    def table(self, node: ast.Dict) -> Constant:
        keys, values = (tuple(self.entry(item, node) for item in items) for items in (node.keys, node.values))
        if not keys:
            raise ExpressionError("the table is empty, so nothing can be found in it", self.offset(node))
        for number, key in enumerate(keys):
            if any((type(key.value), key.value) == (type(other.value), other.value) for other in keys[:number]):
                raise ExpressionError("the table has this key twice", key.offset)
        return Constant(Table(keys, values), self.offset(node))

    def entry(self, node: ast.expr | None, table: ast.Dict) -> Constant:
        item = self.node(node) if node else self.refuse(table)
        if not isinstance(item, Constant) or item.value is None or isinstance(item.value, tuple | Table):
            raise ExpressionError("a table can hold only constants, and not null", item.offset)
        return item

    def call(self, node: ast.Call) -> Node:
        offset = self.offset(node)
        if not isinstance(node.func, ast.Name):
            raise ExpressionError("only a function can be called, by its name", offset, "write lower(x) instead of x.lower()")
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise ExpressionError(f"`{node.func.id}` takes its arguments by position only", offset)
        arguments = [self.node(argument) for argument in node.args]
        if node.func.id == "date" and len(arguments) == 1 and isinstance(arguments[0], Constant) and isinstance(arguments[0].value, str):
            return Constant(_moment(arguments[0].value, arguments[0].offset), offset)
        return self.apply(node.func.id, offset, *arguments)


CONVERSIONS: dict[type[ast.expr], Callable[[_AstReader, Any], Node]] = {
    ast.Constant: _AstReader.constant, ast.Name: _AstReader.name, ast.Attribute: _AstReader.path, ast.BinOp: _AstReader.binary,
    ast.UnaryOp: _AstReader.unary, ast.BoolOp: _AstReader.boolean, ast.Compare: _AstReader.compare, ast.IfExp: _AstReader.conditional,
    ast.List: _AstReader.sequence, ast.Tuple: _AstReader.sequence, ast.Dict: _AstReader.table, ast.Call: _AstReader.call,
}  # fmt: skip


def _depth(node: ast.AST) -> int:
    """Level by level, without recursion."""
    depth, level = 0, [node]
    while level:
        depth += 1
        level = [child for parent in level for child in ast.iter_child_nodes(parent)]
    return depth


def _number(value: object, offset: int) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value not in LONG:
        raise ExpressionError("a whole number must fit into 64 bits", offset)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise ExpressionError("a number must be in the range of a double", offset)
    return value


def _moment(text: str, offset: int) -> datetime:
    """ISO 8601; without an offset it is UTC. MongoDB keeps milliseconds."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise ExpressionError("this is not a date", offset, 'write date("2024-01-31") or date("2024-01-31T10:15:00Z")') from None
    if moment.microsecond % 1000:
        raise ExpressionError("a date cannot be finer than milliseconds", offset)
    return moment
