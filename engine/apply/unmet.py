"""What a live collection lacks of its mapping: another validation, indexes that are missing or are others. Documents are not looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.documents.validators import options
from engine.mapping.model import KEY_INDEX, Index, Mapping
from engine.mapping.profiles import ServerProfile
from engine.mongo.indexes import conflicting
from engine.mongo.ownership import Existing
from engine.mongo.unique import by_another_name


def unmet(existing: Existing, mapping: Mapping, profile: ServerProfile, beside: Iterable[Mapping] = ()) -> Iterator[str]:
    """A line each, without values; they begin as those of `state.differences`. `beside`: mappings whose documents are there too."""
    rules = options(mapping, profile, beside)
    if rules and not existing.has_validation(rules):
        yield "validator: is not the mapping's"
    live = [Index(name, tuple(spec["key"].items()), spec) for name, spec in existing.indexes.items()]
    for index in mapping.indexes:
        if index.name == KEY_INDEX and by_another_name(index, live):
            continue
        if line := _unmet(index, existing):
            yield f"index {index.name}: {line}"


def _unmet(index: Index, existing: Existing) -> str:
    if other := conflicting(index, existing.indexes.values()):
        return "has other keys or options than the mapping's" if other["name"] == index.name else f"{other['name']} has the same keys"
    return "" if index.name in existing.indexes else "missing"


def added(drift: tuple[str, ...], lines: Iterator[str]) -> tuple[str, ...]:
    """The drift, and the lines about what it does not speak of."""
    told = {line.partition(":")[0] for line in drift}
    return (*drift, *(line for line in lines if line.partition(":")[0] not in told))
