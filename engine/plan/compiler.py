"""From a mapping to its levels: which stages each has, and the checks that they flag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain

import polars as pl

from engine.errors import DataError, finding
from engine.expressions import Typed
from engine.expressions.tree import AggregateCall, each_once
from engine.mapping.columns import fields_at, lookups_of, read_through, sort_field
from engine.mapping.model import Array, Field, Json, Lookup, RowsOrigin
from engine.mapping.model import Mapping as Model
from engine.plan.cells import Stage, field_stages, has_value, text_of, unmapped_of, value_of
from engine.plan.checks import Check, Checks, broken_by, null_where_broken
from engine.plan.context import SourceContext
from engine.plan.groups import single_valued_fields
from engine.plan.joins import lookup_join
from engine.plan.levels import ArrayStage, Level, Step, staged
from engine.plan.literals import dtype_of, parsed
from engine.plan.names import cell_name, child_rows_name, has_elements_name, items_name, unmatched_name
from engine.plan.origins import cells, members_of
from engine.sources.secondary import SecondarySource
from engine.values.frames import col, cols
from engine.values.order import dependency_order
from engine.values.paths import MARK, array_of


@dataclass(frozen=True)
class Compiler:
    """Compiles the levels of a mapping. `missing` are the columns of each source that are not there; `columns` the document's source's."""

    mapping: Model
    columns: Sequence[str]
    missing: Mapping[str, set[str]]
    secondary_sources: Mapping[str, SecondarySource]
    now: datetime
    checks: Checks = field(default_factory=lambda: Checks([]))

    @property
    def context(self) -> SourceContext:
        """What is known of the sources."""
        return SourceContext(self.mapping, self.columns, self.missing, self.secondary_sources)

    def level(self, array: str = "") -> Level:
        """The level of an array's elements; the document's where it is empty."""
        fields, lookups, absent = fields_at(self.mapping, array), lookups_of(self.mapping, array), self.context.missing_columns(array)
        read = [field for field in fields if not field.depends_on_fields]
        found = tuple(self._lookup(lookup) for lookup in lookups)
        source_stages: list[Stage] = [
            tuple(self.checks.lookup_flag(lookup) for lookup in lookups if isinstance(lookup.origin, RowsOrigin)),
            tuple(text for field in read for text in (text_of(field, absent), *unmapped_of(field, absent))),
            tuple(value_of(field) for field in read),
            tuple(flag for field in read for flag in self.checks.field_flags(field)),
            tuple(null_where_broken(field, self.checks) for field in read if field.on_error == "null"),
            tuple(() if array else self.checks.key_flags(self.mapping, self.context.columns)),
            tuple(self.checks.conflict_flag(field, self.mapping.conflicts) for field in single_valued_fields(self.mapping) if not array),
        ]
        inner = [declaration for declaration in self.mapping.arrays if array_of(declaration.path) == array]
        source_stages += [stage for declaration in inner for stage in self._prepared(declaration)]
        arrays = tuple(self._elements(declaration) for declaration in inner)
        return Level(found, _filled(source_stages), arrays, _filled(self._dependent_stages(array, fields, inner)))

    def _stored(self, declaration: Array) -> list[str]:
        """The paths of what its elements hold, in order."""
        inner = [array.path for array in self.mapping.arrays if array.embed and array_of(array.path) == declaration.path]
        return [field.path for field in fields_at(self.mapping, declaration.path)] + inner

    def _dependent_stages(self, array: str, fields: Sequence[Field], inner: Sequence[Array]) -> Iterator[Stage]:
        values = {field.path: field.type.name for field in self.mapping.fields}
        yield tuple(flag for declaration in inner for flag in self.checks.array_flags(declaration, values, self._stored(declaration)))
        dependent = {field.path: field for field in fields if field.depends_on_fields}
        for path in dependency_order({path: computed.reads for path, computed in dependent.items()}).names:
            yield from field_stages(dependent[path], self.context.missing_columns(array), self.now)
            yield tuple(self.checks.field_flags(dependent[path]))
            yield (null_where_broken(dependent[path], self.checks),) if dependent[path].on_error == "null" else ()
        yield tuple(self.checks.rule_flags((rule for rule in self.mapping.rules if rule.check.array == array), self.now))

    # arrays

    def _elements(self, declaration: Array) -> ArrayStage:
        first, drops = len(self.checks.found), declaration.on_error == "drop"
        inner = replace(self, checks=Checks(self.checks.found, dropping=self.checks.dropping or drops)).level(declaration.path)
        checks = self.checks.found[first:]
        resolved = frozenset[str]().union(*(array.resolved_flags for array in inner.arrays))
        stored = self._stored(declaration)
        value = f"{declaration.path}{MARK}"
        return ArrayStage(
            path=declaration.path,
            cells=cells(self.context, declaration),
            child_source=declaration.origin.source if isinstance(declaration.origin, RowsOrigin) else None,
            outer_columns=self._outer_columns(declaration.path),
            level=inner,
            keep_if=self._existing(declaration.path),
            drop_if=self._dropped(value if value in stored else None, [check for check in checks if drops and check.flag not in resolved]),
            order=tuple((self._order(declaration, name), down) for name, down in declaration.sort),
            flags=tuple(check.flag for check in checks),
            aggregates=tuple(node for node in self._aggregates() if node.array == declaration.path),
            element=_element(declaration, stored),
            child_row_columns=tuple(
                child_rows_name(other.path)
                for other in self.mapping.arrays
                if isinstance(other.origin, RowsOrigin) and (other.path == declaration.path or other.path.startswith(value))
            ),
            resolved_flags=frozenset(check.flag for check in checks if check.outcome == "drop") if drops else resolved,
            empty=declaration.empty,
        )

    def _prepared(self, array: Array) -> Iterator[Stage]:
        """For JSON cells: read them, and flag those that are not valid."""
        if isinstance(array.origin, Json):
            cell, members = self.context.cell(array.origin.column), members_of(self.context, array)
            yield (_read(array.origin, members, cell, many=True).alias(items_name(array.path)),)
            yield (self._flag_json(array.path, array.origin, cell, items_name(array.path), "a list or an object"),)

    def _flag_json(self, path: str, origin: Json, cell: pl.Expr, items: str, wanted: str) -> pl.Expr:
        message, broken = f"expected {wanted} written as {origin.syntax}", cell.is_not_null() & col(items).is_null()
        return self.checks.add("json", path, message, column=origin.column.written, outcome="reject", broken=broken)

    def _outer_columns(self, array: str) -> tuple[str, ...]:
        """Values of outer levels that the expressions of this level, and of those inside it, read."""
        inside = f"{array}{MARK}"
        expressions = chain.from_iterable(
            self._expressions(declaration.path) for declaration in self.mapping.arrays if f"{declaration.path}{MARK}".startswith(inside)
        )
        return tuple(sorted({path for expression in expressions for path in expression.paths if not path.startswith(inside)}))

    def _expressions(self, array: str) -> Iterator[Typed]:
        """The expressions of a level, and what is aggregated over it."""
        yield from (expression for field in fields_at(self.mapping, array) for expression in field.expressions)
        yield from (rule.check for rule in self.mapping.rules if rule.check.array == array)
        yield from (Typed(node.inner) for node in self._aggregates() if node.array == array and node.inner is not None)

    def _aggregates(self) -> tuple[AggregateCall, ...]:
        """All aggregates of the mapping."""
        expressions = [expression for field in self.mapping.fields for expression in field.expressions] + [
            rule.check for rule in self.mapping.rules
        ]
        return each_once(node for expression in expressions for node in expression.aggregates)

    def _existing(self, array: str) -> pl.Expr | None:
        """Which elements exist: those with a value in one of their own columns, with elements inside them, or with an unreadable text.

        None for all.
        """
        absent = self.context.missing_columns(array)
        inner = [declaration for declaration in self.mapping.arrays if array_of(declaration.path) == array]
        read = [field for field in fields_at(self.mapping, array) if any(column.own for column in field.columns)]
        signs = [has_value(field, absent) for field in read]
        signs += [col(unmatched_name(lookup.name)) for lookup in lookups_of(self.mapping, array) if isinstance(lookup.origin, RowsOrigin)]
        signs += [col(has_elements_name(declaration.path)) for declaration in inner]
        signs += [self.context.cell(declaration.origin.column).is_not_null() & col(items_name(declaration.path)).is_null()
                  for declaration in inner if isinstance(declaration.origin, Json)]  # fmt: skip
        return pl.any_horizontal(signs) if read else None

    def _dropped(self, value: str | None, checks: Iterable[Check]) -> pl.Expr | None:
        """Which elements are left out: those that break a check, and values that are missing."""
        bad = broken_by(checks, "drop") if checks else None
        none = None if value is None else col(value).is_null()
        return bad if none is None else none if bad is None else bad | none

    def _order(self, array: Array, name: str) -> pl.Expr:
        paths = {field.path: field for field in fields_at(self.mapping, array.path)}
        if found := sort_field(paths, array.path, name):
            return found.type.comparable(col(found.path))
        if isinstance(array.origin, RowsOrigin) and name in self.context.header(array.path):
            return col(cell_name(name))
        message = f"sort: {name} is neither a field of {array.path}{MARK} nor a column of its source"
        raise DataError(finding("unknown_path", message, file=str(self.mapping.file), line=array.line))

    # lookups

    def _lookup(self, lookup: Lookup) -> Step:
        """What adds the columns of a lookup to rows of a level."""
        wanted = read_through(self.mapping, lookup.name)
        if isinstance(lookup.origin, RowsOrigin):
            table = self.secondary_sources[lookup.origin.source]
            return lookup_join(table, self.context.keys(lookup.origin), wanted, lookup, str(self.mapping.file))
        items, cell = items_name(lookup.name), self.context.cell(lookup.origin.column)
        flag = self._flag_json(lookup.name, lookup.origin, cell, items, "an object")
        first = col(items).list.first()
        members = (first.struct.field(cell_name(column.name)).alias(cell_name(column.written)) for column in wanted)
        read = _read(lookup.origin, [column.name for column in wanted], cell, many=False)
        return partial(staged, stages=((read.alias(items),), (*members, flag)))


def _read(origin: Json, members: Sequence[str], cell: pl.Expr, *, many: bool) -> pl.Expr:
    """A cell's elements: a list of structs of texts."""
    return cell.map_batches(parsed(origin, members, many=many), return_dtype=dtype_of(members))


def _element(array: Array, stored: Sequence[str]) -> pl.Expr | None:
    """The elements of a group, each once where they are added to those of a live document."""
    if not array.embed:
        return None
    value = f"{array.path}{MARK}"
    found = col(value) if value in stored else pl.struct(cols(stored))
    return found.unique(maintain_order=True) if array.keeps_elements else found


def _filled(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    return tuple(stage for stage in stages if stage)
