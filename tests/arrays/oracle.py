"""What a mapping with arrays means, in plain Python dicts: slow, obvious, written from the language's descriptions, not from the engine.

It reads the mapping as it is written, and knows a part of the language: what `random_mappings` makes.
"""

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Row = dict[str, str]
Tables = dict[str, list[Row]]
NULLS = ("", "NULL")


@dataclass
class Outcome:
    """A row's document, or the codes of what rejects it. `used` and `asked` are rows of other sources, by name and place."""

    document: dict[str, Any]
    codes: set[str]
    used: set[tuple[str, int]] = field(default_factory=set)
    asked: set[tuple[str, int]] = field(default_factory=set)


@dataclass
class Element:
    """One element, or the document itself: values by path, lists by array."""

    values: dict[str, Any]
    codes: set[str]
    used: set[tuple[str, int]]
    cells: dict[str, str | None]


class Oracle:
    def __init__(self, mapping: dict[str, Any], tables: Tables, columns: dict[str, list[str]]) -> None:
        self.mapping, self.tables, self.columns = mapping, tables, columns
        self.fields: dict[str, dict[str, Any]] = mapping["fields"]
        self.arrays: dict[str, dict[str, Any]] = mapping.get("arrays", {})
        self.lookups: dict[str, dict[str, Any]] = mapping.get("lookups", {})
        self.asked: set[tuple[str, int]] = set()
        self.tried: list[str] = []  # the arrays of all elements that there are, good or bad

    def outcomes(self) -> list[Outcome]:
        return [self.outcome(row) for row in self.tables[self.mapping["document"]]]

    def outcome(self, row: Row) -> Outcome:
        self.asked = set()
        found = self.element("", dict(row), {}, row)
        return Outcome(self.document("", found.values), found.codes, found.used, self.asked)

    # levels

    def element(self, array: str, cells: dict[str, str | None], around: dict[str, Any], row: Row) -> Element | None:
        """An element from its cells; None where none of its own columns has a value. `row` is the row of a source around it."""
        mine = {path: spec for path, spec in self.fields.items() if inside(path) == array}
        codes: set[str] = set()
        cells = {**cells, **self.looked_up(array, mine, cells, row, codes)}
        own = [column for spec in mine.values() if "column" in spec for column in [spec["column"]] if self.is_own(array, column)]
        absent = array and own and not codes and all(missing(self.cell(cells, row, column)) for column in own)
        tried = len(self.tried)
        values = dict(around)
        for path, spec in mine.items():
            if "compute" not in spec:
                values[path] = self.read(spec, self.cell(cells, row, spec["column"]), codes)
        used: set[tuple[str, int]] = set()
        lists: dict[str, list[Element]] = {}
        for path, spec in self.arrays.items():
            if inside(path) == array:
                lists[path] = self.elements(path, cells, values, row, (codes, used))
                self.check_array(path, spec, lists[path], codes)
        for path, spec in mine.items():
            if "compute" in spec:
                values[path] = evaluate(spec["compute"], values, lists)
        for name, rule in self.mapping.get("rules", {}).items():
            if rule["array"] == array and evaluate(rule["check"], values, lists) is False:
                codes.add(name)
        if absent and len(self.tried) == tried:
            return None
        if array:
            self.tried.append(array)
        stored = {path: self.stored(path, self.arrays[path], found) for path, found in lists.items()}
        return Element({**values, **stored, LISTS: lists}, codes - {NOTED}, used, cells)

    def elements(self, path: str, cells: dict[str, str | None], around: dict[str, Any], row: Row, said: tuple[set, set]) -> list[Element]:
        """The elements that stay; `said` are the codes and the rows of other sources, added to."""
        (codes, used), spec = said, self.arrays[path]
        drop = spec.get("on_error") == "drop"
        found: list[Element] = []
        for place, (own, near) in enumerate(self.cells_of(path, spec, cells, row, codes)):
            one = self.element(path, {"{n}": str(place + 1), **own}, around, near)
            if one is None or (drop and one.codes):
                continue
            codes |= one.codes
            if f"{path}[]" in self.fields and one.values[f"{path}[]"] is None:
                continue
            if "source" in spec:
                one.used.add((spec["source"], int(own["\0place"])))
            used |= one.used
            found.append(one)
        for name in reversed(spec.get("sort", [])):
            key = name.removeprefix("-")
            at = f"{path}[].{key}" if f"{path}[].{key}" in self.fields else None
            known = [one for one in found if (one.values[at] if at else one.cells[key]) is not None]
            others = [one for one in found if one not in known]
            known.sort(key=lambda one: one.values[at] if at else one.cells[key], reverse=name.startswith("-"))  # it keeps ties in order
            found = known + others
        return found

    def cells_of(self, path: str, spec: dict[str, Any], cells: dict[str, str | None], row: Row, codes: set[str]) -> list[tuple[dict, Row]]:
        """The own cells of each element, in order, and the row of a source that they stand in."""
        if "source" in spec:
            found = []
            for place, theirs in enumerate(self.tables[spec["source"]]):
                if all(not missing(theirs[a]) and theirs[a] == self.cell(cells, row, b) for a, b in spec["on"].items()):
                    self.asked.add((spec["source"], place))
                    found.append(({**theirs, "\0place": str(place)}, theirs))
            return found
        if "numbered" in spec:
            first, last = map(int, spec["numbered"].split(".."))
            return [({**row_cells(cells), "{n}": str(n), "{set}": str(n)}, row) for n in range(first, last + 1)]
        if "columns" in spec:
            named = [(re.search(spec["columns"], name), name) for name in row]
            keys = {name: (match.groups() or [name])[0] for match, name in named if match}
            return [({**row_cells(cells), "{key}": key, "{value}": row[name]}, row) for name, key in keys.items()]
        if "split" in spec:
            text = self.cell(cells, row, spec["split"]["column"])
            parts = [] if missing(text) else text.split(spec["split"]["separator"])
            return [({**row_cells(cells), "{value}": part}, row) for part in parts]
        text = self.cell(cells, row, spec["json"]["column"])
        if missing(text):
            return []
        try:
            return [(members, {}) for members in json_elements(json.loads(text, parse_float=str, parse_int=str))]
        except ValueError:
            codes.add("json")
            self.tried.append(path)
            return []

    def looked_up(self, array: str, mine: dict, cells: dict, row: Row, codes: set[str]) -> dict[str, str | None]:
        """The columns of the lookups that a level reads, in their order."""
        asked = [spec["column"] for spec in mine.values() if "column" in spec]
        asked += [ours for path, spec in self.arrays.items() if inside(path) == array for ours in spec.get("on", {}).values()]
        needed = {column.partition(".")[0] for column in asked if "." in column}
        for name in reversed(self.lookups):  # a lookup's key comes from one before it
            if name in needed:
                needed |= {ours.partition(".")[0] for ours in self.lookups[name]["on"].values() if "." in ours}
        found: dict[str, str | None] = {}
        for name, spec in self.lookups.items():
            if name not in needed:
                continue
            key = {theirs: self.cell({**cells, **found}, row, ours) for theirs, ours in spec["on"].items()}
            hit = next((one for one in self.tables[spec["source"]] if all(one[a] == b for a, b in key.items())), None)
            if any(missing(text) for text in key.values()):
                hit = None
            elif hit is None:
                codes.add("unmatched" if spec.get("unmatched", "reject") == "reject" else NOTED)
            found |= {f"{name}.{column}": hit[column] if hit else None for column in self.columns[spec["source"]]}
        return found

    def cell(self, cells: dict[str, str | None], row: Row, column: str) -> str | None:
        name = column.replace("{n}", cells.get("{set}") or "") if "{n}" in column and column != "{n}" else column
        return cells.get(name, row.get(name))

    def is_own(self, array: str, column: str) -> bool:
        if column in ("{n}", "{key}"):
            return False
        if "." in column and column.partition(".")[0] in self.lookups:
            return any(self.is_own(array, ours) for ours in self.lookups[column.partition(".")[0]]["on"].values())
        spec = self.arrays.get(array, {})
        if "numbered" in spec:
            return "{n}" in column
        return column == "{value}" if {"columns", "split"} & spec.keys() else True

    # values

    def read(self, spec: dict[str, Any], text: str | None, codes: set[str]) -> Any:
        if missing(text):
            text = spec.get("default")
        if text is None:
            if spec.get("required"):
                codes.add("required")
            return None
        value = READ[spec.get("type", "string")](text)
        if value is None:
            code = "type"
        elif "minimum" in spec and value < spec["minimum"]:
            code = "minimum"
        elif "enum" in spec and value not in spec["enum"]:
            code = "enum"
        else:
            return value
        if spec.get("on_error") == "null":
            return None
        codes.add(code)
        return value

    def check_array(self, path: str, spec: dict[str, Any], found: list[Element], codes: set[str]) -> None:
        if not found and spec.get("empty", "list") != "list":
            return
        codes |= {"minItems"} if len(found) < spec.get("minItems", 0) else set()
        codes |= {"maxItems"} if len(found) > spec.get("maxItems", len(found)) else set()
        if spec.get("uniqueItems"):
            values = [one.values[f"{path}[]"] for one in found]
            codes |= {"uniqueItems"} if any(value in values[:place] for place, value in enumerate(values)) else set()

    def stored(self, path: str, spec: dict[str, Any], found: list[Element]) -> Any:
        if not spec.get("embed", True):
            return ABSENT
        if not found and spec.get("empty", "list") != "list":
            return None if spec["empty"] == "null" else ABSENT
        if f"{path}[]" in self.fields:
            return [one.values[f"{path}[]"] for one in found]
        return [self.document(path, one.values) for one in found]

    def document(self, array: str, values: dict[str, Any]) -> dict[str, Any]:
        """The document of a level: nested, without what is missing unless it is written as null."""
        found: dict[str, Any] = {}
        for path, spec in [*self.fields.items(), *self.arrays.items()]:
            if inside(path) != array or values[path] is ABSENT:
                continue
            if path not in self.arrays and values[path] is None and spec.get("empty") != "null":
                continue
            *parents, last = path[len(array) + 3 if array else 0 :].split(".")
            node = found
            for name in parents:
                node = node.setdefault(name, {})
            node[last] = values[path]
        return found


