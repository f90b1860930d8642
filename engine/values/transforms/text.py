"""Transforms of text."""

from __future__ import annotations

import polars as pl

from engine.values.transforms.row import Parameter, example, transform

STRING = {"type": "string"}
PATTERN = {"type": "string", "format": "regex"}
# What both call white space: Unicode's White_Space (`\s`), and the zero-width space and no-break space, which are not spaces to Unicode.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\ufeff"
)
BLANKS = r"[\s\u200b\ufeff]"  # \s holds the non-breaking space; the zero-width ones are not spaces to Unicode
ODD_BLANK = r"[^\S ]|[\u200b\ufeff]"  # a single space is no match, so that ordinary text is only looked at


@transform("strip", "Remove blanks at both ends, including non-breaking ones.", example("\u00a0 Kim Inc ", "Kim Inc"))
def _strip(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(f"^{BLANKS}+|{BLANKS}+$", "")


@transform(
    "squish",
    "Strip, and replace each run of blanks inside by one space.",
    example(" Bobby   JacksOn ", "Bobby JacksOn"),
    example("a\u00a0\u202fb", "a b"),
)
def _squish(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(f"{BLANKS}{{2,}}|{ODD_BLANK}", " ").str.strip_chars(" ")


@transform("lower", "Convert to lower case, by Unicode.", example("ÉTÉ", "été"))
def _lower(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase()


@transform("upper", "Convert to upper case, by Unicode.", example("straße", "STRASSE"))
def _upper(text: pl.Expr) -> pl.Expr:
    return text.str.to_uppercase()


@transform(
    "title",
    "First letter of each word in upper case, the rest in lower case. Wrong for names such as McDonald or III: check the data.",
    example("bobby jACKSON", "Bobby Jackson"),
    example("ronald mcdonald iii", "Ronald Mcdonald Iii"),
)
def _title(text: pl.Expr) -> pl.Expr:
    return text.str.to_titlecase()


@transform(
    "normalize",
    "Unicode normalisation, so that equal-looking texts are equal.",
    example("e\u0301", "\u00e9", form="NFC"),
    example("ﬁ\u00a0№", "fi No", form="NFKC"),
    form=Parameter("Unicode normalisation form.", {"enum": ["NFC", "NFD", "NFKC", "NFKD"]}),
)
def _normalize(text: pl.Expr, form: str) -> pl.Expr:
    return text.str.normalize(form)  # type: ignore[arg-type]


@transform(
    "replace",
    "Replace each occurrence of a literal text.",
    example("1,234,5", "12345", find=",", by=""),
    find=Parameter("The text to look for.", {**STRING, "minLength": 1}),
    by=Parameter("The replacement.", STRING),
)
def _replace(text: pl.Expr, find: str, by: str) -> pl.Expr:
    return text.str.replace_all(find, by, literal=True)


@transform(
    "substitute",
    "Replace each match of a regular expression; `$1` in `by` is the first group.",
    example("Miller, and", "Miller", pattern=r",? and$", by=""),
    example("2024/01", "01.2024", pattern=r"(\d+)/(\d+)", by="$2.$1"),
    pattern=Parameter("A regular expression (Rust syntax: no look-around, no back-references).", PATTERN),
    by=Parameter("The replacement.", STRING),
)
def _substitute(text: pl.Expr, pattern: str, by: str) -> pl.Expr:
    return text.str.replace_all(pattern, by)


@transform(
    "extract",
    "Keep the first group of a regular expression; without a match, the value is missing.",
    example("Toy Story (1995)", "1995", pattern=r"\((\d{4})\)"),
    example("Toy Story", None, pattern=r"\((\d{4})\)"),
    pattern=Parameter("A regular expression with a group (Rust syntax: no look-around, no back-references).", PATTERN),
)
def _extract(text: pl.Expr, pattern: str) -> pl.Expr:
    return text.str.extract(pattern, 1)


@transform(
    "pad",
    "Pad on the left to a length in code points.",
    example("501", "00501", length=5, fill="0"),
    length=Parameter("The length to reach.", {"type": "integer", "minimum": 1}),
    fill=Parameter("One character.", {**STRING, "minLength": 1, "maxLength": 1}),
)
def _pad(text: pl.Expr, length: int, fill: str) -> pl.Expr:
    return text.str.pad_start(length, fill)


ROWS = (_strip, _squish, _lower, _upper, _title, _normalize, _replace, _substitute, _extract, _pad)
