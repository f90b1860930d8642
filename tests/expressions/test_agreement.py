# ruff: noqa: DTZ001, E501, PT017 — dates without a zone, as the documents hold them; tables of cases; laws over errors
"""Polars and the genuine mongod give every expression the same value, over every row."""

import os
from datetime import datetime
from decimal import Decimal

import polars as pl
from bson import Binary, Decimal128, Int64, ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.database import Database

from engine.expressions import FUNCTIONS, OPERATORS, ExpressionError, Unsupported, parse, typed
from engine.values.types import type_table

EXAMPLES = int(os.environ.get("EXPRESSION_EXAMPLES", "12"))  # batches; thousands while developing
NOW = datetime(2026, 11, 23, 5, 0, 0, 123000)
TYPES = {
    f"{name}{number}": name
    for name in ("string", "int", "long", "double", "decimal", "bool", "date", "objectId", "uuid", "binData")
    for number in (1, 2)
}
BINARY = {"+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or"}
PATTERNS = [r"^a", r"a$", r"^\w*\s?$", r"\d{2,}", "^[^a-c\\n]+$", "(?:ab|b)?c", ".", "\U0001f600$", r"\bb", "é|É"]

FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%Y-%m-%dT%H:%M:%S"]
STYLES = ["%Y-%m", "%-d %B %y $%%", "%A %a %j %b", "%H:%M:%S.%f %-H", "%I.%p%-I%m%d%-m", ""]
ODD_TEXTS = [
    "a a", " a  b ", "aaa", "aaaaa", "--", "a--b--", "\ufeff\u200b", "e\u0301\u0301", "2024-02-29", "2023-02-29", "0000-01-01", "31/12/9999",
    "2024-02-29T23:59:59", "+7", "-0", "1e5", "-.5", "1e-300", "9" * 400, "9223372036854775808", "ab " * 400, "\x1c \x1f", "\u180e",
]  # fmt: skip

texts = st.one_of(
    st.sampled_from(ODD_TEXTS),
    st.sampled_from(
        [
            "",
            " ",
            "a",
            "A",
            "ab",
            "abc",
            "$a",
            "a\n",
            "\n",
            "é",
            "E\u0301",
            "\U0001f600",
            "a\U0001f600b",
            "12",
            "123",
            "\u00a0x\u2028",
            "a\0b",
            "\0",
        ]
    ),
    st.text("abcB1$ \n\t\u00e9\u0130\u2003\U0001f600\uffff\x85", max_size=6),
    st.text("a -\u0301\ufeff\u200b\x0b\u3000\x1c$0", max_size=8),
)
CONSTANTS = {
    "index": st.sampled_from([1, -1, 2, -2, 3, 2**31 - 1, -(2**31)]),
    "width": st.sampled_from([1, 2, 5, 1000]),
    "separator": st.sampled_from([" ", "a", "ab", "aa", "b\n", "$", "$a", "\u0301", "\U0001f600", "\0", "-", "--"]),
    "text": texts,
    "character": st.sampled_from(["0", "$", "\u00e9", "\U0001f600", "\u0301"]),
    "format": st.sampled_from(FORMATS),
    "style": st.sampled_from(STYLES),
}
ints = st.one_of(st.integers(-3, 3), st.integers(-(2**31), 2**31 - 1), st.sampled_from([-(2**31), 2**31 - 1]))
longs = st.one_of(
    st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1, 2**62, 2**53 + 1, 3037000500, -(2**31) - 1])
)
doubles = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 1e308, -1e308, 5e-324, 2.0**63, -(2.0**63), 2.0**31, -2147483648.5, 2.0**53, 0.1]
    ),
)
decimals = st.one_of(
    st.decimals(-(10**18) + 1, 10**18 - 1, places=2),
    st.decimals(-100, 100, places=16),
    st.sampled_from([Decimal(0), Decimal("2.5"), Decimal(10**18 - 1)]),
)
dates = st.one_of(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)).map(lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000)),
    st.sampled_from([datetime(2000, 2, 29), datetime(2001, 2, 28), datetime(2001, 3, 1), datetime(1969, 12, 31, 23, 59, 59, 999000), datetime(2040, 1, 1), datetime(1850, 5, 5)]),
    st.datetimes(datetime(2023, 1, 1), datetime(2024, 12, 31)).map(lambda d: d.replace(microsecond=0)),
)  # fmt: skip
blobs = st.sampled_from([bytes(12), b"\x01" * 12, b"\xff" * 12])
VALUES = {
    "string": texts, "int": ints, "long": longs, "double": doubles, "decimal": decimals, "bool": st.booleans(), "date": dates,
    "objectId": blobs, "uuid": blobs.map(lambda b: b + bytes(4)), "binData": st.sampled_from([b"", b"\0", b"ab"]),
}  # fmt: skip
rows = st.fixed_dictionaries({path: st.one_of(VALUES[kind], VALUES[kind], st.none()) for path, kind in TYPES.items()})
TO_MONGO = {"long": Int64, "decimal": Decimal128, "objectId": ObjectId, "uuid": lambda value: Binary(value, 4)}


