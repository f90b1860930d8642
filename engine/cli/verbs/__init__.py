"""What each verb does: puts the wings together and says how it went.

Functions take parsed arguments and two streams, and return the exit code. The table of verbs is `engine.cli.table`.
"""
