"""Which shapes the documents of a live collection have, and how many have each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pymongo.collection import Collection

from engine.apply.queries import Query, count_each
from engine.apply.recorded import Shape
from engine.documents.validators import validator
from engine.evolution.combining import ShapeCount
from engine.mapping.model import Mapping
from engine.mapping.profiles import ServerProfile


def count_shapes(
    collection: Collection[Any], shapes: Sequence[Shape], profile: ServerProfile, sample: Sequence[Query] = ()
) -> tuple[ShapeCount, ...]:
    """The shapes, the newest first; a document that fits two counts as one of the newer. One pass."""
    queries = [_closed(shape.mapping, profile) for shape in shapes]
    asked: dict[tuple[str, bool], Query] = {}
    for place, shape in enumerate(shapes):
        newer = [*queries[:place], {"_id": {"$exists": False}}]
        asked[shape.run, False] = {"$and": [queries[place], {"$nor": newer}]}
        asked[shape.run, True] = {"$and": [queries[place], {"$or": newer}]}
    found = count_each(collection, sample, asked)
    known = sum(documents for (_, newer), documents in found.items() if not newer)
    factor = collection.estimated_document_count() / (known or 1) if sample else 1
    return tuple(
        ShapeCount(shape.run, shape.mapping, *(round(found[shape.run, newer] * factor) for newer in (False, True))) for shape in shapes
    )


def _closed(mapping: Mapping, profile: ServerProfile) -> Query:
    """What documents are that hold no other fields."""
    return validator(replace(mapping, validation=replace(mapping.validation, additional=False)), profile)
