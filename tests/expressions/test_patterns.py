"""Patterns: each in the language is decided alike by polars and by mongod; each outside is refused with a reason."""

import os

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pymongo.database import Database

from engine.expressions import Unsupported
from engine.expressions.patterns import PatternError, common_pattern, engine_pattern, read_pattern

EXAMPLES = int(os.environ.get("EXPRESSION_EXAMPLES", "8"))
LETTERS = "abkKsS1_ -]}\n\r\té\u017f\u212a\u2028\u0663\U0001f600\x00\x85"
MEMBERS = ["a", "b-k", "0-9", r"\d", r"\w", r"\s", r"\-", "-", r"\]", "é", r"\n", r"\x41", "\U0001f600", "\u017f", "&", "~", "#", " ", "."]

members = st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=3).map("".join)
atoms = st.one_of(
    st.sampled_from(["a", "b", "k", "s", "1", "_", " ", "-", "é", "\U0001f600", "\n", "#", "/", "&", "\x00"]),
    st.sampled_from([".", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\.", r"\x0a", r"\t", r"\$", r"\{", r"\-"]),
    st.builds("[{}{}]".format, st.sampled_from(["", "^"]), members),
)
quantified = st.builds("{}{}".format, atoms, st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "??"]))
sequences = st.lists(st.one_of(quantified, st.sampled_from(["^", "$", r"\b", r"\B", r"\A", r"\z"])), max_size=4).map("".join)
patterns = st.recursive(
    sequences,
    lambda inner: st.one_of(
        st.builds("({})".format, inner), st.builds("(?:{}){}".format, inner, st.sampled_from(["?", "{2}", "*"])),
        st.builds("{}|{}".format, inner, inner), st.builds("{}{}".format, inner, inner),
    ),
    max_leaves=4,
)  # fmt: skip
batches = st.lists(patterns, min_size=30, max_size=40)
texts = st.lists(st.text(LETTERS, max_size=6), min_size=30, max_size=40)


def _read(pattern: str) -> tuple[str, str] | None:
    try:
        return engine_pattern(pattern), common_pattern(pattern)
    except PatternError:
        return None


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=batches, texts=texts)
def test_polars_and_mongod_find_the_same(database: Database, batch: list[str], texts: list[str]) -> None:
    read = {pattern: both for pattern in batch if (both := _read(pattern))}
    assume(len(read) > len(batch) / 3)
    database.texts.delete_many({})
    database.texts.insert_many([{"_id": number, "text": text} for number, text in enumerate(texts)])
    built = {f"p{number}": {"$regexMatch": {"input": "$text", "regex": mongo}} for number, (_, mongo) in enumerate(read.values())}
    answers = list(database.texts.aggregate([{"$sort": {"_id": 1}}, {"$project": built}]))
    for number, (pattern, (engine, mongo)) in enumerate(read.items()):
        ours = pl.Series(texts, dtype=pl.String).str.contains(engine).to_list()
        assert [answer[f"p{number}"] for answer in answers] == ours, pattern
        schema = {"$jsonSchema": {"properties": {"text": {"pattern": mongo}}}}
        assert sorted(one["_id"] for one in database.texts.find(schema)) == [row for row, yes in enumerate(ours) if yes], pattern


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a(?=b)", "look ahead"), ("(?<!a)b", "look behind"), ("(?P<x>a)", "names"), (r"(a)\1", "not understood"), ("a{,2}", "write `\\{`"),
        ("a**", "nothing to repeat"), ("^*", "nothing to repeat"), ("(", "not closed"), (")", "has no `(`"), ("[b-a]", "not a range"),
        ("[[:alpha:]]", "inside [ ]"), ("[]", "bracket"), (r"\Z", "write `$`"), ("a{5,2}", "lower number"), ("a{1001}", "at most"),
        ("((a{900}){900}){900}", "too large"), ("a(?i)b", "beginning"), ("a++", "nothing to repeat"), (r"\u00e9", "the character itself"),
    ],
)  # fmt: skip
def test_refused(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError) as caught:
        engine_pattern(pattern)
    assert reason in str(caught.value)


@pytest.mark.parametrize("pattern", [r"^\p{L}+$", "(?i)abc", "^(a+)+$"])
def test_the_engine_alone_decides(pattern: str) -> None:
    read = read_pattern(pattern)
    assert isinstance(read.mongo, Unsupported)
    assert pl.select(pl.lit("a").str.contains(read.engine)).item() in (True, False)
    with pytest.raises(PatternError):
        common_pattern(pattern)


def test_dollar_is_the_very_end() -> None:
    assert common_pattern(r"^\d+$") == r"^[0-9]+\z"
    assert pl.Series(["12", "12\n", "\u0663"]).str.contains(engine_pattern(r"^\d+$")).to_list() == [True, False, False]
