"""An apply that ends in the middle."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from unittest.mock import patch

from engine.apply.applying import Applying


@contextmanager
def stopping(step: str, when: Literal["before", "done", "noted"] = "noted") -> Iterator[None]:
    """Whoever applies is interrupted before this step, when it is done, or when the ledger has noted that, too."""
    carry_out, log = Applying._carry_out, Applying._log

    def end(one: Any, place: str) -> None:
        if (one.name, when) == (step, place):
            raise KeyboardInterrupt

    def carried_out(self: Applying, one: Any, action: Any) -> None:
        end(one, "before")
        carry_out(self, one, action)
        end(one, "done")

    def noted(self: Applying, one: Any) -> None:
        log(self, one)
        end(one, "noted")

    with patch.object(Applying, "_carry_out", carried_out), patch.object(Applying, "_log", noted):
        yield
