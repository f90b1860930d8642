"""The document and the elements of each array are levels: rows of one kind, evaluated by the same stages.

A level's lookups come first; its stages make texts from cells, values from texts, and flags; then come its arrays, folded into lists;
then what is made of both: computed fields, aggregates, rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain

import polars as pl

from engine.errors import DataError, problem
from engine.expressions import Typed
from engine.expressions.tree import Gathered
from engine.mapping.columns import VALUE, is_own, level, lookup_of, lookups_of, our_columns
from engine.mapping.model import Array, Child, Field, Json, Lookup
from engine.mapping.model import Mapping as Model
from engine.plan.cells import CELL, Stage, in_order, is_there, made, text_of, unmapped_of, value_of
from engine.plan.checks import Check, Checks, broken_by, nulled
from engine.plan.elements import Elements, there_name
from engine.plan.given import Given
from engine.plan.groups import agreed, conflict_name
from engine.plan.joins import ROWS, lookup_join, unmatched_name
from engine.plan.literals import dtype_of, parsed
from engine.plan.origins import LIST, cells, members_of
from engine.sources.secondary import Table
from engine.values.paths import MARK, array_of

Step = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class Level:
    """Rows of one kind, compiled. `evaluate` takes frames with cells (and what is around, for elements), and adds all else."""

    lookups: tuple[Step, ...]
    before: tuple[Stage, ...]
    arrays: tuple[Elements, ...]
    after: tuple[Stage, ...]

    def evaluate(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with values, lists and flags."""
        for lookup in self.lookups:
            frame = lookup(frame)
        if not self.arrays:
            return _staged(frame, (*self.before, *self.after))
        frame = _staged(frame, self.before)
        for array in self.arrays:
            frame = array.fold(frame)
        return _staged(frame, self.after)


def _staged(frame: pl.DataFrame, stages: Iterable[Stage]) -> pl.DataFrame:
    lazy = frame.lazy()
    for stage in stages:
        lazy = lazy.with_columns(*stage)
    return lazy.collect()


