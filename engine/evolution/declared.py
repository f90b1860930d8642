"""Steps of the user's own: which ones are due, and what they do, as BSON. Pure.

A step is due where the mapping that was applied before does not have it. So it is carried out once, in the order of the mapping, and a
run that loads the collection anew counts it as done: the source is what the mapping says without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bson import json_util

from engine.mapping.model import DeclaredStep
from engine.mapping.model import Mapping as Model
from engine.values.paths import dotted

Query = dict[str, Any]
MADE = "__engine_made"  # a field of documents on their way
OPTIONS = json_util.JSONOptions(tz_aware=True)


def due(old: Model, new: Model) -> tuple[DeclaredStep, ...]:
    """The steps to carry out between the two mappings, in order."""
    known = {step.name for step in old.steps}
    return tuple(step for step in new.steps if step.name not in known)


def made(old: Model, new: Model) -> frozenset[str]:
    """The paths whose values steps make or mend."""
    return frozenset(path for step in due(old, new) for path in step.makes)


def awaiting(old: Model, new: Model) -> Model:
    """The new mapping as documents fit it before its steps: what these make may be missing, and need not meet constraints and rules."""
    paths = made(old, new)
    fields = tuple(replace(field, constraints={}, value_map=None, required=False) if field.path in paths else field for field in new.fields)
    rules = tuple(rule for rule in new.rules if not rule.check.paths & paths)
    return replace(new, fields=fields, rules=rules) if paths else new


def described(step: DeclaredStep) -> dict[str, Any]:
    """What it does, as the mapping says it."""
    said = {"pipeline": list(step.pipeline), "where": step.where, "makes": list(step.makes)}
    return {name: value for name, value in said.items() if value}


def bson(written: Any) -> Any:
    """A query or stage, from extended JSON."""
    return json_util.loads(json.dumps(written), json_options=OPTIONS)


def selected(step: DeclaredStep) -> Query:
    """The documents that it changes."""
    return selected_as_written(step.where)


def selected_late(step: DeclaredStep) -> Query:
    """Of those that others wrote after it was done: documents with nothing yet of what it makes."""
    return {"$and": [selected(step), *({dotted(path): {"$exists": False}} for path in step.makes)]}


def stages(step: DeclaredStep) -> tuple[dict[str, Any], ...]:
    """Its pipeline."""
    return tuple(map(bson, step.pipeline))


def carried_out(step: DeclaredStep, *, late: bool) -> tuple[dict[str, Any], ...]:
    """The stages of an aggregation that do what it does: to documents that it selects, as they are on their way; others pass unchanged."""
    wanted = selected_late(step) if late else selected(step)
    made = {"let": {"document": "$$ROOT"}, "pipeline": [{"$documents": ["$$document"]}, {"$match": wanted}, *stages(step)], "as": MADE}
    unchanged = {"$unsetField": {"field": MADE, "input": "$$ROOT"}}
    return ({"$lookup": made}, {"$replaceWith": {"$cond": [{"$eq": [f"${MADE}", []]}, unchanged, {"$first": f"${MADE}"}]}})


def selected_as_written(where: Mapping[str, Any]) -> Query:
    """A query from extended JSON."""
    found: Query = bson(where)
    return found
