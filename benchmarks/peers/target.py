"""What all peers share: their arguments (FILE.csv URI DATABASE COLLECTION) and the collection they write to, with majority and journal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection

Document = dict[str, Any]


def main(load: Callable[[str, Collection[Document]], None]) -> None:
    path, uri, database, collection = sys.argv[1:]
    with MongoClient[Document](uri, w="majority", journal=True) as client:
        load(path, client[database][collection])
