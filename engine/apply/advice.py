"""What a refused run recommends: only what works in the state that the collection is in."""

from __future__ import annotations

from engine.apply.inspect import inspect_and_plan
from engine.apply.task import require_apply_support
from engine.errors import EngineError
from engine.evolution.planning import reload
from engine.mapping.model import Mapping
from engine.mapping.profiles import ServerProfile
from engine.mongo.connection import Client

APPLY = "see engine plan, and run engine apply first"


def bring_in_line(client: Client, mapping: Mapping, profile: ServerProfile) -> str:
    """How the documents that are there can be brought in line with the mapping: by `engine apply` unless it would refuse."""
    return APPLY if applies(client, mapping, profile) else reload(mapping.target)


def applies(client: Client, mapping: Mapping, profile: ServerProfile) -> bool:
    """Whether `engine apply` would do it, once its losses are allowed."""
    try:
        require_apply_support(client, profile)
        _, found = inspect_and_plan(client, mapping, profile)
    except EngineError:
        return False
    return not found.refusals
