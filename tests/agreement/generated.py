"""Hypothesis strategies: mappings of every type, constraint, policy and kind of rule, and cells around all their boundaries."""

import math
import random
import re
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

from hypothesis import strategies as st

PATHS = ("a", "b", "p.c", "p.d", "p.q.e", "r.f", "g h", "_id")
PATTERNS = ("^[a-z]+$", "a.c", r"^\d{2,3}$", r"\w", r"^\s*$", "é", "^.$", "x|^$", r"[^a-c]", "😀", r"\bfoo\b", r"^a\nb$", r"\.$")
TEXTS = (
    "", "a", "ab", "abc", "a\nc", "abc\n", "12", "123", "１２", "é", "e\u0301", "😀", "😀😀😀", " ", "\u00a0", "foo bar", "x\0y", "$a",
    "ＡＢＣ", "1.", "ß",
)  # fmt: skip
NUMBERS = {
    "int": (-(2**31), -7, -1, 0, 1, 2, 5, 130, 2**31 - 1),
    "long": (-(2**63), -(2**53) - 1, -1, 0, 1, 5, 2**31, 2**53, 2**53 + 1, 2**63 - 1),
    "double": (-1.7976931348623157e308, -1.5, 0.0, 5e-324, 0.1, 1 / 3, 1.0, 5.0, 2.0**53, 1e16, 1.7976931348623157e308),
    "decimal": ("-999999999999999999.9999999999999999", "-0.5", "0", "0.0000000000000001", "0.1", "1", "12.50", "123456789012345678.5"),
    "date": ("0001-01-01", "1969-12-31T23:59:59.999", "1970-01-01", "2024-02-29", "2024-02-29T12:00:00.001", "9999-12-31T23:59:59.999"),
}
STEPS = {"int": (1, 2, 3, 5, 7, 2**31 - 1), "long": (1, 3, 2**53 + 1, 2**63 - 1), "decimal": ("0.1", "0.0000000000000003", "7", "12.5")}
LISTED = {
    "bool": (True, False),
    "objectId": ("65b9f0c2a1b2c3d4e5f60718", "000000000000000000000000"),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
}
UNLISTED = {  # types whose values no constraint names
    "binData": ("", "00", "00ff", "cafe0102"),
    "point": ("0,0", "180,90", "-180,-90", "2.35,48.85", "180.00000000000003,0", "0,90.00000000000001", "1", "1,2,3"),
    "linestring": ("0,0;180,90", "1,2;1,2", "1,2;1,2;1,3", "1,2", "1,2;", "-180,-90;0,0;180,90", "1,2;181,3"),
}
SPELT = {"point": {"order": "lonlat"}, "linestring": {"order": "lonlat"}}
CODES = ("c1", "c2", "c3")
JUNK = ("", "junk", "1,5", "nan", "1e400", "-", "NULL")
FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.%f"]
COMPUTED = {
    "long": ("{int} + 1", "{int} * {int}", "len({string})", "days({date} - date('2024-01-01'))", "{long} // 3"),
    "double": ("{double} * 2", "{int} / 3", "round({double})"),
    "string": ("{string} + '!'", "coalesce({string}, 'none')", "'big' if {int} > 3 else 'small'"),
    "bool": ("{int} > 2", "{string} is null", "{date} < date('2000-01-01')"),
    "date": ("add_days({date}, 30)", "coalesce({date}, date('2020-01-01'))"),
    "decimal": ("{decimal} + 1", "abs({decimal})"),
}
RULES = (
    "{int} >= 0", "{int} != {long}", "{long} < 9007199254740993", "{double} <= 0.1", "{double} != {int}", "{decimal} > 0.1",
    "{decimal} == 12.5", "{date} >= date('1970-01-01')", "{date} < {date}", "{string} in ['a', 'ab', '😀']", "len({string}) > 1",
    "{string} is not null", "not ({int} > 3)", "{int} > 0 or {string} is null", "{string} == 'a' and {int} == 5",
    "startswith({string}, 'a')", "endswith({string}, 'c')", "contains({string}, '.')", r"matches({string}, r'^\w+$')",
    "lower({string}) == {string}", "{bool}", "not {bool}", "{bool} == ({int} > 0)", "days({date} - date('2000-01-01')) % 7 != 0",
    "year({date}) == 2024", "{int} + {int} < 10", "abs({long}) > 5", "min({int}, 3) == {int}", "{int} // 2 == 2",
    "{double} / {int} > 1", "strip({string}) == {string}", "{int} is not null if {bool} else {int} > 1", "{string} < 'b'",
    "{decimal} - 1 < 3", "(is_null({double}) or {double} > 0) and {string} != ''",
)  # fmt: skip


