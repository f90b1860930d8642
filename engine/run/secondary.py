"""Where the rows of secondary sources ended, those that arrays and lookups read."""

from __future__ import annotations

import polars as pl

from engine.errors import DataError, finding
from engine.mapping.columns import private_columns
from engine.mapping.model import RowsOrigin
from engine.plan import Plan
from engine.run.loading import Job
from engine.run.rejects import Rejects
from engine.run.report import Reason, Report, SecondaryAccount
from engine.run.usage import SecondaryUsage
from engine.sources.secondary import SecondarySource


def account_secondary_sources(job: Job, plan: Plan, usage: SecondaryUsage, report: Report, left: str) -> None:
    """Account for the rows of the secondary sources. Raises DataError where rows without a document are not allowed.

    `usage` is what the loader took of them, `left`: what a failed run leaves, in words.
    """
    report.secondary = [_account(job, table, usage, report) for name, table in plan.secondary_sources.items() if name]
    report.notes += [note for name, table in plan.secondary_sources.items() if name for note in table.notes]
    origins = {array.origin.source: array.origin for array in job.mapping.arrays if isinstance(array.origin, RowsOrigin)}
    for other in report.secondary if job.limit is None else ():
        policy = origins[other.source].orphans if other.source in origins else "ignore"
        if other.orphans and policy != "ignore":
            row = plan.secondary_sources[other.source].row_numbers.filter(pl.Series(~usage.asked[other.source]))[0]
            message = f"{other.orphans:,} of {other.rows_read:,} rows of {other.source} belong to no document, the first is row {row}"
            if policy == "fail":
                hint = "correct the keys, or set orphans: warn"
                raise DataError(finding("orphans", f"{message}; {left}", hint=hint, file=str(job.mapping.file)))
            _note(report, message)


def _account(job: Job, table: SecondarySource, usage: SecondaryUsage, report: Report) -> SecondaryAccount:
    """The accounting of one secondary source; its malformed records go to a separate rejects file."""
    private, policy = private_columns(job.mapping, table.columns, table.name), job.mapping.private_rejects
    rejects = Rejects(job.home / "rejects" / f"{job.mapping.name}.{table.name}-{job.run_id}.csv", table.columns, private, policy)
    rejects.add_malformed(table.malformed)
    rejects.close()
    for reason, rows in rejects.reasons.items():
        report.rejects[Reason(reason.code, f"source {table.name}", reason.message)] += rows
    if rejects.count:
        _note(report, f"malformed records of {table.name}: {rejects.path}")
    if not any(isinstance(array.origin, RowsOrigin) and array.origin.source == table.name for array in job.mapping.arrays):
        return SecondaryAccount(table.name, table.rows, 0, 0, 0, len(table.malformed), len(table.frame))
    asked, embedded = int(usage.asked[table.name].sum()), int(usage.embedded[table.name].sum())
    return SecondaryAccount(table.name, table.rows, embedded, asked - embedded, len(table.frame) - asked, len(table.malformed), 0)


def _note(report: Report, message: str) -> None:
    """Add a note once, although rows are accounted for both before and after they are written."""
    if message not in report.notes:
        report.notes.append(message)
