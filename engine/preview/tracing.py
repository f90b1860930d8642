"""One row's way, cell by cell: raw text, each transform, typed value, BSON type, and each verdict of engine and server.

The server's verdicts come from `ask`, which has a real server match a document against a query, and stores nothing. Without it the lines
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
from engine.errors import UsageError, problem
from engine.mapping.columns import lookup_of
from engine.mapping.model import Array, Child, Columns, Field, Json, Mapping, Numbered, Rule, Split
from engine.mapping.profiles import Profile
from engine.plan import CELL, Check, Level, Plan, compile_plan, value_of, way, when_name
from engine.plan.joins import PARENT, Join
from engine.preview.documents import MASK, document, plain
from engine.sources import Rows
from engine.sources.batch import ROW
from engine.sources.secondary import Table
from engine.values.paths import array_of, arrays_of

Ask = Callable[[bytes, list[dict[str, Any]]], list[bool]]
OUTCOMES = {
    "reject": "rejects the row",
    "fail": "stops the run",
    "filter": "leaves the row out",
    "warn": "is counted",
    "null": "takes the value away",
    "drop": "leaves the element out",
}
FEW = 3  # elements of an array that are shown


def trace(
    mapping: Mapping, source: Rows, number: int, profile: Profile, ask: Ask | None, *, tables: MappingOf[str, Table]
) -> Iterator[str]:
    """Lines of text for row `number` (data rows count from 1). Private values are masked.

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


def _row(source: Rows, number: int) -> pl.DataFrame | str:
    last = 0
    for batch in source.batches():
        for record in batch.malformed:
            if record.row == number:
                return f"{record.code}: {record.message}"
        found = batch.frame.filter(pl.col(ROW) == number)
        if len(found):
            return found
        last = max([last, *batch.frame[ROW].tail(1), *(record.row for record in batch.malformed)])
    raise UsageError(problem("no_row", f"there is no row {number}; the source has {last:,}", hint="rows count from 1, after the header"))


