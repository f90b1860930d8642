"""docs/evolution.md as it stands: its edits are made, its commands are run, and the terminal shows what the page shows.

ENGINE_UPDATE_DOCS=1 writes what the terminal shows into the page instead.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jobs import command
from pymongo import MongoClient

from engine.evolution import KINDS
from engine.values.types import type_table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/evolution.md"
MAPPING = "admissions.yaml"
BLOCK = re.compile(r"```(?P<kind>diff|console)\n(?P<text>.*?)```", re.DOTALL)
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
SHOWN_ID = "20260105T093000Z-4f1c2a"
WIDEST = 400  # of a line that the page shows


def edited(text: str, diff: str) -> str:
    """The mapping after an edit: lines with `-` are replaced by those with `+` that follow; a `+` alone stands behind the line above it."""
    lines, last = text.split("\n"), 0
    for line in diff.rstrip("\n").split("\n"):
        sign, body = line[:1], line[1:]
        if sign == "+":
            lines.insert(last, body)
            last += 1
        else:
            found = [number for number, one in enumerate(lines) if one == body]
            assert len(found) == 1, f"{len(found)} lines are {body!r}"
            last = found[0]
            if sign == "-":
                del lines[last]
            else:
                last += 1
    return "\n".join(lines)


def carried_out(line: str, codes: list[int]) -> str:
    """What the terminal shows for a command."""
    program, *words = shlex.split(line)
    if program == "echo":
        return f"{codes[-1]}\n"
    if program == "python":
        done = subprocess.run([sys.executable, ROOT / words[0], *words[1:]], capture_output=True, text=True, check=True)
        codes.append(done.returncode)
        return ""
    if program == "cp":
        Path(words[1]).write_text(Path(words[0]).read_text())
        return ""
    assert program == "engine"
    ended = command(*words)
    codes.append(ended.code)
    shown = RUN_ID.sub(SHOWN_ID, ended.err + ended.out)
    return "\n".join(one.rstrip() if len(one) <= WIDEST else one[:WIDEST] + " …" for one in shown.split("\n"))


def told(text: str, codes: list[int]) -> str:
    """A console block as it should be."""
    lines = [line for line in text.split("\n") if line.startswith("$ ")]
    return "".join(f"{line}\n{carried_out(line[2:], codes)}" for line in lines)


def test_the_story(mongo_uri: str, mongo_client: MongoClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    mapping = (ROOT / "mappings/admissions.yaml").read_text(encoding="utf-8").partition("\ntests:")[0] + "\n"
    Path(MAPPING).write_text(mapping.replace("database: medicaldb", "database: evolution_story"), encoding="utf-8")
    mongo_client.drop_database("evolution_story")
    codes: list[int] = []

    def followed(block: re.Match[str]) -> str:
        if block["kind"] == "console":
            return f"```console\n{told(block['text'], codes)}```"
        Path(MAPPING).write_text(edited(Path(MAPPING).read_text(encoding="utf-8"), block["text"]), encoding="utf-8")
        return block[0]

    try:
        found = _substituted(PAGE.read_text(encoding="utf-8"), followed)
    finally:
        mongo_client.drop_database("evolution_story")
    if os.environ.get("ENGINE_UPDATE_DOCS"):
        PAGE.write_text(found, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == found


def _substituted(text: str, change: Callable[[re.Match[str]], str]) -> str:
    return BLOCK.sub(change, text)


def test_the_page_has_every_code_and_conversion() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for row in KINDS.values():
        assert f"| `{row.code}` | {row.name} |" in page
    for old, new in ((old, row.name) for row in type_table.values() for old in row.conversions):
        line = next(line for line in page.split("\n") if line.startswith(f"| `{old}` |"))
        assert f"`{new}`" in line, (old, new)
