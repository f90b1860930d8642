"""Ways to edit a mapping, as YAML gives it. Each returns a function that does so."""

import json
from collections.abc import Callable
from typing import Any

Raw = dict[str, Any]  # a mapping
Change = Callable[[Raw], Any]


def add(path: str, after: str = "", **field: Any) -> Change:
    """A new field, behind the field `after` or at the end."""

    def change(raw: Raw) -> None:
        items = list(raw["fields"].items())
        place = [*raw["fields"]].index(after) + 1 if after else len(items)
        raw["fields"] = dict([*items[:place], (path, field), *items[place:]])

    return change


def rename(old: str, new: str) -> Change:
    """A field has another path, also in rules, indexes and expressions."""

    def change(raw: Raw) -> None:
        raw.update(json.loads(json.dumps(raw).replace(old, new)))
        raw["fields"][new]["was"] = old

    return change


def alter(path: str, **attributes: Any) -> Change:
    """Attributes of a field; None takes one away."""

    def change(raw: Raw) -> None:
        found = raw["fields"][path] | attributes
        raw["fields"][path] = {name: value for name, value in found.items() if value is not None}

    return change


def drop(part: str, *names: str) -> Change:
    """Entries of a part of the mapping go."""
    return lambda raw: [raw[part].pop(name) for name in names]


def put(part: str, **entries: Any) -> Change:
    """Entries of a part of the mapping."""
    return lambda raw: raw.setdefault(part, {}).update(entries)


def described(raw: Raw) -> None:
    raw["description"] = "One stay in a hospital."


def last_first(raw: Raw) -> None:
    raw["fields"] = dict(reversed(raw["fields"].items()))