@st.composite
def constraint_groups(draw: st.DrawFn, kind: str, *, combined: bool = True) -> dict[str, Any]:
    """Some constraints for a type, not contradictory."""
    found: dict[str, Any] = {}
    if kind in NUMBERS and draw(st.booleans()):
        places = sorted(draw(st.lists(st.integers(0, len(NUMBERS[kind]) - 1), min_size=1, max_size=2, unique=True)))
        low, high = (draw(st.booleans()) for _ in range(2))
        if low or len(places) == 2:
            found[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = NUMBERS[kind][places[0]]
        if high and len(places) == 2:
            found[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = NUMBERS[kind][places[1]]
    if kind in STEPS and draw(st.integers(0, 3)) == 0:
        found["multipleOf"] = draw(st.sampled_from(STEPS[kind]))
    if kind == "string":
        some = {"minLength": st.integers(0, 2), "maxLength": st.integers(2, 4), "pattern": st.sampled_from(PATTERNS)}
        found |= draw(st.fixed_dictionaries({}, optional=some))
    if not found or draw(st.integers(0, 4)) == 0:
        found["enum"] = draw(st.lists(st.sampled_from(pool(kind)), min_size=1, max_size=4, unique=True))
    if combined and kind != "date" and draw(st.integers(0, 3)) == 0:
        name = draw(st.sampled_from(["not", "anyOf", "oneOf", "allOf"]))
        groups = constraint_groups(kind, combined=False)
        found[name] = draw(groups if name == "not" else st.lists(groups, min_size=1, max_size=3))
    return found


@st.composite
def fields(draw: st.DrawFn, path: str, kind: str) -> dict[str, Any]:
    """One field read from a column of its own name."""
    found: dict[str, Any] = {"column": path, "type": kind, **SPELT.get(kind, {})}
    if kind == "date":
        found["format"] = FORMATS
    if kind not in UNLISTED and draw(st.booleans()):
        found |= draw(constraint_groups(kind))
    if kind in NUMBERS and kind != "date" and draw(st.integers(0, 4)) == 0:
        found["number"] = {"decimal": ","}
    if kind not in UNLISTED and draw(st.integers(0, 4)) == 0:
        plain = [cell for cell in pool(kind) if cell]
        found["map"] = {code: draw(st.sampled_from(plain)) for code in CODES[:2]}
        found["otherwise"] = draw(st.sampled_from(["reject", "reject", "null", "keep", {"value": plain[0]}]))
        found.pop("number", None)
    found["on_error"] = draw(st.sampled_from(["reject", "reject", "reject", "null", "fail"]))
    if path == "_id":
        return found
    policy = draw(st.sampled_from(["", "required", "omit", "null", "default", "fail"]))
    if policy == "required":
        found["required"] = True
    elif policy == "default":
        found["default"] = draw(st.sampled_from([cell for cell in cells(kind, found) if cell not in JUNK] or ["a"]))
    elif policy:
        found["empty"] = policy
    return found


@st.composite
def mappings(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Fields, rules and further keys of a mapping."""
    paths = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=4, unique=True))
    kinds = {path: draw(st.sampled_from([*NUMBERS, "string", "string", *LISTED, *UNLISTED])) for path in paths}
    found = {path: draw(fields(path, kind)) for path, kind in kinds.items()}
    *others, last = paths
    conditions = [text for text in RULES if set(re.findall(r"\{(\w+)\}", text)) <= {kinds[path] for path in others}]
    if last != "_id" and conditions and draw(st.integers(0, 2)) == 0:
        found[last]["when"] = filled(draw, draw(st.sampled_from(conditions)), {path: kinds[path] for path in others})
    if draw(st.integers(0, 3)) == 0:
        kind = draw(st.sampled_from(list(COMPUTED)))
        text = draw(st.sampled_from(COMPUTED[kind]))
        if set(re.findall(r"\{(\w+)\}", text)) <= set(kinds.values()):
            text = filled(draw, text, kinds)
            found["s.z"] = {"compute": text, "type": kind, "on_error": draw(st.sampled_from(["reject", "null"]))}
            found["s.z"] |= draw(constraint_groups(kind)) if draw(st.booleans()) else {}
    if draw(st.integers(0, 4)) == 0:
        found["t"] = {"value": "5", "type": draw(st.sampled_from(["int", "string", "decimal"]))}
    fitting = [text for text in RULES if set(re.findall(r"\{(\w+)\}", text)) <= set(kinds.values())]
    texts = draw(st.lists(st.sampled_from(fitting), max_size=3, unique=True)) if fitting else []
    outcomes = st.sampled_from(["reject", "reject", "reject", "fail", "warn", "filter"])
    rules = {f"r{number}": {"check": filled(draw, text, kinds), "on_fail": draw(outcomes)} for number, text in enumerate(texts)}
    return found, rules, {"validation": {"additional": draw(st.booleans())}}


def filled(draw: st.DrawFn, template: str, kinds: dict[str, str]) -> str:
    """A template with paths of the wanted types."""

    def path(found: re.Match[str]) -> str:
        chosen = draw(st.sampled_from([path for path, kind in kinds.items() if kind == found[1]]))
        return f"`{chosen}`" if " " in chosen else chosen

    return re.sub(r"\{(\w+)\}", path, template)


# cells


def cells(kind: str, spec: dict[str, Any]) -> list[str]:
    """Texts around every boundary of a field, and some that are no value."""
    limits = [limit for group in _groups(spec) for limit in _limits(group)]
    found = {text for value in (*limits, *pool(kind)) for text in _near(kind, value)}
    spelt = {text.replace(".", ",") for text in found} if "number" in spec else found
    return sorted(spelt | ({*CODES} if "map" in spec else set()))


def pool(kind: str) -> tuple[Any, ...]:
    """Some values of a type, as they are written in YAML."""
    return TEXTS if kind == "string" else LISTED.get(kind) or UNLISTED.get(kind) or NUMBERS[kind]


def _groups(spec: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [group for name in ("allOf", "anyOf", "oneOf") for group in spec.get(name, [])]
    return [spec, *inner, *([spec["not"]] if "not" in spec else [])]


def _limits(group: dict[str, Any]) -> list[Any]:
    found = [group[name] for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf") if name in group]
    lengths = ["é" * (group[name] + extra) for name in ("minLength", "maxLength") if name in group for extra in (-1, 0, 1)]
    return [*found, *lengths, *group.get("enum", [])]


def _near(kind: str, value: Any) -> list[str]:
    if kind in ("int", "long"):
        return [str(value + step) for step in (-1, 0, 1)]
    if kind == "double":
        return [repr(float(near)) for near in (math.nextafter(value, -math.inf), value, math.nextafter(value, math.inf))]
    if kind == "decimal":
        with localcontext(prec=60):
            nearest = [f"{Decimal(value) + step:f}" for step in (Decimal("-1e-16"), Decimal(0), Decimal("1e-16"))]
        return [*nearest, f"{value}0" if "." in value else f"{value}.0"]
    if kind == "date":
        moment = datetime.fromisoformat(value)
        return [value, *(_moment(moment, step) for step in (-1, 0, 1))]
    return [str(value).lower() if isinstance(value, bool) else value]


def _moment(moment: datetime, milliseconds: int) -> str:
    try:
        return (moment + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")
    except OverflowError:
        return "10000-01-01"


def rows(specs: dict[str, Any], count: int, seed: int) -> list[dict[str, str]]:
    """Rows that meet every cell of every column's pool as evenly as they can; some cells are empty or no value at all."""
    chance = random.Random(seed)
    pools = {path: _pool(path, spec, count, chance) for path, spec in specs.items() if "column" in spec}
    return [{path: pool[number] for path, pool in pools.items()} for number in range(count)]


def _pool(path: str, spec: dict[str, Any], count: int, chance: random.Random) -> list[str]:
    found = cells(spec["type"], spec) * (1 if path == "_id" else 2)
    cells_of_all = [*found, *chance.sample(JUNK, 3), "", ""]
    chance.shuffle(cells_of_all)
    return (cells_of_all * (count // len(cells_of_all) + 1))[:count]
