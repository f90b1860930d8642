"""The evidence about a column, gathered batch by batch. Memory grows with the number of columns, plus 8 bytes per cell for the hashes.

Every test runs over the distinct cells of a batch, weighted by how often they occur. A type is tried with its own `parse`, so that
inference and loading cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from engine.infer.evidence import MOST_VALUES, TYPES, ColumnProfile
from engine.infer.names import CELL, TEXT, TIMES
from engine.infer.texts import DOUBTFUL, FORMATS, MISSING, NUMBERS, SHAPES, WRITTEN
from engine.values.dates import DIRECTIVES, TOKEN, parse_dates
from engine.values.frames import col
from engine.values.transforms import apply
from engine.values.types import NumberFormat, Options, type_table


def _options(written: Mapping[str, Any]) -> Options:
    units = {side: (written[side],) for side in ("prefix", "suffix") if side in written}
    return Options(number=NumberFormat(**{**written, **units}))


SAMPLE = 200
NEAR = 0.5  # a type or format is tried as long as it fits this share of the values
RARE = 0.01  # a shape that fewer texts have is no longer counted
NUMERIC, HEXADECIMAL = ("double",), ("uuid", "objectId")
NEEDED_BY: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("leading_zero", "plus", "long_digits", "point", "whole", "scientific", "precise"), NUMERIC),
    **dict.fromkeys(("upper_hex", "lower_hex"), HEXADECIMAL),
    **dict.fromkeys(("breaks", "runs"), ()),
}
"""The shapes that are counted as long as one of these types fits (or always), however rare they are."""
STRIP: tuple[tuple[str, dict[str, Any]], ...] = (("strip", {}),)
LONGEST_DATE = 40
LOOKS = {
    one: re.compile("".join(DIRECTIVES[token].pattern if token in DIRECTIVES else re.escape(token) for token in TOKEN.findall(one)))
    for one in FORMATS
}
"""A cheap regular expression per date format: a match is only a reason to try the format itself."""
READINGS = {(said, kind): _options(written) for said, written in NUMBERS.items() for kind in ("int", "long", "decimal")}
UNPLAIN = re.compile("|".join(SHAPES[shape] for shape in WRITTEN))
MERGES: Mapping[str, Callable[..., Any]] = {"sum": sum, "min": min, "max": max}
Tally = dict[tuple[str, str], Any]  # ("sum" | "min" | "max", what) to its value


@dataclass
class Gathering:
    """The column so far."""

    name: str
    tally: Tally = field(default_factory=dict)
    values: dict[str, int] | None = field(default_factory=dict)
    types: tuple[str, ...] = TYPES
    shapes: tuple[str, ...] = tuple(SHAPES)
    formats: tuple[str, ...] | None = None
    readings: tuple[tuple[str, str], ...] = ()

    def add(self, cells: pl.Series) -> None:
        """Add a batch."""
        counted = cells.alias(CELL).value_counts(name=TIMES)
        counted = counted.with_columns(apply(col(CELL), STRIP).alias(TEXT))
        self._remember(counted)
        if self.formats is None:
            self.formats = nominated(counted)
            self.readings = _unplain(counted)
        found = counted.select(self._aggregates()).row(0, named=True)
        batch = {(kind, what): value for key, value in found.items() for kind, _, what in [key.partition(" ")]}
        for key, value in batch.items():
            parts = [part for part in (self.tally.get(key), value) if part is not None]
            self.tally[key] = MERGES[key[0]](parts) if parts else None
        self._forget(batch)

    def _remember(self, counted: pl.DataFrame) -> None:
        if self.values is None:
            return
        if counted.height > MOST_VALUES:
            self.values = None
            return
        for cell, times in counted.select(CELL, TIMES).iter_rows():
            self.values[cell] = self.values.get(cell, 0) + times
        if len(self.values) > MOST_VALUES:
            self.values = None

    def _forget(self, batch: Tally) -> None:
        """Stop trying what does not fit."""
        typed = batch["sum", "typed"] or 0
        self.types = tuple(kind for kind in self.types if (batch["sum", f"refused {kind}"] or 0) <= NEAR * typed)
        self.readings = tuple(one for one in self.readings if (batch["sum", f"reading {one[1]} {one[0]}"] or 0) >= NEAR * typed)
        self.shapes = tuple(name for name in self.shapes if self._tells(name, batch, typed))
        if self.formats:
            self.formats = tuple(form for form in self.formats if (batch["sum", f"format {form}"] or 0) >= NEAR * typed)

    def _tells(self, shape: str, batch: Tally, typed: int) -> bool:
        """Whether a shape may still decide something."""
        needs = NEEDED_BY.get(shape)
        if needs is not None:
            return not needs or any(kind in self.types for kind in needs)
        return (batch["sum", f"shape {shape}"] or 0) >= RARE * typed

    def _aggregates(self) -> Iterator[pl.Expr]:
        """The aggregates of a batch; their names say how to merge them, and what they are."""
        text = col(TEXT)
        missing, doubtful = text.is_in(MISSING), text.is_in(DOUBTFUL)
        typed = ~missing & ~doubtful
        yield _times(pl.lit(value=True), "rows")
        yield _times(~missing, "filled")
        yield _times(typed, "typed")
        yield _times((text == "") & (col(CELL) != ""), "blank")
        yield _times(col(CELL) != text, "edges")
        yield from (_times(text == one, f"missing {one}") for one in (*MISSING, *DOUBTFUL))
        yield from (_times(typed & text.str.contains(regex), f"shape {name}") for name, regex in SHAPES.items() if name in self.shapes)
        yield text.filter(~missing).str.len_chars().max().alias("max longest")
        behind = text.filter(typed).str.extract(r"\.([0-9]+)$").fill_null("").str.len_chars()
        yield from (behind.min().alias("min digits"), behind.max().alias("max digits"))
        for kind in self.types:
            yield from _reading(f"refused {kind}", type_table[kind].parse(text, Options()), typed, kind)
        for said, kind in self.readings:
            yield _times(typed & type_table[kind].parse(text, READINGS[said, kind]).is_not_null(), f"reading {kind} {said}")
        for one in self.formats or ():
            yield from _reading(f"format {one}", parse_dates(text, (one,), "UTC"), typed, one)

    def profile(self, distinct: int | None) -> ColumnProfile:
        """The evidence; `distinct`: number of distinct cells, None if unknown."""
        tally = self.tally

        def counts(prefix: str, names: Sequence[str]) -> dict[str, int]:
            return {name: times for name in names if (times := tally.get(("sum", f"{prefix} {name}")))}

        kept = (*self.types, *(self.formats or ()))
        return ColumnProfile(
            name=self.name,
            rows=tally.get(("sum", "rows"), 0),
            filled=tally.get(("sum", "filled"), 0),
            blank=tally.get(("sum", "blank"), 0),
            edges=tally.get(("sum", "edges"), 0),
            missing=counts("missing", MISSING),
            doubtful=counts("missing", DOUBTFUL),
            shapes=dict.fromkeys(SHAPES, 0) | counts("shape", self.shapes),
            refused={kind: tally.get(("sum", f"refused {kind}"), 0) for kind in self.types},
            formats=counts("format", self.formats or ()),
            readings={one: tally.get(("sum", f"reading {one[1]} {one[0]}"), 0) for one in self.readings},
            ranges={name: (tally.get(("min", name)), tally.get(("max", name))) for name in kept},
            values=self.values,
            digits=(tally.get(("min", "digits")) or 0, tally.get(("max", "digits")) or 0),
            longest=tally.get(("max", "longest")) or 0,
            distinct=distinct,
        )


def nominated(counted: pl.DataFrame) -> tuple[str, ...] | None:
    """The date formats that a good part of the first values look like; None where there are no values yet."""
    text = col(TEXT)
    typed = counted.filter(~text.is_in((*MISSING, *DOUBTFUL)))
    if typed.is_empty():
        return None
    some = typed.head(SAMPLE).filter(text.str.len_chars() <= LONGEST_DATE)[TEXT].to_list()
    return tuple(look for look, regex in LOOKS.items() if some and sum(map(bool, map(regex.fullmatch, some))) >= NEAR * len(some))


def _unplain(counted: pl.DataFrame) -> tuple[tuple[str, str], ...]:
    """The number formats that may fit, where some numbers are not written plainly."""
    some = counted[TEXT].filter(~counted[TEXT].is_in((*MISSING, *DOUBTFUL))).head(SAMPLE)
    return tuple(READINGS) if any(map(UNPLAIN.search, some)) else ()


def _times(where: pl.Expr, what: str) -> pl.Expr:
    return col(TIMES).filter(where).sum().alias(f"sum {what}")


def _reading(what: str, value: pl.Expr, typed: pl.Expr, name: str) -> Iterator[pl.Expr]:
    """How many values are refused (or fit, for a format), and the smallest and greatest of those that are not."""
    yield _times(typed & (value.is_not_null() if what.startswith("format") else value.is_null()), what)
    if name in ("uuid", "objectId"):
        return
    value = value.cast(pl.Float64) if name == "decimal" else value
    yield from (value.filter(typed).min().alias(f"min {name}"), value.filter(typed).max().alias(f"max {name}"))
