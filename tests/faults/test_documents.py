"""Cells and documents that a server, or a reader of what it stores, could not bear: rejects, never nulls, and the rest is loaded."""

import pytest

from engine.mapping.yamltree import MAX_BYTES
from faults.loading import at_most

MAPPING = """
mapping: hostile
source: {path: in.csv}
target: {database: "${DATABASE:-x}", collection: live, mode: replace}
dedup: {on: row}
limits: {rejects: 100%, shrink: 100%}
fields:
  number: {column: number, type: int, required: true}
  value: {column: value, TYPE}
"""
BAD = {
    "string": [b"\xff", b"\xc3", b"\xed\xa0\x80", b"a\xed\xb2\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80"],
    "date": [b"0000-01-01", b"10000-01-01", b"-001-01-01", b"2023-02-29", b"2024-13-01", b"9999-99-99", b"2024-1-5", b"infinity"],
    "long": [b"9223372036854775808", b"-9223372036854775809", b"1e3", b"NaN", b"1.5", b"0x10", "٣".encode(), b"1_000"],
    "int": [b"2147483648", b"-2147483649", b"9223372036854775808", b"NaN", b"1.0"],
    "double": [b"NaN", b"nan", b"inf", b"-Infinity", b"1e999", b"0x1p3", b"1,5", b"1d"],
    "decimal": [b"NaN", b"Infinity", b"1234567890123456789", b"0.12345678901234567"],
    "bool": [b"2", b"maybe", b"NaN"],
    "objectId": [b"5f", b"zzzzzzzzzzzzzzzzzzzzzzzz"],
}
GOOD = {
    "string": b"fine",
    "date": b"2024-02-29",
    "long": b"9223372036854775807",
    "int": b"-2147483648",
    "double": b"1e308",
    "decimal": b"0.1",
    "bool": b"true",
    "objectId": b"5f43a7b2c1d2e3f405162738",
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_values_are_rejects_and_never_nulls(inline, kind) -> None:
    cells = [GOOD[kind], *BAD[kind], GOOD[kind]]
    source = b"number,value\n" + b"".join(b'%d,"%s"\n' % (row, cell) for row, cell in enumerate(cells, 1))
    result = inline(MAPPING.replace("TYPE", f"type: {kind}"), source)
    inline.assert_accounted(result)
    assert set(result.rejects) == set(range(2, len(cells)))
    stored = {document["number"]: document.get("value") for document in inline.live.find()}
    assert stored.keys() == {1, len(cells)}
    assert None not in stored.values()


def test_nul_is_kept_or_rejected_and_never_cuts(inline) -> None:
    result = inline(MAPPING.replace("TYPE", "type: string"), b'number,value\n1,"a\0b"\n2,\0\n3,c\n')
    inline.assert_accounted(result)
    stored = {document["number"]: document.get("value") for document in inline.live.find()}
    for number, value in {1: "a\0b", 2: "\0", 3: "c"}.items():
        assert stored.get(number) == value if number not in result.rejects else number not in stored


def test_a_document_over_the_servers_limit(inline) -> None:
    """A cell of 9 MB that two fields take: the document has 18, the row is within the reader's cap."""
    mapping = MAPPING.replace("TYPE", "type: string") + "  again: value\n"
    result = inline(mapping, b"number,value\n1,a\n2," + b"x" * 9_000_000 + b"\n3,c\n")
    inline.assert_accounted(result)
    assert result.rejects == {2: "too_large"}
    assert {document["number"] for document in inline.live.find()} == {1, 3}


def test_a_cell_of_17_mb(inline) -> None:
    result = inline(MAPPING.replace("TYPE", "type: string"), b"number,value\n1,a\n2," + b"x" * 17_000_000 + b"\n3,c\n")
    inline.assert_accounted(result)
    assert result.rejects == {2: "too_large"}
    assert {document["number"] for document in inline.live.find()} == {1, 3}


@pytest.mark.parametrize(("levels", "code"), [(90, 0), (181, 2), (200, 2), (5000, 2)])
def test_a_path_of_many_levels(inline, levels, code) -> None:
    mapping = MAPPING.replace("TYPE", "type: string") + f"  ? {'.'.join(['a'] * levels)}\n  : {{column: value}}\n"
    result = inline(mapping, b"number,value\n1,a\n")
    if code:
        inline.assert_untouched(result, code)
        assert "levels" in result.err
    else:
        inline.assert_accounted(result)


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefghi", "bcdefghij", strict=True)),
    "merge keys": "a: &a {k: v}\n" + "".join(f"m{n}: &m{n} {{<<: [{', '.join(['*a'] * 50)}]}}\n" for n in range(200)),
    "depth": "[" * 20_000 + "]" * 20_000,
    "depth of mappings": "{a: " * 5_000 + "}" * 5_000,
    "size": "a: " + "x" * (MAX_BYTES + 1),
    "keys": "".join(f"k{n}: 1\n" for n in range(20_000)),
    "one key often": "fields: 1\n" * 20_000,
    "tag": "a: !!python/object/apply:os.system [true]\n",
    "quotes": "a: '" + "''" * 100_000 + "'",
    "spaces": "a:" + " " * 500_000 + "b",
    "control": "a: \x01",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_mapping_that_is_a_bomb(inline, bomb) -> None:
    with at_most(10):
        inline.assert_untouched(inline(BOMBS[bomb], b"number\n1\n"), 2)
