"""Values as YAML text that any YAML version, and the strict loader, read back unchanged."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.mapping.yamltree import AMBIGUOUS, FLOAT, INTEGER, VARIABLE, WORDS

PLAIN = re.compile(r"[^\W\d_][\w ./+()%-]*[\w.+)%]|[^\W\d]\w*")
DOLLAR = "${ENGINE_LITERAL_DOLLAR:-$}"  # the loader fills in variables once: their defaults are not filled in again


def scalar(value: Any) -> str:
    """A text, number, truth value or None in flow style."""
    if isinstance(value, str):
        return _string(VARIABLE.sub(lambda found: DOLLAR + found[0][1:], value))
    return json.dumps(value)


def key(text: str) -> str:
    """A text as the key of a mapping; the loader fills in no variables there."""
    return _string(text)


def path_key(path: str) -> str:
    """A document's path as the key of a block mapping, where brackets mean nothing."""
    return path if _string(bare := path.replace("[]", "")) == bare and bare else _string(path)


def flow(value: Any) -> str:
    """A value of mappings, sequences and scalars on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key(name)}: {flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def printable(text: str) -> str:
    """A text with what does not print (line ends among it) escaped, as comments need it."""
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _string(text: str) -> str:
    plain = PLAIN.fullmatch(text) and text.isprintable() and text.lower() not in {"y", "n"}
    if plain and not (AMBIGUOUS.fullmatch(text) or text in WORDS or INTEGER.fullmatch(text) or FLOAT.fullmatch(text)):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(quoted)}"'


def _escape(one: str) -> str:
    code = ord(one)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - YAML's three forms
