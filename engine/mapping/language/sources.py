"""Where rows come from, and how files are written."""

from __future__ import annotations

from engine.mapping.language.words import key, section, texts
from engine.mapping.model import FORMATS

CSV = section(
    "How the CSV file is written.",
    {
        "delimiter": key("The character between cells: any single one.", ";", type="string", minLength=1, maxLength=1, default=","),
        "quote": key("The character around cells that hold delimiters or line ends; null turns quoting off.", None, type=["string", "null"],
                     minLength=1, maxLength=1, default='"'),
        "encoding": key("The file's encoding, by Python's name. It is never guessed.", "latin-1", type="string", default="utf-8"),
        "names": key("Column names, for a file without a header line; `item{1..32}` is item1, item2 and so on.", ["id", "item{1..32}"],
                     **texts(minItems=1, uniqueItems=True)),
        "newline": key("How lines end: lf (also CRLF) or cr (old Macintosh files).", "cr", enum=["lf", "cr"], default="lf"),
        "skip_lines": key("Lines before the header that are no part of the table, blank ones counted.", 4, type="integer", minimum=0,
                          default=0),
        "skip_footer": key("Lines at the end of the file that are no part of the table, blank ones counted.", 2, type="integer", minimum=0,
                           maximum=1000, default=0),
        "comment": key("Lines that begin with this text are passed over, unless a quoted cell goes on in them.", "#", type="string",
                       minLength=1, maxLength=10),
        "ragged": key("A row may end early: the cells that it lacks are empty. Without it, as with too many cells, it is rejected.", True,
                      type="boolean", default=False),
        "overflow": key("The column in which delimiters stand unquoted. What a row has too many cells is joined there, with the delimiter, "
                        "and the row is counted; where one of these cells is quoted, it is rejected.", "shipAddress", type="string"),
    },
    example={"delimiter": ";", "encoding": "latin-1"},
)  # fmt: skip

SOURCE = section(
    "Where the rows come from.",
    {
        "path": key("A file, a pattern of files (`data/2024-*.csv`, read in the order of their names, as one), or a list of both. `.gz`, "
                    "`.zst` and `.zip` are decompressed; `-` is standard input.", "data/healthcare_dataset.csv", type=["string", "array"],
                    minLength=1, items={"type": "string", "minLength": 1}, minItems=1),
        "format": key("What the files are, where their names do not tell (.ndjson, .jsonl, .parquet; csv is any other name). The members "
                      "of NDJSON's objects are its columns, nested ones as JSON texts; null is an empty cell, and so is a null of Parquet.",
                      "ndjson", enum=list(FORMATS)),
        "member": key("The file that is meant in a ZIP archive that holds several.", "2024/admissions.csv", type="string", minLength=1),
        "csv": CSV,
        "null_values": key("Cell texts that mean a missing value; a field may have its own.", ["", "NULL", "N/A"], default=[""], **texts()),
        "columns": section(
            "What to do when the file's header is not the one expected.",
            {
                "missing": key("A mapped column is not in the file: fail, or null (every cell of it is missing).", "fail",
                               enum=["fail", "null"], default="fail"),
                "extra": key("The file has a column that no field reads.", "warn", enum=["fail", "warn", "ignore"], default="warn"),
            },
            example={"missing": "fail", "extra": "warn"},
        ),
    },
    ("path",),
    example={"path": "data/healthcare_dataset.csv"},
)  # fmt: skip
