"""Documents that others go on writing in an earlier shape where no validator refuses them: how many apply would bring to the present one.

Of an earlier shape counts a document that its mapping accepts, that the present shapes do not (or only as they let any field pass), and
that the rewriting changes, so that it does not count again afterwards. What needs the source, or a step that the mapping declares, is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymongo.collection import Collection

from engine.apply.queries import Query, ask_each, requirements
from engine.apply.recorded import Shape, earlier_shapes
from engine.documents.validators import validator
from engine.evolution.combining import ShapeCount, rewritings
from engine.evolution.declared import due
from engine.evolution.judging import Evidence
from engine.evolution.rewriting import Rewriting
from engine.mapping.model import Mapping
from engine.mapping.profiles import ServerProfile
from engine.mongo.ledger import Ledger
from engine.mongo.records import RunRecord
from engine.values.paths import dotted


def lagging_shapes(ledger: Ledger, newest: Mapping, profile: ServerProfile) -> tuple[Shape, ...]:
    """The earlier shapes that others may go on writing; none where the server refuses such documents, or cannot be asked."""
    asked = not newest.validation.shuts_out and not newest.target.timeseries and profile.query_operators
    return earlier_shapes(ledger, newest) if asked else ()


def recorded_lagging(ledger: Ledger, record: RunRecord, newest: Mapping) -> tuple[Shape, ...]:
    """The earlier shapes that an apply has begun to bring to its own."""
    return tuple(shape for shape in earlier_shapes(ledger, newest) if shape.run in record.lagging) if record.lagging else ()


def count_lagging(
    collection: Collection[Any],
    earlier: Sequence[Shape],
    present: Sequence[Mapping],
    new: Mapping,
    *,
    evidence: Evidence,
    profile: ServerProfile,
    sample: Sequence[Query] = (),
) -> tuple[ShapeCount, ...]:
    """Those of the earlier shapes that documents have beside the present ones. At most one pass. Raises the driver's errors."""
    asked: list[tuple[Shape, list[Query]]] = []
    for shape in earlier:
        rewrite = _rewriting(present, shape.mapping, present[0], evidence)
        if rewrite.old and not due(shape.mapping, new) and not _rewriting(present, shape.mapping, new, evidence).sources:
            asked.append((shape, _pipeline(present, shape.mapping, rewrite, profile)))
    if not asked:
        return ()
    among = {"$match": {"$or": [pipeline[0]["$match"] for _, pipeline in asked]}}
    found = ask_each(collection, [*sample, among], {shape.run: [*pipeline, {"$count": "n"}] for shape, pipeline in asked})
    return tuple(ShapeCount(shape.run, shape.mapping, found[shape.run]["n"]) for shape, _ in asked if found[shape.run])


def _rewriting(present: Sequence[Mapping], earlier: Mapping, new: Mapping, evidence: Evidence) -> Rewriting:
    """That of documents of the earlier shape."""
    return rewritings((*present, earlier), new, evidence)[-1]


def _pipeline(present: Sequence[Mapping], earlier: Mapping, rewrite: Rewriting, profile: ServerProfile) -> list[Query]:
    fits = [validator(mapping, profile) for mapping in present]
    moves = [{dotted(before): {"$exists": True}, dotted(after): {"$exists": False}} for before, after in rewrite.pairs]
    old: Query = {"$or": [*rewrite.old]}
    lags = {"$and": [*requirements(earlier, profile), old, {"$or": [{"$nor": fits}, *moves]}]}
    return [{"$match": lags}, *rewrite.stages, {"$match": {"$or": [fits[0], {"$nor": [old]}]}}]
