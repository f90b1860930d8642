"""What an unfinished apply means for a mapping: the ways on and back, as data. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from engine.errors import counted
from engine.evolution.judgements import Needs
from engine.evolution.judging import JudgedChange


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
    documents will be like when that is done. `made`: the labels of changes for which an apply that goes on has nothing left to do;
    `documents` are those that the step under way is done with, at least. `steps`: those of the user's own, by name, that are carried out
    otherwise (True) or left out.
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
    made: frozenset[str] = frozenset()
    documents: int = 0
    steps: Mapping[str, bool] = field(default_factory=dict)

    def lines(self, *, refused: bool) -> tuple[str, ...]:
        """In words: what was done, what apply does now, or that it is refused, and whether it can be taken back."""
        far = f" ({counted(self.documents, 'document')} done)" if self.documents else ""
        stage, left = f"{self.stage or 'nothing'}{far}", ", ".join(self.left) or "nothing"
        done = f"done: {', '.join(self.done) or 'nothing'}; under way: {stage}; left: {left}"
        begun = f"undo {self.undo} of it was not finished either; " if self.undo else ""
        back = f"brings the collection back to what run {self.previous} left"
        if not self.undoable:
            back = "is refused: it has begun to drop values, or to bring back what was set aside earlier"
        return (
            f"apply {self.run} of the mapping {self.mapping} was not finished ({begun}{done})",
            *(self._instead if refused else (f"  engine apply {self.way.value}{self._then}", *self._steps)),
            f"  engine apply --undo {back}",
        )

    @property
    def compared(self) -> str:
        """With what the changes of a plan are compared."""
        return {
            Way.CONTINUE: f"changes since run {self.previous}",
            Way.UNDO: f"compared with the collection as run {self.previous} left it, to which it is taken back first",
            Way.FINISH: f"compared with the collection as apply {self.run} will leave it, which is finished first",
        }[self.way]

    @property
    def _steps(self) -> Iterator[str]:
        for name, known in self.steps.items():
            how = "carried out as this mapping has it" if known else "left out"
            yield f"  its step {name} is {how} for what others write in the old shape; what it has changed stays so"

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
            "steps": dict(self.steps),
            "refused": refused,
            "documents": self.documents,
        }


def made(changes: Iterable[JudgedChange], left: Container[str], indexes: Container[str]) -> frozenset[str]:
    """The labels of the changes that are made, where these steps are left.

    `indexes`: as subjects of changes, those that the collection has: of an index that the mapping has, only the one that it wants.
    """
    return frozenset(judged.change.label for judged in changes if _is_made(judged, left, indexes))


def _is_made(judged: JudgedChange, left: Container[str], indexes: Container[str]) -> bool:
    change = judged.change
    if change.kind.of_index:
        return (change.subject in indexes) is (change.kind.sign != "-")
    step = _step(judged)
    return bool(step) and step not in left


def _step(judged: JudgedChange) -> str:
    """The step that makes a change; empty where nothing has to be done."""
    if judged.change.kind.of_step and judged.needs:
        return judged.change.subject
    if judged.change.kind.removes:
        return "trim"
    return {Needs.REWRITE: "rewrite", Needs.RULES: "tighten"}.get(judged.needs, "")
