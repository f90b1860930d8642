"""Whether another argument of a constraint lets fewer values pass: each takes the argument before and the one after, which differ.

False also where nobody can say: where neither way holds, values may pass that did not, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

Narrows = Callable[[Any, Any], bool]
NUMBERS = {int, float, Decimal}


def rises(before: Any, after: Any) -> bool:
    """Of a lower bound."""
    return comparable(before, after) and bool(after > before)


def falls(before: Any, after: Any) -> bool:
    """Of an upper bound."""
    return comparable(before, after) and bool(after < before)


def shrinks(before: list[Any], after: list[Any]) -> bool:
    """Of a list of what is allowed."""
    return all(value in before for value in after)


def unknown(_before: Any, _after: Any) -> bool:
    """Of a pattern, for one."""
    return False


def comparable(before: Any, after: Any) -> bool:
    """Whether one of two bounds is the greater one: that of a field whose type changed may not be."""
    return type(before) is type(after) or {type(before), type(after)} <= NUMBERS
