"""The verb `run`, and what it has in common with loading rejected rows again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any, TextIO

from engine import __version__
from engine.cli.verbs.common import Arguments, mappings_of
from engine.errors import EngineError, Exit, TargetError, problem
from engine.mapping.model import Mapping
from engine.mapping.profiles import PROFILES, Profile

STOPPED = {
    "replace": "nothing was published: the live collection is as it was; run the same command again",
    "upsert": "documents written so far stay, each is whole; run the same command again, it goes on after the last batch",
    "append": "documents written so far stay, each is whole; run the same command again, it goes on after the last batch",
    "sync": "documents written so far stay, each is whole; run the same command again to bring it to its end",
}
PUBLISHED = "all of it was live already; only the record of the run may be missing"


def _nothing(_: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Task:
    """What is to be loaded: `open` gives the source, with the ledger if there is one.

    `recorded` is asked, after a published run, what else the ledger shall hold of its report. `resumes`: it may go on from another one.
    """

    mapping: Mapping
    open: Callable[[Any], Any]
    recorded: Callable[[Any], dict[str, Any]] = _nothing
    resumes: bool = True


def run(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Load the sources into the targets: all of them become live, or none."""
    from engine.sources import open_source  # noqa: PLC0415

    tasks = [Task(mapping, lambda _, source=mapping.source: open_source(source)) for mapping in mappings_of(arguments)]  # type: ignore[misc]
    return carry_out(tasks, arguments, out, err)


