"""One pass over a CSV file: regular blocks are read the fast way (`scan`), all others the exact way (`records`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from engine.errors import DataError, finding
from engine.sources import scan
from engine.sources.batch import Batch
from engine.sources.grammar import Fault, Grammar
from engine.sources.records import cells_of_any_length, exact, records
from engine.sources.text import Text, WithoutFooter

MESSAGES = {
    "unclosed_quote": ("a quoted cell begins here and never ends", "set csv.quote: null if quotes mean nothing in this file"),
    "stray_quote": (
        "text after the closing quote of the cell that begins on line {opened}",
        "write a quote inside a quoted cell twice, or set csv.quote: null if quotes mean nothing in this file",
    ),
    "stray_cr": ("a line end of another kind inside an unquoted cell", "quote such a cell"),
    "record_too_long": ("the file has a record of more than {cap} bytes", "is a quote left open on line {opened}?"),
}
OTHER_NEWLINE = {b"\n": "set csv.newline: cr", b"\r": "set csv.newline: lf"}


PIECES = 32
"""A block that is not regular is read in so many pieces, so that one odd record does not send millions the slow way."""


NARROW, BLOCK_PER_COLUMN, WIDEST_BLOCK = 128, 8 << 10, 8 << 20
"""A file of more columns is read in larger blocks: a batch costs a fixed time per column, so a wide one needs rows enough to pay for it."""


class RecordReader:
    """What is read and not yet given out: `buffer[at:]` begins at a record, on physical line `line`.

    `row` counts data records, `counted` other things (see `file.COUNTED`).

    Raises (all methods):
        DataError: the file cannot be read as declared; the finding has its line.
    """

    def __init__(self, text: Text, grammar: Grammar, given: tuple[str, ...] | None, block_bytes: int, record_cap: int) -> None:
        self.text, self.close, self._given = text, text.close, given
        self._source = WithoutFooter(text, grammar.eol, grammar.skip_footer, record_cap) if grammar.skip_footer else text
        self._grammar, self._block, self._cap = grammar, block_bytes, record_cap
        self._buffer, self._at, self._line, self._row, self._final = b"", 0, 1, 1, False
        self._window, self.counted = 0, Counter[str]()

    def header(self) -> tuple[Sequence[str], int]:
        """The names that are given, or the first record that is not blank, with its line. The lines before it are skipped."""
        names, line = self._names()
        if self._grammar.overflow not in (None, *names):
            message = f"there is no column {self._grammar.overflow!r}, which csv.overflow names"
            raise self._stop("overflow_column", message, "correct csv.overflow", line)
        return names, line

    def _names(self) -> tuple[Sequence[str], int]:
        self._pass_over(self._grammar.skip_lines)
        if self._given is not None:
            return self._given, 0
        while self._at < len(self._buffer) or self._more():
            if found := self._first_record():
                if complaint := self._grammar.complaint(found[0]):
                    raise self._stop("encoding", f"in the header: {complaint}", "correct csv.encoding", found[1])
                return found
            self._judge_rest()
            self._more()
        raise DataError(
            finding("no_header", "the file has no header line", hint="set csv.names if it should have none", file=self.text.name)
        )

    def _pass_over(self, lines: int) -> None:
        while lines:
            end = self._buffer.find(self._grammar.eol, self._at) + 1
            self._consume((end or len(self._buffer)) - self._at)
            lines -= bool(end)
            if not end and not self._more():
                message = f"the file has fewer lines than the {self._grammar.skip_lines} to be skipped"
                raise self._stop("preamble", message, "correct csv.skip_lines", self._line)

    @property
    def position(self) -> int:
        """Bytes of the file on disk read so far."""
        return self.text.position

    @property
    def sha256(self) -> str:
        """Of the bytes on disk."""
        return self.text.sha256

    @property
    def identity(self) -> tuple[int, ...]:
        """That of the opened file."""
        return self.text.identity

    def batches(self, names: tuple[str, ...]) -> Iterator[Batch]:
        """Everything that follows."""
        self._block = max(self._block, min(WIDEST_BLOCK, (len(names) - NARROW) * BLOCK_PER_COLUMN))
        while self._at < len(self._buffer) or self._more():
            try:
                batch, used = self._next(names)
            except Fault as fault:
                raise self._error(fault) from None
            self._consume(used)
            if batch.frame.height or batch.malformed:
                yield batch
            if not used:
                self._judge_rest()
                self._more()

    @cells_of_any_length()
    def _first_record(self) -> tuple[list[str], int] | None:
        blank = 0
        try:
            for cells, start, end in records(self._buffer[self._at :], self._grammar):
                if cells:
                    line = self._line_at(start)
                    self._consume(end)
                    return cells, line
                blank = end
                self.counted["comments"] += self._grammar.comments(self._buffer, self._at + start)
        except Fault as fault:
            raise self._error(fault) from None
        self._consume(blank)
        return None

    def _more(self) -> bool:
        """Read on, at least as much again as is held, so that a long record is not scanned often. False at the end of all."""
        rest = self._buffer[self._at :]
        try:
            data = self._source.read(max(self._block, len(rest)))
        except UnicodeError as error:
            raise self._undecodable(error) from None
        if not data and not self._final:
            self._final = True
            data = self._grammar.eol if rest and not rest.endswith(self._grammar.eol) else b""
        self._buffer, self._at, self._window = rest + data, 0, 2 * self._block
        return bool(self._buffer)

    def _next(self, names: tuple[str, ...]) -> tuple[Batch, int]:
        """The next records and their bytes; none where the buffer holds no complete one."""
        data = self._buffer[self._at : self._at + self._window]
        if found := scan.read(data, self._grammar, names, self._row, self._cap):
            self._window *= 2
            self._row += found.frame.height
            self.counted["repaired"] += found.repaired
            return Batch(found.frame), found.used
        piece = self._block // PIECES + 1
        if self._window > piece:
            self._window = piece
            return self._next(names)
        block = exact(data, self._grammar, names, self._row, self._cap)
        if not block.used:
            block = exact(self._buffer[self._at :], self._grammar, names, self._row, self._cap)
        self._row += block.records
        self.counted += block.counted
        return block.batch, block.used

    def _consume(self, size: int) -> None:
        self._line, self._at = self._line_at(size), self._at + size

    def _judge_rest(self) -> None:
        """The rest of the buffer begins with a record that is not complete. It must become so within the cap, and within the file."""
        rest = self._buffer[self._at :]
        if not rest or not (self._final or len(rest) > self._cap):
            return
        fault = self._grammar.fault(rest, 0)
        if fault is None or (fault.code == "unclosed_quote" and len(rest) > self._cap):
            opened = fault.opened if fault else 0
            fault = Fault("record_too_long", opened, opened)
        raise self._error(fault)

    def _error(self, fault: Fault) -> DataError:
        """What the user reads about a fault in the buffer."""
        message, hint = MESSAGES[fault.code]
        if fault.code == "stray_cr" and self._grammar.eol not in self._buffer[self._at : -1]:
            hint = OTHER_NEWLINE[self._grammar.eol]
        words = {"opened": self._line_at(fault.opened), "cap": self._cap}
        return self._stop(fault.code, message.format(**words), hint.format(**words), self._line_at(fault.at))

    def _undecodable(self, error: UnicodeError) -> DataError:
        line = self._line_at(len(self._buffer) - self._at)
        if isinstance(error, UnicodeDecodeError):
            line += error.object[: error.start].decode(error.encoding, "ignore").count(self._grammar.eol.decode())
        return self._stop("encoding", "bytes that are invalid in the declared encoding", "correct csv.encoding", line)

    def _line_at(self, offset: int) -> int:
        return self._line + self._buffer.count(self._grammar.eol, self._at, self._at + offset)

    def _stop(self, code: str, message: str, hint: str, line: int) -> DataError:
        return DataError(finding(code, message, hint=hint, file=self.text.name, line=line))
