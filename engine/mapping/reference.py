"""Prints what is derived from the tables: `schemas/mapping.schema.json`, `docs/mapping.md` and `docs/errors.md`.

Run `python -m engine.mapping.reference`, or `make docs`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.errors.codes import CODES, PLACES
from engine.expressions import FUNCTIONS, OPERATORS, Operation, Unsupported
from engine.expressions.aggregates import AGGREGATES
from engine.expressions.constraints import CONSTRAINTS
from engine.mapping.language import mapping_schema
from engine.mapping.profiles import PROFILES, ServerProfile
from engine.values.dates import DIRECTIVES, EPOCHS
from engine.values.transforms import TRANSFORMS, TransformExample
from engine.values.types import NumberFormat, type_table
from engine.values.types.number_format import EXAMPLES

SCHEMA_FILE, REFERENCE_FILE, ERRORS_FILE = Path("schemas/mapping.schema.json"), Path("docs/mapping.md"), Path("docs/errors.md")

INTRODUCTION = """\
# The mapping language

This page is printed from the tables in `engine/` by `make docs`; every example on it is run as a test.

A mapping is one YAML file. It says where rows come from, which document each row becomes, what must hold, and where the documents go.
`engine check --mapping FILE` finds every problem at once, each with its line. In an editor with the YAML language server, the first line
`# yaml-language-server: $schema=../schemas/mapping.schema.json` brings completion and explanations.

The file is read strictly: duplicate keys, anchors, aliases, tags and merge keys are refused, and a bare word that YAML versions read
differently (`NO`, `on`, `010`, `1:30`) must be quoted. `${NAME:-default}` in a value is taken from the environment.

From cell to document: **text → null values → transforms → null values → map → default → when → type → constraints → rules → document.**
"""

EXPRESSIONS = """\
`check` and `compute` hold expressions over the document's paths. A missing value makes the result missing (`and`, `or` and `not`
follow SQL's three-valued logic), and a check passes unless its value is false. Names with blanks, and Python's own words such as
`from`, are written in backticks. Types are checked when the mapping is loaded.
"""

ERRORS = """\
# Codes of errors, rejects and warnings

This page is printed from the table in `engine/errors/codes.py` by `make docs`.

