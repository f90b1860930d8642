"""A plan that was reviewed, as a file: what `engine plan --output` writes, and `engine apply PLAN` does exactly or refuses.

The file holds, of each collection, the mapping as it was meant (as the ledger records it), the live state for which the plan was made, the
plan as `--json` prints it, the titles of the steps, and the approvals that were given. It holds no value of a document that `engine plan`
does not print: of validators and indexes only digests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bson import json_util

from engine import __version__
from engine.apply.inspect import LiveCollection
from engine.apply.recorded import recorded
from engine.errors import DataError, Finding, UsageError, counted, finding, near_file
from engine.evolution.approvals import Approval, exactly, most_allowed
from engine.evolution.losses import Loss
from engine.evolution.planning import EvolutionPlan
from engine.evolution.steps import Step
from engine.mapping.model import Mapping as Model
from engine.mongo.state import UNTOLD

VERSION = 1
AGAIN = "plan again, and review that; --allow CODE:SUBJECT:COUNT with a greater count leaves room for what others write"


@dataclass(frozen=True)
class ReviewedPlan:
    """The plan of one collection. `text` is its mapping; `live` digests of what is there, by name; `allow` what was allowed with the plan.

    `applied` is the run of which the collection had the shape, `unfinished` an apply that was not finished then; `plan` and `steps` are for
    people, `losses` the part of the plan that holds.
    """

    database: str
    collection: str
    text: str
    meaning_sha256: str
    uuid: str
    applied: str
    unfinished: str
    live: Mapping[str, str]
    allow: tuple[str, ...]
    losses: tuple[Loss, ...]
    steps: tuple[str, ...] = ()
    plan: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> ReviewedPlan:
        """Back from the file. Raises KeyError or TypeError where it is damaged."""
        losses = tuple(Loss(**loss) for loss in plain["losses"])
        return cls(**{**plain, "losses": losses, "allow": tuple(plain["allow"]), "steps": tuple(plain["steps"])})

    @property
    def approvals(self) -> tuple[Approval, ...]:
        """Of what was allowed: each loss with the number of documents that was reviewed, or that was allowed with the plan."""
        covered = [loss for loss in self._bounds if any(approval.covers(loss) for approval in self._given)]
        return tuple(Approval.of(exactly(loss)) for loss in covered)

    @property
    def _given(self) -> list[Approval]:
        return [Approval.of(text) for text in self.allow]

    @property
    def _bounds(self) -> list[Loss]:
        """The losses with the most documents that each may have; an approval with a number leaves room for what others write."""
        return [replace(loss, documents=most_allowed(loss, self._given)) for loss in self.losses]

    def check_mapping(self, mapping: Model) -> None:
        """Raises DataError where the mapping does not mean what was reviewed, also because of variables."""
        if recorded(mapping) != self.text:
            message = f"{mapping.file} is not the mapping that was reviewed: it has changed since, or a variable that it reads has"
            raise DataError(finding("not_as_reviewed", message, hint=AGAIN, file=str(mapping.file)))

    def check_live(self, live: LiveCollection, found: EvolutionPlan) -> None:
        """Raises DataError with all that is not as it was reviewed; an apply of the same plan that was not finished goes on."""
        begun = live.unfinished.record if live.unfinished and not live.unfinished.undo else None
        going_on = begun and begun.applied == self.text and begun.previous == self.applied
        if not going_on and (lines := [*self._differences(live, found)]):
            raise DataError([_refused(f"{self.collection}: {line}") for line in lines])

    def _differences(self, live: LiveCollection, found: EvolutionPlan) -> Iterator[str]:
        if live.existing.uuid != self.uuid:
            yield "another collection of this name is there now"
        if live.run != self.applied:
            yield f"run {live.run} has been there since; reviewed was a plan for what run {self.applied} left"
        unfinished = found.unfinished.run if found.unfinished else ""
        if unfinished != self.unfinished:
            yield f"apply {unfinished or self.unfinished} {'is' if unfinished else 'was'} unfinished"
        now = digests(live)
        yield from (f"{name} has changed" for name in sorted(now.keys() | self.live.keys()) if now.get(name) != self.live.get(name))
        yield from _greater(found.losses, self._bounds)


def _greater(now: Iterable[Loss], reviewed: Iterable[Loss]) -> Iterator[str]:
    before = {(loss.code, loss.subject): loss.documents or 0 for loss in reviewed}
    for loss in now:
        known = before.get((loss.code, loss.subject))
        if known is None:
            yield f"{loss}; that was not reviewed"
        elif (loss.documents or 0) > known:
            yield f"{loss}; reviewed were {counted(known, 'document')} at most"


def _refused(message: str) -> Finding:
    return finding("not_as_reviewed", message, hint=AGAIN)


def digests(live: LiveCollection) -> dict[str, str]:
    """By name, the validator, each index and each option that is there."""
    there: dict[str, Any] = {"validator": live.existing.validation}
    specs = live.existing.indexes.items()
    there |= {f"index {name}": {key: value for key, value in spec.items() if key not in UNTOLD} for name, spec in specs}
    there |= {f"option {name}": value for name, value in live.existing.options.items()}
    return {name: hashlib.sha256(json_util.dumps(value).encode()).hexdigest() for name, value in there.items()}


def reviewed(live: LiveCollection, found: EvolutionPlan, mapping: Model, steps: Iterable[Step], allow: Iterable[Approval]) -> ReviewedPlan:
    """The plan of one collection as it is saved."""
    return ReviewedPlan(
        mapping.target.database,
        mapping.target.collection,
        recorded(mapping),
        mapping.digest,
        live.existing.uuid,
        live.run,
        found.unfinished.run if found.unfinished else "",
        digests(live),
        tuple(map(str, allow)),
        found.losses,
        tuple(step.title for step in steps),
        found.as_json(),
    )


def as_text(mapping_file: str, plans: Sequence[ReviewedPlan]) -> str:
    """The file. `mapping_file` is as it was named, so that the file may be used in another copy of the folder."""
    plain = {"plan_version": VERSION, "engine": __version__, "mapping_file": mapping_file, "collections": [asdict(plan) for plan in plans]}
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def read(file: str) -> tuple[str, tuple[ReviewedPlan, ...]]:
    """The mapping file of a saved plan, and the plan of each collection. Raises UsageError."""
    try:
        plain = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(finding("not_a_plan", f"cannot read the plan {file}: {error.strerror}", hint=near_file(file))) from None
    except ValueError:
        raise _damaged(file) from None
    if not isinstance(plain, dict) or not isinstance(version := plain.get("plan_version"), int):
        raise _damaged(file)
    if version > VERSION:
        raise UsageError(finding("not_a_plan", f"{file} has form {version}, this engine reads {VERSION}", hint="use a newer engine"))
    try:
        return str(plain["mapping_file"]), tuple(map(ReviewedPlan.of, plain["collections"]))
    except (KeyError, TypeError):
        raise _damaged(file) from None


def _damaged(file: str) -> UsageError:
    return UsageError(finding("not_a_plan", f"{file} is not a plan of engine, or is damaged", hint="write one: engine plan --output FILE"))
