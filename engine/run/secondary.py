"""Where the rows of secondary sources ended, those that arrays and lookups read."""

from __future__ import annotations

from engine.errors import DataError, problem
from engine.mapping.columns import private_columns
from engine.mapping.model import Child
from engine.plan import Plan
from engine.run.loading import Job
from engine.run.rejects import Rejects
from engine.run.report import Other, Reason, Report
from engine.sources.secondary import Table


def account_others(job: Job, plan: Plan, report: Report, left: str) -> None:
    """Where the rows of other sources ended. Raises DataError where rows without a document are not allowed.

    `left` says what a failed run leaves.
    """
    report.others = [_account(job, table, report) for name, table in plan.tables.items() if name]
    report.notes += [note for name, table in plan.tables.items() if name for note in table.notes]
    origins = {one.origin.source: one.origin for one in job.mapping.arrays if isinstance(one.origin, Child)}
    for other in report.others if job.limit is None else ():
        policy = origins[other.source].orphans if other.source in origins else "ignore"
        if other.orphans and policy != "ignore":
            row = plan.tables[other.source].first_orphan()
            message = f"{other.orphans:,} of {other.rows_read:,} rows of {other.source} belong to no document, the first one is row {row}"
            if policy == "fail":
                hint = "correct the keys, or orphans: warn"
                raise DataError(problem("orphans", f"{message}; {left}", hint=hint, file=str(job.mapping.file)))
            _note(report, message)


def _account(job: Job, table: Table, report: Report) -> Other:
    """The accounting of one other source; records that are no rows of it go to a rejects file of its own."""
    private, policy = private_columns(job.mapping, table.columns, table.name), job.mapping.private_rejects
    rejects = Rejects(job.home / "rejects" / f"{job.mapping.name}.{table.name}-{job.run_id}.csv", table.columns, private, policy)
    rejects.add_malformed(table.malformed)
    rejects.close()
    for reason, rows in rejects.reasons.items():
        report.rejects[Reason(reason.code, f"source {table.name}", reason.message)] += rows
    if rejects.count:
        _note(report, f"malformed rows of {table.name}: {rejects.path}")
    if not any(isinstance(one.origin, Child) and one.origin.source == table.name for one in job.mapping.arrays):
        return Other(table.name, table.rows, 0, 0, 0, len(table.malformed), len(table.frame))
    matched, embedded = int(table.matched.sum()), int(table.embedded.sum())
    return Other(table.name, table.rows, embedded, matched - embedded, len(table.frame) - matched, len(table.malformed), 0)


def _note(report: Report, message: str) -> None:
    """Once, though the rows are accounted for before and after they are written."""
    if message not in report.notes:
        report.notes.append(message)
