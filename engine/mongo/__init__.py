"""The server: batches of BSON come in and are stored exactly once; the other wings see `Sink`, `Ledger` and `Lock`, not the driver.

`server` and `connection` find and open it (`embedded` starts one): `address` and `options` read its URI, `causes` tells why there is no
connection. `probe` asks what it can do, `kinds` what the target is. `replacement` (staging and a rename) and `inplace` are the two
sinks, on `inserts`, `upserts` and `retries`; `creation` says with which
options a collection is made, `carried` what a replacement keeps; `codes` are the error codes that they decide by. `locks` let one run at
a time at a collection, `ledger` keeps a `records.RunRecord` of each run, `runids` name them, `state` is what `engine verify` compares.
What becomes of a live document is computed from its bytes: `matching` finds it, `policies` say whether it differs and what its update is,
with `arrays` for elements that stay, `metadata` for what is no change, and `trees` for what is the mapping's. `ownership` asks whose the
live collection is, `indexes` which of its indexes is the mapping's.

A new way to write is a class with the methods of `sink.Sink`, chosen in `engine.run.target`.
"""
