"""The verb `run`, and what it has in common with loading rejected rows again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, TextIO

from engine import __version__
from engine.commands.common import Arguments, mapping_of
from engine.errors import EngineError, Exit, TargetError, problem
from engine.model import Mapping
from engine.profiles import PROFILES, Profile

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
    """Load the source into the target."""
    from engine.sources import open_source  # noqa: PLC0415

    mapping = mapping_of(arguments)
    return carry_out(Task(mapping, lambda _: open_source(mapping.source)), arguments, out, err)


def carry_out(task: Task, arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Load, and tell how it went."""
    from engine import display  # noqa: PLC0415 -- the terminal library, only where something is shown
    from engine.report import Report  # noqa: PLC0415
    from engine.run import new_run_id  # noqa: PLC0415

    mapping = task.mapping
    target = f"{mapping.target.database}.{mapping.target.collection}"
    report = Report(new_run_id(), mapping.name, mapping.version, mapping.source.path, target)
    show = display.Quiet() if arguments.quiet else display.Live(err) if err.isatty() else display.Plain(err)
    failure, stopped = None, False
    try:
        with ExitStack() as stack:
            _load(task, arguments, report, show, stack)
    except EngineError as error:
        failure = error
    except KeyboardInterrupt:
        stopped = True
    finally:
        show.close()
    if arguments.json:
        errors = [asdict(finding) for finding in failure.findings] if failure else []
        print(json.dumps(report.as_json() | {"errors": errors}, indent=2, ensure_ascii=False), file=out)
    elif not arguments.quiet and (report.accounting.rows_read or not (failure or stopped)):
        display.summary(report, out)
    if failure:
        display.findings(failure.findings, err)
    if stopped:
        print(f"interrupted: {PUBLISHED if report.outcome == 'published' else STOPPED[mapping.target.mode]}", file=err)
    return failure.exit_code if failure else Exit.INTERRUPTED if stopped else Exit.DONE


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


def _load(task: Task, arguments: Arguments, report: Any, show: Any, stack: ExitStack) -> None:
    mapping = task.mapping
    from engine import run as running  # noqa: PLC0415
    from engine.server import home, server  # noqa: PLC0415

    if arguments.dry_run:
        running.run(running.Job(mapping, task.open(None), None, show, home(), report.run_id, arguments.limit), report)
        return
    from engine.checksum import Content  # noqa: PLC0415
    from engine.sinks.inplace import InPlace  # noqa: PLC0415
    from engine.sinks.ledger import Ledger  # noqa: PLC0415
    from engine.sinks.locks import Lock  # noqa: PLC0415
    from engine.sinks.mongo import Replacement, remove_staging, translated  # noqa: PLC0415
    from engine.sinks.state import state  # noqa: PLC0415
    from engine.validators import engine_only, options  # noqa: PLC0415

    address = stack.enter_context(server())
    report.target = f"{address.shown}/{report.target}"
    client, profile = _client(address, mapping, report, stack)
    report.notes += [f"on {profile.name}, {line}" for line in engine_only(mapping, profile)]
    target, rules = mapping.target, options(mapping, profile)
    ledger = Ledger(client, target, report.run_id)
    rows = task.open(ledger)
    lock = stack.enter_context(Lock(client, target, report.run_id, ledger.beat))
    report.notes += [f"removed {name}, which a dead run had left" for name in remove_staging(client, target)]
    if target.mode == "replace":
        sink: Any = Replacement(client, target, rules, report.run_id, lock.hold, ids_may_repeat=mapping.ids_may_repeat)
    else:
        sink = InPlace(client, mapping, rules, lock)
    facts = _facts(mapping, arguments)
    journal = _Journal(ledger, rows, facts if task.resumes else None)
    job = running.Job(mapping, rows, sink, show, home(), report.run_id, arguments.limit, journal=journal)
    with _recorded(ledger, facts | {"mapping_text": mapping.text}, report):
        running.run(job, report)
        with translated():
            left = state(client[target.database][target.collection], Content(report.live_documents, int(report.checksum, 16)))
        ledger.finish("published", {"live": left.as_document(), "source_file": rows.fingerprint} | task.recorded(report) | report.as_json())


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
    from engine.sinks.mongo import connect  # noqa: PLC0415
    from engine.sinks.probe import server_profile, suitable  # noqa: PLC0415

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
def _recorded(ledger: Any, facts: dict[str, Any], report: Any) -> Iterator[None]:
    """Keep the run in the ledger, also where it fails."""
    ledger.start(facts | {"source": report.source})
    try:
        yield
    except TargetError as error:
        if report.outcome == "published":
            hint = "readers see the new documents; look after the server, then run again to have it recorded"
            said = problem("ledger_unwritten", "the documents ARE live, but the run could not be recorded", hint=hint)
            raise TargetError([said, *error.findings]) from None
        _failed(ledger, report)
        raise
    except BaseException:
        _failed(ledger, report)
        raise


def _failed(ledger: Any, report: Any) -> None:
    with suppress(TargetError):  # the failure itself is what the user must hear of
        ledger.finish(report.outcome, report.as_json())
