"""The batch loop: what it does to the order of documents, and that nobody is blamed for another's fault because of it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from uuid import uuid4

from bson.binary import Binary
from jobs import Jobs, command, own

from engine.run import loading


def hashed(jobs: Jobs) -> list:
    """The arguments of a run whose `_id` is a hash, into a collection with a unique name."""
    jobs.rest = "  by_name: {keys: {name: 1}, unique: true}\ndedup: {on: [id]}\nid: {hash: [id]}"
    text = jobs.mapping.read_text(encoding="utf-8").replace("  _id: {column: id, type: int}\n", "  number: {column: id, type: int}\n")
    mapping = jobs.folder / "hashed.yaml"
    mapping.write_text(text, encoding="utf-8")
    return ["run", "-m", mapping, "--json", "--source"]


def test_hashes_are_sent_sorted_and_a_refused_row_is_the_right_one(jobs: Jobs) -> None:
    rows = [[number, f"n{number}", "Oslo", 1] for number in range(1, loading.MANY + 101)]
    arguments = hashed(jobs)
    jobs.live.insert_many([{"_id": Binary.from_uuid(uuid4()), "number": 0, "name": name} for name in ("n700", "n3")])
    own(jobs.live)
    ended = command(*arguments, jobs.write(rows))
    assert (ended.code, ended.counts) == (0, (len(rows), len(rows) - 2, 0, 2, 0)), ended.err
    lines = Path(ended.report["rejects_file"]).read_text(encoding="utf-8").splitlines()[1:]
    assert sorted(line.split(",")[0] for line in lines) == ["3", "700"]
    sent = [one["_id"] for one in jobs.live.find({"number": {"$gt": 0}}, {"_id": 1})]
    assert sent == sorted(sent)
    assert {one["number"] for one in jobs.live.find({"number": {"$gt": 0}})} == {row[0] for row in rows} - {3, 700}


def test_a_few_documents_stay_in_the_order_of_the_source(jobs: Jobs) -> None:
    arguments = hashed(jobs)
    assert command(*arguments, jobs.write([[number, f"n{number}", "Oslo", 1] for number in range(50)])).code == 0
    assert [one["number"] for one in jobs.live.find()] == list(range(50))


def test_the_first_of_two_rows_with_one_id_stays_in_mode_replace_too(jobs: Jobs) -> None:
    jobs.mode = "replace"
    ended = jobs.run([[1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40], [1, "Ann", "Bern", 31]])
    assert ended.counts == (3, 2, 0, 1, 0)
    assert ended.report["rejects"][0]["message"] == "an earlier row has the same _id"
    assert [one["home"]["city"] for one in jobs.documents()] == ["Oslo", "Rome"]


def test_a_failed_run_waits_for_writes_that_have_begun_and_for_no_other() -> None:
    """`concurrent.futures.wait` never counts a cancelled future as done, and an interruption can come before a future is known."""
    release = Event()
    writers = ThreadPoolExecutor(1, thread_name_prefix="writer")
    begun, queued = writers.submit(release.wait), writers.submit(release.wait)
    writers.shutdown(wait=False, cancel_futures=True)
    loading.join_threads("writer", 0.01)
    assert (begun.running(), queued.cancelled()) == (True, True)
    release.set()
    loading.join_threads("writer", 60)
    assert begun.done()
