"""From evidence to fields: what each line of the mapping says, and the comment that says why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from engine.infer.arrays import ArrayPlan, lists, plan_arrays
from engine.infer.choices import decide
from engine.infer.evidence import Profile, merged
from engine.infer.paths import paths
from engine.infer.proposers import Choice, choose
from engine.infer.relations import Relations
from engine.infer.tables import Table
from engine.infer.texts import BOUNDS, DOUBTFUL, KEYS, MISSING, PERSONAL
from engine.infer.words import number, snake
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
    """One line of `fields`: its keys as the mapping writes them, and the notes of its comment. No note holds a private value."""

    path: str
    keys: Mapping[str, Any]
    notes: tuple[str, ...]
    column: Profile
    choice: Choice

    @property
    def private(self) -> bool:
        """Whether values may be shown nowhere."""
        return bool(self.keys.get("private"))


@dataclass(frozen=True)
class FieldsPlan:
    """The fields, `_id` first; what `arrays` says; and the texts that mean a missing value in all columns, the empty one first."""

    fields: list[FieldPlan]
    arrays: dict[str, Mapping[str, Any]]
    nulls: list[str]


def plan_fields(table: Table, found: Relations | None) -> FieldsPlan:
    """A field for each column, or one for those that are an array."""
    layout = table.layout
    columns, choices = decide(table.columns, named=not layout.invented)
    names = {one.name: snake(one.name) for one in columns}
    nulls = [text for text in (*MISSING, *DOUBTFUL) if text == "" or any(text in one.missing for one in columns)]
    unique = {key[0] for key in found.keys if len(key) == 1} if found and table.rows > 1 else set()
    key = _key([one for one in columns if one.name in unique], names, choices)
    arrays = [one for one in plan_arrays(columns, invented=layout.invented, ragged=layout.dialect.ragged) if key not in one.columns]
    inside = frozenset().union(*(one.columns for one in arrays))
    plain = sorted((one for one in columns if one.name not in inside), key=lambda one: one.name != key)
    where = paths([one.name for one in plain if one.name != key])
    separators = lists(plain, choices)
    fields = [
        _Deciding(one, names[one.name], choices[one.name], nulls).plan(where.get(one.name, ID), separators.get(one.name))
        for one in plain
    ]  # fmt: skip
    fields += [one for array in arrays for one in _elements(array, {one.name: one for one in columns}, nulls)]
    return FieldsPlan(fields, {one.path: one.origin for one in arrays}, nulls)


def _elements(array: ArrayPlan, columns: Mapping[str, Profile], nulls: Sequence[str]) -> Iterator[FieldPlan]:
    """The fields of an array's elements, each decided over all of its columns at once."""
    for member in array.members:
        path = f"{array.path}[]" + (f".{member.path}" if member.path else "")
        if not member.columns:
            yield FieldPlan(path, {"column": member.column, "type": "int"}, (array.why,), columns[next(iter(array.columns))], Choice("int"))
            continue
        whole = merged(member.column, [columns[name] for name in member.columns])
        name = member.path or array.path.removesuffix("s")
        plan = _Deciding(whole, name, choose(whole, name), nulls).plan(path)
        keys = {name: value for name, value in plan.keys.items() if name not in ("required", "enum")}
        yield replace(plan, keys=keys, notes=(f"{number(len(member.columns), 'column')}", *plan.notes))


def _key(unique: Sequence[Profile], names: Mapping[str, str], choices: Mapping[str, Choice]) -> str | None:
    """The column that is the documents' `_id`: unique, complete, written in one way, and by its name or type a key."""
    fitting = [
        one.name
        for one in unique
        if choices[one.name].type in KEY_TYPES
        and not (one.missing or one.doubtful or one.edges or _mixed(one, choices[one.name]))
        and (KEYS.search(names[one.name]) or choices[one.name].type in ("uuid", "objectId"))
        and not any(re.search(regex, names[one.name]) for regex in PERSONAL.values())
    ]
    return next((name for name in fitting if names[name] == "id"), fitting[0] if fitting else None)


def _mixed(column: Profile, choice: Choice) -> bool:
    return choice.type in ("uuid", "objectId") and bool(column.shapes["upper_hex"] and column.shapes["lower_hex"])


@dataclass(frozen=True)
class _Deciding:
    """The decisions about one column, once its type is chosen."""

    column: Profile
    name: str
    choice: Choice
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
        """What kind of personal data the column looks like; empty where it does not."""
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
        """Natural bounds, where the values are within them."""
        low, high = self.column.ranges.get(self.choice.type, (None, None))
        if self.choice.type not in ("int", "long", "decimal", "double") or low is None:
            return {}
        least, most = next((bounds for regex, bounds in BOUNDS.items() if re.search(regex, self.name)), (None, None))
        if (least is not None and low < least) or (most is not None and high > most):
            return {}
        return {key: bound for key, bound in (("minimum", least), ("maximum", most)) if bound is not None}

    def _texts(self) -> dict[str, int]:
        """The values as the document will have them, with counts; none where there are too many."""
        if self.column.values is None:
            return {}
        cells = pl.Series("cell", list(self.column.values), dtype=pl.String)
        step = self._transform()
        texts = cells.to_frame().select(apply(pl.col("cell"), ((step, {}),) if step else ())).to_series().to_list()
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
            yield f"{said}: null_values, if missing is meant"
        if counts and column.typed:
            yield ", ".join(counts)

    def _about_blanks(self) -> Iterator[str]:
        column = self.column
        if column.blank:
            yield f"{number(column.blank, 'cell')} of blanks alone"
        if column.edges > column.blank:
            yield f"{number(column.edges - column.blank, 'value')} with blanks at an end"
        if column.shapes["runs"] and self.choice.type == "string":
            advice = "" if self._transform() == "squish" else ": transform: [squish] makes them one"
            yield f"{number(column.shapes['runs'], 'value')} with several blanks in a row{advice}"

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
            yield from (f"does {one} mean missing?" for one in (low, high) if one in SENTINELS)
        texts = self._texts() if kind == "string" else {}
        if enum or kind != "string":
            yield f"all of {number(len(texts), 'value')}" if enum else ""
            return
        if texts and len(texts) <= FEW:
            yield number(len(texts), "distinct value")
            variants = len(texts) - len({text.casefold() for text in texts})
            yield f"{variants} of them like another but for case" if variants else ""
        elif column.longest:
            yield f"up to {number(column.longest, 'character')}"


def _odd(text: str) -> bool:
    """Whether a text is better not written into a mapping."""
    return not text.isprintable()


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds").removesuffix(".000").removesuffix(" 00:00:00")
    return f"{value:.12g}" if isinstance(value, float) else f"{value}"
