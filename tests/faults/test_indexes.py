"""Indexes that the server refuses: a sentence, nothing published, nothing left behind."""

import pytest

from faults.loading import content

MAPPING = """
mapping: indexed
source: {path: in.csv}
target: {database: "${DATABASE:-x}", collection: live, mode: replace}
dedup: {on: row}
limits: {shrink: 100%}
fields:
  number: {column: number, type: int}
  name: name
indexes:
"""
SOURCE = b"number,name\n1,a\n2,b\n3,\n4,\n5,b\n"
REFUSED = {
    "same keys, other name (85)": "  a: {keys: {name: 1}}\n  b: {keys: {name: 1}}\n",
    "the name of the index on _id (86)": "  _id_: {keys: {name: 1}}\n",
    "unique over duplicates (11000)": "  a: {keys: {name: 1}, unique: true}\n",
    "two text indexes": "  a: {keys: {name: text}}\n  b: {keys: {number: 1, name: text}}\n",
    "too many": "".join(f"  i{n}: {{keys: {{number: 1, name: 1}}, collation: {{locale: en, strength: {n % 5 + 1}}}}}\n" for n in range(5))
    + "".join(f"  j{n}: {{keys: {{number: {1 if n % 2 else -1}}}, partialFilterExpression: {{name: x{n}}}}}\n" for n in range(60)),
}
TAKEN = {
    "unique over one missing at most": ("  a: {keys: {number: 1}, unique: true}\n", SOURCE),
    "sparse and unique": ("  a: {keys: {name: 1}, unique: true, sparse: true}\n", b"number,name\n1,a\n2,\n3,\n"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(inline, what) -> None:
    result = inline(MAPPING + REFUSED[what], SOURCE)
    assert result.code in (2, 4), result.err
    inline.assert_untouched(result, result.code)
    assert result.err.strip()


def test_two_missing_values_are_one_key(inline) -> None:
    mapping = MAPPING + "  a: {keys: {name: 1}, unique: true}\n"
    inline.assert_untouched(inline(mapping, b"number,name\n1,a\n2,\n3,\n"), 4)
    inline.assert_accounted(inline(mapping, b"number,name\n1,a\n2,\n"))


@pytest.mark.parametrize("what", TAKEN)
def test_taken(inline, what) -> None:
    indexes, source = TAKEN[what]
    inline.assert_accounted(inline(MAPPING + indexes, source))
    assert "a" in inline.live.index_information()
    assert content(inline.live) != inline.before
