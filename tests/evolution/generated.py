"""Hypothesis strategies: a mapping, one that grew out of it, and a source around all their boundaries."""

import copy
from typing import Any

from hypothesis import strategies as st

Raw = dict[str, Any]
OWN = ("A", "B", "C", "D", "E")
NUMBERED, ELEMENTS, CUT = ("X{n}", "Y{n}"), ("X1", "X2", "X3", "Y1", "Y2", "Y3"), "S"
COLUMNS = (*OWN, *ELEMENTS, CUT)
INSIDE = ("x", "y", "p.z", "p.w", "k")
PATHS = ("a", "b", "p.c", "p.d", "p.q.e", "r.f", "g", "r.h", "i")
TYPES = ("string", "int", "long", "double", "decimal", "bool", "date")
CELLS = (
    *("", "", "7", "07", "+7", "-0", "0", "3", "12", "-5", "2147483648", "1.5", "2.50", "-0.0", "true", "false", "ab", "x", "é"),
    *("2024-02-29", "2024-2-1", "0000-01-01", "9223372036854775807", "1e3", "1e-400", ".5", "123456789012345678", "1234567890123456789.5"),
)
FITTING = {
    "string": ("ab", "x", "é", "7", "07", "1.5", "2024-02-29", "true", ""), "int": ("7", "3", "0", "12", "-5", "+7", "007", "2147483647"),
    "long": ("7", "3", "12", "2147483648", "-9223372036854775808"), "double": ("1.5", "-0.0", "1e3", "7", "0.1"),
    "decimal": ("2.50", "7", "-1.5", "0.10", "12"), "bool": ("true", "false"), "date": ("2024-02-29", "1999-12-31"),
}  # fmt: skip
CONSTRAINTS = {
    "string": [{"minLength": 1}, {"maxLength": 3}, {"enum": ["ab", "x", "7", "07"]}, {"enum": ["ab", "x"]}, {"pattern": "^[a-z0-9]+$"}],
    "int": [{"minimum": 0}, {"minimum": 5}, {"maximum": 10}, {"enum": [3, 7, 12]}, {"multipleOf": 3}],
    "long": [{"minimum": 0}, {"maximum": 100}],
    "double": [{"minimum": 0}, {"maximum": 100}],
    "decimal": [{"minimum": 0}, {"maximum": 10}],
    "bool": [{"enum": [True]}],
    "date": [{"minimum": "2000-01-01"}],
}
CONSTANTS = {"string": "UK", "int": 5, "long": 5, "double": 1.5, "decimal": "2.50", "bool": True, "date": "2024-01-31"}
RETYPED = {"int": ("long", "double", "decimal"), "long": ("int", "double", "decimal"), "decimal": ("int", "long", "double")}
COMPUTED = {
    "string": ("len({0})", "{0} + '!'", "coalesce({0}, 'none')", "upper({0})"),
    "int": ("{0} + 1", "{0} * 2", "{0} > 3", "string({0})", "-{0}"),
    "long": ("{0} // 2", "{0} % 3"),
    "double": ("{0} * 2", "round({0})"),
    "decimal": ("{0} > 1", "{0} + 1"),
    "bool": ("not {0}", "1 if {0} else 2"),
    "date": ("year({0})", "add_days({0}, 1)"),
}  # fmt: skip


@st.composite
def fields(draw: st.DrawFn, columns: tuple[str, ...] = OWN) -> Raw:
    kind = draw(st.sampled_from(TYPES))
    one: Raw = {"column": draw(st.sampled_from(columns)), "type": kind}
    if draw(st.integers(0, 3)) == 0:
        one |= draw(st.sampled_from(CONSTRAINTS[kind]))
    choice = draw(st.integers(0, 7))
    one |= {0: {"required": True}, 1: {"empty": "null"}, 2: {"on_error": "null"}, 3: {"default": CONSTANTS[kind]}}.get(choice, {})
    return one


@st.composite
def mappings(draw: st.DrawFn) -> Raw:
    paths = draw(st.lists(st.sampled_from(PATHS[:6]), min_size=2, max_size=4, unique=True))
    found: Raw = {
        "mapping": "m",
        "source": {"path": "in.csv", "columns": {"extra": "ignore"}},
        "target": {"database": "DB", "collection": "c"},
        "dedup": {"on": "row"},
        "fields": {path: draw(fields()) for path in paths},
    }
    if draw(st.booleans()):
        found["indexes"] = {"one": {"keys": {paths[0]: 1}}}
    if draw(st.booleans()):
        _numbered(draw, found)
    if draw(st.integers(0, 3)) == 0:
        found["fields"]["v[]"] = draw(fields(("{value}",)))
        found["arrays"] = found.get("arrays", {}) | {"v": {"split": {"column": CUT, "separator": "|"}, **draw(policies())}}
    return found


@st.composite
def policies(draw: st.DrawFn) -> Raw:
    """What may change of an array without another look at the source."""
    choices: list[Raw] = [{}, {}, {}, {"empty": "omit"}, {"empty": "null"}, {"minItems": 1}, {"maxItems": 2}]
    return dict(draw(st.sampled_from(choices)))


