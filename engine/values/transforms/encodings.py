"""A transform of text that went through a wrong encoding before it came here."""

from __future__ import annotations

from functools import partial

import polars as pl

from engine.values.transforms.row import Parameter, example, transform


@transform(
    "reread",
    "Undo the reading of UTF-8 in a wrong encoding; other text stays as it is.",
    example("RincÃ³n", "Rincón", encoding="cp1252"),
    example("PÄ\x81hala", "Pāhala", encoding="cp1252"),
    example("Rincón", "Rincón", encoding="cp1252"),
    encoding=Parameter("The encoding in which it was wrongly read.", {"enum": ["cp1252", "latin-1"]}),
)
def _reread(text: pl.Expr, encoding: str) -> pl.Expr:
    return text.map_batches(partial(_all_undone, encoding=encoding), return_dtype=pl.String, is_elementwise=True)


def _all_undone(texts: pl.Series, encoding: str) -> pl.Series:
    odd = texts.filter(texts.str.contains(r"[^\x00-\x7f]")).unique().to_list()
    return texts.replace(odd, [_undone(text, encoding) for text in odd]) if odd else texts


def _undone(text: str, encoding: str) -> str:
    try:
        return b"".join(_byte(character, encoding) for character in text).decode("utf-8")
    except UnicodeError:
        return text


def _byte(character: str, encoding: str) -> bytes:
    """A character's byte; where Windows-1252 has no character for a byte, most readers leave the byte's number."""
    return bytes([ord(character)]) if "\x80" <= character <= "\x9f" else character.encode(encoding)


ROWS = (_reread,)
