"""Compound indexes over arrays: refused by the engine exactly where the server could not build them."""

import pytest
from agreement.judging import mapping_of
from pymongo.database import Database
from pymongo.errors import OperationFailure

from engine.errors import UsageError

FIELDS = {"k": "k", "a[].x": "x1{n}", "a[].b[]": "{value}", "a[].c[].y": "{value}", "d[]": "d{n}", "e.f[].z": "z{n}"}
ARRAYS = {
    **{path: {"numbered": "1..2"} for path in ("a", "d", "e.f")},
    **{f"a[].{name}": {"split": {"column": "s{n}", "separator": "|"}} for name in "bc"},
}
DOCUMENT = {"k": 1, "a": [{"x": 1, "b": [1, 2], "c": [{"y": 1}, {"y": 2}]}] * 2, "d": [1, 2], "e": {"f": [{"z": 1}, {"z": 2}]}}
PARALLEL = 171
KEYS = (
    ("k", "a.x"), ("a.x", "a.b"), ("a.x", "a.c.y"), ("a.b", "a.c.y"), ("a.x", "d"), ("d", "e.f.z"), ("k", "d"), ("e.f", "k"), ("a", "a.x"),
    ("k", "e", "a.x"), ("a.c.y", "k", "a.x"), ("a.x", "e.f.z"),
)  # fmt: skip


@pytest.mark.parametrize("keys", KEYS, ids=",".join)
def test_engine_and_server_allow_the_same_indexes(keys: tuple[str, ...], database: Database) -> None:
    database["c"].insert_one(DOCUMENT)

    def built() -> bool:
        try:
            database["c"].create_index([(key, 1) for key in keys])
        except OperationFailure as error:
            return error.code != PARALLEL
        return True

    def allowed() -> bool:
        try:
            mapping_of(FIELDS, arrays=ARRAYS, indexes={"one": {"keys": dict.fromkeys(keys, 1)}})
        except UsageError as error:
            return "different arrays" not in str(error)
        return True

    assert allowed() == built()
