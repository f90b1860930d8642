"""A mapping, compiled once into polars expressions; after this, nothing on the batch path looks at the mapping.

The expressions run in stages, each over the columns that the one before it made: cell texts, values, flags of the fields' checks,
computed fields, flags of the rules. A flag is a Boolean column, true where a row breaks the check; flags are never null.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from engine.bson import Document, Encoder, Scalar, compile_shape
from engine.constraints import CONSTRAINTS, holds
from engine.errors import DataError, Finding, suggest
from engine.keys import RowKey
from engine.model import ID, ROW_KEY, Field, Mapping
from engine.sources.batch import ROW
from engine.transforms import apply as apply_transforms

Stage = tuple[pl.Expr, ...]
KeyParts = str | tuple[str, ...]
SHOWN_COLUMNS = 20
CELL = "\0cell "  # before a source column's name, so that it cannot meet a path


@dataclass(frozen=True)
class Check:
    """One thing that a row can break. `outcome` is reject, filter, warn, null or fail; `flag` names the Boolean column that says so."""

    code: str
    path: str
    column: str
    message: str
    outcome: str
    flag: str


@dataclass(frozen=True)
class Verdicts:
    """What became of one batch. The frames hold ROW, the source cells (`CELL` + name), the values by path and the flags of the checks.

    Filtered rows are only counted.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    filtered: int


