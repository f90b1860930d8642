"""What a refused run recommends: only what works in the state that the collection is in."""

from __future__ import annotations

from dataclasses import dataclass

from engine.apply.inspect import inspect_and_plan
from engine.errors import EngineError
from engine.evolution.planning import reload
from engine.mapping.model import Mapping
from engine.mapping.profiles import ServerProfile
from engine.mongo.connection import Client

APPLY = "see engine plan, and run engine apply first"


@dataclass(frozen=True)
class Advice:
    """For a load of this mapping; the server is asked only where a load is refused."""

    client: Client
    mapping: Mapping
    profile: ServerProfile

    def bring_in_line(self, *, anew: bool = False) -> str:
        """How what is there can be brought in line with the mapping: by `engine apply`, unless that would refuse; else from the source.

        `anew`: a load could not change it in place.
        """
        return APPLY if self._applies() else reload(self.mapping.target, anew=anew, renames=self.profile.can_rename)

    def _applies(self) -> bool:
        """Whether `engine apply` would do it, once its losses are allowed."""
        try:
            _, found = inspect_and_plan(self.client, self.mapping, self.profile)
        except EngineError:
            return False
        return not found.refusals
