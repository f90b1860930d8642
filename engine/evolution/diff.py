"""Two mappings → the changes between them. Pure; every attribute of the model is compared, unknown ones too.

What is not in a table here is compared all the same, and counts as a change that needs the source again (E105, E605).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from engine.evolution.changes import Change
from engine.evolution.pairing import Pair, arrays, pairs, renames
from engine.evolution.trees import renamed, spelled
from engine.expressions import Typed
from engine.mapping.model import Array, Field, Limit, Mapping
from engine.values.paths import MARK, in_element
from engine.values.types import Options

# Attributes of a field, and the kind of change each is. Those not named are E105: how the value is made.
ATTRIBUTES = {"default": "E106", "empty": "E107", "on_error": "E108", "private": "E115", "description": "E115"}
ARRAYS = {"empty": "E107", "on_error": "E108"}  # attributes of an array, likewise; those not named are E105
APART = frozenset({"path", "type", "options", "constraints", "required", "was"})  # compared by functions below
# Attributes of the mapping, likewise; those not named are E605. A dataclass among them is compared attribute by attribute.
PARTS = {"name": "E604", "version": "E604", "description": "E604", "limit": "E602", "deletions": "E602", "duplicates": "E602",
         "private_rejects": "E602", "tests": "E602", "dedup": "E201", "identity": "E202"}  # fmt: skip
SOURCE = {"paths": "E602", "missing": "E602", "extra": "E602", "null_values": "E602"}  # its null_values are those of its fields
TARGET = {"database": "E603", "collection": "E603", "profile": "E501"}
COMPARED = frozenset({"fields", "arrays", "rules", "indexes", "source", "target", "validation"})  # by functions below
UNTOLD = frozenset({"file", "text", "digest"})  # they say nothing beside the rest
TIGHTER = {"minimum": 1, "exclusiveMinimum": 1, "minLength": 1, "maximum": -1, "exclusiveMaximum": -1, "maxLength": -1,
           "minItems": 1, "maxItems": -1}  # fmt: skip
NUMBERS = {int, float, Decimal}


def diff(old: Mapping, new: Mapping) -> tuple[Change, ...]:
    """All changes, fields first; empty where both mappings say the same."""
    every = (_fields, _arrays, _keys, _rules, _indexes, _validation, _rest)
    return tuple(change for part in every for change in part(old, new))


# fields


def _fields(old: Mapping, new: Mapping) -> Iterator[Change]:
    found = pairs(old, new)
    for pair in found:
        yield from _field(pair, renames(old, new))
    same = {pair.old.path for pair in found if pair.old and pair.new and pair.old.path == pair.new.path}
    before, after = ([path for path in leaves([one.path for one in mapping.fields]) if path in same] for mapping in (old, new))
    if before != after:
        yield Change("E114", "fields", "", before, after)


def leaves(paths: Sequence[str]) -> list[str]:
    """Paths in the order in which a document holds them: what lies in one document stands together, where its first field is named."""
    heads: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition(".")
        heads.setdefault(head, []).append(rest)
    return [f"{head}.{rest}" if rest else head for head, inner in heads.items() for rest in (leaves(inner) if inner != [""] else [""])]


def _field(pair: Pair, moved: dict[str, str]) -> Iterator[Change]:
    old, new = pair.old, pair.new
    if old is None or new is None:
        one = new or old
        assert one is not None
        yield Change("E101" if new else "E102", one.path, "", origin(old) if old else None, origin(new) if new else None)
        return
    if old.path != new.path:
        yield Change("E103", new.path, "", old.path, new.path)
    if old.type != new.type:
        yield Change("E104", new.path, "", old.type.name, new.type.name)
    own = old.type.options | new.type.options if old.type != new.type else frozenset()  # then they say how the new type reads
    for option in fields(Options):
        before, after = getattr(old.options, option.name), getattr(new.options, option.name)
        if before != after and option.name not in own:
            yield Change("E105", new.path, option.name, before, after)
    for part in fields(Field):
        before, after = getattr(old, part.name), getattr(new, part.name)
        if part.compare and part.name not in APART and not _same(part.name, before, after, moved):
            yield Change(ATTRIBUTES.get(part.name, "E105"), new.path, part.name, _plain(before), _plain(after))
    if old.required != new.required:
        yield Change("E109" if new.required else "E110", new.path)
    for name in dict.fromkeys((*old.constraints, *new.constraints)):
        yield from _constraint(old, new, name)


def _same(name: str, before: Any, after: Any, moved: dict[str, str]) -> bool:
    """Whether two values say the same, renamed paths apart. That of `compute` is an expression."""
    return bool(before == after or (name in ("compute", "when") and before and after and says_the_same(before, after, moved)))


def says_the_same(before: Typed, after: Typed, moved: dict[str, str]) -> bool:
    """Whether two expressions differ in nothing but renamed paths and the types of what they read."""
    return bool(spelled(renamed(before, moved)) == spelled(after))


def origin(one: Field) -> str:
    """Type and source of a field in words."""
    if one.column is not None:
        return " | ".join([f"{one.type.name} from column {one.column!r}", *(name for name, _ in one.transforms)])
    return f"{one.type.name}, " + ("computed" if one.compute else "constant" if one.value is not None else "made otherwise")


def _plain(value: Any) -> Any:
    return "an expression" if hasattr(value, "tree") else type(value).__name__.lower() if is_dataclass(value) else value


def _constraint(old: Field | Array, new: Field | Array, name: str) -> Iterator[Change]:
    before, after = old.constraints.get(name), new.constraints.get(name)
    if before != after:
        yield Change(_direction(name, before, after), new.path, name, before, after)


def loosened(old: Field, new: Field) -> bool:
    """Whether values that broke the old field's checks may pass the new one's."""
    changed = {name: limit for name, limit in old.constraints.items() if limit != new.constraints.get(name)}
    eased = any(_direction(name, limit, new.constraints.get(name)) != "E111" for name, limit in changed.items())
    return eased or old.on_error != new.on_error or (old.required and not new.required)


def _direction(name: str, before: Any, after: Any) -> str:
    """E111 where only fewer values pass now, E112 where only more do, else E113."""
    if before is None or after is None:
        return "E111" if before is None else "E112"
    if name in TIGHTER and (type(before) is type(after) or {type(before), type(after)} <= NUMBERS):
        return "E111" if (after > before) == (TIGHTER[name] > 0) else "E112"
    if name == "enum" and all(one in before for one in after):
        return "E111"
    return "E112" if name == "enum" and all(one in after for one in before) else "E113"


# arrays, keys, rules, indexes, validation


def _arrays(old: Mapping, new: Mapping) -> Iterator[Change]:
    """Of arrays that are in both; those that are not come and go with their fields."""
    before, moved, origins = {one.path: one for one in old.arrays}, renames(old, new), arrays(old, new)
    for other in new.arrays:
        path, one = other.path, before.get(origins.get(other.path, ""))
        if one is None:
            continue
        for part in fields(Array):
            values = getattr(one, part.name), getattr(other, part.name)
            if part.compare and part.name not in ("path", "constraints") and not _same_part(one, other, part.name, moved):
                yield Change(ARRAYS.get(part.name, "E105"), path, part.name, *map(_plain, values))
        for name in dict.fromkeys((*one.constraints, *other.constraints)):
            yield from _constraint(one, other, name)


def _same_part(before: Array, after: Array, name: str, moved: dict[str, str]) -> bool:
    if name == "sort":
        return ordering(before, moved) == after.sort
    return bool(getattr(before, name) == getattr(after, name))


def ordering(one: Array, moved: MappingOf[str, str]) -> tuple[tuple[str, bool], ...]:
    """What the elements are sorted by, with fields of theirs under their new names."""
    found = ((moved.get(f"{one.path}{MARK}.{name}"), name, down) for name, down in one.sort)
    return tuple((in_element(path) if path else name, down) for path, name, down in found)


def _keys(old: Mapping, new: Mapping) -> Iterator[Change]:
    moved = renames(old, new)
    for name, part in (("dedup", "on"), ("identity", "hash")):
        before, after = getattr(old, name), getattr(new, name)
        if before is not None and isinstance(listed := getattr(before, part), tuple):
            before = _replaced(before, part, tuple(moved.get(path, path) for path in listed))
        if before != after:
            yield Change(PARTS[name], "_id" if name == "identity" else name, "", _attributes(getattr(old, name)), _attributes(after))


def _replaced(part: Any, name: str, value: Any) -> Any:
    return type(part)(**{one.name: getattr(part, one.name) for one in fields(part)} | {name: value})


def _attributes(part: Any) -> Any:
    return None if part is None else {one.name: getattr(part, one.name) for one in fields(part) if one.compare}


def _rules(old: Mapping, new: Mapping) -> Iterator[Change]:
    before, after, moved = {one.name: one for one in old.rules}, {one.name: one for one in new.rules}, renames(old, new)
    for name in dict.fromkeys((*before, *after)):
        subject = f"rule {name}"
        if name not in before or name not in after:
            yield Change("E301" if name in after else "E302", subject, "", *(_text(one.get(name)) for one in (before, after)))
            continue
        one, other = before[name], after[name]
        if not says_the_same(one.check, other.check, moved):
            yield Change("E303", subject, "check", one.text, other.text)
        for part in fields(one):
            values = getattr(one, part.name), getattr(other, part.name)
            if part.compare and part.name not in ("name", "check", "text") and values[0] != values[1]:
                yield Change("E115" if part.name == "description" else "E303", subject, part.name, *values)


def _text(rule: Any) -> str | None:
    return rule and f"{rule.text}, on_fail: {rule.on_fail}"


def _indexes(old: Mapping, new: Mapping) -> Iterator[Change]:
    before, after = {one.name: one for one in old.indexes}, {one.name: one for one in new.indexes}
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if one != other:
            yield Change("E403" if one and other else "E401" if other else "E402", f"index {name}", "", index_spec(one), index_spec(other))


def index_spec(index: Any) -> dict[str, Any] | None:
    """Keys and options of an index, as MongoDB's `createIndexes` takes them but for the name."""
    return index and {"key": dict(index.keys), **index.options}


