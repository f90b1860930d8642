"""The verb: to standard output, to a file, never over a file that is there; and no private value anywhere."""

from jobs import command

from engine.mapping.loader import load

CONTENT = "id,full_name,amount\n1,Ada Ash,1.25\n2,Bo Birch,2.50\n"


def test_to_standard_output(file) -> None:
    ended = command("infer", file(CONTENT))
    assert (ended.code, ended.err) == (0, "")
    assert "full_name:" in ended.out
    assert "Ada" not in ended.out


def test_to_a_file_that_is_not_there(file, tmp_path) -> None:
    mapping = tmp_path / "new/mapping.yaml"
    ended = command("infer", file(CONTENT), "--output", mapping)
    assert (ended.code, ended.out) == (0, "")
    assert [one.path for one in load(mapping).fields] == ["_id", "full_name", "amount"]
    before = mapping.read_text(encoding="utf-8")
    again = command("infer", file(CONTENT), "--output", mapping)
    assert again.code == 2
    assert "exists" in again.err
    assert mapping.read_text(encoding="utf-8") == before


def test_a_file_that_is_missing(tmp_path) -> None:
    ended = command("infer", tmp_path / "none.csv")
    assert ended.code == 3
    assert "source_missing" in ended.err
