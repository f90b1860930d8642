"""Two mappings → the changes between them. Pure; every attribute of the model is compared, unknown ones too.

An attribute that no row of `kinds` names is compared all the same, and counts as a change that needs the source again (E105, E605).
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import fields, is_dataclass, replace
from typing import Any

from engine.evolution.changes import Change
from engine.evolution.declared import described
from engine.evolution.implications import implies
from engine.evolution.keys import key_of, origin_key, written
from engine.evolution.kinds import code_of
from engine.evolution.pairing import Pair, arrays, pairs, renames
from engine.evolution.trees import renamed, spelled
from engine.expressions import Typed
from engine.expressions.array_constraints import ARRAY_CONSTRAINTS
from engine.expressions.constraints import CONSTRAINTS
from engine.mapping.model import ID, Array, Field, Limit, Mapping, Rule
from engine.mapping.names import called_alike, other_names, same_rows
from engine.values.columns import ColumnRef
from engine.values.paths import MARK, document_order, in_element
from engine.values.types import Options

APART = frozenset({"path", "type", "options", "constraints", "required", "was"})  # of a field: compared by functions below
APART_OF_ARRAY = frozenset({"path", "origin", "constraints"})
COMPARED = frozenset(
    {"fields", "arrays", "dedup", "identity", "rules", "indexes", "source", "target", "validation", "group_by", "steps"}
)  # likewise
SHUTS = {"warn": 0, "filter": 1, "reject": 2, "fail": 2}  # how much a rule shuts out: nothing, rows, and writes of others
DERIVED = frozenset({"file", "text", "digest"})  # they follow from the rest
NARROWS = {name: row.narrows for name, row in CONSTRAINTS.items()} | {name: row.narrows for name, row in ARRAY_CONSTRAINTS.items()}


def diff(old: Mapping, new: Mapping) -> tuple[Change, ...]:
    """All changes, fields first; empty where both mappings mean the same."""
    every = (_fields, _arrays, _names, _keys, _rules, _indexes, _validation, _steps, _rest)
    known = called_alike(old, new)
    return tuple(change for part in every for change in part(known, new))


# fields


def _fields(old: Mapping, new: Mapping) -> Iterator[Change]:
    found = pairs(old, new)
    for pair in found:
        yield from _field(pair, renames(old, new))
    same = {pair.old.path for pair in found if pair.old and pair.new and pair.old.path == pair.new.path}
    before, after = ([path for path in document_order([field.path for field in mapping.fields]) if path in same] for mapping in (old, new))
    if before != after:
        yield Change("E114", "fields", "", before, after)


def _field(pair: Pair, moved: dict[str, str]) -> Iterator[Change]:
    old, new = pair.old, pair.new
    if old is None or new is None:
        field = new or old
        assert field is not None
        yield Change("E101" if new else "E102", field.path, "", origin(old) if old else None, origin(new) if new else None)
        return
    if old.path != new.path:
        yield Change("E103", new.path, "", old.path, new.path)
    if old.type != new.type:
        yield Change("E104", new.path, "", old.type.name, new.type.name)
    own = old.type.options | new.type.options if old.type != new.type else frozenset()  # then they say how the new type reads
    for option in fields(Options):
        before, after = getattr(old.options, option.name), getattr(new.options, option.name)
        if before != after and option.name not in own:
            yield Change(code_of("Options", option.name), new.path, key_of("Options", option.name), _plain(before), _plain(after))
    for part in fields(Field):
        before, after = getattr(old, part.name), getattr(new, part.name)
        if part.compare and part.name not in APART and not _same(part.name, before, after, moved):
            yield _attribute(new.path, part.name, _plain(before), _plain(after))
    if old.required != new.required:
        yield Change("E109" if new.required else "E110", new.path)
    for name in dict.fromkeys((*old.constraints, *new.constraints)):
        yield from _constraint(old, new, name)


def _attribute(path: str, name: str, before: Any, after: Any) -> Change:
    """A default comes or goes as a part of its own."""
    if name == "default" and (before is None) != (after is None):
        return Change("E116" if before is None else "E117", path, "", before, after)
    return Change(code_of("Field", name), path, key_of("Field", name), before, after)


def _same(name: str, before: Any, after: Any, moved: dict[str, str]) -> bool:
    """Whether two values mean the same, apart from renamed paths. The value of `compute` is an expression."""
    return bool(before == after or (name in ("compute", "when") and before and after and says_the_same(before, after, moved)))


def says_the_same(before: Typed, after: Typed, moved: dict[str, str]) -> bool:
    """Whether two expressions differ only in renamed paths and in the types of what they read."""
    return bool(spelled(renamed(before, moved)) == spelled(after))


def origin(field: Field) -> str:
    """Type and source of a field in words."""
    if field.column is not None:
        return " | ".join([f"{field.type.name} from column {field.column.written!r}", *(name for name, _ in field.transforms)])
    return f"{field.type.name}, " + ("computed" if field.compute else "constant" if field.value is not None else "made otherwise")


def _plain(value: Any) -> Any:
    """A value as it is shown, None where its key has to do."""
    value = _written(value)
    return "an expression" if hasattr(value, "tree") else None if is_dataclass(value) else value


def _written(value: Any) -> Any:
    """Columns as the mapping writes them."""
    if isinstance(value, tuple):
        return tuple(map(_written, value))
    return value.written if isinstance(value, ColumnRef) else value


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
    narrows = NARROWS[name]
    return "E111" if narrows(before, after) else "E112" if narrows(after, before) else "E113"


# arrays, keys, rules, indexes, validation


def _arrays(old: Mapping, new: Mapping) -> Iterator[Change]:
    """Changes of arrays that are in both mappings; other arrays are added and removed with their fields."""
    before, moved, origins = {array.path: array for array in old.arrays}, renames(old, new), arrays(old, new)
    for other in new.arrays:
        path, array = other.path, before.get(origins.get(other.path, ""))
        if array is None:
            continue
        if array.origin != other.origin:
            yield _origin(path, origin_key(array.origin), origin_key(other.origin))
        for part in fields(Array):
            values = getattr(array, part.name), getattr(other, part.name)
            if part.compare and part.name not in APART_OF_ARRAY and not _same_part(array, other, part.name, moved):
                yield Change(code_of("Array", part.name), path, key_of("Array", part.name), *map(_plain, values))
        for name in dict.fromkeys((*array.constraints, *other.constraints)):
            yield from _constraint(array, other, name)


def _origin(path: str, before: str, after: str) -> Change:
    """By the keys that say where the elements come from."""
    return Change("E105", path, before) if before == after else Change("E105", path, "", before, after)


def _same_part(before: Array, after: Array, name: str, moved: dict[str, str]) -> bool:
    if name == "sort":
        return ordering(before, moved) == after.sort
    return bool(getattr(before, name) == getattr(after, name))


def ordering(array: Array, moved: MappingOf[str, str]) -> tuple[tuple[str, bool], ...]:
    """What the elements are sorted by, with their fields under the new names."""
    found = ((moved.get(f"{array.path}{MARK}.{name}"), name, down) for name, down in array.sort)
    return tuple((in_element(path) if path else name, down) for path, name, down in found)


def _names(old: Mapping, new: Mapping) -> Iterator[Change]:
    """Columns that have other names now. Where whole rows are hashed, the oldest name of a column has a say in it."""
    yield from (Change("E602", f"column {one.column}", "", one.before, one.after) for one in other_names(old, new))
    if old.identity == new.identity and not same_rows(old, new):
        yield Change(code_of("Mapping", "identity"), ID, "", "the row, whose cells are ordered by their columns' oldest names")


def _keys(old: Mapping, new: Mapping) -> Iterator[Change]:
    moved = renames(old, new)
    if set(old.group_by) != set(new.group_by):
        yield Change(code_of("Mapping", "group_by"), "group_by", "", old.group_by or None, new.group_by or None)
    for name, part in (("dedup", "on"), ("identity", "hash")):
        before, after = getattr(old, name), getattr(new, name)
        if before is not None and isinstance(listed := getattr(before, part), tuple):
            before = replace(before, **{part: tuple(moved.get(path, path) for path in listed)})
        if before != after:
            yield Change(code_of("Mapping", name), ID if name == "identity" else name, "", written(getattr(old, name)), written(after))


def _steps(old: Mapping, new: Mapping) -> Iterator[Change]:
    """A step that is in both mappings was carried out, whatever it says now."""
    before, after = ({step.name: step for step in mapping.steps} for mapping in (old, new))
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if one != other:
            code = "E606" if one is None else "E607" if other is None else "E608"
            yield Change(code, f"step {name}", "", *(step and described(step) for step in (one, other)))


def _rules(old: Mapping, new: Mapping) -> Iterator[Change]:
    before, after, moved = {rule.name: rule for rule in old.rules}, {rule.name: rule for rule in new.rules}, renames(old, new)
    for name in dict.fromkeys((*before, *after)):
        subject = f"rule {name}"
        if name not in before or name not in after:
            yield Change("E301" if name in after else "E302", subject, "", *(_text(indexes.get(name)) for indexes in (before, after)))
            continue
        rule, other = before[name], after[name]
        if not says_the_same(rule.check, other.check, moved):
            yield Change(_of_check(rule, other, moved), subject, "check", rule.text, other.text)
        for part in fields(rule):
            values = getattr(rule, part.name), getattr(other, part.name)
            if part.compare and part.name not in ("name", "check", "text") and values[0] != values[1]:
                code = _of_policy(*values) if part.name == "on_fail" else code_of("Rule", part.name)
                yield Change(code, subject, part.name, *values)


def _of_check(rule: Rule, other: Rule, moved: dict[str, str]) -> str:
    """E304 where the check lets only more through, E305 where only less, else E303; of a rule that only warns, loading alone."""
    if rule.on_fail == other.on_fail == "warn":
        return "E602"
    before = renamed(rule.check, moved)
    return "E304" if implies(before, other.check) else "E305" if implies(other.check, before) else "E303"


def _of_policy(before: str, after: str) -> str:
    """By how much it shuts out: fail and reject differ in how a run ends."""
    if not {before, after} <= SHUTS.keys():
        return code_of("Rule", "on_fail")
    return "E602" if SHUTS[before] == SHUTS[after] else "E304" if SHUTS[after] < SHUTS[before] else "E305"


def _text(rule: Any) -> str | None:
    return rule and f"{rule.text}, on_fail: {rule.on_fail}"


def _indexes(old: Mapping, new: Mapping) -> Iterator[Change]:
    before, after = {index.name: index for index in old.indexes}, {index.name: index for index in new.indexes}
    for name in dict.fromkeys((*before, *after)):
        index, other = before.get(name), after.get(name)
        if index != other:
            yield Change(
                "E403" if index and other else "E401" if other else "E402", f"index {name}", "", index_spec(index), index_spec(other)
            )


def index_spec(index: Any) -> dict[str, Any] | None:
    """Keys and options of an index as MongoDB's `createIndexes` takes them, without the name."""
    return index and {"key": dict(index.keys), **index.options}


