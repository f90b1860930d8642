"""Schema evolution: two mappings come in, and what the ledger knows of earlier runs; an `EvolutionPlan` and an `ApplyPlan` go out. Pure.

`diff` finds the changes, `rewriting` says how a stored document becomes one of the new mapping, `judging` what each change means,
`planning` puts it together, `steps` says in which order a live collection is changed. The wing `apply` asks the server and does it.

A new kind of change is a row of `kinds`, and a line of `diff` where no attribute of the model alone tells it; a conversion of stored
values that the server can do is in the row of the type that it makes (`engine.values.types`).
"""

from engine.evolution.changes import Change
from engine.evolution.diff import diff
from engine.evolution.judgements import Needs
from engine.evolution.judging import Evidence, JudgedChange, judge
from engine.evolution.kinds import KINDS

__all__ = ["KINDS", "Change", "Evidence", "JudgedChange", "Needs", "diff", "judge"]
