"""Columns of the frames in which values are counted and rows compared."""

from __future__ import annotations

from engine.values.names import internal

CELL = "cell"
TEXT = "text"  # the cell without blanks around it
TIMES = internal("times")  # how often the cell occurs
HASH = internal("hash")  # of several columns together
