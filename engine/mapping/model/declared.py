"""Steps of the user's own between two versions of a collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from engine.values.keys import key

UPDATES = ("$addFields", "$set", "$unset", "$project", "$replaceRoot", "$replaceWith")
"""The stages that MongoDB takes in an update."""


@dataclass(frozen=True)
class DeclaredStep:
    """An update that `engine apply` makes once, after it has rewritten the documents; the BSON is as extended JSON.

    `makes` are paths of fields, none of them in an array.
    """

    name: str
    pipeline: Annotated[
        tuple[Mapping[str, Any], ...],
        key("The update, as a pipeline of MongoDB: $set, $unset, $project and $replaceWith. A value that YAML has no type for is "
            "written as in extended JSON.", [{"$set": {"price": {"$multiply": ["$price", 100]}}}], type="array", minItems=1,
            items={"type": "object", "minProperties": 1, "maxProperties": 1, "propertyNames": {"enum": list(UPDATES)}}),
    ]  # fmt: skip
    where: Annotated[
        Mapping[str, Any],
        key("A query for the documents that it changes; without it, all. It is asked once documents are rewritten, when fields that the "
            "mapping no longer has are still there.", {"price": {"$exists": True}}, type="object"),
    ] = field(default_factory=dict)  # fmt: skip
    makes: Annotated[
        tuple[str, ...],
        key("The fields whose values it makes or mends: for these the source is not needed, and they need not fit before the step.",
            ["patient.first_name"], minItems=1, uniqueItems=True),
    ] = ()  # fmt: skip
    description: Annotated[str, key("Why the step is there.", "Prices are kept in cents from now on.")] = ""
    line: int = field(default=0, compare=False)
