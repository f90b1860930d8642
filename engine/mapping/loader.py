"""Mapping file to `Mapping`, or every problem at once: strict YAML, then the language's JSON Schema, then meaning."""

from __future__ import annotations

import difflib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from engine.errors import UsageError, problem, suggest
from engine.mapping.language import mapping_schema
from engine.mapping.model import Mapping
from engine.mapping.semantics import build
from engine.mapping.yamltree import Tree, parse

KINDS = {"string": "text", "object": "a mapping of keys", "array": "a list", "null": "null", "integer": "a whole number"}
KINDS |= {"number": "a number", "boolean": "true or false"}
LONGEST_SHOWN = 60


def load(path: str | Path) -> Mapping:
    """Read a mapping file of one collection. Raises UsageError with all findings, ordered by place."""
    return _single(load_all(path))


def load_all(path: str | Path) -> tuple[Mapping, ...]:
    """Read a mapping file: one mapping for each collection. Raises UsageError with all findings, ordered by place."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        hint = f"did you mean {near}?" if (near := _near_file(file)) else "give the path of a mapping file"
        raise UsageError(problem("mapping_missing", "there is no such file", hint=hint, file=str(path))) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(problem("mapping_unreadable", f"cannot be read: {reason}", file=str(path))) from None
    return loads_all(text, str(path))


def loads(text: str, file: str = "mapping") -> Mapping:
    """Like `load`, for a text; `file` is its name in messages."""
    return _single(loads_all(text, file))


def _single(found: tuple[Mapping, ...]) -> Mapping:
    if len(found) > 1:
        names = ", ".join(one.target.collection for one in found)
        raise UsageError(problem("several_collections", f"the mapping has the collections {names}", hint="name one with --collection"))
    return found[0]


def loads_all(text: str, file: str = "mapping") -> tuple[Mapping, ...]:
    """Like `load_all`, for a text."""
    tree = parse(text, file)
    found: tuple[Mapping, ...] = ()
    if not tree.findings:
        check_schema(tree)
    if not tree.findings:
        found = build(tree, text)
    if tree.findings or not found:
        raise UsageError(sorted(tree.findings))
    return found


def check_schema(tree: Tree) -> None:
    """Report everything in which the tree is not of the language."""
    if not isinstance(tree.value, dict):
        tree.report((), "not_a_mapping", "the file does not hold a mapping of keys", "start with `mapping: NAME`")
        return
    for error in _validator().iter_errors(tree.value):
        _report(error, tree)


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(mapping_schema())


def _report(error: ValidationError, tree: Tree) -> None:
    path = tuple(error.absolute_path)
    kind = str(error.validator)
    found: Any = error.instance
    expected: Any = error.validator_value
    schema: Any = error.schema
    if kind == "additionalProperties" and expected is False:
        known = schema["properties"]
        for name in [name for name in found if name not in known]:
            tree.report((*path, name), "unknown_key", f"unknown key {name}", suggest(name, known), at_key=True)
    elif kind == "required":
        missing = [name for name in expected if name not in found]
        place = ".".join(map(str, path)) or "the mapping"
        for name in missing:
            if error.message.startswith(repr(name)):
                tree.report(path, "missing_key", f"{place} lacks the key {name}", f"add {name}: …")
    elif kind == "enum":
        names = [str(name) for name in expected]
        tree.report(path, "unknown_value", f"{_shown(found)} is none of {', '.join(names)}", suggest(str(found), names))
    elif kind == "type":
        kinds = [expected] if isinstance(expected, str) else expected
        tree.report(
            path, "wrong_type", f"expected {' or '.join(KINDS[name] for name in kinds)}, found {_shown(found)}", _quoting(kinds, found)
        )
    else:
        tree.report(path, "not_allowed", f"{_shown(found)} does not fit: {kind} {_shown(expected)}", _described(error))


def _quoting(kinds: list[str], found: Any) -> str:
    return "quote it, if the word itself is meant" if "string" in kinds and (found is None or isinstance(found, bool | int | float)) else ""


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping of keys"
    text = f'"{value}"' if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def _described(error: ValidationError) -> str:
    schema = error.schema if isinstance(error.schema, dict) else {}
    example = schema.get("examples", [None])[0]
    return f"for example {example}" if isinstance(example, str | int) else ""


def _near_file(file: Path) -> str:
    if not file.parent.is_dir():
        return ""
    near = difflib.get_close_matches(file.name, [one.name for one in file.parent.iterdir()], n=1)
    return str(file.parent / near[0]) if near else ""