@dataclass(frozen=True)
class Plan:
    """A compiled mapping for one header.

    `columns` are the source's; the frames given to `apply` have them and ROW. `keys` gives what a row is known by.
    """

    mapping: Mapping
    columns: tuple[str, ...]
    stages: tuple[Stage, ...]
    checks: tuple[Check, ...]
    keys: dict[KeyParts, RowKey]
    encoder: Encoder = field(repr=False)
    warnings: tuple[str, ...] = ()

    def evaluate(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Run the stages over a batch: its rows with cells, texts, values and flags, none of them judged yet."""
        lazy = frame.lazy().rename({name: CELL + name for name in self.columns})
        for stage in self.stages:
            lazy = lazy.with_columns(*stage)
        return lazy.collect()

    def apply(self, frame: pl.DataFrame) -> Verdicts:
        """Run the stages over a batch. Raises DataError where a check with outcome `fail` is broken."""
        done = self.evaluate(frame)
        broken = self.count(done, self.checks)
        if not broken:
            return Verdicts(done, done.clear(), 0)
        kept = done.filter(~_any(broken, "filter"))
        self._stop_at_failures(kept, broken)
        rejected = _any(broken, "reject")
        return Verdicts(kept.filter(~rejected), kept.filter(rejected), len(done) - len(kept))

    def count(self, done: pl.DataFrame, checks: Iterable[Check]) -> dict[Check, int]:
        """How many rows break each check; checks that no row breaks are left out."""
        checks = list(checks)
        sums: tuple[int, ...] = done.select(pl.col([check.flag for check in checks]).sum()).row(0) if checks else ()
        return {check: count for check, count in zip(checks, sums, strict=True) if count}

    def _stop_at_failures(self, done: pl.DataFrame, broken: Iterable[Check]) -> None:
        for check in broken:
            if check.outcome == "fail" and len(rows := done.filter(pl.col(check.flag))[ROW]):
                where = f"column {check.column!r}, " if check.column else ""
                hint = "correct the row, or let the mapping reject such rows instead of failing"
                message = f"row {rows[0]}, {where}{check.path}: {check.message}"
                raise DataError(Finding(0, 0, check.code, message, hint=hint, file=self.mapping.source.path))

    def explain(self) -> str:
        """The plan as text: each field's way from column to document, and the checks in their order."""
        lines = [f"{len(self.columns)} columns -> {len(self.mapping.fields)} fields, {len(self.checks)} checks, {len(self.stages)} stages"]
        lines += [f"  {one.path:<28} {one.type.name:<9} <- {_origin(one)}" for one in self.mapping.fields]
        lines += [f"  check {check.code:<18} {check.path:<28} {check.outcome:<7} {check.message}" for check in self.checks]
        return "\n".join(lines)


def _origin(one: Field) -> str:
    if one.column is not None:
        return " | ".join([f"column {one.column!r}", *(name for name, _ in one.transforms)])
    return "computed" if one.compute else "constant"


def compile_plan(mapping: Mapping, columns: Sequence[str], *, now: datetime) -> Plan:
    """Compile a mapping for a source with these columns. Raises DataError when the header is not the one the mapping expects."""
    missing, warnings = _check_header(mapping, columns)
    read = [one for one in mapping.fields if one.compute is None]
    computed = [one for one in mapping.fields if one.compute is not None]
    checks = _Checks()
    stages: list[Stage] = [
        tuple(_text(one, missing) for one in read),
        tuple(_value(one) for one in read),
        tuple(flag for one in read for flag in checks.of_field(one)),
        tuple(_nulled(one, checks) for one in read if one.on_error == "null"),
    ]
    for one in computed:
        stages += [_computed(one, now), tuple(checks.of_field(one))]
        stages += [(_nulled(one, checks),)] if one.on_error == "null" else []
    stages.append(tuple(checks.of_rules(mapping, now)))
    return Plan(
        mapping=mapping,
        columns=tuple(columns),
        stages=tuple(stage for stage in stages if stage),
        checks=tuple(checks.found),
        keys=_keys(mapping, columns),
        encoder=compile_shape(shape(mapping)),
        warnings=tuple(warnings),
    )


def _check_header(mapping: Mapping, columns: Sequence[str]) -> tuple[set[str], list[str]]:
    wanted = dict(mapping.columns)
    missing = {name for name in wanted if name not in columns}
    extra = [name for name in columns if name not in wanted]
    file = str(mapping.file)
    if missing and mapping.source.missing == "fail":
        found = ", ".join(map(repr, columns[:SHOWN_COLUMNS])) + (" …" if len(columns) > SHOWN_COLUMNS else "")
        raise DataError(
            [
                Finding(wanted[name].line, 1, "missing_column", f"the source has no column {name!r}; it has {found}",
                        wanted[name].path, suggest(name, extra) or "correct the column, or source.columns.missing: 'null'", file)
                for name in sorted(missing)
            ]
        )  # fmt: skip
    if extra and mapping.source.extra == "fail":
        names = ", ".join(map(repr, extra))
        raise DataError(Finding(0, 0, "extra_column", f"the source has columns that no field reads: {names}", hint="map them", file=file))
    warnings = [f"column {name!r} is not in the source: its cells count as empty" for name in sorted(missing)]
    if extra and mapping.source.extra == "warn":
        warnings.append(f"columns that no field reads: {', '.join(map(repr, extra))}")
    return missing, warnings


def _any(checks: Iterable[Check], outcome: str) -> pl.Expr:
    flags = [check.flag for check in checks if check.outcome == outcome]
    return pl.any_horizontal(flags) if flags else pl.lit(value=False)


# cells to values


def _raw(one: Field) -> str:
    return f"\0raw {one.path}"


def _text(one: Field, missing: set[str]) -> pl.Expr:
    """The cell's text after null values and transforms; null is a missing value."""
    return list(way(one, missing))[-1][1].alias(_raw(one))


def way(one: Field, missing: Container[str] = ()) -> Iterator[tuple[str, pl.Expr]]:
    """A field's way from its cell to the text that its type reads, step by step: each step's name, and the text after it."""
    if one.column is None:
        yield "value", pl.lit(one.value)
        return
    text = pl.lit(None, dtype=pl.String) if one.column in missing else pl.col(CELL + one.column)
    yield "cell", text
    text = _without_nulls(text, one.null_values)
    yield "null_values", text
    for step in one.transforms:
        text = apply_transforms(text, (step,))
        yield step[0], text
    if one.transforms:
        yield "null_values", (text := _without_nulls(text, one.null_values))
    if one.default is not None:
        yield "default", text.fill_null(one.default)


def _without_nulls(text: pl.Expr, null_values: Sequence[str]) -> pl.Expr:
    if not null_values:
        return text
    absent = text == null_values[0] if len(null_values) == 1 else text.is_in(list(null_values))
    return pl.when(~absent).then(text)


def _value(one: Field) -> pl.Expr:
    return one.type.parse(pl.col(_raw(one)), one.options).cast(one.type.dtype).alias(one.path)


def _computed(one: Field, now: datetime) -> Stage:
    """The expression's value, and the same in the field's type: null where it does not fit."""
    assert one.compute is not None
    return one.compute.to_polars(now).alias(_raw(one)), one.compute.to(one.type.name).to_polars(now).alias(one.path)


def _sound(one: Field) -> pl.Expr:
    """Whether there is a value, and it meets the field's constraints."""
    value = pl.col(one.path)
    return value.is_not_null() & holds(one.constraints, value, one.type.name) if one.constraints else value.is_not_null()


class _Checks:
    """Collects the checks and gives their flag expressions."""

    def __init__(self) -> None:
        self.found: list[Check] = []

    def _add(self, one: Field | None, code: str, message: str, *, outcome: str, broken: pl.Expr) -> pl.Expr:
        flag = f"\0flag {len(self.found)}"
        self.found.append(Check(code, one.path if one else "", (one and one.column) or "", message, outcome, flag))
        return broken.alias(flag)

    def of_field(self, one: Field) -> Iterable[pl.Expr]:
        raw, value = pl.col(_raw(one)), pl.col(one.path)
        if one.required:
            outcome = "fail" if one.on_error == "fail" or one.empty == "fail" else "reject"
            broken = ~_sound(one) if one.on_error == "null" else raw.is_null()
            yield self._add(one, "required", "a value is required", outcome=outcome, broken=broken)
        elif one.empty == "fail":
            yield self._add(one, "empty", "the cell is empty", outcome="fail", broken=raw.is_null())
        if one.type.name != "string" or one.compute:
            message = f"expected {one.type.expects}" + (f" ({' or '.join(one.options.format)})" if one.type.name == "date" else "")
            yield self._add(one, "type", message, outcome=one.on_error, broken=raw.is_not_null() & value.is_null())
        for name, limit in one.constraints.items():
            row = CONSTRAINTS[name]
            broken = value.is_not_null() & ~row.holds(value, limit, one.type.name)
            yield self._add(one, name, f"expected {row.says(limit)}", outcome=one.on_error, broken=broken)

    def of_rules(self, mapping: Mapping, now: datetime) -> Iterable[pl.Expr]:
        for rule in mapping.rules:
            message = rule.description or f"must hold: {rule.text}"
            yield self._add(None, rule.name, message, outcome=rule.on_fail, broken=~rule.check.check_polars(now))

    def flags_of(self, one: Field, outcome: str) -> list[str]:
        return [check.flag for check in self.found if check.path == one.path and check.outcome == outcome]


def _nulled(one: Field, checks: _Checks) -> pl.Expr:
    """`on_error: null`: a bad value becomes a missing one (its flag stays, and is counted)."""
    broken = checks.flags_of(one, "null")
    return pl.when(~pl.any_horizontal(broken)).then(pl.col(one.path)).alias(one.path) if broken else pl.col(one.path)


# keys and shape


def _keys(mapping: Mapping, columns: Sequence[str]) -> dict[KeyParts, RowKey]:
    wanted = [mapping.identity.hash if mapping.identity else None, mapping.dedup.on if mapping.dedup else None]
    return {on: _key(on, mapping, columns) for on in wanted if on}


def _key(on: KeyParts, mapping: Mapping, columns: Sequence[str]) -> RowKey:
    """The whole row (its cells, in the order of the columns' names), or the listed paths and columns."""
    if on == ROW_KEY:
        return RowKey(tuple(pl.col(CELL + name) for name in sorted(columns)))
    paths = {one.path: one for one in mapping.fields}
    for name in on:
        if name not in paths and name not in columns:
            message = f"{name!r} is neither a field nor a column of the source"
            raise DataError(Finding(0, 0, "unknown_key_column", message, hint=suggest(name, [*paths, *columns]), file=str(mapping.file)))
    return RowKey(tuple(_as_text(paths[name]) if name in paths else pl.col(CELL + name) for name in on))


def _as_text(one: Field) -> pl.Expr:
    value = pl.col(one.path)
    return value.bin.encode("hex") if one.type.dtype == pl.Binary else value.cast(pl.String)


def shape(mapping: Mapping) -> Document:
    """The document's shape: `_id` first, then the fields in the order of the mapping, nested where paths have points."""
    tree: dict[str, object] = {ID: Scalar(ID, mapping.id_type.name)}
    for one in mapping.fields:
        *parents, last = one.path.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})  # type: ignore[assignment]
        node[last] = Scalar(one.path, one.type.name, null=one.writes_null)
    return _document(tree)


def _document(tree: dict[str, object]) -> Document:
    return Document(tuple((name, _document(node) if isinstance(node, dict) else node) for name, node in tree.items()))  # type: ignore[misc]
