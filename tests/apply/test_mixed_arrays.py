"""Documents of several shapes whose arrays differ: elements follow their fields through all names and types."""

import csv
from typing import Any

import pytest
from evolution.bench import ALLOW, Bench
from jobs import Ended, command

HEADER = ("Nr", "X1", "Y1", "X2", "Y2", "S")
FIRST = [("1", "7", "a", "8", "", "3|4"), ("2", "9", "b", "", "", "")]
SECOND = [("3", "5", "c", "6", "d", "1"), ("4", "", "", "", "", "2|2")]
NR = {"nr": {"column": "Nr", "type": "int", "required": True}}


def x(kind: str, **more: Any) -> dict[str, Any]:
    return {"column": "X{n}", "type": kind, **more}


def numbered(array: str, **fields: Any) -> dict[str, Any]:
    """A mapping with the fields of numbered elements."""
    return {
        "fields": NR | {f"{array}[].{name}": one for name, one in fields.items()},
        "arrays": {array: {"numbered": "1..2"}},
    }


def split(array: str, kind: str, **more: Any) -> dict[str, Any]:
    """A mapping with an array of values."""
    return {
        "fields": NR | {f"{array}[]": {"column": "{value}", "type": kind, **more}},
        "arrays": {array: {"split": {"column": "S", "separator": "|"}}},
    }


Y = {"column": "Y{n}"}
INT, Z, W = x("int"), x("int", was="l[].x"), x("int", was="l[].z")
WHOLE = {"mapping": "m", "source": {"path": "in.csv", "columns": {"extra": "ignore"}}, "id": {"hash": "row"}, "dedup": {"on": "row"}}
CASES = {
    "retyped, then renamed": (numbered("l", x=x("string"), y=Y), numbered("l", x=INT, y=Y), numbered("l", z=Z, y=Y)),
    "renamed twice": (numbered("l", x=INT, y=Y), numbered("l", z=Z, y=Y), numbered("l", w=W, y=Y)),
    "renamed, then the array": (
        numbered("l", x=x("int"), y=Y),
        numbered("l", z=x("int", was="l[].x"), y=Y),
        numbered("m", z=x("int", was="l[].z"), y=Y | {"was": "l[].y"}),
    ),
    "the array twice": (
        numbered("l", x=x("int"), y=Y),
        numbered("m", x=x("int", was="l[].x"), y=Y | {"was": "l[].y"}),
        numbered("p.m", x=x("long", was="m[].x"), y=Y | {"was": "m[].y"}),
    ),
    "renamed, then into a document": (
        numbered("l", x=x("decimal"), y=Y),
        numbered("l", z=x("double", was="l[].x"), y=Y),
        numbered("l", **{"q.z": x("double", was="l[].z")}, y=Y),
    ),
    "renamed, then another removed": (
        numbered("l", x=x("int", required=True), y=Y),
        numbered("l", z=x("int", was="l[].x", required=True), y=Y),
        numbered("l", z=x("int", was="l[].x", required=True)),
    ),
    "values twice": (split("v", "string"), split("w", "int", was="v[]"), split("u", "long", was="w[]")),
}


def call(bench: Bench, verb: str, raw: dict[str, Any], *more: str, mode: str = "append", collection: str = "c") -> Ended:
    return command(verb, "-m", bench.mapping(WHOLE | raw, collection, mode), *more)


def load(bench: Bench, raw: dict[str, Any], rows: Any, **target: str) -> None:
    source = bench.folder / "in.csv"
    with source.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])
    ended = call(bench, "run", raw, "--source", str(source), "--allow", "mixed_shapes", **target)
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("case", CASES)
def test_elements_come_together(bench: Bench, case: str) -> None:
    oldest, middle, newest = CASES[case]
    load(bench, oldest, FIRST)
    load(bench, middle, SECOND)
    planned = call(bench, "plan", newest, "--json").report
    assert not planned["refusals"]
    assert len(planned["shapes"]) == 2
    ended = call(bench, "apply", newest, *ALLOW)
    assert ended.code == 0, ended.err
    assert call(bench, "plan", newest).code == 0
    load(bench, newest, [*FIRST, *SECOND], mode="replace", collection="fresh")
    assert bench.documents() == bench.documents("fresh")
