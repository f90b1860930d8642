"""Writers beside an apply: what they write, when exactly, and what must be there at the end."""