def literal(kind: str) -> st.SearchStrategy[str]:
    """Constants as a user writes them."""
    if kind == "date":
        return dates.map(lambda value: f'date("{value.isoformat()}")')
    if kind == "decimal":
        return st.sampled_from(["decimal(1)", "decimal(0.1)", "decimal(-2.5)"])
    return {"string": texts, "int": ints, "long": longs, "double": doubles, "bool": st.booleans()}.get(kind, st.none()).map(repr)


def leaf(kind: str) -> st.SearchStrategy[str]:
    match kind:
        case "duration":
            return st.just("(date1 - date2)")
        case "pattern":
            return st.sampled_from(PATTERNS).map(repr)
        case "count" | "places":
            return st.integers(0, 4).map(str)
    if kind in CONSTANTS:
        return CONSTANTS[kind].map(repr)
    if kind.startswith("table of "):
        key, _, value = kind.removeprefix("table of ").partition(" to ")
        return st.lists(st.tuples(literal(key), literal(value)), min_size=1, max_size=4, unique_by=lambda pair: pair[0]).map(
            lambda pairs: f"{{{', '.join(map(': '.join, pairs))}}}"
        )
    if kind.startswith("list of "):
        item = kind.removeprefix("list of ")
        return st.lists(literal("double" if item == "decimal" else item), min_size=1, max_size=3).map(lambda items: f"[{', '.join(items)}]")
    paths = st.sampled_from([path for path, name in TYPES.items() if name == kind])
    return paths if kind in ("objectId", "uuid", "binData") else st.one_of(paths, literal(kind))


def written(name: str, arguments: list[str]) -> str:
    if name in BINARY:
        return f"({f' {name} '.join(arguments)})"
    if name == "if else":
        return f"({arguments[1]} if {arguments[0]} else {arguments[2]})"
    return {"negate": "(-{})", "not": "(not {})"}.get(name, name + "({})").format(", ".join(arguments))


@st.composite
def expressions(draw, kind: str, depth: int) -> str:
    forms = [
        (operation.name, form)
        for table in (OPERATORS, FUNCTIONS)
        for operation in table.values()
        for form in operation.overloads
        if form.result_type == kind
    ]
    forms = [(name, form) for name, form in forms if not isinstance(form.mongo, Unsupported)]
    if depth == 0 or not forms or draw(st.integers(0, 5)) == 0:
        return draw(leaf(kind))
    name, form = draw(st.sampled_from(forms))
    takes = form.parameters(len(form.parameter_types) + (1 if form.parameter_types[-1].endswith("...") else 0))
    return written(name, [draw(expressions(one, depth - 1)) for one in takes])


batch = st.lists(
    st.sampled_from(["bool", "string", "int", "long", "double", "decimal", "date", "duration"]).flatmap(lambda kind: expressions(kind, 3)),
    min_size=15,
    max_size=30,
)


def frame(documents: list[dict]) -> pl.DataFrame:
    """Columns as the plan makes them."""
    columns = {}
    for path, kind in TYPES.items():
        values = [format(value, "f") if isinstance(value := document[path], Decimal) else value for document in documents]
        columns[path] = pl.Series(values, dtype=type_table[kind].dtype if kind in type_table else pl.Binary)
    return pl.DataFrame(columns)


def stored(document: dict, number: int) -> dict:
    """Every second null is missing."""
    kept = {path: value for position, (path, value) in enumerate(document.items()) if value is not None or (position + number) % 2}
    return {"_id": number} | {
        path: TO_MONGO.get(TYPES[path], lambda same: same)(value) if value is not None else None for path, value in kept.items()
    }


def plain(value: object, kind: str) -> object:
    """A value of either side for comparison, the BSON type of a whole number checked on the way."""
    if value is None:
        return None
    if kind == "decimal":
        return value.to_decimal() if isinstance(value, Decimal128) else Decimal(value)
    return bytes(value.binary if isinstance(value, ObjectId) else value) if kind in ("objectId", "uuid", "binData") else value


