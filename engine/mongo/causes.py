"""Why no primary is found: what the driver heard from each host, as a sentence with its remedy.

The driver waits until its time is over, whatever it hears; from the causes that are final, `connection` knows that waiting is of no use.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.monitoring import (
    ServerHeartbeatFailedEvent,
    ServerHeartbeatListener,
    ServerHeartbeatStartedEvent,
    ServerHeartbeatSucceededEvent,
)

from engine.errors import Finding, finding
from engine.mongo.address import Host, host_name


@dataclass(frozen=True)
class Cause:
    """Why a host is no primary. `final`: it will not pass by waiting."""

    code: str
    message: str
    hint: str
    final: bool = False


CA_FILE = "name the authority's certificate in MONGODB_URI: tlsCAFile=FILE"
CLIENT_KEY = "name the client's: tlsCertificateKeyFile=FILE"
RUNNING = "is the server running, and the port right? --wait SECONDS waits for a server that is starting"
FINAL, PASSING = True, False

# Two lines a row: what the driver's message holds (a regular expression), the code, and whether it may pass by waiting; what it means, and
# the remedy. The first match counts. The message itself is not shown.
# fmt: off
ROWS = (
    ("(Hostname|IP address) mismatch", "tls", FINAL,
     "its certificate is for another name", "use a name that is in the certificate"),
    ("certificate has expired", "tls", FINAL,
     "its certificate has expired", "renew it, and check the clock of this machine"),
    ("not yet valid", "tls", FINAL,
     "its certificate is not yet valid", "check the clock of this machine"),
    ("certificate[ _]verify[ _]failed", "tls", FINAL,
     "its certificate is not verified: no authority that is trusted here has signed it", CA_FILE),
    ("certificate required|handshake failure", "tls", FINAL,
     "it wants a certificate of the client", CLIENT_KEY),
    ("wrong[ _]version[ _]number", "tls", FINAL,
     "it does not speak TLS", "is the port right? else remove tls=true from MONGODB_URI"),
    ("SSL handshake failed", "tls", PASSING,
     "it ends the connection when TLS begins", "is the port right? a server without TLS needs a URI without tls=true"),
    ("connection closed|reset by peer|forcibly closed", "unreachable", PASSING,
     "it ends the connection at once", f"if it requires TLS, add tls=true; if it wants a certificate, {CLIENT_KEY}"),
    ("connection refused|actively refused", "unreachable", PASSING,
     "nothing listens there (connection refused)", RUNNING),
    ("name or service|name resolution|nodename nor servname|no address associated|getaddrinfo", "unreachable", PASSING,
     "the name of the host is not known (DNS)", "check the host in MONGODB_URI, and the network"),
    ("no route to host|network is unreachable", "unreachable", PASSING,
     "the network has no way to it", "check the host in MONGODB_URI, and the network"),
    ("no such file", "unreachable", PASSING,
     "there is no such socket", "is the server running, and the path right?"),
    ("permission denied", "unreachable", PASSING,
     "the socket may not be opened", "run as a user who may, or change its permissions"),
    ("^ProtocolError", "unreachable", FINAL,
     "what answers there is not MongoDB", "check the port in MONGODB_URI"),
    ("", "unreachable", PASSING,
     "it does not answer", "check host and port in MONGODB_URI, and firewalls in between"),
)
# fmt: on
FAILURES = tuple((re.compile(pattern, re.IGNORECASE), Cause(code, says, hint, final)) for pattern, code, final, says, hint in ROWS)
SILENT = FAILURES[-1][1]
NOT_INITIATED = Cause("no_primary", "its replica set is not initiated", "run rs.initiate() there; --wait SECONDS waits until it is done")
NO_SET = Cause("replica_set", "it is no member of a replica set", "remove replicaSet from MONGODB_URI", True)
NO_PRIMARY = Cause("no_primary", "no member of its replica set is primary", "is the majority down? --wait SECONDS waits for an election")


class Heard(ServerHeartbeatListener):
    """What the driver last heard from each host: its reply to `hello`, or an error."""

    def __init__(self) -> None:
        self._last: dict[Host, Mapping[str, Any] | Exception] = {}

    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        """A question is no answer."""

    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        """Keep the reply."""
        self._last[event.connection_id] = event.reply.document

    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        """Keep the error."""
        self._last[event.connection_id] = event.reply

    def causes(self, named: Iterable[Host], replica_set: str | None, *, direct: bool) -> dict[Host, Cause]:
        """Why the hosts are not the primary of this set: those that the URI names, and those that the set itself names."""
        heard = {**dict.fromkeys(named, TimeoutError()), **self._last}
        found = {
            host: failure(last) if isinstance(last, Exception) else _unfit(last, replica_set, direct=direct) for host, last in heard.items()
        }
        return {host: cause for host, cause in found.items() if cause} or dict.fromkeys(named, SILENT)

    @property
    def writable(self) -> bool:
        """Whether one of the hosts takes writes; a load balancer is not asked, and counts as one."""
        replies = [last for last in self._last.values() if not isinstance(last, Exception)]
        return not replies or any(map(is_writable, replies))


def failure(error: Exception) -> Cause:
    """What an error of the driver means."""
    text = f"{type(error).__name__}: {error}"
    return next(cause for pattern, cause in FAILURES if pattern.search(text))


def _unfit(reply: Mapping[str, Any], wanted: str | None, *, direct: bool) -> Cause | None:
    """Why a server that answers `hello` is not the one to write to; None for a primary, which the set may know by another name."""
    found = reply.get("setName")
    if reply.get("isreplicaset"):
        return NOT_INITIATED
    if wanted and not found:
        return NO_SET
    if wanted and found != wanted:
        hint = f"write replicaSet={found} in MONGODB_URI, or correct the host"
        return Cause("replica_set", f"it belongs to the replica set {found}, not to {wanted}", hint, final=True)
    if is_writable(reply):
        return None
    hint = f"name all members in MONGODB_URI, with replicaSet={found} and without directConnection"
    return Cause("no_primary", f"it is not the primary of its replica set {found}", hint) if direct else NO_PRIMARY


def is_writable(reply: Mapping[str, Any]) -> bool:
    """Whether a reply to `hello` (to `isMaster`, of older servers) comes from a primary, a standalone server or a router."""
    return bool(reply.get("isWritablePrimary", reply.get("ismaster")))


def explained(causes: Mapping[Host, Cause], named: Collection[Host], seconds: float) -> list[Finding]:
    """A finding for each cause, with the hosts that it holds for; `named` are those in MONGODB_URI, `seconds` how long it was waited."""
    return [_finding(cause, [host for host in causes if causes[host] == cause], named, seconds) for cause in dict.fromkeys(causes.values())]


def _finding(cause: Cause, where: Collection[Host], named: Collection[Host], seconds: float) -> Finding:
    hint = cause.hint
    if cause.code == "unreachable" and not set(where) & set(named):
        hint = "the replica set calls its member so: let this name be known here, or add directConnection=true to MONGODB_URI"
    waited = "" if cause.final else f" (waited {seconds:g} s)"
    return finding(cause.code, f"{', '.join(map(host_name, where))}: {cause.message}{waited}", hint=hint)
