"""Which encoding a file has. All of its bytes are read; an encoding other than UTF-8 can only be proposed, and the evidence says so."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from engine.errors import DataError, finding
from engine.sources.text import Text

BLOCK = SAMPLE_BYTES = 1 << 20
MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
CONTROLS = frozenset(range(0x80, 0xA0))  # in latin-1 control characters, which texts do not have; in cp1252 quotes, dashes, the euro sign
UNDEFINED = frozenset({0x81, 0x8D, 0x8F, 0x90, 0x9D})  # in cp1252


@dataclass(frozen=True)
class Encoded:
    """The encoding by Python's name, the evidence, and the decoded beginning of the file; `whole` where that is the whole file."""

    name: str
    why: str
    sample: str
    whole: bool


def encoding_of(path: Path) -> Encoded:
    """The encoding of a file, and its decoded beginning.

    Raises:
        DataError: the file does not exist, cannot be read, or is not a text file.
    """
    mark = _mark(path)
    if mark:
        return Encoded(mark, f"{mark}: the file begins with its byte order mark", *_beginning(path, mark))
    high, invalid, line, sample, whole = _survey(path)
    if sample[:4].count(0) > 1:  # every other byte of the first characters
        name = "utf-16-le" if sample[1] == 0 else "utf-16-be"
        return Encoded(name, f"{name}: every other byte is NUL", *_beginning(path, name))
    if b"\0" in sample:
        raise DataError(
            finding("no_text", "the file holds NUL bytes: it is not a text file", hint="is it a spreadsheet or a database?", file=str(path))
        )
    name, why = _single(high, line) if invalid else ("utf-8", "")
    return Encoded(name, why, sample.decode(name, "ignore"), whole)


def _single(high: frozenset[int], line: int) -> tuple[str, str]:
    """A single-byte encoding for a file that is not UTF-8, and why."""
    quotes = high & CONTROLS
    name = "cp1252" if quotes and not quotes & UNDEFINED else "latin-1"
    seen = (
        f"{len(quotes)} of its byte values are characters in cp1252 only"
        if name == "cp1252"
        else "its bytes mean the same in latin-1 and cp1252"
    )
    if quotes & UNDEFINED:
        seen = "cp1252 does not define all of its bytes"
    why = f"PROPOSED, NOT KNOWN: not UTF-8 (line {line}), and {seen}; LOOK at the accents (engine preview) before you trust it"
    return name, why


def _mark(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError:
        return ""  # the reader says what is wrong
    return next((name for mark, name in MARKS if head.startswith(mark)), "")


def _survey(path: Path) -> tuple[frozenset[int], bool, int, bytes, bool]:
    """Bytes above ASCII, whether and in which line UTF-8 is broken, the first bytes, and whether these are all."""
    text = Text(path, None)
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    high: set[int] = set()
    sample, size, line, invalid = b"", 0, 1, False
    try:
        while block := text.read(BLOCK):
            sample = sample or block
            size += len(block)
            if invalid or not block.isascii():
                high.update(block)
            if not invalid:
                try:
                    decoder.decode(block)
                    line += block.count(b"\n")
                except UnicodeDecodeError as error:
                    invalid, line = True, line + block.count(b"\n", 0, error.start)
        invalid = invalid or bool(decoder.getstate()[0])
    finally:
        text.close()
    return frozenset(byte for byte in high if byte >= 0x80), invalid, line, sample, size <= len(sample)  # noqa: PLR2004 - the end of ASCII


def _beginning(path: Path, name: str) -> tuple[str, bool]:
    text = Text(path, name)
    try:
        sample = text.read(SAMPLE_BYTES)
        return sample.decode("utf-8", "replace"), not text.read(1)
    except UnicodeError:
        raise DataError(finding("encoding", f"the file is not valid {name}", hint="convert it to UTF-8", file=str(path))) from None
    finally:
        text.close()
