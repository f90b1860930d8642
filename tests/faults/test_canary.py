"""A canary in private cells and in the password: sought in all that a run writes or shows, except documents and rejects."""

import stat
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from pymongo import MongoClient

from faults.loading import Content, Job, Source
from faults.proxy import between
from faults.servers import Mongod, running

CANARY = "Quetzalcoatlus"
PASSWORD = f"{CANARY}-pass/word@:%"
ROWS = [
    "1,{c} One,31,{c} note",
    "2,{c} Two,{c},plain",  # the type is wrong
    "3,{c} Three,999,{c} note",  # over the maximum
    "4,{c} Four,44,{c} note,{c} one cell too many",
    "1,{c} One,31,{c} note",  # a duplicate
    "{c},{c} Six,66,{c} note",  # not a number
    "7,{c}\xff Seven,{c} is no age,note",  # not UTF-8
    "8,{c} Eight,48,{c} note",
    "9,{c} Eight,49,{c} note",  # breaks the unique index
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """A server that asks for a password, and logs every operation as a slow one."""
    with running(tmp_path_factory.mktemp("guarded"), "--auth", "--slowms", "-1", replica_set=False) as server:
        server.client.admin.command("createUser", "loader", pwd=PASSWORD, roles=["root"])
        with MongoClient(server.uri, username="loader", password=PASSWORD) as client:
            server.known = client
            yield server


def write_source(file: Path, rows: list[str]) -> Source:
    text = "\n".join(["Number,Name,Age,Note", *rows]).format(c=CANARY)
    file.write_bytes(text.encode("latin-1") + b"\n")
    return Source(file, len(rows), frozenset(), frozenset(), 0)


def mapping(folder: Path) -> Path:
    text = Path(__file__).with_name("stays.yaml").read_text(encoding="utf-8")
    for old, new in {
        "note: Note": "note: {column: Note, private: true}",
        "{column: Number,": "{private: true, column: Number,",
        "rejects: 1%": "rejects: 90%",
        "{keys: {number: 1}, unique: true}": "{keys: {patient.name: 1}, unique: true}",
    }.items():
        assert old in text
        text = text.replace(old, new)
    file = folder / "private.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def command_lines() -> bytes:
    found = b""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += process.read_bytes()
        except OSError:
            continue
    return found


@pytest.mark.parametrize(("way", "broken"), [("password file", True), ("password in the address", False)])
@pytest.mark.parametrize("rows", [ROWS, ROWS[:-1]], ids=["index fails", "published"])
def test_the_canary_is_nowhere(guarded: Mongod, tmp_path: Path, way, broken, rows) -> None:
    logged = guarded.log.stat().st_size
    with between(guarded.port) as proxy:
        if broken:
            proxy.harm("drop_reply", "insert", target="staging", times=2)
        address = proxy.uri("authSource=admin")
        if way == "password file":
            (tmp_path / "password").write_text(PASSWORD + "\n", encoding="utf-8")
            uri, environment = address.replace("//", "//loader@"), {"MONGODB_PASSWORD_FILE": str(tmp_path / "password")}
        else:
            uri, environment = address.replace("//", f"//loader:{quoted(PASSWORD)}@"), {}
        source = write_source(tmp_path / "private.csv", rows)
        job = Job(tmp_path, guarded.known, uri, source, Content(0, ""), mapping(tmp_path), environment)
        seen, done = [], Event()
        watch = Thread(target=lambda: [seen.append(command_lines()) or time.sleep(0.05) for _ in iter(done.is_set, True)])
        watch.start()
        outputs = [job.run(), job.run("--quiet"), job.run("--dry-run")]
        done.set()
        watch.join()
    guarded.known.drop_database(job.database)
    assert outputs[0].code == (4 if rows is ROWS else 0), outputs[0].err
    written = {f"run {number} {name}": getattr(one, name) for number, one in enumerate(outputs) for name in ("out", "err")}
    written["command lines"] = b"".join(seen).decode(errors="replace")
    written["mongod's log"] = guarded.log.read_bytes()[logged:].decode(errors="replace")
    for file in job.home.rglob("*"):
        if file.is_file():
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, f"{file} can be read by others"
            if file.parent.name != "rejects":
                written[str(file)] = file.read_text(errors="replace")
    assert "engine" in written["command lines"]
    assert "Slow query" in written["mongod's log"]
    assert {name: excerpt(text) for name, text in written.items() if CANARY in text} == {}


def quoted(text: str) -> str:
    return "".join(f"%{ord(one):02X}" if not one.isalnum() else one for one in text)


def excerpt(text: str) -> str:
    return next(line for line in text.splitlines() if CANARY in line)[:1500]
