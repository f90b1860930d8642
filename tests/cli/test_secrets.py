"""A password in MONGODB_URI, in all that the commands print, log, record and write to files: as it is written, and percent-encoded."""

from collections.abc import Iterator
from urllib.parse import quote_plus

import pytest
from jobs import Ended, Jobs, command
from pymongo import MongoClient
from pymongo.database import Database

PARTS = ("S3CRETa", "S3CRETb")
MARKS = "#/?@%: "
VERBS = [("run",), ("runs", "--json"), ("verify",), ("plan",), ("rejects", "list")]


@pytest.fixture(params=MARKS)
def password(request: pytest.FixtureRequest, database: Database) -> Iterator[str]:
    """Of the user `loader` in the test's own database."""
    text = request.param.join(PARTS)
    database.command("createUser", "loader", pwd=text, roles=["dbOwner"])
    yield text
    database.command("dropUser", "loader")


@pytest.mark.parametrize("escaped", [True, False])
def test_no_part_of_a_password_is_anywhere(
    jobs: Jobs, mongo_client: MongoClient, password: str, escaped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = f"127.0.0.1:{mongo_client.address[1]}"
    written = quote_plus(password) if escaped else password
    monkeypatch.setenv("MONGODB_URI", f"mongodb://loader:{written}@{host}/?directConnection=true&authSource={jobs.database.name}")
    monkeypatch.setenv("ENGINE_DEBUG", "1")
    monkeypatch.chdir(jobs.folder)
    jobs.mode, jobs.limits = "replace", "rejects: 90%"
    ended = [jobs.run([[1, "Ann", "Oslo", 30], [2, "Bo", "Oslo", "none"]])]
    ended += [command(*words, "-m", jobs.mapping) for words in VERBS]
    usable = escaped or password[len(PARTS[0])] in "# "  # with these, the driver takes it as it is meant
    assert [one.code for one in ended] == ([0] * len(ended) if usable else [4] * len(ended)), [one.err for one in ended]
    assert ended[0].report["target"] == (f"mongodb://{host}/" if usable else "") + f"{jobs.database.name}.people"
    found = {"ledger": str(list(jobs.database["_engine_runs"].find()))}
    found |= {file.name: file.read_text() for file in (jobs.folder / "home").rglob("*") if file.is_file()}
    found |= {f"{number} {name}": getattr(one, name) for number, one in enumerate(ended) for name in ("out", "err")}
    assert {name: text for name, text in found.items() if any(part in text for part in PARTS)} == {}
    assert all("MONGODB_URI is not usable" in one.err for one in ended) is not usable


def test_a_wrong_password_is_not_repeated(jobs: Jobs, mongo_client: MongoClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URI", f"mongodb://nobody:{PARTS[0]}@127.0.0.1:{mongo_client.address[1]}/?directConnection=true")
    ended: Ended = jobs.run([[1, "Ann", "Oslo", 30]])
    assert (ended.code, "login_refused" in ended.err, PARTS[0] in ended.out + ended.err) == (4, True, False)
