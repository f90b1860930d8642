"""What a mapping refuses about documents: by path or rule, and by keyword. Counts and names, never values; the server does the counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pymongo.collection import Collection

from engine.apply.existing import places
from engine.apply.queries import Query, count_each, filters, refused, requirements, sized
from engine.documents.validators import condition, conditions, is_judged, stored_fields
from engine.evolution.kinds import STRANGERS
from engine.mapping.model import Array, Field
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.mongo.asides import Cause
from engine.values.paths import MARK, dotted


@dataclass(frozen=True, order=True)
class Violation:
    """A path (or `rule NAME`) and the keyword of the mapping that refuses a document there."""

    subject: str
    keyword: str


UNNAMED = Violation("validation", "additional")  # nothing else is wrong: the document has fields that the mapping does not name


def violations(mapping: Model, profile: ServerProfile) -> dict[Violation, Query]:
    """Queries for the documents that have each violation; whoever is refused by the mapping has at least one of them."""
    found = {Violation(path, "type"): {"$nor": [query]} for path, query in places(mapping).items()}
    for field in stored_fields(mapping):
        found |= {Violation(field.path, keyword): query for keyword, query in _of_field(field, mapping, profile)}
    found |= {Violation(array.path, name): query for array in mapping.arrays for name, query in _of_array(array, mapping)}
    rules = {name: query for name, query in conditions(mapping, profile).items() if name.startswith("rule ")} | filters(mapping)
    found |= {Violation(name, "check"): {"$nor": [query]} for name, query in rules.items()}
    return found | {UNNAMED: {"$nor": list(found.values())}}


def _of_field(field: Field, mapping: Model, profile: ServerProfile) -> Iterator[tuple[str, Query]]:
    """By keyword: a value of another type, none where there must be one, and each constraint that a value of the type breaks."""
    if not profile.validator or not is_judged(field.path, mapping):
        return
    inside = MARK in field.path
    bare = replace(field, constraints={}, value_map=None, required=False, when=None, default=None, value=None, meta=None,
                   empty="null" if field.writes_null else "omit")  # fmt: skip
    typed = condition(bare, mapping, profile)
    here = {} if inside else {dotted(field.path): {"$exists": True}}
    yield "type", {"$nor": [typed], **here}
    if field.always_written and not inside:
        yield "required", {dotted(field.path): {"$exists": False}}
    variants = {name: replace(bare, constraints={name: limit}) for name, limit in field.constraints.items()}
    variants |= {"map": replace(bare, value_map=field.value_map)} if field.value_map else {}
    variants |= {"when": replace(bare, when=field.when, required=field.required)} if field.when else {}
    variants |= {"required": replace(bare, required=True)} if field.always_written and inside else {}
    for keyword, variant in variants.items():
        yield keyword, {"$and": [typed, {"$nor": [condition(variant, mapping, profile)]}]}


def _of_array(array: Array, mapping: Model) -> Iterator[tuple[str, Query]]:
    for name, limit in array.constraints.items():
        query = sized(replace(mapping, arrays=(replace(array, constraints={name: limit}),)))
        if query:
            yield name, {"$nor": [*query.values()]}


def count_violations(collection: Collection[Any], stages: Iterable[Query], mapping: Model, profile: ServerProfile) -> Counter[Violation]:
    """How many of the documents that the mapping refuses after these stages have each violation. Raises the driver's errors."""
    known = violations(mapping, profile)
    only = {"$match": refused(requirements(mapping, profile))}
    queries = {str(number): query for number, query in enumerate(known.values())}
    found = count_each(collection, [*stages, only], queries)
    return Counter({violation: documents for violation, documents in zip(known, found.values(), strict=True) if documents})


def causes(
    collection: Collection[Any], stages: Iterable[Query], mapping: Model, profile: ServerProfile, codes: Mapping[str, str]
) -> Counter[Cause]:
    """The same by subject, with the code of the change that made it stricter (`codes`, by subject), else of documents of neither shape."""
    by_subject: dict[str, list[Query]] = {}
    for violation, query in violations(mapping, profile).items():
        by_subject.setdefault(violation.subject, []).append(query)
    only = {"$match": refused(requirements(mapping, profile))}
    found = count_each(collection, [*stages, only], {subject: {"$or": queries} for subject, queries in by_subject.items()})
    return Counter({Cause(codes.get(subject, STRANGERS), subject): documents for subject, documents in found.items() if documents})
