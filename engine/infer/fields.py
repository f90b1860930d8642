"""From evidence to fields: each line of `fields`, and its comment with the reasons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from engine.errors import counted
from engine.infer.arrays import ArrayPlan, lists, plan_arrays
from engine.infer.choices import decide
from engine.infer.evidence import ColumnProfile, merged
from engine.infer.paths import paths
from engine.infer.proposers import TypeProposal, choose
from engine.infer.relations import Relations
from engine.infer.tables import FileProfile
from engine.infer.texts import BOUNDS, DOUBTFUL, KEYS, MISSING, PERSONAL
from engine.infer.words import snake
from engine.values.frames import col
from engine.values.transforms import apply

ID = "_id"
KEY_TYPES = frozenset({"int", "long", "string", "uuid", "objectId"})
MOST_ENUM, LONGEST_ENUM, REPEATED = 12, 40, 20
FEW = 50
MANY = 0.9
SENTINELS = (-99999, -9999, -999, 9999, 99999, 999999)
LOOKS_PRIVATE = {"email": "e-mail addresses", "social": "social security numbers", "phone": "phone numbers"}


@dataclass(frozen=True)
class FieldPlan:
    """One line of `fields`: its keys as the mapping writes them, and the notes of its comment. Notes never contain private values."""

    path: str
    keys: Mapping[str, Any]
    notes: tuple[str, ...]
    column: ColumnProfile
    choice: TypeProposal

    @property
    def private(self) -> bool:
        """Whether its values must not be shown."""
        return bool(self.keys.get("private"))


@dataclass(frozen=True)
class FieldsPlan:
    """The fields, `_id` first; the entries of `arrays`; and the texts that mean a missing value in all columns, the empty text first."""

    fields: list[FieldPlan]
    arrays: dict[str, Mapping[str, Any]]
    nulls: list[str]


def plan_fields(table: FileProfile, found: Relations | None) -> FieldsPlan:
    """A field for each column; columns that form an array become fields of its elements."""
    layout = table.layout
    columns, choices = decide(table.columns, named=not layout.invented)
    names = {column.name: snake(column.name) for column in columns}
    nulls = [text for text in (*MISSING, *DOUBTFUL) if text == "" or any(text in column.missing for column in columns)]
    unique = {key[0] for key in found.keys if len(key) == 1} if found and table.rows > 1 else set()
    key = _key([column for column in columns if column.name in unique], names, choices)
    arrays = [
        column for column in plan_arrays(columns, invented=layout.invented, ragged=layout.dialect.ragged) if key not in column.columns
    ]
    inside = frozenset().union(*(declaration.columns for declaration in arrays))
    plain = sorted((column for column in columns if column.name not in inside), key=lambda column: column.name != key)
    where = paths([column.name for column in plain if column.name != key])
    separators = lists(plain, choices)
    fields = [
        _Deciding(column, names[column.name], choices[column.name], nulls).plan(where.get(column.name, ID), separators.get(column.name))
        for column in plain
    ]  # fmt: skip
    fields += [field for array in arrays for field in _elements(array, {column.name: column for column in columns}, nulls)]
    return FieldsPlan(fields, {declaration.path: declaration.origin for declaration in arrays}, nulls)


def _elements(array: ArrayPlan, columns: Mapping[str, ColumnProfile], nulls: Sequence[str]) -> Iterator[FieldPlan]:
    """The fields of an array's elements, each decided over all of its columns at once."""
    for member in array.members:
        path = f"{array.path}[]" + (f".{member.path}" if member.path else "")
        if not member.columns:
            yield FieldPlan(
                path, {"column": member.column, "type": "int"}, (array.why,), columns[next(iter(array.columns))], TypeProposal("int")
            )
            continue
        whole = merged(member.column, [columns[name] for name in member.columns])
        name = member.path or array.path.removesuffix("s")
        plan = _Deciding(whole, name, choose(whole, name), nulls).plan(path)
        keys = {name: value for name, value in plan.keys.items() if name not in ("required", "enum")}
        yield replace(plan, keys=keys, notes=(f"{counted(len(member.columns), 'column')}", *plan.notes))


def _key(unique: Sequence[ColumnProfile], names: Mapping[str, str], choices: Mapping[str, TypeProposal]) -> str | None:
    """The column that becomes the documents' `_id`: unique, complete, uniformly written, and a key by its name or type; else None."""
    fitting = [
        column.name
        for column in unique
        if choices[column.name].type in KEY_TYPES
        and not (column.missing or column.doubtful or column.edges or _mixed(column, choices[column.name]))
        and (KEYS.search(names[column.name]) or choices[column.name].type in ("uuid", "objectId"))
        and not any(re.search(regex, names[column.name]) for regex in PERSONAL.values())
    ]
    return next((name for name in fitting if names[name] == "id"), fitting[0] if fitting else None)


def _mixed(column: ColumnProfile, choice: TypeProposal) -> bool:
    return choice.type in ("uuid", "objectId") and bool(column.shapes["upper_hex"] and column.shapes["lower_hex"])


