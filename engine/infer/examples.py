"""Tests for the inferred mapping: an invented row of the fields' types, and what rejects it when one cell is changed."""

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
    """Up to three tests, without arrays; none where the file is very wide, or has column names that are values."""
    named = [field.keys["column"] for field in fields]
    if len(fields) > MOST_FIELDS or "{key}" in named or max(map(len, named)) > LONGEST_NAME:
        return []
    plain = [field for field in fields if "[]" not in field.path]
    asked = [field for field in plain if field.keys.get("required") or field.path == "_id"] or plain[:1]
    given = {field.keys["column"]: _cell(field) for field in asked}
    expected = {field.path: _value(field) for field in asked if field.choice.type in SHOWN or field.choice.type == "string"}
    tests: list[dict[str, Any]] = [{"given": given, "expect": dict(list(expected.items())[:5])}] if expected else []
    typed = next((field for field in asked if field.choice.type not in ("string", "bool")), None)
    listed = next((field for field in asked if "enum" in field.keys), None)
    if tests and typed:
        tests.append({"but": {typed.keys["column"]: WRONG}, "reject": "type"})
    if tests and listed:
        tests.append({"but": {listed.keys["column"]: WRONG}, "reject": "enum"})
    return tests


def _cell(field: FieldPlan) -> str:
    if field.choice.type == "date":
        text = str(field.choice.options.get("format", "%Y-%m-%d"))
        for directive, value in DAY.items():
            text = text.replace(directive, value)
        return text
    if field.choice.type == "bool":
        return str(field.choice.options.get("true_values", ["true"])[0])
    if written := field.choice.options.get("number"):
        return f"{written.get('prefix', '')}1{written.get('suffix', '')}" + "%" * ("percent" in written)
    return SAMPLES.get(field.choice.type) or str(field.keys.get("enum", ["x"])[0])


def _value(field: FieldPlan) -> Any:
    cell = "1" if "number" in field.choice.options else _cell(field)
    return {"int": int, "long": int, "double": float}[field.choice.type](cell) if field.choice.type in SHOWN else cell
