"""Schema evolution: inspect → diff → judge → apply, apart from each other. All but the ends are pure.

`diff` compares two mappings, `rewriting` says how a stored document becomes one of the new mapping, `judging` what each change means,
`steps` in which order a live collection is changed; `inspect` asks the server, `apply` carries the steps out.
"""

from engine.evolution.changes import KINDS, Change
from engine.evolution.diff import diff
from engine.evolution.judging import Evidence, Judged, Needs, judge

__all__ = ["KINDS", "Change", "Evidence", "Judged", "Needs", "diff", "judge"]
