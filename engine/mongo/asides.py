"""Documents that an `engine apply` took out of the live collection because the mapping refuses them: where they are, as data.

Each apply has a collection of its own for them, beside the target. The ledger's record of the apply says how many it moved there and why,
and the records of later commands how many have left it since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine.errors import Finding, TargetError, finding
from engine.mapping.model import Target
from engine.mongo.runids import new_run_id

LONGEST_NAMESPACE = 255  # bytes of `database.collection` (MongoDB manual, "MongoDB Limits and Thresholds")


@dataclass(frozen=True, order=True)
class Cause:
    """What the mapping refuses about a document: a path or `rule NAME`, and the code of the change since which it does."""

    change: str
    subject: str

    def __str__(self) -> str:
        return f"{self.change} {self.subject}"


@dataclass(frozen=True)
class SetAside:
    """What an apply set aside: the collection, the number of documents, and how many of them have each fault; one may have several."""

    collection: str
    documents: int
    causes: Counter[Cause]

    def as_document(self) -> dict[str, Any]:
        """For BSON and JSON."""
        causes = [
            {"code": cause.change, "subject": cause.subject, "documents": documents} for cause, documents in self.causes.most_common()
        ]
        return {"collection": self.collection, "documents": self.documents, "causes": causes}

    @classmethod
    def of(cls, document: dict[str, Any]) -> SetAside:
        """Back from the ledger."""
        causes = Counter({Cause(one["code"], one["subject"]): one["documents"] for one in document["causes"]})
        return cls(document["collection"], document["documents"], causes)

    def plus(self, documents: int, causes: Counter[Cause]) -> SetAside:
        """With more documents."""
        return replace(self, documents=self.documents + documents, causes=self.causes + causes)

    @property
    def why(self) -> str:
        """The causes in words, the most frequent first; no values."""
        return ", ".join(f"{cause} {documents:,}" for cause, documents in self.causes.most_common())


@dataclass(frozen=True)
class Left:
    """How many documents have left the set-aside collection of an apply: they came back, or were dropped."""

    run: str
    documents: int


def lefts_as_plain(found: Iterable[Left]) -> list[dict[str, Any]]:
    """For BSON and JSON."""
    return [asdict(one) for one in found]


def lefts_of(plain: Iterable[dict[str, Any]]) -> tuple[Left, ...]:
    """Back from the ledger."""
    return tuple(Left(**one) for one in plain)


def aside_name(target: Target, run_id: str) -> str:
    """The name of the collection for what an apply sets aside. Raises TargetError where the server would not take it."""
    if found := name_too_long(target):
        raise TargetError(found)
    return _name(target, run_id)


def name_too_long(target: Target) -> Finding | None:
    """Why nothing can be set aside from a collection; to be asked before documents change."""
    name = f"{target.database}.{_name(target, new_run_id())}"  # all run ids are of one length
    if (size := len(name.encode())) <= LONGEST_NAMESPACE:
        return None
    message = f"documents cannot be set aside: {name}, the name of their collection, would have {size} bytes"
    hint = f"the server takes at most {LONGEST_NAMESPACE}: correct the documents, or load them into a collection with a shorter name"
    return finding("name_too_long", message, hint=hint)


def _name(target: Target, run_id: str) -> str:
    return f"{target.collection}__set_aside_{run_id}"
