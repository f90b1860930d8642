"""Who did what: the record of each run and apply, the commit of its mapping, and no secret in it."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from guarded import PASSWORD, guarded
from jobs import Jobs, command
from pymongo import MongoClient

from engine.mongo.actors import command_line, commit_of, without_secrets

SECRET = "s3cr/et#?@x"


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *settings, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one committed mapping, whose hooks and filters would leave a mark."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "m.yaml").write_text("mapping: a\n", encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    (folder / ".gitattributes").write_text("*.yaml filter=marking diff=marking\n", encoding="utf-8")
    for key in ("filter.marking.clean", "diff.marking.textconv", "diff.marking.command", "core.fsmonitor"):
        git(folder, "config", key, f"touch {folder / 'MARK'}")
    return folder


def test_a_run_is_recorded_with_who_and_what(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["engine", "run", "-m", "m.yaml", "--source", f"https://me:{SECRET}@host/x.csv"])
    ended = jobs.run([[1, "Ann", "Oslo", 30]], "--reason", "  corrected\nfile ")
    by = jobs.database["_engine_runs"].find_one({"_id": ended.report["run_id"]})["by"]
    assert by["host"] == socket.gethostname()
    assert (by["pid"], by["reason"]) == (os.getpid(), "corrected file")
    assert by["user"]
    assert by["command"] == ["engine", "run", "-m", "m.yaml", "--source", "https://…"]
    shown = json.loads(command("runs", "-m", jobs.mapping, "--json").out)[0]
    assert (shown["by"], shown["database"]) == (by, jobs.database.name)
    assert f"{by['user']}@{by['host']}  corrected file" in command("runs", "-m", jobs.mapping).out


def test_an_apply_is_recorded_with_who_and_why(jobs: Jobs) -> None:
    assert jobs.run([[1, "Ann", "Oslo", 30]]).code == 0
    file = jobs.mapping
    file.write_text(file.read_text(encoding="utf-8").replace("minimum: 0", "minimum: 1"), encoding="utf-8")
    assert command("apply", "-m", file, "--quiet", "--reason", f"ticket 7, see https://x:{SECRET}@host", "--allow", "E111").code == 0
    by = jobs.database["_engine_runs"].find_one({"kind": "apply"})["by"]
    assert (by["pid"], by["reason"]) == (os.getpid(), "ticket 7, see https://…")


def test_the_account_on_the_server_is_recorded(jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with guarded(tmp_path) as server:
        uri = server.shipped("loader", jobs.database.name)
        monkeypatch.setenv("MONGODB_URI", uri)
        assert jobs.run([[1, "Ann", "Oslo", 30]]).code == 0
        record = server.root[jobs.database.name]["_engine_runs"].find_one({})
    assert record["by"]["account"] == f"{MongoClient(uri, connect=False).options.pool_options._credentials.username}@admin"
    assert PASSWORD not in str(record)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"mongodb://me:{SECRET}@host:1/db", "mongodb://…"),
        (f"--source=s3://key:{SECRET}@bucket/x", "--source=s3://…"),
        ("https://host/x.csv?X-Amz-Signature=abc", "https://host/x.csv?…"),
        ("s3://bucket/2024/x.csv", "s3://bucket/2024/x.csv"),
        ("data/a@b.csv", "data/a@b.csv"),
        ("MONGODB+SRV://me:secret@host", "MONGODB+SRV://…"),
    ],
)
def test_no_secret_is_left_of_an_address(text: str, left: str) -> None:
    assert without_secrets(text) == left
    assert command_line(["run", text]) == ("engine", "run", left)


def test_the_commit_of_a_mapping_and_whether_it_was_changed_since(repository: Path) -> None:
    file, head = repository / "m.yaml", git(repository, "rev-parse", "HEAD")
    assert commit_of(file) == (head, False)
    file.write_bytes(b"mapping: a\r\n")  # as git writes it where lines end so
    assert commit_of(file) == (head, False)
    file.write_text("mapping: b\n", encoding="utf-8")
    assert commit_of(file) == (head, True)
    (repository / "new.yaml").write_text("mapping: c\n", encoding="utf-8")
    assert commit_of(repository / "new.yaml") == (head, True)
    assert not (repository / "MARK").exists()


def test_a_mapping_without_a_repository_or_without_git_has_no_commit(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))  # as in a hook of another repository
    monkeypatch.setenv("GIT_WORK_TREE", str(repository))
    (tmp_path / "m.yaml").write_text("mapping: a\n", encoding="utf-8")
    assert commit_of(tmp_path / "m.yaml") == ("", False)
    assert commit_of(repository / "gone" / "m.yaml") == ("", False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert commit_of(repository / "m.yaml") == ("", False)
