"""A collection's documents as they lie in the server, in the order they came, one after another into a file.

Usage: python dump.py URI DATABASE COLLECTION FILE.bson. So the floor and mongorestore send exactly what the engine sent: `_id` is first,
and then mongod gives back the bytes that it was given.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pymongo import MongoClient


def main(uri: str, database: str, collection: str, file: str) -> None:
    with MongoClient[dict[str, Any]](uri) as client, Path(file).open("wb") as out:
        found: Iterable[Any] = client[database][collection].find_raw_batches()  # of bytes, whatever the driver's annotation says
        out.writelines(found)


if __name__ == "__main__":
    main(*sys.argv[1:])
