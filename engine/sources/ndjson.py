"""NDJSON files (JSON Lines): one JSON object a line, in UTF-8; its members are the cells.

A text is itself, a number keeps its digits, true and false are those words, an object or array is its JSON text, unchanged. A member
that is null or missing is an empty cell. The columns are the members of all lines, in the order in which they first occur, so that a file
is read twice; standard input is kept in a temporary file for that.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from json.decoder import scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

import polars as pl

from engine.errors import DataError, finding
from engine.sources.batch import Batch, Malformed
from engine.sources.disk import size_on_disk
from engine.sources.file import File
from engine.sources.grammar import INVALID, escaped
from engine.sources.names import ROW
from engine.sources.text import Text

NOT_JSON = "the line is not a JSON object"
TWICE = "the name of a member occurs twice in an object"
WORDS = {None: "", True: "true", False: "false"}
BLANKS = " \t\r\n"
BLANKS_BYTES = BLANKS.encode()
BLANK, COLON, COMMA = (re.compile(rf"[{BLANKS}]*{mark}[{BLANKS}]*") for mark in ("", ":", ",?"))
HALF = re.compile(r"\\u[dD][89a-fA-F]")  # a half of a character; two of them may be a whole one
NESTED = (dict, list)


class NotJson(ValueError):  # noqa: N818 - caught here, and reported as a malformed record
    """A line that cannot be a row: why, without its text."""

    def __init__(self, message: str = NOT_JSON, code: str = "not_json") -> None:
        super().__init__(message)
        self.message, self.code = message, code


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson(TWICE)
    return found


def _refuse(_: str) -> None:
    raise NotJson  # NaN and Infinity are Python's


_decoder = json.JSONDecoder(object_pairs_hook=_distinct, parse_float=str, parse_int=str, parse_constant=_refuse)
SCAN: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]


def members(data: bytes) -> tuple[dict[str, Any], str]:
    """The members of the object that a line without blanks around it is, numbers as texts; and the line. Raises NotJson."""
    try:
        line = data.decode()
        found, end = SCAN(line, 0)
    except UnicodeDecodeError:
        raise NotJson("bytes that are invalid in UTF-8", "encoding") from None
    except NotJson:
        raise
    except (ValueError, StopIteration, RecursionError):
        raise NotJson from None
    if end != len(line) or not isinstance(found, dict):
        raise NotJson
    if HALF.search(line) and any(INVALID.search(text) for text in (*found, *found.values()) if isinstance(text, str)):
        raise NotJson("an escape for half a character", "encoding")
    return found, line


def cells_of(data: bytes) -> dict[str, str]:
    """The cells of a line by name. Raises NotJson."""
    found, line = members(data)
    texts: dict[str, str] = {}
    for value in found.values():
        if isinstance(value, NESTED):
            texts = _texts(line)
            break
    return {name: value if isinstance(value, str) else texts[name] if isinstance(value, NESTED) else WORDS[value]
            for name, value in found.items()}  # fmt: skip


def _texts(line: str) -> dict[str, str]:
    """The JSON text of each member of the object that the line is."""
    found: dict[str, str] = {}
    at = _past(BLANK, line, 1)
    while line[at] != "}":
        name, at = scanstring(line, at + 1)
        at = _past(COLON, line, at)
        _, end = SCAN(line, at)
        found[name] = line[at:end]
        at = _past(COMMA, line, end)
    return found


def _past(pattern: re.Pattern[str], line: str, at: int) -> int:
    found = pattern.match(line, at)
    assert found is not None
    return found.end()


class NdjsonPass:
    """One reading of a file, in fact two if the names of its columns are not known yet."""

    def __init__(self, path: Path | str, member: str | None, known: tuple[str, ...] | None, block_bytes: int, record_cap: int) -> None:
        self._path, self._member, self._known = path, member, known
        self._block, self._cap = block_bytes, record_cap
        self._text = Text(path, member=member)
        self._spool: BinaryIO | None = None
        self.counted = Counter[str]()

    @property
    def position(self) -> int:
        """Bytes of the file on disk read so far."""
        return self._text.position

    @property
    def sha256(self) -> str:
        """Of the bytes on disk."""
        return self._text.sha256

    @property
    def identity(self) -> tuple[int, ...]:
        """That of the opened file."""
        return self._text.identity

    def close(self) -> None:
        """Let go of the file, and of what was kept of standard input."""
        self._text.close()
        if self._spool:
            self._spool.close()

    def header(self) -> tuple[Sequence[str], int]:
        """The members of all lines, in the order in which they first occur. A line that is not a record has none."""
        if self._known is not None:
            return self._known, 0
        if size_on_disk(self._path) is None:
            self._spool = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed with the pass
        found: dict[str, Any] = {}
        for lines in self._lines(self._spooled if self._spool else self._text.read):
            for line in lines:
                with suppress(NotJson):
                    found.update(members(line)[0])
        if self._spool:
            self._spool.seek(0)
        else:
            self._text.close()
            self._text = Text(self._path, member=self._member)
        return tuple(found), 0

    def batches(self, names: tuple[str, ...]) -> Iterator[Batch]:
        """The rows, block by block."""
        row = 1
        for lines in self._lines(self._spool.read if self._spool else self._text.read):
            batch = self._batch(lines, names, row)
            row += len(lines)
            yield batch

    def _batch(self, lines: list[bytes], names: tuple[str, ...], first: int) -> Batch:
        rows: list[dict[str, str]] = []
        numbers: list[int] = []
        malformed: list[Malformed] = []
        for row, line in enumerate(lines, first):
            try:
                rows.append(cells_of(line))
                numbers.append(row)
            except NotJson as error:
                shown = escaped(line.decode("utf-8", "surrogateescape"))
                malformed.append(Malformed(row, error.code, error.message, (*[""] * len(names), shown)))
        self._expect(names, rows)
        columns = {name: pl.Series([row.get(name, "") for row in rows], dtype=pl.String) for name in names}
        return Batch(pl.DataFrame(columns | {ROW: pl.Series(numbers, dtype=pl.Int64)}), tuple(malformed))

    def _expect(self, names: tuple[str, ...], rows: list[dict[str, str]]) -> None:
        if not set().union(*rows) <= set(names):
            message = "the file changed while it was read: it has members that it did not have before"
            raise DataError(finding("source_changed", message, hint="run again when nothing writes to it", file=str(self._path)))

    def _spooled(self, size: int) -> bytes:
        data = self._text.read(size)
        assert self._spool is not None
        self._spool.write(data)
        return data

    def _lines(self, read: Callable[[int], bytes]) -> Iterator[list[bytes]]:
        """The lines that are not blank, some at a time, without the blanks around them."""
        rest, line = b"", 1
        while data := read(max(self._block, len(rest))):
            *lines, rest = (rest + data).split(b"\n")
            line += len(lines)
            if len(rest) > self._cap:
                message = f"the file has a line of more than {self._cap} bytes"
                raise DataError(finding("record_too_long", message, hint="check that the file is NDJSON", file=str(self._path), line=line))
            if found := [bare for line in lines if (bare := line.strip(BLANKS_BYTES))]:
                yield found
        if bare := rest.strip(BLANKS_BYTES):
            yield [bare]


class NdjsonFile(File):
    """One NDJSON file; the sizes are those of `CsvFile`."""

    sparse: ClassVar[bool] = True

    def __init__(self, path: Path | str, member: str | None = None, *, block_bytes: int = 2 << 20, record_cap: int = 32 << 20) -> None:
        super().__init__(path)
        self._member, self._sizes = member, (block_bytes, record_cap)

    def open(self) -> NdjsonPass:
        """Begin to read. The names of a file are not looked for a second time: it must be the same."""
        return NdjsonPass(self.path, self._member, self._header, *self._sizes)
