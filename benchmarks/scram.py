"""A login with SCRAM-SHA-256 (RFC 7677) in two commands, for connections that no driver makes. The server's signature is not checked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any

Ask = Callable[[dict[str, Any]], dict[str, Any]]


def login(ask: Ask, user: str, password: str) -> None:
    """Log in; `ask` sends a command to the database `admin` and returns the reply. Raises RuntimeError when the server refuses."""
    nonce = base64.b64encode(secrets.token_bytes(24)).decode()
    first = f"n={user},r={nonce}"
    start = {"saslStart": 1, "mechanism": "SCRAM-SHA-256", "payload": f"n,,{first}".encode(), "options": {"skipEmptyExchange": True}}
    reply = _accepted(ask(start))
    challenge = reply["payload"].decode()
    given = dict(part.split("=", 1) for part in challenge.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(given["s"]), int(given["i"]))
    last = f"c=biws,r={given['r']}"
    key = _mac(salted, "Client Key")
    signature = _mac(hashlib.sha256(key).digest(), f"{first},{challenge},{last}")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
    _accepted(ask({"saslContinue": 1, "conversationId": reply["conversationId"], "payload": f"{last},p={proof}".encode()}))


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _accepted(reply: dict[str, Any]) -> dict[str, Any]:
    if not reply.get("ok"):
        raise RuntimeError("the server refused the login")
    return reply
