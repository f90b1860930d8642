"""Where rows come from, and how their files are written."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Annotated, Literal

from engine.values.keys import At, key

NEWLINES = {"lf": "\n", "cr": "\r"}
Missing = Literal["fail", "null"]
Extra = Literal["fail", "warn", "ignore"]


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written. `names` are given when the file has no header line; `quote` is None when quoting is off."""

    delimiter: Annotated[str, key("The character between cells; any single character.", ";", minLength=1, maxLength=1)] = ","
    quote: Annotated[
        str | None,
        key("The character around cells that hold delimiters or line ends; null turns quoting off.", None, type=["string", "null"],
            minLength=1, maxLength=1),
    ] = '"'  # fmt: skip
    encoding: Annotated[str, key("The file's encoding, by its name in Python. It is never guessed.", "latin-1")] = "utf-8"
    names: Annotated[
        tuple[str, ...] | None,
        key("Column names, for a file without a header line; `item{1..32}` is item1, item2 and so on.", ["id", "item{1..32}"],
            minItems=1, uniqueItems=True),
    ] = None  # fmt: skip
    newline: Annotated[
        str,
        key("How lines end: lf (also CRLF) or cr (old Macintosh files).", "cr", enum=list(NEWLINES), default="lf"),
        NEWLINES.__getitem__,
    ] = NEWLINES["lf"]
    skip_lines: Annotated[
        int, key("Lines before the header that are not part of the table, blank ones too.", 4, minimum=0)
    ] = 0  # fmt: skip
    skip_footer: Annotated[
        int, key("Lines at the end of the file that are not part of the table, blank ones too.", 2, minimum=0, maximum=1000)
    ] = 0  # fmt: skip
    comment: Annotated[
        str | None,
        key("Lines that begin with this text are skipped, unless a quoted cell continues in them.", "#", minLength=1, maxLength=10),
    ] = None
    ragged: Annotated[
        bool,
        key("true: a row may end early, and the cells it lacks are empty. false: it is rejected, like one with too many.", True),
    ] = False  # fmt: skip
    overflow: Annotated[
        str | None,
        key("The column that may contain unquoted delimiters. A row's surplus cells are joined into it, with the delimiter, "
            "and the row is counted; if one of these cells is quoted, the row is rejected.", "shipAddress"),
    ] = None  # fmt: skip


FORMATS: dict[str, tuple[str, ...]] = {"csv": (".csv", ".tsv"), "ndjson": (".ndjson", ".jsonl"), "parquet": (".parquet",)}
"""Formats of files, and how the names of such files end."""
COMPRESSIONS = GZIP, ZSTANDARD, ZIP = (".gz", ".zst", ".zip")
"""How the names of compressed files end."""


def format_of(name: str) -> str:
    """The format of a file by its name, without the suffix of a compression; CSV where the name does not tell."""
    plain = name.lower()
    plain = next((plain.removesuffix(end) for end in COMPRESSIONS if plain.endswith(end)), plain)
    return next((kind for kind, ends in FORMATS.items() if plain.endswith(ends)), "csv")


@dataclass(frozen=True)
class Source:
    """Where rows come from: files, or patterns of their names. Without `format`, the names tell it.

    `line` is where the mapping names them, in `mapping_file`; that is empty where the command line names them instead. `column_names` has
    all names of the columns that have several, the present one first, by the name that the engine uses; the fields of a mapping say them.
    """

    paths: Annotated[
        tuple[str, ...],
        At("path"),
        key("A file, a pattern of files (`data/2024-*.csv`, read as one, in the order of their names), or a list of both. `.gz`, "
            "`.zst` and `.zip` are decompressed; `-` is standard input.", "data/healthcare_dataset.csv", type=["string", "array"],
            minLength=1, items={"type": "string", "minLength": 1}, minItems=1),
    ]  # fmt: skip
    format: Annotated[
        str | None,
        key("The format of the files, if their names do not tell it (.ndjson, .jsonl, .parquet; any other name means csv). In "
            "NDJSON, the members of the objects are the columns, nested ones as JSON text. A null of NDJSON or Parquet is an "
            "empty cell.",
            "ndjson", enum=list(FORMATS)),
    ] = None  # fmt: skip
    member: Annotated[str | None, key("The file to read in a ZIP archive that holds several.", "2024/admissions.csv", minLength=1)] = None
    dialect: Annotated[
        Dialect, At("csv"), key("How the CSV file is written.", {"delimiter": ";", "encoding": "latin-1"})
    ] = Dialect()  # fmt: skip
    null_values: Annotated[tuple[str, ...], key("Cell texts that mean a missing value; fields can override them.", ["", "NULL", "N/A"])] = (
        "",
    )
    missing: Annotated[
        Missing,
        At("columns.missing"),
        key("What to do if a mapped column is not in the file: fail, or null (all its values are missing).", "fail"),
    ] = "fail"
    extra: Annotated[Extra, At("columns.extra"), key("What to do with a column that no field reads.", "warn")] = "warn"
    column_names: MappingOf[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    mapping_file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)

    @property
    def path(self) -> str:
        """All paths, for messages."""
        return ", ".join(self.paths)

    def names_of(self, column: str) -> tuple[str, ...]:
        """All names of a column, the oldest last."""
        return self.column_names.get(column, (column,))

    def format_of(self, path: str) -> str:
        """The format of one of its files."""
        inside = self.member if path.lower().endswith(ZIP) else None
        return self.format or format_of(inside or path)
