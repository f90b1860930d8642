"""docs/shapes.md as it stands: the files, the mapping and the documents of each example."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from bson import decode
from bson.json_util import RELAXED_JSON_OPTIONS, dumps

from engine.mapping.loader import loads_all
from engine.mapping.model import Mapping
from engine.plan import compile_plan
from engine.sources import open_source
from engine.sources.secondary import read_secondary_sources

PAGE = Path(__file__).parents[2] / "docs/shapes.md"
BLOCK = re.compile(r"(?:`(?P<name>[\w.]+)`\n)?```(?P<kind>csv|yaml|json)\n(?P<text>.*?)```", re.DOTALL)
HEAD = "mapping: example\ntarget: {database: shop, collection: things}\n"


def examples() -> list[tuple[dict[str, str], str, str]]:
    """The files, the mapping and the documents of each."""
    found, files, mapping = [], {}, ""
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        if block["kind"] == "csv":
            files[block["name"]] = block["text"]
        elif block["kind"] == "yaml":
            mapping = block["text"]
        else:
            found.append((files, mapping, block["text"]))
            files = {}
    return found


def documents(mapping: Mapping) -> list[dict]:
    tables, source = read_secondary_sources(mapping, open_source(mapping.source))
    plan = compile_plan(mapping, source.columns, now=datetime(2024, 1, 1), tables=tables)  # noqa: DTZ001
    found = []
    for batch in source.batches():
        verdicts = plan.apply(batch.frame)
        assert not batch.malformed
        assert not len(verdicts.rejected)
        found += [json.loads(dumps(decode(raw), json_options=RELAXED_JSON_OPTIONS)) for raw in plan.encode(verdicts.accepted)]
    return found


@pytest.mark.parametrize(("files", "mapping", "expected"), examples())
def test_example(files: dict[str, str], mapping: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")
    head = HEAD.replace(", collection: things", "") if "collections:" in mapping else HEAD
    found = [documents(one) for one in loads_all(head + mapping)]
    assert (found[0] if len(found) == 1 else found) == json.loads(expected)
