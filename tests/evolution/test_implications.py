"""Whether one check lets through all that another one does: what is claimed holds for all values, and the usual edits are known."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.evolution.implications import implies
from engine.expressions import Typed, parse, typed

TYPES = {"a": "int", "b": "int", "s": "string"}
FRAME = pl.DataFrame(
    [(a, b, s) for a in (None, 0, 1, 2, 3, 4) for b in (None, 1, 3) for s in (None, "x", "y", "z")],
    schema={"a": pl.Int32, "b": pl.Int32, "s": pl.String},
    orient="row",
)

tests = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
atoms = st.one_of(
    st.builds("a {} {}".format, tests, st.integers(0, 4)),
    st.builds("{} {} b".format, st.integers(0, 4), tests),
    st.builds("s {} '{}'".format, tests, st.sampled_from("xyz")),
    st.lists(st.integers(0, 4), min_size=1, max_size=3).map(lambda items: f"a in {items}"),
    st.lists(st.integers(0, 4), min_size=1, max_size=3).map(lambda items: f"a not in {items}"),
    st.just("a is not null"),
)
checks = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner), st.builds("({} or {})".format, inner, inner), inner.map("not ({})".format)
    ),
    max_leaves=4,
)


def expression(text: str) -> Typed:
    return typed(parse(text), TYPES)


def passing(check: Typed) -> list[bool]:
    return FRAME.select(check.check_polars().alias("passes"))["passes"].to_list()


@given(checks, checks)
def test_what_is_claimed_holds_for_all_values(one: str, other: str) -> None:
    if implies(expression(one), expression(other)):
        assert all(passes or not passed for passed, passes in zip(*map(passing, (expression(one), expression(other))), strict=True))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a > 3", "a > 2"),
        ("a > 3", "a >= 3"),
        ("3 < a", "a > 2"),
        ("a <= 3", "a < 4"),
        ("a == 3", "a in [3, 4]"),
        ("a in [1, 2]", "a < 3"),
        ("a in [1, 2]", "a in [2, 1, 5]"),
        ("a not in [1, 2]", "a not in [1]"),
        ("a < 1", "a != 1"),
        ("a > 0 and b > 0", "a > 0"),
        ("a > 0 and b > 0", "a > -1 and b > 0"),
        ("a > 0", "a > 0 or b > 0"),
        ("1 <= a <= 3", "0 <= a <= 4"),
        ("s < 'x'", "s < 'y'"),
    ],
)
def test_an_easier_check_is_known(one: str, other: str) -> None:
    assert implies(expression(one), expression(other))
    assert not implies(expression(other), expression(one))


@pytest.mark.parametrize(("one", "other"), [("a > 3", "b > 3"), ("a > 3", "a < 9"), ("a > b", "b > a"), ("a in [1]", "s == 'x'")])
def test_what_nobody_can_say_is_not_claimed(one: str, other: str) -> None:
    assert not implies(expression(one), expression(other))
    assert not implies(expression(other), expression(one))
