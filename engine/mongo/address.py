"""The address of a server, as the driver understands a MongoDB URI, and what may be shown of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from pymongo.errors import ConfigurationError
from pymongo.uri_parser import parse_uri

from engine.errors import Finding, TargetError, finding
from engine.mongo.options import Options, options_of

Host: TypeAlias = tuple[str, int | None]
"""Name and port; a socket, which is named by its path, has no port."""

PORT = 27017
SCHEMES = ("mongodb", "mongodb+srv")
FORM = "mongodb://user@host:port/"
PASSWORD_FILE = ("it names a user without a password", "put the password into a file and name that file in MONGODB_PASSWORD_FILE")
NO_PACKAGE = ("its authMechanism needs a Python package that is not installed", "install that package, or use another authMechanism")
WRONG_URI = (
    ("password is required", *PASSWORD_FILE),
    ("requires a password", *PASSWORD_FILE),
    ("must be escaped", "the user's name or the password is not percent-encoded", "write @ as %40, : as %3A, / as %2F, % as %25"),
    ("Percent-encoding", "the name of a host has a %", "is it a part of the password? write @ as %40, / as %2F"),
    ("Port ", "the port is not a number from 1 to 65535", "mongodb://user@host:27017/"),
    ("port number", "mongodb+srv:// takes no port", "remove the port"),
    ("URI scheme", "it does not begin with mongodb:// or mongodb+srv://", FORM),
    ("database name", "the text after the host is not the name of a database", "is a / in the password? write it as %2F"),
    ("Empty host", "it names no host", FORM),
    ("at least one host", "it names no host", FORM),
    ("valid username", "the user's name before @ is empty", FORM),
    ("DNS", "DNS does not know the host of mongodb+srv://", "check the host's name and the network"),
    ("key=value", "the text after ? is not made of options NAME=VALUE with & between them", "is a ? in the password? write it as %3F"),
    ("simultaneously", "two of its options for TLS exclude each other", "keep one of them"),
    ("load balancing", "it has loadBalanced=true, but the server is no load balancer", "remove loadBalanced"),
    ("directConnection", "directConnection works with one host only", "remove directConnection, or all hosts but one"),
    ("wire version", "the server's version of MongoDB is too old", "use MongoDB 4.4 or newer"),
    ("must be installed", *NO_PACKAGE),
    ("requires pymongo", *NO_PACKAGE),
)
"""A part of the driver's message, the cause in words, the remedy. The message itself is never shown: it may hold parts of the password."""


@dataclass(frozen=True)
class Address:
    """How to reach a server.

    `shown` is the address without secrets, `hosts` are its hosts (none where DNS is to name them), `wait` is how many seconds to wait for a
    server that is starting.
    """

    uri: str = field(repr=False)
    password: str | None = field(repr=False)
    shown: str
    hosts: tuple[Host, ...]
    options: Options
    wait: float = 0


def address_of(uri: str, password: str | None = None) -> Address:
    """Read a URI as the driver does, without asking DNS. Raises TargetError where it is not usable; of such a URI nothing is shown."""
    scheme, _, rest = uri.partition("://")
    if scheme not in SCHEMES:
        raise TargetError(wrong_uri(ConfigurationError("URI scheme")))
    if "@" in re.split(r"[/?]", f"{rest}/", maxsplit=1)[1]:  # the driver may take a part of the password for the host
        hint = "in the user's name and the password write / as %2F, ? as %3F; elsewhere write @ as %40"
        raise TargetError(bad_uri("it has an @ behind the first / or ?", hint))
    place, _, options = rest.partition("?")
    try:
        found = parse_uri(f"mongodb://{place}", None)["nodelist"]  # with mongodb+srv:// and the options, the driver would ask DNS
        read = options_of(options)
    except (ValueError, ConfigurationError) as error:
        raise TargetError(wrong_uri(error)) from None
    if not all(name for name, _ in found):
        raise TargetError(bad_uri("it names no host", FORM))
    hosts = () if scheme.endswith("+srv") else tuple((name, port or (None if "/" in name else PORT)) for name, port in found)
    return Address(uri, password, f"{scheme}://{','.join(map(host_name, found))}", hosts, read)


def host_name(host: Host) -> str:
    """`host:port`; an IPv6 address in brackets."""
    name, port = host
    name = f"[{name}]" if ":" in name else name
    return f"{name}:{port}" if port else name


def wrong_uri(error: Exception) -> Finding:
    """Never the driver's own message: it may repeat a part of the password."""
    usual = ("", "the driver does not accept it", "mongodb://user@host:port/?replicaSet=…; percent-encode special characters in it")
    _, cause, hint = next((row for row in WRONG_URI if row[0] in str(error)), usual)
    return bad_uri(cause, hint)


def bad_uri(cause: str, hint: str) -> Finding:
    """A URI that cannot be used."""
    return finding("bad_uri", f"MONGODB_URI is not usable: {cause}", hint=hint)
