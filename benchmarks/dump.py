"""The documents that the engine makes of a file, in the file's order, one after another into another file: what the floor sends.

Usage: python dump.py MAPPING FILE.csv FILE.bson. Nothing is loaded; rows that are rejected or dropped are left out, as in a run.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.cli.progress import Display, Progress
from engine.documents.bson import payload
from engine.mapping.loader import load
from engine.plan import compile_plan
from engine.run.loading import Job, Loader
from engine.run.report import Report
from engine.sources import open_source


def main(mapping_file: str, csv: str, file: str) -> None:
    mapping = load(mapping_file)
    mapping = replace(mapping, source=replace(mapping.source, paths=(csv,)))
    rows = open_source(mapping.source)
    plan = compile_plan(mapping, rows.columns, now=datetime.now(UTC).replace(tzinfo=None))
    with TemporaryDirectory() as home, Path(file).open("wb") as out:
        loader = Loader(Job(mapping, rows, None, Progress(Display()), Path(home), "dump"), plan, Report("dump", mapping.name, 1, csv, file))
        out.writelines(payload(plan.encode(loader.judge_batch(batch))) for batch in rows.batches())


if __name__ == "__main__":
    main(*sys.argv[1:])
