"""The verbs of schema evolution: `plan` says what a changed mapping means, `apply` does it on the live collection."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from engine.apply.data import Differences, differing
from engine.apply.inspect import inspect_and_plan, is_unloaded
from engine.apply.pacing import Pace, pace
from engine.apply.results import ApplyResult
from engine.apply.reviewed import AGAIN, ReviewedPlan, as_text, read
from engine.apply.task import ApplyTask
from engine.apply.undotask import UndoTask
from engine.cli.display_evolution import show_applied, show_plan, show_steps
from engine.cli.progress import progress_on
from engine.cli.verbs.common import Arguments, client_of, mappings_of, profile_of, write_file
from engine.errors import DataError, EngineError, Exit, UsageError, finding
from engine.evolution.approvals import Approval, approvals, without_effect
from engine.evolution.planning import URGENCY, EvolutionPlan, compared
from engine.evolution.steps import ApplyPlan, printed
from engine.mapping.loader import load_all
from engine.mapping.model import Mapping
from engine.mongo.connection import Client
from engine.mongo.runids import new_run_id

NOT_LOADED = EvolutionPlan((), {}, {}, unloaded=True)


def plan(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """Show what a mapping would change in the live collection, or how two mappings differ. Returns the most urgent exit code."""
    planned = _planned(arguments)
    codes = [found.gate(arguments.fail_on) if arguments.fail_on else found.exit_code for _, _, found in planned]
    code: int = max(codes, key=URGENCY.index)
    if arguments.data and len(planned) > 1:
        raise UsageError(finding("several_collections", "--data works for one collection only", hint="name it with --collection"))
    data: list[Differences | None] = [differing(old, new, arguments.data) if arguments.data else None for old, new, _ in planned]
    if arguments.json:
        _print(
            [
                found.as_json() | ({"data": asdict(differences)} if differences else {})
                for (_, _, found), differences in zip(planned, data, strict=True)
            ],
            out,
        )
        return code
    for number, ((_, new, found), differences) in enumerate(zip(planned, data, strict=True)):
        print(end="\n" if number else "", file=out)
        show_plan(found, _title(arguments, new, several=len(planned) > 1), differences.lines if differences else (), out)
    return code


def _print(plain: list[dict[str, Any]], out: TextIO) -> None:
    """As JSON; of several collections the list of theirs, under `collections`."""
    print(json.dumps(plain[0] if len(plain) == 1 else {"collections": plain}, indent=2, ensure_ascii=False), file=out)


def _title(arguments: Arguments, new: Mapping, *, several: bool) -> str:
    files = " → ".join(arguments.files) + (f", collection {new.target.collection}" if several else "")
    return files if arguments.files else f"{arguments.mapping} → {new.target.database}.{new.target.collection}"


def _planned(arguments: Arguments) -> list[tuple[Mapping, Mapping, EvolutionPlan]]:
    """The old mapping, the new one and the plan of each collection."""
    if bool(arguments.files) == bool(arguments.mapping) or len(arguments.files) not in (0, 2):
        hint = "engine plan --mapping FILE, or engine plan OLD NEW without a server"
        raise UsageError(finding("usage", "plan compares a mapping with the live collection, or two mappings", hint=hint))
    if (arguments.files and arguments.output) or (arguments.allow and not arguments.output):
        hint = "engine plan --mapping FILE --output PLAN --allow …"
        raise UsageError(finding("usage", "a plan is saved for a live collection, and --allow is for a plan that is saved", hint=hint))
    if arguments.estimate and (arguments.files or arguments.output or arguments.fail_on):
        hint = "engine plan --mapping FILE --estimate; without --estimate, all documents are counted"
        raise UsageError(finding("usage", "an estimate goes with neither two files nor --output nor --fail-on", hint=hint))
    if arguments.files:
        return [(old or new, new, compared(old, new) if old else NOT_LOADED) for old, new in _both(arguments)]
    mappings, allowed = mappings_of(arguments), approvals(arguments.allow)
    with client_of("plan", mappings, arguments.wait) as client:
        unloaded = _unloaded(client, mappings)
        known, rest = [new for new in mappings if new not in unloaded], [(new, new, NOT_LOADED) for new in unloaded]
        if arguments.output:
            return _saved(arguments, [_task(arguments, client, new, allowed) for new in known]) + rest
        found = [(new, *inspect_and_plan(client, new, profile_of(client, new), estimate=arguments.estimate)) for new in known]
    return [(live.old, new, plan) for new, live, plan in found] + rest


def _saved(arguments: Arguments, tasks: Sequence[ApplyTask]) -> list[tuple[Mapping, Mapping, EvolutionPlan]]:
    """The same, and the file with all of it."""
    found = [(task.mapping, *task.save()) for task in tasks]
    write_file(Path(arguments.output), as_text(arguments.mapping, [saved for *_, saved in found]))
    return [(live.old, new, plan) for new, live, plan, _ in found]


def _task(arguments: Arguments, client: Client, mapping: Mapping, allowed: tuple[Approval, ...], throttle: Pace | None = None) -> ApplyTask:
    reason = getattr(arguments, "reason", "")
    return ApplyTask(client, profile_of(client, mapping), mapping, allowed, new_run_id(), reason, arguments.wait, throttle or Pace())


def _unloaded(client: Client, mappings: Sequence[Mapping]) -> list[Mapping]:
    """Of several collections in a file, those that no run has made yet, unless that is so of all."""
    found = [mapping for mapping in mappings if is_unloaded(client, mapping)] if len(mappings) > 1 else []
    return found if len(found) < len(mappings) else []


def _both(arguments: Arguments) -> list[tuple[Mapping | None, Mapping]]:
    """The two mappings of each collection; none before for one that only the new file has.

    Two files of one collection each are compared even where the names differ.
    """
    old, new = (mappings_of(Arguments(mapping=file, collection=arguments.collection)) for file in arguments.files)
    if len(old) == len(new) == 1:
        return [(old[0], new[0])]
    before = {mapping.target.collection: mapping for mapping in old}
    after = {mapping.target.collection: mapping for mapping in new}
    if gone := before.keys() - after.keys():
        message = f"only the old mapping has the collection {min(gone)}"
        raise UsageError(finding("unknown_collection", message, hint="with --collection, name one that both have"))
    return [(before.get(name), mapping) for name, mapping in after.items()]


def apply(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Bring the live collections in line with the mapping, one after the other."""
    throttle = pace(arguments.throttle)
    if arguments.undo:
        return _undo(arguments, _named(arguments), throttle, out, err)
    mappings, reviews = _reviewed(arguments) if arguments.plan else (_named(arguments), ())
    allowed = approvals(arguments.allow)
    with client_of("plan" if arguments.dry_run else "apply", mappings, arguments.wait) as client:
        unloaded = _unloaded(client, mappings)
        mappings = tuple(mapping for mapping in mappings if mapping not in unloaded)
        tasks = [_task(arguments, client, mapping, allowed, throttle) for mapping in mappings]
        for task, review in zip(tasks, reviews, strict=bool(reviews)):
            task.review, task.allowed = review, review.approvals
        plans = [task.plan() for task in tasks] if arguments.dry_run or len(tasks) > 1 else []  # none starts if one is refused
        if arguments.dry_run:
            _show_commands(plans, mappings, out)
            return Exit.DONE
        done = _carried_out(arguments, tasks, err)
    if not (arguments.quiet or reviews or any(one.resumed for one in done)):
        _note_unused(tasks, allowed, err)
    _show_done(arguments, mappings, done, out)
    for mapping in unloaded:
        print(f"not loaded yet: engine run --mapping {arguments.mapping} --collection {mapping.target.collection}", file=err)
    return Exit.DONE


