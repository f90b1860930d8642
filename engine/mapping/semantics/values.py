"""What a field says of its values: options of the type, constants, transforms, constraints."""

from __future__ import annotations

from typing import Any

import polars as pl

from engine.expressions.constraints import CONSTRAINTS, argument
from engine.expressions.patterns import HEAVY, PatternError, read_pattern
from engine.mapping import model
from engine.mapping.semantics.scope import Place, Raw, Scope, as_cell
from engine.values.dates import format_problem, is_timezone
from engine.values.types import WIDTHS, Number, Options, Type, expected, type_table

LONG_TEXT = 300  # characters; up to there every pattern of the language was measured to stay far below PCRE's limits
TYPE_OPTIONS = frozenset().union(*(row.options for row in type_table.values()))


def read_options(scope: Scope, where: Place, raw: Raw, kind: Type) -> Options:
    """What the type needs to know to read a text."""
    for name in TYPE_OPTIONS & raw.keys():
        if name not in kind.options:
            fitting = next(row.name for row in type_table.values() if name in row.options)
            scope.report((*where, name), "no_effect", f"{name} does not go with type {kind.name}", f"type: {fitting}", at_key=True)
    formats = _texts(raw.get("format", Options.format))
    for text in formats:
        if wrong := format_problem(text):
            scope.report((*where, "format"), "date_format", f"{text} {wrong}")
    zone, zone_column = _zone(scope, where, raw)
    true_values, false_values = tuple(raw.get("true_values", Options.true_values)), tuple(raw.get("false_values", Options.false_values))
    if both := set(true_values) & set(false_values):
        scope.report(where, "contradiction", f"{', '.join(sorted(both))} would mean both true and false", at_key=True)
    _check_places(scope, where, raw, kind)
    return Options(
        format=formats,
        timezone=zone,
        timezone_column=zone_column,
        true_values=true_values,
        false_values=false_values,
        number=_number(scope, (*where, "number"), raw["number"], kind) if "number" in raw else None,
        **{name: raw[name] for name in ("encoding", "order", "separator", "point_separator") if name in raw},
    )


