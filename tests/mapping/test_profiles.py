"""What a mapping is on other servers: the profile table, what it leaves to the engine, and how a server's profile is found."""

import io
import json
from pathlib import Path

import pytest
from agreement.judging import mapping_of
from pymongo.database import Database

from engine import cli
from engine.documents.validators import as_lines, enforcement, engine_only, options, validator
from engine.errors import TargetError, UsageError
from engine.mapping.profiles import PROFILES, detect
from engine.mongo.probe import require_load_support, server_profile

FIELDS = {
    "d": {"column": "d", "type": "date", "minimum": "2000-01-01"},
    "n": {"column": "n", "type": "int", "minimum": 0, "required": True},
    "u": {"column": "u", "type": "uuid"},
    "s": "s",
}
RULES = {
    "order": {"check": "n > 0"},
    "small": {"check": "lower(s) == s"},
    "refund": {"check": "n > 5", "on_fail": "warn"},
}
DOCUMENTDB = [name for name in PROFILES if name.startswith("documentdb")]


@pytest.mark.parametrize(
    ("version", "host", "profile"),
    [
        ("6.0.5", "127.0.0.1", "mongodb-6"),
        ("7.0.12", "db", "mongodb-7"),
        ("8.2.1", "db", "mongodb-8"),
        ("9.0.0", "db", "mongodb-8"),
        ("4.4.0", "db", "mongodb-6"),
        ("", "db", "mongodb-6"),
        ("4.0.0", "x.cluster-y.eu-west-1.docdb.amazonaws.com", "documentdb-4"),
        ("5.0.0", "x.cluster-y.eu-west-1.docdb.amazonaws.com", "documentdb-5"),
        ("3.6.0", "x.cluster-y.eu-west-1.docdb.amazonaws.com", "documentdb-4"),
        ("8.0.2", "x.cluster-y.cn-north-1.docdb.amazonaws.com.cn", "documentdb-8"),
        ("5.0.0", "x-1.eu-west-1.docdb-elastic.amazonaws.com", "documentdb-elastic"),
    ],
)
def test_detection(version: str, host: str, profile: str) -> None:
    assert detect(version, [host]).name == profile


def test_the_test_server_is_what_it_says(database: Database) -> None:
    major = database.client.server_info()["version"].partition(".")[0]
    assert server_profile(database.client).name == f"mongodb-{major}"


def test_enforcement_tells_server_and_engine_apart() -> None:
    assert list(as_lines(enforcement(mapping_of(FIELDS, RULES)))) == [
        "d type date, minimum: engine and server",
        "d form of the text: engine alone, the document holds the moment, not the text it was read from",
        "n type int, required, minimum: engine and server",
        "u type uuid: engine and server",
        "s type string: engine and server",
        "rule order: engine and server",
        "rule small: engine alone, MongoDB changes the case of ASCII letters only",
        "rule refund: engine alone, on_fail: warn is about loading, not about valid documents",
    ]


def test_a_server_without_queries_leaves_them_to_the_engine() -> None:
    mapping = mapping_of(FIELDS, RULES)
    profile = PROFILES["documentdb-5"]
    only = "engine alone, documentdb-5 accepts only $jsonSchema in a validator"
    assert engine_only(mapping, profile) == [f"d minimum, range of the type: {only}", f"u range of the type: {only}", f"rule order: {only}"]
    assert validator(mapping, profile).keys() == {"$jsonSchema"}
    assert engine_only(mapping, PROFILES["mongodb-8"]) == []


def test_a_server_without_schemas_gets_no_options() -> None:
    mapping = mapping_of(FIELDS, RULES)
    assert options(mapping, PROFILES["documentdb-elastic"]) == {}
    assert all(one.reason for one in enforcement(mapping, PROFILES["documentdb-elastic"]))


@pytest.mark.parametrize("options", [{"validation": {"level": "off"}}, {"validation": {"action": "warn"}}])
def test_validation_that_is_off_leaves_everything_to_the_engine(options: dict) -> None:
    assert all(one.reason for one in enforcement(mapping_of(FIELDS, RULES, **options)))


@pytest.mark.parametrize("profile", DOCUMENTDB)
@pytest.mark.parametrize(
    "index", [{"keys": {"s": "hashed"}}, {"keys": {"$**": 1}}, {"keys": {"s": "text"}, "default_language": "french"}], ids=str
)
def test_an_index_that_the_profile_refuses_does_not_load(profile: str, index: dict) -> None:
    with pytest.raises(UsageError, match=f"profile {profile} has no"):
        mapping_of(FIELDS, indexes={"i": index}, target={"database": "d", "collection": "c", "profile": profile})
    mapping = mapping_of(FIELDS, indexes={"i": index})
    with pytest.raises(TargetError, match="nothing was done"):
        require_load_support(mapping, PROFILES[profile])


def test_later_versions_have_more_indexes() -> None:
    kinds = {"text": ("text", {}), "partial": (1, {"partialFilterExpression": 1}), "collation": (1, {"collation": 1})}
    refused = {
        name: [kind for kind, (key, options) in kinds.items() if PROFILES[name].index_problem([("s", key)], options)] for name in DOCUMENTDB
    }
    every = ["text", "partial", "collation"]
    assert refused == {"documentdb-4": every, "documentdb-5": ["collation"], "documentdb-8": [], "documentdb-elastic": every}


@pytest.fixture
def run(mongo_uri: str, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "in.csv").write_text("d,n,u,s\n2024-01-31,1,,x\n1999-01-01,1,,x\n")

    def run(profile: str) -> tuple[int, dict]:
        target = {"database": database.name, "collection": "c", **({"profile": profile} if profile else {})}
        mapping = mapping_of(FIELDS, RULES, target=target)
        (tmp_path / "m.yaml").write_text(mapping.text)
        out = io.StringIO()
        files = ["-m", str(tmp_path / "m.yaml"), "--source", str(tmp_path / "in.csv")]
        code = cli.run(["run", *files, "--json", "--allow", "reject_limit"], out, io.StringIO())
        return code, json.loads(out.getvalue())

    return run


def test_a_run_uses_the_profile_that_the_mapping_names(run, database: Database) -> None:
    code, report = run("documentdb-5")
    assert (code, report["accounting"]["documents"], report["accounting"]["rejected"]) == (0, 1, 1)
    assert database["c"].options()["validator"].keys() == {"$jsonSchema"}
    assert report["notes"][0].startswith("the mapping is for documentdb-5; the server looks like mongodb-")
    assert "on documentdb-5, rule order: engine alone, documentdb-5 accepts only $jsonSchema in a validator" in report["notes"]


def test_a_run_finds_the_profile_itself(run, database: Database) -> None:
    code, report = run("")
    assert (code, report["notes"]) == (0, [])
    assert database["c"].options()["validator"].keys() == {"$and"}


def test_no_load_where_nothing_can_be_renamed() -> None:
    with pytest.raises(UsageError, match="no_rename"):
        mapping_of(FIELDS, RULES, target={"database": "d", "collection": "c", "profile": "documentdb-elastic"})
    with pytest.raises(TargetError, match="no_rename"):
        require_load_support(mapping_of(FIELDS, RULES), PROFILES["documentdb-elastic"])
