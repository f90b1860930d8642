"""What the rows of `kinds` may say of one change: what it needs, who keeps working, which documents it is about. Pure.

A row takes one of these functions, or what one of them gives; a function looks at nothing but the change and its `ChangeContext`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from engine.documents.validators import ON_SERVER
from engine.evolution.declared import selected_as_written
from engine.mapping.model import CHANGEABLE, Field, Rule
from engine.values.paths import dotted
from engine.values.types import type_table


class Needs(IntEnum):
    """What a change needs; the greatest need of all changes decides for a plan."""

    NOTHING = 0
    RULES = 1
    INDEXES = 2
    REWRITE = 3
    SOURCE = 4

    @property
    def words(self) -> str:
        """For people."""
        return ("nothing", "the validator (collMod)", "indexes", "a rewrite on the server", "the source again")[self]


@dataclass(frozen=True)
class Compatibility:
    """Do those who know only the old shape go on? `reason` is a clause."""

    breaks: bool
    reason: str


class ChangeParts(Protocol):
    """What a change is about, and from what to what: `changes.Change`, which knows the table of kinds and is imported after it."""

    @property
    def subject(self) -> str:
        """A path, `rule NAME`, `index NAME` or a key of the mapping."""

    @property
    def key(self) -> str:
        """What of it; empty for all of it."""

    @property
    def old(self) -> Any:
        """None where it is absent."""

    @property
    def new(self) -> Any:
        """None where it is absent."""


@dataclass(frozen=True)
class ChangeContext:
    """A change and its context: the field `before` and `after` it, `source_reason`: why it needs the source, empty where it does not.

    `rules`: the rule before and after. `filtered` counts rows that rules left out without a trace. `closed`: the new mapping allows no
    fields that it does not name. `eases`: rows may be accepted that were rejected before. `enforced`: the server refuses what it refuses.
    """

    change: ChangeParts
    before: Field | None = None
    after: Field | None = None
    rules: tuple[Rule | None, Rule | None] = (None, None)
    source_reason: str = ""
    filtered: int = 0
    closed: bool = False
    eases: bool = False
    enforced: bool = True

    @property
    def fields(self) -> tuple[Field, Field] | None:
        """The field before and after, where it is there both times."""
        return (self.before, self.after) if self.before and self.after else None


Query = dict[str, Any]
NeedsOf = Callable[[ChangeContext], tuple[Needs, str]]
CompatibilityOf = Callable[[ChangeContext], Compatibility]
DocumentsOf = Callable[[ChangeParts], Query]


# what it needs, and why


def always(needs: Needs, reason: str = "") -> NeedsOf:
    """The same for all changes of a kind."""
    return lambda _context: (needs, reason)


def unless_source(needs: Needs) -> NeedsOf:
    """The source where the rewriting says so."""
    return lambda context: (Needs.SOURCE, context.source_reason) if context.source_reason else (needs, "")


def needs_of_missing(context: ChangeContext) -> tuple[Needs, str]:
    """Documents need no rewrite where a missing value is written as before."""
    same = context.fields and context.fields[0].writes_null == context.fields[1].writes_null
    return unless_source(Needs.RULES if same else Needs.REWRITE)(context)


def needs_of_rule(context: ChangeContext) -> tuple[Needs, str]:
    """Nothing where it only warns; rows that it let go without a trace may be wanted where it lets more through."""
    if not any(rule and rule.on_fail != "warn" for rule in context.rules):
        return Needs.NOTHING, ""
    before = context.rules[0]
    if not context.source_reason and context.filtered and context.eases and before and before.on_fail == "filter":
        return Needs.SOURCE, f"{context.filtered:,} filtered rows are not stored anywhere"
    return unless_source(Needs.RULES)(context)


def needs_of_conflicts(context: ChangeContext) -> tuple[Needs, str]:
    """Documents of groups that a run would reject now look like any other."""
    rejects = context.change.new == "reject"
    return (Needs.SOURCE, "the documents do not show which groups have rows that differ") if rejects else (Needs.NOTHING, "")


def needs_of_words(context: ChangeContext) -> tuple[Needs, str]:
    """The validator holds descriptions, and the name of the mapping."""
    return (Needs.RULES if context.change.key == "description" or context.change.subject == "mapping" else Needs.NOTHING), ""


def needs_of_option(context: ChangeContext) -> tuple[Needs, str]:
    """MongoDB sets most of them only when a collection is made; one that the mapping no longer names stays as it is."""
    name = context.change.key.rpartition(".")[2]
    if context.change.new is None:
        return Needs.NOTHING, ""
    return (Needs.RULES, "") if name in CHANGEABLE else (Needs.SOURCE, f"{name} is set when a collection is made; use mode: replace")


# who keeps working


def goes_on(reason: str) -> CompatibilityOf:
    """They do, whatever the change of the kind is."""
    return lambda _context: Compatibility(breaks=False, reason=reason)


def breaks(reason: str) -> CompatibilityOf:
    """They do not."""
    return lambda _context: Compatibility(breaks=True, reason=reason)


def refused(reason: str) -> CompatibilityOf:
    """They do not, where the server refuses what the validator does."""
    return lambda context: (breaks(reason) if context.enforced else goes_on("the validator refuses nothing"))(context)


unseen = goes_on("documents look as before")
still_taken = goes_on("documents of the old shape are still accepted")
may_be_refused = refused("documents that passed before may be refused")
without_it_refused = refused("documents without it are refused")


def readers_of_type(context: ChangeContext) -> Compatibility:
    """Numbers of all types are found by each other."""
    numeric = {name for name, kind in type_table.items() if kind.numeric}
    if {context.change.old, context.change.new} <= numeric:
        return Compatibility(breaks=False, reason="numbers of all types compare as numbers; a typed driver may ask for the old type")
    return Compatibility(breaks=True, reason=f"queries with values of type {context.change.old} no longer find anything")


def readers_of_value(context: ChangeContext) -> Compatibility:
    """It can be missing now, unless the new mapping makes one or rejects rows without one."""
    missing = context.after and not context.after.always_written
    return breaks("it can be missing now")(context) if missing else unseen(context)


def readers_of_missing(context: ChangeContext) -> Compatibility:
    """A null is found by other queries than a field that is not there."""
    if context.fields and context.fields[0].writes_null != context.fields[1].writes_null:
        return Compatibility(breaks=True, reason="$exists and $type answer differently where there is no value")
    return unseen(context)


def readers_of_option(context: ChangeContext) -> Compatibility:
    """Only a collation changes answers."""
    collation = context.change.key.endswith("collation") and context.change.new is not None
    return breaks("texts are compared in another way")(context) if collation else unseen(context)


ASKING = {"text": "$text", "2dsphere": "$near"}
"""Queries that fail without an index, by the kind of its keys."""


def queries_broken(change: ChangeParts) -> str:
    """What fails without the index that the change removes, in words; empty where every query finds another way."""
    before, after = (set(spec["key"].items()) if isinstance(spec, dict) else set() for spec in (change.old, change.new))
    gone = {kind: path for path, kind in sorted(before, key=str) if kind in ASKING and change.old != change.new}
    until = " until it is built again" if before <= after else " without it"
    return " and ".join(f"{ASKING[kind]} over {path} fails{until}" for kind, path in gone.items())


def readers_of_index(context: ChangeContext) -> Compatibility:
    """Some queries need an index; one with an expiry takes documents away."""
    before, after = (spec if isinstance(spec, dict) else {} for spec in (context.change.old, context.change.new))
    if broken := queries_broken(context.change):
        return breaks(broken)(context)
    if "expireAfterSeconds" in after:
        return breaks("documents are deleted when they are due")(context)
    if "expireAfterSeconds" in before:
        return breaks("documents are there that would have been deleted by now")(context)
    if before.get("unique") and not after.get("unique"):
        return breaks("several documents may have the same key")(context)
    return goes_on("the same answers, perhaps slower")(context) if context.change.new is None else unseen(context)


def writers_of_field(context: ChangeContext) -> Compatibility:
    """What every document has now, the validator asks for."""
    asked = context.after and context.after.always_written and not (context.before and context.before.always_written)
    return without_it_refused(context) if asked else still_taken(context)


def writers_of_old_path(context: ChangeContext) -> Compatibility:
    """A path that is gone is one that the mapping does not name."""
    return refused("documents with the old path are refused")(context) if context.closed else still_taken(context)


def writers_of_missing(context: ChangeContext) -> Compatibility:
    """Null may be asked for, or refused."""
    found = writers_of_field(context)
    nulls = context.fields and context.fields[0].writes_null and not context.fields[1].writes_null
    return refused("null is refused")(context) if nulls and not found.breaks else found


def writers_of_rule(context: ChangeContext) -> Compatibility:
    """Only a rule that the server checks refuses."""
    after = context.rules[1]
    return may_be_refused(context) if after and after.on_fail in ON_SERVER else still_taken(context)


def writers_of_index(context: ChangeContext) -> Compatibility:
    """Only a unique one refuses."""
    unique = isinstance(context.change.new, dict) and context.change.new.get("unique")
    return breaks("a second document with the same key is refused")(context) if unique else still_taken(context)


# which documents it is about, as queries over the old ones


def all_documents(_change: ChangeParts) -> Query:
    """Each."""
    return {}


def with_field(change: ChangeParts) -> Query:
    """Those that have the field."""
    return {dotted(change.subject): {"$exists": True}}


def with_old_path(change: ChangeParts) -> Query:
    """Those that have it under its old name."""
    return {dotted(change.old): {"$exists": True}}


def with_step(change: ChangeParts) -> Query:
    """Those that the step selects."""
    return selected_as_written(change.new.get("where", {})) if isinstance(change.new, dict) else {}


def without_value(change: ChangeParts) -> Query:
    """Those that have no value of it."""
    return {dotted(change.subject): None}


def without_elements(change: ChangeParts) -> Query:
    """Those that have no value, or an array without elements."""
    return {dotted(change.subject): {"$in": [None, []]}}
