"""What `engine plan` and `engine apply` show: a plan that reads like a diff, the commands of a dry run, and what was done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from bson import json_util
from rich.text import Text

from engine.apply.results import ApplyResult
from engine.cli.console import print_lines
from engine.cli.display_setaside import not_restored
from engine.errors import counted
from engine.evolution.approvals import narrowest
from engine.evolution.asides import KeptAside
from engine.evolution.counts import Strangers
from engine.evolution.judgements import Needs
from engine.evolution.judging import JudgedChange, same_columns
from engine.evolution.kinds import KINDS, STRANGERS
from engine.evolution.planning import EvolutionPlan
from engine.evolution.steps import Step

COLOURS = {"+": "green", "-": "red", "~": "yellow"}  # by the sign of the kind
WHAT_TO_DO = {
    Needs.NOTHING: "Nothing to do: the collection matches the mapping.",
    Needs.RULES: "Run `engine apply`: it changes the validator.",
    Needs.INDEXES: "Run `engine apply`: it changes the validator and indexes.",
    Needs.REWRITE: "Run `engine apply`: it rewrites documents on the server.",
}


def show_plan(found: EvolutionPlan, title: str, data: Iterable[str], stream: TextIO) -> None:
    """Show the plan, one paragraph per change; colours on a terminal only."""
    told = [*_changes(found), *_strangers(found), *_end(found)]
    lines = (
        Text(title, "bold"),
        *_head(found),
        *([Text(), *told] if told or found.drift or found.unfinished else ()),
        Text(),
        Text(_count(found) + _what_to_do(found), "bold"),
        *data,
    )
    print_lines(lines, stream)


def _what_to_do(found: EvolutionPlan) -> str:
    if found.unloaded:
        return "No run has made this collection yet: `engine run` with --collection loads it."
    if found.hindrances:
        return "`engine apply` would refuse this, as said above."
    if found.unfinished and (found.continues or found.needs is Needs.NOTHING):
        return f"Run `engine apply`: it {found.unfinished.way.value}."
    if found.unchangeable and found.needs is Needs.SOURCE:
        return "This needs the source, and another target.collection: a time series collection can only be added to."
    return f"This needs the source: {'; or '.join(found.ways)}." if found.needs is Needs.SOURCE else WHAT_TO_DO[found.needs]


def _head(found: EvolutionPlan) -> Iterator[Text]:
    if found.applied:
        documents = f": {counted(found.counts.documents, 'document')}" if found.counts else ""
        compared = found.unfinished.compared if found.unfinished else f"compared with the collection as run {found.applied} left it"
        yield Text(f"{compared}{documents}{' now' if found.unfinished and documents else ''}")
    if found.counts and found.counts.sample:
        yield Text(f"all numbers are estimates from {found.counts.sample:,} documents: what few documents have may be missing, and "
                   "whether unique indexes can be built was not asked; engine apply counts all", "yellow")  # fmt: skip
    if found.unfinished:
        yield from (Text(line, "red") for line in found.unfinished.lines(refused=bool(found.refusals)))
    yield from (Text(f"shapes: {shape}") for shape in found.shapes)
    yield from (Text(f"not as a fresh run: {path}: {why}", "yellow") for path, why in found.doubts.items())
    for line in found.drift:
        yield Text(f"drift: {line}", "red")
    for line in found.others:
        yield Text(f"not the mapping's: {line}; it stays")
    yield from (Text(f"not in the collection: {kept.told}") for kept in found.asides)
    if found.counts and found.counts.stay and found.counts.refused:
        staying, as_they = counted(found.counts.refused, "document"), "as it is" if found.counts.refused == 1 else "as they are"
        yield Text(f"{staying} that the mapping refuses would stay {as_they} ({found.counts.stay})")


def _changes(found: EvolutionPlan) -> Iterator[Text]:
    for change in found.changes:
        sign = change.change.kind.sign
        whose = f" (documents as run {change.run} made them)" if change.run else ""
        yield Text(f"{sign} {change.change}{whose}", COLOURS[sign])
        yield from (Text(f"      {line}") for line in _facts(change, found))


def _facts(change: JudgedChange, found: EvolutionPlan) -> Iterator[str]:
    reason = f": {change.reason}" if change.reason else ""
    made = found.is_made(change)
    yield "made     by the unfinished apply" if made else f"needs    {change.needs.words}{reason}"
    if change.readers.breaks:
        yield f"readers  break: {change.readers.reason}"
    if change.writers.breaks:
        yield f"writers  break: {change.writers.reason}"
    if change.needs > Needs.NOTHING and not (change.readers.breaks or change.writers.breaks):
        yield f"readers  and writers keep working: {change.readers.reason}"
    if (counts := found.counts) and not made:
        if change.needs < Needs.SOURCE and (affected := counts.affected.get(change.change.label)):
            yield f"touches  {counted(affected, 'document')}{_included(change, found)}"
        if taken := counts.taken.get(change.change.label):
            yield f"in use   {counted(taken, 'document')} {'has' if taken == 1 else 'have'} something at this path already, which stays"
        if violators := counts.violators.get(change.change.label):
            yield f"refuses  {counted(violators, 'existing document')}"


def _included(change: JudgedChange, found: EvolutionPlan) -> str:
    """Of some changes nobody can count the documents that are not done."""
    begun = found.unfinished and found.continues and found.unfinished.stage == "rewrite"
    return ", with those that are done" if begun and not (change.change.kind.renames or change.change.kind.removes) else ""


def _strangers(found: EvolutionPlan) -> Iterator[Text]:
    strangers = found.counts.strangers if found.counts else Strangers()
    if strangers.documents:
        more = ", …" if strangers.documents > len(strangers.ids) else ""
        private = "their _ids are private; on the server: strangers.command of engine plan --json, in mongosh"
        yield Text(f"! {STRANGERS} {KINDS[STRANGERS].name}: {strangers} that neither mapping accepts", "red")
        yield Text(f"      _id {', '.join(strangers.ids)}{more}" if strangers.ids else f"      {private}")


def _end(found: EvolutionPlan) -> Iterator[Text]:
    for old, new in found.renames.items():
        yield Text(f"is {new} a new name for {old}? if so, write was: {old} at the field, and its values are kept", "cyan")
    yield from (Text(line, "cyan") for line in same_columns(found.column_names))
    for subject, rows in found.rejected.items():
        yield Text(
            f"rejected for {subject}: {counted(rows, 'row')} that may be accepted now; load them afterwards with `engine rejects retry`",
            "cyan",
        )
    for kept in found.asides if not found.blocked else ():  # a run loads everything again
        if kept.outlook:
            yield Text(f"{kept.outlook}{_how(kept, found)}", "cyan")
    told = {change.change.subject for change in found.changes if change.reason}
    for subject, why in found.blocked.items():
        if subject not in told:
            yield Text(f"{subject} needs the source: {why}")
    for refusal in found.hindrances:
        yield Text(f"refused: {refusal}", "red")
    for loss in found.allowed_before:
        yield Text(f"destructive: {loss}; that was allowed when the unfinished apply began", "red")
    for loss in found.losses:
        yield Text(f"destructive: {loss}; to allow it, run `engine apply` with {narrowest(loss)}", "red")


def _how(kept: KeptAside, found: EvolutionPlan) -> str:
    """How they come back."""
    if not kept.returning:
        return ""
    return "; `engine apply` brings them back" if found.changes else f"; `engine set-aside restore {kept.run}` brings them back"


def _count(found: EvolutionPlan) -> str:
    total = counted(len(found.changes), "change")
    if found.continues and found.changes:
        return f"{found.left} of {total} {'is' if found.left == 1 else 'are'} left. "
    return f"{total}. " if found.changes else ""


def show_steps(steps: Iterable[tuple[Step, tuple[dict[str, Any], ...]]], stream: TextIO) -> None:
    """Print the commands of a dry run as canonical Extended JSON, each under the title of its step."""
    for number, (step, commands) in enumerate(steps, start=1):
        print(f"// {number}. {step.title}", file=stream)
        for command in commands:
            print(json_util.dumps(command, json_options=json_util.CANONICAL_JSON_OPTIONS, ensure_ascii=False), file=stream)


def show_applied(done: ApplyResult, stream: TextIO, *, undo: bool = False) -> None:
    """Show what an apply did, or the undoing of one."""
    if done.first:
        show_applied(done.first, stream)
    if done.renamed:
        print_lines([f"RENAMED  the collection that was {done.renamed}"], stream)
    if not done.run_id:
        same = "no apply is unfinished" if undo else "the mapping has the same meaning"
        print_lines([f"nothing to {'undo' if undo else 'do'}: the collection is as run {done.before} left it, and {same}"], stream)
        return
    title = Text.assemble(("UNDONE" if done.undone else "APPLIED", "bold green"), f"  {_counts(done)}")
    print_lines([title, *not_restored(done.not_restored), *_afterwards(done)], stream)


def _counts(done: ApplyResult) -> str:
    of = f"apply {done.undone}: " if done.undone else ""
    aside = f", {done.set_aside:,} set aside in {done.set_aside_in}" if done.set_aside else ""
    back = f", {done.restored:,} brought back that had been set aside" if done.restored else ""
    return f"{of}{done.rewritten:,} rewrites of documents{aside}{back}"


def _afterwards(done: ApplyResult) -> Iterator[str]:
    if done.unbuilt:
        yield f"indexes that what others wrote has made impossible, and that are missing now: {', '.join(done.unbuilt)}"
    if done.unfit:
        yield f"{counted(done.unfit, 'document')} that others wrote in the new shape cannot have the old one; engine plan shows what to do"
    if done.mixed:
        yield f"others had changed {counted(done.mixed, 'document')} that steps had changed: there, what they changed stays as it is"
    if done.resumed:
        yield f"continued after run {done.resumed}"
    yield f"steps: {', '.join(step['name'] for step in done.steps)}"
    yield f"live: {counted(done.documents, 'document')}, checksum {done.checksum}"
    yield f"run {done.run_id}"
