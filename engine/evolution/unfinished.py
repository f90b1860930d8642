"""What an unfinished apply means for a mapping: the ways on and back, as data. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Way(Enum):
    """What `engine apply` of a mapping does where an earlier apply was not finished."""

    CONTINUE = "continues it"
    UNDO = "first takes it back"
    FINISH = "first finishes it, since it has gone too far to be taken back"


@dataclass(frozen=True)
class Unfinished:
    """The apply `run` of the mapping called `mapping`, and `way`, what an apply of the mapping in question does about it.

    `previous` is the run that left the collection before. `done` are its finished steps, `stage` is the one under way, `left` are the
    others. `undoable`: it can be taken back; `undo` is the run that has begun to, empty where none has. `foreseen`: it is known before what
    documents will be like when that is done.
    """

    run: str
    mapping: str
    previous: str
    way: Way
    done: tuple[str, ...]
    stage: str
    left: tuple[str, ...]
    undoable: bool
    undo: str = ""
    foreseen: bool = True

    def lines(self, *, refused: bool) -> tuple[str, ...]:
        """In words: what was done, what apply does now, or that it is refused, and whether it can be taken back."""
        done = f"done: {', '.join(self.done) or 'nothing'}; under way: {self.stage or 'nothing'}; left: {', '.join(self.left) or 'nothing'}"
        begun = f"undo {self.undo} of it was not finished either; " if self.undo else ""
        back = f"brings the collection back to what run {self.previous} left"
        if not self.undoable:
            back = "is refused: it has begun to drop values, or to carry out steps that have no way back"
        return (
            f"apply {self.run} of the mapping {self.mapping} was not finished ({begun}{done})",
            *(self._instead if refused else (f"  engine apply {self.way.value}{self._then}",)),
            f"  engine apply --undo {back}",
        )

    @property
    def _then(self) -> str:
        if self.way is Way.CONTINUE:
            return ""
        return ", then makes the changes below" + ("" if self.foreseen else "; what it can only ask then may still be refused")

    @property
    def _instead(self) -> tuple[str, ...]:
        """What works where this mapping is refused."""
        no = "  engine apply with this mapping is refused, as said below, and changes nothing"
        if self.way is Way.CONTINUE or self.undo:
            return (no,)
        return (no, f"  engine apply with the mapping of run {self.run} finishes it (engine history mapping {self.run} prints that)")

    def as_json(self, *, refused: bool) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "run": self.run,
            "mapping": self.mapping,
            "previous": self.previous,
            "apply": self.way.name.lower(),
            "done": list(self.done),
            "stage": self.stage,
            "left": list(self.left),
            "undoable": self.undoable,
            "undo": self.undo,
            "refused": refused,
        }
