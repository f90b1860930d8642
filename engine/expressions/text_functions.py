"""The functions of text, one row each: of the whole text, of its parts, of several texts, of tables of codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from engine.expressions.operation import DTYPES, Operation, Overload, Unsupported, each, form, operation
from engine.expressions.shapes import mongo_let, mongo_operator, polars_let
from engine.expressions.syntax import Table
from engine.values.transforms import TRANSFORMS
from engine.values.transforms.text import WHITE_SPACE
from engine.values.types import Options, type_table

Builder = Callable[..., Any]
ASCII_CASE = Unsupported("MongoDB changes the case of ASCII letters only")
REST = 2**31 - 1  # more characters than any text has

# Of the whole text


def _length(text: object) -> object:
    return {"$strLenCP": {"$ifNull": [text, ""]}}


def _endswith(text: object, end: object) -> object:
    start = {"$max": [0, {"$subtract": [_length(text), _length(end)]}]}
    return {"$eq": [{"$substrCP": [text, start, _length(end)]}, end]}


def _stripped(text: object) -> object:
    return {"$trim": {"input": text, "chars": WHITE_SPACE}}


def _squished(text: object) -> object:
    """Every white space becomes a blank, and the words between blanks are joined by one."""
    blanks = {"input": list(WHITE_SPACE.replace(" ", "")), "initialValue": text,
              "in": {"$replaceAll": {"input": "$$value", "find": "$$this", "replacement": " "}}}  # fmt: skip
    words = {"$filter": {"input": {"$split": [{"$reduce": blanks}, " "]}, "cond": {"$ne": ["$$this", ""]}}}
    return {"$ifNull": [_joined(words, " "), ""]}


def _squish(text: pl.Expr) -> pl.Expr:
    return TRANSFORMS["squish"].apply(text)


def _padded(text: object, length: int, fill: str) -> object:
    return {"$concat": [{"$substrCP": [fill * length, 0, {"$max": [0, {"$subtract": [length, _length(text)]}]}]}, text]}


OF_WHOLE_TEXT = (
    operation(
        "len", "len(text)", "Number of characters (code points).",
        [form("string -> int", lambda a: a.str.len_chars().cast(pl.Int32), _length)],
        ("len(a)", {"a": "caf\u00e9"}, 4), ("len(a)", {"a": None}, None),
    ),
    operation(
        "lower", "lower(text)", "The text in lower case.",
        [form("string -> string", lambda a: a.str.to_lowercase(), ASCII_CASE)],
        ("lower(a)", {"a": "\u00c9T\u00c9"}, "\u00e9t\u00e9"),
    ),
    operation(
        "upper", "upper(text)", "The text in upper case.",
        [form("string -> string", lambda a: a.str.to_uppercase(), ASCII_CASE)],
        ("upper(a)", {"a": "abc"}, "ABC"),
    ),
    operation(
        "strip", "strip(text)", "The text without white space at its ends, as the transform `strip`.",
        [form("string -> string", lambda a: a.str.strip_chars(WHITE_SPACE), _stripped)],
        ("strip(a)", {"a": "  a b\n"}, "a b"), ("strip(a)", {"a": "\ufeffa\u200b"}, "a"),
    ),
    operation(
        "squish", "squish(text)", "Stripped, each run of white space inside replaced by one blank, as the transform `squish`.",
        [form("string -> string", _squish, _squished)],
        ("squish(a)", {"a": " Bobby \t JacksOn "}, "Bobby JacksOn"),
    ),
    operation(
        "startswith", "startswith(text, start)", "Whether the text starts with `start`.",
        [form("string, string -> bool", lambda a, b: a.str.starts_with(b), lambda a, b: {"$eq": [{"$substrCP": [a, 0, _length(b)]}, b]})],
        ("startswith(a, 'Dr. ')", {"a": "Dr. No"}, True),
    ),
    operation(
        "endswith", "endswith(text, end)", "Whether the text ends with `end`.",
        [form("string, string -> bool", lambda a, b: a.str.ends_with(b), _endswith)],
        ("endswith(a, '.csv')", {"a": "x.csv"}, True), ("endswith(a, 'abc')", {"a": "c"}, False),
    ),
    operation(
        "contains", "contains(text, part)", "Whether the part occurs in the text.",
        [form("string, string -> bool", lambda a, b: a.str.contains(b, literal=True), lambda a, b: {"$gte": [{"$indexOfCP": [a, b]}, 0]})],
        ("contains(a, '.')", {"a": "a.b"}, True),
    ),
    operation(
        "matches", 'matches(text, r"pattern")',
        "Whether the pattern is found in the text; `^` and `$` anchor it to the ends; \\d \\w \\s are ASCII.",
        [form("string, pattern -> bool", lambda a, b: a.str.contains(b), lambda a, b: {"$regexMatch": {"input": a, "regex": b}})],
        (r"matches(a, r'^\d{3}$')", {"a": "123"}, True), (r"matches(a, r'^\d{3}$')", {"a": "123\n"}, False),
    ),
    operation(
        "replace", "replace(text, part, by)", "The text with every occurrence of `part` replaced; both are constants.",
        [form("string, separator, text -> string", lambda a, part, by: a.str.replace_all(part, by, literal=True),
              lambda a, part, by: {"$replaceAll": {"input": a, "find": part, "replacement": by}})],
        ("replace(a, ',', '')", {"a": "1,234,5"}, "12345"),
    ),
    operation(
        "pad", "pad(text, length, fill)", "The text, filled on its left up to `length` characters (at most 1000); `fill` is one character.",
        [form("string, width, character -> string", lambda a, length, fill: a.str.pad_start(length, fill), _padded)],
        ("pad(a, 5, '0')", {"a": "501"}, "00501"), ("pad(a, 2, '0')", {"a": "501"}, "501"),
    ),
)  # fmt: skip

# Of parts


def _joined(texts: object, separator: object) -> object:
    """The texts of an array, null where there are none."""
    both = {"$concat": ["$$value", separator, "$$this"]}
    joined = {"$cond": [{"$eq": ["$$value", None]}, "$$this", both]}
    return {"$reduce": {"input": texts, "initialValue": None, "in": joined}}


def _part(text: pl.Expr, separator: str, number: int) -> pl.Expr:
    return text.str.split(separator).list.get(number - 1 if number > 0 else number, null_on_oob=True)


def _mongo_part(text: object, separator: object, number: int) -> object:
    return {"$arrayElemAt": [{"$split": [text, separator]}, number - 1 if number > 0 else number]}


def _side(name: str, summary: str, polars: Builder, mongo: Builder, result: str) -> Operation:
    """The text on one side of a separator; `polars` and `mongo` make it of the parts and the separator, where there are several parts."""

    def polars_side(text: pl.Expr, separator: str) -> pl.Expr:
        return polars_let(lambda parts: pl.when(parts.list.len() > 1).then(polars(parts, separator)), text.str.split(separator))

    def mongo_side(text: object, separator: object) -> object:
        found = {"$gte": [{"$indexOfCP": [text, separator]}, 0]}
        return {"$cond": [found, mongo_let(lambda parts: mongo(parts, separator), {"$split": [text, separator]}, prefix="r"), None]}

    return operation(
        name, f"{name}(text, separator)", f"{summary} of a constant text; null where it does not occur.",
        [form("string, separator -> string", polars_side, mongo_side)],
        (f"{name}(a, ' ')", {"a": "Anna Maria Berg"}, result), (f"{name}(a, ', ')", {"a": "Berg"}, None),
    )  # fmt: skip


def _without_last(parts: object) -> object:
    return {"$slice": [parts, {"$max": [1, {"$subtract": [{"$size": {"$ifNull": [parts, []]}}, 1]}]}]}


def _right(text: object, length: int) -> object:
    return {"$substrCP": [text, {"$max": [0, {"$subtract": [_length(text), length]}]}, length]}


OF_PARTS = (
    operation(
        "slice", "slice(text, start), slice(text, start, length)",
        "`length` characters, or all, from position `start`, which counts from 0; both are constants.",
        [form("string, count, count -> string", lambda a, start, length: a.str.slice(start, length), mongo_operator("$substrCP")),
         form("string, count -> string", lambda a, start: a.str.slice(start), lambda a, start: {"$substrCP": [a, start, REST]})],
        ("slice(a, 0, 1)", {"a": "Bob"}, "B"), ("slice(a, 5, 2)", {"a": "Bob"}, ""), ("slice(a, 1)", {"a": "Bob"}, "ob"),
    ),
    operation(
        "right", "right(text, length)", "The last `length` characters, a constant.",
        [form("string, count -> string", lambda a, length: a.str.tail(length), _right)],
        ("right(a, 2)", {"a": "Bob"}, "ob"), ("right(a, 5)", {"a": "Bob"}, "Bob"),
    ),
    operation(
        "split_part", "split_part(text, separator, number)",
        "Part `number` of the text between separators, counted from 1, or from the end from -1; both are constants. Null where there is "
        "none; a text without the separator is one part.",
        [form("string, separator, index -> string", _part, _mongo_part)],
        ("split_part(a, '/', 2)", {"a": "x/y/z"}, "y"), ("split_part(a, ' ', -1)", {"a": "Anna Maria Berg"}, "Berg"),
        ("split_part(a, ' ', 2)", {"a": "Anna"}, None),
    ),
    _side("substring_before", "The text before the first occurrence", lambda parts, _: parts.list.get(0),
          lambda parts, _: {"$arrayElemAt": [parts, 0]}, "Anna"),
    _side("substring_after", "The text after the first occurrence", lambda parts, separator: parts.list.slice(1).list.join(separator),
          lambda parts, separator: _joined({"$slice": [parts, 1, REST]}, separator), "Maria Berg"),
    _side("substring_before_last", "The text before the last occurrence",
          lambda parts, separator: parts.list.slice(0, parts.list.len() - 1).list.join(separator),
          lambda parts, separator: _joined(_without_last(parts), separator), "Anna Maria"),
    _side("substring_after_last", "The text after the last occurrence", lambda parts, _: parts.list.get(-1),
          lambda parts, _: {"$arrayElemAt": [parts, -1]}, "Berg"),
)  # fmt: skip

# Of several texts


def _concat_ws(separator: str, *texts: pl.Expr) -> pl.Expr:
    def joined(*texts: pl.Expr) -> pl.Expr:
        some = pl.any_horizontal(*(text.is_not_null() for text in texts))
        return pl.when(some).then(pl.concat_str(texts, separator=separator, ignore_nulls=True))

    return polars_let(joined, *texts)


def _mongo_concat_ws(separator: object, *texts: object) -> object:
    return _joined({"$filter": {"input": list(texts), "cond": {"$gt": ["$$this", None]}}}, separator)


OF_TEXTS = (
    operation(
        "concat", "concat(a, b, …)", "The texts joined, one after the other.",
        [form("string... -> string", lambda *values: pl.concat_str(values), mongo_operator("$concat"), nulls=True)],
        ("concat(a, ' ', b)", {"a": "x", "b": "y"}, "x y"), ("concat(a, null)", {"a": "x"}, None),
    ),
    operation(
        "concat_ws", "concat_ws(separator, a, b, …)", "The texts that are not null, joined by a constant separator; null if none is.",
        [form("separator, string... -> string", _concat_ws, _mongo_concat_ws, nulls=True)],
        ("concat_ws(' ', a, b, 'Z')", {"a": "X", "b": None}, "X Z"), ("concat_ws(' ', a)", {"a": None}, None),
    ),
)  # fmt: skip

# Of codes: a table of constants


def _mapped(kind: str) -> Builder:
    def build(code: pl.Expr, table: Table, *otherwise: pl.Expr) -> pl.Expr:
        rest = otherwise[0] if otherwise else pl.lit(None, dtype=DTYPES[kind])
        replaced: Builder = lambda code, rest: code.replace_strict(  # noqa: E731
            table.keys, table.values, default=rest, return_dtype=DTYPES[kind]
        )
        return polars_let(lambda code, rest: pl.when(code.is_not_null()).then(replaced(code, rest)), code, rest)

    return build


def _mongo_mapped(code: object, table: Table, otherwise: object = None) -> object:
    def found(code: object, otherwise: object) -> object:
        place = {"$indexOfArray": [list(table.keys), code]}
        known = mongo_let(lambda place: {"$cond": [{"$gte": [place, 0]}, {"$arrayElemAt": [list(table.values), place]}, otherwise]},
                          place, prefix="r")  # fmt: skip
        return {"$cond": [{"$lte": [code, None]}, None, known]}

    return mongo_let(found, code, otherwise)


def _tables(codes: tuple[str, ...]) -> Iterator[Overload]:
    for code in codes:
        for kind in ("int", "long", "double", "string", "bool", "date"):
            takes = f"{code}, table of {code} to {kind}"
            yield form(f"{takes} -> {kind}", _mapped(kind), _mongo_mapped, nulls=True)
            yield form(f"{takes}, {kind} -> {kind}", _mapped(kind), _mongo_mapped, nulls=True)


OF_CODES = (
    operation(
        "map", "map(code, {code: value, …}), map(code, {code: value, …}, otherwise)",
        "The value of the code in a table of constants, as the key `map`; null, or `otherwise`, for a code that is not in it.",
        _tables(("string", "long")),
        ("map(a, {'A': 'active', 'C': 'closed'})", {"a": "C"}, "closed"), ("map(a, {1: 'low', 2: 'high'})", {"a": 3}, None),
        ("map(a, {'A': 'active'}, a)", {"a": "X"}, "X"),
    ),
)  # fmt: skip

# To text

TO_TEXT = (
    operation(
        "string", "string(x)", "A whole number or bool as text.",
        each(("int", "long", "bool"), "T -> string", lambda a: a.cast(pl.String), lambda a: {"$toString": a}, nulls=True),
        ("string(a)", {"a": 42}, "42"), ("string(a)", {"a": True}, "true"),
    ),
)  # fmt: skip
OF_TEXT = (*OF_WHOLE_TEXT, *OF_PARTS, *OF_TEXTS, *OF_CODES, *TO_TEXT)


def from_text(name: str, unless: str = "") -> Overload:
    """Text as a number of this type, read as a cell is; null where it has the pattern `unless`."""
    row = type_table[name]
    known = row.conversions["string"]

    def polars(text: pl.Expr) -> pl.Expr:
        return row.comparable(row.parse(pl.when(~text.str.contains(unless)).then(text) if unless else text, Options()))

    def mongo(text: object) -> object:
        value = known.build(text, Options())
        return {"$cond": [{"$regexMatch": {"input": text, "regex": unless}}, None, value]} if unless else value

    return form(f"string -> {name}", polars, mongo)
