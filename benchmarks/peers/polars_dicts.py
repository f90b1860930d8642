"""polars reads and types, `to_dicts` makes Python objects, insert_many sends them in batches of 10,000."""

from __future__ import annotations

from pymongo.collection import Collection
from shaped import frame
from target import Document, main

BATCH = 10_000


def load(path: str, collection: Collection[Document]) -> None:
    for part in frame(path).iter_slices(BATCH):
        collection.insert_many(part.to_dicts(), ordered=False)


if __name__ == "__main__":
    main(load)
