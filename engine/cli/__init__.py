"""The command line: argv and two streams come in, an exit code goes out. The only wing with the terminal library.

`command` parses and dispatches, `table` lists the verbs, `verbs/` carries them out; `display`, `display_evolution` and `progress` show what
happens, on the `console` of a stream. A new verb is a row of `table`, among those of its group, with a function for its
arguments, and a function in `verbs/` that carries it out.
"""

from engine.cli.command import main, parser, run

__all__ = ["main", "parser", "run"]
