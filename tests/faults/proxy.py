"""A TCP proxy between a client and mongod that harms chosen messages.

It reads MongoDB's wire protocol just as far as it must (specification "OP_MSG"): each message begins with its length, its id, the id that
it answers and an opcode, four bytes little-endian each; of a request, the name of the command and the collection it is for.
"""

import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

from faults.servers import address

COMMAND = re.compile(rb"(?P<type>[\x01-\x13])(?P<command>[A-Za-z]+)\x00(?:....(?P<target>[^\x00]+))?", re.DOTALL)
OP_MSG, HEADER, BODY = 2013, 16, 25  # the body document's first element lies behind flags (4), section kind (1) and its length (4)


@dataclass
class Harm:
    """What happens to the `nth` request of a command whose target (collection or namespace) holds `target`; `happened` is set then.
    With `exact` the target is just that.

    drop_request: the connection breaks before the server has it. cut_request: after `after` bytes. drop_reply: the server has done it, the
    client never hears. cut_reply: it hears half. silence: nothing goes on, nothing breaks. hold: the request waits for `release`.
    hold_reply: the server does it, and the reply waits. From `nth` on `times` requests are harmed.
    """

    how: str
    command: str
    nth: int = 1
    target: str = ""
    exact: bool = False
    after: int = 1000
    times: int = 1
    happened: Event = field(default_factory=Event)
    release: Event = field(default_factory=Event)
    seen: int = 0

    def hits(self, command: str, target: str) -> bool:
        if command != self.command or not (target == self.target if self.exact else self.target in target):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


class Broken(Exception):  # noqa: N818 -- a signal between the two pumps, no error
    """This connection is to end."""


class Proxy:
    """Listens on `port` and passes everything to the server, at most `rate` bytes a second to it. `requests` counts the commands."""

    def __init__(self, upstream: int) -> None:
        self.upstream, self.requests, self.harms = upstream, Counter[str](), list[Harm]()
        self.rate = float("inf")
        self.passes = Event()  # unset: whatever comes stays here, and nothing breaks
        self.passes.set()
        self._lock, self._open, self._closed = Lock(), set[socket.socket](), Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def uri(self, *options: str) -> str:
        return address(self.port, *options)

    def harm(self, how: str, command: str, **where: object) -> Harm:
        self.harms.append(Harm(how, command, **where))
        return self.harms[-1]

    def break_all(self) -> None:
        """Every connection ends now."""
        with self._lock:
            for one in self._open:
                _shut(one)

    def heal(self) -> None:
        """No more harm; what is held goes nowhere, since its connection ends."""
        held, self.harms, self.rate = self.harms, [], float("inf")
        for one in held:
            one.release.set()
        self.passes.set()
        self.break_all()

    def close(self) -> None:
        self._closed.set()
        _shut(self._listener)
        self._listener.close()
        self.heal()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._closed.is_set():
                client = self._listener.accept()[0]
                Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream))
        except OSError:
            client.close()
            return
        with self._lock:
            self._open |= {client, server}
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        replies: dict[int, Harm] = {}
        pumps = [Thread(target=self._pump, args=(*pair, replies, out), daemon=True)
                 for pair, out in (((client, server), True), ((server, client), False))]  # fmt: skip
        for pump in pumps:
            pump.start()
        for pump in pumps:
            pump.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, replies: dict[int, Harm], outward: bool) -> None:
        with suppress(OSError, Broken):
            while message := _message(source):
                self.passes.wait()
                number, answers = struct.unpack_from("<ii", message, 4)
                if outward:
                    self._request(sink, message, number, replies)
                else:
                    self._reply(sink, message, replies.pop(answers, None))
        _shut(source)
        _shut(sink)

    def _request(self, sink: socket.socket, message: bytes, number: int, replies: dict[int, Harm]) -> None:
        harm = self._judge(message)
        if harm is None:
            self._send(sink, message)
            return
        if harm.how in ("drop_reply", "cut_reply", "hold_reply"):
            replies[number] = harm
            self._send(sink, message)
            return
        if harm.how == "cut_request":
            sink.sendall(message[: harm.after])
        harm.happened.set()
        if harm.how in ("silence", "hold"):
            self._wait(harm)
            self._send(sink, message)
        else:
            raise Broken

    def _reply(self, sink: socket.socket, message: bytes, harm: Harm | None) -> None:
        if harm is None:
            sink.sendall(message)
            return
        if harm.how == "cut_reply":
            sink.sendall(message[: len(message) // 2])
        harm.happened.set()
        if harm.how != "hold_reply":
            raise Broken
        self._wait(harm)
        sink.sendall(message)

    def _wait(self, harm: Harm) -> None:
        harm.release.wait()
        if harm not in self.harms:
            raise Broken  # healed meanwhile

    def _judge(self, message: bytes) -> Harm | None:
        if struct.unpack_from("<i", message, 12)[0] != OP_MSG:
            return None
        found = COMMAND.match(message, BODY)
        assert found, message[:60]
        command = found["command"].decode()
        target = (found["target"] or b"").decode(errors="replace") if found["type"] == b"\x02" else ""
        with self._lock:
            self.requests[command] += 1
            hits = [harm for harm in self.harms if harm.hits(command, target)]  # all of them count
            return hits[0] if hits else None

    def _send(self, sink: socket.socket, message: bytes) -> None:
        if self.rate == float("inf"):
            sink.sendall(message)
            return
        for at in range(0, len(message), 1 << 16):
            sink.sendall(message[at : at + (1 << 16)])
            time.sleep(min(1 << 16, len(message) - at) / self.rate)


def _message(source: socket.socket) -> bytes:
    head = _exactly(source, 4)
    return head + _exactly(source, struct.unpack("<i", head)[0] - 4) if head else b""


def _exactly(source: socket.socket, size: int) -> bytes:
    """So many bytes, or none where the connection ends before."""
    data = bytearray()
    while len(data) < size:
        piece = source.recv(min(size - len(data), 1 << 20))
        if not piece:
            return b""
        data += piece
    return bytes(data)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextmanager
def between(upstream: int) -> Iterator[Proxy]:
    proxy = Proxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()
