"""What a run did, as data: the accounting, the reasons, the stages. Holds no cell value."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class Accounting:
    """Where each row ended. The law: rows_read = documents + grouped + duplicates + rejected + filtered.

    `grouped` are rows that went into the document of the first one of their group.
    """

    rows_read: int = 0
    documents: int = 0
    grouped: int = 0
    duplicates: int = 0
    rejected: int = 0
    filtered: int = 0

    @property
    def balanced(self) -> bool:
        """Whether the law holds."""
        return self.rows_read == self.documents + self.grouped + self.duplicates + self.rejected + self.filtered


@dataclass(frozen=True)
class Other:
    """Where the rows of another source ended, one that arrays and lookups read.

    `embedded` are in documents, `left_out` belong to documents that were not stored, were dropped as
    bad elements, or hold no value; `orphans` belong to none, `malformed` are no rows. Rows of a
    source that only lookups read are `looked_up`.
    """

    source: str
    rows_read: int
    embedded: int
    left_out: int
    orphans: int
    malformed: int
    looked_up: int


@dataclass(frozen=True, order=True)
class Reason:
    """Why rows were rejected, noted or had a value left out: a code, the path or column it is about, and the rule in words."""

    code: str
    path: str
    message: str


@dataclass
class Report:
    """The record of one run. `stages` are wall seconds by stage.

    `checksum` is that of what the live collection holds after it, as read back, `live_documents` its count. `changes`, in the modes that
    write into a live collection, counts documents inserted, updated, unchanged, deleted, and written before by a run that this one resumes.
    """

    run_id: str
    mapping: str
    version: int
    source: str
    target: str
    outcome: str = "running"
    accounting: Accounting = field(default_factory=Accounting)
    others: list[Other] = field(default_factory=list)
    rejects: Counter[Reason] = field(default_factory=Counter)
    warnings: Counter[Reason] = field(default_factory=Counter)
    nulled: Counter[Reason] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    rejects_file: str = ""
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
        plain = {one.name: getattr(self, one.name) for one in fields(self)} | {"rows_per_second": self.rows_per_second}
        for name, value in plain.items():
            if isinstance(value, Counter):
                plain[name] = [{**asdict(reason), "rows": rows} for reason, rows in value.most_common()]
        return plain | {"accounting": asdict(self.accounting), "others": [asdict(one) for one in self.others]}
