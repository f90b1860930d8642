"""`tests`: example rows with the documents or rejections that they must give."""

from __future__ import annotations

import re

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.columns import columns_of, wide_of
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
    reader = _Cases(scope, cells | arrays | lookups, {field.path for field in mapping.fields}, patterns)
    return tuple(reader.read(number, raw) for number, raw in enumerate(scope.raw.get("tests", [])))


class _Cases:
    """`known` are the columns that may be given, and those of the rows given under the name of an array or lookup."""

    def __init__(self, scope: Scope, known: dict[str, set[str]], paths: set[str], patterns: list[str]) -> None:
        self.scope, self.known, self.paths = scope, known, paths
        self.patterns = patterns

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
        first = self.scope.raw["tests"][0].get("given", {})
        if "but" in raw and number == 0:
            message = "but changes the cells of the first test, so the first test cannot use it"
            self.scope.report((*where, "but"), "contradiction", message, "write given: {…}", at_key=True)
        given = {column: _cells(value) for column, value in (raw.get("given") or first | raw.get("but", {})).items()}
        return model.MappingTest(given, raw.get("expect"), raw.get("reject"), self.scope.line(where))

    def _check_given(self, place: tuple[str | int, ...], column: str, value: object) -> None:
        if column not in self.known and not any(re.search(pattern, column) for pattern in self.patterns):
            hint = suggest(column, self.known) or "give the test a column that a field reads"
            self.scope.report(place, "unknown_column", f"the test gives {column}, which no field reads", hint, at_key=True)
        elif isinstance(value, list) != bool(self.known.get(column)):
            what = "a list of rows" if self.known.get(column) else "a cell"
            self.scope.report(place, "wrong_type", f"expected {what}", at_key=True)
        elif isinstance(value, list):
            for row, name in [(row, name) for row, cells in enumerate(value) for name in cells]:
                if name not in self.known[column] and not any(re.search(pattern, name) for pattern in self.patterns):
                    hint = suggest(name, self.known[column])
                    self.scope.report((*place, row, name), "unknown_column", f"no field reads {name}", hint, at_key=True)


def _cells(value: object) -> model.Cells:
    """A cell's text, or rows of them."""
    if isinstance(value, list):
        return tuple({name: as_cell(cell) for name, cell in row.items()} for row in value)
    return as_cell(value)
