# ruff: noqa: E501, PT017 — dates without a zone, as the documents hold them; tables of cases; laws over errors
"""What can be written, what it gives, and what is said about the rest."""

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from bson import json_util
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.expressions import FUNCTIONS, OPERATORS, Example, ExpressionError, Typed, Unsupported, parse, typed
from engine.values.tables import table

NOW = datetime(2026, 11, 23, tzinfo=UTC)
KINDS = {str: "string", bool: "bool", float: "double", datetime: "date", Decimal: "decimal", type(None): "string"}
DTYPES = {
    "string": pl.String,
    "bool": pl.Boolean,
    "double": pl.Float64,
    "date": pl.Datetime("ms"),
    "int": pl.Int32,
    "long": pl.Int64,
    "decimal": pl.String,
}
TYPES = {
    "stay.in": "date",
    "stay.out": "date",
    "age": "int",
    "Blood Type": "string",
    "price": "decimal",
    "cost": "double",
    "name": "string",
    "ok": "bool",
}
EXAMPLES = [pytest.param(one, id=one.text) for table in (OPERATORS, FUNCTIONS) for row in table.values() for one in row.examples]


def _kind(value: object) -> str:
    return ("int" if abs(value) < 2**31 else "long") if type(value) is int else KINDS[type(value)]


def _value(one: Typed, values: dict[str, object]) -> object:
    columns = {path: pl.Series([str(v) if isinstance(v, Decimal) else v], dtype=DTYPES[_kind(v)]) for path, v in values.items()}
    value = pl.DataFrame({"": [0], **columns}).select(one.to_polars(NOW)).item()
    return Decimal(value) if one.type == "decimal" and value is not None else value


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(example: Example) -> None:
    one = typed(parse(example.text), {path: _kind(value) for path, value in example.values.items()})
    found = _value(one, dict(example.values))
    assert found == example.result
    assert type(found) is type(example.result)


def test_every_row_has_an_example() -> None:
    assert [row.name for table in (OPERATORS, FUNCTIONS) for row in table.values() if not row.examples or not row.summary] == []


def test_a_name_enters_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        table("function", [*FUNCTIONS.values(), FUNCTIONS["len"]])


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("stay.ot > stay.out", 0, "did you mean `stay.out`"), ("age > 1 and lenn(name) > 2", 12, "did you mean `len`"),
        ("stay.in < stay.out", 5, "write `in` between"), ("stay.out > '2024-01-01'", 0, 'date("2024-01-31")'), ("age + name", 0, "does not take int and string"), ("len(name, name)", 0, "2 arguments"),
        ("price * cost", 0, "cannot be combined"), ("name == null", 0, "is null"), ("name.lower()", 0, "lower(x)"), ("lambda: 1", 0, "lambda is not part"),
        ("[x for x in y]", 0, "a list comprehension"), ("f'{age}'", 0, "an f-string"), ("b'x' == name", 0, "a constant of this kind"), ("age := 1", 4, "not an expression"),
        ("", 0, "empty"), ("  age +", 7, "ends after `+`"), ("  age + ", 7, "ends after `+`"), ("age = 1", 4, "write `==`"), ("age > 1 && age", 8, "write `and`"),
        ("!flag", 0, "write `not`"), ("age age", 4, "unexpected `age`"), ("class > 1", 0, "write `class` between"), ("age ** 2", 0, "`**` is not part"), ("age > 1 & (age < 2)", 6, "write `and`"), ("`Blood Type` `Blood Type`", 13, "unexpected `Blood Type`"), ("(age", 0, "add `)`"), ("`Blood", 0, "second `"), ("age # old", 4, "comments"), (r"name == '\d'", 8, 'r"…"'),
        ("age) + (age", 3, "unmatched"), ("9223372036854775808 > age", 0, "64 bits"), ("1e999 > cost", 0, "range of a double"),
        ("date('2024-13-01') > stay.out", 5, "not a date"), ("age in [1, null]", 11, "only constants"), ("age in []", 7, "list is empty"),
        ("concat(*name)", 0, "by position"), ("matches(name, '(?=a)')", 0, "look ahead"), ("price > 0.12345678901234567", 0, "16 after"),
        ("(age).x", 4, "without parentheses"), ("'\ud800' == name", 0, "characters"), ("'\\ud800' == name", 0, "surrogate"), ("[1, 2]", 0, "a list alone"), ("split_part(name, '', 1)", 0, "not empty"), ("split_part(name, ' ', 0)", 0, "other than 0"),
        ("strptime(name, '%Y')", 0, "lacks year, month or day"), ("strftime(stay.out, '%Q')", 0, "directives of a format"), ("map(name, {})", 10, "table is empty"),
        ("map(name, {'a': 1, 'a': 2})", 19, "twice"), ("map(name, {'a': null})", 16, "only constants"), ("map(name, {**name})", 10, "not part"), ("{'a': 1}", 0, "a table alone"),
        ("map(name, {1: 2})", 0, "write map(code"), ("pad(name, 1001, '0')", 0, "1 to 1000"), ("split_part(name, name, 1)", 0, "does not take"),
        ("age\0", 0, "not an expression"), ("é.age > `Blood Tpe`", 0, "unknown path"),
    ],
)  # fmt: skip
def test_refused(text: str, offset: int, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        typed(parse(text), TYPES)
    assert words in str(caught.value)
    assert abs(caught.value.offset - offset) <= 1


@pytest.mark.parametrize(
    "text", ["(" * 5000, "-" * 9000 + "1", "not " * 2400 + "ok", "a" + ".a" * 4900, "1" + "+1" * 4900, "[" * 4000, "9" * 9000, "x" * 10_001]
)
def test_limits_end_in_an_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize("operand", ["age", "cost", "price", "name"])
def test_long_sums_compile(operand: str) -> None:
    one = typed(parse(" + ".join([operand] * 95)), TYPES)
    assert isinstance(one.to_mongo(), Unsupported)  # MongoDB has 200 levels of nesting
    frame = pl.DataFrame({"age": [1], "cost": [1.0], "price": ["1"], "name": ["1"]}, schema_overrides={"age": pl.Int32})
    assert str(frame.select(one.to_polars()).item())[:2] in ("95", "11")


def test_a_chain_cannot_explode() -> None:
    text = "age"
    for _ in range(14):
        text = f"(1 if 0 <= {text} <= 5 else 2)"
    with pytest.raises(ExpressionError, match="parts"):
        parse(text)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from(
                [
                    "age",
                    "name",
                    ".",
                    "(",
                    ")",
                    "[",
                    "]",
                    ",",
                    "+",
                    "-",
                    "in",
                    "is",
                    "not",
                    "and",
                    "null",
                    "`",
                    '"',
                    "'",
                    "1",
                    "if",
                    "else",
                    "len",
                ]
            ),
            max_size=12,
        ).map(" ".join),
    )
)
def test_any_text_gives_an_expression_or_its_error(text: str) -> None:
    try:
        typed(parse(text), TYPES).to_mongo()
    except ExpressionError as error:
        assert 0 <= error.offset <= len(text)


