"""Samples to Markdown: medians, ratios to the floor, targets met or missed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from contenders import CONTENDERS, ENGINE, FLOOR, GUARDED_FLOOR, MILLION, NOT_APPLICABLE, PEERS, SORTED_FLOOR, UNGUARDED, Contender
from measuring import Sample
from shapes import SHAPES

from engine.digests.keys import DIGEST_BYTES, GROWTH, DigestTable

LOAD, UNGUARDED_LOAD = "engine, load alone", "engine without validator, load alone"
PARTS = {LOAD: ENGINE, UNGUARDED_LOAD: UNGUARDED}  # of whole runs
CORES = os.cpu_count() or 1
STEPS_ROWS = 500_000
AFTER_LOAD = ("index", "verify", "publish")
BY_NAME = {one.name: one for one in CONTENDERS}


@dataclass
class Results:
    """All samples: by rows and contender; of start-up by command; of shapes by name (dry run, load). `missing`: why some are absent."""

    sizes: dict[int, dict[str, list[Sample]]] = field(default_factory=dict)
    startup: dict[str, list[Sample]] = field(default_factory=dict)
    shapes: dict[str, tuple[float, Sample, Sample]] = field(default_factory=dict)  # MB of CSV, dry run, load
    missing: dict[str, str] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)  # CPU microseconds a row
    header: list[str] = field(default_factory=list)

    def good(self, rows: int, name: str) -> list[Sample]:
        """The samples that did not fail."""
        found = self.sizes.get(rows, {}).get(PARTS.get(name, name), [])
        return [one for one in found if not one.failure]

    def seconds(self, rows: int, name: str) -> list[float]:
        """Seconds of each sample, by the clock that counts for this contender."""
        return [seconds(one, name) for one in self.good(rows, name)]

    def ratio(self, rows: int, name: str, to: str = FLOOR) -> float | None:
        """Median of one over median of the other; None where either is missing."""
        mine, other = self.seconds(rows, name), self.seconds(rows, to)
        return median(mine) / median(other) if mine and other else None

    def peak(self, rows: int) -> float | None:
        """The engine's median peak memory in MiB."""
        found = [one.peak_mb for one in self.good(rows, ENGINE)]
        return median(found) if found else None

    def peak_apart(self, rows: int) -> float | None:
        """The same without the dedup set."""
        found = self.peak(rows)
        return found - dedup_mib(self.good(rows, ENGINE)[0].documents) if found else None

    def load_stage(self, rows: int) -> float | None:
        """Median microseconds per row of the engine's stage `load`."""
        found = [one.said["stages"]["load"] for one in self.good(rows, ENGINE)]
        return median(found) / rows * 1e6 if found else None

    def started(self, command: str) -> float | None:
        """Median seconds of a command that loads nothing."""
        found = [one.wall for one in self.startup.get(command, []) if not one.failure]
        return median(found) if found else None


def seconds(sample: Sample, name: str) -> float:
    """What counts as the time of this sample: see `LOAD` and `Contender.own_clock`."""
    if name in PARTS:
        return sample.wall - sum(float(sample.said["stages"].get(stage, 0.0)) for stage in AFTER_LOAD)
    return float(sample.said["seconds"]) if BY_NAME[name].own_clock else sample.wall


def dedup_mib(keys: int) -> float:
    """MiB that the set of so many keys takes, as `engine.digests.keys.DigestTable` grows."""
    homes = DigestTable().homes
    while 3 * keys > 2 * homes:
        homes += homes // GROWTH + 1
    return homes * DIGEST_BYTES / 2**20


def client_cpu(sample: Sample, contender: Contender) -> float:
    """CPU seconds of the client; of one with its own clock only those within it."""
    return float(sample.said["cpu"]) if contender.own_clock else sample.client_cpu


def share(value: float | None, of: float | None) -> float | None:
    """A quotient, where both are known."""
    return value / of if value is not None and of else None


@dataclass(frozen=True)
class Target:
    """A figure that the project promises: at most `limit`, or at least where `least`."""

    text: str
    limit: float
    found: Callable[[Results], float | None]
    unit: str = ""
    least: bool = False


