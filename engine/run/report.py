"""What a run did, as data: the accounting, the reasons, the stages. Contains no cell values."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from engine.mongo.records import Accounting, Outcome, Reason, reasons_as_plain
from engine.run.rowranges import RowRanges

__all__ = ["Accounting", "Outcome", "Reason", "Report", "SecondaryAccount"]


@dataclass(frozen=True)
class SecondaryAccount:
    """What became of the rows of a secondary source, which arrays and lookups read.

    `embedded` are in documents; `left_out` belong to documents that were not stored, were dropped as
    bad elements, or have no value; `orphans` belong to no document; `malformed` are malformed records.
    Rows of a source that only lookups read are `looked_up`.
    """

    source: str
    rows_read: int
    embedded: int
    left_out: int
    orphans: int
    malformed: int
    looked_up: int


@dataclass
class Report:
    """What one run did. `stages` are wall seconds by stage.

    `checksum` is the content checksum of the live collection as read back after the run, `live_documents` its count. In modes that write
    into a live collection, `changes` counts documents inserted, updated, unchanged, deleted, and written `before` by the resumed run.
    """

    run_id: str
    mapping: str
    version: int
    source: str
    target: str
    outcome: Outcome = Outcome.RUNNING
    accounting: Accounting = field(default_factory=Accounting)
    secondary: list[SecondaryAccount] = field(default_factory=list)
    rejects: Counter[Reason] = field(default_factory=Counter)
    warnings: Counter[Reason] = field(default_factory=Counter)
    nulled: Counter[Reason] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    rejects_file: str = ""
    rejected_rows: RowRanges = field(default_factory=RowRanges)
    checksum: str = ""
    live_documents: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    peak_memory_mb: float = 0.0

    @property
    def rows_per_second(self) -> int:
        """Rows read per second of the whole run."""
        return round(self.accounting.rows_read / self.seconds) if self.seconds else 0

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json` and the ledger."""
        shown = [field.name for field in fields(self) if field.name != "rejected_rows"]
        plain = {name: getattr(self, name) for name in shown} | {"rows_per_second": self.rows_per_second}
        for name, value in plain.items():
            if isinstance(value, Counter):
                plain[name] = reasons_as_plain(value)
        accounts = {"accounting": asdict(self.accounting), "secondary": [asdict(account) for account in self.secondary]}
        return plain | accounts | {"outcome": self.outcome.value}
