"""What a mapping makes of documents that were set aside, for people: how many fit, what it refuses about the others, and their `_id`s."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from bson import json_util
from pymongo import MongoClient

from engine.apply.asides import judge_asides, require_known
from engine.apply.recorded import evidence
from engine.apply.violations import Violation, count_violations
from engine.evolution.asides import KeptAside
from engine.mapping.columns import has_private_id
from engine.mapping.model import Mapping
from engine.mapping.profiles import ServerProfile
from engine.mongo.connection import translated
from engine.mongo.ledger import Ledger
from engine.mongo.trees import EXACT


@dataclass(frozen=True)
class Explained:
    """The documents of one run: how many break what of the mapping, and the first `_id`s; none where these are `private`."""

    kept: KeptAside
    violations: Counter[Violation]
    ids: tuple[Any, ...]
    private: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`; `_id`s as relaxed Extended JSON."""
        refused = [{**asdict(violation), "documents": number} for violation, number in self.violations.most_common()]
        return {**self.kept.as_json(), "refused": refused, "ids": [_plain(one) for one in self.ids], "private_ids": self.private}

    @property
    def shown_ids(self) -> Iterable[str]:
        """The `_id`s as JSON texts."""
        return (json.dumps(_plain(one), ensure_ascii=False) for one in self.ids)


def _plain(one: Any) -> Any:
    return json.loads(json_util.dumps(one, json_options=json_util.RELAXED_JSON_OPTIONS))


def listed(client: MongoClient[Any], mapping: Mapping, profile: ServerProfile, runs: Collection[str] = ()) -> tuple[KeptAside, ...]:
    """What is left of these runs, or of all, and what of it the mapping takes. Raises DataError where a run has nothing set aside."""
    with translated():
        found = judge_asides(client, mapping, evidence(Ledger(client, mapping.target).loads()), profile, runs)
    require_known(found, runs, mapping)
    return found


def explained(client: MongoClient[Any], mapping: Mapping, profile: ServerProfile, kept: KeptAside, ids: int) -> Explained:
    """Why the mapping does not take the documents of one run; with as many `_id`s."""
    private = has_private_id(mapping)
    with translated():
        collection = client[mapping.target.database].get_collection(kept.collection, EXACT)
        violations = Counter[Violation]() if kept.problem else count_violations(collection, kept.stages, mapping, profile)
        found = [] if private else [one["_id"] for one in collection.find({}, {"_id": 1}).sort("_id", 1).limit(ids)]
    return Explained(kept, violations, tuple(found), private)
