"""Servers that only these tests use, one of each kind for a worker, and jobs on them."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jobs import own

from faults.inline import OLD, Inline
from faults.loading import Content, Job, Source, content, make_source
from faults.proxy import Proxy, between
from faults.servers import Mongod, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("faults")


@pytest.fixture(scope="session")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    with running(tmp_path_factory.mktemp("replica")) as server:
        yield server


@pytest.fixture(scope="session")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    with running(tmp_path_factory.mktemp("standalone"), replica_set=False) as server:
        yield server


@pytest.fixture(params=["replica", "standalone"])
def mongod(request: pytest.FixtureRequest) -> Mongod:
    """A server of each kind; alive again, whatever the test before did to it."""
    server: Mongod = request.getfixturevalue(request.param)
    server.revive()
    return server


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return make_source(tmp_path_factory.mktemp("source") / "stays.csv")


@pytest.fixture(scope="session")
def clean(replica: Mongod, source: Source, tmp_path_factory: pytest.TempPathFactory) -> Content:
    """What one undisturbed run makes of the source."""
    replica.revive()
    job = Job(tmp_path_factory.mktemp("clean"), replica.client, replica.uri, source, Content(0, ""))
    assert job.run().code == 0
    found = content(job.live)
    assert found.count == len(source.documents)
    replica.client.drop_database(job.database)
    return found


@pytest.fixture
def jobs(source: Source, clean: Content, tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """Makes jobs with something live to lose; their databases are dropped after the test."""
    made: list[tuple[Mongod, Job]] = []

    def make(server: Mongod, uri: str | None = None) -> Job:
        server.revive()
        job = Job(tmp_path / str(len(made)), server.client, uri or server.uri, source, clean)
        job.seed()
        made.append((server, job))
        return job

    yield make
    for server, job in made:
        for loading in job.loadings:
            loading.close()
        server.revive()
        server.client.drop_database(job.database)


@pytest.fixture
def proxy(replica: Mongod) -> Iterator[Proxy]:
    """In front of the replica set."""
    with between(replica.port) as one:
        yield one


@pytest.fixture
def inline(replica: Mongod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inline]:
    """Runs the command in this process, against the replica set."""
    replica.revive()
    name = f"faults_{secrets.token_hex(4)}"
    for variable, value in (("MONGODB_URI", replica.uri), ("ENGINE_HOME", str(tmp_path / "home")), ("DATABASE", name)):
        monkeypatch.setenv(variable, value)
    live = replica.client[name]["live"]
    live.insert_many(OLD)
    own(live)
    yield Inline(tmp_path, live, content(live))
    replica.client.drop_database(name)
