"""Strict YAML: text to plain Python values with their positions, or every finding at once.

YAML's own conveniences are where mappings go wrong: `NO` is False, `1:30` is 90, the last of two equal keys wins, aliases explode. So
aliases, merge keys, tags and duplicate keys are refused, and a plain scalar that YAML 1.1 and 1.2 read differently must be quoted. Keys
are always text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.errors import Finding
from engine.mapping.yamlerrors import syntax_error

MAX_BYTES = 1_000_000
MAX_DEPTH = 30
Path = tuple[str | int, ...]

AMBIGUOUS = re.compile(r"(?i:yes|no|on|off)|0[0-9]+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|[-+]?[0-9][0-9_]*_[0-9_]*|0[xob].*")
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: value for value, name in ((True, "true"), (False, "false")) for word in (name, name.title(), name.upper())
}
LONGEST_INTEGER = 400  # Python refuses to read very long ones; no double is longer
SURROGATE = re.compile("[\ud800-\udfff]")
VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


@dataclass
class YamlDocument:
    """A parsed file: `value`, and for each path inside it the (line, column) of its key and of its value, counted from 1."""

    file: str
    value: Any = None
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def report(self, path: Path, code: str, message: str, hint: str = "", *, at_key: bool = False, offset: int = 0) -> None:
        """Add a finding at a path, or at its nearest parent whose position is known."""
        places = self.keys if at_key else self.values
        near = path
        while near and near not in places:
            near = near[:-1]
        line, column = places.get(near, (1, 1))
        self.findings.append(Finding(line, column + offset, code, message, ".".join(map(str, path)), hint, self.file))

    def line(self, path: Path) -> int:
        """The line of a key (of the value, for list items); 0 when the path is not in the file."""
        return self.keys.get(path, self.values.get(path, (0, 0)))[0]


def parse(text: str, file: str) -> YamlDocument:
    """Parse strictly. Never raises because of the text: problems are in `findings`, and `value` holds what could be read."""
    tree = YamlDocument(file)
    if len(text.encode()) > MAX_BYTES:
        tree.report((), "yaml_too_large", f"the mapping is larger than {MAX_BYTES:,} bytes")
        return tree
    try:
        if problem := _token_problem(text):
            token, message, hint = problem
            tree.findings.append(Finding(token.start_mark.line + 1, token.start_mark.column + 1, "yaml_feature", message, "", hint, file))
            return tree
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        tree.findings.append(syntax_error(error, text, file))
    except (yaml.YAMLError, RecursionError) as error:
        tree.report((), "yaml_syntax", f"not YAML ({type(error).__name__})", "is this a text file in UTF-8, without control characters?")
    else:
        tree.value = _build(node, (), tree) if node is not None else None
    return tree


def _token_problem(text: str) -> tuple[Any, str, str] | None:
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            return token, "anchors and aliases are not allowed", "write the value out; quote a text that starts with & or *"
        if isinstance(token, yaml.TagToken):
            return token, "tags are not allowed", "quote a text that starts with !"
        if isinstance(token, yaml.ScalarToken) and SURROGATE.search(token.value):
            return token, "the text holds half of a surrogate pair, which is not a character", "write the character itself"
        if isinstance(token, yaml.DocumentStartToken | yaml.DirectiveToken) and token.start_mark.index > 0:
            return token, "the file holds a second YAML document", "write one mapping per file"
        depth += isinstance(
            token, yaml.BlockMappingStartToken | yaml.BlockSequenceStartToken | yaml.FlowMappingStartToken | yaml.FlowSequenceStartToken
        )
        depth -= isinstance(token, yaml.BlockEndToken | yaml.FlowMappingEndToken | yaml.FlowSequenceEndToken)
        if depth > MAX_DEPTH:
            return token, f"nested deeper than {MAX_DEPTH} levels", "no mapping needs so many; check the brackets and the indentation"
    return None


def _build(node: yaml.Node, path: Path, tree: YamlDocument) -> Any:
    tree.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        return dict(_entries(node, path, tree))
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, index), tree) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    return _scalar(node, path, tree)


def _entries(node: yaml.MappingNode, path: Path, tree: YamlDocument) -> Iterator[tuple[str, Any]]:
    for key_node, value_node in node.value:
        place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            tree.findings.append(Finding(*place, "yaml_key", "a key must be text", ".".join(map(str, path)), file=tree.file))
            continue
        name = key_node.value
        here = (*path, name)
        if key_node.style is None and name == "<<":
            tree.findings.append(Finding(*place, "yaml_feature", "merge keys are not allowed", hint="write the keys out", file=tree.file))
        if here in tree.keys:
            first = tree.keys[here][0]
            message = f"the key {name} is given twice, first on line {first}"
            tree.findings.append(Finding(*place, "duplicate_key", message, ".".join(map(str, here)), "keep one of them", tree.file))
            continue
        tree.keys[here] = place
        yield name, _build(value_node, here, tree)


def _scalar(node: yaml.ScalarNode, path: Path, tree: YamlDocument) -> Any:
    text: str = node.value
    if node.style is not None:
        return _substitute(text, path, tree)
    if AMBIGUOUS.fullmatch(text):
        hint = f'quote it as "{text}" if you mean the text; otherwise write true, false or a plain number'
        tree.report(path, "ambiguous_scalar", f"the unquoted value {text} means different things in different versions of YAML", hint)
        return text
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text) and len(text) < LONGEST_INTEGER:
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    return _substitute(text, path, tree)


def _substitute(text: str, path: Path, tree: YamlDocument) -> str:
    """`${VAR:-default}` from the environment, in values only; the result is always text."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match["name"]) or match["default"]
        if found is None:
            hint = f"export {match['name']}=…, or give a default: ${{{match['name']}:-…}}"
            tree.report(path, "unset_variable", f"the environment variable {match['name']} is not set", hint)
        if found and SURROGATE.search(found):
            tree.report(path, "unset_variable", f"the environment variable {match['name']} is not UTF-8 text")
        return found or ""

    return VARIABLE.sub(value, text)
