"""`engine apply --throttle`: how fast documents are rewritten, by a clock of the test's own."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from jobs import Ended, command
from pymongo.database import Database

from engine.apply import pacing
from engine.apply.pacing import Pace, pace
from engine.cli import progress
from engine.cli.progress import paced
from engine.cli.verbs import evolution
from engine.errors import UsageError


@dataclass
class Clock:
    """A clock that only `sleep`, and what a test does, moves."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def take(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("text", "rate", "latency"), [("", 0, 0), ("5000", 5000, 0), ("20ms", 0, 0.02)])
def test_a_throttle_is_a_rate_or_a_latency(text: str, rate: int, latency: float) -> None:
    assert (pace(text).rate, pace(text).latency) == (rate, latency)


@pytest.mark.parametrize("text", ["0", "-1", "0ms", "fast", "20 ms", "1.5", "20s", "²"])
def test_another_throttle_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--throttle"):
        pace(text)


def test_a_rate_is_kept_however_long_batches_take() -> None:
    clock = Clock()
    slow = Pace(rate=100, clock=clock, sleep=clock.sleep)
    assert slow.batch == 100
    slow.begin()
    for seconds in (0.2, 0.9, 0.0, 0.5):
        clock.take(seconds)
        slow.after(100, lambda: None)
    assert clock.now == pytest.approx(104.0)
    clock.take(9)
    slow.after(100, lambda: None)
    assert clock.now == pytest.approx(113.0)  # late already: no wait


def test_a_slow_read_makes_pauses_that_grow_and_a_fast_one_makes_them_shrink() -> None:
    clock = Clock()
    kind = Pace(latency=0.02, clock=clock, sleep=clock.sleep)
    for seconds in (0.01, 0.03, 0.5, 0.03, 0.01, 0.01, 0.01, 0.01):
        kind.after(500, lambda seconds=seconds: clock.take(seconds))  # type: ignore[misc]
    assert clock.slept == pytest.approx([0.05, 0.1, 0.2, 0.1, 0.05, 0.025])
    for _ in range(10):
        kind.after(500, lambda: clock.take(1))
    assert max(clock.slept) == pacing.LONGEST_PAUSE


def test_without_a_throttle_nothing_waits_and_nothing_probes() -> None:
    clock = Clock()
    free = Pace(clock=clock, sleep=clock.sleep)
    free.begin()
    free.after(2000, lambda: clock.take(9))
    assert (clock.now, free.batch) == (100.0, pacing.MOST)


def test_progress_tells_the_rate_and_the_time_left() -> None:
    assert paced(2000, 10_000, 4.0) == "2,000 documents, 500 documents/s, 0:00:16 left"
    assert paced(10_000, 10_000, 20.0) == "10,000 documents, 500 documents/s"
    assert paced(0, 10, 0.0) == "0 documents"


MAPPING = """
mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people}}
fields:
  _id: {{column: id, type: int}}
  {age}
"""


class People:
    """Fifty of them, and a mapping that is edited."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        (folder / "in.csv").write_text("id,age\n" + "".join(f"{number},{number}\n" for number in range(50)))
        assert self.call("run", "age: {column: age, type: int}", "--source", str(folder / "in.csv")).code == 0

    def call(self, verb: str, age: str, *more: str) -> Ended:
        file = self.folder / "people.yaml"
        file.write_text(MAPPING.format(database=self.database.name, age=age), encoding="utf-8")
        return command(verb, "-m", file, *more)


@pytest.fixture
def people(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> People:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    return People(database, tmp_path / "work")


RENAMED = "years: {column: age, type: int, was: age}"


def test_a_throttled_apply_waits_and_says_how_far_it_is(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(evolution, "pace", lambda text: Pace(rate=int(text), clock=clock, sleep=clock.sleep))
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    ended = people.call("apply", RENAMED, "--throttle", "10")
    assert ended.code == 0, ended.err
    assert clock.slept == pytest.approx([1.0] * 5)
    assert people.database["people"].count_documents({"years": {"$exists": True}}) == 50
    assert ("documents/s" in ended.err, "documents/s" in ended.out) == (True, False)


def test_a_bound_on_the_latency_rewrites_all(people: People) -> None:
    assert people.call("apply", RENAMED, "--throttle", "1000ms").code == 0
    assert people.call("plan", RENAMED).code == 0


def test_a_wrong_throttle_ends_with_usage(people: People) -> None:
    ended = people.call("apply", RENAMED, "--throttle", "soon")
    assert (ended.code, "--throttle 20ms" in ended.err) == (2, True)
