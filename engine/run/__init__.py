"""The run: a mapping and a source come in; documents become live, with a report, a ledger record and a rejects file.

`session` tells the story of one run and is where to begin; each of its steps is a function of `stages`, `limits` or `target`. `loading` is
the batch loop, `dedup` says which rows stay, `secondary` for the rows of secondary sources. `journal` is the ledger as a run sees it,
`report` what `--json` prints. `rejects` writes the file of rejected rows, `corrections` reads it, `retrying` loads it again.

A new stage is a function in `stages`, its line in `Session.ready`, and its words in `engine.cli.progress.STAGES`.
"""