def _texts(raw: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (raw,) if isinstance(raw, str) else tuple(raw)


def _zone(scope: Scope, where: Place, raw: Raw) -> tuple[str, str | None]:
    """The time zone of all rows, and the column that has each row's own."""
    zone = raw.get("timezone", "UTC")
    if isinstance(zone, dict):
        for name in {"value", "compute", "meta", "default"} & raw.keys():
            message = f"{name} has no cell beside it that names its time zone"
            scope.report((*where, "timezone"), "not_allowed", message, "timezone: the name of a zone", at_key=True)
        return "UTC", zone["column"]
    if not is_timezone(zone):
        scope.report((*where, "timezone"), "timezone", f"unknown time zone {zone}", "an IANA name such as Europe/Paris")
    return zone, None


def _number(scope: Scope, where: Place, raw: Raw, kind: Type) -> Number:
    if "group" in raw and raw["group"] == raw.get("decimal", "."):
        scope.report((*where, "group"), "contradiction", "group and decimal are the same character", at_key=True)
    if "percent" in raw and "suffix" in raw:
        scope.report((*where, "suffix"), "contradiction", "a percent sign is the unit", "keep one of percent and suffix", at_key=True)
    if raw.get("percent") == "fraction" and kind.name in WIDTHS:
        message = f"a hundredth is rarely of type {kind.name}"
        scope.report((*where, "percent"), "contradiction", message, "type: decimal or double, or percent: points")
    lists: Raw = {name: _texts(raw[name]) for name in ("prefix", "suffix", "negative") if name in raw}
    return Number(**{**raw, **lists})


def _check_places(scope: Scope, where: Place, raw: Raw, kind: Type) -> None:
    """What a point or line is read from must say which number is which."""
    pair = [name for name in ("longitude", "latitude") if name in raw]
    if "order" in kind.options and not pair and "order" not in raw and not {"compute", "meta"} & raw.keys():
        scope.report(
            where, "missing_key", "which of latitude and longitude stands first is not said", "order: latlon, or lonlat", at_key=True
        )
    if pair and kind.name != "point":
        scope.report((*where, pair[0]), "no_effect", f"{pair[0]} does not go with type {kind.name}", "type: point", at_key=True)
    for name in ("order", "separator") if pair else ():
        if name in raw:
            scope.report((*where, name), "no_effect", f"{name} is for one cell with both", f"remove {name}", at_key=True)
    if raw.get("separator", Options.separator).strip() == raw.get("point_separator", Options.point_separator).strip():
        scope.report((*where, "separator"), "contradiction", "points and their two numbers are separated by the same text", at_key=True)


def read_labels(scope: Scope, where: Place, raw: Raw, kind: Type, options: Options) -> model.Labels | None:
    """What codes mean: texts that the type accepts."""
    if "map" not in raw:
        if "otherwise" in raw:
            scope.report((*where, "otherwise"), "no_effect", "otherwise needs a map", "map: {CODE: TEXT}", at_key=True)
        return None
    texts = {code: as_cell(text) for code, text in raw["map"].items()}
    for code, text in texts.items():
        _check_text(scope, (*where, "map", code), text, kind, options)
    otherwise = raw.get("otherwise", "reject")
    if isinstance(otherwise, str):
        return model.Labels(texts, otherwise)
    label = as_cell(otherwise["value"])
    _check_text(scope, (*where, "otherwise", "value"), label, kind, options)
    return model.Labels(texts, "label", label)


def read_text(scope: Scope, place: Place, raw: Raw, kind: Type, options: Options) -> str | None:
    """A constant or default, the key at `place`: a text that the type accepts."""
    if place[-1] not in raw:
        return None
    text = as_cell(raw[str(place[-1])])
    if not scope.reported(place[:-1]):
        _check_text(scope, place, text, kind, options)
    return text


def _check_text(scope: Scope, place: Place, text: str, kind: Type, options: Options) -> None:
    if pl.select(kind.parse(pl.lit(text), options)).to_series()[0] is None:
        scope.report(place, "type", f"is not {expected(kind, options)}")


def read_transforms(scope: Scope, where: Place, raw: Raw) -> model.Steps:
    """The steps, each with its arguments."""
    steps = tuple((step, {}) if isinstance(step, str) else next(iter(step.items())) for step in raw.get("transform", []))
    for number, (name, arguments) in enumerate(steps):
        if wrong := "pattern" in arguments and _regex_problem(arguments["pattern"]):
            scope.report((*where, "transform", number), "pattern", f"{name}: {wrong}")
    return steps


def read_constraints(scope: Scope, where: Place, raw: Raw, kind: Type) -> dict[str, Any]:
    """The constraints by name, their arguments in the field's type."""
    found: dict[str, Any] = {}
    for name in [name for name in CONSTRAINTS if name in raw]:
        fitting = CONSTRAINTS[name].types
        if kind.name not in fitting:
            why = CONSTRAINTS[name].unfit.get(kind.name, "")
            message = f"{name} does not go with type {kind.name}" + (f": {why}" if why else "")
            scope.report((*where, name), "no_effect", message, f"it goes with {', '.join(sorted(fitting))}", at_key=True)
            continue
        try:
            found[name] = argument(name, raw[name], kind.name)
        except PatternError as error:
            scope.report((*where, name), "pattern", str(error))
        except ValueError as error:
            scope.report((*where, name), "wrong_type", f"{name} of a field of type {kind.name} must be {error}")
    _check_constraints(scope, where, found)
    return found


def _check_constraints(scope: Scope, where: Place, found: Raw) -> None:
    if "pattern" in found and read_pattern(found["pattern"]).heavy and found.get("maxLength", LONG_TEXT + 1) > LONG_TEXT:
        scope.report((*where, "pattern"), "pattern", HEAVY, f"add maxLength: {LONG_TEXT}, or less")
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
        if low in found and high in found and found[low] > found[high]:
            scope.report((*where, low), "contradiction", f"{low} is above {high}")
    for low, high in (("minimum", "exclusiveMaximum"), ("exclusiveMinimum", "maximum"), ("exclusiveMinimum", "exclusiveMaximum")):
        if low in found and high in found and found[low] >= found[high]:
            scope.report((*where, low), "contradiction", f"no value lies between {low} and {high}")
    for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if plain in found and exclusive in found:
            scope.report((*where, exclusive), "contradiction", f"both {plain} and {exclusive}", "keep one of them", at_key=True)


def _regex_problem(pattern: str) -> str | None:
    """What polars' regular expressions say against a pattern, or None."""
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.PolarsError:
        return "not a regular expression of Rust's syntax (no look-around, no back-references)"
    return None
