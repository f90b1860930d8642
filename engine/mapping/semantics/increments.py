"""`on_match` of arrays: what an increment does to the elements of live documents, and what it can no longer say of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.columns import sort_field
from engine.mapping.semantics.columns import Arrays
from engine.mapping.semantics.scope import Place, Scope
from engine.values.paths import MARK, array_of

Fields = MappingOf[str, model.Field]
INCREMENTAL = ("upsert", "update")  # modes that change a live document from the rows of one file
CHOICE = "say which: replace, where each file has all rows of a document; append; or {merge: [paths that tell elements apart]}"


def check_increments(scope: Scope, target: model.Target, arrays: Arrays, fields: Fields) -> None:
    """Report arrays whose elements are rows without a word on what becomes of the live ones, and choices that cannot be carried out."""
    changes = target.mode in INCREMENTAL and target.on_match != "ignore"
    for path, array in arrays.items():
        where: Place = ("arrays", path)
        if array.on_match is None:
            if changes and not array_of(path) and _of_rows(path, arrays):
                lost = f"the elements of {path} that it has" if array.embed else f"what it has computed from {path}"
                message = f"with only the new rows of a document, mode {target.mode} would replace {lost}"
                scope.report(where, "missing_key", f"the key on_match is missing: {message}", CHOICE, at_key=True)
            continue
        if not changes and array.keeps_elements:
            message = f"on_match of an array applies only to modes {' and '.join(INCREMENTAL)}, where live documents are changed"
            scope.report((*where, "on_match"), "no_effect", message, "remove on_match", at_key=True)
        elif array_of(path):
            hint = f"write it at {path.partition(MARK)[0]}"
            scope.report((*where, "on_match"), "not_allowed", f"{path} belongs to an element, and goes with it", hint, at_key=True)
        elif array.keeps_elements:
            _check_kept(scope, array, fields)


def _of_rows(path: str, arrays: Arrays) -> bool:
    """Whether the elements, or something inside them, come from rows."""
    return any(
        isinstance(array.origin, model.RowsOrigin) for name, array in arrays.items() if name == path or name.startswith(f"{path}{MARK}")
    )


def _check_kept(scope: Scope, array: model.Array, fields: Fields) -> None:
    where, how = ("arrays", array.path, "on_match"), array.on_match
    if not array.embed:
        message = f"with embed: false, {array.path} is not stored in the document"
        scope.report(where, "no_effect", message, "write replace: aggregates are of the rows of one file", at_key=True)
    own = {path.removeprefix(f"{array.path}{MARK}."): field for path, field in fields.items() if array_of(path) == array.path}
    for name in how.by if how else ():
        if name not in own or f"{array.path}{MARK}" in fields:
            message = f"there is no field {name} in the elements of {array.path}"
            scope.report(where, "unknown_path", message, suggest(name, own) or "name fields of the element itself, or use append")
        elif own[name].type.geojson or own[name].of_load:
            what = "load metadata" if own[name].of_load else "a place"
            scope.report(where, "not_allowed", f"{name} is {what}, and cannot tell elements apart", "name other fields")
    for number, (name, _) in enumerate(array.sort):
        if sort_field(fields, array.path, name) is None:
            message = f"{name} is not stored in the elements, so those of the live document cannot be sorted by it"
            scope.report(("arrays", array.path, "sort", number), "not_allowed", message, "sort by a field of the element")
    for path, key in _aggregating(array.path, fields.values()):
        message = f"this would be of the elements of one file, while {array.path} keeps others"
        hint = "leave it to queries, or use on_match: replace with files that have all rows of a document"
        scope.report(("fields", path, key), "not_allowed", message, hint)


def _aggregating(array: str, fields: Iterable[model.Field]) -> Iterator[tuple[str, str]]:
    """The fields of the document that aggregate over the array or what is inside it, each with the key that does."""
    for field in fields:
        for key, expression in (("compute", field.compute), ("when", field.when)):
            named = [node.array for node in expression.aggregates] if expression and not field.path.startswith(f"{array}{MARK}") else []
            if any(name == array or name.startswith(f"{array}{MARK}") for name in named):
                yield field.path, key
