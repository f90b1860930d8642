"""Samples to Markdown: medians, ratios to the floor, targets met or missed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from contenders import CONTENDERS, ENGINE, FLOOR, GUARDED_FLOOR, MILLION, NOT_APPLICABLE, Contender
from measuring import Sample
from shapes import SHAPES

LOAD = "engine, load alone"
AFTER_LOAD = ("index", "verify", "publish")
BY_NAME = {one.name: one for one in CONTENDERS}


@dataclass
class Results:
    """All samples: by rows and contender; of start-up by command; of shapes by name (dry run, load). `missing`: why some are absent."""

    sizes: dict[int, dict[str, list[Sample]]] = field(default_factory=dict)
    startup: dict[str, list[Sample]] = field(default_factory=dict)
    shapes: dict[str, tuple[float, Sample, Sample]] = field(default_factory=dict)  # MB of CSV, dry run, load
    missing: dict[str, str] = field(default_factory=dict)
    header: list[str] = field(default_factory=list)

    def good(self, rows: int, name: str) -> list[Sample]:
        """The samples that did not fail."""
        found = self.sizes.get(rows, {}).get(ENGINE if name == LOAD else name, [])
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
    if name == LOAD:
        return sample.wall - sum(float(sample.said["stages"].get(stage, 0.0)) for stage in AFTER_LOAD)
    return float(sample.said["seconds"]) if BY_NAME[name].own_clock else sample.wall


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
    Target("load at 2,000,000 rows, against the floor", 1.6, lambda r: r.ratio(2 * MILLION, LOAD), "×"),
    Target("whole run at 2,000,000 rows, against the floor", 2.6, lambda r: r.ratio(2 * MILLION, ENGINE), "×"),
    Target("mongoimport at 2,000,000 rows, against the engine's load", 4, lambda r: r.ratio(2 * MILLION, "mongoimport", LOAD), "×", True),
    Target("naive script at 500,000 rows, against the engine's load", 14, lambda r: r.ratio(500_000, "naive script", LOAD), "×", True),
    Target("mongoimport at 55,500 rows, against the engine's load", 1, lambda r: r.ratio(55_500, "mongoimport", LOAD), "×", True),
    Target("peak memory at 500,000 rows", 350, lambda r: r.peak(500_000), "MiB"),
    Target("peak memory at 2,000,000 rows", 350, lambda r: r.peak(2 * MILLION), "MiB"),
    Target("peak memory at 10 million rows over that at 500,000, dedup set included", 1.2,
           lambda r: share(r.peak(10 * MILLION), r.peak(500_000)), "×"),
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
    order = [FLOOR, GUARDED_FLOOR, LOAD, ENGINE, *(one.name for one in CONTENDERS[3:])]
    head = ("", "seconds", "least – most", "× floor", "rows/s", "client CPU s", "mongod CPU s", "peak MiB", "documents")
    yield from table(head, (line(results, rows, name) for name in order if results.good(rows, name)))


def line(results: Results, rows: int, name: str) -> Sequence[str]:
    samples, times = results.good(rows, name), results.seconds(rows, name)
    contender = BY_NAME[ENGINE if name == LOAD else name]
    middle = median(times)
    spread = f"{min(times):.2f} – {max(times):.2f}" if len(times) > 1 else "one run"
    speed = (f"{middle:.2f}", spread, figure(results.ratio(rows, name)), f"{rows / middle:,.0f}")
    if name == LOAD:
        return name, *speed, "", "", "", f"{samples[0].documents:,}"
    client = median(client_cpu(one, contender) for one in samples)
    server, peak = median(one.server_cpu for one in samples), median(one.peak_mb for one in samples)
    memory = "" if contender.own_clock else f"{peak:.0f}"
    label = "engine, whole run" if name == ENGINE else f"{name} ({contender.what})"
    return label, *speed, f"{client:.2f}", f"{server:.2f}", memory, f"{samples[0].documents:,}"


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
