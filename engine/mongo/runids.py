"""How runs are named: the time and a random part. Made and recognised here alone; staging collections and rejects files end in it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

RUN_ID = "[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}"  # as a regular expression: nobody else's collection or file ends like this


def new_run_id() -> str:
    """Time (UTC) and a random part: sorts by time, is never the same twice."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ-") + secrets.token_hex(3)