def refused(text: str) -> bool:
    """What only the compiler can see: a comparison with null, a constant that does not fit a decimal beside it."""
    try:
        typed(parse(text), TYPES)
    except ExpressionError as error:
        assert "decimal" in error.message or "null" in error.message, text
        return True
    return False


def disagreements(database: Database, texts: list[str], documents: list[dict]) -> list[tuple]:
    """Each expression's value and verdict by polars and by mongod, where they differ."""
    database.rows.delete_many({})
    database.rows.insert_many([stored(document, number) for number, document in enumerate(documents)])
    texts = [text for text in texts if not refused(text)] or ["1"]
    compiled = [typed(parse(text), TYPES) for text in texts]
    checks = [number for number, one in enumerate(compiled) if one.type == "bool"]
    mongo = {f"e{number}": one.to_mongo(NOW) for number, one in enumerate(compiled)}
    mongo |= {f"c{number}": compiled[number].check_mongo()["$expr"] for number in checks if "now()" not in texts[number]}
    polars = {f"e{number}": one.to_polars(NOW) for number, one in enumerate(compiled)}
    polars |= {f"c{number}": compiled[number].check_polars(NOW) for number in checks}
    answers = list(database.rows.aggregate([{"$sort": {"_id": 1}}, {"$project": mongo}]))
    ours = frame(documents).with_columns(**polars)
    found = []
    for name in mongo:
        one = compiled[int(name[1:])]
        theirs = [plain(answer.get(name), one.type) for answer in answers]
        same = [plain(value, one.type) for value in ours[name].to_list()] == theirs
        whole = {"long": Int64, "int": int}.get(one.type, object)
        if not same or any(value is not None and type(value) is not whole and whole is not object for value in theirs):
            found.append((name, texts[int(name[1:])], ours[name].to_list(), theirs))
    return found


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=batch, documents=st.lists(rows, min_size=8, max_size=15))
def test_polars_and_mongod_agree(database: Database, texts: list[str], documents: list[dict]) -> None:
    assert disagreements(database, texts, documents) == []


SEPARATORS = ["' '", "'a'", "'ab'", "'aa'", "'$'", "'\\u0301'", "'\\0'", "'--'"]
OF_PARTS = [
    "substring_before(string1, {})", "substring_after(string1, {})", "substring_before_last(string1, {})", "substring_after_last(string1, {})",
    "split_part(string1, {}, 1)", "split_part(string1, {}, -1)", "split_part(string1, {}, 2)", "split_part(string1, {}, -2147483648)",
    "replace(string1, {}, '$x')",
]  # fmt: skip
OF_TEXT = [
    "squish(string1)", "strip(string1)", "right(string1, 2)", "slice(string1, 1)", "pad(string1, 7, '\u0301')", "int(string1)", "long(string1)",
    "double(string1)", "decimal(string1)", "strptime(string1, '%Y-%m-%d')", "strptime(string1, '%d/%m/%Y')",
    "strftime(date1, '%I:%M %p %A %B %y %j.%f')", "concat_ws(' ', string1, string2)", "concat_ws('-', string2, string1, null)",
    "map(string1, {'a': 1, '$a': 2, '': 3}, long1)", "map(string1, {'a': '$a', '$a': 'x', '': 'y'}, string1)",
    "map(int1, {2: date('2024-01-01')})", "map(long1, {2: true})",
    "concat_ws(' ', split_part(squish(string1), ' ', 1), split_part(squish(string1), ' ', -1))",
]  # fmt: skip


def test_odd_texts(database: Database) -> None:
    """Empty, blank, combining, beyond the BMP, very long, with separators at the ends; null and missing."""
    texts = [*ODD_TEXTS, "", " ", "a", "abab", "\0", "a\0b", "Anna Maria Berg", "\U0001f600 \u0301", "$a", "a" * 5000, None, None]
    rest = dict.fromkeys(TYPES) | {"date1": datetime(2024, 1, 5, 13, 4, 5, 6000), "int1": 2, "long1": 3, "string2": "Q"}
    expressions = [form.format(separator) for separator in SEPARATORS for form in OF_PARTS] + OF_TEXT
    assert disagreements(database, expressions, [rest | {"string1": text} for text in texts]) == []


def test_formats_that_mongod_lacks() -> None:
    found = typed(parse("strptime(string1, '%d %b %Y')"), TYPES).to_mongo()
    assert found == Unsupported("MongoDB does not read dates written as %d %b %Y")
