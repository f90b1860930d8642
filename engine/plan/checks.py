"""What a row can break: the checks of fields and rules, each with the expression of its flag."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from engine.expressions.bounds import comparable
from engine.expressions.constraints import CONSTRAINTS, holds
from engine.mapping.columns import our_columns
from engine.mapping.model import Array, Field, Lookup, Mapping, Rule
from engine.plan.cells import CELL, checks_map, raw_name, unmapped_name, when_name
from engine.values.types import expected


@dataclass(frozen=True)
class Check:
    """One thing that a row can break. `outcome` is reject, filter, warn, null or fail; `flag` names the Boolean column that says so."""

    code: str
    path: str
    column: str
    message: str
    outcome: str
    flag: str


def _unique(lists: pl.Expr, _limit: object, kind: str) -> pl.Expr:
    return lists.list.eval(comparable(pl.element(), kind)).list.n_unique().eq(lists.list.len())


ARRAY_CONSTRAINTS: dict[str, tuple[Callable[[pl.Expr, Any, str], pl.Expr], str]] = {
    "minItems": (lambda lists, limit, _: lists.list.len().ge(limit), "at least {} elements"),
    "maxItems": (lambda lists, limit, _: lists.list.len().le(limit), "at most {} elements"),
    "uniqueItems": (_unique, "no value twice"),
}
"""Keywords of `$jsonSchema` for arrays: the engine's verdict on a list that is there, and what it says."""


def broken_by(checks: Iterable[Check], outcome: str) -> pl.Expr:
    """Rows that break one of the checks with this outcome."""
    flags = [check.flag for check in checks if check.outcome == outcome]
    return pl.any_horizontal(flags) if flags else pl.lit(value=False)


def _sound(one: Field) -> pl.Expr:
    """Whether there is a value, and it meets the field's constraints."""
    value = pl.col(one.path)
    return value.is_not_null() & holds(one.constraints, value, one.type.name) if one.constraints else value.is_not_null()


DAMAGED = r"^[+-]?[0-9](?:[.,][0-9]{1,14})?[eE]\+[0-9]{2,3}$"
"""A number of few digits in scientific notation, as spreadsheets show and then save a long one."""
DAMAGED_SAYS = "a number that a spreadsheet has rounded, so that others look the same; take it from the original"


def _applies(one: Field, broken: pl.Expr) -> pl.Expr:
    """Only where the field's condition holds."""
    return pl.col(when_name(one)) & broken if one.when else broken


