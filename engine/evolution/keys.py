"""What the parts of the model are called in a mapping file, where that is not their attribute's name: plans say what the user wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.mapping import model
from engine.mapping.model import Columns, Dedup, IdSource, Json, Numbered, Origin, RowsOrigin, Split
from engine.values.keys import attribute_keys

ORIGINS: Mapping[type, str] = {Numbered: "numbered", Columns: "columns", Split: "split", Json: "json"}


def key_of(part: str, attribute: str) -> str:
    """The key, or keys, that an attribute of a part of the model is written with: `columns.missing` is `missing` in `columns`."""
    if (part, attribute) == ("Options", "timezone_column"):  # the other form of the same key
        return "timezone"
    stated = attribute_keys(getattr(model, part)) if hasattr(model, part) else ()
    return next((key.full_name for key in stated if key.attribute == attribute and not key.grouped), attribute)


def origin_key(origin: Origin) -> str:
    """The key that says where the elements of an array come from."""
    if isinstance(origin, RowsOrigin):
        return "source" if origin.source else "rows"
    return ORIGINS[type(origin)]


def written(part: Dedup | IdSource | None) -> dict[str, Any] | None:
    """What makes rows the same, or their `_id`, as the mapping writes it."""
    if isinstance(part, IdSource):
        return {"hash": part.hash} if part.hash else {"objectId": "random"}
    if part is None:
        return None
    near = {"near": {"except": part.near.ignored_columns, "action": part.near.action}} if part.near else {}
    return {"on": part.on, "keep": {part.keep: part.by} if part.by else part.keep, **near}
