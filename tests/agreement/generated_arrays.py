"""Hypothesis strategies: mappings with arrays of documents and of values, one inside the other, over the cells of one row."""

import random
import re
from typing import Any

from hypothesis import strategies as st

from engine.values.paths import arrays_of

from .generated import COMPUTED, LISTED, NUMBERS, RULES, UNLISTED, _pool, constraint_groups, fields, filled

SETS, BETWEEN = 3, "\x1f"
KINDS = (*NUMBERS, "string", "string", *LISTED)
COUNTS = {"": ("count(e) >= 1", "count(e) != count(v)", "{int} > count(v)"), "e": ("count(e[].deep) < 3", "{int} != count(e[].deep)")}


def policies(draw: st.DrawFn, *, values: bool) -> dict[str, Any]:
    found = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "empty": st.sampled_from(["list", "omit", "null"]),
                "minItems": st.sampled_from([1, 2]),
                "maxItems": st.sampled_from([2, 3]),
                "on_error": st.sampled_from(["drop", "reject"]),
            },
        )
    )
    return found | ({"uniqueItems": True} if values and draw(st.booleans()) else {})


@st.composite
def mappings(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Fields, rules and further keys of a mapping."""
    kinds = {path: draw(st.sampled_from(KINDS)) for path in ("d", "e[].a", "e[].p.b", "e[].deep[]")}
    kinds["v[]"] = draw(st.sampled_from([*KINDS, *UNLISTED]))
    found = {path: draw(fields(path, kind)) for path, kind in kinds.items()}
    for path, spec in found.items():
        spec["column"] = {"d": "d", "e[].deep[]": "{value}"}.get(path, f"{path}{{n}}")
        if path.endswith("[]"):
            for name in ("empty", "required", "default"):
                spec.pop(name, None)
    arrays = {
        "e": {"numbered": f"1..{SETS}", **policies(draw, values=False)},
        "v": {"numbered": f"1..{SETS}", **policies(draw, values=True)},
        "e[].deep": {"split": {"column": "e[].deep[]{n}", "separator": BETWEEN}, **policies(draw, values=True)},
    }
    for path, spec in found.items():
        if any(arrays[array].get("on_error") == "drop" for array in arrays_of(path)):  # what fails the run is in no document
            found[path] = {name: value for name, value in spec.items() if value != "fail"}
    levels = {
        "": {"d": kinds["d"]},
        "e": {path: kind for path, kind in kinds.items() if path in ("d", "e[].a", "e[].p.b")},
        "v": {path: kind for path, kind in kinds.items() if path in ("d", "v[]")},
        "e[].deep": {path: kind for path, kind in kinds.items() if path != "v[]"},
    }
    if draw(st.booleans()):
        kind = draw(st.sampled_from(list(COMPUTED)))
        if texts := fitting(COMPUTED[kind], levels["e"]):
            found["e[].z"] = {"compute": filled(draw, draw(st.sampled_from(texts)), levels["e"]), "type": kind}
            found["e[].z"] |= draw(constraint_groups(kind)) if draw(st.booleans()) else {}
    if draw(st.integers(0, 3)) == 0:
        found["n"] = {"compute": draw(st.sampled_from(["count(e)", "count(v)"])), "type": "long", "maximum": 2}
    outcomes = st.sampled_from(["reject", "reject", "reject", "warn", "filter"])
    rules: dict[str, Any] = {}
    for place in draw(st.lists(st.sampled_from([*levels, "e"]), max_size=3)):
        if texts := fitting((*RULES, *COUNTS.get(place, ())), levels[place]):
            check = filled(draw, draw(st.sampled_from(texts)), levels[place])
            rules[f"r{len(rules)}"] = {"check": check, "on_fail": draw(outcomes)}
    return found, rules, {"arrays": arrays, "validation": {"additional": draw(st.booleans())}}


def fitting(texts: tuple[str, ...], kinds: dict[str, str]) -> list[str]:
    return [text for text in texts if set(re.findall(r"\{(\w+)\}", text)) <= set(kinds.values())]


def rows(specs: dict[str, Any], count: int, seed: int) -> list[dict[str, str]]:
    """Rows that meet the cells of every field's pool, in each of its places; the values inside documents lie packed in one cell."""
    chance = random.Random(seed)
    pools: dict[str, list[str]] = {}
    for path, spec in specs.items():
        if "column" not in spec:
            continue
        for number in range(1, SETS + 1):
            pool = _pool(path, spec, count, chance)
            if path == "e[].deep[]":
                some = [chance.choices(pool, k=chance.choice((0, 1, 1, 2, 3))) for _ in range(count)]
                pools[f"e[].deep[]{number}"] = [BETWEEN.join(one) for one in some]
            else:
                pools[spec["column"].replace("{n}", str(number))] = pool
    return [{column: cells[number] for column, cells in pools.items()} for number in range(count)]
