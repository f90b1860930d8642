"""Measure the engine against the floor and its peers, and write the result as Markdown. How, and what it means: README.md."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bson import json_util
from contenders import COLLECTION, CONTENDERS, ENGINE_COMMAND, HERE, MILLION, PEERS, Case, Contender, engine
from measuring import Sample, load_average, machine, measure
from pymongo import MongoClient
from shapes import CELLS, SHAPES

ROOT = HERE.parent
sys.path.insert(0, str(ROOT))
from results import STEPS_ROWS, Results, markdown  # noqa: E402 -- reads the engine, too

from engine.errors import EngineError  # noqa: E402
from engine.mongo import embedded  # noqa: E402 -- the engine of this checkout, whatever is installed

MAPPING = ROOT / "mappings" / "admissions.yaml"
CACHE = ROOT / ".engine" / "benchmarks"
SIZES = ["55500:3", f"{MILLION // 2}:3", f"{2 * MILLION}:1", f"{10 * MILLION}:1"]
STARTUPS = 5
OWN_DATABASES = {"admin", "config", "local"}
PACKAGES = ("polars", "pymongo", "numpy", "xxhash", "pyarrow", "pymongoarrow", "pandas")


class StepError(Exception):
    """A step between the measurements failed, so that there is nothing to measure."""


@dataclass(frozen=True)
class Place:
    """The server, a client of it, a folder of files that stay, one of files that go at the end, and the children's environment."""

    server: embedded.Server
    client: MongoClient[dict[str, Any]]
    cache: Path
    folder: Path
    environment: dict[str, str]

    def run(self, argv: Sequence[str]) -> Sample:
        return measure(argv, self.server.pid, self.environment)

    def do(self, argv: Sequence[str]) -> str:
        """A step that is not measured: what it prints. Raises StepError."""
        done = subprocess.run(argv, env={**os.environ, **self.environment}, check=False, capture_output=True, text=True)
        if done.returncode:
            raise StepError(f"{Path(argv[-1]).name}: exit code {done.returncode}: {done.stderr[-500:]}")
        return done.stdout

    def clear(self) -> None:
        """Nothing is left of the run before, on disk either, that the next one would pay for."""
        for name in self.client.list_database_names():
            if name not in OWN_DATABASES:
                self.client.drop_database(name)
        self.client.admin.command("fsync")
        os.sync()  # the file of documents, too, is still on its way to the disk after it was written


@contextmanager
def opened(cache: Path) -> Iterator[Place]:
    """A server of our own, stopped after, with everything but the generated CSV files removed."""
    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=cache, prefix="run-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with embedded.lease(folder / "home") as server, MongoClient[dict[str, Any]](server.uri) as client:
            paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
            environment = {"MONGODB_URI": server.uri, "ENGINE_HOME": str(folder / "home"), "PYTHONPATH": paths}
            yield Place(server, client, cache, folder, environment)


def compare(place: Place, rows: int, repeat: int, chosen: Sequence[Contender], results: Results) -> None:
    """Interleaved rounds (A B C, A B C, …) of everyone who is asked for this many rows."""
    unguarded = place.folder / "unguarded.yaml"
    unguarded.write_text(without_validator(MAPPING.read_text(encoding="utf-8")), encoding="utf-8")
    case = Case(generated(place, rows), place.folder / f"{rows}.bson", MAPPING, unguarded, place.server.uri, "medicaldb")
    place.do([sys.executable, str(HERE / "dump.py"), str(MAPPING), str(case.csv), str(case.bson)])
    taking_part = [one for one in chosen if rows <= one.up_to]
    samples = results.sizes.setdefault(rows, {one.name: [] for one in taking_part})
    try:
        for turn in range(repeat):
            for contender in taking_part:
                sample = one_run(place, contender, case)
                samples[contender.name].append(sample)
                say(f"{rows:,} rows, round {turn + 1} of {repeat}: {contender.name}: {sample.failure or f'{sample.wall:.2f} s'}")
    finally:
        case.bson.unlink(missing_ok=True)


def without_validator(mapping: str) -> str:
    """The text of a mapping, with the server-side validator switched off. Raises StepError where there is no such key."""
    found, count = re.subn(r"level: strict\b", "level: 'off'", mapping)
    if count != 1:
        raise StepError("the mapping has not one `level: strict`")
    return found


def one_run(place: Place, contender: Contender, case: Case) -> Sample:
    """An empty server, one process, and how many documents it left."""
    place.clear()
    collection = place.client[case.database][COLLECTION]
    if contender.validator:
        options = json_util.loads(place.do([*ENGINE_COMMAND, "schema", "--mapping", str(case.mapping), "--output", "-"]))
        place.client[case.database].create_collection(COLLECTION, **options)
    sample = place.run(contender.argv(case))
    return replace(sample, documents=collection.estimated_document_count())


