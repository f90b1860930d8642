"""Both mappings over one source: which rows' documents would differ, told by row number. Writes nothing, asks no server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
from bson import ObjectId, decode
from bson.codec_options import CodecOptions, DatetimeConversion

from engine.evolution.values import root
from engine.mapping.model import ID, Mapping
from engine.plan import Plan, compile_plan
from engine.sources import open_source
from engine.sources.batch import ROW
from engine.sources.secondary import read_others

EXAMPLES = 5
MASK = "(private)"
NAMES = {"Int64": "long", "Decimal128": "decimal", "float": "double", "str": "string", "DatetimeMS": "date", "NoneType": "null"}
PLAIN: CodecOptions[Any] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)
NO_ID = {"uuid": bytes(16), "objectId": ObjectId(bytes(12)).binary}


@dataclass
class Differences:
    """Rows by what becomes of them: `same` document, a `changed` one, one only with the `old` or only with the `new` mapping.

    Duplicates are not looked for: a row counts as often as it is there. `examples` are lines of text, without private values.
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
        more = f"{self.old:,} rows would no longer be loaded, {self.new:,} would be now, {neither:,} by neither"
        return [f"of {self.rows:,} rows: {counts}; {more}", *(f"  {line}" for line in self.examples)]


def differing(old: Mapping, new: Mapping, path: str) -> Differences:
    """Read the source, and the other ones that the mappings name, with both. Raises DataError as a run would."""
    now = datetime.now(UTC).replace(tzinfo=None)
    before, after = (list(_documents(replace(one, source=replace(one.source, paths=(path,))), now)) for one in (old, new))
    private = {root(one.path) for mapping in (old, new) for one in mapping.fields if one.private}
    found, one, other = Differences(), dict(before), dict(after)
    for row in sorted(one.keys() | other.keys()):
        _compare(found, row, one.get(row), other.get(row), private)
    return found


def _documents(mapping: Mapping, now: datetime) -> Iterator[tuple[int, bytes | None]]:
    """Row number and document, None where there is none."""
    tables, source = read_others(mapping, open_source(mapping.source))
    plan = compile_plan(mapping, source.columns, now=now, tables=tables)
    for batch in source.batches():
        yield from ((row, None) for row in batch.frame[ROW].to_list())
        accepted = _with_id(plan, plan.apply(batch.frame).accepted)
        yield from zip(accepted[ROW].to_list(), plan.encoder.encode(accepted).to_list(), strict=True)


def _with_id(plan: Plan, accepted: pl.DataFrame) -> pl.DataFrame:
    """An `_id` that is the engine's to give is left out of the comparison: it is the same for all."""
    kind = plan.mapping.id_type
    return accepted.with_columns(pl.lit(NO_ID[kind.name], dtype=pl.Binary).alias(ID)) if plan.mapping.identity else accepted


def _compare(found: Differences, row: int, before: bytes | None, after: bytes | None, private: set[str]) -> None:
    found.rows += 1
    if before == after:
        found.same += before is not None
        return
    if before is None or after is None:
        name = "new" if before is None else "old"
        setattr(found, name, getattr(found, name) + 1)
        said = "would be loaded now" if before is None else "would no longer be loaded"
    else:
        found.changed += 1
        said = "; ".join(_told(before, after, private))
    if len(found.examples) < EXAMPLES:
        found.examples.append(f"row {row}: {said}")


def _told(before: bytes, after: bytes, private: set[str]) -> Iterator[str]:
    one, other = (dict(_leaves(decode(raw, PLAIN), "")) for raw in (before, after))
    changed = [path for path in dict.fromkeys((*one, *other)) if _typed(one, path) != _typed(other, path)]
    for path in changed:
        yield f"{path}: {' → '.join(_shown(leaves, path, hidden=path in private) for leaves in (one, other))}"
    if not changed:
        yield "the same values in another order"


def _leaves(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _typed(leaves: dict[str, Any], path: str) -> Any:
    return (type(leaves[path]), str(leaves[path])) if path in leaves else None


def _shown(leaves: dict[str, Any], path: str, *, hidden: bool) -> str:
    if path not in leaves:
        return "absent"
    name = type(leaves[path]).__name__
    return f"{MASK if hidden else leaves[path]} ({NAMES.get(name, name)})"
