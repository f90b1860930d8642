"""The soak in its short form: a few thousand rows, one kill of the loader and one of the server in each mode."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.servers import Mongod, running

from soak.modes import MODES
from soak.rounds import Soak

ROWS = 2000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    with running(tmp_path_factory.mktemp("soak")) as one:
        yield one


@pytest.mark.faults
@pytest.mark.parametrize("name", MODES)
def test_nothing_foreign_is_lost_and_nothing_is_mixed(server: Mongod, tmp_path: Path, name: str) -> None:
    server.revive()
    figures = Soak(tmp_path, server, name, ROWS, thorough=False).run(loaders=1, servers=1)
    assert (figures.loaders, figures.servers, figures.lost, figures.mixed) == (1, 1, 0, 0)
    assert figures.writes > 0
    assert figures.reads > 0
