"""What the expression of a field reads, and whether a document has values there that it can be computed from. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from engine.evolution.outcomes import Expr, is_of
from engine.expressions import Typed
from engine.expressions.tree import in_every_element, variable
from engine.mapping.model import Field
from engine.values.paths import array_of


def reads(field: Field) -> set[str]:
    """The paths that a field reads itself or through aggregates, and the arrays of these."""
    gathered = [node for expression in field.expressions for node in expression.aggregates]
    inside = [path for node in gathered if node.inner is not None for path in Typed(node.inner).paths]
    return {*field.reads, *inside, *(node.array for node in gathered)}


def computable(field: Field, fields: Iterable[Field]) -> Expr:
    """Whether all that a field reads is of its type or missing: others write values of any type, which the server cannot compute with."""
    wanted, around = reads(field), array_of(field.path)
    verdicts = []
    for read in fields:
        if read.path in wanted:
            verdict = is_of(variable(read.path), read.type.bson_type, "null", "missing")
            verdicts.append(in_every_element(array_of(read.path), verdict) if array_of(read.path) not in ("", around) else verdict)
    return {"$and": verdicts}
