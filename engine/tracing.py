"""One row's way, cell by cell: raw text, each transform, typed value, BSON type, and each verdict of engine and server.

The server's verdicts come from `ask`, which has a real server match a document against a query, and stores nothing. Without it the lines
say what the server would enforce.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl

from engine.errors import UsageError, problem
from engine.model import Field, Mapping, Rule
from engine.plan import Check, Plan, compile_plan, way
from engine.preview import MASK, document, plain
from engine.profiles import Profile
from engine.sources.batch import ROW
from engine.sources.csv import CsvFile
from engine.validators import Enforcement, conditions, enforcement

Ask = Callable[[bytes, list[dict[str, Any]]], list[bool]]
OUTCOMES = {
    "reject": "rejects the row",
    "fail": "stops the run",
    "filter": "leaves the row out",
    "warn": "is counted",
    "null": "takes the value away",
}


def trace(mapping: Mapping, source: CsvFile, number: int, profile: Profile, ask: Ask | None) -> Iterator[str]:
    """Lines of text for row `number` (data rows count from 1). Private values are masked.

    Raises:
        UsageError: the source has no such row.
        DataError: the source cannot be read.
    """
    plan = compile_plan(mapping, source.columns, now=datetime.now(UTC).replace(tzinfo=None))
    frame = _row(source, number)
    if isinstance(frame, str):
        yield f"row {number}: rejected, {frame}"
        return
    yield from _Trace(mapping, plan, frame, profile, ask).lines()


def _row(source: CsvFile, number: int) -> pl.DataFrame | str:
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
        for one in self.mapping.fields:
            yield from self.field(one)
        for rule in self.mapping.rules:
            yield from self.rule(rule)
        yield "document" + (" that it would have been" if broken else "")
        yield f"  engine  {'no' if broken else 'yes'}"
        yield f"  server  {self.server('document')}"
        yield "  " + document(self.plan, self.row).replace("\n", "\n  ")

    def field(self, one: Field) -> Iterator[str]:
        """A field's cell, its steps, its value and the verdicts on it."""
        yield f"{one.path}  {_origin(one)}" + ("  (private)" if one.private else "")
        for name, text in self.steps(one):
            yield f"  {name:<12} {self.shown(one, text)}"
        typed = self.typed(one)
        kind = "" if typed is None else f"  {one.type.bson_type}"
        yield f"  {one.type.name:<12} {self.shown(one, typed)}{kind}"
        for check in self.plan.checks:
            if check.path == one.path:
                yield f"  {check.code:<12} engine: {self.engine(check)}; server: {self.enforced(check.path, check.code)}"
        final = self.row[one.path]
        if final is None:
            yield f"  document     {'null' if one.writes_null else 'no such field'}"
        yield f"  server       {self.server(one.path)}"

    def steps(self, one: Field) -> Iterator[tuple[str, Any]]:
        """Each step's name and the text after it; the null values only where they take the text away."""
        if one.compute:
            return
        before: Any = None
        for name, text in way(one, {one.column} if one.column and one.column not in self.plan.columns else ()):
            found = self.done.select(text).item()
            if name not in ("null_values", "default") or found != before:
                yield name, found
            before = found

    def typed(self, one: Field) -> Any:
        """The value before a constraint took it away."""
        if one.compute:
            return self.row[one.path]
        text = list(way(one, {one.column} if one.column and one.column not in self.plan.columns else ()))[-1][1]
        return self.done.select(one.type.parse(text, one.options)).item()

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

    def shown(self, one: Field, value: Any) -> str:
        """A text or value, masked where the field is private."""
        if value is None:
            return "missing"
        if one.private:
            return MASK
        if isinstance(value, datetime):
            return value.isoformat(timespec="milliseconds") + "Z"
        return json.dumps(plain(value), ensure_ascii=False)


def with_id(mapping: Mapping, done: pl.DataFrame) -> pl.DataFrame:
    """The row with an `_id` of the right type where the engine gives it: its value decides nothing."""
    size = {"uuid": 16, "objectId": 12}.get(mapping.id_type.name, 0)
    return done.with_columns(pl.lit(bytes(size)).alias("_id")) if mapping.identity else done


def _end(broken: list[Check]) -> str:
    outcomes = {check.outcome for check in broken}
    return "stops the run, refused" if "fail" in outcomes else "filtered" if "filter" in outcomes else "rejected"


def _origin(one: Field) -> str:
    return f"from column {one.column!r}" if one.column is not None else "computed" if one.compute else "a constant"
