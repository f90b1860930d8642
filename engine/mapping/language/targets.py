"""Where documents go, and how the server treats them."""

from __future__ import annotations

from engine.mapping.model import Index, Target, Validation
from engine.values.keys import section_of

TARGET = section_of(
    Target,
    "Where the documents go. The server is set by MONGODB_URI, never here.",
    {"database": "medicaldb", "collection": "admissions"},
    required=("database",),
)
VALIDATION = section_of(
    Validation,
    "How the server treats documents that break the validator, whoever writes them.",
    {"level": "strict", "action": "error", "additional": False},
)

INDEX = section_of(
    Index,
    "An index, built after the load and before the collection is published. The options are MongoDB's.",
    {"keys": {"patient.name": 1, "stay.admission_date": -1}},
)