@dataclass(frozen=True)
class _Deciding:
    """The decisions about one column, once its type is chosen."""

    column: ColumnProfile
    name: str
    choice: TypeProposal
    nulls: Sequence[str]

    def plan(self, path: str, separator: str | None = None) -> FieldPlan:
        column, choice = self.column, self.choice
        private = self._private()
        bounds = self._bounds()
        enum = None if private else self._enum()
        keys: dict[str, Any] = {"column": column.name}
        if steps := self._transform():
            keys["transform"] = [steps]
        if choice.type != "string":
            keys |= {"type": choice.type, **choice.options}
        if choice.empties and column.doubtful:
            keys["null_values"] = [*self.nulls, *column.doubtful]
        keys |= {"enum": enum} if enum else {} if private else bounds
        if separator and path != ID:
            keys, path = {"column": column.name, "split": separator}, f"{path}[]"
        elif path != ID and column.rows and not self._missing():
            keys["required"] = True
        if private:
            keys["private"] = True
        notes = [private and f"private: {private}?", *([] if private and choice.type in ("int", "long") else [choice.why])]
        notes += [*self._about_missing(), *self._about_blanks(), *self._about_values(enum, private=bool(private))]
        return FieldPlan(path, keys, tuple(note for note in notes if note), column, choice)

    def _missing(self) -> int:
        return self.column.rows - (self.column.typed if self.choice.empties else self.column.filled)

    def _private(self) -> str:
        """What kind of personal data the column seems to hold; empty where it does not."""
        if self.choice.type in ("uuid", "objectId"):
            return ""
        kind = next((kind for kind, regex in PERSONAL.items() if re.search(regex, self.name)), "")
        seen = next((kind for shape, kind in LOOKS_PRIVATE.items() if self.column.shapes[shape] > MANY * self.column.typed), "")
        return kind or (seen if self.column.typed else "")

    def _transform(self) -> str:
        column = self.column
        if not column.edges:
            return ""
        return "squish" if column.shapes["runs"] and not column.shapes["breaks"] and self.choice.type == "string" else "strip"

    def _bounds(self) -> dict[str, int]:
        """Natural bounds by the column's name, where the values are within them."""
        low, high = self.column.ranges.get(self.choice.type, (None, None))
        if self.choice.type not in ("int", "long", "decimal", "double") or low is None:
            return {}
        least, most = next((bounds for regex, bounds in BOUNDS.items() if re.search(regex, self.name)), (None, None))
        if (least is not None and low < least) or (most is not None and high > most):
            return {}
        return {key: bound for key, bound in (("minimum", least), ("maximum", most)) if bound is not None}

    def _texts(self) -> dict[str, int]:
        """The texts that the documents will have, with counts; empty where there are too many."""
        if self.column.values is None:
            return {}
        cells = pl.Series("cell", list(self.column.values), dtype=pl.String)
        step = self._transform()
        texts = cells.to_frame().select(apply(col("cell"), ((step, {}),) if step else ())).to_series().to_list()
        found: dict[str, int] = {}
        for text, times in zip(texts, self.column.values.values(), strict=True):
            if text not in self.nulls:
                found[text] = found.get(text, 0) + times
        return found

    def _enum(self) -> list[str] | None:
        if self.choice.type != "string":
            return None
        texts = self._texts()
        often = len(texts) > 1 and self.column.filled >= REPEATED * len(texts)
        if not often or len(texts) > MOST_ENUM or max(map(len, texts)) > LONGEST_ENUM or any(map(_odd, texts)):
            return None
        return sorted(texts)

    # the comment

    def _about_missing(self) -> Iterator[str]:
        column = self.column
        counts = [f"{times:,} empty" if text == "" else f'{times:,} "{text}"' for text, times in column.missing.items()]
        if self.choice.empties:
            counts += [f'{times:,} "{text}"' for text, times in column.doubtful.items()]
        elif column.doubtful:
            said = ", ".join(f'{times:,} "{text}"' for text, times in column.doubtful.items())
            yield f"{said}: add to null_values if it means missing"
        if counts and column.typed:
            yield ", ".join(counts)

    def _about_blanks(self) -> Iterator[str]:
        column = self.column
        if column.blank:
            yield f"{counted(column.blank, 'cell')} of only whitespace"
        if column.edges > column.blank:
            yield f"{counted(column.edges - column.blank, 'value')} with whitespace at an end"
        if column.shapes["runs"] and self.choice.type == "string":
            advice = "" if self._transform() == "squish" else ": transform: [squish] makes it one space"
            yield f"{counted(column.shapes['runs'], 'value')} with repeated whitespace{advice}"

    def _about_values(self, enum: list[str] | None, *, private: bool) -> Iterator[str]:
        column, kind = self.column, self.choice.type
        if not column.typed:
            return
        if column.distinct == 1 and column.rows > 1 and not private:
            yield "the same in every row"
            return
        low, high = column.ranges.get(self.choice.options.get("format", "%Y-%m-%d") if kind == "date" else kind, (None, None))
        if low is not None and not private:
            yield f"{_shown(low)} to {_shown(high)}"
            yield from (f"does {bound} mean missing?" for bound in (low, high) if bound in SENTINELS)
        texts = self._texts() if kind == "string" else {}
        if enum or kind != "string":
            yield f"these are all {counted(len(texts), 'value')}" if enum else ""
            return
        if texts and len(texts) <= FEW:
            yield counted(len(texts), "distinct value")
            variants = len(texts) - len({text.casefold() for text in texts})
            yield f"{variants} of them differ from another only in case" if variants else ""
        elif column.longest:
            yield f"up to {counted(column.longest, 'character')}"


def _odd(text: str) -> bool:
    """Whether a text should not be written into a mapping."""
    return not text.isprintable()


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds").removesuffix(".000").removesuffix(" 00:00:00")
    return f"{value:.12g}" if isinstance(value, float) else f"{value}"
