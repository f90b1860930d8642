"""All commands of an apply, tried on an empty collection with the live one's options and indexes, before a document changes.

The server says about an index, a validator or a pipeline what it would say in the middle of the apply. Nothing else can know it: what goes
together depends on the server's version and on indexes that others made. Only `engine apply` does this, since plan writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from engine.apply.queries import refused, requirements
from engine.errors import Finding, TargetError, counted
from engine.evolution.declared import awaiting, selected, stages
from engine.evolution.steps import ApplyPlan, Command, Step
from engine.mapping.model import DeclaredStep
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.mongo.asides import LONGEST_NAMESPACE
from engine.mongo.codes import INDEX_CONFLICTS, RETRYABLE, UNAUTHORIZED
from engine.mongo.connection import database_of, translated
from engine.mongo.leftovers import trial_name
from engine.mongo.ownership import read_existing
from engine.mongo.state import UNTOLD, VALIDATION
from engine.mongo.trees import EXACT

CAUSE = " :: caused by :: "
LONGEST = 300  # characters of the server's words that are shown
TRIED = 500  # documents on which steps of the user's own are tried
TOO_MANY = "too many indexes"
# What the server's words hold, and what to do; the first row that fits counts.
REMEDIES = (
    (TOO_MANY, "a collection has at most 64 indexes: remove one from the mapping, or drop one that others made"),
    ("expireAfterSeconds", "use a number of seconds from 0 to 2147483647"),
    ("collation|locale", "correct the collation of the index"),
    ("default_language", "use a language of MongoDB's text search, or none"),
    ("partial|unknown operator", "use equality, $exists: true, $gt, $gte, $lt, $lte, $type, $and, $or or $in in partialFilterExpression"),
    ("same name|already exists", "give the index another name in the mapping, or drop the one that is there"),
    ("", "change the index in the mapping"),
)


def check_by_trial(client: MongoClient[Any], plan: ApplyPlan, profile: ServerProfile, run_id: str) -> None:
    """Raises TargetError with all that the server refuses of an apply's commands, beside the live collection's indexes as they are now."""
    mapping = plan.new
    name = trial_name(mapping.target.collection, run_id)
    if long := _too_long(mapping, name):
        raise TargetError(long)
    database = database_of(client, mapping.target.database).with_options(codec_options=EXACT)
    with translated():
        try:
            _make(database, mapping.target.collection, name)
            found = [*_refused(database, name, plan)]
            found += () if found else _of_documents(database, name, plan, profile)
        finally:
            database.drop_collection(name)
    if found:
        raise TargetError(found)


def _too_long(mapping: Model, name: str) -> Finding | None:
    space = f"{mapping.target.database}.{name}"
    if (size := len(space.encode())) <= LONGEST_NAMESPACE:
        return None
    message = f"{space}, the name of the collection on which apply tries its commands, would have {size} bytes; nothing was done"
    hint = f"the server takes at most {LONGEST_NAMESPACE}: load the documents into a collection with a shorter name"
    return Finding(0, 0, "name_too_long", message, "target.collection", hint, str(mapping.file))


def _make(database: Database[Any], live: str, name: str) -> None:
    """The empty collection, with the options, validation and indexes of the live one."""
    existing = read_existing(database[live])
    assert existing is not None  # it was looked at under the same lock
    validation = {part: value for part, value in existing.validation.items() if value != VALIDATION[part]}  # a time series takes none
    database.create_collection(name, check_exists=False, **existing.options, **validation)
    if specs := [{key: value for key, value in spec.items() if key not in UNTOLD} for spec in existing.indexes.values()]:
        database.command({"createIndexes": name, "indexes": specs})


def _refused(database: Database[Any], name: str, plan: ApplyPlan) -> Iterator[Finding]:
    for step in plan.steps:
        for command in _commands(step):
            verb = next(iter(command))
            try:
                database.command(_present(database, {**command, verb: name}))
            except OperationFailure as error:
                if error.code in RETRYABLE or error.code == UNAUTHORIZED:
                    raise
                yield _of_index(command, error, plan.new) if verb == "createIndexes" else _of_step(step, error, plan.new)


def _commands(step: Step) -> Iterator[Command]:
    """Those of a step, an index at a time, and an update with its pipeline, which the server reads though there is no document."""
    for command in step.commands:
        if "indexes" in command:
            yield from ({**command, "indexes": [spec]} for spec in command["indexes"])
        else:
            yield command
    if step.declared:  # an update of no document is not read
        yield {"aggregate": "", "pipeline": list(step.stages), "cursor": {}}
    elif step.stages:
        yield {"update": "", "updates": [{"q": {}, "u": list(step.stages), "multi": True}]}


def _present(database: Database[Any], command: Command) -> Command:
    """To drop an index that is not there is no fault of an apply, which looks before."""
    if "dropIndexes" not in command:
        return command
    there = {index["name"] for index in database[command["dropIndexes"]].list_indexes()}
    return {**command, "index": [name for name in command["index"] if name in there]}


def _of_documents(database: Database[Any], name: str, plan: ApplyPlan, profile: ServerProfile) -> Iterator[Finding]:
    """What the steps of the user's own do to some documents. The server's words of them may hold values, and are not shown."""
    steps = [step.declared for step in plan.steps if step.declared]
    if not steps:
        return
    database.drop_collection(name)
    database[plan.new.target.collection].aggregate([{"$limit": TRIED}, *plan.rewrite.stages, {"$out": name}])
    trial = database[name]
    elsewhere = {"$match": refused(requirements(awaiting(plan.old, plan.new), profile))}  # for something else than what steps make
    gone = [one["_id"] for one in trial.aggregate([*plan.rewrite.trim, elsewhere, {"$project": {"_id": 1}}])]
    meanwhile = {"$nor": accepted} if (accepted := _accepted_meanwhile(plan)) else {"$expr": False}
    trial.delete_many({"$or": [{"_id": {"$in": gone}}, meanwhile]})
    for step in steps:
        try:
            trial.update_many(selected(step), list(stages(step)))
        except OperationFailure as error:
            if error.code in RETRYABLE or error.code == UNAUTHORIZED:
                raise
            said = f"{(error.details or {}).get('codeName', 'an error')} (code {error.code})"
            yield _of_declared(step, "step_refused", f"of a document, the server says {said}; nothing was done", plan.new)
            return
        if unfit := trial.count_documents(meanwhile):
            yield _unfit(step, unfit, trial, "until what the mapping removes is dropped", plan.new)
            return
    if found := [*trial.aggregate([*plan.rewrite.trim, {"$match": refused(requirements(plan.new, profile))}, {"$count": "n"}])]:
        yield _unfit(steps[-1], found[0]["n"], trial, "afterwards", plan.new)


def _unfit(step: DeclaredStep, documents: int, trial: Collection[Any], when: str, mapping: Model) -> Finding:
    message = (
        f"{documents:,} of {counted(trial.estimated_document_count(), 'document')} tried do not fit the mapping {when}; nothing was done"
    )
    return _of_declared(step, "step_invalid", message, mapping)


def _accepted_meanwhile(plan: ApplyPlan) -> list[dict[str, Any]]:
    """The validator while both shapes are accepted, where it refuses anything."""
    if not (plan.old.validation.refuses and plan.new.validation.refuses):
        return []
    commands = [command for step in plan.steps if step.name == "widen" for command in step.commands]
    return [found for command in commands if command.get("validationLevel") != "off" and (found := command.get("validator"))]


def _of_declared(step: DeclaredStep, code: str, message: str, mapping: Model) -> Finding:
    hint = "correct its pipeline; name in `makes` the fields whose values it makes"
    return Finding(step.line, 1, code, message, f"steps.{step.name}", hint, str(mapping.file))


def _of_index(command: Mapping[str, Any], error: OperationFailure, mapping: Model) -> Finding:
    """The index that is refused, where the mapping declares it, and what the server says of it: there is no document that it could show."""
    spec = command["indexes"][0]
    said, keys = _said(error), ", ".join(f"{path}: {kind}" for path, kind in spec["key"].items())
    code = "index_conflict" if error.code in INDEX_CONFLICTS - {67} else "index_refused"
    hint = next(remedy for pattern, remedy in REMEDIES if re.search(pattern, said))
    line = next(index.line for index in mapping.indexes if index.name == spec["name"])
    message = f"the server refuses the index {spec['name']} ({keys}): {said}; nothing was done"
    return Finding(line, 1, code, message, f"indexes.{spec['name']}", hint, str(mapping.file))


def _of_step(step: Step, error: OperationFailure, mapping: Model) -> Finding:
    message = f"the server refuses the step {step.name} ({step.title}): {_said(error)}; nothing was done"
    hint = "engine apply --dry-run prints the command; load the collection again with engine run, or change the mapping"
    return Finding(0, 0, "step_refused", message, "", hint, str(mapping.file))


def _said(error: OperationFailure) -> str:
    """The last cause, in the server's words: before it, those repeat the command."""
    words = " ".join(str((error.details or {}).get("errmsg", "")).rpartition(CAUSE)[2].split())
    said = words if len(words) <= LONGEST else f"{words[:LONGEST].rpartition(' ')[0]} …"
    return f"{said.rstrip('.')} (code {error.code})"