ABSENT = object()
LISTS = "\0lists"  # beside an element's values: the elements of its arrays
NOTED = "\0noted"  # a code that rejects nothing


def inside(path: str) -> str:
    return path[: path.rindex("[]")] if "[]" in path else ""


def missing(text: str | None) -> bool:
    return text is None or text in NULLS


def row_cells(cells: dict[str, str | None]) -> dict[str, str | None]:
    return {name: text for name, text in cells.items() if name not in ("{n}", "{key}", "{value}")}


def json_elements(found: Any) -> list[dict[str, str | None]]:
    if isinstance(found, dict):
        found = [{**(value if isinstance(value, dict) else {}), "{key}": key, "{value}": value} for key, value in found.items()]
    elif isinstance(found, list):
        found = [{**(value if isinstance(value, dict) else {}), "{value}": value} for value in found]
    elif found is not None:
        raise ValueError
    return [{name: member(one, name) for name in ("a", "b", "o.c", "{key}", "{value}")} for one in found or []]


def member(one: dict[str, Any], name: str) -> str | None:
    first, _, rest = name.partition(".")
    value = one.get(first)
    if rest:
        return member(value, rest) if isinstance(value, dict) else None
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else written(value)


def written(value: Any) -> str:
    """JSON; what `json.loads` was told to keep as text are numbers, and texts of the test never look like one."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {written(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return value if isinstance(value, str) and re.fullmatch(r"-?[0-9.]+", value) else json.dumps(value, ensure_ascii=False)


def whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None


def double(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text) else None


def decimal(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text) else None


READ = {"string": str, "int": whole, "double": double, "decimal": decimal}


# expressions: nested tuples; `text_of` writes them as the mapping does


def text_of(tree: Any) -> str:
    match tree:
        case ("path", path):
            return f"`{path}`"
        case ("count", array):
            return f"count(`{array}`)"
        case ("of", name, array, inner):
            return f"{name}({text_of(inner)})"
        case (operator, left, right):
            return f"({text_of(left)} {operator} {text_of(right)})"
    return str(tree)


def evaluate(tree: Any, values: dict[str, Any], lists: dict[str, list[Element]]) -> Any:
    match tree:
        case ("path", path):
            return values[path]
        case ("count", array):
            return len(lists[array])
        case ("of", name, array, inner):
            found = [evaluate(inner, {**values, **one.values}, one.values[LISTS]) for one in lists[array]]
            return AGGREGATE[name]([value for value in found if value is not None])
        case (operator, left, right):
            a, b = evaluate(left, values, lists), evaluate(right, values, lists)
            return None if a is None or b is None else OPERATORS[operator](a, b)
    return tree


OPERATORS = {"+": lambda a, b: a + b, "*": lambda a, b: a * b, "<=": lambda a, b: a <= b, "!=": lambda a, b: a != b}
AGGREGATE = {
    "sum": sum,
    "mean": lambda values: sum(values) / len(values) if values else None,
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
    "count": len,
    "first": lambda values: values[0] if values else None,
    "last": lambda values: values[-1] if values else None,
    "any": any,
    "all": all,
}
