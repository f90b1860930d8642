"""THE kinds of change between two mappings, one row each, with all that is asked of a kind. A code is permanent: ledgers and CI hold it.

To add a kind: a row here. It is yielded by `diff` for the attributes of the model that the row names; where it depends on more than an
attribute, by a line there. What depends on the change itself is a function of `judgements`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.evolution.judgements import (
    CompatibilityOf,
    DocumentsOf,
    Needs,
    NeedsOf,
    all_documents,
    always,
    breaks,
    goes_on,
    may_be_refused,
    needs_of_conflicts,
    needs_of_missing,
    needs_of_option,
    needs_of_rule,
    needs_of_words,
    readers_of_index,
    readers_of_missing,
    readers_of_option,
    readers_of_type,
    readers_of_value,
    unless_source,
    unseen,
    with_field,
    with_old_path,
    with_step,
    without_elements,
    without_value,
    writers_of_field,
    writers_of_index,
    writers_of_missing,
    writers_of_old_path,
    writers_of_rule,
)


@dataclass(frozen=True)
class ChangeKind:
    """A kind of change: what it needs, who keeps working, what is counted, and what is done.

    `needs`: what it asks for. `readers`, `writers`: whether those who know only the old shape go on. `touched`: the documents that it is
    about. `sign`: + for what comes, - for what goes, ~ for what changes. `undone_by`: the code of the change that undoes it, if not its
    own. `stricter`: documents may be there that a fresh run would not load; `keyword`: for what they are refused, if not for its key.
    `easing`: rows may be accepted that were rejected before. `narrows`: the validator refuses more, so documents of before and after do
    not mix though none is rewritten. `makes_values`: it says what a field's value is, so that the source is needed because of it, and not
    of other changes of the field. `removes`: what documents hold is lost, and none is set aside. `renames`: `old` and `new` are its paths.
    `same_shape`: documents of before and after do not differ, though it may need the source. `attributes`: those of the model of which any
    change is of this kind, such as `Field.default`; `Field.*` are all that no row names.
    """

    code: str
    name: str
    needs: NeedsOf
    readers: CompatibilityOf = unseen
    writers: CompatibilityOf = writers_of_field
    touched: DocumentsOf | None = None
    sign: str = "~"
    undone_by: str = ""
    stricter: bool = False
    keyword: str = ""
    easing: bool = False
    narrows: bool = False
    makes_values: bool = False
    removes: bool = False
    renames: bool = False
    same_shape: bool = False
    attributes: tuple[str, ...] = ()

    @property
    def back(self) -> str:
        """The code of the change that undoes this one."""
        return self.undone_by or self.code

    @property
    def adds(self) -> bool:
        """Whether it is a new field, rule or index."""
        return self.sign == "+"

    @property
    def of_step(self) -> bool:
        """Whether it is about a step of the user's own."""
        return self.touched is with_step

    @property
    def of_field(self) -> bool:
        """Whether it is about a field or an array."""
        return self.code.startswith("E1")

    @property
    def of_index(self) -> bool:
        """Whether it is about an index."""
        return self.code.startswith("E4")


