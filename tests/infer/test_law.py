"""The law: of any file that can be read at all, the inferred mapping rejects no row. And it is found by the loader, not by inference."""

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from jobs import command

from engine.errors import DataError
from engine.infer import infer

DATES = st.dates()
KINDS = {
    "int": st.integers(-(2**31), 2**31 - 1).map(str),
    "any whole": st.integers().map(str),
    "double": st.floats(allow_nan=False, allow_infinity=False).map(repr),
    "money": st.decimals(0, 10**6, places=2).map(str),
    "iso": DATES.map(lambda one: one.isoformat()),
    "us": DATES.map(lambda one: f"{one.month:02}/{one.day:02}/{one.year:04}"),
    "short": DATES.map(lambda one: f"{one.day}.{one.month}.{one.year:04}"),
    "moment": st.datetimes().map(lambda one: one.isoformat(sep=" ")),
    "truth": st.sampled_from(["yes", "no", "Yes"]),
    "code": st.from_regex(r"[0-9]{5}", fullmatch=True),
    "uuid": st.uuids().map(str),
    "comma": st.decimals(-1000, 10**7, places=2).map(lambda one: f"{one:,}".replace(",", "_").replace(".", ",").replace("_", ".")),
    "list": st.lists(st.sampled_from("abc"), max_size=4).map("|".join),
    "few": st.sampled_from(["a", "A", "b c", "no"]),
    "text": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
}
GAPS = st.sampled_from(["", "NULL", "NA", "-", "UNKNOWN", " ", "nan"])
NAMES = st.sampled_from(
    ["id", "name", "price", "age", "date", "lat", "zip", "a.b", "a_b", "a_c", "no", "x1", "x2", "x3", "$y", "2001", "", "é"]
)


@st.composite
def tables(draw) -> list[list[str]]:
    """Columns of one kind each, with gaps, blanks, and strangers here and there."""
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    rows = draw(st.integers(0, 30))
    columns = []
    for _ in names:
        cells = KINDS[draw(st.sampled_from(sorted(KINDS)))]
        if draw(st.booleans()):
            cells = st.one_of(cells, cells, cells, GAPS)
        if draw(st.booleans()):
            cells = st.one_of(cells, cells.map(lambda cell: f" {cell} "))
        if draw(st.integers(0, 3)) == 0:
            cells = st.one_of(cells, KINDS["text"])
        columns.append(draw(st.lists(cells, min_size=rows, max_size=rows)))
    repeat = draw(st.sampled_from([1, 1, 1, 25]))  # often enough for enums
    return [names, *([list(row) for row in zip(*columns, strict=True)] * repeat)]


@settings(max_examples=25, deadline=None)
@given(tables(), st.sampled_from([",", ";", "\t"]), st.sampled_from(["utf-8", "utf-16"]))
def test_no_row_is_rejected(rows, delimiter, encoding) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    with tempfile.TemporaryDirectory() as folder:
        file, mapping = Path(folder) / "data.csv", Path(folder) / "data.yaml"
        file.write_bytes(stream.getvalue().encode(encoding))
        try:
            text = infer([str(file)])
        except DataError as error:
            assert {finding.code for finding in error.findings} <= {"duplicate_header", "header_nul"}  # noqa: PT017
            return
        mapping.write_text(text, encoding="utf-8")
        assert command("check", "-m", mapping).code == 0
        ended = command("run", "-m", mapping, "--dry-run", "--json")
        assert (ended.code, ended.report["accounting"]["rejected"]) == (0, 0)
