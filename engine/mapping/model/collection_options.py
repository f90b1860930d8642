"""MongoDB's options of a collection, as `create` takes them; those of validation are `targets.Validation`."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Annotated, Any

from engine.values.keys import At, attribute_keys, key, section

COLLATION = section(
    "Language-specific rules for comparing texts.",
    {
        "locale": key("ICU locale; simple compares bytes.", "fr", type="string"),
        "strength": key("1 base letters, 2 also accents, 3 also case (MongoDB's default), 4 and 5 finer.", 2, enum=[1, 2, 3, 4, 5]),
        "caseLevel": key("Compare case at strength 1 or 2.", True, type="boolean"),
        "caseFirst": key("Which case sorts first.", "upper", enum=["upper", "lower", "off"]),
        "numericOrdering": key("Compare digits as numbers.", True, type="boolean"),
        "alternate": key("Whether blanks and punctuation count.", "shifted", enum=["non-ignorable", "shifted"]),
        "maxVariable": key("What `alternate: shifted` ignores.", "punct", enum=["punct", "space"]),
        "backwards": key("Compare accents from the end (French).", True, type="boolean"),
        "normalization": key("Normalise the texts before comparing.", True, type="boolean"),
    },
    ("locale",),
    example={"locale": "en", "strength": 2},
)

CHANGEABLE = frozenset({"changeStreamPreAndPostImages"})
SIMPLE = "simple"  # the locale that compares bytes

_CLUSTERED = section(
    "Store the documents in the order of `_id`, without a separate index on it.",
    {
        "key": section("What it is clustered by.", {"_id": key("Ascending.", 1, enum=[1])}, ("_id",), example={"_id": 1}),
        "unique": key("An `_id` is.", True, enum=[True]),
        "name": key("The index's name.", "by_id", type="string", minLength=1),
    },
    ("key", "unique"),
    example={"key": {"_id": 1}, "unique": True},
)

_IMAGES = section(
    "Keep documents as they were before a change, for change streams.",
    {"enabled": key("Whether they are kept.", True, type="boolean")},
    ("enabled",),
    example={"enabled": True},
)


@dataclass(frozen=True)
class CollectionOptions:
    """What the mapping says about its collection; None where it does not."""

    collation: Annotated[
        MappingOf[str, Any] | None,
        {
            **COLLATION,
            "description": "How texts are compared, in queries and in indexes that do not say otherwise. `locale: simple` is none.",
        },
    ] = None
    clustered_index: Annotated[MappingOf[str, Any] | None, At("clusteredIndex"), _CLUSTERED] = None
    change_stream_images: Annotated[MappingOf[str, Any] | None, At("changeStreamPreAndPostImages"), _IMAGES] = None

    @property
    def as_written(self) -> dict[str, Any]:
        """Those that the mapping names, as `create` takes them."""
        every = {stated.name: getattr(self, stated.attribute) for stated in attribute_keys(CollectionOptions)}
        return {name: value for name, value in every.items() if value is not None}

    @property
    def changeable(self) -> dict[str, Any]:
        """Those of them that a live collection can be given (`collMod`)."""
        return {name: value for name, value in self.as_written.items() if name in CHANGEABLE}

    @property
    def collates(self) -> bool:
        """Whether texts are compared otherwise than byte by byte."""
        return self.collation is not None and self.collation.get("locale") != SIMPLE


COLLATED = "by its collation different texts can be the same {}, so which of their documents stays would be chance"
UNCOLLATED = "use another type, or id: {hash: …} for _id; or collation: {locale: simple}, which is none"
CANNOT_BE_SET = {
    "capped": "a capped collection deletes its oldest documents by itself, so the engine does not load into one",
    "size": "it belongs to capped collections, which the engine does not load into",
    "max": "it belongs to capped collections, which the engine does not load into",
    "timeseries": "write it as target.timeseries",
    "validator": "it is made from the fields and rules",
    "validationLevel": "write it as validation.level",
    "validationAction": "write it as validation.action",
    "viewOn": "a view cannot be written",
    "storageEngine": "it is the administrator's; mode replace keeps the one of the live collection",
    "indexOptionDefaults": "it is the administrator's; mode replace keeps the one of the live collection",
    "encryptedFields": "the engine does not encrypt",
}
"""MongoDB's other options of `create`: why they are no keys, or what is written instead."""
