"""What the server holds: documents as BSON (`bson`), and the validator that guards them (`validators`).

In: a mapping's shape, and batches of typed columns. Out: a column of documents, and the collection's options with the reasons of what they
leave to the engine.

How a scalar becomes BSON, and what the validator says of it, is in its row of `engine.values.types`.
"""