def carry_out(tasks: Sequence[Task], arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Load, and tell how it went."""
    from engine.cli import display  # noqa: PLC0415 -- the terminal library, only where something is shown
    from engine.run.report import Report  # noqa: PLC0415
    from engine.run.running import new_run_id  # noqa: PLC0415

    reports = [Report(new_run_id(), one.mapping.name, one.mapping.version, one.mapping.source.path, _named(one.mapping)) for one in tasks]
    show = display.Quiet() if arguments.quiet else display.Live(err) if err.isatty() else display.Plain(err)
    failure, stopped = None, False
    try:
        with ExitStack() as stack:
            _load(list(zip(tasks, reports, strict=True)), arguments, show, stack)
    except EngineError as error:
        failure = error
    except KeyboardInterrupt:
        stopped = True
    finally:
        show.close()
    if failure:
        for report in reports:
            report.outcome = "not published" if report.outcome == "running" else report.outcome  # its turn never came
    if arguments.json:
        print(json.dumps(_as_json(reports, failure), indent=2, ensure_ascii=False), file=out)
    elif not arguments.quiet:
        for report in reports:
            if report.accounting.rows_read or not (failure or stopped):
                display.summary(report, out)
    if failure:
        display.findings(failure.findings, err)
    if stopped:
        for task, report in zip(tasks, reports, strict=True):
            print(f"interrupted: {PUBLISHED if report.outcome == 'published' else STOPPED[task.mapping.target.mode]}", file=err)
    return failure.exit_code if failure else Exit.INTERRUPTED if stopped else Exit.DONE


def _named(mapping: Mapping) -> str:
    return f"{mapping.target.database}.{mapping.target.collection}"


def _as_json(reports: Sequence[Any], failure: EngineError | None) -> dict[str, Any]:
    """The report; of several collections the list of theirs, under `collections`."""
    errors = {"errors": [asdict(finding) for finding in failure.findings] if failure else []}
    plain: list[dict[str, Any]] = [report.as_json() for report in reports]
    return plain[0] | errors if len(plain) == 1 else {"collections": plain} | errors


@dataclass
class _Journal:
    """The ledger as a run sees it. `same`: what a run must have in common with this one for this one to go on from it; None for never."""

    ledger: Any
    source: Any
    same: dict[str, Any] | None

    def stage(self, name: str) -> None:
        self.ledger.note(stage=name)

    def settled(self, row: int) -> None:
        self.ledger.note(rows_done=row)

    def unfinished(self) -> tuple[str, int]:
        found = self.source.fingerprint["sha256"]
        if self.same is None or not found:
            return "", 0
        self.ledger.note(source_sha256=found)
        run, row = self.ledger.unfinished(self.same | {"source_sha256": found})
        if row:
            self.ledger.note(rows_done=row, resumed=run)
        return run, row


def _load(tasks: Sequence[tuple[Task, Any]], arguments: Arguments, show: Any, stack: ExitStack) -> None:
    """Make everything ready, then all of it live."""
    from engine.mongo.server import home, server  # noqa: PLC0415
    from engine.run import running  # noqa: PLC0415

    address = None if arguments.dry_run else stack.enter_context(server())
    ready = []
    for task, report in tasks:
        with _about(task.mapping, alone=len(tasks) == 1):
            if address is None:
                job = running.Job(task.mapping, task.open(None), None, show, home(), report.run_id, arguments.limit)
                ready.append(stack.enter_context(running.prepared(job, report)))
            else:
                ready.append(stack.enter_context(_ready(task, report, arguments, show, address)))
    for (task, _), publish in zip(tasks, ready, strict=True):
        with _about(task.mapping, alone=len(tasks) == 1):
            publish()


@contextmanager
def _about(mapping: Mapping, *, alone: bool) -> Iterator[None]:
    """Of several collections, an error says which one it is about."""
    try:
        yield
    except EngineError as error:
        if not alone:
            error.findings = tuple(replace(one, message=f"{mapping.target.collection}: {one.message}") for one in error.findings)
        raise


@contextmanager
def _ready(task: Task, report: Any, arguments: Arguments, show: Any, address: Any) -> Iterator[Callable[[], None]]:
    """One collection loaded and verified; what it gives makes it live, and has the ledger know."""
    from engine.apply.notice import begin  # noqa: PLC0415
    from engine.digests.checksum import Content  # noqa: PLC0415
    from engine.documents.validators import engine_only, options  # noqa: PLC0415
    from engine.mongo.connection import translated  # noqa: PLC0415
    from engine.mongo.inplace import InPlace  # noqa: PLC0415
    from engine.mongo.ledger import Ledger  # noqa: PLC0415
    from engine.mongo.locks import Lock  # noqa: PLC0415
    from engine.mongo.replacement import Replacement, remove_staging  # noqa: PLC0415
    from engine.mongo.server import home  # noqa: PLC0415
    from engine.mongo.state import state  # noqa: PLC0415
    from engine.run import running  # noqa: PLC0415

    mapping, target = task.mapping, task.mapping.target
    report.target = f"{address.shown}/{report.target}"
    with ExitStack() as stack:
        client, profile = _client(address, mapping, report, stack)
        report.notes += [f"on {profile.name}, {line}" for line in engine_only(mapping, profile)]
        rules, ledger = options(mapping, profile), Ledger(client, target, report.run_id)
        rows = task.open(ledger)
        lock = stack.enter_context(Lock(client, target, report.run_id, ledger.beat))
        report.notes += [f"removed {name}, which a dead run had left" for name in remove_staging(client, target)]
        if target.mode == "replace":
            sink: Any = Replacement(client, target, rules, report.run_id, lock.hold, ids_may_repeat=mapping.ids_may_repeat)
        else:
            sink = InPlace(client, mapping, rules, lock)
        applied = begin(ledger, mapping, report.notes, allow_mixed=getattr(arguments, "allow_mixed", False))
        facts = _facts(mapping, arguments)
        journal = _Journal(ledger, rows, facts if task.resumes and not mapping.sources else None)
        job = running.Job(mapping, rows, sink, show, home(), report.run_id, arguments.limit, journal=journal)
        record = stack.enter_context(_recorded(ledger, facts | applied | {"mapping_text": mapping.text}, report))
        ready = stack.enter_context(running.prepared(job, report))

        def publish() -> None:
            ready()
            with translated():
                left = state(client[target.database][target.collection], Content(report.live_documents, int(report.checksum, 16)))
            known = {"live": left.as_document(), "source_file": rows.fingerprint} | task.recorded(report)
            record(known | report.as_json())

        yield publish


def _facts(mapping: Mapping, arguments: Arguments) -> dict[str, Any]:
    """What the ledger says of a run that begins. Two runs that agree in it and in the source do the same."""
    return {
        "mapping": mapping.name,
        "mapping_sha256": sha256(mapping.text.encode()).hexdigest(),
        "meaning_sha256": mapping.digest,
        "engine": __version__,
        "mode": mapping.target.mode,
        "limit": arguments.limit,
    }


def _client(address: Any, mapping: Mapping, report: Any, stack: ExitStack) -> tuple[Any, Profile]:
    """A client, and the profile that the mapping names or else the server has. Raises TargetError where such a server cannot do it."""
    from engine.mongo.connection import connect  # noqa: PLC0415
    from engine.mongo.probe import server_profile, suitable  # noqa: PLC0415

    client = stack.enter_context(connect(address.uri, address.password))
    found = server_profile(client)
    profile = PROFILES.get(mapping.target.profile or "", found)
    if profile.name != found.name:
        report.notes.append(f"the mapping is for {profile.name}; the server looks like {found.name}")
    suitable(mapping, profile)
    if not profile.retryable_writes:
        client = stack.enter_context(connect(address.uri, address.password, retry_writes=False))
    return client, profile


@contextmanager
def _recorded(ledger: Any, facts: dict[str, Any], report: Any) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Keep the run in the ledger, also where it fails; what it gives records a published one."""
    ledger.start(facts | {"source": report.source})
    recorded = False

    def record(known: dict[str, Any]) -> None:
        nonlocal recorded
        ledger.finish("published", known)
        recorded = True

    try:
        yield record
    except BaseException as error:
        if recorded:
            raise
        if report.outcome == "published" and isinstance(error, TargetError):
            hint = "readers see the new documents; look after the server, then run again to have it recorded"
            said = problem("ledger_unwritten", "the documents ARE live, but the run could not be recorded", hint=hint)
            raise TargetError([said, *error.findings]) from None
        _failed(ledger, report)
        raise


def _failed(ledger: Any, report: Any) -> None:
    with suppress(TargetError):  # the failure itself is what the user must hear of
        ledger.finish(report.outcome, report.as_json())
