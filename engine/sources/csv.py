"""CSV files, read strictly, in blocks."""

from __future__ import annotations

from pathlib import Path

from engine.mapping.model import Dialect
from engine.sources.file import File
from engine.sources.grammar import compile_dialect
from engine.sources.reading import RecordReader
from engine.sources.text import Text

__all__ = ["CsvFile", "Dialect"]


class CsvFile(File):
    """One CSV file.

    Blank lines (nothing between two line ends) are not records, not even in a file of one column; nor are comments. The last line needs
    no line end. `block_bytes` is about what is held in memory and makes a batch; `record_cap` is the most bytes that one record may have.
    """

    def __init__(
        self, path: Path | str, dialect: Dialect, member: str | None = None, *, block_bytes: int = 2 << 20, record_cap: int = 32 << 20
    ) -> None:
        super().__init__(path)
        self._member, self._names = member, dialect.names
        self._sizes = block_bytes, record_cap
        self._grammar = compile_dialect(dialect)

    def open(self) -> RecordReader:
        """Begin to read."""
        return RecordReader(Text(self.path, self._grammar.codec, self._member), self._grammar, self._names, *self._sizes)
