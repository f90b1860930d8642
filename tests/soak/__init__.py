"""The soak: loaders and servers are killed at random moments, while others write to the same collections and a reader reads all along.

`modes` says what is loaded in each mode and what must be in the collection then, `others` are the writers and the reader, `rounds` kills
and checks. `test_soak` is the short form; `python -m soak` (`make soak`) the long one.
"""
