"""Names of the columns that the engine adds to frames, beside a source's columns and the paths of a mapping."""

from __future__ import annotations


def internal(kind: str, name: str = "") -> str:
    """A column of this kind, for a column, path or array where there is one for each. It begins with NUL: no header and no path may."""
    return f"\0{kind} {name}" if name else f"\0{kind}"
