"""Options of a field besides its type. Each type reads only the options that its row names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from engine.values.columns import ColumnRef
from engine.values.dates import DIRECTIVES, EPOCHS, FORMAT_DEFAULT
from engine.values.keys import key, texts
from engine.values.types.number_format import NumberFormat

HEX = "[0-9a-fA-F]"
BASE64 = "[A-Za-z0-9+/]"
BINARY_TEXTS = {"hex": f"^(?:{HEX}{{2}})*$", "base64": f"^(?:{BASE64}{{4}})*(?:{BASE64}{{2}}==|{BASE64}{{3}}=)?$"}
"""What a binary value's text looks like, by encoding (RFC 4648)."""

Order = Literal["latlon", "lonlat"]


@dataclass(frozen=True)
class Options:
    """The options of a field's type, each with the key that it is written as.

    `timezone_column` names the column with each row's time zone, instead of `timezone`; the text then ends in a blank and the zone.
    `number` is None where numbers are plain. `order` has a default only for points from two columns: a cell must say it.
    """

    format: Annotated[
        tuple[str, ...],
        key("How a date is written (one format, or several tried in order): "
            f"{' '.join(DIRECTIVES)}, or one of {', '.join(EPOCHS)}", FORMAT_DEFAULT,
            type=["string", "array"], items={"type": "string"}, minItems=1),
    ] = (FORMAT_DEFAULT,)  # fmt: skip
    timezone: Annotated[
        str,
        key("The time zone of a date's local time: an IANA name, or the column that holds one in each row. Dates are stored in "
            "UTC; a local time that a clock change skipped or repeated is not a date.", "Europe/Paris",
            type=["string", "object"], properties={"column": key("The column that holds the names.", "tz", type="string")},
            required=["column"], additionalProperties=False),
    ] = "UTC"  # fmt: skip
    timezone_column: ColumnRef | None = None
    number: Annotated[
        NumberFormat | None,
        key("How a number is written, if it is not plain. A text that does not have exactly this form, or has an exponent, is not a "
            "number.", {"decimal": ",", "group": ".", "suffix": ["€", ""]}),
    ] = None  # fmt: skip
    true_values: Annotated[tuple[str, ...], key("Texts that mean true.", ["Y", "yes"], **texts(minItems=1), default=None)] = (
        "true", "True", "TRUE"
    )  # fmt: skip
    false_values: Annotated[tuple[str, ...], key("Texts that mean false.", ["N", "no"], **texts(minItems=1), default=None)] = (
        "false", "False", "FALSE"
    )  # fmt: skip
    encoding: Annotated[str, key("How bytes are written.", "base64", enum=list(BINARY_TEXTS))] = "hex"
    order: Annotated[
        Order, key("Which comes first in a cell with a place, latitude or longitude. It is never guessed.", "latlon", default=None)
    ] = "lonlat"
    separator: Annotated[
        str,
        key("In a cell with a place: the text between latitude and longitude; a blank means one or more.", ",", minLength=1, maxLength=3),
    ] = ","
    point_separator: Annotated[str, key("In a cell with several places: the text between them.", ";", minLength=1, maxLength=3)] = ";"
