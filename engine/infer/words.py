"""Column names as names of fields."""

from __future__ import annotations

import re

JOIN = re.compile(r"[^\w]+|_+")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
LONGEST = 60


def snake(name: str) -> str:
    """A name in snake_case, of letters (of any script), digits and single underscores; empty where it has none of these."""
    return "_".join(part for part in JOIN.split(CAMEL.sub("_", name)) if part).lower()[:LONGEST].rstrip("_")
