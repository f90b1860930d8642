"""The mapping's own `tests:`: each example row goes through the real plan, and what comes out is compared.

`untested_checks` is the reverse: what could be removed from the mapping without any test failing (mutation testing).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from engine.errors import Finding, counted
from engine.mapping.columns import columns_of
from engine.mapping.model import ID, Field, Mapping, MappingTest, RowsOrigin
from engine.plan import Check, EvaluatedRow, Plan, compile_plan
from engine.sources.secondary import SecondarySource, text_frame
from engine.values.paths import MARK, arrays_of

ENDS = frozenset({"reject", "filter", "fail"})  # outcomes after which a row does not become a document; a test calls all of them `reject`


@dataclass(frozen=True)
class Advice:
    """Constraints of a field, or a rule, whose removal no test detects; `line` is their line in the mapping."""

    subject: str
    what: tuple[str, ...]
    line: int

    def __str__(self) -> str:
        return f"line {self.line}: no test fails without " + (f"{', '.join(self.what)} of " if self.what else "") + self.subject


def failures(mapping: Mapping) -> list[Finding]:
    """One finding per example whose result differs from what its test expects."""
    return [
        Finding(case.line, 1, "test_failed", f"test {number}: {wrong}", f"tests.{number}", file=str(mapping.file))
        for number, (case, problems) in enumerate(zip(mapping.tests, _problems(_results(mapping)), strict=True), start=1)
        for wrong in problems
    ]


def untested_checks(mapping: Mapping) -> list[Advice]:
    """The constraints and rules whose removal changes no test's result. Warnings are left out: a test cannot expect them."""
    if not mapping.tests:
        return []
    results = _results(mapping)
    usual = _problems(results)
    alive = [
        (line, subject, what) for line, subject, what, mutant in _mutants(mapping) if _without(results, subject, what, mutant) == usual
    ]
    return [
        Advice(subject, tuple(what for _, _, what in group if what), line)
        for (line, subject), group in groupby(alive, key=lambda one: one[:2])
    ]


def _without(results: list[Result], subject: str, what: str, mutant: Mapping) -> list[list[str]]:
    """What is wrong with the results of a mutant. Where a check only ends rows, they need not be evaluated again."""
    path, code = (subject, what) if what else ("", subject.removeprefix("rule "))
    outcomes = {check.outcome for result in results for check in result.plan.checks if (check.path, check.code) == (path, code)}
    return _problems(results, (path, code)) if outcomes <= ENDS and not _replaced(mutant, path, code) else _problems(_results(mutant))


def _replaced(mutant: Mapping, path: str, code: str) -> bool:
    """Whether another check replaces the one that was removed."""
    return code == "required" and mutant.field(path).empty == "fail"


def _mutants(mapping: Mapping) -> Iterator[tuple[int, str, str, Mapping]]:
    """For each constraint and rule: its line, its field or rule, its name, and the mapping without it."""
    for place, field in enumerate(mapping.fields):
        less = [("required", replace(field, required=False))] if field.required and field.path != ID else []
        less += [(name, replace(field, constraints={key: limit for key, limit in field.constraints.items() if key != name}))
                 for name in field.constraints]  # fmt: skip
        for name, mutant in less:
            others = (*mapping.fields[:place], mutant, *mapping.fields[place + 1 :])
            yield field.line, field.path, name, replace(mapping, fields=others)
    for rule in mapping.rules:
        if rule.on_fail != "warn":
            yield rule.line, f"rule {rule.name}", "", replace(mapping, rules=tuple(other for other in mapping.rules if other is not rule))


class Result(NamedTuple):
    """An example, the plan that it went through, and the row that came out."""

    case: MappingTest
    plan: Plan
    row: EvaluatedRow


def _problems(results: list[Result], left_out: tuple[str, str] | None = None) -> list[list[str]]:
    """For each test, what is wrong with its result; `left_out` is the path and code of checks to ignore."""
    ends: dict[int, list[Check]] = {}
    for one in results:
        checks = (check for check in one.plan.checks if check.outcome in ENDS and (check.path, check.code) != left_out)
        ends.setdefault(id(one.plan), list(checks))
    return [_compare(result.case, result.plan, result.row, ends[id(result.plan)]) for result in results]


def _results(mapping: Mapping) -> list[Result]:
    """All tests evaluated. Where secondary sources are read, each test has its own rows of them."""
    alone = mapping.sources or mapping.group_by
    groups = [[case] for case in mapping.tests] if alone else [list(mapping.tests)] if mapping.tests else []
    return [found for cases in groups for found in _of_cases(mapping, cases)]


