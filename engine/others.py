"""The other sources of a run, those that arrays and lookups read: read before it, accounted for after it."""

from __future__ import annotations

from engine.columns import private_columns
from engine.errors import DataError, problem
from engine.loading import Job
from engine.model import Child, Mapping
from engine.plan import Plan
from engine.rejects import Rejects
from engine.report import Other, Reason, Report
from engine.sources import Rows, open_source
from engine.tables import Groups, Table, read_table, read_tables


def read_others(mapping: Mapping, source: Rows) -> tuple[dict[str, Table], Rows]:
    """The sources that arrays and lookups read, whole; and the document's own, or the first rows of its groups."""
    tables = read_tables(mapping.sources, open_source)
    if not mapping.group_by:
        return tables, source
    tables[""] = read_table("", source)
    return tables, Groups(source, tables[""], mapping.group_by, mapping.source.null_values)


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