def generated(place: Place, rows: int) -> Path:
    """The CSV file of that many rows, made once."""
    path = place.cache / f"admissions-{rows}.csv"
    if not path.exists():
        say(f"making {path.name}")
        place.do([sys.executable, str(ROOT / "data" / "generate.py"), "--rows", str(rows), "--output", str(path)])
    return path


def steps(place: Place, rows: int, results: Results) -> None:
    """What the client does with a row, step by step, without a server."""
    results.steps = json.loads(place.do([sys.executable, str(HERE / "steps.py"), str(MAPPING), str(generated(place, rows))]))


def starts(place: Place, results: Results) -> None:
    """Commands that load nothing."""
    for name, argv in (("--help", ["--help"]), ("check", ["check", "--mapping", str(MAPPING)])):
        results.startup[name] = [place.run([*ENGINE_COMMAND, *argv]) for _ in range(STARTUPS)]


def odd(place: Place, names: Sequence[str], cells: int, results: Results) -> None:
    """Each shape: a dry run, then a real one."""
    for name in names:
        place.do([sys.executable, str(HERE / "shapes.py"), name, str(place.folder), str(cells)])
        csv = place.folder / f"{name}.csv"
        mapping = csv.with_suffix(".yaml")
        case = Case(csv, csv, mapping, mapping, place.server.uri, "shapes")
        place.clear()
        dry, real = place.run(engine(case, "--dry-run")), place.run(engine(case))
        results.shapes[name] = (csv.stat().st_size / 1e6, dry, real)
        say(f"shape {name}: {dry.failure or f'dry run {dry.wall:.2f} s'}, {real.failure or f'load {real.wall:.2f} s'}")
        csv.unlink()


def described(place: Place) -> list[str]:
    """When, on what, with which versions."""
    found = [f"Python {sys.version.split()[0]}", f"MongoDB {place.client.server_info()['version']}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    git = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    commit = f" Commit {git.stdout.strip()} or later." if git.returncode == 0 else ""
    return [
        f"{datetime.now(UTC):%Y-%m-%d}. {machine()}. Load average before the first run: {load_average():.1f}.",
        f"{', '.join(found)}.{commit}",
    ]


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def size(text: str) -> tuple[int, int | None]:
    """`ROWS` or `ROWS:REPEAT`."""
    rows, _, repeat = text.partition(":")
    if not rows.isdecimal() or not int(rows) or (repeat and not int(repeat)):
        raise ValueError(text)
    return int(rows), int(repeat) if repeat else None


def options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the engine against the floor and its peers.", epilog="See benchmarks/README.md.")
    parser.add_argument(
        "--rows", nargs="*", type=size, default=[size(one) for one in SIZES], metavar="ROWS[:REPEAT]", help=f"default: {' '.join(SIZES)}"
    )
    parser.add_argument("--repeat", type=int, default=3, help="rounds of the sizes that do not say (default: %(default)s)")
    parser.add_argument(
        "--peers", nargs="*", choices=PEERS, default=PEERS, metavar="PEER", help=f"none, or some of: {', '.join(PEERS)} (default: all)"
    )
    parser.add_argument("--shapes", nargs="*", choices=SHAPES, default=[*SHAPES], help="none, or some (default: all)", metavar="SHAPE")
    parser.add_argument("--cells", type=int, default=CELLS, help="size of each shape (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for generated files and the server (default: .engine/benchmarks)")
    parser.add_argument("--output", type=Path, default=HERE / "RESULTS.md", help="default: benchmarks/RESULTS.md")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 something measured failed, 130 interrupted; what was measured until then is written in every case."""
    chosen, results = options(argv), Results()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    results.missing = {one.name: one.absent for one in CONTENDERS if one.absent}
    contenders = [one for one in CONTENDERS if not one.absent and (one.name in chosen.peers or one.name not in PEERS)]
    try:
        with opened(chosen.cache.resolve()) as place:
            results.header = described(place)
            starts(place, results)
            steps(place, STEPS_ROWS, results)
            for rows, repeat in chosen.rows:
                compare(place, rows, repeat or chosen.repeat, contenders, results)
            odd(place, chosen.shapes, chosen.cells, results)
    except KeyboardInterrupt:
        results.header += ["", "**Interrupted: incomplete.**"]
        return 130
    except (EngineError, StepError) as error:
        say(f"stopped: {error}")
        return 1
    finally:
        if results.header:
            chosen.output.write_text(markdown(results), encoding="utf-8")
            say(f"wrote {chosen.output}")
    return int(any(one.failure for by_name in results.sizes.values() for samples in by_name.values() for one in samples))


if __name__ == "__main__":
    sys.exit(main())