def _numbered(draw: st.DrawFn, found: Raw) -> None:
    inside = draw(st.lists(st.sampled_from(INSIDE[:4]), min_size=1, max_size=3, unique=True))
    found["fields"] |= {f"l[].{name}": draw(fields(NUMBERED)) for name in inside}
    more = draw(st.sampled_from([{}, {}, {}, {"on_error": "drop"}, {"sort": [inside[0]]}]))
    found["arrays"] = {"l": {"numbered": "1..3", **draw(policies()), **more}}


def _array(path: str) -> str:
    return path[: path.rindex("[]")] if "[]" in path else ""


def _element_paths(raw: Raw) -> list[str]:
    """Where fields could be in the arrays of documents."""
    return [f"{array}[].{name}" for array in raw.get("arrays", {}) if "numbered" in raw["arrays"][array] for name in INSIDE]


def _free(raw: Raw) -> list[str]:
    """Paths that no field has; one may have had it."""
    return [path for path in (*PATHS, *_element_paths(raw)) if path not in raw["fields"]]


def _column_fields(raw: Raw) -> list[str]:
    return [path for path, one in raw["fields"].items() if "column" in one]


def _rename(draw: st.DrawFn, raw: Raw) -> None:
    old = draw(st.sampled_from(_column_fields(raw)))
    near = [path for path in _free(raw) if _array(path) == _array(old)]
    if not near or old.endswith("[]"):
        return
    new = draw(st.sampled_from(near))
    for one in [one for one in raw.get("arrays", {}).values() if "sort" in one]:
        one["sort"] = [new[len(_array(old)) + 3 :] if f"{_array(old)}[].{name}" == old else name for name in one["sort"]]
    if any("compute" in one and old in one["compute"] for one in raw["fields"].values()):
        return
    was = {"was": draw(st.sampled_from([raw["fields"][old].get("was", old), old]))}
    raw["fields"] = {new if path == old else path: one | (was if path == old else {}) for path, one in raw["fields"].items()}
    for index in raw.get("indexes", {}).values():
        index["keys"] = {_plain(new) if path == _plain(old) else path: way for path, way in index["keys"].items()}


def _plain(path: str) -> str:
    return path.replace("[]", "")


def _rename_array(draw: st.DrawFn, raw: Raw) -> None:
    if not raw.get("arrays") or "m" in raw["arrays"] or any("[]" in one.get("compute", "") for one in raw["fields"].values()):
        return
    old = draw(st.sampled_from(list(raw["arrays"])))
    if any(f"({old})" in one.get("compute", "") for one in raw["fields"].values()) or "rules" in raw:
        return
    raw["arrays"] = {"m" if path == old else path: one for path, one in raw["arrays"].items()}
    raw["fields"] = {
        f"m{path[len(old) :]}" if path.startswith(f"{old}[]") else path: one | ({"was": path} if path.startswith(f"{old}[]") else {})
        for path, one in raw["fields"].items()
    }
    raw["indexes"] = {}


def _array_policy(draw: st.DrawFn, raw: Raw) -> None:
    for one in raw.get("arrays", {}).values():
        for name in ("empty", "minItems", "maxItems"):
            one.pop(name, None)
        one.update(draw(policies()))


def _retype(draw: st.DrawFn, raw: Raw) -> None:
    one = raw["fields"][draw(st.sampled_from(_column_fields(raw)))]
    kind = draw(st.sampled_from(RETYPED.get(one["type"], TYPES)))
    for name in ("minimum", "maximum", "enum", "pattern", "minLength", "maxLength", "multipleOf"):
        one.pop(name, None)
    one["type"] = kind
    if "default" in one:
        one["default"] = CONSTANTS[kind]


def _recolumn(draw: st.DrawFn, raw: Raw) -> None:
    """A field reads another column, or two fields exchange theirs."""
    near = [path for path in _column_fields(raw) if "[]" not in path]
    if len(near) < 2:
        return
    one, other = (raw["fields"][path] for path in draw(st.permutations(near))[:2])
    exchanged = draw(st.booleans())
    one["column"], other["column"] = other["column"], one["column"] if exchanged else other["column"]


def _constrain(draw: st.DrawFn, raw: Raw) -> None:
    one = raw["fields"][draw(st.sampled_from(_column_fields(raw)))]
    for name in ("minimum", "maximum", "enum", "pattern", "minLength", "maxLength", "multipleOf"):
        one.pop(name, None)
    if draw(st.integers(0, 3)):
        one |= draw(st.sampled_from(CONSTRAINTS[one["type"]]))


def _policy(draw: st.DrawFn, raw: Raw) -> None:
    one = raw["fields"][draw(st.sampled_from(_column_fields(raw)))]
    before = {name: one.pop(name, None) for name in ("required", "empty", "default", "on_error")}
    change = draw(st.sampled_from([{}, {"required": True}, {"empty": "null"}, {"default": CONSTANTS[one["type"]]}, {"on_error": "null"}]))
    one |= change if change != {name: value for name, value in before.items() if value} else {}


