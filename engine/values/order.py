"""What depends on what, put in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple


class DependencyOrder(NamedTuple):
    """The `names`, each after those that it needs; and, sorted, the `circular` ones, which need each other or names that do."""

    names: list[str]
    circular: list[str]


def dependency_order(needs: Mapping[str, Iterable[str]]) -> DependencyOrder:
    """Names by what they need, otherwise as they are declared; other needs do not count."""
    places = {name: place for place, name in enumerate(needs)}
    sorter = TopologicalSorter({name: {*wanted} & places.keys() for name, wanted in needs.items()})
    ordered: list[str] = []
    with suppress(CycleError):  # the names outside of the circle are still to be had
        sorter.prepare()
    while ready := sorted(sorter.get_ready(), key=places.__getitem__):
        ordered += ready
        sorter.done(*ready)
    return DependencyOrder(ordered, sorted(needs.keys() - ordered))
