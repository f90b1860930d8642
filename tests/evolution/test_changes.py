"""Every attribute of the model is compared: one that somebody adds cannot be forgotten."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.evolution import KINDS, Change, Needs, diff, judge
from engine.mapping import model
from engine.mapping.loader import loads
from engine.values.paths import document_order
from engine.values.types import Options, type_table
from evolution.undoing import reverse, undoing

TEXT = """
mapping: m
source: {path: in.csv}
target: {database: d, collection: c}
dedup: {on: [name]}
id: {hash: [name]}
fields:
  name: {column: Name, required: true}
  age: {column: Age, type: int, minimum: 0}
  next: {compute: age + 1}
  when: {column: When, type: date}
  lines[].sku: {column: "Sku {n}"}
  lines[].price: {column: "Price {n}", type: int}
arrays:
  lines: {numbered: 1..3, sort: [sku]}
rules:
  grown: {check: age > 17, on_fail: reject}
indexes:
  by_age: {keys: {age: 1}}
steps:
  cents: {pipeline: [{$set: {age: 1}}], makes: [name]}
tests:
  - {given: {Name: x}, expect: {name: x}}
"""
# What a changed attribute may leave unsaid, and why.
UNSAID = {
    ("Mapping", "file"): "a name for messages",
    ("Mapping", "text"): "comments and layout",
    ("Mapping", "digest"): "it follows from the rest",
    ("Field", "was"): "history: it counts where it says something new",
    ("Field", "path"): "another field: added and removed",
    ("Rule", "text"): "the expression is compared",
    ("Mapping", "arrays"): "each is compared; one that is not there has no fields",
    ("Array", "path"): "the paths of its fields say it",
}
PARTS = [
    Options,
    model.Field,
    model.Rule,
    model.Array,
    model.Dedup,
    model.IdSource,
    model.Index,
    model.Validation,
    model.Source,
    model.DeclaredStep,
    model.Target,
    model.Dialect,
    model.CollectionOptions,
    model.TimeSeries,
]
OTHERS = {str: "other", int: 7, bool: True}


def base() -> model.Mapping:
    return loads(TEXT)


def mutants(value: Any) -> Iterator[Any]:
    """Other values of about the same kind."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, str):
        yield value + "x"
    elif isinstance(value, int | float):
        yield value + 1
    elif isinstance(value, tuple):
        yield (*value, *value) if value else ("x",)
    elif isinstance(value, Path):
        yield Path("other")
    elif isinstance(value, dict):
        yield {**value, "x": 1}
    else:
        yield "x" if value is None else None


def typed(whole: model.Mapping, options: Options) -> model.Mapping:
    """With these options at the first field."""
    first, *rest = whole.fields
    return dataclasses.replace(whole, fields=(dataclasses.replace(first, options=options), *rest))


def parts_of(kind: type, whole: model.Mapping) -> tuple[str, Any]:
    """The name of the attribute of the mapping that holds a part, and the part."""
    for one in dataclasses.fields(model.Mapping):
        value = getattr(whole, one.name)
        if isinstance(value, kind):
            return one.name, value
        if isinstance(value, tuple) and value and isinstance(value[0], kind):
            return one.name, value[1] if len(value) > 1 else value[0]
    raise AssertionError(kind)


def changed(whole: model.Mapping, kind: type, name: str, value: Any) -> model.Mapping:
    if kind is model.Mapping:
        return dataclasses.replace(whole, **{name: value})
    if kind is model.Dialect:
        return dataclasses.replace(
            whole, source=dataclasses.replace(whole.source, dialect=dataclasses.replace(whole.source.dialect, **{name: value}))
        )
    for inner, attribute in ((model.CollectionOptions, "options"), (model.TimeSeries, "timeseries")):
        if kind is inner:
            part = dataclasses.replace(getattr(whole.target, attribute) or model.TimeSeries("a"), **{name: value})
            return dataclasses.replace(whole, target=dataclasses.replace(whole.target, **{attribute: part}))
    if kind is Options:
        return typed(whole, dataclasses.replace(whole.fields[0].options, **{name: value}))
    where, part = parts_of(kind, whole)
    other = dataclasses.replace(part, **{name: value})
    held = getattr(whole, where)
    return dataclasses.replace(whole, **{where: tuple(other if one is part else one for one in held) if isinstance(held, tuple) else other})


CASES = [(kind, one.name) for kind in (model.Mapping, *PARTS) for one in dataclasses.fields(kind) if one.compare]


@pytest.mark.parametrize(("kind", "name"), CASES, ids=[f"{kind.__name__}.{name}" for kind, name in CASES])
def test_no_attribute_is_forgotten(kind: type, name: str) -> None:
    whole = base()
    inner = {model.Dialect: whole.source.dialect, Options: whole.fields[0].options, model.CollectionOptions: whole.target.options,
             model.TimeSeries: model.TimeSeries("a")}  # fmt: skip
    part: Any = {model.Mapping: whole, **inner}.get(kind)
    part = part or parts_of(kind, whole)[1]
    value = getattr(part, name)
    if dataclasses.is_dataclass(value) or (kind is model.Mapping and name in ("fields", "rules", "indexes", "steps")):
        others = [type_table["long"]] if name == "type" else [None] if name in ("dedup", "identity", "check") else []
        others += [value[:-1]] if isinstance(value, tuple) else []
        others += [model.Split("x", ",")] if name == "origin" else []
    else:
        others = [model.Near(("x",))] if name == "near" else list(mutants(value))
    for other in others:
        if name == "check":
            other = whole.rules[0].check.__class__(whole.fields[2].compute.tree)  # noqa: PLW2901
        found = diff(whole, changed(whole, kind, name, other))
        if (kind.__name__, name) not in UNSAID:
            assert found, f"{kind.__name__}.{name} is not compared"


