"""Where rows come from, and how their files are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written. `names` are given when the file has no header line; `quote` is None when quoting is off.

    `skip_lines` and `skip_footer` are lines before the header and at the end that are no part of the table, `comment` is how others begin
    that are none. In a `ragged` file a row may end early: the cells that it lacks are empty. `overflow` is the column that a row with too
    many cells has them from, as delimiters in it are not quoted.
    """

    delimiter: str = ","
    quote: str | None = '"'
    encoding: str = "utf-8"
    names: tuple[str, ...] | None = None
    newline: str = "\n"
    skip_lines: int = 0
    skip_footer: int = 0
    comment: str | None = None
    ragged: bool = False
    overflow: str | None = None


FORMATS: dict[str, tuple[str, ...]] = {"csv": (".csv", ".tsv"), "ndjson": (".ndjson", ".jsonl"), "parquet": (".parquet",)}
"""Formats of files, and how the names of such files end."""
COMPRESSIONS = GZIP, ZSTANDARD, ZIP = (".gz", ".zst", ".zip")
"""How the names of compressed files end."""


def format_of(name: str) -> str:
    """The format of a file by its name, the end of a compressed one's taken off; CSV where the name does not tell."""
    plain = name.lower()
    plain = next((plain.removesuffix(end) for end in COMPRESSIONS if plain.endswith(end)), plain)
    return next((kind for kind, ends in FORMATS.items() if plain.endswith(ends)), "csv")


@dataclass(frozen=True)
class Source:
    """Where rows come from: files, or patterns of their names.

    `format` is one of FORMATS, or told by the names; `member` is the file that is meant in a ZIP archive.
    """

    paths: tuple[str, ...]
    dialect: Dialect = Dialect()
    null_values: tuple[str, ...] = ("",)
    missing: str = "fail"
    extra: str = "warn"
    format: str | None = None
    member: str | None = None

    @property
    def path(self) -> str:
        """All paths, for messages."""
        return ", ".join(self.paths)

    def format_of(self, path: str) -> str:
        """The format of one of its files."""
        inside = self.member if path.lower().endswith(ZIP) else None
        return self.format or format_of(inside or path)
