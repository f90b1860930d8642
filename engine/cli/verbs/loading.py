"""The verb `run`, and what it shares with loading rejected rows again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any, TextIO

from engine.cli.display import findings, summary
from engine.cli.progress import progress_on
from engine.cli.streams import unwritten
from engine.cli.verbs.common import Arguments, mappings_of
from engine.errors import EngineError, Exit, UsageError
from engine.mapping.model import Source
from engine.mongo.ledger import Ledger
from engine.mongo.records import Outcome
from engine.mongo.server import home
from engine.preview.examples import failures
from engine.run.allowing import or_allow, permitted
from engine.run.memory import exhausted
from engine.run.session import LoadTask, Session, Settings, load_together
from engine.sources import RowReader, open_source

STOPPED = {
    "replace": "nothing was published, the live collection is unchanged; run the same command again",
    "upsert": "the documents written so far stay, each one complete; run the same command again to continue after the last batch",
    "append": "the documents written so far stay, each one complete; run the same command again to continue after the last batch",
    "sync": "the documents written so far stay, each one complete; run the same command again to complete the run",
}
STOPPED |= {
    "update": "the documents changed so far stay changed, each one complete; run the same command again to continue after the last batch",
    "delete": "the documents deleted so far stay deleted; run the same command again to continue after the last batch",
}
PUBLISHED = "all documents were live already; only the run record may be missing"
UNANSWERED = (
    "the server did not answer the rename that publishes: readers see the old documents or the new ones, each time all of them; "
    "run the same command again"
)


def run(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Load the sources into the targets; none is published before all of them are ready."""
    return carry_out([LoadTask(mapping, _opener(mapping.source)) for mapping in mappings_of(arguments)], arguments, out, err)


def _opener(source: Source) -> Callable[[Ledger | None], RowReader]:
    return lambda _: open_source(source)


def carry_out(tasks: Sequence[LoadTask], arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Load, show the reports and findings, and return the exit code."""
    settings = Settings(home(), arguments.dry_run, arguments.limit, permitted(arguments.allow), arguments.wait, arguments.reason)
    refuse_failing_tests(tasks, settings.allow)
    failure, stopped = None, False
    with progress_on(err, quiet=arguments.quiet) as progress:
        sessions = [Session(task, settings, progress) for task in tasks]
        arguments.deeds.ask(lambda: [*map(_left, sessions)])
        try:
            load_together(sessions)
        except EngineError as error:
            failure = error
        except KeyboardInterrupt:
            stopped = True
        except BaseException as error:
            if (failure := exhausted(error)) is None:
                raise
    _show(sessions, failure, arguments, out, stopped=stopped)
    findings(failure.findings if failure else (), err)
    for session in sessions if unwritten(out) else ():
        if session.report.outcome is Outcome.PUBLISHED:
            print(f"the documents of run {session.report.run_id} are live", file=err)
    if stopped:
        raise KeyboardInterrupt
    if failure:
        return failure.exit_code
    return Exit.DATA if any(_fruitless(session) for session in sessions) else Exit.DONE


def _show(sessions: Sequence[Session], failure: EngineError | None, arguments: Arguments, out: TextIO, *, stopped: bool) -> None:
    if arguments.json:
        print(json.dumps(_as_json(sessions, failure), indent=2, ensure_ascii=False), file=out)
    for session in sessions if not (arguments.json or arguments.quiet) else ():
        if session.report.accounting.rows_read or not (failure or stopped):
            summary(session.report, out)


def _fruitless(session: Session) -> bool:
    """Whether no row became a document, and nobody said that this is right: of a retry, all rows were wrong again."""
    counts = session.report.accounting
    return bool(counts.rows_read) and not counts.documents and "nothing_to_publish" not in session.settings.allow


def refuse_failing_tests(tasks: Sequence[LoadTask], allow: frozenset[str]) -> None:
    """Raises UsageError where a mapping's own tests fail, before anything is read."""
    found = [problem for task in tasks for problem in failures(task.mapping)]
    if found and "test_failed" not in allow:
        hint = f"correct the mapping or its test, {or_allow('test_failed')}"
        raise UsageError([replace(problem, hint=hint) for problem in found])


def _left(session: Session) -> str:
    """What an interrupted load has left, and what to do."""
    if session.report.outcome is Outcome.PUBLISHED:
        return PUBLISHED
    mode = session.task.mapping.target.mode
    return UNANSWERED if session.publishing and mode == "replace" else STOPPED[mode]


def _as_json(sessions: Sequence[Session], failure: EngineError | None) -> dict[str, Any]:
    """The report; of several collections a list of reports, under `collections`."""
    errors = {"errors": [asdict(finding) for finding in failure.findings] if failure else []}
    plain: list[dict[str, Any]] = [session.report.as_json() for session in sessions]
    return plain[0] | errors if len(plain) == 1 else {"collections": plain} | errors
