"""Arrays whose live elements stay: what becomes of them when a row brings elements of its own. Pure.

A row brings some of the elements that a document has collected. They are added, or take the place of those with the same key; all others
stay, whoever wrote them. The order stays as well, new elements come last; only where the mapping sorts them, all are sorted by that.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from bson import Decimal128, encode
from bson.datetime_ms import DatetimeMS

from engine.documents.bson import equality_key
from engine.mapping import model
from engine.mapping.columns import sort_field
from engine.mongo.metadata import Paths, masked, paths_of
from engine.mongo.trees import EXACT, Document, Query, Tree, overlaid, tree_of
from engine.values.paths import MARK, in_element

Elements = list[Any]
Names = tuple[str, ...]


@dataclass(frozen=True)
class KeptArray:
    """An array at a path of the document whose live elements stay.

    `by` are the paths that tell elements apart; without them, equal elements are one. `sort` are paths, each with whether it is descending,
    `tree` the mapping's fields of an element, `load_paths` its load metadata. `merges`: where a new element has no value, the live one's
    stays.
    """

    path: str
    by: Paths = ()
    sort: tuple[tuple[Names, bool], ...] = ()
    tree: Tree = field(default_factory=dict)
    load_paths: Paths = ()
    merges: bool = False

    def settled(self, live: Document, made: Document) -> Document:
        """The values of a row's document by path, with what the live one will have here: without a list of the row's, its own."""
        old, new = live.get(self.path), made.get(self.path)
        if not isinstance(old, list):
            return made
        return made | {self.path: self.merged(old, new) if isinstance(new, list) else old}

    def unchanged_since(self, live: Document) -> Query:
        """What the live document must still be, so that no element is lost which another program adds at the same time."""
        if self.path not in live:
            return {self.path: {"$exists": False}}
        value = live[self.path]
        return {self.path: {"$type": "null"} if value is None else {"$eq": value}}

    def merged(self, live: Elements, new: Elements) -> Elements:
        """The elements after the update; `live` itself where the new ones change nothing."""
        found, places = list(live), {self._key(element): place for place, element in reversed([*enumerate(live)])}
        for element in new:
            place = places.setdefault(self._key(element), len(found))
            if place == len(found):
                found.append(element)
            elif self.by:
                found[place] = self._updated(found[place], element)
        same = len(found) == len(live) and all(one is other for one, other in zip(found, live, strict=True))
        return live if same else self._sorted(found)

    def _key(self, element: Any) -> bytes:
        """Equal for two elements that are one, by the server's comparison; a missing value counts as null."""
        if self.by and isinstance(element, dict):
            return b"by" + _comparable([_value(element, names) for names in self.by])
        return _comparable(self._masked(element))

    def _updated(self, live: Any, new: Any) -> Any:
        """`live` itself where the update changes nothing but load metadata."""
        found = overlaid(live, new, self.tree, merges=self.merges)
        return live if _encoded(self._masked(found)) == _encoded(self._masked(live)) else found

    def _masked(self, element: Any) -> Any:
        return masked(deepcopy(element), self.load_paths) if self.load_paths else element

    def _sorted(self, found: Elements) -> Elements:
        """As the plan sorts the elements of a row: missing values last."""
        for names, descending in reversed(self.sort):
            values = [(_value(element, names), element) for element in found]
            there = [(_order(value), element) for value, element in values if value is not None]
            there.sort(key=lambda one: one[0], reverse=descending)
            found = [element for _, element in there] + [element for value, element in values if value is None]
        return found


def _value(element: Any, names: Names) -> Any:
    for name in names:
        element = element.get(name) if isinstance(element, dict) else None
    return element


def _encoded(value: Any) -> bytes:
    return encode({"": value}, codec_options=EXACT)


def _comparable(value: Any) -> bytes:
    raw = _encoded(value)
    return equality_key(raw[4], raw[6:-1])  # behind the length, the type byte; behind an empty name, the value


def _order(value: Any) -> tuple[str, Any]:
    """Sorts values of one type as the server does, and keeps those of other types apart."""
    if isinstance(value, Decimal128):
        value = value.to_decimal()
    if isinstance(value, (bool, str, DatetimeMS)):
        return type(value).__name__, int(value) if isinstance(value, DatetimeMS) else value
    return ("", value) if hasattr(value, "__float__") and value == value else ("~", _encoded(value))  # noqa: PLR0124 -- NaN has no order


def kept_arrays(mapping: model.Mapping, *, merges: bool) -> tuple[KeptArray, ...]:
    """Those of a mapping."""
    return tuple(_kept(array, mapping, merges=merges) for array in mapping.arrays if array.keeps_elements)


def _kept(array: model.Array, mapping: model.Mapping, *, merges: bool) -> KeptArray:
    fields = {mapped.path: mapped for mapped in mapping.fields}
    inside = f"{array.path}{MARK}."
    own = [path.removeprefix(inside) for path in fields if path.startswith(inside)]
    sort = ((sort_field(fields, array.path, name), descending) for name, descending in array.sort)
    return KeptArray(
        array.path,
        paths_of(array.on_match.by if array.on_match else ()),
        tuple((tuple(in_element(mapped.path).split(".")), descending) for mapped, descending in sort if mapped),
        tree_of(dict.fromkeys(path.partition(MARK)[0] for path in own)),
        paths_of(path.removeprefix(inside) for path in mapping.load_paths if path.startswith(inside)),
        merges,
    )
