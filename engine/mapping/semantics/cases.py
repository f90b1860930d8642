"""`tests`: example rows with the documents or rejections that they must give."""

from __future__ import annotations

import re

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.columns import columns_of, wide_of
from engine.mapping.names import first_names
from engine.mapping.semantics.scope import Raw, Scope, as_cell


def read_cases(scope: Scope, mapping: model.Mapping) -> tuple[model.MappingTest, ...]:
    """The examples of a mapping that is otherwise complete."""
    arrays = {
        array.path: set(columns_of(mapping, array.origin.source)) for array in mapping.arrays if isinstance(array.origin, model.RowsOrigin)
    }
    lookups = {
        lookup.name: set(columns_of(mapping, lookup.origin.source))
        for lookup in mapping.lookups
        if isinstance(lookup.origin, model.RowsOrigin)
    }
    cells = {name: set[str]() for name in (*columns_of(mapping), *(mapping.source.dialect.names or ()))}
    patterns = [field.matching for field in mapping.fields if field.matching]
    patterns += [wide.pattern for array in mapping.arrays if (wide := wide_of(array.origin))]
    calls = {name: first_names(source.column_names) for name, source in {**mapping.sources, "": mapping.source}.items()}
    origins = {**{array.path: array.origin for array in mapping.arrays}, **{lookup.name: lookup.origin for lookup in mapping.lookups}}
    named = {name: calls[origin.source] for name, origin in origins.items() if isinstance(origin, model.RowsOrigin)}
    reader = _Cases(scope, cells | arrays | lookups, {field.path for field in mapping.fields}, patterns, {"": calls[""], **named})
    return tuple(reader.read(number, raw) for number, raw in enumerate(scope.raw.get("tests", [])))


class _Cases:
    """`known` are the columns that may be given, and those of the rows given under the name of an array or lookup.

    `calls` are the names to use for other ones: of columns (under an empty name), and of the columns of those rows.
    """

    def __init__(
        self, scope: Scope, known: dict[str, set[str]], paths: set[str], patterns: list[str], calls: dict[str, dict[str, str]]
    ) -> None:
        self.scope, self.known, self.paths, self.patterns, self.calls = scope, known, paths, patterns, calls

    def read(self, number: int, raw: Raw) -> model.MappingTest:
        """One example."""
        where = ("tests", number)
        for name in ("given", "but"):
            for column, value in raw.get(name, {}).items():
                self._check_given((*where, name, column), column, value)
        for path in raw.get("expect", {}):
            if path not in self.paths:
                hint = suggest(path, self.paths)
                self.scope.report((*where, "expect", path), "unknown_path", f"there is no field {path}", hint, at_key=True)
        for one, other in (("expect", "reject"), ("given", "but")):
            if (one in raw) == (other in raw):
                self.scope.report(where, "contradiction", f"a test needs either {one} or {other}")
        first = self._called(self.scope.raw["tests"][0].get("given", {}))
        if "but" in raw and number == 0:
            message = "but changes the cells of the first test, so the first test cannot use it"
            self.scope.report((*where, "but"), "contradiction", message, "write given: {…}", at_key=True)
        cells = self._called(raw.get("given", {})) or first | self._called(raw.get("but", {}))
        given = {column: _cells(value) for column, value in cells.items()}
        return model.MappingTest(given, raw.get("expect"), raw.get("reject"), self.scope.line(where))

    def _called(self, cells: Raw) -> Raw:
        """With the names that are used."""
        names = self.calls[""]
        return {names.get(name, name): [_renamed(row, self.calls.get(name, {})) for row in cell] if isinstance(cell, list) else cell
                for name, cell in cells.items()}  # fmt: skip

    def _check_given(self, place: tuple[str | int, ...], column: str, value: object) -> None:
        column = self.calls[""].get(column, column)
        if column not in self.known and not any(re.search(pattern, column) for pattern in self.patterns):
            hint = suggest(column, self.known) or "give the test a column that a field reads"
            self.scope.report(place, "unknown_column", f"the test gives {column}, which no field reads", hint, at_key=True)
        elif isinstance(value, list) != bool(self.known.get(column)):
            what = "a list of rows" if self.known.get(column) else "a cell"
            self.scope.report(place, "wrong_type", f"expected {what}", at_key=True)
        elif isinstance(value, list):
            calls = self.calls.get(column, {})
            for row, name in [(row, name) for row, cells in enumerate(value) for name in cells]:
                if calls.get(name, name) not in self.known[column] and not any(re.search(pattern, name) for pattern in self.patterns):
                    hint = suggest(name, self.known[column])
                    self.scope.report((*place, row, name), "unknown_column", f"no field reads {name}", hint, at_key=True)


def _renamed(row: Raw, calls: dict[str, str]) -> Raw:
    return {calls.get(name, name): cell for name, cell in row.items()}


def _cells(value: object) -> model.Cells:
    """A cell's text, or rows of them."""
    if isinstance(value, list):
        return tuple({name: as_cell(cell) for name, cell in row.items()} for row in value)
    return as_cell(value)
