"""Columns of values as BSON (bsonspec.org, 1.1), no Python object per row: pieces of bytes, and how a scalar's column becomes them."""
