"""Mappings as lists of fields that keep their keys whatever they are called, edits of them, and the documents that they make."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bson import Int64
from hypothesis import strategies as st

Document = dict[str, Any]
KINDS = {"int": int, "long": Int64, "double": float, "string": str}
RETYPED = {"int": ("long", "double"), "long": ("double",)}
GENDERS = ("F", "M", "X")
VALUES = {"name": ["Ada", "Bo"], "gender": [*GENDERS], "age": [0, 7, 80], "room": [1, 12], "extra": ["e", "f"], "tail": ["t", "u"]}


@dataclass(frozen=True)
class One:
    """A field: of a column (its key), with a constant, or computed by adding to the field `plus`."""

    key: str
    path: str
    kind: str = "string"
    was: str = ""
    enum: tuple[str, ...] = ()
    constant: Any = None
    plus: str = ""
    by: int = 1

    @property
    def of_column(self) -> bool:
        return self.constant is None and not self.plus

    def stored(self, value: Any) -> Any:
        return KINDS[self.kind](value)


@dataclass(frozen=True)
class Shape:
    """The mapping. `made` counts the paths that were invented."""

    fields: tuple[One, ...]
    additional: bool = False
    action: str = "error"
    made: int = 0

    def find(self, key: str) -> One | None:
        return next((one for one in self.fields if one.key == key), None)

    @property
    def raw(self) -> dict[str, Any]:
        """As an engine mapping."""
        fields: dict[str, Any] = {"_id": {"column": "id", "type": "int"}}
        for one in self.fields:
            if one.plus:
                source = self.find(one.plus)
                assert source
                fields[one.path] = {"compute": f"{source.path} + {one.by}", "type": source.kind}
            elif one.constant is not None:
                fields[one.path] = {"value": one.constant, "type": "string"}
            else:
                fields[one.path] = {"column": one.key, "type": one.kind}
                fields[one.path] |= {"enum": list(one.enum)} if one.enum else {}
                fields[one.path] |= {"required": True} if one.key in ("name", "age") else {}
            fields[one.path] |= {"was": one.was} if one.was else {}
        return {
            "mapping": "m",
            "source": {"path": "in.csv", "columns": {"extra": "ignore"}},
            "fields": fields,
            "validation": {"level": "strict", "action": self.action, "additional": self.additional},
            "limits": {"rejects": "100%", "shrink": "100%"},
        }

    def document(self, ident: int, values: Mapping[str, Any]) -> Document:
        """As the engine would make it."""
        found: Document = {"_id": ident}
        for one in self.fields:
            source = self.find(one.plus) if one.plus else None
            if source:
                value = source.stored(KINDS[source.kind](values[source.key]) + one.by)
            elif one.constant is not None:
                value = one.constant
            elif one.key in values:
                value = one.stored(values[one.key])
            else:
                continue
            put(found, one.path, value)
        return found

    def refuses(self, document: Document) -> bool:
        """Whether there is a reason to set a document aside that has its values under these paths."""
        return bool(not self.additional and [*unnamed(document, {one.path for one in self.fields})]) or any(
            one.enum and get(document, one.path) not in (None, *one.enum) for one in self.fields
        )


FIRST = Shape(
    (
        One("name", "name"), One("gender", "p.gender", enum=GENDERS), One("age", "p.age", "int"), One("room", "room"),
        One("extra", "q.extra"), One("tail", "tail"),
    )
)  # fmt: skip


def put(document: Document, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    document[last] = value


def get(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def unnamed(document: Document, paths: set[str], prefix: str = "") -> Iterator[str]:
    for name, value in document.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from unnamed(value, paths, f"{path}.")
        elif path not in paths and path != "_id":
            yield path


# edits


def _rename(draw: st.DrawFn, shape: Shape) -> Shape:
    one = draw(st.sampled_from([one for one in shape.fields if one.of_column]))
    path = f"{draw(st.sampled_from(['', 'p.', 'w.']))}f{shape.made}"
    was = one.was or one.path
    return replace(shape, fields=tuple(replace(one, path=path, was=was) if other is one else other for other in shape.fields),
                   made=shape.made + 1)  # fmt: skip


def _remove(draw: st.DrawFn, shape: Shape) -> Shape:
    used = {one.plus for one in shape.fields}
    free = [one for one in shape.fields if one.key not in used and one.key not in ("name", "age")]
    gone = draw(st.sampled_from(free)) if free else None
    return replace(shape, fields=tuple(one for one in shape.fields if one is not gone))


def _retype(draw: st.DrawFn, shape: Shape) -> Shape:
    choices = [(one, kind) for one in shape.fields if one.of_column for kind in _kinds(one)]
    if not choices:
        return shape
    one, kind = draw(st.sampled_from(choices))
    return replace(shape, fields=tuple(replace(one, kind=kind) if other is one else other for other in shape.fields))


def _kinds(one: One) -> tuple[str, ...]:
    return ("int", "long") if (one.key, one.kind) == ("room", "string") else RETYPED.get(one.kind, ())


def _enum(draw: st.DrawFn, shape: Shape) -> Shape:
    wanted = tuple(draw(st.lists(st.sampled_from(GENDERS), min_size=1, unique=True)))
    return replace(shape, fields=tuple(replace(one, enum=wanted) if one.key == "gender" else one for one in shape.fields))


def _constant(draw: st.DrawFn, shape: Shape) -> Shape:
    known = [one for one in shape.fields if one.constant is not None]
    value = draw(st.sampled_from(["k", "l", "m"]))
    if known:
        return replace(shape, fields=tuple(replace(one, constant=value) if one is known[0] else one for one in shape.fields))
    return _added(draw, shape, One(f"k{shape.made}", f"p.k{shape.made}", constant=value))


def _compute(draw: st.DrawFn, shape: Shape) -> Shape:
    known = [one for one in shape.fields if one.plus]
    by = draw(st.integers(1, 3))
    if known:
        return replace(shape, fields=tuple(replace(one, by=by) if one is known[0] else one for one in shape.fields))
    numbers = [one.key for one in shape.fields if one.of_column and one.kind != "string"]
    return _added(draw, shape, One(f"c{shape.made}", f"w.c{shape.made}", plus="age", by=by)) if "age" in numbers else shape


def _added(draw: st.DrawFn, shape: Shape, one: One) -> Shape:
    place = draw(st.integers(0, len(shape.fields)))
    return replace(shape, fields=(*shape.fields[:place], one, *shape.fields[place:]), made=shape.made + 1)


def _order(draw: st.DrawFn, shape: Shape) -> Shape:
    return replace(shape, fields=tuple(draw(st.permutations(shape.fields))))


def _open(_draw: st.DrawFn, shape: Shape) -> Shape:
    return replace(shape, additional=not shape.additional)


def _warn(_draw: st.DrawFn, shape: Shape) -> Shape:
    return replace(shape, action="error" if shape.action == "warn" else "warn")


EDITS = (_rename, _rename, _remove, _retype, _retype, _enum, _enum, _constant, _compute, _order, _open, _warn)


@st.composite
def edited(draw: st.DrawFn, shape: Shape) -> Shape:
    """The mapping after one to three edits."""
    found = replace(shape, fields=tuple(replace(one, was="") for one in shape.fields))
    for edit in draw(st.lists(st.sampled_from(EDITS), min_size=1, max_size=3)):
        found = edit(draw, found)
    return found


# writers


@dataclass
class Known:
    """What was acknowledged of a document: values by key, those of unnamed fields by path; and where and when each was written last."""

    values: dict[str, Any]
    others: dict[str, Any] = field(default_factory=dict)
    written: dict[str, tuple[str, int]] = field(default_factory=dict)

    def copied(self) -> "Known":
        return copy.deepcopy(self)
