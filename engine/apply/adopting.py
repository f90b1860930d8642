"""One `engine adopt`: what a collection of others holds, what the mapping would refuse, and the record that makes it the engine's.

Nothing in the collection changes. Afterwards `engine plan` shows how it differs from the mapping, and `engine apply` changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection

from engine import __version__
from engine.apply.existing import CODE, RefusedDocuments, refused_documents, unnamed_fields
from engine.apply.recorded import recorded
from engine.apply.unmet import unmet
from engine.errors import DataError, Finding, finding
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.mongo.actors import actor
from engine.mongo.connection import database_of, translated
from engine.mongo.kinds import require_loadable
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.ownership import Existing, read_existing
from engine.mongo.records import Kind, Outcome, RunRecord
from engine.mongo.state import content_of, state_of


@dataclass(frozen=True)
class CollectionSurvey:
    """What is there. `fields` are those that the mapping does not name, with the number of documents; `indexes` likewise.

    `unmet` says in lines what the collection lacks of the mapping.
    """

    collection: str
    existing: Existing
    refused: RefusedDocuments
    fields: Mapping[str, int]
    indexes: tuple[str, ...]
    unmet: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json` and the ledger; names and counts only."""
        return {
            "collection": self.collection,
            "documents": self.existing.documents,
            "refused": self.refused.documents,
            "refused_by": dict(self.refused.by_subject),
            "foreign_fields": [{"path": path, "documents": count} for path, count in self.fields.items()],
            "foreign_indexes": list(self.indexes),
            "options": sorted(self.existing.options),
            "validator": bool(self.existing.validation["validator"]),
            "unmet": list(self.unmet),
        }


@dataclass(frozen=True)
class AdoptTask:
    """One collection's adoption. `allowed`: also where the mapping's validator refuses documents.

    `reason` is why, for the ledger; `wait`: seconds to wait for the lock.
    """

    client: MongoClient[Any]
    profile: ServerProfile
    mapping: Model
    allowed: bool
    run_id: str
    reason: str = ""
    wait: float = 0

    @property
    def _live(self) -> Collection[Any]:
        target = self.mapping.target
        return database_of(self.client, target.database)[target.collection]

    def survey(self) -> CollectionSurvey:
        """Look at the collection. Raises DataError where there is none, TargetError where it can take no load."""
        require_loadable(self.client, self.mapping)
        name = f"{self.mapping.target.database}.{self.mapping.target.collection}"
        with translated():
            existing = read_existing(self._live)
            if existing is None:
                raise DataError(finding("collection_missing", f"there is no collection {name} to adopt", hint="engine run makes it"))
            refused = refused_documents(self._live, self.mapping, self.profile)
            fields = unnamed_fields(self._live, self.mapping)
        foreign = existing.indexes.keys() - {index.name for index in self.mapping.indexes}
        lines = unmet(existing, self.mapping, self.profile)
        return CollectionSurvey(name, existing, refused, fields, tuple(sorted(foreign)), tuple(lines))

    def refusal(self, survey: CollectionSurvey) -> Finding | None:
        """Why it is not adopted: the mapping would shut out documents that are there."""
        if self.allowed or not (survey.refused.documents and self.mapping.validation.shuts_out):
            return None
        message = f"{survey.collection} has {survey.refused.described}"
        hint = f"correct them or the mapping, set validation: {{existing: keep}}, or adopt it all the same with --allow {CODE}"
        return finding(CODE, message, hint=hint, file=str(self.mapping.file))

    def carry_out(self, survey: CollectionSurvey) -> RunRecord:
        """Record the collection as the engine's, with its state. Raises DataError, TargetError, LockedError."""
        ledger = Ledger(self.client, self.mapping.target, self.run_id)
        with Lock(self.client, self.mapping.target, ledger, self.wait) as lock:
            record = lock.stamp(self._record(survey))
            ledger.start(record)
            with translated():
                live = state_of(self._live, content_of(self._live))
            ledger.finish(Outcome.PUBLISHED, {"survey": survey.as_json()}, live=live, uuid=survey.existing.uuid)
        return record

    def _record(self, survey: CollectionSurvey) -> RunRecord:
        return RunRecord(
            self.run_id,
            self.mapping.target.database,
            self.mapping.target.collection,
            by=actor(self.client, self.mapping.file, self.reason),
            kind=Kind.ADOPT,
            mode="adopt",
            engine=__version__,
            mapping=self.mapping.name,
            meaning_sha256=self.mapping.digest,
            applied=recorded(self.mapping),
            allow=(CODE,) if self.allowed and survey.refused.documents else (),
            details={"mapping_text": self.mapping.text},
        )
