"""When a run is refused: what would replace a live collection by less than a whole source, and more bad rows than the mapping allows."""

from __future__ import annotations

from dataclasses import asdict

from engine.digests.checksum import Content
from engine.errors import DataError, counted, finding
from engine.mapping.model import Mapping
from engine.mongo.sink import Lookout
from engine.run.allowing import or_allow
from engine.run.loading import Job
from engine.run.report import Report


def refuse_limited_replacement(job: Job) -> None:
    """Raises DataError where `--limit` would replace a live collection with a part of the source."""
    if job.limit is not None and job.sink and (live := job.sink.live_document_count()):
        message = f"the first {counted(job.limit, 'row')} would replace {counted(live, 'live document')}"
        hint = "use --dry-run, engine preview or another target.collection"
        raise DataError(finding("limited_replace", message, hint=hint, file=str(job.mapping.file)))


def refuse_shrunk_replacement(job: Job, sent: Content) -> None:
    """Raises DataError where a live collection would be replaced by none or by too few documents."""
    live, limit = job.sink.live_document_count() if job.sink else 0, job.mapping.shrink_limit
    if live and not sent.count:
        refuse_to_publish_nothing(job, f"the source gives no document, and {live:,} are live")
    if limit.exceeded(live - sent.count, live):
        fewer = f"{live - sent.count:,} fewer, the limit is {limit.of('document')}"
        message = f"{live:,} documents are live, and {sent.count:,} would replace them: {fewer}"
        hint = f"is the source complete? if it is, raise limits.shrink, {or_allow('shrink_limit')}"
        raise DataError(finding("shrink_limit", f"{message}; nothing was published", hint=hint, file=str(job.mapping.file)))


def refuse_to_publish_nothing(job: Job, message: str) -> None:
    """Raises DataError unless that is allowed."""
    if "nothing_to_publish" not in job.allow:
        hint = f"is it the right source, were all rows rejected or filtered? correct it, {or_allow('nothing_to_publish')}"
        raise DataError(finding("nothing_to_publish", f"{message}; {left_behind(job)}", hint=hint, file=str(job.mapping.file)))


def check_limits(job: Job, report: Report) -> None:
    """Raises DataError when rows are not accounted for, when none became a document, or when too many were rejected or duplicates."""
    counts, limit = report.accounting, job.mapping.reject_limit
    rejected = counts.rejected + sum(account.malformed for account in report.secondary)
    rows = counts.rows_read + sum(account.rows_read for account in report.secondary if account.malformed)
    if limit.exceeded(rejected, rows):
        message = f"{rejected:,} of {rows:,} rows were rejected, the limit is {limit.of('row')}; {left_behind(job)}"
        kept = report.rejects_file or "the files named in the notes"
        hint = f"see {kept}, correct the source or the mapping, raise limits.rejects, {or_allow('reject_limit')}"
        raise DataError(finding("reject_limit", message, hint=hint, file=str(job.mapping.file)))
    if job.mapping.duplicate_limit.exceeded(counts.duplicates, counts.rows_read):
        allowed = job.mapping.duplicate_limit.of("row")
        message = f"{counts.duplicates:,} of {counts.rows_read:,} rows are duplicates, the limit is {allowed}; {left_behind(job)}"
        hint = f"does dedup.on identify a row? correct it or the source, raise limits.duplicates, {or_allow('duplicate_limit')}"
        raise DataError(finding("duplicate_limit", message, hint=hint, file=str(job.mapping.file)))
    if counts.rows_read and not counts.documents:
        refuse_to_publish_nothing(job, f"none of {counted(counts.rows_read, 'row')} became a document")
    if not counts.balanced:
        figures = ", ".join(f"{name} {count:,}" for name, count in asdict(counts).items())
        raise DataError(finding("unbalanced", f"the accounting does not balance: {figures}; {left_behind(job)}", hint="please report this"))


def check_matches(job: Job, report: Report, found: Lookout) -> None:
    """Raises DataError where the modes update and delete are about too few or too many live documents; nothing was changed."""
    if job.mapping.target.mode == "update":
        check_unmatched(job, report, found.changes["unmatched"])
        return
    limit, matched, live = job.mapping.deletion_limit, found.changes["matched"], found.live_document_count()
    if limit.exceeded(matched, live):
        message = f"{matched:,} of {live:,} documents would be deleted, the limit is {limit.of('document')}; none was deleted"
        hint = f"is it the right file? if it is, raise limits.deletions, {or_allow('deletion_limit')}"
        raise DataError(finding("deletion_limit", message, hint=hint, file=str(job.mapping.file)))


def check_unmatched(job: Job, report: Report, unmatched: int) -> None:
    """Raises DataError where, in mode update, too many documents of the source match no live one."""
    limit, documents = job.mapping.unmatched_limit, report.accounting.documents
    if job.mapping.target.mode == "update" and limit.exceeded(unmatched, documents):
        message = f"{unmatched:,} of {counted(documents, 'document')} match no live one, the limit is {limit.of('document')}"
        hint = f"is it the right file and collection? if they are, raise limits.unmatched, {or_allow('unmatched_limit')}"
        raise DataError(finding("unmatched_limit", f"{message}; {left_behind(job)}", hint=hint, file=str(job.mapping.file)))


def deletion_read_once(mapping: Mapping) -> DataError:
    """For a source that can be read only once: what would be deleted is counted before the first deletion."""
    message = "standard input can be read only once, and mode delete reads its source twice: what would be deleted is counted first"
    return DataError(finding("read_once", message, hint="save it as a file, and name that as the source", file=str(mapping.file)))


def left_behind(job: Job) -> str:
    """What a failed run leaves, in words."""
    return "the documents that the target accepted are live already" if job.sink and job.sink.writes_live else "nothing was published"
