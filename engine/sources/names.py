"""Names of the columns that reading adds to those of a source."""

from __future__ import annotations

from engine.values.names import internal

ROW = internal("row")
"""The row's number among the data rows of its source, from 1 (Int64); in every batch."""
FILE = internal("file")
"""Which file a row is from (String; see `files.Found`); in the batches of `open_source`."""
MEMBERS = internal("members")
"""Where rows are grouped: of how many rows of the source this one is the first (UInt32)."""
FIRST = internal("first")
"""Where rows are grouped: the number of the first row of its group (Int64)."""
