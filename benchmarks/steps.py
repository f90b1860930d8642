"""CPU microseconds that the client needs for a row, step by step, one step after another and without a server.

Usage: python steps.py MAPPING FILE.csv. Prints JSON: the steps by name. In a run some of them overlap, and sending comes to it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:2,dirty_decay_ms:200,muzzy_decay_ms:0")  # as `engine` does

import polars as pl

from engine.digests.checksum import content
from engine.digests.keys import DigestSet, uuids
from engine.documents.bson import payload
from engine.mapping.loader import load
from engine.plan import compile_plan
from engine.sources import open_source

T = TypeVar("T")
used: Counter[str] = Counter()


def step(name: str, work: Callable[[], T]) -> T:
    started = time.process_time()
    done = work()
    used[name] += time.process_time() - started
    return done


def main(mapping_file: str, csv: str) -> None:
    mapping = load(mapping_file)
    mapping = replace(mapping, source=replace(mapping.source, paths=(csv,)))
    source = open_source(mapping.source)
    plan = compile_plan(mapping, source.columns, now=datetime.now(UTC).replace(tzinfo=None))
    batches, seen, rows = source.batches(), DigestSet(), 0
    (key,) = plan.keys.values()
    while batch := step("read and cut", lambda: next(batches, None)):
        rows += len(batch.frame)
        accepted = step("types, transforms, checks, rules", lambda: plan.apply(batch.frame)).accepted
        keys = step("row keys (BLAKE2b)", lambda: accepted.digests(key))  # noqa: B023
        fresh = step("dedup", lambda: pl.Series(seen.add(keys)))  # noqa: B023
        left = accepted.with_ids(uuids(keys)).filter(fresh)
        documents = step("BSON", lambda: plan.encode(left))  # noqa: B023
        step("content checksum (XXH3)", lambda: content(documents.to_list()))  # noqa: B023
        step("one piece for the wire", lambda: bytes(payload(documents)))  # noqa: B023
    print(json.dumps({name: seconds / rows * 1e6 for name, seconds in used.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
