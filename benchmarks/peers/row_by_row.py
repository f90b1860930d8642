"""The script as `naive.py`, but row by row to the end: each document is inserted by itself, and its answer awaited."""

from __future__ import annotations

import csv
from pathlib import Path

from naive import document
from pymongo.collection import Collection
from target import Document, main


def load(path: str, collection: Collection[Document]) -> None:
    seen: set[tuple[str, ...]] = set()
    with Path(path).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = tuple(row.values())
            if key not in seen:
                seen.add(key)
                collection.insert_one(document(row))


if __name__ == "__main__":
    main(load)