@dataclass(frozen=True)
class Checks:
    """Collects the checks of all levels in `found`, and gives their flag expressions.

    `dropping`: what would reject the document only drops the element of an array.
    """

    found: list[Check]
    dropping: bool = False

    def _add(self, one: Field | None, code: str, message: str, *, outcome: str, broken: pl.Expr) -> pl.Expr:
        return self.add(
            code, one.path if one else "", message, column=next(iter(one.columns), "") if one else "", outcome=outcome, broken=broken
        )

    def add(self, code: str, path: str, message: str, *, outcome: str, broken: pl.Expr, column: str = "") -> pl.Expr:
        """A check of its own."""
        flag = f"\0flag {len(self.found)}"
        outcome = "drop" if self.dropping and outcome == "reject" else outcome
        self.found.append(Check(code, path, column, message, outcome, flag))
        return broken.alias(flag)

    def of_field(self, one: Field) -> Iterable[pl.Expr]:
        """Flags of the field's policies, type and constraints."""
        raw, value = pl.col(raw_name(one)), pl.col(one.path)
        if one.required:
            outcome = "fail" if one.on_error == "fail" or one.empty == "fail" else "reject"
            broken = ~_sound(one) if one.on_error == "null" else raw.is_null()
            yield self._add(one, "required", "a value is required", outcome=outcome, broken=_applies(one, broken))
        elif one.empty == "fail":
            yield self._add(one, "empty", "the cell is empty", outcome="fail", broken=_applies(one, raw.is_null()))
        yield from self._of_text(one, raw, value)
        for name, limit in one.constraints.items():
            row = CONSTRAINTS[name]
            broken = value.is_not_null() & ~row.holds(value, limit, one.type.name)
            yield self._add(one, name, f"expected {row.says(limit)}", outcome=one.on_error, broken=broken)

    def _of_text(self, one: Field, raw: pl.Expr, value: pl.Expr) -> Iterable[pl.Expr]:
        """Flags of a text that is no value."""
        known = raw.is_not_null()
        if checks_map(one):
            yield self._add(one, "map", "the map lacks this text", outcome=one.on_error, broken=known & pl.col(unmapped_name(one)))
            known &= ~pl.col(unmapped_name(one))
        if one.type.name != "string" or one.compute:
            message = f"expected {expected(one.type, one.options)}"
            yield self._add(one, "type", message, outcome=one.on_error, broken=known & value.is_null())
        elif one.key:
            outcome = "fail" if one.on_error == "fail" else "reject"  # without its key, a row would be taken for others
            yield self._add(one, "damaged_key", DAMAGED_SAYS, outcome=outcome, broken=known & raw.str.contains(DAMAGED))

    def of_keys(self, mapping: Mapping, columns: Iterable[str]) -> Iterable[pl.Expr]:
        """Flags of the columns that rows are told apart by, though no such field is mapped from them."""
        on = [mapping.dedup and mapping.dedup.on, mapping.identity and mapping.identity.hash]
        named = dict.fromkeys(name for names in on if isinstance(names, tuple) for name in names)
        fields = {name for one in mapping.fields if one.key for name in (one.path, *one.columns)}
        for name in named:
            if name in columns and name not in fields:
                broken = pl.col(CELL + name).str.contains(DAMAGED)
                yield self.add("damaged_key", "", DAMAGED_SAYS, column=name, outcome="reject", broken=broken)

    def of_rules(self, rules: Iterable[Rule], now: datetime) -> Iterable[pl.Expr]:
        """Flags of the rules."""
        for rule in rules:
            message = rule.description or f"must hold: {rule.text}"
            yield self._add(None, rule.name, message, outcome=rule.on_fail, broken=~rule.check.check_polars(now))

    def of_conflict(self, one: Field, differs: str, outcome: str) -> pl.Expr:
        """The flag of groups whose rows do not agree on a field."""
        message = "the rows of a group differ" + (", the first value counts" if outcome == "warn" else "")
        return self._add(one, "conflict", message, outcome=outcome, broken=pl.col(differs).fill_null(value=False))

    def of_lookup(self, one: Lookup, unmatched: str) -> pl.Expr:
        """The flag of rows whose key the other source does not have."""
        ours = ", ".join(our_columns(one.origin))
        message = f"{one.name} has no row with this {ours}"
        return self.add("unmatched", "", message, column=ours, outcome=one.unmatched, broken=pl.col(unmatched))

    def of_array(self, one: Array, values: str | None) -> Iterable[pl.Expr]:
        """Flags of the array's own policies and constraints; `values` is the type of its values where they are no documents."""
        if one.empty == "fail":
            yield self.add("empty", one.path, "the array has no element", outcome="fail", broken=pl.col(one.path).is_null())
        for name, limit in one.constraints.items():
            holds, says = ARRAY_CONSTRAINTS[name]
            outcome, broken = "reject", ~holds(pl.col(one.path), limit, values or "")
            yield self.add(name, one.path, f"expected {says.format(limit)}", outcome=outcome, broken=broken.fill_null(value=False))

    def flags_of(self, one: Field, outcome: str) -> list[str]:
        """The flags of a field's checks with this outcome."""
        return [check.flag for check in self.found if check.path == one.path and check.outcome == outcome]


def nulled(one: Field, checks: Checks) -> pl.Expr:
    """`on_error: null`: a bad value becomes a missing one (its flag stays, and is counted)."""
    broken = checks.flags_of(one, "null")
    return pl.when(~pl.any_horizontal(broken)).then(pl.col(one.path)).alias(one.path) if broken else pl.col(one.path)
