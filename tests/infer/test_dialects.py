"""How a file is written: found, declared, with its evidence; or an error that says what is wrong."""

import gzip

import pytest

from engine.errors import EngineError
from engine.infer import infer

ROWS = [["id", "text", "amount"], ["k1", "a", "1.25"], ["k2", "b", "2.25"], ["k3", "c", "3.25"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", "^", "~", "\x1f"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiter_and_newline(inferred, delimiter, newline) -> None:
    found = inferred(newline.join(delimiter.join(row) for row in ROWS) + newline).mapping
    assert found.source.dialect.delimiter == delimiter
    assert found.source.dialect.newline == ("\r" if newline == "\r" else "\n")
    assert [str(one.column) for one in found.fields] == ROWS[0]


def test_the_delimiter_is_the_consistent_one(inferred) -> None:
    found = inferred("id;text;note\n1;a, b;x\n2;c;y, z, w\n3;d;\n")
    assert found.mapping.source.dialect.delimiter == ";"
    assert 'delimiter: ";"    # 100% of the first 4 records have 3 cells' in found.text


def test_one_column(inferred) -> None:
    found = inferred("text\na\nb c\nd, e\nf\n")
    assert [one.path for one in found.mapping.fields] == ["text"]


def test_quotes_that_are_none(inferred) -> None:
    found = inferred('id\tsize\n1\t5" wide\n2\t"open\n3\t6\n')
    assert found.mapping.source.dialect.quote is None
    assert "quote: null" in found.text


def test_quotes_beyond_the_sample_are_found_by_reading(inferred) -> None:
    lines = "".join(f"{one}\t{'x' * 100}\n" for one in range(12_000))
    found = inferred(f'id\ttext\n{lines}12001\t"a" b\n')
    assert found.mapping.source.dialect.quote is None


def test_compressed(inferred) -> None:
    packed = gzip.compress("\n".join(",".join(row) for row in ROWS).encode())
    assert len(inferred(packed, "data.csv.gz").mapping.fields) == 3


@pytest.mark.parametrize(
    ("encoding", "declared"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le")]
)
def test_unicode_is_known(inferred, encoding, declared) -> None:
    found = inferred("id,name\n1,Zoë\n2,Ανδρέας\n".encode(encoding))
    assert found.mapping.source.dialect.encoding == declared
    assert "PROPOSED" not in found.text


@pytest.mark.parametrize(("encoding", "text"), [("latin-1", "Zoë"), ("cp1252", "Zoë – €")])
def test_single_bytes_are_only_proposed(inferred, encoding, text) -> None:
    found = inferred(f"id,name\n1,Ann\n2,{text}\n".encode(encoding))
    assert found.mapping.source.dialect.encoding == encoding
    assert "PROPOSED, NOT KNOWN: not UTF-8 (line 3)" in found.text


def test_a_bad_byte_far_behind(inferred) -> None:
    lines = "".join(f"{one},{'x' * 100}\n" for one in range(12_000))
    found = inferred(f"id,name\n{lines}".encode() + b"12001,Zo\xeb\n")
    assert found.mapping.source.dialect.encoding == "latin-1"
    assert "(line 12002)" in found.text


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("1,a,2.5\n2,b,3.5\n", "its cell 1 is a number"),
        ("x,2024-01-31\ny,2024-02-01\n", "its cell 2 is a number, a date or a UUID"),
        ("a,b\na,c\na,d\nb,b\n", "its cell 1 appears again below"),
    ],
)
def test_no_header(inferred, content, why) -> None:
    found = inferred(content)
    width = content.partition("\n")[0].count(",") + 1
    assert found.mapping.source.dialect.names == tuple(f"column{one}" for one in range(1, width + 1))
    assert f"no header line: {why}" in found.text


def test_years_are_a_header(inferred) -> None:
    found = inferred("country,2000,2001,2002\nA,1,2,3\nB,4,5,6\n")
    assert found.mapping.source.dialect.names is None
    assert found.mapping.arrays[0].origin.pattern == "^[0-9]{4}$"
    assert [(one.path, one.type.name) for one in found.mapping.fields[1:]] == [("years[].year", "int"), ("years[].value", "int")]


def test_a_header_that_repeats_names(inferred) -> None:
    found = inferred("a,b,a\n1,2,3\n").mapping.source.dialect
    assert (found.names, found.skip_lines) == (("a", "b", "a_3"), 1)


def test_lines_before_the_header(inferred) -> None:
    found = inferred('"Source","x",\n\nUpdated\n\na,b,c,d\n1,2,3,4\n5,6,7,8\n' + "1,2,3,4\n" * 50)
    assert found.mapping.source.dialect.skip_lines == 4
    assert "LOOK: 2 records before the header" in found.text


def test_comments(inferred) -> None:
    found = inferred("# of today\na,b\n1,2\n# more\n3,4\n" + "5,6\n" * 20)
    assert found.mapping.source.dialect.comment == "#"
    assert found.mapping.source.dialect.skip_lines == 0
    assert inferred("#id,b\n1,2\n3,4\n").mapping.source.dialect.comment is None


def test_ragged_rows(inferred) -> None:
    found = inferred("a,b,c,d\n1\n1,2\n1,2,3\n1,2,3,4\n1,2\n")
    assert found.mapping.source.dialect.ragged
    assert str(found["d"].column) == "d"


def test_ragged_rows_without_names_are_an_array(inferred) -> None:
    found = inferred("tea,milk\ntea\nmilk,tea,bread,jam\ntea,jam\nbread\n" + "tea,jam,bread\n" * 3)
    assert found.mapping.source.dialect.names == tuple(f"column{one}" for one in range(1, 5))
    assert str(found["items[]"].column) == "column{n}"


def test_records_that_are_no_rows_are_counted(inferred) -> None:
    found = inferred("a,b\n" + "1,2\n" * 40 + "3\n")
    assert found.mapping.reject_limit.count == 1
    assert "LOOK: 1 record of the file is not a row of the table" in found.text


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "empty_source"),
        ("\n\n", "empty_source"),
        ("a,b,c\n1,2\n3\n4,5,6,7\n8,9\n1,2,3,4,5\n", "ragged"),
        (b"ab\0c,1\n" * 3, "no_text"),
    ],
)
def test_what_cannot_be_read_says_so(file, content, code) -> None:
    with pytest.raises(EngineError) as error:
        infer([file(content)])
    assert [finding.code for finding in error.value.findings] == [code]


def test_a_missing_file(tmp_path) -> None:
    with pytest.raises(EngineError, match="source_missing"):
        infer([str(tmp_path / "none.csv")])


def test_standard_input_is_refused() -> None:
    with pytest.raises(EngineError, match="not_again"):
        infer(["-"])
