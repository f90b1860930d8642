"""Files of eight CSV test suites: each is read as Python's strict csv reads it, or is refused in so many words."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from csv_oracle import Record, expected, read

from engine.errors import DataError
from engine.sources.csv import Dialect

FOLDER = Path(__file__).parents[2] / "../shared/corpora/csv_torture"
DELIMITERS = {"tab": "\t", "semicolon": ";", "pipe": "|"}
PREMATURE = {"duplicate_header", "header_nul", "encoding"}
"""Stops that say nothing about the records: Python's csv gives them whatever the header is."""


def index() -> list[dict[str, str]]:
    if not (FOLDER / "INDEX.csv").exists():
        return []
    with (FOLDER / "INDEX.csv").open(newline="") as lines:
        return [entry for entry in csv.DictReader(lines) if (FOLDER / entry["path"]).exists()]


def dialect_of(entry: dict[str, str], data: bytes) -> Dialect:
    tags = entry["tags"].split()
    return Dialect(
        delimiter=next((DELIMITERS[tag] for tag in tags if tag in DELIMITERS), ","),
        encoding="utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8",
        newline="\r" if "cr-only" in tags else "\n",
    )


def text_of(data: bytes, dialect: Dialect) -> str:
    if dialect.encoding == "utf-16":
        return data.decode("utf-16")
    return data.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape")


def outcome(path: Path, dialect: Dialect, block_bytes: int) -> str:
    """`right`, `malformed CODE …` or `stopped CODE`; an assertion where it is none of them."""
    data = path.read_bytes()
    right = expected(text_of(data, dialect), dialect.delimiter)
    try:
        names, records, malformed = read(path, dialect, block_bytes=block_bytes)
    except DataError as error:
        return _stopped(error, path, data, right)
    assert right is not None
    assert [list(names), *records] == [
        [cell.encode(errors="surrogateescape").decode(errors="backslashreplace") for cell in cells] for cells in right
    ]
    ragged = {row for row, cells in enumerate(right[1:], 1) if len(cells) != len(names)}
    invalid = {row for row, cells in enumerate(right[1:], 1) if any("\udc80" <= mark <= "\udcff" for mark in "".join(cells))}
    assert malformed.keys() == ragged | invalid
    return "malformed " + " ".join(sorted({code for code, _ in malformed.values()})) if malformed else "right"


def _stopped(error: DataError, path: Path, data: bytes, right: list[Record] | None) -> str:
    code = error.findings[0].code
    assert all(finding.file == str(path) and finding.message for finding in error.findings)
    assert right is None or code in PREMATURE or (code == "no_header" and not right) or (code == "stray_cr" and b"\r" in data), code
    assert code != "record_too_long"
    return f"stopped {code}"


@pytest.mark.skipif(not index(), reason="no csv_torture corpus beside the repository")
@pytest.mark.parametrize("block_bytes", [1 << 20, 61])
def test_no_file_is_read_wrongly(block_bytes: int) -> None:
    outcomes: Counter[str] = Counter()
    for entry in index():
        path = FOLDER / entry["path"]
        if block_bytes == 61 and path.stat().st_size > 20_000:
            continue
        outcomes[outcome(path, dialect_of(entry, path.read_bytes()), block_bytes)] += 1
    assert outcomes["right"] > 0.6 * outcomes.total()
