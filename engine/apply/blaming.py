"""Which change a document is refused for, as queries over documents in the new shape.

A change is to blame for what it asks for, and for what breaks because of the values that it changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.apply.queries import Query
from engine.apply.violations import Violation, violations
from engine.evolution.causes import cause
from engine.evolution.changes import Change
from engine.evolution.rewriting import Rewriting
from engine.expressions import Typed
from engine.mapping.model import Mapping
from engine.mapping.profiles import ServerProfile


def blamed(changes: Sequence[Change], new: Mapping, rewrite: Rewriting, profile: ServerProfile) -> dict[str, Query]:
    """Label of a change → the documents that are refused because of it. A document may be refused for several."""
    known, found = violations(new, profile), dict[str, list[Query]]()
    for violation, change in _culprits(known, changes, new, rewrite):
        found.setdefault(change.label, []).append(known[violation])
    return {label: {"$or": queries} for label, queries in found.items()}


def _culprits(
    known: dict[Violation, Query], changes: Sequence[Change], new: Mapping, rewrite: Rewriting
) -> Iterator[tuple[Violation, Change]]:
    """Each violation with the change that is to blame, where there is one: the one that asks for just that comes first."""
    stricter = [change for change in changes if change.kind.stricter]
    exact = {_violation(change): change for change in stricter}
    whole = {change.subject: change for change in stricter if _violation(change) not in known}
    for violation in known:
        paths = _paths(violation.subject, new)
        values = cause(paths, changes, new) if paths & rewrite.changed else None
        if change := exact.get(violation) or whole.get(violation.subject) or values:
            yield violation, change


def _violation(change: Change) -> Violation:
    """What breaks the change, and no other one of the same subject."""
    return Violation(change.subject, change.kind.keyword or change.key)


def _paths(subject: str, new: Mapping) -> set[str]:
    """The fields and arrays that a rule, an array or a field is about."""
    rule = next((rule for rule in new.rules if f"rule {rule.name}" == subject), None)
    return {subject} if rule is None else _read(rule.check)


def _read(check: Typed) -> set[str]:
    inner = [Typed(node.inner).paths for node in check.aggregates if node.inner is not None]
    return {*check.paths, *(node.array for node in check.aggregates), *(path for paths in inner for path in paths)}
