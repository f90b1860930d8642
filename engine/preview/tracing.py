"""A trace of one row, cell by cell: raw text, each transform, typed value, BSON type, and each verdict of engine and server.

The server's verdicts come from `ask`, which lets a real server match the document against queries and stores nothing. Without it the lines
say what the server would enforce.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingOf
from datetime import UTC, datetime
from typing import Any

import polars as pl

from engine.documents.validators import Enforcement, conditions, enforcement
from engine.errors import UsageError, finding
from engine.mapping.model import MASK, Array, Columns, Field, Json, Mapping, Numbered, RowsOrigin, Rule, Split
from engine.mapping.profiles import ServerProfile
from engine.plan import Check, LevelTrace, Plan, compile_plan
from engine.preview.documents import document
from engine.sources import RowReader
from engine.sources.secondary import SecondarySource
from engine.values.paths import array_of, arrays_of
from engine.values.types import as_json

Ask = Callable[[bytes, list[dict[str, Any]]], list[bool]]
OUTCOMES = {
    "reject": "rejects the row",
    "fail": "stops the run",
    "filter": "filters the row out",
    "warn": "is counted",
    "null": "removes the value",
    "drop": "drops the element",
}
FEW = 3  # elements of an array that are shown


def trace(
    mapping: Mapping, source: RowReader, number: int, profile: ServerProfile, ask: Ask | None, *, tables: MappingOf[str, SecondarySource]
) -> Iterator[str]:
    """The trace of row `number` (data rows count from 1), as lines of text. Private values are masked.

    Raises:
        UsageError: the source has no such row.
        DataError: the source cannot be read.
    """
    plan = compile_plan(mapping, source.columns, now=datetime.now(UTC).replace(tzinfo=None), tables=tables)
    frame = _row(source, number)
    if isinstance(frame, str):
        yield f"row {number}: rejected, {frame}"
        return
    yield from _Trace(mapping, plan, frame, profile, ask).lines()


def _row(source: RowReader, number: int) -> pl.DataFrame | str:
    last = 0
    for batch in source.batches():
        for record in batch.malformed:
            if record.row == number:
                return f"{record.code}: {record.message}"
        found = batch.row(number)
        if len(found):
            return found
        last = max(last, batch.last)
    raise UsageError(finding("no_row", f"there is no row {number}; the source has {last:,}", hint="rows count from 1, after the header"))


class _Trace:
    def __init__(self, mapping: Mapping, plan: Plan, frame: pl.DataFrame, profile: ServerProfile, ask: Ask | None) -> None:
        self.mapping, self.plan, self.ask = mapping, plan, ask
        done = plan.evaluate(frame)
        self.row, self.levels = done.row(0), plan.traces(done)
        self.said = {(entry.subject, entry.what): entry for entry in enforcement(mapping, profile)}
        self.conditions = conditions(mapping, profile)
        self.verdicts: dict[str, bool] = {}
        if ask:
            queries = list(self.conditions.items())
            raw = plan.encode(plan.with_placeholder_ids(done))[0]
            self.verdicts = dict(zip((name for name, _ in queries), ask(raw, [query for _, query in queries]), strict=True))

    def lines(self) -> Iterator[str]:
        """Fields, rules, document."""
        broken = [check for check in self.plan.checks if self.row.breaks(check) and check.outcome in ("reject", "fail", "filter")]
        yield f"row {self.row.number}: " + (f"{_end(broken)} by {', '.join(check.code for check in broken)}" if broken else "accepted")
        arrays = {array.path: array for array in self.mapping.arrays}
        for field in self.plan.mapping.fields:
            for path in reversed([*arrays_of(field.path)]):
                if path in arrays:
                    yield from self.array(arrays.pop(path))
            yield from self.field(field)
        for rule in self.mapping.rules:
            yield from self.rule(rule)
        yield "document" + (" that it would have become" if broken else "")
        yield f"  engine  {'no' if broken else 'yes'}"
        yield f"  server  {self.server('document')}"
        yield "  " + document(self.plan, self.row).replace("\n", "\n  ")

    def array(self, array: Array) -> Iterator[str]:
        """How many elements an array has, and the verdicts on it."""
        count = len(self.levels[array.path])
        yield f"{array.path}  {count:,} element{'s' * (count != 1)} from {_made_of(array)}" + ("" if array.embed else "  (not stored)")
        yield from self.checks(array.path)

    def field(self, field: Field) -> Iterator[str]:
        """A field's cell, its steps, its value and the verdicts on it; in an array, the values of all elements side by side."""
        level = self.levels[array_of(field.path)]
        yield f"{field.path}  {_origin(field)}" + ("  (private)" if field.private else "")
        yield from self.found(field, level)
        for name, texts in self.steps(field, level):
            yield f"  {name:<12} {self.shown(field, texts)}"
        if field.when:
            yield f"  {'when':<12} {_few(['holds' if holds else 'does not hold: no value' for holds in level.condition(field)])}"
        values = level.values(field)
        kind = "" if all(value is None for value in values) else f"  {field.type.bson_type}"
        yield f"  {field.type.name:<12} {self.shown(field, values)}{kind}"
        yield from self.checks(field.path)
        if not array_of(field.path) and self.row.values[field.path] is None:
            yield f"  document     {'null' if field.writes_null else 'no such field'}"
        yield f"  server       {self.server(field.path)}"

    def checks(self, path: str) -> Iterator[str]:
        """The verdicts on a field or array."""
        for check in self.plan.checks:
            if check.path == path:
                yield f"  {check.code:<12} engine: {self.engine(check)}; server: {self.enforced(check.path, check.code)}"

    def found(self, field: Field, level: LevelTrace) -> Iterator[str]:
        """Whether the lookup that a field reads has a row."""
        name = field.column.lookup if field.column else ""
        if name and (found := level.lookup(name)):
            said = ["has no key" if one is None else "finds a row" if one else "finds no row" for one in found]
            yield f"  {'lookup':<12} {name}: {_few(said)}"

    def steps(self, field: Field, level: LevelTrace) -> Iterator[tuple[str, list[Any]]]:
        """Each step's name and the text after it; null values only where they remove the text."""
        before: list[Any] = []
        for name, found in level.steps(field):
            if name != "when" and (name not in ("null_values", "default") or found != before):
                yield name, found
            before = found

    def rule(self, rule: Rule) -> Iterator[str]:
        """A rule and the verdicts on it."""
        check = next(check for check in self.plan.checks if not check.path and check.code == rule.name)
        yield f"rule {rule.name}  {rule.text}"
        yield f"  engine       {self.engine(check)}"
        enforcement = self.said["rule", rule.name]
        yield f"  server       {self.server(f'rule {rule.name}') if not enforcement.reason else f'not enforced, {enforcement.reason}'}"

    def engine(self, check: Check) -> str:
        """The engine's verdict on one check."""
        return f"broken, {check.message}: {OUTCOMES[check.outcome]}" if self.row.breaks(check) else "holds"

    def enforced(self, path: str, code: str) -> str:
        """Whether the server enforces a check."""
        what = next((what for subject, what in self.said if subject == path and (what == code or what.split(" ")[0] == code)), None)
        enforcement: Enforcement | None = self.said[path, what] if what else None
        if enforcement is None:
            return "not enforced, it applies to loading only"
        return f"not enforced, {enforcement.reason}" if enforcement.reason else "enforces it too"

    def server(self, name: str) -> str:
        """The server's verdict on a field, a rule or the document."""
        if name not in self.conditions:
            return "does not check it"
        if not self.ask:
            return "was not asked"
        return "accepts" if self.verdicts[name] else "refuses"

    def shown(self, field: Field, values: list[Any]) -> str:
        """Texts or values, masked where the field is private."""
        return _few([_value(value, private=field.private) for value in values[:FEW]], len(values))


def _few(said: list[str], count: int | None = None) -> str:
    """The first ones, and how many more there are."""
    count = len(said) if count is None else count
    return ", ".join(said[:FEW]) + (f", … and {count - FEW:,} more" if count > FEW else "") if count else "no element"


def _value(value: Any, *, private: bool) -> str:
    if value is None:
        return "missing"
    if private:
        return MASK
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    return json.dumps(as_json(value), ensure_ascii=False)


def _made_of(array: Array) -> str:
    match array.origin:
        case RowsOrigin(source):
            return source or "the rows of the group"
        case Numbered(names):
            return f"columns numbered {names[0]} to {names[-1]}"
        case Columns(pattern):
            return f"columns that match {pattern}"
        case Split(column) | Json(column):
            return f"column {column.written!r}"


def _end(broken: list[Check]) -> str:
    outcomes = {check.outcome for check in broken}
    return "stops the run, refused" if "fail" in outcomes else "filtered" if "filter" in outcomes else "rejected"


def _origin(field: Field) -> str:
    if field.columns:
        return f"from column{'s' * (len(field.columns) > 1)} {' and '.join(repr(column.written) for column in field.columns)}"
    return "computed" if field.compute else f"the load's {field.meta}" if field.meta else "a constant"
