"""What Python's parser has against an expression, in the words of the expression language."""

from __future__ import annotations

import ast
import keyword
import re

INSTEAD = {"=": "==", "===": "==", "<>": "!=", "!==": "!=", "&": "and", "&&": "and", "|": "or", "||": "or", "!": "not"}
"""Operators of other languages, and what they are called here."""
CONSTRUCTS: dict[type[ast.AST], str] = {
    ast.ListComp: "a list comprehension", ast.GeneratorExp: "a comprehension", ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension", ast.Lambda: "lambda", ast.JoinedStr: "an f-string", ast.Subscript: "[…] behind a name",
    ast.Dict: "{…}", ast.Set: "{…}", ast.NamedExpr: "`:=`", ast.Starred: "`*` before a name", ast.Constant: "a constant of this kind",
    ast.Pow: "`**`", ast.MatMult: "`@`", ast.Invert: "`~`", ast.UAdd: "`+` before a value", ast.BitAnd: "`&`", ast.BitOr: "`|`",
    ast.BitXor: "`^`", ast.LShift: "`<<`", ast.RShift: "`>>`",
}  # fmt: skip
"""What Python has and the language has not."""
SYMBOLS = re.compile(r"[&|!=<>]+")
TOKEN = re.compile(r"`[^`]*`|\w+|[&|!=<>:]+|.", re.DOTALL)
WORDS = ("and", "or", "not", "in", "is", "if", "else")
UNFINISHED = re.compile(rf"([-+*/%<>=!&|.]+|\b(?:{'|'.join(WORDS)}))$")
BRACKETS = {"(": ")", "[": "]", "{": "}"}


def explain(error: SyntaxError, source: str, text: str) -> tuple[str, int, str]:
    """Message, offset and hint for an error of Python's parser in `source`; `text` is what the user wrote for it, as long as that."""
    offset = max((error.offset or 1) - 1, 0)
    if "escape" in error.msg:
        return f"not an expression: {error.msg}", offset, 'write r"…" where a backslash is meant literally'
    if reserved := next(filter(keyword.iskeyword, re.findall(r"\.\s*(\w+)", source)), ""):
        return "not an expression: invalid syntax", offset, f"write `{reserved}` between backticks"
    if error.msg.endswith("was never closed"):
        return f"not an expression: the `{source[offset]}` is not closed", offset, f"add `{BRACKETS[source[offset]]}`"
    if error.msg != "invalid syntax":
        return f"not an expression: {error.msg.removesuffix(' (detected at line 1)')}", offset, ""
    return _invalid(offset, source.rstrip(), text)


def _invalid(offset: int, source: str, text: str) -> tuple[str, int, str]:
    """Where Python says no more than `invalid syntax`, of which it gives the token; offset 0 is the end as well."""
    symbols = next((found for found in SYMBOLS.finditer(source) if found.start() <= offset < found.end()), None)
    if symbols and symbols[0] in INSTEAD:
        return f"not an expression: `{symbols[0]}` is not an operator", symbols.start(), f"write `{INSTEAD[symbols[0]]}`"
    last = UNFINISHED.search(source)
    if last and (offset == 0 or offset >= last.start()):
        return f"not an expression: it ends after `{last[0]}`", len(source), "write what comes next"
    found = TOKEN.match(text, offset)
    token = found[0].strip("`") if found else text
    hint = f"write `{token}` between backticks, if it is a name" if keyword.iskeyword(token) and token not in WORDS else ""
    return f"not an expression: unexpected `{token}`", offset, hint


def refused(node: ast.AST) -> tuple[str, str]:
    """What Python understands and the language has not: message and hint."""
    operator: ast.AST = getattr(node, "op", node)
    name = CONSTRUCTS.get(type(operator), "this")
    other = INSTEAD.get(name.strip("`"), "")
    return f"{name} is not part of the expression language", f"write `{other}`" if other else ""
