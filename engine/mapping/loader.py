"""Mapping file to `Mapping`, or every problem at once: strict YAML, then the language's JSON Schema, then semantics."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator

from engine.errors import UsageError, finding, near_file
from engine.mapping.language import mapping_schema
from engine.mapping.model import Mapping
from engine.mapping.schemaerrors import report
from engine.mapping.semantics import build
from engine.mapping.yamltree import YamlDocument, parse


def load(path: str | Path) -> Mapping:
    """Read a mapping file of one collection. Raises UsageError with all findings, ordered by place."""
    return _single(load_all(path))


def load_all(path: str | Path) -> tuple[Mapping, ...]:
    """Read a mapping file: one mapping for each collection. Raises UsageError with all findings, ordered by place."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        hint = near_file(file) or "give the path of a mapping file"
        raise UsageError(finding("mapping_missing", "there is no such file", hint=hint, file=str(path))) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(finding("mapping_unreadable", f"cannot be read: {reason}", file=str(path))) from None
    return loads_all(text, str(path))


def loads(text: str, file: str = "mapping") -> Mapping:
    """Like `load`, for a text; `file` is its name in messages."""
    return _single(loads_all(text, file))


def _single(mappings: tuple[Mapping, ...]) -> Mapping:
    if len(mappings) > 1:
        names = ", ".join(mapping.target.collection for mapping in mappings)
        raise UsageError(finding("several_collections", f"the mapping has the collections {names}", hint="name one with --collection"))
    return mappings[0]


def loads_all(text: str, file: str = "mapping") -> tuple[Mapping, ...]:
    """Like `load_all`, for a text."""
    tree = parse(text, file)
    mappings: tuple[Mapping, ...] = ()
    if not tree.findings:
        check_schema(tree)
    if not tree.findings:
        mappings = build(tree, text)
    if tree.findings or not mappings:
        raise UsageError(sorted(tree.findings))
    return mappings


def check_schema(tree: YamlDocument) -> None:
    """Report every violation of the language's JSON Schema."""
    if not isinstance(tree.value, dict):
        tree.report((), "not_a_mapping", "the file does not hold a mapping of keys", "start with `mapping: NAME`")
        return
    for error in _validator().iter_errors(tree.value):
        report(error, tree)


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(mapping_schema())