def test_an_attribute_that_nobody_knows_needs_the_source() -> None:
    old = base()
    field = dataclasses.replace(old.fields[1], meta="row")
    new = dataclasses.replace(old, fields=(old.fields[0], field, *old.fields[2:]))
    judged = judge(diff(old, new), old, new)
    assert [(one.change.code, one.needs) for one in judged] == [("E105", Needs.SOURCE)]


def test_codes_are_there_once_and_lead_back() -> None:
    assert {row.back for row in KINDS.values()} <= set(KINDS)
    assert all(KINDS[KINDS[code].back].back == code for code in KINDS)


def edited(*edits: tuple[str, str]) -> model.Mapping:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return loads(text)


def said(*edits: tuple[str, str]) -> list[str]:
    return [str(one) for one in diff(base(), edited(*edits))]


def test_a_rename_is_one_change_and_nothing_that_names_the_field_differs() -> None:
    new = (("  age: {", "  years: {was: age, "), ("age + 1", "years + 1"), ("age > 17", "years > 17"), ("keys: {age", "keys: {years"))
    assert said(*new)[0] == "E103 years: field renamed: age → years"
    assert [one.split()[0] for one in said(*new)] == ["E103", "E403"]
    there = diff(base(), edited(*new))
    assert diff(edited(*new), base()) == undoing(there)
    assert diff(edited(*new), edited(*new)) == ()


def test_renaming_an_array_is_renaming_what_lies_in_it() -> None:
    edits = [(f"lines[].{name}: {{", f"items[].{name}: {{was: 'lines[].{name}', ") for name in ("sku", "price")]
    new = edited(*edits, ("  lines: {numbered", "  items: {minItems: 1, numbered"))
    found = diff(base(), new)
    assert [one.label for one in found] == ["E103 items[].sku", "E103 items[].price", "E111 items"]
    assert diff(new, base()) == undoing(found)


@pytest.mark.parametrize(
    ("edit", "codes"),
    [
        (("minimum: 0", "minimum: 5"), ["E111"]),
        (("minimum: 0", "minimum: -5"), ["E112"]),
        (("minimum: 0", "enum: [1, 2]"), ["E112", "E111"]),
        (("type: int, minimum: 0", "type: long, minimum: 0"), ["E104"]),
        (("column: Age", "column: Years"), ["E105"]),
        (("type: date", "type: date, format: '%d/%m/%Y'"), ["E105"]),
        (("required: true", "default: x"), ["E116", "E110"]),
        (("minimum: 0", "minimum: 0, empty: 'null'"), ["E107"]),
        (("minimum: 0", "minimum: 0, on_error: 'null'"), ["E108"]),
        (("{on: [name]}", "{on: row}"), ["E201"]),
        (("{hash: [name]}", "{hash: row}"), ["E202"]),
        (("on_fail: reject", "on_fail: warn"), ["E304"]),
        (("on_fail: reject", "on_fail: fail"), ["E602"]),
        (("age > 17", "age > 16"), ["E304"]),
        (("age > 17", "age > 18"), ["E305"]),
        (("age > 17", "age > 17 and age < 100"), ["E305"]),
        (("age > 17", "age < 17"), ["E303"]),
        (("{keys: {age: 1}}", "{keys: {age: -1}}"), ["E403"]),
        (("database: d,", "database: e,"), ["E603"]),
        (("{path: in.csv}", "{path: in.csv, csv: {delimiter: ';'}}"), ["E601"]),
        (("mapping: m", "mapping: n"), ["E604"]),
        (("[sku]", "[sku], minItems: 1"), ["E111"]),
        (("[sku]", "[sku], empty: omit"), ["E107"]),
        (("[sku]", "[price]"), ["E105"]),
        (("1..3", "1..4"), ["E105"]),
        (("lines[].price:", "lines[].cost:"), ["E101", "E102"]),
    ],
)
def test_each_edit_is_its_change(edit: tuple[str, str], codes: list[str]) -> None:
    assert sorted(one.split()[0] for one in said(edit)) == sorted(codes)


def test_order_is_that_of_the_documents() -> None:
    assert document_order(["a.x", "b", "a.y"]) == ["a.x", "a.y", "b"]
    assert document_order(["a", "b"]) == ["a", "b"]
    lines = ("  name: {column: Name, required: true}\n  age: {column: Age, type: int, minimum: 0}\n",
             "  age: {column: Age, type: int, minimum: 0}\n  name: {column: Name, required: true}\n")  # fmt: skip
    assert [one.split()[0] for one in said(lines)] == ["E114"]


def test_a_change_prints_what_it_is() -> None:
    assert str(Change("E111", "age", "minimum", None, 0)) == "E111 age: constraint tightened, minimum: 0"
    assert str(reverse(Change("E104", "age", "", "int", "long"))) == "E104 age: type changed: long → int"