def _of_cases(mapping: Mapping, cases: list[MappingTest]) -> list[Result]:
    wanted = tuple(columns_of(mapping))
    named = [*(mapping.source.dialect.names or ()), *(name for case in mapping.tests for name in _cells(case))]
    columns = (*wanted, *(name for name in dict.fromkeys(named) if name not in wanted))
    tables = {name: _table(mapping, name, cases) for name in (*mapping.sources, *([""] if mapping.group_by else []))}
    plan = compile_plan(mapping, columns, now=datetime.now(UTC).replace(tzinfo=None), tables=tables)
    done = plan.evaluate(plan.grouped(text_frame(columns, [_cells(case) for case in cases])))
    return [Result(case, plan, row) for case, row in zip(cases, done.rows(), strict=True)]


def _cells(case: MappingTest) -> dict[str, str]:
    return {name: value for name, value in case.given.items() if isinstance(value, str)}


def _table(mapping: Mapping, source: str, cases: list[MappingTest]) -> SecondarySource:
    """The rows of a secondary source that these tests give, with the columns that any test gives."""
    named = (name for row in _rows(mapping, source, mapping.tests) for name in row)
    columns = tuple(dict.fromkeys([*columns_of(mapping, source), *named]))
    return SecondarySource(source, columns, text_frame(columns, _rows(mapping, source, cases)))


def _rows(mapping: Mapping, source: str, cases: Iterable[MappingTest]) -> list[dict[str, str]]:
    """The rows of a secondary source, each with the keys of its test's row unless it gives its own."""
    return [
        (_cells(case) if not source else {}) | {name: _cells(case).get(column.written, "") for name, column in origin.on} | dict(row)
        for case in cases
        for name, origin in _origins(mapping)
        if origin.source == source
        for row in case.given.get(name, ())
        if not isinstance(row, str)
    ]


def _origins(mapping: Mapping) -> Iterator[tuple[str, RowsOrigin]]:
    yield from ((array.path, array.origin) for array in mapping.arrays if isinstance(array.origin, RowsOrigin))
    yield from ((lookup.name, lookup.origin) for lookup in mapping.lookups if isinstance(lookup.origin, RowsOrigin))


def _compare(case: MappingTest, plan: Plan, row: EvaluatedRow, ends: list[Check]) -> list[str]:
    broken = [check for check in ends if row.breaks(check)]
    codes = ", ".join(check.code for check in broken)
    if case.reject is not None:
        if any(check.code == case.reject for check in broken):
            return []
        return [
            f"expected the row to be rejected by {case.reject}, " + (f"but it was rejected by {codes}" if codes else "but it was accepted")
        ]
    if broken:
        return [f"the row was {'filtered' if any(check.outcome == 'filter' for check in broken) else 'rejected'} by {codes}"]
    expected, values = (case.expect or {}).items(), row.values
    return [wrong for path, raw in expected if (wrong := _differs(plan.mapping.field(path), raw, value_at(values, path), path.count(MARK)))]


def value_at(row: MappingOf[str, Any], path: str) -> Any:
    """The value of a field in an evaluated row; for one in an array the list of its values."""
    array = next((array for array in reversed(list(arrays_of(path))) if array in row), "")
    if not array or path in row:
        return row[path]
    elements = row[array]
    if elements is None or path == f"{array}{MARK}":
        return elements
    return [value_at(element, path) for element in elements]


def _differs(field: Field, raw: Any, found: Any, depth: int) -> str:
    """What differs; the values in arrays, which are lists to this depth, are compared one by one."""
    if depth and isinstance(raw, list) and isinstance(found, list):
        if len(raw) != len(found):
            return f"{field.path}: expected {counted(len(raw), 'element')}, found {len(found)}"
        return next((wrong for pair in zip(raw, found, strict=True) if (wrong := _differs(field, *pair, depth - 1))), "")
    if depth and isinstance(found, list):
        return f"{field.path}: found {counted(len(found), 'element')}; write a list under expect"
    found = None if found is None else field.type.from_column(found)
    try:
        wanted = None if raw is None else field.type.read(raw)
    except ValueError as error:
        return f"{field.path}: the expected value must be {error}"
    if found == wanted and isinstance(found, bool) == isinstance(wanted, bool):
        return ""
    return f"{field.path} differs" if field.private else f"{field.path}: expected {_shown(wanted)}, found {_shown(found)}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, bool | float):
        return json.dumps(value)
    value = value.hex() if isinstance(value, bytes) else value
    return value.isoformat() if isinstance(value, datetime) else f'"{value}"' if isinstance(value, str) else str(value)
