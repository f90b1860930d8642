"""Tests for the mapping that is written: an invented row of the fields' kinds, and what is wrong with it when a cell is changed."""

from __future__ import annotations

from typing import Any

from engine.infer.fields import FieldPlan

MOST_FIELDS, LONGEST_NAME = 40, 200
SAMPLES = {
    "int": "1",
    "long": "1",
    "double": "1.5",
    "decimal": "1.50",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "objectId": "0" * 24,
}
SHOWN = frozenset({"int", "long", "double"})
DAY = {"%Y": "2024", "%y": "24", "%m": "01", "%-m": "1", "%B": "January", "%b": "Jan", "%d": "31", "%-d": "31", "%H": "09", "%-H": "9",
       "%I": "09", "%-I": "9", "%p": "AM", "%M": "30", "%S": "15", "%f": "250", "%z": "Z"}  # fmt: skip
WRONG = "not one of these"


def examples(fields: list[FieldPlan]) -> list[dict[str, Any]]:
    """Two or three tests, without arrays; none where the file is very wide, or its names are no names."""
    named = [one.keys["column"] for one in fields]
    if len(fields) > MOST_FIELDS or "{key}" in named or max(map(len, named)) > LONGEST_NAME:
        return []
    plain = [one for one in fields if "[]" not in one.path]
    asked = [one for one in plain if one.keys.get("required") or one.path == "_id"] or plain[:1]
    given = {one.keys["column"]: _cell(one) for one in asked}
    expected = {one.path: _value(one) for one in asked if one.choice.type in SHOWN or one.choice.type == "string"}
    tests: list[dict[str, Any]] = [{"given": given, "expect": dict(list(expected.items())[:5])}] if expected else []
    typed = next((one for one in asked if one.choice.type not in ("string", "bool")), None)
    listed = next((one for one in asked if "enum" in one.keys), None)
    if tests and typed:
        tests.append({"but": {typed.keys["column"]: WRONG}, "reject": "type"})
    if tests and listed:
        tests.append({"but": {listed.keys["column"]: WRONG}, "reject": "enum"})
    return tests


def _cell(one: FieldPlan) -> str:
    if one.choice.type == "date":
        text = str(one.choice.options.get("format", "%Y-%m-%d"))
        for directive, value in DAY.items():
            text = text.replace(directive, value)
        return text
    if one.choice.type == "bool":
        return str(one.choice.options.get("true_values", ["true"])[0])
    if written := one.choice.options.get("number"):
        return f"{written.get('prefix', '')}1{written.get('suffix', '')}" + "%" * ("percent" in written)
    return SAMPLES.get(one.choice.type) or str(one.keys.get("enum", ["x"])[0])


def _value(one: FieldPlan) -> Any:
    cell = "1" if "number" in one.choice.options else _cell(one)
    return {"int": int, "long": int, "double": float}[one.choice.type](cell) if one.choice.type in SHOWN else cell