@dataclass(frozen=True)
class Compiler:
    """Compiles the levels of a mapping. `missing` are the columns of each source that are not there; `columns` the document's source's."""

    mapping: Model
    columns: Sequence[str]
    missing: Mapping[str, set[str]]
    tables: Mapping[str, Table]
    now: datetime
    checks: Checks = field(default_factory=lambda: Checks([]))

    @property
    def given(self) -> Given:
        """What is known of the sources."""
        return Given(self.mapping, self.columns, self.missing, self.tables)

    def level(self, array: str = "") -> Level:
        """The level of an array's elements; the document's where it is empty."""
        fields, lookups, absent = level(self.mapping, array), lookups_of(self.mapping, array), self.given.absent(array)
        read = [one for one in fields if not one.late]
        found = tuple(self._lookup(array, one) for one in lookups)
        before: list[Stage] = [
            tuple(self.checks.of_lookup(one, unmatched_name(one.name)) for one in lookups if isinstance(one.origin, Child)),
            tuple(made for one in read for made in (text_of(one, absent), *unmapped_of(one, absent))),
            tuple(value_of(one) for one in read),
            tuple(flag for one in read for flag in self.checks.of_field(one)),
            tuple(nulled(one, self.checks) for one in read if one.on_error == "null"),
            tuple(() if array else self.checks.of_keys(self.mapping, self.given.columns)),
            tuple(self.checks.of_conflict(one, conflict_name(one), self.mapping.conflicts) for one in agreed(self.mapping) if not array),
        ]
        inner = [one for one in self.mapping.arrays if array_of(one.path) == array]
        before += [stage for one in inner for stage in self._prepared(one)]
        arrays = tuple(self._elements(one) for one in inner)
        return Level(found, _filled(before), arrays, _filled(self._after(array, fields, inner)))

    def _after(self, array: str, fields: Sequence[Field], inner: Sequence[Array]) -> Iterator[Stage]:
        values = {one.path: one.type.name for one in self.mapping.fields}
        yield tuple(flag for one in inner for flag in self.checks.of_array(one, values.get(f"{one.path}{MARK}")))
        for one in in_order(one for one in fields if one.late):
            yield from made(one, self.given.absent(array), self.now)
            yield tuple(self.checks.of_field(one))
            yield (nulled(one, self.checks),) if one.on_error == "null" else ()
        yield tuple(self.checks.of_rules((rule for rule in self.mapping.rules if rule.check.array == array), self.now))

    # arrays

    def _elements(self, one: Array) -> Elements:
        first, drops = len(self.checks.found), one.on_error == "drop"
        inner = replace(self, checks=Checks(self.checks.found, dropping=self.checks.dropping or drops)).level(one.path)
        checks = self.checks.found[first:]
        settled = frozenset[str]().union(*(array.settled for array in inner.arrays))
        stored = [field.path for field in level(self.mapping, one.path)]
        stored += [array.path for array in self.mapping.arrays if array.embed and array_of(array.path) == one.path]
        value = f"{one.path}{MARK}"
        return Elements(
            path=one.path,
            cells=cells(self.given, one),
            around=self._around(one.path),
            level=inner,
            present=self._present(one.path),
            dropped=self._dropped(value if value in stored else None, [check for check in checks if drops and check.flag not in settled]),
            order=tuple((self._order(one, name), down) for name, down in one.sort),
            flags=tuple(check.flag for check in checks),
            gathered=tuple(node for node in self._aggregates() if node.array == one.path),
            element=(pl.col(value) if value in stored else pl.struct(stored)) if one.embed else None,
            carried=tuple(
                ROWS + other.path
                for other in self.mapping.arrays
                if isinstance(other.origin, Child) and (other.path == one.path or other.path.startswith(value))
            ),
            settled=frozenset(check.flag for check in checks if check.outcome == "drop") if drops else settled,
            empty=one.empty,
        )

    def _prepared(self, one: Array) -> Iterator[Stage]:
        """For JSON cells: read them, and flag those that are none."""
        if isinstance(one.origin, Json):
            cell, members = self.given.cell(array_of(one.path), one.origin.column), members_of(self.given, one)
            yield (_read(one.origin, members, cell, CELL, many=True).alias(LIST + one.path),)
            yield (self._flag_json(one.path, one.origin, cell, LIST + one.path, "a list or an object"),)

    def _flag_json(self, path: str, origin: Json, cell: pl.Expr, items: str, wanted: str) -> pl.Expr:
        message, broken = f"expected {wanted} of {origin.syntax}", cell.is_not_null() & pl.col(items).is_null()
        return self.checks.add("json", path, message, column=origin.column, outcome="reject", broken=broken)

    def _around(self, array: str) -> tuple[str, ...]:
        """Values of outer levels that the expressions of this level, and of those inside it, read."""
        inside = f"{array}{MARK}"
        said = chain.from_iterable(self._said(one.path) for one in self.mapping.arrays if f"{one.path}{MARK}".startswith(inside))
        return tuple(sorted({path for one in said for path in one.paths if not path.startswith(inside)}))

    def _said(self, array: str) -> Iterator[Typed]:
        """The expressions of a level, and what is aggregated over it."""
        yield from (one for field in level(self.mapping, array) for one in field.expressions)
        yield from (rule.check for rule in self.mapping.rules if rule.check.array == array)
        yield from (Typed(node.inner) for node in self._aggregates() if node.array == array and node.inner is not None)

    def _aggregates(self) -> tuple[Gathered, ...]:
        """All aggregates of the mapping."""
        said = [one for field in self.mapping.fields for one in field.expressions] + [rule.check for rule in self.mapping.rules]
        return tuple(dict.fromkeys(node for one in said for node in one.aggregates))

    def _present(self, array: str) -> pl.Expr | None:
        """Which elements there are: those with a value in an own column, with elements inside them, or with a text that says neither.

        None for all.
        """
        absent = self.given.absent(array)
        inner = [one for one in self.mapping.arrays if array_of(one.path) == array]
        read = [one for one in level(self.mapping, array) if any(is_own(self.mapping, array, column) for column in one.columns)]
        there = [is_there(one, absent) for one in read]
        there += [pl.col(unmatched_name(one.name)) for one in lookups_of(self.mapping, array) if isinstance(one.origin, Child)]
        there += [pl.col(there_name(one.path)) for one in inner]
        there += [self.given.cell(array, one.origin.column).is_not_null() & pl.col(LIST + one.path).is_null()
                  for one in inner if isinstance(one.origin, Json)]  # fmt: skip
        return pl.any_horizontal(there) if read else None

    def _dropped(self, value: str | None, checks: Iterable[Check]) -> pl.Expr | None:
        """Which elements are left out: those that break a check, and values that are none."""
        bad = broken_by(checks, "drop") if checks else None
        none = None if value is None else pl.col(value).is_null()
        return bad if none is None else none if bad is None else bad | none

    def _order(self, one: Array, name: str) -> pl.Expr:
        paths = {field.path: field for field in level(self.mapping, one.path)}
        found = paths.get(f"{one.path}{MARK}.{name}") or paths.get(f"{one.path}{MARK}" if name == VALUE else name)
        if found:
            return pl.col(found.path).cast(pl.Decimal(38, 16)) if found.type.name == "decimal" else pl.col(found.path)
        if isinstance(one.origin, Child) and name in self.given.header(one.path):
            return pl.col(CELL + name)
        message = f"sort: {name} is neither a field of {one.path}{MARK} nor a column of its source"
        raise DataError(problem("unknown_path", message, file=str(self.mapping.file), line=one.line))

    # lookups

    def _lookup(self, array: str, one: Lookup) -> Step:
        """What adds the columns of a lookup to rows of a level."""
        wanted = self._asked(one)
        if isinstance(one.origin, Child):
            return lookup_join(self.tables[one.origin.source], self.given.keys(array, one.origin), wanted, one, str(self.mapping.file))
        items, cell = LIST + one.name, self.given.cell(array, one.origin.column)
        flag = self._flag_json(one.name, one.origin, cell, items, "an object")
        first = pl.col(items).list.first()
        members = (first.struct.field(name).alias(f"{CELL}{one.name}.{name}") for name in wanted)
        return partial(_staged, stages=((_read(one.origin, wanted, cell, "", many=False).alias(items),), (*members, flag)))

    def _asked(self, one: Lookup) -> list[str]:
        """The columns of a lookup that something reads."""
        others: list[Array | Lookup] = [*self.mapping.lookups, *self.mapping.arrays]
        read = [column for field in self.mapping.fields for column in field.columns]
        read += [column for other in others for column in our_columns(other.origin)]
        return list(dict.fromkeys(found[1] for column in read if (found := lookup_of(self.mapping, column)) and found[0] == one))


def _read(origin: Json, members: Sequence[str], cell: pl.Expr, prefix: str, *, many: bool) -> pl.Expr:
    """A cell's elements: a list of structs of texts."""
    return cell.map_batches(parsed(origin, members, many=many, prefix=prefix), return_dtype=dtype_of(members, prefix))


def _filled(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    return tuple(stage for stage in stages if stage)
