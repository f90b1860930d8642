"""`source`: where the rows come from, and how they are written."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.semantics.scope import Place, Raw, Scope
from engine.values.keys import read

ENCODINGS = ("utf-8", "utf-16", "latin-1", "cp1252")
RANGE = re.compile(r"\{([0-9]+)\.\.([0-9]+)\}")
MOST_NAMES = 10_000


def read_source(scope: Scope, where: Place, raw: Raw) -> model.Source:
    """The source at `where`."""
    dialect = _dialect(scope, (*where, "csv"), raw.get("csv", {}))
    source = read(model.Source, raw, dialect=dialect, mapping_file=scope.tree.file, line=scope.line((*where, "path")))
    if source.member is not None and not any(path.lower().endswith(model.ZIP) for path in source.paths):
        scope.report(
            (*where, "member"), "no_effect", "member applies only to ZIP archives, whose names end in .zip", "remove member", at_key=True
        )
    formats = sorted({source.format_of(path) for path in source.paths})
    if "csv" in raw and "csv" not in formats:
        message = f"csv describes CSV files, but the format is {' and '.join(formats)}"
        scope.report((*where, "csv"), "no_effect", message, "remove csv", at_key=True)
    return source


def _dialect(scope: Scope, where: Place, raw: Raw) -> model.Dialect:
    names = _names(scope, (*where, "names"), raw["names"]) if "names" in raw else None
    dialect = read(model.Dialect, raw, names=names)
    for name, message in _wrong_marks(dialect):
        scope.report((*where, name), "not_allowed", message)
    try:
        codecs.lookup(dialect.encoding)
    except LookupError:
        hint = suggest(dialect.encoding, ENCODINGS) or f"for example {', '.join(ENCODINGS)}"
        scope.report((*where, "encoding"), "unknown_value", f"unknown encoding {dialect.encoding}", hint)
    return dialect


def _wrong_marks(dialect: model.Dialect) -> Iterator[tuple[str, str]]:
    """Marks that cannot be distinguished: the key and a message."""
    if dialect.delimiter in "\r\n\0":
        yield "delimiter", "the delimiter cannot be a line end or NUL"
    if dialect.quote is not None and (not dialect.quote.isascii() or dialect.quote in "\r\n\0"):
        yield "quote", "the quote must be one ASCII character, and not a line end or NUL"
    if dialect.delimiter == dialect.quote:
        yield "quote", "delimiter and quote are the same character"
    used = {dialect.delimiter, dialect.quote, "\r", "\n", "\0"}
    if dialect.comment is not None and used & set(dialect.comment):
        yield "comment", "the comment prefix cannot contain a delimiter, a quote or a line end"


def _names(scope: Scope, where: Place, raw: Sequence[str]) -> tuple[str, ...]:
    names = [name for text in raw for name in _expanded(text)]
    if len(names) > MOST_NAMES or len(set(names)) < len(names):
        scope.report(where, "not_allowed", f"the names must differ, and be at most {MOST_NAMES:,}; there are {len(names):,}")
    return tuple(names)


def _expanded(text: str) -> Iterator[str]:
    """`item{1..3}` is item1, item2, item3. A range that is too long is cut; it is refused afterwards."""
    found = RANGE.search(text)
    if not found:
        yield text
        return
    first, last = int(found[1]), int(found[2])
    for number in range(first, min(last, first + MOST_NAMES) + 1):
        yield f"{text[: found.start()]}{number}{text[found.end() :]}"
