"""Regular expressions that are not patterns of the language: of column names (Python's) and in transforms (Rust's, of polars)."""

from __future__ import annotations

import re

import polars as pl

IN_WORDS = {
    "unterminated character set": "the bracket class is not closed; add `]`",
    "missing ), unterminated subpattern": "a group is not closed; add `)`",
    "unbalanced parenthesis": "a `)` has no `(` before it",
    "look-around, including look-ahead and look-behind, is not supported": "a pattern cannot look ahead or behind",
    "backreferences are not supported": "a pattern cannot refer back to a group",
    "unclosed character class": "the bracket class is not closed; add `]`",
    "unclosed group": "a group is not closed; add `)`",
}
"""What Python's `re` and polars say, in plain words."""
REASON = re.compile(r"^error: (.*)$", re.MULTILINE)


def columns_problem(pattern: str) -> str:
    """What is wrong with a regular expression of column names; empty if nothing is."""
    try:
        re.compile(pattern)
    except re.error as error:
        return f"not a regular expression: {IN_WORDS.get(error.msg, error.msg)}"
    return ""


def transform_problem(pattern: str) -> str:
    """What is wrong with a regular expression of a transform; empty if nothing is."""
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.PolarsError as error:
        found = REASON.search(str(error))
        return f"not a regular expression: {IN_WORDS.get(found[1], found[1]) if found else 'it is too large'}"
    return ""