A finding reads `FILE:LINE:COLUMN CODE MESSAGE — HINT`; `--json` has the same parts by name. In the report, the rejects file and
`engine preview`, the code says why a row was rejected, filtered or noted. No message holds the value of a cell. The codes of changes
between two mappings (E101 …) are in [evolution.md](evolution.md#codes), the exit codes in `engine --help`.
"""


def schema_text() -> str:
    """The mapping language's JSON Schema as committed."""
    return json.dumps(mapping_schema(), indent=2, ensure_ascii=False) + "\n"


def reference_text() -> str:
    """The language reference as committed."""
    values = (*_types(), *_numbers(), *_dates(), *_constraints(), *_transforms())
    return "\n".join([INTRODUCTION, *_keys(), *values, *_expressions(), *_profiles()]).rstrip() + "\n"


def _keys() -> Iterator[str]:
    schema = mapping_schema()
    yield "## Keys of the file\n"
    yield from _table(("key", "meaning", "takes", "default", "example"), _key_rows(schema))
    for name, part in schema["properties"].items():
        inner = part if "properties" in part else part.get("additionalProperties") or part.get("items") or {}
        if isinstance(inner, dict) and "properties" in inner and name != "sources":  # each of which is as `source`
            yield f"\n### `{name}`\n\n{part['description']}\n"
            yield from _table(("key", "meaning", "takes", "default", "example"), _key_rows(inner))
            for nested, deeper in inner["properties"].items():
                if "properties" in deeper and "additionalProperties" in deeper and not deeper["additionalProperties"]:
                    yield f"\n#### `{name}.{nested}`\n\n{deeper['description']}\n"
                    yield from _table(("key", "meaning", "takes", "default", "example"), _key_rows(deeper))
    yield ""


def _key_rows(schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    required = schema.get("required", ())
    for name, stated in schema["properties"].items():
        part = mapping_schema()["properties"][name] if "$ref" in stated else stated  # a collection's key that is the same as the file's
        default = "required" if name in required else _code(part["default"]) if "default" in part else ""
        meaning = part["description"].split(". ")[0].rstrip(".") if name in ("type", "transform", "format") else part["description"]
        yield _code_text(name), meaning, _takes(part), default, _code(part.get("examples", [""])[0])


def _takes(part: dict[str, Any]) -> str:
    if "enum" in part and len(part["enum"]) <= 6:  # noqa: PLR2004 -- longer lists have a section of their own
        return ", ".join(_code(value) for value in part["enum"])
    if "enum" in part:
        return "see below"
    kinds = part.get("type", "")
    words = {"object": "mapping", "array": "list", "string": "text", "boolean": "true, false"}
    return " or ".join(words.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _types() -> Iterator[str]:
    yield "## Types\n"
    rows = (
        (
            _code_text(row.name),
            row.summary,
            row.bson_type,
            _list(text for text, _ in row.accepted),
            _list(row.refused),
            _list(sorted(row.options)),
        )
        for row in type_table.values()
    )
    yield from _table(("type", "meaning", "BSON type", "takes", "refuses", "options"), rows)
    yield ""


def _numbers() -> Iterator[str]:
    yield "## Numbers as people write them\n"
    yield "With `number` on a field of a numeric type; see its keys above. Nothing is guessed: a text of another form is not a number.\n"
    rows = ((_code(_changed(number)), _code_text(text), _code_text(value) if value else "not a number") for number, text, value in EXAMPLES)
    yield from _table(("number", "text", "is"), rows)
    yield ""


def _changed(number: NumberFormat) -> dict[str, Any]:
    """What differs from a plain number."""
    return {name: value for name, value in asdict(number).items() if value != asdict(NumberFormat())[name]}


def _dates() -> Iterator[str]:
    yield "## Date formats\n"
    yield "A text must match the format exactly: two digits are two digits, and blanks count.\n"
    yield from _table(("directive", "meaning"), ((_code_text(name), row.summary) for name, row in DIRECTIVES.items()))
    yield "\nOr the format is one word, for a count:\n"
    yield from _table(("format", "meaning"), ((_code_text(name), row.summary) for name, row in EPOCHS.items()))
    yield ""


def _constraints() -> Iterator[str]:
    yield "## Constraints\n"
    yield "JSON Schema's keywords. The engine checks them, and the collection's validator says the same (docs/agreement.md).\n"
    rows = ((_code_text(row.name), row.summary, ", ".join(sorted(row.types)), _code(row.example)) for row in CONSTRAINTS.values())
    yield from _table(("constraint", "meaning", "types", "example"), rows)
    yield ""


def _profiles() -> Iterator[str]:
    yield "## Target profiles\n"
    yield "`target.profile` names the server; without it, a run asks the server that it loads into. What the server cannot enforce, the"
    yield "engine enforces alone: `engine schema --profile P` lists it, and a run notes it. An index that it cannot build is refused.\n"
    yield from _table(("profile", "validator", "mode replace", "indexes"), map(_profile, PROFILES.values()))
    yield ""


def _profile(row: ServerProfile) -> tuple[str, ...]:
    validator = "`$jsonSchema`, query operators, `$expr`" if row.query_operators else "`$jsonSchema` only" if row.validator else "none"
    return (
        _code_text(row.name),
        validator,
        "yes" if row.can_rename else "no",
        "; ".join(dict.fromkeys(row.unsupported_index_features.values())) or "all",
    )


def _transforms() -> Iterator[str]:
    yield "## Transforms\n"
    yield "Text to text, in the order they are listed, before the type is read.\n"
    rows = (
        (
            _code_text(row.name),
            row.summary,
            _list(f"{name}: {spec.summary}" for name, spec in row.parameters.items()),
            "<br>".join(map(_shown, row.examples)),
        )
        for row in TRANSFORMS.values()
    )
    yield from _table(("transform", "meaning", "arguments", "examples"), rows)
    yield ""


def _shown(example: TransformExample) -> str:
    arguments = f" with {_code(dict(example.arguments))}" if example.arguments else ""
    return f"{_code(example.text)}{arguments} → {'missing' if example.result is None else _code(example.result)}"


def _expressions() -> Iterator[str]:
    yield "## Expressions\n"
    yield EXPRESSIONS
    for title, table in (("Operators", OPERATORS), ("Functions", FUNCTIONS)):
        yield f"### {title}\n"
        yield from _table(("name", "meaning", "takes → gives", "on the server", "examples"), map(_operation, table.values()))
        yield ""
    yield "### Aggregates\n"
    yield "Over all elements of an array, such as `sum(lines[].price)`; on the server only `count(lines)`. Missing values do not count.\n"
    rows = ((_code_text(f"{row.name}(x)"), row.summary, _by_result(row.gives)) for row in AGGREGATES.values())
    yield from _table(("name", "meaning", "takes → gives"), rows)
    yield ""


def _by_result(gives: Mapping[str, str]) -> str:
    """Types by the type of the result; `T → T` for those that keep theirs."""
    kept = [name for name, result in gives.items() if name == result]
    others: dict[str, list[str]] = {}
    for name, result in gives.items():
        if name != result:
            others.setdefault(result, []).append(name)
    changed = [f"{', '.join(names)} → {result}" for result, names in others.items()]
    return "<br>".join(changed + ([f"T → T: {', '.join(kept)}"] if kept else []))


def _operation(row: Operation) -> tuple[str, ...]:
    forms = "<br>".join(dict.fromkeys(f"{', '.join(form.parameter_types)} → {form.result_type}" for form in row.overloads))
    reasons = dict.fromkeys(form.mongo.reason for form in row.overloads if isinstance(form.mongo, Unsupported))
    examples = "<br>".join(f"{_code_text(example.text)} → {_code(example.result)}" for example in row.examples)
    return _code_text(row.name), row.summary, forms, "<br>".join(reasons) or "yes", examples


def errors_text() -> str:
    """The page of codes as committed."""
    return "\n".join([ERRORS, *_codes()]).rstrip() + "\n"


def _codes() -> Iterator[str]:
    for place, about in PLACES.items():
        yield f"## {place[0].upper()}{place[1:]}\n\n{about}\n"
        rows = sorted((code for code in CODES.values() if code.where == place), key=lambda code: code.name.lower())
        yield from _table(("code", "cause", "remedy"), ((_code_text(code.name), code.cause, code.remedy) for code in rows))
        yield ""


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    heads = list(heads)
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(cell.replace("\n", " ") for cell in row) + " |"


def _list(texts: Iterable[str]) -> str:
    return "<br>".join(_code_text(text) if not text.count(": ") else text for text in texts)


def _code(value: object) -> str:
    return _code_text(json.dumps(value, ensure_ascii=False, default=str)) if value != "" else ""


def _code_text(text: str) -> str:
    """Inline code in a table cell: bars are escaped, backticks fenced."""
    fence = "``" if "`" in text else "`"
    pad = " " if "`" in text or text != text.strip() else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|") if text else "``` ```"


def main() -> None:
    """Write the files."""
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    REFERENCE_FILE.write_text(reference_text(), encoding="utf-8")
    ERRORS_FILE.write_text(errors_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
