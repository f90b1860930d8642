"""Who is measured: one row each, with its command line and what it leaves out."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ENGINE, UNGUARDED = "engine", "engine without validator"
FLOOR, SORTED_FLOOR, GUARDED_FLOOR = "floor", "floor, sorted", "floor with validator"
MILLION = 1_000_000
COLLECTION = "admissions"
MAJORITY = '{w: "majority", j: true}'


@dataclass(frozen=True)
class Case:
    """What one run works on. `bson` holds the documents that the engine makes of `csv`; `unguarded` is `mapping` without the validator."""

    csv: Path
    bson: Path
    mapping: Path
    unguarded: Path
    uri: str
    database: str


@dataclass(frozen=True)
class Contender:
    """`up_to`: the most rows it is asked to load. `needs`: a module or `program:NAME`; without it the contender is absent."""

    name: str
    what: str
    argv: Callable[[Case], list[str]]
    up_to: int = 100 * MILLION
    needs: str = ""
    own_clock: bool = False  # it times itself (`seconds`), and only that counts
    validator: bool = False  # the collection has the engine's validator before the run
    ready: bool = False  # it sends the documents that the engine makes
    slow: bool = True  # a peer, which `--peers` may leave out

    @property
    def absent(self) -> str:
        """Why it cannot be measured here, or ""."""
        program = self.needs.removeprefix("program:")
        if program != self.needs:
            return "" if shutil.which(program) else f"no `{program}` on PATH"
        return "" if not self.needs or importlib.util.find_spec(self.needs) else f"package `{self.needs}` is not installed"


def engine(case: Case, *more: str) -> list[str]:
    return engine_with(case.mapping, case, *more)


def engine_with(mapping: Path, case: Case, *more: str) -> list[str]:
    return [*ENGINE_COMMAND, "run", "--mapping", str(mapping), "--source", str(case.csv), "--json", "--quiet", *more]


ENGINE_COMMAND = (sys.executable, "-m", "engine")


def floor(*more: str) -> Callable[[Case], list[str]]:
    script = str(HERE / "floor.py")
    return lambda case: [sys.executable, script, str(case.bson), case.uri, case.database, COLLECTION, *more]


def peer(script: str) -> Callable[[Case], list[str]]:
    return lambda case: [sys.executable, str(HERE / "peers" / script), str(case.csv), case.uri, case.database, COLLECTION]


TYPED = (
    "patient.name.string() patient.age.int32() patient.gender.string() patient.blood_type.string() medical.condition.string() "
    "stay.admission_date.date_go(2006-01-02) facility.doctor.string() facility.hospital.string() facility.insurance_provider.string() "
    "billing_amount.double() facility.room_number.int32() stay.admission_type.string() stay.discharge_date.date_go(2006-01-02) "
    "medical.medication.string() medical.test_results.string()"
)


def mongo_tool(program: str, case: Case, *more: str) -> list[str]:
    return [program, "--quiet", "--uri", case.uri, "--db", case.database, "--collection", COLLECTION, "--writeConcern", MAJORITY, *more]


def mongoimport(case: Case) -> list[str]:
    """The header's line cannot be read as typed cells, so `skipRow` is what leaves it out."""
    fields = ",".join(TYPED.split())
    csv = ["--type", "csv", "--columnsHaveTypes", "--parseGrace", "skipRow", "--fields", fields]
    return mongo_tool("mongoimport", case, *csv, "--numInsertionWorkers", "4", "--file", str(case.csv))


def mongorestore(case: Case) -> list[str]:
    return mongo_tool("mongorestore", case, "--numInsertionWorkersPerCollection", "4", str(case.bson))


# In the order of one round.
CONTENDERS = (
    Contender(ENGINE, "everything the mapping says", engine, slow=False),
    Contender(UNGUARDED, "the same with `validation: {level: 'off'}`", lambda case: engine_with(case.unguarded, case), 2 * MILLION,
              slow=False),
    Contender(FLOOR, "ready BSON in the file's order, two raw sockets, plain collection; sending only", floor(), own_clock=True, ready=True,
              slow=False),
    Contender(SORTED_FLOOR, "the same, each batch sorted by `_id` before the clock starts", floor("sorted"), 2 * MILLION, own_clock=True,
              ready=True, slow=False),
    Contender(GUARDED_FLOOR, "as the floor, into a collection with the engine's validator", floor(), 2 * MILLION, own_clock=True,
              validator=True, ready=True, slow=False),
    Contender("mongorestore", "ready BSON, 4 workers", mongorestore, 2 * MILLION, "program:mongorestore", ready=True),
    Contender("mongoimport", "4 workers; no dedup, no checks", mongoimport, 2 * MILLION, "program:mongoimport"),
    Contender("polars to dicts", "types and dedup; no checks", peer("polars_dicts.py"), 2 * MILLION, "polars"),
    Contender("pymongoarrow write", "types and dedup; no checks", peer("arrow_write.py"), 2 * MILLION, "pymongoarrow"),
    Contender("pandas records", "types and dedup; no checks", peer("pandas_records.py"), MILLION, "pandas"),
    Contender("row-by-row script", "as the naive script, each document inserted by itself", peer("row_by_row.py"), 500_000),
    Contender("naive script", "row by row, types and dedup; no checks", peer("naive.py"), MILLION),
)  # fmt: skip
PEERS = tuple(one.name for one in CONTENDERS if one.slow)
NOT_APPLICABLE = {"dlt": "it has no MongoDB destination (looked up in 1.31.0), and its custom ones get flattened rows"}
