"""What in a live collection would not go with a load into it: indexes in the way, and documents that it would shut out or delete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from pymongo.collection import Collection

from engine.apply.advice import Advice
from engine.apply.clashes import clashes
from engine.apply.existing import CODE, refused_documents
from engine.apply.queries import count_each
from engine.documents.validators import options
from engine.errors import DataError, TargetError, finding
from engine.evolution.expiring import expiries
from engine.evolution.rewriting import Rewriting
from engine.mapping.model import Index
from engine.mapping.model import Mapping as Model
from engine.mongo.connection import server_time, translated
from engine.mongo.ownership import TAKES_ALL, Existing, Standing

EXPIRING = "expiring_documents"


def require_indexes(existing: Existing | None, mapping: Model, earlier: Iterable[Index], advice: Advice) -> None:
    """Raises TargetError where the server would refuse to build some of the mapping's indexes; `earlier` are the engine's own."""
    if found := [*clashes(existing, mapping, earlier)]:
        way = advice.bring_in_line(anew=True)
        raise TargetError([replace(clash, hint=clash.hint or way) for clash in found])


def check_expiring(collection: Collection[Any], standing: Standing, advice: Advice, *, allowed: bool) -> str:
    """To be asked before a run builds TTL indexes on a live collection. Returns a note where they will delete documents that are there.

    Raises:
        DataError: documents that are there are due now.
    """
    mapping, existing = advice.mapping, standing.existing
    if mapping.target.mode in TAKES_ALL or mapping.target.amends or not (existing and existing.documents and standing.owned):
        return ""
    there = [Index(name, tuple(spec["key"].items()), spec) for name, spec in existing.indexes.items()]
    found = {one.index.name: one for one in expiries((), there, mapping, mapping, Rewriting())}
    if not found:
        return ""
    with translated():
        now = server_time(collection.database.client)
        due = count_each(collection, (), {name: one.due(now) for name, one in found.items()})
    told = "; ".join(f"the index {name} {one.told(due[name])}" for name, one in found.items())
    if any(due.values()) and not allowed:
        hint = f"{advice.bring_in_line()}; or --allow {EXPIRING} for this run"
        raise DataError(finding(EXPIRING, told, hint=hint, file=str(mapping.file)))
    return told


def check_existing_documents(
    collection: Collection[Any], standing: Standing, advice: Advice, beside: Sequence[Model], *, allowed: bool
) -> str:
    """To be asked before a run sets another validator on a live collection. Returns a note where it refuses documents that are there.

    `beside` are mappings whose documents it accepts too. In mode sync every document is replaced or deleted, so nothing is asked.

    Raises:
        DataError: the validator would shut out documents that are there.
    """
    mapping, profile = advice.mapping, advice.profile
    existing, rules, asked = standing.existing, options(mapping, profile, beside), mapping.validation
    if mapping.target.mode in TAKES_ALL or mapping.target.amends or asked.server_level == "off" or asked.action == "warn":
        return ""
    if not (existing and existing.documents and standing.owned and rules) or existing.has_validation(rules):
        return ""
    with translated():
        found = refused_documents(collection, mapping, profile, beside)
    if not found.documents:
        return ""
    if not mapping.validation.shuts_out:
        return f"kept as they are, under a validator of level moderate: {found.described}"
    if allowed:
        return f"shut out from updates from now on, as was allowed: {found.described}"
    hint = f"{advice.bring_in_line()}; or keep them with validation: {{existing: keep}}, or --allow {CODE} for this run"
    raise DataError(finding(CODE, f"{mapping.target.collection} has {found.described}", hint=hint, file=str(mapping.file)))
