"""The options of a MongoDB URI: which have no effect here, which cannot be used, and whether the files that they name can be."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.errors import ConfigurationError
from pymongo.uri_parser import split_options, validate_options

from engine.errors import TargetError, finding

SELECTION_SECONDS = 10.0
READING = ("readpreference", "readpreferencetags", "readconcernlevel", "maxstalenessseconds")
UNKNOWN = "Unknown option"  # so the driver's message begins
NO_CERTIFICATES = "does not hold certificates in PEM format"
NO_REVOCATIONS = "does not hold a revocation list in PEM format"
NO_KEY = "does not hold a certificate and its private key in PEM format, or tlsCertificateKeyFilePassword is not its password"


@dataclass(frozen=True)
class Options:
    """What the engine reads of them. `seconds`: how long to look for the primary; `notes`: which options have no effect."""

    seconds: float = SELECTION_SECONDS
    notes: tuple[str, ...] = ()


def options_of(text: str) -> Options:
    """Read what follows the `?` of a URI. Raises TargetError for a value or a file that cannot be used, and the driver's errors."""
    given: Mapping[str, Any] = split_options(text, validate=False, normalize=False) if text else {}  # names in lower case
    _check_files(given)
    written = {name.lower(): name for name in re.findall(r"([^&;=]+)=", text)}
    unknown = [written[name] for name, value in given.items() if not _known(written[name], value)]
    seconds = int(given.get("serverSelectionTimeoutMS", SELECTION_SECONDS * 1000)) / 1000
    return Options(seconds, tuple(_notes([*written.values()], unknown)))


def _known(name: str, value: object) -> bool:
    """Whether the driver knows the option. Raises TargetError for a value that it would ignore, as in `tls=yes`."""
    try:
        validate_options({name: value})
    except (ValueError, TypeError, ConfigurationError) as error:
        if str(error).startswith(UNKNOWN):
            return False
        message = f"MONGODB_URI is not usable: its option {name} does not take this value"
        raise TargetError(finding("bad_uri", message, hint=f"correct the value of {name}")) from None
    return True


def _notes(given: list[str], unknown: list[str]) -> Iterator[str]:
    for name in unknown:
        yield f"the option {name} of MONGODB_URI is not known to the driver, and has no effect"
    for name in given:
        if name.lower() in READING:
            yield f"the option {name} of MONGODB_URI has no effect: the engine reads from the primary what it has written"


def _check_files(given: Mapping[str, Any]) -> None:
    """Read the files of TLS. Raises TargetError that names the option; the driver does not say which."""
    context, password = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), given.get("tlsCertificateKeyFilePassword", "")
    for name, load, otherwise in (
        ("tlsCAFile", context.load_verify_locations, NO_CERTIFICATES),
        ("tlsCRLFile", context.load_verify_locations, NO_REVOCATIONS),
        ("tlsCertificateKeyFile", lambda path: context.load_cert_chain(path, password=password), NO_KEY),
    ):
        try:
            if file := given.get(name):
                load(file)
        except OSError as error:
            cause = otherwise if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
            hint = f"correct {name} in MONGODB_URI, or put the file there"
            raise TargetError(finding("tls_file", f"the file that {name} names {cause}", file=str(file), hint=hint)) from None
