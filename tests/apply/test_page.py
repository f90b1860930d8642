"""docs/evolution.md as it stands: its commands are run by a shell, its edits are made, and the terminal shows what the page shows.

The shell begins in the repository, as after `make run`, with a home, a folder for temporary files and an embedded MongoDB of its own.
ENGINE_UPDATE_DOCS=1 writes what the terminal shows into the page instead.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pymongo import MongoClient

from engine.evolution import KINDS
from engine.mongo import embedded
from engine.values.types import type_table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/evolution.md"
MAPPING = "admissions.yaml"
FILES = {".engine", MAPPING, "before.yaml", "history.txt", "plan.json", "stays.csv"}  # what the page makes in its folder
DATABASES = {"admin", "config", "local", "evolution_story"}
BLOCK = re.compile(r"```(?P<kind>diff|console)\n(?P<text>.*?)```", re.DOTALL)
HUNK = re.compile(r"@@ -(?P<line>\d+),(?P<old>\d+) \+(?P=line),(?P<new>\d+) @@\n")
DONE = "-- the command has ended --"
OWN = {  # what differs between two who follow the page
    re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}"): "20260105T093000Z-4f1c2a",
    re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"): "2026-01-05 09:30:00",
    re.compile(r"by +reason"): "by        reason",
    re.compile(r"\S+@\S+ *"): "you@host  ",
}
PROGRESS = re.compile(r"^(\S.* …|  [\d,]+ documents?(, .*)?)\n", re.MULTILINE)  # a terminal takes these lines away again


class Shell:
    """A session of bash, as on a terminal."""

    def __init__(self, sent: IO[str], shown: IO[str]) -> None:
        self._sent, self._shown = sent, shown

    def shows(self, line: str) -> str:
        """What the terminal shows for a command; the next one finds its exit code in `$?`."""
        self._sent.write(f"{{ {line}\n}} </dev/null; code=$?; echo '{DONE}'; (exit $code)\n")
        self._sent.flush()
        shown = PROGRESS.sub("", "".join(iter(self._line, "")))
        for found, instead in OWN.items():
            shown = found.sub(instead, shown)
        return re.sub(r" +$", "", shown, flags=re.MULTILINE)

    def _line(self) -> str:
        line = self._shown.readline()
        assert line, "the shell has ended"
        return line if line != f"{DONE}\n" else ""


@contextmanager
def shell(home: Path) -> Iterator[Shell]:
    """Bash in the repository; everything that belongs to its user is in `home`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    mine = {"HOME": str(home), "TMPDIR": str(home), "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(["bash", "--noprofile", "--norc"], cwd=ROOT, env=mine, encoding="utf-8", **pipes) as bash:
        assert bash.stdin is not None
        assert bash.stdout is not None
        yield Shell(bash.stdin, bash.stdout)
        bash.stdin.close()


def edited(text: str, diff: str) -> str:
    """The file after the edit of a diff block, as `patch` makes it at the line that the block names."""
    head, *changed = diff.splitlines(keepends=True)
    old, new = ([line[1:] or "\n" for line in changed if line[0] in (" ", "\n", sign)] for sign in "-+")
    found = HUNK.fullmatch(head)
    assert found, head
    assert (len(old), len(new)) == (int(found["old"]), int(found["new"]))
    lines, at = text.splitlines(keepends=True), int(found["line"]) - 1
    assert lines[at : at + len(old)] == old
    return "".join((*lines[:at], *new, *lines[at + len(old) :]))


def followed(page: str, user: Shell, home: Path) -> str:
    """The page with what the terminal shows, and its edits made."""

    def one(block: re.Match[str]) -> str:
        if block["kind"] == "console":
            commands = [line for line in block["text"].split("\n") if line.startswith("$ ")]
            return "```console\n" + "".join(f"{line}\n" + user.shows(line[2:]) for line in commands) + "```"
        (mapping,) = home.glob(f"*/{MAPPING}")
        mapping.write_text(edited(mapping.read_text(encoding="utf-8"), block["text"]), encoding="utf-8")
        return block[0]

    return BLOCK.sub(one, page)


def _belongings() -> dict[str, int]:
    """When the files were written that a user has in the repository: sources, data, and the sample's server; not those of other tests."""
    places = [
        path for name in ("data", "mappings", "docs", "engine") for path in (ROOT / name).rglob("*") if path.suffix not in (".pyc", "")
    ]
    server = [path for path in (ROOT / ".engine").glob("*") if path.name != "tests"]
    return {str(path): path.stat().st_mtime_ns for path in (*places, *server, *ROOT.glob("*.*")) if path.is_file()}


def test_the_story(tmp_path: Path) -> None:
    page, before = PAGE.read_text(encoding="utf-8"), _belongings()
    try:
        with shell(tmp_path) as user:
            found = followed(page, user, tmp_path)
    finally:
        for server in tmp_path.glob("*/.engine"):
            embedded.down(server)
    if os.environ.get("ENGINE_UPDATE_DOCS"):
        PAGE.write_text(found, encoding="utf-8")
    else:
        assert _belongings() == before
    assert PAGE.read_text(encoding="utf-8") == found
    (folder,) = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} == FILES
    with embedded.lease(folder / ".engine") as server, MongoClient[dict[str, Any]](server.uri) as client:
        assert set(client.list_database_names()) == DATABASES


def test_the_page_has_every_code_and_conversion() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for row in KINDS.values():
        assert f"| `{row.code}` | {row.name} |" in page
    for old, new in ((old, row.name) for row in type_table.values() for old in row.conversions):
        line = next(line for line in page.split("\n") if line.startswith(f"| `{old}` |"))
        assert f"`{new}`" in line, (old, new)