def test_paths() -> None:
    found = parse('`Blood Type` == "a `b` # c" and stay.`in` < stay . out and\n ﬁrst.`b c`.d is not null')
    assert found.references == {"Blood Type", "stay.in", "stay.out", "ﬁrst.b c.d"}


def test_a_common_check_is_short_in_mongodb() -> None:
    check = typed(parse("stay.out >= stay.`in`"), TYPES).check_mongo()
    assert check == {"$expr": {"$or": [{"$lte": ["$stay.out", None]}, {"$lte": ["$stay.in", None]}, {"$gte": ["$stay.out", "$stay.in"]}]}}


@pytest.mark.parametrize(
    "text", ["lower(name) == 'a'", "price * 2 > 1", "round(cost, 2) > 1", "now() > stay.out", "matches(name, r'\\p{L}')"]
)
def test_what_mongodb_cannot_do_is_said(text: str) -> None:
    found = typed(parse(text), TYPES).check_mongo()
    assert isinstance(found, Unsupported)
    assert found.reason


def test_now_is_the_time_of_the_run() -> None:
    one = typed(parse("now()"), {})
    assert pl.select(one.to_polars(NOW)).item() == NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="now"):
        one.to_polars()


def test_forms_are_json() -> None:
    built = typed(parse("price >= 0.5 and days(stay.out - stay.`in`) < 40 and name in ['$x', 'y']"), TYPES).check_mongo()
    assert json_util.loads(json_util.dumps(built)) == built


@pytest.mark.parametrize(("text", "name", "result"), [("age", "double", 5.0), ("age + 1", "int", 6), ("age", "decimal", "5")])
def test_to_another_type(text: str, name: str, result: object) -> None:
    frame = pl.DataFrame({"age": pl.Series([5], dtype=pl.Int32)})
    assert frame.select(typed(parse(text), TYPES).to(name).to_polars()).item() == result
    with pytest.raises(ExpressionError, match="bool is needed"):
        typed(parse(text), TYPES).to("bool")


@pytest.mark.parametrize(
    "text",
    [
        "cost / 0.1 / cost",
        "(1 if ok else 0) + 1",
        "'$a' <= ('x' if ok else 'y')",
        "min(1, age)",
        "1 if 9e99 >= coalesce(0.0, cost, cost) else 2",
    ],
)
@pytest.mark.parametrize("ok", [[True, True], [False, None], []])
def test_a_value_for_every_row(text: str, ok: list[bool | None]) -> None:
    """polars has short-cuts for constants and for masks of one value."""
    frame = pl.DataFrame(
        {"ok": ok, "cost": [1.5] * len(ok), "age": [3] * len(ok)}, schema={"ok": pl.Boolean, "cost": pl.Float64, "age": pl.Int32}
    )
    assert len(frame.with_columns(value=typed(parse(text), TYPES).to_polars())["value"]) == len(ok)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=9), st.floats(1e-5, 1e17))
def test_quotients_are_correctly_rounded(values: list[float], divisor: float) -> None:
    """Which polars' own division by one value is not."""
    frame = pl.DataFrame({"cost": values, "by": [divisor] * len(values)})
    types = {"cost": "double", "by": "double"}
    found = frame.select(
        constant=typed(parse(f"cost / {divisor!r}"), types).to_polars(), column=typed(parse("cost / by"), types).to_polars()
    )
    exact = [quotient if abs(quotient := value / divisor) != float("inf") else None for value in values]
    assert found["constant"].to_list() == found["column"].to_list() == exact


def test_decimal_products_stay_in_range() -> None:
    frame = pl.DataFrame(
        {"a": ["999999999999999999", "1.5", "2", "0.0000000000000001", None], "b": ["999999999999999999", "2", "0", "0.1", "1"]}
    )
    types = {"a": "decimal", "b": "decimal"}
    found = frame.select(product=typed(parse("a * b"), types).to_polars(), quotient=typed(parse("a / b"), types).to_polars())
    assert found["product"].to_list()[:3] == [None, "3", "0"]
    assert found["quotient"].to_list() == ["1", "0.75", None, "0.000000000000001", None]
