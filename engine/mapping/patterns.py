"""What the names and other texts of a mapping look like, as patterns and in words; and schemas that several keys share."""

from __future__ import annotations

from engine.values.keys import Schema
from engine.values.types.number_format import UNIT

PATH = r"^[^.$\s\u0000][^.\u0000]*(\.[^.$\u0000][^.\u0000]*)*$"
NAME = r"^[A-Za-z_][A-Za-z0-9_-]*$"
RANGE = r"^[0-9]+\.\.[0-9]+$"
SHARE = r"^[0-9]+(\.[0-9]+)?%$"
DATABASE = r"^[^/\\. \"$*<>:|?\u0000]{1,63}$"
RESERVED = (
    r"(?!system\.|_engine_|.*__(staging|set_aside|trial|before)_[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$)"  # the server's own, and the engine's own
)
COLLECTION = rf"^{RESERVED}[^$\u0000]{{1,200}}$"
COLLECTION_KEY = rf"^{RESERVED}[A-Za-z_][A-Za-z0-9_.-]*$"
OWN_NAMES = (
    "and not a name of the server's or the engine's own: system.…, _engine_…, …__staging_RUN, …__set_aside_RUN, …__trial_RUN, …__before_RUN"
)
PATTERNS = {
    PATH: "a path: none of its names can be empty or begin with $, and it cannot begin with a blank",
    UNIT: "a prefix or suffix, which has no digit, %, +, -, ( or )",
    NAME: "a name: letters, digits, _ and -, and no digit or - at the beginning",
    RANGE: "a range such as 1..15",
    SHARE: "a count such as 100, or a share such as 0.5%",
    DATABASE: 'a database name: 1 to 63 characters without blanks and without any of / \\ . " $ * < > : | ?',
    COLLECTION: f"a collection name: 1 to 200 characters without $, {OWN_NAMES}",
    COLLECTION_KEY: f"a collection name: letters, digits, _ . and -, beginning with a letter or _, {OWN_NAMES}",
}
"""What a text of each pattern is, in words."""
SCALAR = ["string", "number", "boolean"]
KEYS_OF_ROWS: Schema = {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}
NAMES_OF_COLUMN: Schema = {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}
COUNT_OR_SHARE: Schema = {"type": ["string", "integer"], "minimum": 0, "pattern": SHARE}
