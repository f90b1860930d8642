"""THE table of what `--allow CODE` permits for one run: the code of a refusal, and what happens in spite of it.

A new row is either a limit of the mapping, which is lifted, or a refusal whose guard asks `Settings.allow` for its code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import UsageError, finding, suggest
from engine.evolution.kinds import KINDS
from engine.mapping.model import Limit, Mapping


@dataclass(frozen=True)
class Permission:
    """What a run does in spite of the refusal; `lifts` is the attribute of a mapping that holds the limit, empty for another guard."""

    text: str
    lifts: str = ""


ALLOWED: dict[str, Permission] = {
    "deletion_limit": Permission("delete more documents than limits.deletions", "deletion_limit"),
    "duplicate_limit": Permission("drop more duplicates than limits.duplicates", "duplicate_limit"),
    "existing_documents": Permission("put the validator on though it shuts out documents that are there"),
    "expiring_documents": Permission("build a TTL index though it deletes documents that are there and due"),
    "mixed_shapes": Permission("add documents beside documents of an older shape"),
    "nothing_to_publish": Permission("end with no document, and empty the live collection in mode replace"),
    "reject_limit": Permission("reject more rows than limits.rejects", "reject_limit"),
    "shrink_limit": Permission("replace the live collection by fewer documents than limits.shrink lets", "shrink_limit"),
    "superseded": Permission("retry rejected rows although a later run may have written the same documents"),
    "unmatched_limit": Permission("update though more documents match no live one than limits.unmatched lets", "unmatched_limit"),
    "test_failed": Permission("load although a test of the mapping fails"),
}


def permitted(codes: Iterable[str]) -> frozenset[str]:
    """The codes, checked. Raises UsageError for one that cannot be allowed."""
    for code in (found := frozenset(codes)):
        if code not in ALLOWED:
            elsewhere = f"{code} is for engine apply; " if code.partition(":")[0] in KINDS else ""
            hint = suggest(code, ALLOWED) or f"{elsewhere}a run can be allowed {', '.join(ALLOWED)}"
            raise UsageError(finding("unknown_code", f"--allow {code}: there is no such permission", hint=hint))
    return found


def or_allow(code: str) -> str:
    """The end of a refusal's hint."""
    return f"or --allow {code} for this run"


def lifted(mapping: Mapping, codes: frozenset[str]) -> Mapping:
    """The mapping without the limits that these codes lift."""
    limits: dict[str, Any] = {ALLOWED[code].lifts: Limit() for code in codes if ALLOWED[code].lifts}
    return replace(mapping, **limits)
