"""Why no primary is found, in words: on the real server, with and without TLS, with what does not answer, or answers something else."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread, Timer

import pytest
from faults.proxy import Proxy, between
from faults.servers import SMALL, Mongod, free_port, running
from jobs import Jobs, command
from pymongo import MongoClient
from pymongo.errors import AutoReconnect

from engine.errors import TargetError
from engine.mongo.address import Address, address_of
from engine.mongo.causes import explained, failure
from engine.mongo.connection import connect
from engine.mongo.embedded import mongod

BRIEF = "serverSelectionTimeoutMS=400"
QUICK = {"heartbeatIntervalMillis": 100, "electionTimeoutMillis": 500}
FOLLOWING = {"priority": 0, "votes": 0}  # a member that neither is nor elects the primary
LONG = "serverSelectionTimeoutMS=600000"  # with a cause that is final, none of it is waited for


@pytest.fixture(scope="module")
def mongo_port(mongo_client: MongoClient) -> int:
    """That of the shared server, a replica set without TLS."""
    return mongo_client.address[1]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `server.pem` (key and certificate, for 127.0.0.1 only) and `authority.pem`."""
    program = shutil.which("openssl")
    assert program, "these tests make certificates with the command openssl: install it"
    folder = tmp_path_factory.mktemp("keys")
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out", "authority.pem"]
    name = ["-subj", "/CN=test", "-days", "2", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([program, "req", "-x509", *made, *name], cwd=folder, check=True, capture_output=True)
    (folder / "server.pem").write_text((folder / "key.pem").read_text() + (folder / "authority.pem").read_text())
    return folder


@pytest.fixture(scope="module")
def tls(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """A server that requires TLS, and no certificate of the client."""
    files = ("--tlsCertificateKeyFile", str(keys / "server.pem"), "--tlsCAFile", str(keys / "authority.pem"))
    with running(
        tmp_path_factory.mktemp("tls"), "--tlsMode", "preferTLS", *files, "--tlsAllowConnectionsWithoutCertificates", replica_set=False
    ) as server:
        server.client.admin.command("setParameter", tlsMode="requireTLS")
        yield server


def refusal(uri: str, wait: float = 0) -> list[str]:
    """The findings, each as its code and its words."""
    with pytest.raises(TargetError) as caught:
        connect(replace(address_of(uri), wait=wait))
    return [f"{found.code} {found.message} — {found.hint}" for found in caught.value.findings]


def test_a_certificate_of_no_trusted_authority(tls: Mongod):
    (said,) = refusal(f"mongodb://127.0.0.1:{tls.port}/?tls=true&{LONG}")
    assert said.startswith(f"tls 127.0.0.1:{tls.port}: its certificate is not verified")
    assert "tlsCAFile=FILE" in said


def test_a_certificate_for_another_name(tls: Mongod, keys: Path):
    (said,) = refusal(f"mongodb://localhost:{tls.port}/?tls=true&tlsCAFile={keys / 'authority.pem'}&{LONG}")
    assert said.startswith(f"tls localhost:{tls.port}: its certificate is for another name")


def test_with_its_authority_the_server_is_trusted(tls: Mongod, keys: Path):
    with connect(address_of(f"mongodb://127.0.0.1:{tls.port}/?tls=true&tlsCAFile={keys / 'authority.pem'}")) as client:
        assert client.admin.command("ping")["ok"] == 1


def test_a_server_that_requires_tls(tls: Mongod):
    (said,) = refusal(f"mongodb://127.0.0.1:{tls.port}/?{BRIEF}")
    assert said.startswith(f"unreachable 127.0.0.1:{tls.port}: it ends the connection at once (waited 0.4 s)")
    assert "if it requires TLS, add tls=true" in said


def test_a_server_without_tls(mongo_port: int):
    (said,) = refusal(f"mongodb://127.0.0.1:{mongo_port}/?tls=true&{BRIEF}")
    assert said.startswith(f"tls 127.0.0.1:{mongo_port}: it ends the connection when TLS begins")


@pytest.mark.parametrize("option", ["tlsCAFile", "tlsCertificateKeyFile", "tlsCRLFile"])
def test_a_file_of_tls_is_named_by_its_option(option: str, tmp_path: Path):
    found = []
    for file in (tmp_path / "missing.pem", tmp_path):
        (said,) = refusal(f"mongodb://h/?tls=true&{option}={file}")
        found.append(said.partition(" — ")[0])
    (tmp_path / "no.pem").write_text("no PEM")
    (said,) = refusal(f"mongodb://h/?tls=true&{option}={tmp_path / 'no.pem'}")
    start = f"tls_file the file that {option} names"
    assert found == [f"{start} cannot be read: No such file or directory", f"{start} cannot be read: Is a directory"]
    assert said.startswith(f"{start} does not hold"), said


def test_another_replica_set(mongo_client: MongoClient, mongo_port: int):
    name = mongo_client.admin.command("hello")["setName"]
    (said,) = refusal(f"mongodb://127.0.0.1:{mongo_port}/?replicaSet=other&{LONG}")
    assert said.startswith(
        f"replica_set 127.0.0.1:{mongo_port}: it belongs to the replica set {name}, not to other — write replicaSet={name}"
    )


def test_a_standalone_server_is_no_replica_set(tls: Mongod, keys: Path):
    (said,) = refusal(f"mongodb://127.0.0.1:{tls.port}/?replicaSet=rs&tls=true&tlsCAFile={keys / 'authority.pem'}&{LONG}")
    assert said.startswith(f"replica_set 127.0.0.1:{tls.port}: it is no member of a replica set — remove replicaSet")


def test_nobody_listens_and_a_name_that_nobody_knows(tmp_path: Path):
    said = refusal(f"mongodb://127.0.0.1:1,127.0.0.1:2,nosuch.invalid/?replicaSet=rs&{BRIEF}")
    assert [one.partition(" (")[0] for one in said] == [
        "unreachable 127.0.0.1:1, 127.0.0.1:2: nothing listens there",
        "unreachable nosuch.invalid:27017: the name of the host is not known",
    ]
    (said,) = refusal(f"mongodb://{str(tmp_path / 'no.sock').replace('/', '%2F')}/?{BRIEF}")
    assert said.startswith(f"unreachable {tmp_path / 'no.sock'}: there is no such socket")


@contextmanager
def listening(answer: bytes) -> Iterator[int]:
    """A port where something says this to everybody, or nothing."""
    heard = []

    def serve() -> None:
        while True:
            try:
                caller = listener.accept()[0]
            except OSError:
                return
            heard.append(caller)
            if answer:
                caller.recv(1000)
                caller.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for caller in heard:
            caller.close()


@pytest.mark.parametrize(
    ("answer", "options", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", LONG, "unreachable {}: what answers there is not MongoDB — check the port"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", f"tls=true&{LONG}", "tls {}: it does not speak TLS"),
        (b"", BRIEF, "unreachable {}: it does not answer (waited 0.4 s) — check host and port"),
    ],
)
def test_another_service_on_the_port(answer: bytes, options: str, words: str):
    with listening(answer) as port:
        (said,) = refusal(f"mongodb://127.0.0.1:{port}/?{options}")
        assert said.startswith(words.format(f"127.0.0.1:{port}"))


def test_a_set_that_is_not_initiated_is_named_and_can_be_waited_for(tmp_path: Path):
    with started(tmp_path, "late") as (port, client):
        (said,) = refusal(f"mongodb://127.0.0.1:{port}/?directConnection=true&{BRIEF}")
        assert said.startswith(f"no_primary 127.0.0.1:{port}: its replica set is not initiated (waited 0.4 s) — run rs.initiate()")
        members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
        initiate = partial(client.admin.command, "replSetInitiate", {"_id": "late", "members": members})
        with later(initiate), connect(replace(address_of(f"mongodb://127.0.0.1:{port}/?replicaSet=late&{BRIEF}"), wait=60)) as found:
            assert found.admin.command("hello")["isWritablePrimary"]


def test_a_member_that_the_set_calls_by_an_unknown_name():
    """As in a container: the URI names a published port, and the set its member by a name that only the container knows."""
    cause = failure(AutoReconnect("mongo:27017: [Errno -2] Name or service not known"))
    (found,) = explained({("mongo", 27017): cause}, [("127.0.0.1", 27017)], 10)
    assert (found.code, found.message) == ("unreachable", "mongo:27017: the name of the host is not known (DNS) (waited 10 s)")
    assert found.hint.startswith("the replica set calls its member so: let this name be known here, or add directConnection=true")


def test_a_server_that_is_starting_is_waited_for(tmp_path: Path):
    with running(tmp_path, replica_set=False) as server:
        server.kill()
        with later(server.start), connect(replace(address_of(f"mongodb://127.0.0.1:{server.port}/?{BRIEF}"), wait=60)) as client:
            assert client.admin.command("ping")["ok"] == 1


def through(proxy: Proxy, mongo_uri: str, option: str) -> Address:
    return address_of(f"{mongo_uri.replace(f':{proxy.upstream}/', f':{proxy.port}/')}&{option}")


def test_a_server_that_is_found_and_falls_silent(mongo_uri: str, mongo_port: int):
    with between(mongo_port) as proxy:
        proxy.harm("silence", "ping", times=9)
        with pytest.raises(TargetError, match=rf"127.0.0.1:{proxy.port}: it does not answer \(waited 0.4 s\)"):
            connect(through(proxy, mongo_uri, BRIEF))


def test_a_server_that_is_found_and_slow(mongo_uri: str, mongo_port: int):
    with between(mongo_port) as proxy:
        proxy.harm("silence", "ping")
        with connect(through(proxy, mongo_uri, LONG)) as client:
            assert client.admin.command("ping")["ok"] == 1
        assert proxy.requests["ping"] == 3


def test_a_user_without_a_password():
    (said,) = refusal("mongodb://loader@h/")
    assert "it names a user without a password — put the password into a file" in said


def test_a_refused_login_is_not_waited_for(mongo_port: int):
    (said,) = refusal(f"mongodb://nobody:s3cret@127.0.0.1:{mongo_port}/?directConnection=true", wait=600)
    assert said.startswith("login_refused")


@contextmanager
def started(folder: Path, name: str) -> Iterator[tuple[int, MongoClient]]:
    """A member of a set that is not initiated: its port, and a client of it alone."""
    (folder / "db").mkdir(parents=True)
    port = free_port()
    where = ["--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", folder / "db", "--logpath", folder / "log"]
    command = [mongod.program(), *SMALL, "--setParameter", "enableTestCommands=1", "--replSet", name, *where]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            with MongoClient("127.0.0.1", port, directConnection=True) as client:
                client.admin.command("ping")
                yield port, client
        finally:
            process.kill()
    shutil.rmtree(folder / "db")


@contextmanager
def later(act: object) -> Iterator[None]:
    timer = Timer(0.7, act)
    timer.start()
    yield
    timer.join()


def test_reads_go_to_the_primary_whatever_the_uri_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The secondary has stopped following: who reads from it sees nothing of what was written."""
    with started(tmp_path / "0", "two") as (port, first), started(tmp_path / "1", "two") as (other, second):
        members = [{"_id": 0, "host": f"127.0.0.1:{port}"}, {"_id": 1, "host": f"127.0.0.1:{other}"} | FOLLOWING]
        first.admin.command("replSetInitiate", {"_id": "two", "members": members, "settings": QUICK})
        while not second.admin.command("hello")["secondary"]:
            time.sleep(0.05)
        second.admin.command("configureFailPoint", "rsSyncApplyStop", mode="alwaysOn")
        reading = "readPreference=secondaryPreferred&readPreferenceTags=&readConcernLevel=available"
        uri = f"mongodb://127.0.0.1:{port},127.0.0.1:{other}/?replicaSet=two&{reading}"
        for name, value in (("MONGODB_URI", uri), ("ENGINE_HOME", str(tmp_path / "home"))):
            monkeypatch.setenv(name, value)
        jobs = Jobs(first["lagging"], tmp_path, mode="replace")
        ended = jobs.run([[1, "Ann", "Oslo", 30]])
        assert (ended.code, ended.report["live_documents"]) == (0, 1), ended.err
        assert [note.split()[2] for note in ended.report["notes"] if "the primary" in note] == [
            "readPreference", "readPreferenceTags", "readConcernLevel",
        ]  # fmt: skip
        assert command("verify", "-m", jobs.mapping).code == 0
