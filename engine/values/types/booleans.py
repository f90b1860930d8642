"""True and false."""

from __future__ import annotations

import polars as pl

from engine.values.encoding.scalars import filled, number
from engine.values.types.conversions import Conversion, Expr
from engine.values.types.options import Options
from engine.values.types.row import Type

OPTIONS = frozenset({"true_values", "false_values"})


def parse_bool(text: pl.Expr, options: Options) -> pl.Expr:
    """One of the declared texts."""
    is_true, is_false = text.is_in(list(options.true_values)), text.is_in(list(options.false_values))
    return pl.when(is_true | is_false).then(is_true)


def _read(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    raise ValueError("true or false")


def _of_text(value: Expr, options: Options) -> Expr:
    branches = [{"case": {"$in": [value, {"$literal": list(texts)}]}, "then": flag}
            for flag, texts in ((True, options.true_values), (False, options.false_values))]  # fmt: skip
    return {"$switch": {"branches": branches, "default": None}}


ROWS = (
    Type(
        "bool",
        "True or false. `true_values` and `false_values` name the texts.",
        pl.Boolean(),
        "bool",
        "one of the declared true_values or false_values",
        parse_bool,
        accepted=(("true", True), ("FALSE", False)),
        refused=("yes", "1", "t"),
        encoding=number(b"\x08", "u1", filled(value=False)),
        read=_read,
        conversions={"string": Conversion(_of_text, heeds=OPTIONS)},
        options=OPTIONS,
        engine_only_reason="the document holds true or false, not the text it was read from",
    ),
)
