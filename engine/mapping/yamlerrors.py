"""What PyYAML has against a text, in words for somebody who writes a mapping: the place that is wrong, and what to do."""

from __future__ import annotations

import re
from typing import Any

import yaml

from engine.errors import Finding

CLOSERS = {"{": "}", "[": "]"}
PLAIN = re.compile(r"[^,}\]\n#\"\\]*")
VARIABLE = re.compile(r"\$\{[^}\n]*\}")


def syntax_error(error: yaml.MarkedYAMLError, text: str, file: str) -> Finding:
    """The finding of an error of PyYAML's scanner or parser."""
    mark, message, hint = _understood(error, text) or _unknown(error)
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Finding(line, column, "yaml_syntax", message, hint=hint, file=file)


def _unknown(error: yaml.MarkedYAMLError) -> tuple[Any, str, str]:
    what = " ".join(part for part in (error.context, error.problem) if part)
    return error.problem_mark or error.context_mark, what, "check indentation, colons and quotes near here"


def _understood(error: yaml.MarkedYAMLError, text: str) -> tuple[Any, str, str] | None:
    """The mistakes that are made often: where, what, and the remedy."""
    mark = error.problem_mark
    if mark is None:
        return None
    found = text[mark.index : mark.index + 1]
    if found == "\t":
        return mark, "a tab is not allowed here", "use spaces"
    if "cannot start any token" in (error.problem or ""):
        rest = PLAIN.match(text, mark.index)
        return mark, f"an unquoted text cannot begin with {found}", f'quote it: "{rest[0].strip()}"' if rest and rest[0] else "quote it"
    if "mapping values are not allowed" in (error.problem or ""):
        return mark, 'a second ": " in one line, or wrong indentation', 'quote a text that holds ": "'
    if found == "{" and (variable := VARIABLE.match(text, mark.index - 1)):
        return mark, "${…} must be quoted inside braces", f'write "{variable[0]}"'
    return _in_brackets(error.context_mark, mark, text) if (error.context or "").startswith("while parsing a flow") else None


def _in_brackets(opened: Any, mark: Any, text: str) -> tuple[Any, str, str]:
    opener = text[opened.index]
    if not _closed(opened.index, text):
        return opened, f"this {opener} is not closed", f"add {CLOSERS[opener]}"
    hint = f'the {opener} was opened in line {opened.line + 1}, column {opened.column + 1}; quote a text that holds ":", "," or a bracket'
    return mark, f"expected , or {CLOSERS[opener]}, found {text[mark.index]}", hint


def _closed(index: int, text: str) -> bool:
    """Whether the bracket that is opened there is closed anywhere, by whatever bracket."""
    opened: list[int] = []
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.FlowMappingStartToken | yaml.FlowSequenceStartToken):
                opened.append(token.start_mark.index)
            elif isinstance(token, yaml.FlowMappingEndToken | yaml.FlowSequenceEndToken) and opened and opened.pop() == index:
                return True
    except yaml.YAMLError:
        return True
    return False
