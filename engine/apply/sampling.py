"""A sample of a large collection, for `engine plan --estimate`. Changes nothing."""

from __future__ import annotations

from typing import Any

from pymongo.collection import Collection

from engine.apply.queries import Query

SIZE = 10_000  # documents


def sample_of(collection: Collection[Any], size: int = SIZE) -> tuple[Query, ...]:
    """The stage that leaves the same few documents in every pipeline; none for a collection that is hardly larger.

    Raises the driver's errors.
    """
    if collection.estimated_document_count() <= 2 * size:
        return ()
    chosen = collection.aggregate([{"$sample": {"size": size}}, {"$project": {"_id": 1}}], allowDiskUse=True)
    return ({"$match": {"_id": {"$in": [document["_id"] for document in chosen]}}},)
