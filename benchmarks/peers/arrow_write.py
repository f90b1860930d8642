"""polars reads and types, pymongoarrow's `write` sends the Arrow table."""

from __future__ import annotations

from pymongo.collection import Collection
from pymongoarrow.api import write  # type: ignore[import-untyped]
from shaped import frame
from target import Document, main


def load(path: str, collection: Collection[Document]) -> None:
    write(collection, frame(path).to_arrow())


if __name__ == "__main__":
    main(load)
