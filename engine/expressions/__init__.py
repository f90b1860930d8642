"""The language of `check`, `compute` and `when`, and the constraints of fields: each with its polars and its MongoDB form.

In: the text of an expression, and the types of the fields that it may read. Out: `Typed`, which compiles to polars and, where MongoDB gives
the same answer, to `$expr`; else it says why not. The way is text → `parse` → `typed` → polars and MongoDB.

A new function is a row of `functions` or `text_functions`, a kind of constant one of `constants`, an operator of `operators`, an aggregate
of `aggregates`, a constraint of `constraints` or `array_constraints`.
"""

from engine.expressions.functions import FUNCTIONS
from engine.expressions.operation import Example, Operation, Overload, Unsupported
from engine.expressions.operators import OPERATORS
from engine.expressions.syntax import Expression, ExpressionError, parse
from engine.expressions.typed import Typed, typed

__all__ = [
    "FUNCTIONS",
    "OPERATORS",
    "Example",
    "Expression",
    "ExpressionError",
    "Operation",
    "Overload",
    "Typed",
    "Unsupported",
    "parse",
    "typed",
]
