"""Each tests/mapping/refused/NAME.yaml is a mapping that must be refused with exactly the findings of NAME.txt.

ENGINE_UPDATE_CASES=1 writes the findings anew.
"""

import os
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.mapping.loader import load, loads

FOLDER = Path(__file__).parent / "refused"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    with pytest.raises(UsageError) as caught:
        load(file.name)
    found = "".join(f"{finding}\n" for finding in caught.value.findings)
    expected = file.with_suffix(".txt")
    if os.environ.get("ENGINE_UPDATE_CASES"):
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")


def test_a_bomb_ends_at_once() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"] + [f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]" for n in range(20)]
    with pytest.raises(UsageError, match="anchors and aliases"):
        loads("\n".join(lines))


@pytest.mark.parametrize("text", ["[" * 5000, "a: " * 3000, "\0", "x: !!python/object:os.system ls", "- " * 5000, "{" * 100_000, ""])
def test_hostile_texts_are_findings(text: str) -> None:
    with pytest.raises(UsageError):
        loads(text)


def test_a_missing_file_is_a_finding_with_the_near_name(tmp_path: Path) -> None:
    (tmp_path / "admissions.yaml").write_text("mapping: a\n")
    with pytest.raises(UsageError, match=r"mapping_missing.*did you mean .*admissions\.yaml"):
        load(tmp_path / "admission.yaml")
