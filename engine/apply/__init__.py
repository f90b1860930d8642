"""At the server: a changed mapping and a live collection come in; what would change (`inspect`), or the changed collection, goes out.

`task` is one apply: may it be done, the lock, the ledger's record; `applying` carries its steps out. `notice` is for runs, which ask what
a changed mapping means for them, `recorded` for the ledger, `data` compares two mappings over a source, without a server.
`adopting` takes over what others made, `existing` counts what does not fit in it, `clashes` finds indexes that exclude each other, and
`unmet` says what a collection lacks of its mapping.

A new sort of step is an `Action` of `evolution.steps` and a method of `Applying`.
"""
