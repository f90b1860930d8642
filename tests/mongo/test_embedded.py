"""The embedded MongoDB, for real: every test starts the genuine mongod, most of them kill something."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Thread

import pytest
from jobs import Jobs, command
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from engine.errors import LockedError, TargetError
from engine.mongo import embedded
from engine.mongo.embedded import access, mongod

ROOT = Path(__file__).parents[2]
HOLDER = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from threading import Event, Thread
from engine.mongo import embedded
with embedded.lease(Path(sys.argv[1])) as server:
    print(json.dumps(asdict(server)), flush=True)
    sys.stdin.readline()
"""


class Holder:
    """Another process that holds a lease until it is told to end, or killed."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-c", HOLDER, str(home)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def server(self) -> embedded.Server:
        return embedded.Server(**json.loads(self.process.stdout.readline()))

    def end(self) -> int:
        self.process.communicate("\n", timeout=30)
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


@contextmanager
def stranger(port: int) -> Iterator[None]:
    """Something else that listens: it hangs up on whoever calls."""
    done = Event()

    def serve() -> None:
        while not done.is_set():
            listener.accept()[0].close()

    with socket.create_server((embedded.HOST, port)) as listener:
        thread = Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            done.set()
            socket.create_connection((embedded.HOST, port)).close()  # wakes it
            thread.join()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "home"
    yield path
    embedded.down(path)
    shutil.rmtree(path, ignore_errors=True)  # its journal alone is 300 MB


def write(server: embedded.Server, key: int) -> None:
    with MongoClient(server.uri, w="majority", journal=True, retryWrites=True, serverSelectionTimeoutMS=5000) as client:
        client["d"]["c"].insert_one({"_id": key})


def keys(server: embedded.Server) -> list[int]:
    with MongoClient(server.uri, serverSelectionTimeoutMS=5000) as client:
        return sorted(document["_id"] for document in client["d"]["c"].find())


def kill_mongod(server: embedded.Server, home: Path) -> None:
    os.kill(server.pid, signal.SIGKILL)
    assert embedded._released(home.resolve())


def code_of(error: pytest.ExceptionInfo[TargetError]) -> str:
    return error.value.findings[0].code


def test_up_is_writable_once_and_comes_back_with_its_data_and_address(home: Path):
    assert embedded.status(home) is None
    assert embedded.down(home) is False
    assert not home.exists(), "looking must not make anything"
    server = embedded.up(home)
    assert server.started
    write(server, 1)
    again = embedded.up(home)
    assert not again.started
    assert again.pid == server.pid == embedded.status(home).pid
    assert embedded.down(home) is True
    assert embedded.status(home) is None
    assert embedded.down(home) is False
    back = embedded.up(home)
    assert back.uri == server.uri
    assert keys(back) == [1]


def test_what_up_started_outlives_leases_and_is_not_stopped_under_them(home: Path):
    server = embedded.up(home)
    with embedded.lease(home) as leased:
        assert leased.pid == server.pid
        with pytest.raises(LockedError, match=str(os.getpid())):
            embedded.down(home)
    assert embedded.status(home).pid == server.pid
    assert embedded.down(home)


def test_up_keeps_what_a_lease_started(home: Path):
    with embedded.lease(home) as leased:
        assert leased.started
        assert embedded.up(home).pid == leased.pid
    assert embedded.status(home).pid == leased.pid


def test_of_commands_at_once_one_starts_the_server_and_the_last_stops_it(home: Path):
    holders = [Holder(home) for _ in range(3)]
    servers = [holder.server() for holder in holders]
    assert len({server.pid for server in servers}) == 1
    assert [server.started for server in servers].count(True) == 1
    assert holders[0].end() == 0
    assert holders[1].end() == 0
    write(servers[0], 1)
    assert holders[2].end() == 0
    assert embedded.status(home) is None


def test_a_killed_command_leaves_a_server_that_the_next_one_uses_and_stops(home: Path):
    holder = Holder(home)
    server = holder.server()
    holder.kill()
    assert embedded.status(home).pid == server.pid, "mongod is not the command's child"
    with embedded.lease(home) as leased:
        assert not leased.started
        assert leased.pid == server.pid
    assert embedded.status(home) is None
    assert not list((home / "leases").iterdir())


def test_a_killed_mongod_comes_back_with_every_acknowledged_document(home: Path):
    server = embedded.up(home)
    write(server, 1)
    kill_mongod(server, home)
    assert embedded.status(home) is None, "a stale process id, and a stale mongod.lock"
    back = embedded.up(home)
    assert back.started
    assert back.pid != server.pid
    assert keys(back) == [1]


def test_a_killed_mongod_under_a_lease_is_no_error_when_the_lease_ends(home: Path):
    with embedded.lease(home) as server:
        kill_mongod(server, home)
    assert embedded.status(home) is None


def test_a_stranger_on_the_port_and_under_the_process_id_is_not_taken_for_the_server(home: Path):
    server = embedded.up(home)
    write(server, 1)
    embedded.down(home)
    with stranger(server.port):
        (home / "mongod.json").write_text(json.dumps({"port": server.port, "pid": os.getpid(), "kept": True}))
        assert embedded.status(home) is None
        with embedded.lease(home) as other:
            assert other.port != server.port
            assert keys(other) == [1]
            write(other, 2)  # the set has learnt its new address, or there would be no primary
    assert embedded.status(home) is None


def test_another_home_s_server_is_not_taken_for_this_one_s(home: Path, tmp_path: Path):
    other = tmp_path / "other"
    with embedded.lease(home) as server, embedded.lease(other) as second:
        state = json.loads((home / "mongod.json").read_text())
        (home / "mongod.json").write_text(json.dumps({**state, "port": second.port}))
        assert embedded.status(home) is None
        (home / "mongod.json").write_text('{"port": 27')  # cut off: the usual port is tried
        assert embedded.status(home).pid == server.pid
    shutil.rmtree(other)


def test_a_hung_mongod_is_reported_and_killed_only_after_the_patience_is_over(home: Path, monkeypatch, caplog):
    server = embedded.up(home)
    monkeypatch.setattr(embedded, "PATIENCE", 0.3)
    os.kill(server.pid, signal.SIGSTOP)
    with pytest.raises(TargetError, match=f"process {server.pid}") as error:
        embedded.down(home)
    assert code_of(error) == "embedded_hung"
    embedded._stop(home.resolve(), server)
    assert "it is killed now" in caplog.text
    assert embedded.status(home) is None


def test_broken_data_is_a_finding_with_mongod_s_own_words(home: Path):
    embedded.up(home)
    embedded.down(home)
    (home / "db" / "WiredTiger.turtle").write_text("nonsense")
    (home / "db" / "WiredTiger.wt").write_text("nonsense")
    with pytest.raises(TargetError) as error, embedded.lease(home):
        pass
    assert code_of(error) == "embedded_failed"
    assert "see the log" in str(error.value)
    assert not list((home / "leases").iterdir())


def test_a_folder_that_is_a_file_is_a_finding(tmp_path: Path):
    (tmp_path / "home").write_text("")
    with pytest.raises(TargetError) as error:
        embedded.up(tmp_path / "home")
    assert code_of(error) == "embedded_folder"


def test_without_the_wheel_the_platforms_and_the_way_around_are_named(home: Path, monkeypatch):
    monkeypatch.setattr(mongod, "WHEELS", ("no-such-wheel",))
    with pytest.raises(TargetError, match=r"aarch64.*macOS and Windows.*MONGODB_URI") as error:
        embedded.up(home)
    assert code_of(error) == "embedded_missing"


@pytest.mark.parametrize(
    ("code", "output", "finding", "remedy"),
    [
        (
            127,
            "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file: x",
            "library",
            "apt-get install libcurl4",
        ),
        (127, "mongod: error while loading shared libraries: libodd.so.1: cannot open shared object file: x", "library", "MONGODB_URI"),
        (1, "mongod: /lib/libc.so.6: version `GLIBC_2.34' not found (required by mongod)", "platform", "GLIBC_2.34"),
        (-1, "cannot execute mongod: Exec format error", "platform", "Linux x86_64"),
        (-4, "", "platform", "AVX"),
        (48, "Failed to set up listener: SocketException: Address already in use", "port", "try again"),
        (100, "DBPathInUse: Unable to lock the lock file", "in_use", "stop it"),
        (14, "WiredTiger error: No space left on device", "disk_full", "free some space"),
        (1, "permissions on /home/me/.engine/key are too open", "folder", "another disk"),
        (62, "** IMPORTANT: UPGRADE PROBLEM: invalid featureCompatibilityVersion", "version", "another version of MongoDB"),
        (100, "IllegalOperation: Attempted to create a lock file on a read-only directory", "folder", "owner and mode"),
        (-9, "", "failed", "killed by signal 9"),
        (0, "", "failed", "soon after its start"),
    ],
)
def test_why_it_did_not_start(tmp_path: Path, code: int, output: str, finding: str, remedy: str):
    found = mongod.explain(tmp_path, mongod.Launch(code, output))
    assert found.code == f"embedded_{finding}"
    assert remedy in str(found)


def test_a_program_that_lacks_a_library_names_it(home: Path, tmp_path: Path, monkeypatch):
    program = tmp_path / "mongod"  # the genuine one, asking for a library that is nowhere
    program.write_bytes(mongod.program().read_bytes().replace(b"\0libcurl.so.4\0", b"\0libcurl.so.5\0", 1))
    program.chmod(0o755)
    monkeypatch.setattr(mongod, "program", lambda: program)
    with pytest.raises(TargetError, match=r"libcurl\.so\.5") as error:
        embedded.up(home)
    assert code_of(error) == "embedded_library"
    program.unlink()


# --- who may use it -------------------------------------------------------------------------------------------------------------


def test_who_cannot_read_the_folder_is_refused(home: Path):
    server = embedded.up(home)
    write(server, 1)
    for login in ({}, {"username": "engine", "password": "guessed"}):
        with MongoClient(embedded.HOST, server.port, directConnection=True, **login) as stranger:
            for attempt in (stranger["d"]["c"].find_one, partial(stranger["d"]["c"].insert_one, {}), stranger.list_database_names):
                with pytest.raises(OperationFailure, match=r"requires authentication|Authentication failed"):
                    attempt()
            with pytest.raises(OperationFailure, match=r"requires authentication|Authentication failed"):
                stranger.admin.command("createUser", "me", pwd="me", roles=["root"])
    modes = {name: stat.S_IMODE((home / name).stat().st_mode) for name in (".", "key", "db", "mongod.log")}
    assert modes == {".": 0o700, "key": 0o600, "db": 0o700, "mongod.log": 0o600}
    assert not any(path.stat().st_mode & 0o077 for path in (home / "db").iterdir() if path.is_file())


def test_data_of_an_older_engine_ask_for_the_password_from_now_on(home: Path, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(mongod, "guarding", lambda _: ())
        older.setattr(embedded, "admit", lambda *_: None)
        older.setattr(embedded, "read_key", lambda _: "")
        open_to_all = embedded.up(home)
        bare = replace(open_to_all, uri=f"mongodb://{embedded.HOST}:{open_to_all.port}/?directConnection=true")
        write(bare, 1)
        access.key_file(home).unlink()
    server = embedded.up(home)  # it runs still, and is started anew
    assert (server.started, keys(server)) == (True, [1])
    with pytest.raises(OperationFailure, match="requires authentication"):
        keys(bare)


def test_with_a_copy_of_the_data_or_without_the_key_a_new_key_is_made(home: Path, tmp_path: Path):
    first = embedded.up(home)
    write(first, 1)
    embedded.down(home)
    access.key_file(home).unlink()
    second = embedded.up(home)
    assert keys(second) == [1]
    with pytest.raises(OperationFailure, match="Authentication failed"):
        keys(replace(first, port=second.port))
    embedded.down(home)
    shutil.copytree(home / "db", tmp_path / "copy" / "db")
    with embedded.lease(tmp_path / "copy") as copied:
        assert (keys(copied), copied.uri == second.uri) == ([1], False)
    shutil.rmtree(tmp_path / "copy")


def test_a_key_that_is_replaced_under_a_running_server_is_a_finding(home: Path, monkeypatch):
    server = embedded.up(home)
    key = access.key_file(home).read_text()
    access.key_file(home).write_text("0" * 64)
    monkeypatch.setattr(embedded, "PATIENCE", 0.3)
    with pytest.raises(TargetError, match=rf"process {server.pid}\) that does not answer.* or not with the password in .*key") as error:
        embedded.up(home)
    assert code_of(error) == "embedded_hung"
    access.key_file(home).write_text(key)


def test_a_key_that_others_could_read_is_closed_again(home: Path):
    embedded.up(home)
    embedded.down(home)
    access.key_file(home).chmod(0o644)
    embedded.up(home)
    assert stat.S_IMODE(access.key_file(home).stat().st_mode) == 0o600


def test_the_printed_address_works_as_it_is_and_a_run_shows_only_the_host(home: Path, tmp_path: Path, monkeypatch):
    monkeypatch.delenv("MONGODB_URI", raising=False)
    monkeypatch.setenv("ENGINE_HOME", str(home))
    printed = command("db", "up").out.strip()
    assert command("db", "status").out.strip() == printed
    with MongoClient(printed) as client:
        jobs = Jobs(client["d"], tmp_path, mode="replace")
        shown = [command("run", "-m", jobs.mapping, "--source", jobs.write([[1, "a", "b", 3]]), *more) for more in ((), ("--json",))]
        recorded = str(list(client["d"]["_engine_runs"].find()))
    address, password = shown[1].report["target"], access.read_key(home)
    assert (shown[0].code, shown[1].code, address) == (0, 0, f"mongodb://{embedded.HOST}:{embedded.status(home).port} (embedded)/d.people")
    assert password in printed
    assert not any(password in text for text in (recorded, *(ended.out + ended.err for ended in shown)))


def test_the_shared_fixture_is_a_replica_set_with_retryable_majority_writes(database):
    collection = database.get_collection("c")
    with database.client.start_session() as session, session.start_transaction():
        collection.insert_one({"_id": 1}, session=session)
    assert collection.count_documents({}) == 1
