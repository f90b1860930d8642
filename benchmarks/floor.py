"""The floor: ready BSON documents through two raw sockets into mongod, timed from the first byte sent to the last reply.

Usage: python floor.py FILE.bson URI DATABASE COLLECTION [sorted]. With `sorted` the documents of each batch go out in the order of
their `_id`, as the engine sends them; sorting is not timed. Prints JSON: `seconds`, `cpu` (of this process meanwhile), `documents`.
The batches are as large as the engine's. The message is OP_MSG with a document sequence (MongoDB wire protocol, section kind 1).
"""

from __future__ import annotations

import json
import mmap
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import bson
from pymongo.uri_parser import parse_uri
from scram import login

from engine.mongo.inserts import BATCH_BYTES, BATCH_DOCUMENTS
from engine.mongo.state import split_documents

CONNECTIONS = 2
OP_MSG = 2013
HEADER = struct.Struct("<iiii")  # length, request id, response to, operation
FLAGS = bytes(4)


class Batch(NamedTuple):
    """A run of documents, and how many they are."""

    payload: memoryview
    documents: int


def batches(data: memoryview) -> Iterator[Batch]:
    """Cut as the engine cuts: at most BATCH_BYTES and BATCH_DOCUMENTS; each document starts with its length."""
    start = at = count = 0
    while at < len(data):
        (size,) = struct.unpack_from("<i", data, at)
        if count and (count == BATCH_DOCUMENTS or at + size - start > BATCH_BYTES):
            yield Batch(data[start:at], count)
            start, count = at, 0
        at, count = at + size, count + 1
    if count:
        yield Batch(data[start:at], count)


def by_id(batch: Batch) -> Batch:
    """The same documents, sorted by the bytes of the element `_id`, which is the first."""
    found = sorted(split_documents(bytes(batch.payload)), key=lambda document: document[4:])
    return Batch(memoryview(b"".join(found)), batch.documents)


class Connection:
    """A socket that inserts batches and checks each reply."""

    def __init__(self, uri: str, database: str, collection: str) -> None:
        server = parse_uri(uri)
        self._socket = socket.create_connection(server["nodelist"][0])
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server["username"]:
            login(self._ask, server["username"], server["password"])
        command = {"insert": collection, "ordered": False, "writeConcern": {"w": "majority", "j": True}, "$db": database}
        self._body = FLAGS + b"\x00" + bson.encode(command) + b"\x01"

    def insert(self, documents: memoryview, count: int) -> None:
        """Send one batch and wait for its reply. Raises RuntimeError unless all documents were stored."""
        sequence = struct.pack("<i", 4 + len(b"documents\x00") + len(documents)) + b"documents\x00"
        length = HEADER.size + len(self._body) + len(sequence) + len(documents)
        self._socket.sendall(HEADER.pack(length, 1, 0, OP_MSG) + self._body + sequence)
        self._socket.sendall(documents)
        reply = self._reply()
        if reply.get("n") != count or "writeConcernError" in reply:
            raise RuntimeError(f"the server stored {reply.get('n')} of {count} documents")

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        body = FLAGS + b"\x00" + bson.encode({**command, "$db": "admin"})
        self._socket.sendall(HEADER.pack(HEADER.size + len(body), 1, 0, OP_MSG) + body)
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        (length, *_) = HEADER.unpack(self._receive(HEADER.size))
        return bson.decode(self._receive(length - HEADER.size)[5:])

    def _receive(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._socket.recv(size - len(parts))
            if not part:
                raise RuntimeError("the server closed the connection")
            parts += part
        return bytes(parts)


def send(work: Iterator[Batch], connections: list[Connection]) -> None:
    """Send all batches, each over whichever connection is free. Raises the first failure of any."""
    lock, failures = threading.Lock(), list[Exception]()

    def sender(connection: Connection) -> None:
        try:
            while not failures:
                with lock:
                    batch = next(work, None)
                if batch is None:
                    return
                connection.insert(batch.payload, batch.documents)
        except Exception as error:  # noqa: BLE001 -- raised again in the main thread
            failures.append(error)

    threads = [threading.Thread(target=sender, args=[connection]) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def main(file: str, uri: str, *target: str) -> None:
    database, collection, *order = target
    with Path(file).open("rb") as opened:
        data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    work = list(batches(memoryview(data)))  # reads every page once, too: the disk is not part of the floor
    if order == ["sorted"]:
        work = [by_id(batch) for batch in work]
    connections = [Connection(uri, database, collection) for _ in range(CONNECTIONS)]
    started, cpu = time.perf_counter(), time.process_time()
    send(iter(work), connections)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "documents": sum(batch.documents for batch in work)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
