"""`engine preview --row N` and the advice of `engine check`."""

import io
from pathlib import Path

import pytest
from agreement.judging import mapping_of

from engine import cli
from engine.preview.examples import failures, untested_checks

CELLS = "n,name,age,born\n1, Ann  Canary ,30,2001-02-03\n2,Bob,200,NULL\n3,,x,2001-02-30\n4,Zed,3,2020-01-01\n5,Long,3\n"
FIELDS = {
    "_id": {"column": "n", "type": "int"},
    "p.name": {"column": "name", "transform": ["squish", "upper"], "private": True, "required": True},
    "p.age": {"column": "age", "type": "int", "maximum": 130, "on_error": "null"},
    "born": {"column": "born", "type": "date", "null_values": ["", "NULL"], "minimum": "2000-01-01"},
    "kind": {"value": "x"},
    "next": {"compute": "p.age + 1", "type": "int"},
}
RULES = {
    "grown": {"check": "p.age >= 18"},
    "noted": {"check": "p.age < 20", "on_fail": "warn"},
    "kept": {"check": "p.age != 7", "on_fail": "filter"},
}


@pytest.fixture
def row(mongo_uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    (tmp_path / "m.yaml").write_text(mapping_of(FIELDS, RULES, dedup={"on": "row"}).text)
    (tmp_path / "in.csv").write_text(CELLS)

    def row(number: int) -> tuple[int, list[str], str]:
        out, err = io.StringIO(), io.StringIO()
        code = cli.run(["preview", "-m", str(tmp_path / "m.yaml"), "--source", str(tmp_path / "in.csv"), "--row", str(number)], out, err)
        assert "anary" not in (out.getvalue() + err.getvalue()).lower()
        return code, [" ".join(line.split()) for line in out.getvalue().splitlines()], err.getvalue()

    return row


def test_a_row_that_is_accepted(row) -> None:
    code, lines, _ = row(1)
    assert (code, lines[0]) == (0, "row 1: accepted")
    name = lines.index("p.name from column 'name' (private)")
    assert lines[name + 1 : name + 6] == [
        "cell (private)", "squish (private)", "upper (private)", "string (private) string",
        "required engine: holds; server: enforces it too",
    ]  # fmt: skip
    born = lines.index("born from column 'born'")
    assert lines[born + 1 : born + 6] == [
        'cell "2001-02-03"', "date 2001-02-03T00:00:00.000Z date", "type engine: holds; server: enforces it too",
        "minimum engine: holds; server: enforces it too", "server accepts",
    ]  # fmt: skip
    assert lines[lines.index("document") : lines.index("document") + 3] == ["document", "engine yes", "server accepts"]


def test_a_value_taken_away(row) -> None:
    lines = row(2)[1]
    age = lines.index("p.age from column 'age'")
    assert lines[age + 1 : age + 7] == [
        'cell "200"', "int 200 int", "type engine: holds; server: enforces it too",
        "maximum engine: broken, expected at most 130: removes the value; server: enforces it too",
        "document no such field", "server accepts",
    ]  # fmt: skip
    born = lines.index("born from column 'born'")
    assert lines[born + 1 : born + 4] == ['cell "NULL"', "null_values missing", "date missing"]


def test_a_row_that_is_rejected(row) -> None:
    lines = row(3)[1]
    assert lines[0] == "row 3: rejected by required, type"
    assert "type engine: broken, expected a date in the declared format (%Y-%m-%d): rejects the row; server: enforces it too" in lines
    document = lines.index("document that it would have become")
    assert lines[document + 1 : document + 3] == ["engine no", "server refuses"]


def test_a_rule_that_is_broken(row) -> None:
    lines = row(4)[1]
    rule = lines.index("rule grown p.age >= 18")
    assert lines[rule + 1 : rule + 3] == ["engine broken, must hold: p.age >= 18: rejects the row", "server refuses"]
    assert lines[-20:].count("server refuses") >= 1


def test_rows_that_are_none(row) -> None:
    assert row(5)[1][0].startswith("row 5: rejected, ")
    code, _, err = row(9)
    assert (code, "there is no row 9; the source has 5" in err) == (2, True)


def test_without_a_server_it_says_so(row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URI", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200")
    code, lines, _ = row(1)
    assert (code, lines[0]) == (0, "note: no server was asked: 127.0.0.1:1: nothing listens there (connection refused) (waited 0.2 s)")
    assert "server was not asked" in lines


# advice


def advice(*tests: dict) -> list[str]:
    mapping = mapping_of(FIELDS, RULES, dedup={"on": "row"}, tests=list(tests))
    assert failures(mapping) == []
    return [f"{one.subject} {' '.join(one.what)}".strip() for one in untested_checks(mapping)]


ADULT = {"given": {"n": 1, "name": "Ann", "age": 30, "born": "2001-01-01"}, "expect": {"p.age": 30}}


def test_what_no_test_would_miss_is_named() -> None:
    assert advice(ADULT) == ["p.name required", "p.age maximum", "born minimum", "rule grown", "rule kept"]


def test_tests_that_would_miss_everything() -> None:
    others = (
        {"but": {"age": 200}, "expect": {"p.age": None}},
        {"but": {"name": ""}, "reject": "required"},
        {"but": {"born": "1999-01-01"}, "reject": "minimum"},
        {"but": {"age": 3}, "reject": "grown"},
        {"but": {"age": 7}, "reject": "kept"},
    )
    assert advice(ADULT, *others) == []


def test_a_mapping_without_tests_gets_no_advice() -> None:
    assert advice() == []


def test_advice_leaves_the_exit_code_alone(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    tests = [{"given": {"a": "x"}, "expect": {"a": "x"}}]
    file.write_text(mapping_of({"a": {"column": "a", "enum": ["x"]}}, tests=tests).text)
    out, err = io.StringIO(), io.StringIO()
    assert cli.run(["check", "-m", str(file)], out, err) == 0
    assert "advice: line 1: no test fails without enum of a" in out.getvalue()
