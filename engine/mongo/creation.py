"""Options of a collection: what a new one is created with, and whether a live one has what the mapping declares.

An option that the mapping does not name is the administrator's: a new collection in the place of the live one gets it too.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from typing import Any

from pymongo.database import Database
from pymongo.errors import OperationFailure

from engine.errors import TargetError, finding
from engine.mapping.model import COLLATED, SIMPLE, UNCOLLATED, Mapping
from engine.mongo.connection import Client, translated
from engine.mongo.kinds import CollectionInfo, collection_info

IMAGES = "changeStreamPreAndPostImages"
NOT_CARRIED = frozenset({"validator", "validationLevel", "validationAction", "capped", "size", "max", "autoIndexId", "flags"})
"""Options that the mapping says, that make a collection one that no load is for, or that old servers only report."""
ABSENT: MappingOf[str, dict[str, Any]] = {"collation": {"locale": SIMPLE}, IMAGES: {"enabled": False}}
"""What is meant where a live collection does not have an option."""


def creation_options(mapping: Mapping, live: CollectionInfo | None) -> tuple[dict[str, Any], list[str]]:
    """What a new collection in the place of the live one is created with, and those options of it that only the live one names."""
    declared = mapping.target.options.as_written
    kept = {name: value for name, value in (live.options if live else {}).items() if name not in NOT_CARRIED | declared.keys()}
    return kept | declared, sorted(kept)


def require_options(client: Client, mapping: Mapping) -> None:
    """Compare the declared options with the server's and with the live collection's; changes nothing.

    Raises:
        TargetError: the server does not know a collation; a live collection that is written in place has other options; or it would take
            different `_id`s for one.
    """
    database, target = client[mapping.target.database], mapping.target
    with translated():
        live = collection_info(database, target.collection)
        wanted = {**target.options.as_written, **_resolved(database, mapping)}
    if live and target.mode != "replace" and not target.amends:
        for name in sorted(wanted.keys() - target.options.changeable.keys()):
            if not _has(live.options, name, wanted[name]):
                raise TargetError(_differs(mapping, name, declared=name in live.options))
    collation = wanted.get("collation") or (live.options if live else {}).get("collation")
    if mapping.text_keys and collation and collation["locale"] != SIMPLE:
        message = f"{target.database}.{target.collection} has a collation: {COLLATED.format(mapping.text_keys[0])}; nothing was done"
        raise TargetError(finding("collated_ids", message, hint=UNCOLLATED, file=str(mapping.file)))


def _resolved(database: Database[Any], mapping: Mapping) -> dict[str, Any]:
    """The declared collation with all that its locale implies, as the server tells it in a plan; empty without one."""
    declared = mapping.target.options.collation
    if declared is None:
        return {}
    question = {"find": mapping.target.collection, "filter": {}, "collation": declared}
    try:
        answer = database.command("explain", question, verbosity="queryPlanner")
    except OperationFailure as error:
        message = f"the server does not take target.options.collation: code {error.code}; nothing was done"
        hint = "is the locale one of MongoDB's, and do the keys go together? caseFirst needs strength 3 or caseLevel, for instance"
        raise TargetError(finding("option_refused", message, hint=hint, file=str(mapping.file))) from None
    return {"collation": answer.get("queryPlanner", {}).get("collation", declared)}


def _has(options: MappingOf[str, Any], name: str, wanted: MappingOf[str, Any]) -> bool:
    """Whether a live collection has an option with these values; what the server has beside them is its own."""
    found = options.get(name, ABSENT.get(name, {}))
    return all(found.get(key) == value for key, value in wanted.items())


def _differs(mapping: Mapping, name: str, *, declared: bool) -> Any:
    target = mapping.target
    what = "has another" if declared else "has no"
    message = f"{target.database}.{target.collection} {what} {name}, and the mapping declares one; it cannot be changed; nothing was done"
    hint = f"run once in mode replace, which makes a new collection; or remove target.options.{name}, which keeps what is there"
    return finding("options_differ", message, hint=hint, file=str(mapping.file))
