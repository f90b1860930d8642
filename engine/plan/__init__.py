"""A mapping compiled for the headers of its sources: batches of cells go in, rows with values and verdicts come out.

`compile_plan` gives a `Plan`, which never changes; its `apply` gives the `Verdicts` of a batch, whose rows are `Evaluated`. What other
wings want to know of rows is a method there, so that no column that the plan adds is known outside (`names`).

Where the next thing goes: where elements of an array can come from, `origins`; a step from a cell to a value, `cells`; something that a
row can break, `checks`; what a document is known by, `rows`; anything that is asked of rows, `evaluated`, or `trace` if it is only shown.
"""

from engine.plan.checks import Check
from engine.plan.evaluated import Evaluated, EvaluatedRow
from engine.plan.plan import Plan, Verdicts, compile_plan
from engine.plan.trace import LevelTrace

__all__ = ["Check", "Evaluated", "EvaluatedRow", "LevelTrace", "Plan", "Verdicts", "compile_plan"]
