"""What is written is read back as it was meant: names, traps of YAML, control characters, the loader's variables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.infer.paths import paths
from engine.infer.writing import name_of
from engine.infer.yamltext import flow
from engine.mapping.yamltree import parse

TRAPS = [
    "no", "yes", "Off", "null", "~", "", " ", " a", "a ", "1.10", "1", "-1", "0x1f", "1:30", "010", "1_000", ".5", "1e3", "true", "y", "N",
    "a: b", "a #b", "#", "- a", "-", "?", "*a", "&a", "!a", "@a", "`a", "%a", "|", ">", "{a}", "[a]", "a,b", "'", '"', "\\", 'a"b\\', "\t",
    "a\nb", "\r", "\x00\x07\x7f\x85", "\u2028\ufeff\u200b", "é", "日本", "😀", "$a", "a.b", "${HOME}", "${X:-y}", "$${HOME}", "<<",
    "...", "---", "=", "NaN", ".inf", "2024-01-31", "a:", ":a", "key: value",
]  # fmt: skip


@pytest.mark.parametrize("text", TRAPS)
def test_traps_are_read_back(text) -> None:
    assert read(flow({"k": text})) == {"k": text}
    assert read(flow([text, text])) == [text, text]
    assert read(flow({text: 1})) == {text: 1}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_read_back(text) -> None:
    assert read(flow({"k": [text], text + "x": None})) == {"k": [text], text + "x": None}


def read(text: str):
    tree = parse(text, "test")
    assert tree.findings == []
    return tree.value


@pytest.mark.parametrize("name", [one for one in TRAPS if "\0" not in one and one.strip("\r\n")])
def test_any_name_of_a_column(inferred, name) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    found = inferred(f"{quoted},other\na,b\nc,d\n" if name != "other" else "other\na\n")
    headless = found.mapping.source.dialect.names is not None
    assert headless or name in {str(one.column) for one in found.mapping.fields}


@given(st.lists(st.text(max_size=8), unique=True, max_size=12))
def test_paths_are_distinct_and_none_lies_in_another(names) -> None:
    found = list(paths(names).values())
    assert len(found) == len(set(found)) == len(names)
    assert not any(other.startswith(one + ".") for one in found for other in found)


@pytest.mark.parametrize(
    ("path", "name"), [("a/My Data.csv.gz", "my_data"), ("2024.csv", "data_2024"), ("é.csv", "data"), (".csv", "data")]
)
def test_names_of_mappings(path, name) -> None:
    assert name_of(path) == name
