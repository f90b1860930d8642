"""Options of a field besides its type. Each type reads only the options that its row names."""

from __future__ import annotations

from dataclasses import dataclass

from engine.values.columns import ColumnRef
from engine.values.dates import FORMAT_DEFAULT
from engine.values.types.number_format import NumberFormat


@dataclass(frozen=True)
class Options:
    """`timezone_column` names the column with each row's time zone, instead of `timezone`; the text then ends in a blank and the zone.

    `number` is None where numbers are plain. `order` is lonlat or latlon; `separator` is between the two, `point_separator` between
    points.
    """

    format: tuple[str, ...] = (FORMAT_DEFAULT,)
    timezone: str = "UTC"
    timezone_column: ColumnRef | None = None
    true_values: tuple[str, ...] = ("true", "True", "TRUE")
    false_values: tuple[str, ...] = ("false", "False", "FALSE")
    number: NumberFormat | None = None
    encoding: str = "hex"
    order: str = "lonlat"
    separator: str = ","
    point_separator: str = ";"