def _validation(old: Mapping, new: Mapping) -> Iterator[Change]:
    for one in fields(new.validation):
        before, after = getattr(old.validation, one.name), getattr(new.validation, one.name)
        if before != after:
            code = ("E503" if after else "E502") if one.name == "additional" else "E501"
            yield Change(code, "validation", one.name, before, after)


def _rest(old: Mapping, new: Mapping) -> Iterator[Change]:
    for name, table, usual in (("source", SOURCE, "E601"), ("target", TARGET, "E602")):
        before, after = getattr(old, name), getattr(new, name)
        for one in fields(after):
            values = getattr(before, one.name, None), getattr(after, one.name)
            if one.compare and values[0] != values[1]:
                yield Change(table.get(one.name, usual), name, one.name, *values)
    for one in fields(Mapping):
        values = getattr(old, one.name), getattr(new, one.name)
        if one.compare and one.name not in COMPARED | UNTOLD and one.name not in ("dedup", "identity") and values[0] != values[1]:
            code = "E602" if one.name == "sources" and _alike(*values) else PARTS.get(one.name, "E605")
            yield Change(code, one.name, "", *map(_words, values))


def _alike(before: MappingOf[str, Any], after: MappingOf[str, Any]) -> bool:
    """Whether sources that are in both are the same; others matter by what reads them."""
    return all(before[name] == after[name] for name in before.keys() & after.keys())


def _words(value: Any) -> Any:
    """A part as it is shown, None where it is too long for that."""
    if isinstance(value, Limit):
        return value.of("rows")
    return value if isinstance(value, str | int) else None