TARGETS = (
    Target("load at 2,000,000 rows, without the validator as the floor is", 1.6, lambda r: r.ratio(2 * MILLION, UNGUARDED_LOAD), "×"),
    Target("load at 2,000,000 rows, with the server-side validator", 1.6, lambda r: r.ratio(2 * MILLION, LOAD), "×"),
    Target("whole run at 2,000,000 rows, against the floor", 2.6, lambda r: r.ratio(2 * MILLION, ENGINE), "×"),
    Target("mongoimport at 2,000,000 rows, against the engine's load", 4, lambda r: r.ratio(2 * MILLION, "mongoimport", LOAD), "×", True),
    Target("row-by-row script at 500,000 rows, against the engine's load", 14,
           lambda r: r.ratio(500_000, "row-by-row script", LOAD), "×", True),
    Target("naive script at 500,000 rows, against the engine's load", 14, lambda r: r.ratio(500_000, "naive script", LOAD), "×", True),
    Target("mongoimport at 55,500 rows, against the engine's load", 1, lambda r: r.ratio(55_500, "mongoimport", LOAD), "×", True),
    Target("peak memory at 500,000 rows", 350, lambda r: r.peak(500_000), "MiB"),
    Target("peak memory at 2,000,000 rows", 350, lambda r: r.peak(2 * MILLION), "MiB"),
    Target("peak memory at 10 million rows over that at 500,000, the dedup set apart", 1.2,
           lambda r: share(r.peak_apart(10 * MILLION), r.peak_apart(500_000)), "×"),
    Target("stage `load` per row at 10 million rows over that at 500,000", 1.1,
           lambda r: share(r.load_stage(10 * MILLION), r.load_stage(500_000)), "×"),
    Target("`engine --help`", 0.15, lambda r: r.started("--help"), "s"),
    Target("`engine check`", 0.6, lambda r: r.started("check"), "s"),
)  # fmt: skip


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table; the first column is text, the others figures."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join(["---", *["---:"] * (len(head) - 1)]) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def figure(value: float | None, digits: int = 2) -> str:
    """A number, or a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"


def markdown(results: Results) -> str:
    """The whole page."""
    lines = ["# Results", "", *results.header, "", *targets(results)]
    lines += per_row(results)
    for rows in results.sizes:
        lines += [f"## {rows:,} rows", "", *comparison(results, rows), *profile(results, rows)]
    lines += [*absent(results), *shapes(results), *explained()]
    return "\n".join(lines)


def targets(results: Results) -> Iterator[str]:
    yield from ("## Targets", "")
    yield from table(("target", "limit", "measured", ""), (verdict(results, one) for one in TARGETS))


def verdict(results: Results, target: Target) -> Sequence[str]:
    found = target.found(results)
    limit = f"{'≥' if target.least else '≤'} {target.limit:g} {target.unit}"
    if found is None:
        return target.text, limit, "–", "not measured"
    met = found >= target.limit if target.least else found <= target.limit
    return target.text, limit, f"{figure(found)} {target.unit}", "met" if met else "**missed**"


def comparison(results: Results, rows: int) -> Iterator[str]:
    order = [FLOOR, SORTED_FLOOR, GUARDED_FLOOR, UNGUARDED_LOAD, LOAD, UNGUARDED, ENGINE, *PEERS]
    head = ("", "seconds", "least – most", "× floor", "rows/s", "client CPU s", "mongod CPU s", "peak MiB", "documents")
    yield from table(head, (line(results, rows, name) for name in order if results.good(rows, name)))


def line(results: Results, rows: int, name: str) -> Sequence[str]:
    samples, times = results.good(rows, name), results.seconds(rows, name)
    contender = BY_NAME[PARTS.get(name, name)]
    middle = median(times)
    spread = f"{min(times):.2f} – {max(times):.2f}" if len(times) > 1 else "one run"
    speed = (f"{middle:.2f}", spread, figure(results.ratio(rows, name)), f"{rows / middle:,.0f}")
    if name in PARTS:
        return name, *speed, "", "", "", f"{samples[0].documents:,}"
    client = median(client_cpu(one, contender) for one in samples)
    server, peak = median(one.server_cpu for one in samples), median(one.peak_mb for one in samples)
    memory = "" if contender.own_clock else f"{peak:.0f}"
    label = f"{name}, whole run" if name in PARTS.values() else f"{name} ({contender.what})"
    return label, *speed, f"{client:.2f}", f"{server:.2f}", memory, f"{samples[0].documents:,}"


def per_row(results: Results) -> Iterator[str]:
    """Whether a row costs the same in small loads and in large ones, and who works for it."""
    sizes = [rows for rows in results.sizes if results.good(rows, ENGINE)]
    yield from ("## What a row costs", "")
    head = (
        "rows",
        "stage load, µs",
        "whole run, µs",
        "client CPU, µs",
        "mongod CPU, µs",
        f"busy, of {CORES} cores",
        "peak MiB",
        "of it dedup set",
    )
    yield from table(head, (row_line(results, rows) for rows in sizes))
    if results.steps:
        yield f"Of the client's CPU, step by step (`steps.py`, one after another, at {STEPS_ROWS:,} rows; sending comes to it):"
        yield ""
        yield from table(("", "µs a row"), [*((name, figure(one)) for name, one in results.steps.items()),
                                            ("together", figure(sum(results.steps.values())))])  # fmt: skip


def row_line(results: Results, rows: int) -> Sequence[str]:
    samples = results.good(rows, ENGINE)
    client, server = (median(values) / rows * 1e6 for values in zip(*((one.client_cpu, one.server_cpu) for one in samples), strict=True))
    wall = median(one.wall for one in samples) / rows * 1e6
    busy = f"{(client + server) / wall / CORES:.0%}"
    dedup = dedup_mib(samples[0].documents)
    figures = [figure(results.load_stage(rows)), figure(wall), figure(client), figure(server)]
    return f"{rows:,}", *figures, busy, figure(results.peak(rows), 0), figure(dedup, 0)


def profile(results: Results, rows: int) -> Iterator[str]:
    """The engine's own stages. Start-up is what lies outside them: the interpreter, imports, the mapping, the ledger."""
    samples = results.good(rows, ENGINE)
    if not samples:
        return
    stages = {name: median(one.said["stages"].get(name, 0.0) for one in samples) for name in samples[0].said["stages"]}
    startup = median(one.wall - one.said["seconds"] for one in samples)
    head = ("engine's stages", "start-up and end", *stages)
    yield from table(head, [("seconds", f"{startup:.2f}", *(f"{value:.2f}" for value in stages.values()))])


