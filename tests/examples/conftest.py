"""The mappings of mappings/examples, run on the real server against the data sets of ../shared, once for each test module.

`tests/examples/test_NAME.py` is about `mappings/examples/NAME.yaml`; all of these write `database: examples`, in whose place stands the
test's own.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jobs import command
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import WriteError

ROOT = Path(__file__).parents[2]
DATASETS = ROOT / "../shared/corpora/datasets"
DATABASE = "database: examples"


@dataclass(frozen=True)
class Example:
    """A mapping that was run: the database it filled, its report by collection, and the folder of the data sets."""

    database: Database[dict[str, Any]]
    reports: Mapping[str, dict[str, Any]]
    mapping: Path
    datasets: Path

    def counts(self, collection: str) -> tuple[int, ...]:
        """Rows read, documents, grouped, duplicates, rejected, filtered."""
        return tuple(self.reports[collection]["accounting"].values())

    def indexes_of(self, collection: str, query: Mapping[str, Any], **options: Any) -> set[str]:
        """The indexes that the winning plan of a `find` scans; `options` are those of `find`, such as sort."""
        return set(_scanned(self.database[collection].find(query, **options).explain()["queryPlanner"]["winningPlan"]))

    def refuses(self, collection: str, path: str, value: object) -> None:
        """Assert that the server does not let a document be changed so."""
        with pytest.raises(WriteError) as refused:
            self.database[collection].update_one({}, {"$set": {path: value}})
        assert refused.value.code == 121


def _scanned(stage: object) -> Iterator[str]:
    if isinstance(stage, list):
        for inner in stage:
            yield from _scanned(inner)
    if isinstance(stage, dict):
        if "indexName" in stage:
            yield stage["indexName"]
        yield from _scanned(list(stage.values()))


@pytest.fixture(scope="module")
def example(request: pytest.FixtureRequest, mongo_client: MongoClient[dict[str, Any]], mongo_uri: str,
            tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:  # fmt: skip
    """The module's mapping, run."""
    if not DATASETS.exists():
        pytest.skip("../shared/corpora/datasets is not on this machine")
    name = f"test_{secrets.token_hex(6)}"
    folder = tmp_path_factory.mktemp("example")
    source = ROOT / "mappings/examples" / f"{request.path.stem.removeprefix('test_')}.yaml"
    text = source.read_text(encoding="utf-8")
    assert DATABASE in text
    mapping = folder / source.name
    mapping.write_text(text.replace(DATABASE, f"database: {name}"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MONGODB_URI", mongo_uri)
        patch.setenv("ENGINE_HOME", str(folder / "home"))
        patch.setenv("EXAMPLES", str(DATASETS))
        ended = command("run", "-m", mapping, "--json")
    assert ended.code == 0, ended.err
    reports = ended.report.get("collections", [ended.report])
    yield Example(mongo_client[name], {one["target"].rpartition(".")[2]: one for one in reports}, mapping, DATASETS)
    mongo_client.drop_database(name)
