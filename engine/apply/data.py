"""Both mappings over one source: which rows' documents would differ, by row number. Writes nothing, asks no server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bson import decode

from engine.documents.bson import bson_type_name
from engine.errors import counted
from engine.evolution.values import root
from engine.mapping.model import MASK, Mapping
from engine.mongo.trees import EXACT
from engine.plan import compile_plan
from engine.sources import open_source
from engine.sources.secondary import read_secondary_sources

EXAMPLES = 5


@dataclass
class Differences:
    """Counts of rows: with the `same` document, a `changed` one, or one only with the `old` or only with the `new` mapping.

    Duplicates are not removed: each row counts. `examples` are lines of text, without private values.
    """

    rows: int = 0
    same: int = 0
    changed: int = 0
    old: int = 0
    new: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """For people."""
        counts = f"{self.changed:,} documents differ, {self.same:,} are the same"
        neither = self.rows - self.same - self.changed - self.old - self.new
        more = f"{self.old:,} rows would no longer be loaded, {self.new:,} would newly be loaded, {neither:,} by neither mapping"
        return [f"of {counted(self.rows, 'row')}: {counts}; {more}", *(f"  {line}" for line in self.examples)]


def differing(old: Mapping, new: Mapping, path: str) -> Differences:
    """Read the source, and the secondary sources, with both mappings. Raises DataError as a run would."""
    now = datetime.now(UTC).replace(tzinfo=None)
    before, after = (dict(_documents(replace(mapping, source=replace(mapping.source, paths=(path,))), now)) for mapping in (old, new))
    private = {root(field.path) for mapping in (old, new) for field in mapping.fields if field.private}
    found = Differences()
    for row in sorted(before.keys() | after.keys()):
        _compare(found, row, before.get(row), after.get(row), private)
    return found


def _documents(mapping: Mapping, now: datetime) -> Iterator[tuple[int, bytes | None]]:
    """Row number and document, None where there is none."""
    tables, source = read_secondary_sources(mapping, open_source(mapping.source))
    plan = compile_plan(mapping, source.columns, now=now, tables=tables)
    for batch in source.batches():
        yield from ((row, None) for row in batch.row_numbers.to_list())
        accepted = plan.with_placeholder_ids(plan.apply(batch.frame).accepted)  # an `_id` that is the engine's to give is not compared
        yield from zip(accepted.row_numbers.to_list(), plan.encode(accepted).to_list(), strict=True)


def _compare(found: Differences, row: int, before: bytes | None, after: bytes | None, private: set[str]) -> None:
    found.rows += 1
    if before == after:
        found.same += before is not None
        return
    if before is None or after is None:
        name = "new" if before is None else "old"
        setattr(found, name, getattr(found, name) + 1)
        what = "would newly be loaded" if before is None else "would no longer be loaded"
    else:
        found.changed += 1
        what = "; ".join(_differing_values(before, after, private))
    if len(found.examples) < EXAMPLES:
        found.examples.append(f"row {row}: {what}")


def _differing_values(before: bytes, after: bytes, private: set[str]) -> Iterator[str]:
    old, new = leaves(before), leaves(after)
    changed = [path for path in dict.fromkeys((*old, *new)) if _typed(old, path) != _typed(new, path)]
    for path in changed:
        yield f"{path}: {' → '.join(_shown(values, path, hidden=path in private) for values in (old, new))}"
    if not changed:
        yield "the same values in another order"


def leaves(document: bytes) -> dict[str, Any]:
    """The values of a document by their path; arrays and empty documents count as values."""
    return dict(_leaves(decode(document, EXACT), ""))


def _leaves(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _typed(values: dict[str, Any], path: str) -> Any:
    return (type(values[path]), str(values[path])) if path in values else None


def _shown(values: dict[str, Any], path: str, *, hidden: bool) -> str:
    if path not in values:
        return "absent"
    return f"{MASK if hidden else values[path]} ({bson_type_name(values[path])})"
