"""`target.timeseries`: what MongoDB does not do in such a collection, said before anything is tried.

Source: MongoDB's manual, "Time Series Collection Limitations", and MongoDB 6.0 itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.mapping import model
from engine.mapping.semantics.scope import Scope
from engine.values.paths import MARK, dotted

Problem = tuple[tuple[str, ...], str, str]  # where, what is wrong, what to do
KINDS = {"text": "text index", "hashed": "hashed index on anything but metaField"}
OPTIONS = {
    "unique": "unique index: not even _id is unique",
    "sparse": "sparse index on anything but metaField",
    "expireAfterSeconds": "TTL index: write target.timeseries.expireAfterSeconds",
}


def check_timeseries(scope: Scope, mapping: model.Mapping) -> None:
    """Report what the mapping cannot have with a time series collection."""
    if mapping.target.timeseries is None:
        return
    for where, message, hint in (*_fields(mapping, mapping.target.timeseries), *_modes(mapping), *_indexes(mapping)):
        scope.report(where, "timeseries", message, hint, at_key=True)
    if "validation" in scope.raw:
        message = "a time series collection has no validator; the engine alone checks its documents"
        scope.report(("validation",), "no_effect", message, "remove validation", at_key=True)


def _fields(mapping: model.Mapping, series: model.TimeSeries) -> Iterator[Problem]:
    where = ("target", "timeseries")
    when = next((field for field in mapping.fields if field.path == series.time_field), None)
    if when is None or when.type.bson_type != "date" or not when.always_written or when.writes_null:
        message = f"timeField {series.time_field} is not a required date field at the top of the document"
        yield (*where, "timeField"), message, f"add {series.time_field}: {{column: …, type: date, format: …, required: true}} to fields"
    top = {dotted(field.path).partition(".")[0].removesuffix(MARK) for field in mapping.fields} - {model.ID, series.time_field}
    if series.meta_field and series.meta_field not in top:
        message = f"metaField {series.meta_field} is not a field at the top of the document other than _id and timeField"
        yield (*where, "metaField"), message, f"it may be one of {', '.join(sorted(top))}" if top else "remove metaField"


def _modes(mapping: model.Mapping) -> Iterator[Problem]:
    target = mapping.target
    if target.mode != "append":
        message = f"mode {target.mode} cannot load a time series collection: MongoDB neither renames one nor changes its documents by _id"
        yield ("target", "timeseries"), message, "use mode: append; to load anew, name another target.collection"
    for name in ("clusteredIndex", "changeStreamPreAndPostImages"):
        if name in target.options.as_written:
            yield ("target", "options", name), f"a time series collection has no {name}", "remove it"


def _indexes(mapping: model.Mapping) -> Iterator[Problem]:
    series = mapping.target.timeseries
    meta = series.meta_field if series else ""
    arrays = tuple(f"{array.path}." for array in mapping.arrays) + tuple(f"{array.path}" for array in mapping.arrays)
    for index in mapping.indexes:
        in_meta = bool(meta) and all(path == meta or path.startswith(f"{meta}.") for path, _ in index.keys)
        kinds = [str(kind) for _, kind in index.keys]
        wrong = [KINDS[kind] for kind in kinds if kind in KINDS and not (kind == "hashed" and in_meta)]
        wrong += [OPTIONS[name] for name in index.options if name in OPTIONS and not (name == "sparse" and in_meta)]
        wrong += ["wildcard index" for path, _ in index.keys if "$**" in path]
        wrong += [f"index on the array {path}" for path, _ in index.keys if not in_meta and path.startswith(arrays)] if arrays else []
        if wrong:
            place = ("target", "key") if index.name == model.KEY_INDEX else ("indexes", index.name)
            yield place, f"a time series collection has no {wrong[0]}", "change or remove the index"
