"""How the values of rows came about, to be shown: the texts of a field step by step, its condition, what a lookup found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from engine.mapping.model import Field
from engine.plan.cells import text_steps, value_of
from engine.plan.joins import LookupJoin
from engine.plan.levels import Level
from engine.plan.names import PARENT, cell_name, unmatched_name, when_name
from engine.values.frames import col


@dataclass(frozen=True)
class LevelTrace:
    """The evaluated rows of one level: the document's, or the elements of an array. Every list has one item for each of them."""

    level: Level
    frame: pl.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def with_arrays(self, path: str = "") -> Iterator[tuple[str, LevelTrace]]:
        """This level, under the path of its array, and all inside it."""
        yield path, self
        outer = self.frame.drop(PARENT, strict=False).with_row_index(PARENT)
        for array in self.level.arrays:
            yield from LevelTrace(array.level, array.make_elements(outer, [])).with_arrays(array.path)

    def steps(self, field: Field) -> Iterator[tuple[str, list[Any]]]:
        """The steps of a field's text and the text after each; those that change nothing included."""
        if not field.compute:
            missing = {column.written for column in field.columns if cell_name(column.written) not in self.frame.columns}
            yield from ((name, self._list(text)) for name, text in text_steps(field, missing))

    def condition(self, field: Field) -> list[bool]:
        """Whether the field's condition holds."""
        return self.frame[when_name(field.path)].to_list()

    def values(self, field: Field) -> list[Any]:
        """The values of a field, before a policy takes bad ones away."""
        return self._list(col(field.path) if field.compute else value_of(field))

    def lookup(self, name: str) -> list[bool | None]:
        """Whether a lookup in a secondary source has found a row; None where nothing was asked for. Empty where there is no such lookup."""
        for join in self.level.lookups:
            if isinstance(join, LookupJoin) and join.name == name:
                asked = pl.all_horizontal(key.is_not_null() for key in join.keys.left_key())
                return self._list(pl.when(asked).then(~col(unmatched_name(name))))
        return []

    def _list(self, expression: pl.Expr) -> list[Any]:
        return self.frame.with_columns(expression.alias(PARENT))[PARENT].to_list()  # `select` would give a constant once
