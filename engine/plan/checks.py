"""What a row can break: the checks of fields and rules, each with the expression of its flag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import polars as pl

from engine.expressions.array_constraints import ARRAY_CONSTRAINTS
from engine.expressions.constraints import CONSTRAINTS, holds
from engine.mapping.columns import row_columns
from engine.mapping.model import Array, Field, Lookup, Mapping, OnConflict, Rule
from engine.plan.cells import checks_map
from engine.plan.names import cell_name, conflict_name, flag_name, raw_name, unmapped_name, unmatched_name, when_name
from engine.values.frames import col, member
from engine.values.paths import MARK
from engine.values.types import expected, type_table

Outcome = Literal["reject", "filter", "warn", "null", "fail", "drop", "ignore"]
"""What a broken check does: to the row, to the value (null), to the element of an array (drop), to the run (fail)."""


@dataclass(frozen=True)
class Check:
    """One thing that a row can break. `flag` names the Boolean column that says so."""

    code: str
    path: str
    column: str
    message: str
    outcome: Outcome
    flag: str


def broken_by(checks: Iterable[Check], outcome: Outcome) -> pl.Expr:
    """Rows that break one of the checks with this outcome."""
    flags = [check.flag for check in checks if check.outcome == outcome]
    return pl.any_horizontal(flags) if flags else pl.lit(value=False)


def _sound(field: Field) -> pl.Expr:
    """Whether there is a value, and it meets the field's constraints."""
    value = col(field.path)
    return value.is_not_null() & holds(field.constraints, value, field.type.name) if field.constraints else value.is_not_null()


DAMAGED = r"^[+-]?[0-9](?:[.,][0-9]{1,14})?[eE]\+[0-9]{2,3}$"
"""A number of few digits in scientific notation, as spreadsheets show and then save a long one."""
DAMAGED_MESSAGE = "a number that a spreadsheet rounded, so that different numbers look the same; take it from the original"


def _applies(field: Field, broken: pl.Expr) -> pl.Expr:
    """Only where the field's condition holds."""
    return col(when_name(field.path)) & broken if field.when else broken


