"""Column names as paths: in snake_case, in a nested document where columns share a prefix; distinct, and no path inside another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.infer.words import snake

TOO_COMMON = frozenset(
    {"str", "int", "num", "number", "has", "had", "was", "date", "time", "total", "sum", "first", "last", "min", "max", "avg", "mean",
     "new", "old", "the", "from", "col", "column", "field", "val", "value", "var", "unnamed", "not", "all", "any", "other", "main", "net"}
)  # fmt: skip
SHORTEST, LEAST = 3, 2
NUMBERED = re.compile(r"(.*?)([0-9]+)(\D*)")
FAMILY, YEARS = 3, 3
HEADED = re.compile(r"(1[5-9]|20|21)[0-9]{2}([-/_ ]?(Q[1-4]|[01]?[0-9](-[0-3][0-9])?))?")


@dataclass(frozen=True)
class Family:
    """Numbered columns: `pattern` is their name with {n} for the number; `numbers` and `columns` are sorted by number."""

    pattern: str
    numbers: tuple[str, ...]
    columns: tuple[str, ...]


def paths(columns: Sequence[str]) -> dict[str, str]:
    """A path for each column. Nested paths fall back to flat names where they would collide."""
    flat = _distinct({name: snake(name) or f"column_{place}" for place, name in enumerate(columns, 1)})
    grouped = flat | _prefixed(flat) | _dotted(columns)
    taken = Counter(grouped.values())
    parents = {path[:at] for path in grouped.values() for at, one in enumerate(path) if one == "."}
    wrong = {path for path in grouped.values() if taken[path] > 1 or path in parents}
    tops = {path.partition(".")[0] for path in wrong}
    return _distinct({name: flat[name] if path.partition(".")[0] in tops else path for name, path in grouped.items()})


def _distinct(found: Mapping[str, str]) -> dict[str, str]:
    taken: set[str] = set()
    result: dict[str, str] = {}
    for name, path in found.items():
        free, count = path, 1
        while free in taken or (count > 1 and free in found.values()):
            count += 1
            free = f"{path}_{count}"
        taken.add(free)
        result[name] = free
    return result


def _prefixed(flat: Mapping[str, str]) -> dict[str, str]:
    """Paths of the columns that share their first word with others, but not with most."""
    words = {name: path.partition("_") for name, path in flat.items()}
    counts = Counter(first for first, _, rest in words.values() if rest and not rest[0].isdigit())
    alone = {first for first, _, rest in words.values() if not rest or rest[0].isdigit()}
    return {
        name: f"{first}.{rest}"
        for name, (first, _, rest) in words.items()
        if counts[first] >= LEAST
        and (2 * counts[first] <= len(flat))
        and first not in alone | TOO_COMMON
        and len(first) >= SHORTEST
        and first.isalpha()
    }


def _dotted(columns: Sequence[str]) -> dict[str, str]:
    """Paths of the columns whose names are paths already."""
    found = {name: [snake(part) for part in name.split(".")] for name in columns if re.fullmatch(r"[^.\s]+(\.[^.\s]+)+", name)}
    return {name: ".".join(parts) for name, parts in found.items() if all(parts) and not parts[-1][0].isdigit()}


def families(columns: Sequence[str]) -> list[Family]:
    """Columns whose names differ only in a number: three or more, numbered from 0 or 1 without a gap."""
    found: dict[str, dict[int, tuple[str, str]]] = {}
    for name in columns:
        match = NUMBERED.fullmatch(name)
        if match and "{" not in name and match[1] + match[3]:
            found.setdefault(f"{match[1]}{{n}}{match[3]}", {})[int(match[2])] = (match[2], name)
    return [
        Family(pattern, *(tuple(pair[side] for _, pair in sorted(numbered.items())) for side in (0, 1)))
        for pattern, numbered in found.items()
        if len(numbered) >= FAMILY
        and min(numbered) in (0, 1)
        and max(numbered) - min(numbered) == len(numbered) - 1
    ]  # fmt: skip


def headed(columns: Sequence[str]) -> list[str]:
    """Columns whose names are years or months, so that the header holds values."""
    found = [name for name in columns if HEADED.fullmatch(name.strip())]
    return found if len(found) >= YEARS else []
