"""What names a row, and what proves a collection.

In: columns of text, or documents as bytes. Out: 128-bit digests of rows, sets of them and the `_id`s made from them (`keys`), and the
content checksum, which does not depend on the order of the documents (`checksum`).

Another digest, or another set of them, is a module here; nothing else may name a row.
"""
