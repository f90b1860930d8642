"""Mappings as lists of fields that keep their keys whatever they are called, and the documents that they make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import Int64

from writers.places import Document, get, put, unnamed

KINDS: dict[str, Callable[[Any], Any]] = {"int": int, "long": Int64, "double": float, "string": str, "date": datetime.fromisoformat}
RETYPED = {"int": ("long", "double"), "long": ("double",)}
GENDERS = ("F", "M", "X")
VALUES: dict[str, list[Any]] = {
    "name": ["Ada", "Bo"], "gender": [*GENDERS], "age": [0, 7, 80], "room": [1, 12], "extra": ["e", "f"], "tail": ["t", "u"],
    "day": ["2020-01-31", "2024-12-24"], "sku": [["a", "b"], ["c", "d"]], "qty": [[1, 2], [30, 40]],
}  # fmt: skip
OF_ELEMENTS = ("sku", "qty")
NICK = "nick"  # the field that a step of the user's makes of the name


def cells(values: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the source: for what is in an array, a column for each element."""
    found: dict[str, Any] = {NICK: values["name"].upper()}
    for key, value in values.items():
        found |= {f"{key}{number}": one for number, one in enumerate(value, 1)} if key in OF_ELEMENTS else {key: value}
    return found


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
        kind = KINDS[self.kind]
        return [kind(one) for one in value] if self.key in OF_ELEMENTS else kind(value)

    @property
    def raw(self) -> Document:
        """As the mapping has it; not what it is computed from."""
        if not self.of_column:
            return {"value": self.constant, "type": "string"}
        found: Document = {"column": self.key + ("{n}" if self.key in OF_ELEMENTS else ""), "type": self.kind}
        found |= {"format": "%Y-%m-%d"} if self.kind == "date" else {}
        found |= {"enum": list(self.enum)} if self.enum else {}
        return found | ({"required": True} if self.key in ("name", "age") else {})


@dataclass(frozen=True)
class Least:
    """A rule: the field has at least this value."""

    key: str
    value: int
    on_fail: str = "reject"


@dataclass(frozen=True)
class Indexed:
    """An index of the field, and of `_id` where it is `unique`; `partial`: only of grown-ups; `seconds`: it deletes after so many."""

    key: str
    unique: bool = False
    partial: bool = False
    seconds: int = 0


@dataclass(frozen=True)
class Shape:
    """The mapping; its rule, index and `step` are optional. `made` counts the names that were invented."""

    fields: tuple[One, ...]
    additional: bool = False
    action: str = "error"
    level: str = "strict"
    existing: str = "refuse"
    least: Least | None = None
    index: Indexed | None = None
    step: str = ""
    made: int = 0

    @property
    def keeps(self) -> bool:
        """Whether documents stay that it refuses."""
        return self.action == "warn" or self.level == "off" or self.existing == "keep"

    def find(self, key: str) -> One | None:
        return next((one for one in self.fields if one.key == key), None)

    def path(self, key: str) -> str:
        """Of a field that is there."""
        return next(one.path for one in self.fields if one.key == key)

    @property
    def raw(self) -> dict[str, Any]:
        """As an engine mapping."""
        fields: dict[str, Any] = {"_id": {"column": "id", "type": "int"}}
        for one in self.fields:
            source = self.find(one.plus) if one.plus else None
            fields[one.path] = {"compute": f"{source.path} + {one.by}", "type": source.kind} if source else one.raw
            fields[one.path] |= {"was": one.was} if one.was else {}
        return {
            "mapping": "m",
            "source": {"path": "in.csv", "columns": {"extra": "ignore"}},
            "fields": fields,
            "arrays": {one.path.partition("[]")[0]: {"numbered": "1..2"} for one in self.fields if "[]" in one.path},
            "validation": {"level": self.level, "action": self.action, "additional": self.additional, "existing": self.existing},
            "limits": {"rejects": "100%", "shrink": "100%"},
            "rules": {"least": self._rule} if self.least else {},
            "indexes": {"one": self._index} if self.index else {},
            "steps": {self.step: self._step} if self.step and self.find(NICK) else {},
        }

    @property
    def _step(self) -> Document:
        """Twice is not the same as once."""
        path, name = self.path(NICK), self.path("name")
        return {"makes": [path], "pipeline": [{"$set": {path: {"$concat": [{"$ifNull": [f"${path}", ""]}, {"$toUpper": f"${name}"}]}}}]}

    @property
    def _rule(self) -> Document:
        assert self.least
        return {"check": f"{self.path(self.least.key)} >= {self.least.value}", "on_fail": self.least.on_fail}

    @property
    def _index(self) -> Document:
        assert self.index
        keys = {self.path(self.index.key).replace("[]", ""): 1} | ({"_id": 1} if self.index.unique else {})
        found: Document = {"keys": keys} | ({"unique": True} if self.index.unique else {})
        found |= {"partialFilterExpression": {self.path("age"): {"$gt": 5}}} if self.index.partial else {}
        return found | ({"expireAfterSeconds": self.index.seconds} if self.index.seconds else {})

    def document(self, ident: int, values: Mapping[str, Any]) -> Document:
        """As the engine would make it."""
        found: Document = {"_id": ident}
        for one in self.fields:
            source = self.find(one.plus) if one.plus else None
            if source:
                value = source.stored(KINDS[source.kind](values[source.key]) + one.by)
            elif one.constant is not None:
                value = one.constant
            elif one.key == NICK:
                value = values["name"].upper()
            elif one.key in values:
                value = one.stored(values[one.key])
            else:
                continue
            put(found, one.path, value)
        return found

    def refuses(self, document: Document) -> bool:
        """Whether there is a reason to set a document aside that has its values under these paths."""
        odd = not self.additional and [*unnamed(document, {one.path for one in self.fields})]
        low = self.least and (get(document, self.path(self.least.key)) or 0) < self.least.value
        return bool(odd or low) or any(one.enum and get(document, one.path) not in (None, *one.enum) for one in self.fields)


FIRST = Shape(
    (
        One("name", "name"), One("gender", "p.gender", enum=GENDERS), One("age", "p.age", "int"), One("room", "room"),
        One("extra", "q.extra"), One("sku", "l[].sku"), One("qty", "l[].qty", "int"), One("day", "day", "date"), One("tail", "tail"),
    )
)  # fmt: skip
