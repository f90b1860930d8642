"""What JSON Schema has against a mapping, in words: the key, what is wrong with its value, and an example."""

from __future__ import annotations

import json
from typing import Any

from jsonschema.exceptions import ValidationError

from engine.errors import suggest
from engine.mapping.model import CANNOT_BE_SET
from engine.mapping.patterns import PATTERNS
from engine.mapping.yamltree import YamlDocument

KINDS = {"string": "text", "object": "a mapping of keys", "array": "a list", "null": "null", "integer": "a whole number"}
KINDS |= {"number": "a number", "boolean": "true or false"}
LONGEST_SHOWN = 60
MOST_SUGGESTIONS = 100  # for the unknown keys of one place: a search for the nearest name costs more than reading the key


def report(error: ValidationError, tree: YamlDocument) -> None:
    """Add the findings of one error to the tree."""
    path = tuple(error.absolute_path)
    kind = str(error.validator)
    found: Any = error.instance
    expected: Any = error.validator_value
    schema: Any = error.schema
    if kind == "additionalProperties" and expected is False:
        known = schema["properties"]
        for number, name in enumerate(name for name in found if name not in known):
            apart = CANNOT_BE_SET.get(name, "") if path == ("target", "options") else ""
            hint = apart or (suggest(name, known) if number < MOST_SUGGESTIONS else "")
            tree.report((*path, name), "unknown_key", f"unknown key {name}", hint, at_key=True)
    elif kind == "required":
        missing = [name for name in expected if name not in found]
        for name in missing:
            if error.message.startswith(repr(name)):
                tree.report(path, "missing_key", f"{_place(path)} lacks the key {name}", f"add {name}: …")
    elif kind == "enum":
        names = [name if isinstance(name, str) else json.dumps(name) for name in expected]
        tree.report(path, "unknown_value", f"{_shown(found)} is not one of {', '.join(names)}", suggest(str(found), names))
    elif kind == "type":
        kinds = [expected] if isinstance(expected, str) else expected
        tree.report(
            path, "wrong_type", f"expected {' or '.join(KINDS[name] for name in kinds)}, found {_shown(found)}", _written(kinds, found)
        )
    elif "propertyNames" in error.absolute_schema_path:
        tree.report((*path, found), "not_allowed", _not_allowed(error, found), at_key=True)
    else:
        tree.report(path, "not_allowed", _not_allowed(error, _place(path)), _example(error))


def _place(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path)) or "the mapping"


def _not_allowed(error: ValidationError, place: str) -> str:
    """What is wrong with a value of the right type."""
    found: Any = error.instance
    match str(error.validator), error.validator_value:
        case "pattern", str(pattern) if pattern in PATTERNS:
            return f"{_shown(found)} is not {PATTERNS[pattern]}"
        case (("minProperties" | "minItems" | "minLength"), 1):
            return f"{place} is empty"
        case "maxProperties", 1:
            return f"{place} takes only one of {' and '.join(found)}"
        case "maxLength", most:
            return f"{_shown(found)} is longer than {most} character{'s' * (most != 1)}"
        case "minimum", least:
            return f"{found} is less than {least}"
        case "maximum", most:
            return f"{found} is greater than {most}"
        case "uniqueItems", _:
            return f"{place} has a value twice"
    return f"{_shown(found)} does not fit: {error.validator} {_shown(error.validator_value)}"


def _written(kinds: list[str], found: Any) -> str:
    """How the value is written as a text or a list, if that is what is wanted."""
    if "string" in kinds and (found is None or isinstance(found, bool | int | float)):
        return "quote it if you mean the word itself"
    return f"write [{found}]" if kinds == ["array"] and isinstance(found, str) else ""


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping of keys"
    text = f'"{value}"' if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def _example(error: ValidationError) -> str:
    """The key's example; a list or mapping as it is written in braces."""
    schema = error.schema if isinstance(error.schema, dict) else {}
    example = schema.get("examples", [None])[0]
    if example is None:
        return "add at least one" if error.instance in ({}, []) else ""
    return f"for example {example if isinstance(example, str | int) else json.dumps(example, ensure_ascii=False)}"
