"""The expression language of `check`, `compute` and `when`: text → `parse` → `typed` → polars and MongoDB."""

from engine.expressions.functions import FUNCTIONS
from engine.expressions.operation import Example, Form, Operation, Unsupported
from engine.expressions.operators import OPERATORS
from engine.expressions.syntax import Expression, ExpressionError, parse
from engine.expressions.typed import Typed, typed

__all__ = [
    "FUNCTIONS",
    "OPERATORS",
    "Example",
    "Expression",
    "ExpressionError",
    "Form",
    "Operation",
    "Typed",
    "Unsupported",
    "parse",
    "typed",
]
