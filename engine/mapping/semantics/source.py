"""`source`: where the rows come from, and how they are written."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.semantics.scope import Place, Raw, Scope

ENCODINGS = ("utf-8", "utf-16", "latin-1", "cp1252")
RANGE = re.compile(r"\{([0-9]+)\.\.([0-9]+)\}")
MOST_NAMES = 10_000


def read_source(scope: Scope, where: Place, raw: Raw) -> model.Source:
    """The source that stands at `where`."""
    columns = raw.get("columns", {})
    paths = (raw["path"],) if isinstance(raw["path"], str) else tuple(raw["path"])
    if "member" in raw and not any(path.lower().endswith(".zip") for path in paths):
        scope.report((*where, "member"), "no_effect", "member is for ZIP archives, known by their name", "remove member", at_key=True)
    source = model.Source(
        paths=paths,
        dialect=_dialect(scope, (*where, "csv"), raw.get("csv", {})),
        null_values=tuple(raw.get("null_values", [""])),
        missing=columns.get("missing", "fail"),
        extra=columns.get("extra", "warn"),
        format=raw.get("format"),
        member=raw.get("member"),
    )
    formats = sorted({source.format_of(path) for path in paths})
    if "csv" in raw and "csv" not in formats:
        message = f"csv says how CSV files are written, the format is {' and '.join(formats)}"
        scope.report((*where, "csv"), "no_effect", message, "remove csv", at_key=True)
    return source


def _dialect(scope: Scope, where: Place, raw: Raw) -> model.Dialect:
    dialect = model.Dialect(
        delimiter=raw.get("delimiter", ","),
        quote=raw.get("quote", '"'),
        encoding=raw.get("encoding", "utf-8"),
        names=_names(scope, (*where, "names"), raw["names"]) if "names" in raw else None,
        newline={"lf": "\n", "cr": "\r"}[raw.get("newline", "lf")],
        skip_lines=raw.get("skip_lines", 0),
        skip_footer=raw.get("skip_footer", 0),
        comment=raw.get("comment"),
        ragged=raw.get("ragged", False),
        overflow=raw.get("overflow"),
    )
    for name, message in _wrong_marks(dialect):
        scope.report((*where, name), "not_allowed", message)
    try:
        codecs.lookup(dialect.encoding)
    except LookupError:
        hint = suggest(dialect.encoding, ENCODINGS) or f"for example {ENCODINGS}"
        scope.report((*where, "encoding"), "unknown_value", "unknown encoding", hint)
    return dialect


def _wrong_marks(dialect: model.Dialect) -> Iterator[tuple[str, str]]:
    """What cannot be told apart: the key and a message."""
    if dialect.delimiter in "\r\n\0":
        yield "delimiter", "the delimiter must be no line end"
    if dialect.quote is not None and (not dialect.quote.isascii() or dialect.quote in "\r\n\0"):
        yield "quote", "the quote must be one ASCII character, no line end"
    if dialect.delimiter == dialect.quote:
        yield "quote", "delimiter and quote are the same character"
    used = {dialect.delimiter, dialect.quote, "\r", "\n", "\0"}
    if dialect.comment is not None and used & set(dialect.comment):
        yield "comment", "what begins a comment must hold no delimiter, no quote and no line end"


def _names(scope: Scope, where: Place, raw: Sequence[str]) -> tuple[str, ...]:
    names = [name for text in raw for name in _expanded(text)]
    if len(names) > MOST_NAMES or len(set(names)) < len(names):
        scope.report(where, "not_allowed", f"the names must differ, and be at most {MOST_NAMES:,}; they are {len(names):,}")
    return tuple(names)


def _expanded(text: str) -> Iterator[str]:
    """`item{1..3}` is item1, item2, item3. A range without an end in sight is cut: it is refused afterwards."""
    found = RANGE.search(text)
    if not found:
        yield text
        return
    first, last = int(found[1]), int(found[2])
    for number in range(first, min(last, first + MOST_NAMES) + 1):
        yield f"{text[: found.start()]}{number}{text[found.end() :]}"
