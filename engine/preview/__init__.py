"""Looking without writing: the first documents, one row's steps, the mapping's own tests.

In: a mapping and rows. Out: lines of text (`documents`, `tracing`) and findings of the `tests:` that fail (`examples`). Private values are
masked.

Something more to show of one row is a method of `tracing`; something more to compare in a test, a line of `examples`.
"""
