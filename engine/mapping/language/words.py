"""What the parts of the language are written with: a key, a mapping of known keys, and texts that several parts take."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def key(description: str, example: object, **schema: Any) -> Schema:
    """One key: what it means, an example, and its schema. A `default` is printed with it."""
    return {**schema, "description": description, "examples": [example]}


def section(
    description: str, properties: dict[str, Schema], required: tuple[str, ...] = (), *, example: object = None, **more: Any
) -> Schema:
    """A mapping of known keys only."""
    schema: Schema = {"type": "object", "description": description, "properties": properties, "additionalProperties": False, **more}
    if required:
        schema["required"] = list(required)
    if example is not None:
        schema["examples"] = [example]
    return schema


def texts(**more: Any) -> Schema:
    """A list of texts."""
    return {"type": "array", "items": {"type": "string"}, **more}


PATH = r"^[^.$\s\u0000][^.\u0000]*(\.[^.$\u0000][^.\u0000]*)*$"
UNIT = r"^[^0-9%+()\u2212-]*$"
NAME = r"^[A-Za-z_][A-Za-z0-9_-]*$"
SCALAR = ["string", "number", "boolean"]
