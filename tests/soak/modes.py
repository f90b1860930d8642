"""What the soak loads: files of two versions that overlap, a mapping for each mode, and the documents that a run must leave."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAPPING = """
mapping: stays
source: {{path: stays.csv}}
target: {{database: {database}, collection: stays, mode: {mode}{key}}}
fields:
  {identity}: {{column: Number, type: int, required: true}}
  version: Version
  patient.name: Name
  billing.amount: {{column: Amount, type: double}}
  note: Note
limits: {limits}
validation: {{additional: true}}
indexes:
  by_amount: {{keys: {{billing.amount: 1}}}}
  {by_key}
"""
SHIFT = 20  # one in so many numbers of a version is not in the other
Expected = dict[int, int]  # what the collection holds: version by number


@dataclass(frozen=True)
class Mode:
    """One mode. `after` says what a run of a version makes of a collection; `shared`: others write into the live collection too.

    `mode` is that of the mapping; `key`: documents are matched by their number, `_id`s are others'.
    """

    mode: str
    after: Callable[[Expected, Expected], Expected]
    limits: tuple[str, ...] = ()
    shared: bool = True
    key: bool = False

    @property
    def atomic(self) -> bool:
        """Whether readers see one version only."""
        return self.mode == "replace"

    def mapping(self, folder: Path, database: str, mode: str = "") -> Path:
        """The mapping file, of this mode or of another on the same documents."""
        file = folder / f"{mode or self.mode}.yaml"
        limits = self.limits if not mode else ()
        text = MAPPING.format(
            database=database,
            mode=mode or self.mode,
            key=", key: [number]" if self.key else "",
            identity="number" if self.key else "_id",
            by_key="by_number: {keys: {number: 1}, unique: true}" if self.key else "",
            limits="{" + ", ".join(f"{name}: 100%" for name in ("rejects", *limits)) + "}",
        )
        file.write_text(text, encoding="utf-8")
        return file


MODES = {
    "replace": Mode("replace", lambda _, file: file, ("shrink",), shared=False),
    "sync": Mode("sync", lambda _, file: file, ("deletions",), shared=False),
    "upsert": Mode("upsert", lambda live, file: live | file),
    "append": Mode("append", lambda live, file: file | live),
    "update": Mode("update", lambda live, file: live | {number: file[number] for number in file.keys() & live.keys()}, ("unmatched",)),
    "delete": Mode("delete", lambda live, file: {n: v for n, v in live.items() if n not in file}, ("deletions",)),
    "upsert by key": Mode("upsert", lambda live, file: live | file, key=True),
}


def numbers(version: int, rows: int) -> range:
    """The numbers in the file of a version: every second version begins later."""
    first = version % 2 * (rows // SHIFT)
    return range(first, first + rows)


def document(number: int, version: int) -> dict[str, Any]:
    """What becomes of a row, without its identity: each value names the version, so that a mixture shows in each document."""
    name = f"Patient {number} of version {version}"
    return {"version": f"v{version}", "patient": {"name": name}, "billing": {"amount": number + version / 100}, "note": name * 5}


def write(file: Path, version: int, rows: int) -> Expected:
    """The file of a version; returns its numbers."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(["Number", "Version", "Name", "Amount", "Note"])
        lines.writerows(_cells(version, rows))
    return dict.fromkeys(numbers(version, rows), version)


def _cells(version: int, rows: int) -> Iterator[list[Any]]:
    for number in numbers(version, rows):
        made = document(number, version)
        yield [number, made["version"], made["patient"]["name"], made["billing"]["amount"], made["note"]]


def is_whole(found: dict[str, Any], number: int) -> bool:
    """Whether a document is what a row of some version makes, as far as the mapping's own fields go."""
    version = int(found.get("version", "v-1")[1:])
    return {name: found.get(name) for name in document(number, version)} == document(number, version)
