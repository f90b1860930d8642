"""The mapping as a run meant it, for the ledger: its text with all variables filled in, so that it reads the same in any environment."""

from __future__ import annotations

import json
import re
from typing import Any

from engine.errors import DataError, UsageError, problem
from engine.evolution.judging import Evidence
from engine.mapping.loader import loads_all
from engine.mapping.model import Mapping
from engine.mapping.yamltree import parse

UNPRINTABLE = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")  # what YAML folds, or does not allow, between quotes


def recorded(mapping: Mapping) -> str:
    """The mapping as JSON, which is YAML too. To be called in the environment in which the mapping was loaded."""
    text = json.dumps(_settled(parse(mapping.text, str(mapping.file)).value), ensure_ascii=False)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _settled(value: Any) -> Any:
    """The same, so written that a `${` which a variable brought along stays as it is."""
    if isinstance(value, dict):
        return {name: _settled(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_settled(one) for one in value]
    return value.replace("${", "${ENGINE_NEVER_SET:-$}{") if isinstance(value, str) else value


def restored(record: dict[str, Any], collection: str) -> Mapping:
    """The mapping of a ledger's record. Raises DataError where this engine does not understand it any more."""
    try:
        found = loads_all(record.get("applied") or record["mapping_text"], f"the mapping of run {record['_id']}")
        return next(one for one in found if one.target.collection == collection)
    except (UsageError, KeyError, StopIteration):
        message = f"the mapping that run {record['_id']} recorded for {collection} is not one that this engine reads"
        hint = "engine run loads the collection anew; or give both mappings: engine plan OLD NEW"
        raise DataError(problem("old_mapping", message, hint=hint)) from None


def evidence(loads_: list[dict[str, Any]]) -> Evidence:
    """What the runs that made the collection left out, from the ledger's records."""
    rejects: dict[str, int] = {}
    nulled: dict[str, int] = {}
    for one in loads_:
        for name, counts in (("rejects", rejects), ("nulled", nulled)):
            for reason in one.get(name, []):
                subject = reason["path"] or f"rule {reason['code']}"
                counts[subject] = counts.get(subject, 0) + reason["rows"]
    return Evidence(rejects, nulled, sum(one.get("accounting", {}).get("filtered", 0) for one in loads_))
