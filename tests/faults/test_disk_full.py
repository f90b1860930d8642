"""A disk that is full: of the server, of the rejects. A tmpfs stands for it, which only root may mount."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.loading import DATA, TARGET, Content, Ended, Job
from faults.servers import Mongod, running


def mount(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)


@contextmanager
def disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own."""
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    if (done := mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)).returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def resize(folder: Path, size: int) -> None:
    done = mount("-o", f"remount,size={size}", folder)
    assert not done.returncode, done.stderr


@contextmanager
def nearly_full(source, clean: Content, tmp_path: Path, room: int) -> Iterator[tuple[Job, Mongod, Callable[[], None]]]:
    """A job on a server whose disk has room for so many MB of its 12, and what gives it more."""
    folder = tmp_path / "disk"
    with disk(folder, "900m"), running(folder, logs=tmp_path) as server:
        job = Job(tmp_path, server.client, server.uri, source, clean, hasty=True)
        job.seed()
        space = os.statvfs(folder)
        resize(folder, (space.f_blocks - space.f_bfree) * space.f_frsize + (room << 20))
        yield job, server, lambda: resize(folder, 900 << 20)


def assert_no_row_is_blamed(ended: Ended) -> None:
    assert {one["code"] for one in ended.report["rejects"]} <= {"type"}, "the source has rows with a wrong type, and no others"


def test_of_the_server(source, clean, tmp_path) -> None:
    """No row is blamed, the live collection stays, and with more room the same command completes."""
    with nearly_full(source, clean, tmp_path, 4) as (job, server, grow):
        ended = job.run()
        assert ended.code == TARGET, ended.err
        assert_no_row_is_blamed(ended)
        grow()
        if server.wait_for_end(5):
            server.start()
        job.assert_untouched(ended)
        job.finish()


def test_of_the_server_grown_meanwhile(source, clean, tmp_path) -> None:
    """Somebody makes room and starts the server again while the loader still waits."""
    with nearly_full(source, clean, tmp_path, 8) as (job, server, grow):
        loading = job.start()
        ended_itself = server.wait_for_end(30)
        grow()
        if ended_itself:
            server.start()
        ended = loading.end()
        assert_no_row_is_blamed(ended)
        if ended.code:
            job.assert_untouched(ended)
        job.finish()


def test_of_the_rejects(replica, jobs) -> None:
    job = jobs(replica)
    job.folder.mkdir()
    with disk(job.home, "12k"):
        ended = job.run()
        assert ended.code == DATA, ended.err
        assert "rejects_unwritable" in ended.findings
        job.assert_untouched(ended)
        job.assert_tidy()
    job.finish()