def absent(results: Results) -> Iterator[str]:
    failures = {
        f"{name} at {rows:,} rows": one.failure
        for rows, by_name in results.sizes.items()
        for name, samples in by_name.items()
        for one in samples
        if one.failure
    }
    yield from ("## Not measured", "")
    for name, why in {**NOT_APPLICABLE, **results.missing, **failures}.items():
        yield f"- {name}: {why}"
    yield ""


def shapes(results: Results) -> Iterator[str]:
    if not results.shapes:
        return
    yield from ("## Wide and odd shapes", "")
    yield "Speeds are of the stage `load`, without and with a server; `process` is the whole process of the real run."
    yield ""
    head = ("shape", "rows", "columns", "MB", "dry: M cells/s", "dry: MB/s", "real: M cells/s", "real: MB/s", "process s", "peak MiB",
            "documents", "rejected", "duplicates")  # fmt: skip
    yield from table(head, (shape_line(name, *found) for name, found in results.shapes.items()))


def shape_line(name: str, megabytes: float, dry: Sample, real: Sample) -> Sequence[str]:
    shape = SHAPES[name]
    if failure := dry.failure or real.failure:
        return f"{shape.what}: **failed**, {failure}", *[""] * 12
    counts = real.said["accounting"]
    cells = counts["rows_read"] * len(shape.columns) / 1e6
    rates = [figure(amount / one.said["stages"]["load"]) for one in (dry, real) for amount in (cells, megabytes)]
    ends = [f"{counts[name]:,}" for name in ("documents", "rejected", "duplicates")]
    size = (f"{counts['rows_read']:,}", f"{len(shape.columns):,}", figure(megabytes, 0))
    return shape.what, *size, *rates, f"{real.wall:.2f}", f"{real.peak_mb:.0f}", *ends


def explained() -> Iterator[str]:
    yield "How these figures are made: [README.md](README.md)."
    yield ""