more_values = goes_on("values may appear that were not possible before")
ROWS = (
    ChangeKind("E101", "field added", unless_source(Needs.REWRITE), goes_on("one more field"),
               touched=all_documents, sign="+", undone_by="E102", stricter=True, makes_values=True),
    ChangeKind("E102", "field removed", always(Needs.REWRITE), breaks("queries on it no longer find anything"), writers_of_old_path,
               with_field, sign="-", undone_by="E101", easing=True, removes=True),
    ChangeKind("E103", "field renamed", unless_source(Needs.REWRITE), breaks("queries on the old path no longer find anything"),
               writers_of_old_path, with_old_path, renames=True),
    ChangeKind("E104", "type changed", unless_source(Needs.REWRITE), readers_of_type, may_be_refused, with_field,
               stricter=True, keyword="type", easing=True, narrows=True, makes_values=True),
    ChangeKind("E105", "made from its source differently", unless_source(Needs.REWRITE), goes_on("the same shape with other values"),
               touched=all_documents, stricter=True, makes_values=True, attributes=("Field.*", "Options.*", "Array.*")),
    ChangeKind("E106", "default changed", unless_source(Needs.REWRITE), goes_on("the same shape with other values"),
               touched=without_value, stricter=True, easing=True, makes_values=True, attributes=("Field.default",)),
    ChangeKind("E107", "missing values kept differently", needs_of_missing, readers_of_missing, writers_of_missing, without_elements,
               stricter=True, attributes=("Field.empty", "Array.empty")),
    ChangeKind("E108", "bad values treated differently", unless_source(Needs.RULES), goes_on("the same shape"),
               stricter=True, easing=True, attributes=("Field.on_error", "Array.on_error")),
    ChangeKind("E109", "now required", unless_source(Needs.RULES), writers=may_be_refused,
               undone_by="E110", stricter=True, keyword="required", narrows=True),
    ChangeKind("E110", "no longer required", unless_source(Needs.RULES), readers_of_value,
               undone_by="E109", easing=True),
    ChangeKind("E111", "constraint tightened", unless_source(Needs.RULES), writers=may_be_refused,
               undone_by="E112", stricter=True, narrows=True),
    ChangeKind("E112", "constraint loosened", unless_source(Needs.RULES), more_values, undone_by="E111", easing=True),
    ChangeKind("E113", "constraint changed", unless_source(Needs.RULES), more_values, may_be_refused,
               stricter=True, easing=True, narrows=True),
    ChangeKind("E114", "order of fields changed", unless_source(Needs.REWRITE), goes_on("queries do not depend on the order of fields"),
               touched=all_documents),
    ChangeKind("E115", "described differently", needs_of_words, attributes=("Field.private", "Field.description", "Rule.description")),
    ChangeKind("E116", "default added", unless_source(Needs.REWRITE), goes_on("a value where there was none"),
               touched=without_value, undone_by="E117", easing=True, makes_values=True),
    ChangeKind("E117", "default removed", unless_source(Needs.REWRITE), readers_of_value,
               undone_by="E116", stricter=True, makes_values=True),
    ChangeKind("E201", "dedup changed", unless_source(Needs.NOTHING), goes_on("the same shape, other documents"),
               attributes=("Mapping.dedup",)),
    ChangeKind("E202", "_id made differently", unless_source(Needs.NOTHING),
               breaks("an _id that was kept elsewhere no longer finds its document"), attributes=("Mapping.identity",)),
    ChangeKind("E203", "rows grouped differently", always(Needs.SOURCE, "other rows would make a document"),
               breaks("a document is made of other rows, and there are more or fewer of them"), attributes=("Mapping.group_by",)),
    ChangeKind("E204", "rows of a group that differ treated differently", needs_of_conflicts, same_shape=True,
               attributes=("Mapping.conflicts",)),
    ChangeKind("E301", "rule added", needs_of_rule, writers=writers_of_rule,
               sign="+", undone_by="E302", stricter=True, keyword="check", narrows=True),
    ChangeKind("E302", "rule removed", needs_of_rule, sign="-", undone_by="E301", easing=True),
    ChangeKind("E303", "rule changed", needs_of_rule, writers=writers_of_rule, stricter=True, keyword="check", easing=True, narrows=True,
               attributes=("Rule.*",)),
    ChangeKind("E304", "rule loosened", needs_of_rule, more_values, undone_by="E305", easing=True),
    ChangeKind("E305", "rule tightened", needs_of_rule, writers=writers_of_rule,
               undone_by="E304", stricter=True, keyword="check", narrows=True),
    ChangeKind("E401", "index added", always(Needs.INDEXES), readers_of_index, writers_of_index, sign="+", undone_by="E402"),
    ChangeKind("E402", "index removed", always(Needs.INDEXES), readers_of_index, sign="-", undone_by="E401"),
    ChangeKind("E403", "index changed", always(Needs.INDEXES), readers_of_index, writers_of_index),
    ChangeKind("E501", "validation changed", always(Needs.RULES), attributes=("Validation.*", "Target.profile")),
    ChangeKind("E502", "closed to unnamed fields", always(Needs.RULES), writers=may_be_refused,
               undone_by="E503", stricter=True, narrows=True),
    ChangeKind("E503", "opened to unnamed fields", always(Needs.RULES), goes_on("documents may hold more fields"), undone_by="E502"),
    ChangeKind("E504", "collection options changed", needs_of_option, readers_of_option, same_shape=True,
               attributes=("CollectionOptions.*",)),
    ChangeKind("E505", "time series changed", always(Needs.SOURCE, "a collection is made with it: name another target.collection"),
               same_shape=True, attributes=("TimeSeries.*", "Target.timeseries")),
    ChangeKind("E601", "source read differently", always(Needs.SOURCE, "other rows or cells would be read"),
               attributes=("Source.*", "Dialect.*")),
    ChangeKind("E602", "changed, affects loading only", always(Needs.NOTHING),
               attributes=("Source.paths", "Source.missing", "Source.extra", "Source.null_values", "Target.*", "Array.on_match",
                           "Mapping.reject_limit", "Mapping.deletion_limit", "Mapping.duplicate_limit", "Mapping.shrink_limit",
                           "Mapping.unmatched_limit", "Mapping.private_rejects", "Mapping.tests", "Field.on_insert")),
    ChangeKind("E603", "target changed", always(Needs.SOURCE, "it is another collection"), breaks("the documents are elsewhere"),
               attributes=("Target.database", "Target.collection")),
    ChangeKind("E604", "named differently", needs_of_words, attributes=("Mapping.name", "Mapping.version", "Mapping.description")),
    ChangeKind("E605", "other part of the mapping changed", always(Needs.SOURCE, "other documents would be made"),
               attributes=("Mapping.*",)),
    ChangeKind("E606", "step added", always(Needs.REWRITE), breaks("documents are as the step makes them, not as a fresh run does"),
               touched=with_step, sign="+", undone_by="E607", removes=True),
    ChangeKind("E607", "step removed", always(Needs.NOTHING), sign="-", undone_by="E606"),
    ChangeKind("E608", "step changed, which was carried out before", always(Needs.NOTHING)),
    ChangeKind("E609", "collection renamed", always(Needs.RULES), breaks("queries on the old name no longer find anything"),
               breaks("what is written under the old name goes into another collection"), attributes=("Target.was",)),
    ChangeKind("E701", "documents of neither shape", always(Needs.NOTHING)),
)  # fmt: skip
KINDS: Mapping[str, ChangeKind] = {row.code: row for row in ROWS}
ATTRIBUTES: Mapping[str, str] = {attribute: row.code for row in ROWS for attribute in row.attributes}
INDEX_ADDED = "E401"  # also where the mapping's index is no longer in the collection
STRANGERS = "E701"  # no change of the mapping
MENDED = "E501"  # drift is repaired, though the mapping did not change
REMOVED = "E102"  # the only kind that drops values


def code_of(part: str, attribute: str) -> str:
    """The kind that a change of this attribute of a part of the model is, one that no row names included."""
    return ATTRIBUTES.get(f"{part}.{attribute}") or ATTRIBUTES[f"{part}.*"]