def _carried_out(arguments: Arguments, tasks: Sequence[ApplyTask | UndoTask], err: TextIO) -> list[ApplyResult]:
    """One after the other. Where an interruption or an error stops them in the middle, what is half done is told."""
    arguments.deeds.ask(lambda: [_stopped(task) for task in tasks])
    try:
        with progress_on(err, quiet=arguments.quiet) as progress:
            return [task.carry_out(progress) for task in tasks]
    except EngineError:
        for task in tasks:
            if task.work and not task.published:
                print(f"note: {_stopped(task)}", file=err)
        raise


def _stopped(task: ApplyTask | UndoTask) -> str:
    return f"{task.mapping.target.collection}: {task.stopped}"


def _undo(arguments: Arguments, mappings: Sequence[Mapping], throttle: Pace, out: TextIO, err: TextIO) -> int:
    """Take back what was not finished, of all collections of the mapping."""
    if arguments.dry_run or arguments.allow:
        raise UsageError(finding("usage", "--undo goes with neither --dry-run nor --allow", hint="engine plan shows what it does"))
    with client_of("apply", mappings, arguments.wait) as client:
        how = (arguments.reason, arguments.wait, throttle)
        tasks = [UndoTask(client, profile_of(client, mapping), mapping, new_run_id(), *how) for mapping in mappings]
        done = _carried_out(arguments, tasks, err)
    _show_done(arguments, mappings, done, out)
    return Exit.DONE


def _named(arguments: Arguments) -> tuple[Mapping, ...]:
    if not arguments.mapping:
        hint = "engine apply --mapping FILE, or engine apply PLAN with a file of engine plan --output"
        raise UsageError(finding("usage", "apply takes a mapping, or a saved plan", hint=hint))
    return mappings_of(arguments)


def _reviewed(arguments: Arguments) -> tuple[tuple[Mapping, ...], tuple[ReviewedPlan, ...]]:
    """The mappings of a saved plan, and the plan of each."""
    if arguments.allow or arguments.collection:
        message = "a saved plan is done as it was reviewed, without --allow and --collection"
        raise UsageError(finding("usage", message, hint="give these to engine plan --output"))
    file, plans = read(arguments.plan)
    there = {(mapping.target.database, mapping.target.collection): mapping for mapping in load_all(arguments.mapping or file)}
    if gone := [plan.collection for plan in plans if (plan.database, plan.collection) not in there]:
        raise DataError(finding("not_as_reviewed", f"the mapping no longer has the target {gone[0]} of the plan", hint=AGAIN))
    mappings = tuple(there[plan.database, plan.collection] for plan in plans)
    for plan, mapping in zip(plans, mappings, strict=True):
        plan.check_mapping(mapping)
    return mappings, plans


def _show_commands(plans: Sequence[ApplyPlan | None], mappings: Sequence[Mapping], out: TextIO) -> None:
    for mapping, plan in zip(mappings, plans, strict=True):
        if len(plans) > 1:
            print(f"// collection {mapping.target.collection}", file=out)
        show_steps(printed(plan) if plan else (), out)


def _show_done(arguments: Arguments, mappings: Sequence[Mapping], done: Sequence[ApplyResult], out: TextIO) -> None:
    if arguments.json:
        _print([asdict(result) for result in done], out)
    for mapping, result in zip(mappings, done, strict=True) if not (arguments.json or arguments.quiet) else ():
        if len(done) > 1:
            print(f"collection {mapping.target.collection}", file=out)
        show_applied(result, out, undo=arguments.undo)


def _note_unused(tasks: Iterable[ApplyTask], allowed: Iterable[Approval], err: TextIO) -> None:
    for approval in without_effect(allowed, [loss for task in tasks for loss in task.losses]):
        print(f"note: --allow {approval} had no effect: nothing that it names would have been lost", file=err)