class _Trace:
    def __init__(self, mapping: Mapping, plan: Plan, frame: pl.DataFrame, profile: Profile, ask: Ask | None) -> None:
        self.mapping, self.plan, self.ask = mapping, plan, ask
        self.done = plan.evaluate(frame)
        self.row = self.done.row(0, named=True)
        self.levels = dict(_levels("", plan.level, self.done))
        self.said = {(one.subject, one.what): one for one in enforcement(mapping, profile)}
        self.conditions = conditions(mapping, profile)
        self.verdicts: dict[str, bool] = {}
        if ask:
            queries = list(self.conditions.items())
            raw = plan.encoder.encode(with_id(mapping, self.done))[0]
            self.verdicts = dict(zip((name for name, _ in queries), ask(raw, [query for _, query in queries]), strict=True))

    def lines(self) -> Iterator[str]:
        """Fields, rules, document."""
        broken = [check for check in self.plan.checks if self.row[check.flag] and check.outcome in ("reject", "fail", "filter")]
        yield f"row {self.row[ROW]}: " + (f"{_end(broken)} by {', '.join(check.code for check in broken)}" if broken else "accepted")
        arrays = {one.path: one for one in self.mapping.arrays}
        for one in self.plan.mapping.fields:
            for path in reversed([*arrays_of(one.path)]):
                if path in arrays:
                    yield from self.array(arrays.pop(path))
            yield from self.field(one)
        for rule in self.mapping.rules:
            yield from self.rule(rule)
        yield "document" + (" that it would have been" if broken else "")
        yield f"  engine  {'no' if broken else 'yes'}"
        yield f"  server  {self.server('document')}"
        yield "  " + document(self.plan, self.row).replace("\n", "\n  ")

    def array(self, one: Array) -> Iterator[str]:
        """How many elements an array has, and the verdicts on it."""
        _, frame = self.levels[one.path]
        yield f"{one.path}  {len(frame):,} element{'s' * (len(frame) != 1)} from {_made_of(one)}" + ("" if one.embed else "  (not stored)")
        yield from self.checks(one.path)

    def field(self, one: Field) -> Iterator[str]:
        """A field's cell, its steps, its value and the verdicts on it; in an array, the values of its elements side by side."""
        level, frame = self.levels[array_of(one.path)]
        yield f"{one.path}  {_origin(one)}" + ("  (private)" if one.private else "")
        yield from self.found(one, level, frame)
        for name, texts in self.steps(one, frame):
            yield f"  {name:<12} {self.shown(one, texts)}"
        if one.when:
            yield f"  {'when':<12} {_few(['holds' if holds else 'does not hold: no value' for holds in frame[when_name(one)]])}"
        typed = frame[one.path] if one.compute else frame.select(value_of(one)).to_series()
        kind = "" if typed.null_count() == len(typed) else f"  {one.type.bson_type}"
        yield f"  {one.type.name:<12} {self.shown(one, typed.to_list())}{kind}"
        yield from self.checks(one.path)
        if not array_of(one.path) and self.row[one.path] is None:
            yield f"  document     {'null' if one.writes_null else 'no such field'}"
        yield f"  server       {self.server(one.path)}"

    def checks(self, path: str) -> Iterator[str]:
        """The verdicts on a field or array."""
        for check in self.plan.checks:
            if check.path == path:
                yield f"  {check.code:<12} engine: {self.engine(check)}; server: {self.enforced(check.path, check.code)}"

    def found(self, one: Field, level: Level, frame: pl.DataFrame) -> Iterator[str]:
        """Whether the lookup that a field reads has a row."""
        known = lookup_of(self.mapping, one.column or "")
        for join in (step for step in level.lookups if isinstance(step, Join) and known and step.name == known[0].name):
            asked = frame.select(pl.all_horizontal(key.is_not_null() for key in join.keys.of_ours())).to_series()
            said = [
                "finds no row" if lost else "finds a row" if key else "has no key"
                for lost, key in zip(frame[join.unmatched], asked, strict=True)
            ]
            yield f"  {'lookup':<12} {join.name}: {_few(said)}"

    def steps(self, one: Field, frame: pl.DataFrame) -> Iterator[tuple[str, list[Any]]]:
        """Each step's name and the text after it; the null values only where they take the text away."""
        before: list[Any] = []
        missing = {name for name in one.columns if CELL + name not in frame.columns}
        for name, text in () if one.compute else way(one, missing):
            found = frame.with_columns(text.alias(PARENT))[PARENT].to_list()
            if name != "when" and (name not in ("null_values", "default") or found != before):
                yield name, found
            before = found

    def rule(self, rule: Rule) -> Iterator[str]:
        """A rule and the verdicts on it."""
        check = next(check for check in self.plan.checks if not check.path and check.code == rule.name)
        yield f"rule {rule.name}  {rule.text}"
        yield f"  engine       {self.engine(check)}"
        one = self.said["rule", rule.name]
        yield f"  server       {self.server(f'rule {rule.name}') if not one.why else f'not enforced, {one.why}'}"

    def engine(self, check: Check) -> str:
        """The engine's verdict on one check."""
        return f"broken, {check.message}: {OUTCOMES[check.outcome]}" if self.row[check.flag] else "holds"

    def enforced(self, path: str, code: str) -> str:
        """Whether the server enforces a check."""
        what = next((what for subject, what in self.said if subject == path and (what == code or what.split(" ")[0] == code)), None)
        one: Enforcement | None = self.said[path, what] if what else None
        if one is None:
            return "not enforced, it is about loading"
        return f"not enforced, {one.why}" if one.why else "enforces it too"

    def server(self, name: str) -> str:
        """The server's verdict on a field, a rule or the document."""
        if name not in self.conditions:
            return "has no say"
        if not self.ask:
            return "was not asked"
        return "accepts" if self.verdicts[name] else "refuses"

    def shown(self, one: Field, values: list[Any]) -> str:
        """Texts or values, masked where the field is private."""
        return _few([_value(value, private=one.private) for value in values[:FEW]], len(values))


def _levels(path: str, level: Level, frame: pl.DataFrame) -> Iterator[tuple[str, tuple[Level, pl.DataFrame]]]:
    """All levels by their array, with their rows."""
    yield path, (level, frame)
    for array in level.arrays:
        yield from _levels(array.path, array.level, array.made(frame.drop(PARENT, strict=False).with_row_index(PARENT)))


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
    return json.dumps(plain(value), ensure_ascii=False)


def _made_of(one: Array) -> str:
    match one.origin:
        case Child(source):
            return source or "the rows of the group"
        case Numbered(names):
            return f"columns numbered {names[0]} to {names[-1]}"
        case Columns(pattern):
            return f"columns that match {pattern}"
        case Split(column) | Json(column):
            return f"column {column!r}"


def with_id(mapping: Mapping, done: pl.DataFrame) -> pl.DataFrame:
    """The row with an `_id` of the right type where the engine gives it: its value decides nothing."""
    size = {"uuid": 16, "objectId": 12}.get(mapping.id_type.name, 0)
    return done.with_columns(pl.lit(bytes(size)).alias("_id")) if mapping.identity else done


def _end(broken: list[Check]) -> str:
    outcomes = {check.outcome for check in broken}
    return "stops the run, refused" if "fail" in outcomes else "filtered" if "filter" in outcomes else "rejected"


def _origin(one: Field) -> str:
    if one.columns:
        return f"from column{'s' * (len(one.columns) > 1)} {' and '.join(map(repr, one.columns))}"
    return "computed" if one.compute else f"the load's {one.meta}" if one.meta else "a constant"