def _validation(old: Mapping, new: Mapping) -> Iterator[Change]:
    for field in fields(new.validation):
        before, after = getattr(old.validation, field.name), getattr(new.validation, field.name)
        if before != after:
            code = ("E503" if after else "E502") if field.name == "additional" else code_of("Validation", field.name)
            yield Change(code, "validation", field.name, before, after)


def _rest(old: Mapping, new: Mapping) -> Iterator[Change]:
    yield from _attributes("source", old.source, new.source)
    before = old.target
    if before.collection == new.target.was != new.target.collection:
        yield Change(code_of("Target", "was"), "target.collection", "", before.collection, new.target.collection)
        before = replace(before, collection=new.target.collection)
    yield from _attributes("target", before, new.target)
    for field in fields(Mapping):
        values = getattr(old, field.name), getattr(new, field.name)
        if field.compare and field.name not in COMPARED | DERIVED and values[0] != values[1]:
            code = "E602" if field.name == "sources" and _alike(*values) else code_of("Mapping", field.name)
            yield Change(code, key_of("Mapping", field.name), "", *map(_words, values))


def _attributes(subject: str, before: Any, after: Any, section: str = "") -> Iterator[Change]:
    """Every attribute that differs; those of a part of it likewise."""
    part = type(after).__name__
    for field in fields(after):
        values, key = (getattr(before, field.name), getattr(after, field.name)), section + key_of(part, field.name)
        if field.compare and values[0] != values[1]:
            inside = all(map(is_dataclass, values))
            yield from _attributes(subject, *values, f"{key}.") if inside else [Change(code_of(part, field.name), subject, key, *values)]


def _alike(before: MappingOf[str, Any], after: MappingOf[str, Any]) -> bool:
    """Whether the sources that are in both mappings are the same; others matter through what reads them."""
    return all(before[name] == after[name] for name in before.keys() & after.keys())


def _words(value: Any) -> Any:
    """A part as it is shown; None where it is too long."""
    if isinstance(value, Limit):
        return str(value)
    return value if isinstance(value, str | int) else None
