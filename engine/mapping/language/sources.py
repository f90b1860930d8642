"""Where rows come from, and how files are written."""

from __future__ import annotations

from engine.mapping.model import Source
from engine.values.keys import keys_of, section

SOURCE = section(
    "Where the rows come from.",
    {
        **keys_of(Source),
        "columns": section("What to do when the file's header is not the one expected.", keys_of(Source, "columns"),
                           example={"missing": "fail", "extra": "warn"}),
    },
    ("path",),
    example={"path": "data/healthcare_dataset.csv"},
)  # fmt: skip