@dataclass(frozen=True)
class Checks:
    """Collects the checks of all levels in `found`, and gives their flag expressions.

    `dropping`: what would reject the document drops only the element of an array.
    """

    found: list[Check]
    dropping: bool = False

    def _add(self, field: Field | None, code: str, message: str, *, outcome: Outcome, broken: pl.Expr) -> pl.Expr:
        return self.add(
            code,
            field.path if field else "",
            message,
            column=str(next(iter(field.columns), "")) if field else "",
            outcome=outcome,
            broken=broken,
        )

    def add(self, code: str, path: str, message: str, *, outcome: Outcome, broken: pl.Expr, column: str = "") -> pl.Expr:
        """Add a check; gives its flag expression."""
        flag = flag_name(len(self.found))
        outcome = "drop" if self.dropping and outcome == "reject" else outcome
        self.found.append(Check(code, path, column, message, outcome, flag))
        return broken.alias(flag)

    def field_flags(self, field: Field) -> Iterable[pl.Expr]:
        """Flags of the field's policies, type and constraints."""
        raw, value = col(raw_name(field.path)), col(field.path)
        if field.required:
            outcome: Outcome = "fail" if field.on_error == "fail" or field.empty == "fail" else "reject"
            broken = ~_sound(field) if field.on_error == "null" else raw.is_null()
            yield self._add(field, "required", "a value is required", outcome=outcome, broken=_applies(field, broken))
        elif field.empty == "fail":
            yield self._add(field, "empty", "the cell is empty", outcome="fail", broken=_applies(field, raw.is_null()))
        yield from self._of_text(field, raw, value)
        for name, limit in field.constraints.items():
            row = CONSTRAINTS[name]
            broken = value.is_not_null() & ~row.holds(value, limit, field.type.name)
            yield self._add(field, name, f"expected {row.describe(limit)}", outcome=field.on_error, broken=broken)

    def _of_text(self, field: Field, raw: pl.Expr, value: pl.Expr) -> Iterable[pl.Expr]:
        """Flags of a text that is not a value."""
        known = raw.is_not_null()
        if checks_map(field):
            yield self._add(
                field, "map", "this text is not in the map", outcome=field.on_error, broken=known & col(unmapped_name(field.path))
            )
            known &= ~col(unmapped_name(field.path))
        if not field.type.any_text or field.compute:
            message = f"expected {expected(field.type, field.options)}"
            yield self._add(field, "type", message, outcome=field.on_error, broken=known & value.is_null())
        elif field.identifies_row:
            outcome: Outcome = "fail" if field.on_error == "fail" else "reject"  # without its key, a row would be taken for others
            yield self._add(field, "damaged_key", DAMAGED_MESSAGE, outcome=outcome, broken=known & raw.str.contains(DAMAGED))

    def key_flags(self, mapping: Mapping, columns: Iterable[str]) -> Iterable[pl.Expr]:
        """Flags of the columns that identify rows, though no such field is mapped from them."""
        on = [mapping.dedup and mapping.dedup.on, mapping.identity and mapping.identity.hash]
        named = dict.fromkeys(name for names in on if isinstance(names, tuple) for name in names)
        fields = {name for field in mapping.fields if field.identifies_row for name in (field.path, *map(str, field.columns))}
        for name in named:
            if name in columns and name not in fields:
                broken = col(cell_name(name)).str.contains(DAMAGED)
                yield self.add("damaged_key", "", DAMAGED_MESSAGE, column=name, outcome="reject", broken=broken)

    def rule_flags(self, rules: Iterable[Rule], now: datetime) -> Iterable[pl.Expr]:
        """Flags of the rules."""
        for rule in rules:
            message = rule.description or f"must hold: {rule.text}"
            yield self._add(None, rule.name, message, outcome=rule.on_fail, broken=~rule.check.check_polars(now))

    def conflict_flag(self, field: Field, outcome: OnConflict) -> pl.Expr:
        """The flag of groups whose rows differ in a field."""
        message = "the rows of a group differ" + (", the first value counts" if outcome == "warn" else "")
        return self._add(field, "conflict", message, outcome=outcome, broken=col(conflict_name(field.path)).fill_null(value=False))

    def lookup_flag(self, lookup: Lookup) -> pl.Expr:
        """The flag of rows whose key the secondary source does not have."""
        names = ", ".join(map(str, row_columns(lookup.origin)))
        message = f"{lookup.name} has no row with this {names}"
        return self.add("unmatched", "", message, column=names, outcome=lookup.unmatched, broken=col(unmatched_name(lookup.name)))

    def array_flags(self, array: Array, types: MappingOf[str, str], stored: Sequence[str]) -> Iterable[pl.Expr]:
        """Flags of the array's own policies and constraints; `types` are the names of those of fields, by path.

        `stored` are the paths of what its elements hold, in order.
        """
        if array.empty == "fail":
            yield self.add("empty", array.path, "the array has no elements", outcome="fail", broken=col(array.path).is_null())
        for name, limit in array.constraints.items():
            row = ARRAY_CONSTRAINTS[name]
            broken = ~row.holds(col(array.path), limit, types.get(f"{array.path}{MARK}", ""))
            yield self.add(
                name, array.path, f"expected {row.expects.format(limit)}", outcome="reject", broken=broken.fill_null(value=False)
            )

        if by := array.on_match.by if array.on_match else ():
            paths = [f"{array.path}{MARK}.{name}" for name in by]
            key = pl.struct(type_table[types[path]].key_text(member(pl.element(), path, stored)).alias(path) for path in paths)
            repeated = col(array.path).list.eval(key).list.n_unique() < col(array.path).list.len()
            message = f"different elements have the same {', '.join(by)}"
            yield self.add("element_key", array.path, message, outcome="reject", broken=repeated.fill_null(value=False))

    def flags_of(self, field: Field, outcome: Outcome) -> list[str]:
        """The flags of a field's checks with this outcome."""
        return [check.flag for check in self.found if check.path == field.path and check.outcome == outcome]


def null_where_broken(field: Field, checks: Checks) -> pl.Expr:
    """`on_error: null`: a bad value becomes a missing one (its flag stays, and is counted)."""
    broken = checks.flags_of(field, "null")
    return pl.when(~pl.any_horizontal(broken)).then(col(field.path)).alias(field.path) if broken else col(field.path)
