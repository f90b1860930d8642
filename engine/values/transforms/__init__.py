"""THE transform table: text in, text out, applied to a cell in the order they are listed.

To add one, write a short function in a module of this folder, say its name, summary, parameters and examples above it, and list it in the
module's `ROWS`: the examples are run as tests and printed in the reference, and the mapping's JSON Schema follows from the table.
"""

from __future__ import annotations

import polars as pl

from engine.values.tables import table
from engine.values.transforms import encodings, text
from engine.values.transforms.row import Arguments, Parameter, Transform, TransformExample

__all__ = ["TRANSFORMS", "Parameter", "Transform", "TransformExample", "apply"]

TRANSFORMS: dict[str, Transform] = table("transform", (*encodings.ROWS, *text.ROWS))


def apply(value: pl.Expr, steps: tuple[tuple[str, Arguments], ...]) -> pl.Expr:
    """Chain the named transforms over a text expression."""
    for name, arguments in steps:
        value = TRANSFORMS[name].apply(value, **arguments)
    return value