def _add(draw: st.DrawFn, raw: Raw) -> None:
    if not _free(raw):
        return
    path = draw(st.sampled_from(_free(raw)))
    kind = draw(st.sampled_from(TYPES))
    how = draw(st.integers(0, 5))
    array, counted = _array(path), list(raw.get("arrays", {}))
    if not array and counted and draw(st.integers(0, 3)) == 0:
        raw["fields"][path] = {"compute": f"count({draw(st.sampled_from(counted))})"}
    elif how < 2:
        raw["fields"][path] = {"value": CONSTANTS[kind], "type": kind}
    elif how < 5:
        near = [one for one in _column_fields(raw) if _array(one) in ("", array)]
        if not near:
            return
        source = draw(st.sampled_from(near))
        raw["fields"][path] = {"compute": draw(st.sampled_from(COMPUTED[raw["fields"][source]["type"]])).format(source)}
    else:
        raw["fields"][path] = draw(fields(NUMBERED if array else OWN))


def _remove(draw: st.DrawFn, raw: Raw) -> None:
    path = draw(st.sampled_from(list(raw["fields"])))
    rest = {name: one for name, one in raw["fields"].items() if name != path}
    if any("column" in one for one in rest.values()) and not any(path in one.get("compute", "") for one in rest.values()):
        raw["fields"] = rest
        raw["arrays"] = {name: one for name, one in raw.get("arrays", {}).items() if any(f"{name}[]" in other for other in rest)}
        raw["indexes"] = {name: one for name, one in raw.get("indexes", {}).items() if _plain(path) not in one["keys"]}


def _reorder(draw: st.DrawFn, raw: Raw) -> None:
    raw["fields"] = dict(draw(st.permutations(list(raw["fields"].items()))))


def _rule(draw: st.DrawFn, raw: Raw) -> None:
    rules = {"int": "{0} > 3", "string": "{0} != 'x'", "decimal": "{0} is not null", "double": "{0} >= 0", "date": "year({0}) > 2000"}
    known = [path for path in _column_fields(raw) if raw["fields"][path]["type"] in rules]
    raw.pop("rules", None)
    if known and draw(st.booleans()):
        path = draw(st.sampled_from(known))
        check = rules[raw["fields"][path]["type"]].format(path)
        raw["rules"] = {"some": {"check": check, "on_fail": draw(st.sampled_from(["reject", "warn", "filter"]))}}


def _index(draw: st.DrawFn, raw: Raw) -> None:
    paths = list(raw["fields"])
    raw["indexes"] = {draw(st.sampled_from(["one", "two"])): {"keys": {_plain(draw(st.sampled_from(paths))): 1}}}


def _open(_draw: st.DrawFn, raw: Raw) -> None:
    raw["validation"] = {"level": "moderate"}


STEPS = (
    _rename,
    _rename_array,
    _array_policy,
    _retype,
    _retype,
    _recolumn,
    _constrain,
    _constrain,
    _policy,
    _add,
    _add,
    _remove,
    _reorder,
    _rule,
    _index,
    _open,
)


@st.composite
def evolutions(draw: st.DrawFn) -> tuple[Raw, Raw]:
    """A mapping, and what it became in one to four steps."""
    old = draw(mappings())
    if draw(st.booleans()):
        _rule(draw, old)
    new = copy.deepcopy(old)
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=4)):
        step(draw, new)
    return old, new


@st.composite
def grown(draw: st.DrawFn) -> tuple[Raw, Raw, Raw]:
    """A mapping, what it became, and what that became; each adds its documents to a collection."""
    first, second = draw(evolutions())
    third = copy.deepcopy(second)
    for step in draw(st.lists(st.sampled_from(STEPS), max_size=3)):
        step(draw, third)
    for raw in (first, second, third):
        raw |= {"id": {"hash": "row"}, "limits": {"rejects": "100%"}, "indexes": {}}
    return first, second, third


@st.composite
def rows(draw: st.DrawFn, *mapped: Raw) -> list[list[str]]:
    """Rows of which most cells fit what reads them."""
    read = {one["column"]: one["type"] for raw in mapped for one in raw["fields"].values() if "column" in one}
    kinds = {column.replace("{n}", str(number)): kind for column, kind in read.items() for number in (1, 2, 3)}
    wild, sparse = st.sampled_from(CELLS), {name: [st.just("")] for name in ELEMENTS}
    cells = [st.one_of(*[st.sampled_from(FITTING[kinds.get(name, "string")])] * 4, wild, *sparse.get(name, [])) for name in COLUMNS[:-1]]
    cells.append(st.lists(st.sampled_from(FITTING[kinds.get("{value}", "string")]), max_size=3).map("|".join))
    return [[*map(str, row)] for row in draw(st.lists(st.tuples(*cells), min_size=1, max_size=8))]
