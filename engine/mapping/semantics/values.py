"""The keys of a field about its values: options of the type, constants, transforms, constraints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from engine.expressions.constraints import CONSTRAINTS, argument
from engine.expressions.patterns import HEAVY, PatternError, read_pattern
from engine.mapping import model
from engine.mapping.semantics.regexes import transform_problem
from engine.mapping.semantics.scope import Place, Raw, Scope, as_cell
from engine.values.columns import ColumnRef
from engine.values.dates import format_problem, is_timezone, suggested_format
from engine.values.keys import read
from engine.values.types import NumberFormat, Options, Type, expected, type_table

LONG_TEXT = 300  # characters; up to there every pattern of the language was measured to stay far below PCRE's limits
TYPE_OPTIONS = frozenset().union(*(row.options for row in type_table.values()))


def read_options(scope: Scope, where: Place, raw: Raw, kind: Type, column: Callable[[str], ColumnRef]) -> Options:
    """The options with which the type reads a text; `column` resolves the name of one."""
    for name in TYPE_OPTIONS & raw.keys():
        if name not in kind.options:
            fitting = next(row.name for row in type_table.values() if name in row.options)
            scope.report((*where, name), "no_effect", f"{name} does not apply to type {kind.name}", f"use type: {fitting}", at_key=True)
    zone, zone_column = _zone(scope, where, raw)
    number = _number(scope, (*where, "number"), raw["number"], kind) if "number" in raw else None
    options = read(Options, raw, timezone=zone, timezone_column=column(zone_column) if zone_column is not None else None, number=number)
    for text in options.format:
        if wrong := format_problem(text):
            near = suggested_format(text)
            scope.report((*where, "format"), "date_format", f"{text} {wrong}", f'write "{near}"' if near else "")
    if both := set(options.true_values) & set(options.false_values):
        scope.report(where, "contradiction", f"{', '.join(sorted(both))} would mean both true and false", at_key=True)
    _check_places(scope, where, raw, kind, options)
    return options


def _zone(scope: Scope, where: Place, raw: Raw) -> tuple[str, str | None]:
    """The time zone of all rows, and the column that has each row's own."""
    zone = raw.get("timezone", Options.timezone)
    if isinstance(zone, dict):
        for name in {"value", "compute", "meta", "default"} & raw.keys():
            message = f"{name} cannot take its time zone from a column"
            scope.report((*where, "timezone"), "not_allowed", message, "write timezone: NAME, such as Europe/Paris", at_key=True)
        return Options.timezone, zone["column"]
    if not is_timezone(zone):
        scope.report((*where, "timezone"), "timezone", f"unknown time zone {zone}", "use an IANA name such as Europe/Paris")
    return zone, None


def _number(scope: Scope, where: Place, raw: Raw, kind: Type) -> NumberFormat:
    number = read(NumberFormat, raw)
    if number.group == number.decimal:
        scope.report((*where, "group"), "contradiction", "group and decimal are the same character", at_key=True)
    if "percent" in raw and "suffix" in raw:
        scope.report(
            (*where, "suffix"),
            "contradiction",
            "with percent, the percent sign is already the suffix",
            "keep one of percent and suffix",
            at_key=True,
        )
        message = f"as a fraction, a percentage is rarely a whole number, which type {kind.name} needs"
        scope.report((*where, "percent"), "contradiction", message, "use type: decimal or double, or percent: points")
    return number


def _check_places(scope: Scope, where: Place, raw: Raw, kind: Type, options: Options) -> None:
    """A point or line needs to say which number is which."""
    pair = [name for name in ("longitude", "latitude") if name in raw]
    if "order" in kind.options and not pair and "order" not in raw and not {"compute", "meta"} & raw.keys():
        scope.report(
            where,
            "missing_key",
            "the key order is missing: whether latitude or longitude comes first",
            "add order: latlon or order: lonlat",
            at_key=True,
        )
    if pair and not kind.from_pair:
        fitting = next(row.name for row in type_table.values() if row.from_pair)
        scope.report((*where, pair[0]), "no_effect", f"{pair[0]} does not apply to type {kind.name}", f"use type: {fitting}", at_key=True)
    for name in ("order", "separator") if pair else ():
        if name in raw:
            scope.report((*where, name), "no_effect", f"{name} applies only to one cell with both numbers", f"remove {name}", at_key=True)
    if options.separator.strip() == options.point_separator.strip():
        scope.report((*where, "separator"), "contradiction", "separator and point_separator are the same text", at_key=True)


def read_value_map(scope: Scope, where: Place, raw: Raw, kind: Type, options: Options) -> model.ValueMap | None:
    """The texts that codes stand for; the type must accept them."""
    if "map" not in raw:
        if "otherwise" in raw:
            scope.report((*where, "otherwise"), "no_effect", "otherwise needs a map", "map: {CODE: TEXT}", at_key=True)
        return None
    texts = {code: as_cell(text) for code, text in raw["map"].items()}
    for code, text in texts.items():
        _check_text(scope, (*where, "map", code), text, kind, options)
    otherwise = raw.get("otherwise", model.ValueMap.otherwise)
    if not isinstance(otherwise, dict):
        return model.ValueMap(texts, otherwise)
    label = as_cell(otherwise["value"])
    _check_text(scope, (*where, "otherwise", "value"), label, kind, options)
    return model.ValueMap(texts, "label", label)


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
        scope.report(place, "type", f"the value is not {expected(kind, options)}")


def read_transforms(scope: Scope, where: Place, raw: Raw) -> model.Steps:
    """The steps, each with its arguments."""
    steps = tuple((step, {}) if isinstance(step, str) else next(iter(step.items())) for step in raw.get("transform", []))
    for number, (name, arguments) in enumerate(steps):
        if wrong := "pattern" in arguments and transform_problem(arguments["pattern"]):
            scope.report((*where, "transform", number), "pattern", f"{name}: {wrong}")
    return steps


def read_constraints(scope: Scope, where: Place, raw: Raw, kind: Type) -> dict[str, Any]:
    """The constraints by name, their arguments in the field's type."""
    found: dict[str, Any] = {}
    for name in [name for name in CONSTRAINTS if name in raw]:
        fitting = CONSTRAINTS[name].types
        if kind.name not in fitting:
            why = CONSTRAINTS[name].excluded_types.get(kind.name, "")
            message = f"{name} does not apply to type {kind.name}" + (f": {why}" if why else "")
            scope.report((*where, name), "no_effect", message, f"it applies to {', '.join(sorted(fitting))}", at_key=True)
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
        scope.report((*where, "pattern"), "pattern", HEAVY, f"add maxLength: {LONG_TEXT} or less")
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
        if low in found and high in found and found[low] > found[high]:
            scope.report((*where, low), "contradiction", f"{low} is greater than {high}")
    for low, high in (("minimum", "exclusiveMaximum"), ("exclusiveMinimum", "maximum"), ("exclusiveMinimum", "exclusiveMaximum")):
        if low in found and high in found and found[low] >= found[high]:
            scope.report((*where, low), "contradiction", f"there is no value between {low} and {high}")
    for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if plain in found and exclusive in found:
            scope.report((*where, exclusive), "contradiction", f"both {plain} and {exclusive} are given", "keep one of them", at_key=True)
