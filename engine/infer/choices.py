"""The types of a file's columns, chosen together: one column can be evidence for another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.infer.evidence import ColumnProfile, merged
from engine.infer.paths import families
from engine.infer.proposers import TypeProposal, choose
from engine.infer.texts import AMBIGUOUS
from engine.infer.words import snake


def decide(columns: Sequence[ColumnProfile], *, named: bool) -> tuple[list[ColumnProfile], dict[str, TypeProposal]]:
    """The columns, with doubtful texts decided, and the choice for each; `named`: the names come from the file."""
    choices = {column.name: choose(column, snake(column.name)) for column in columns}
    settled = _settled(columns, choices)
    choices = {column.name: choose(column, snake(column.name)) for column in settled}
    for family in families([column.name for column in columns]) if named else ():
        members = [column for column in settled if column.name in family.columns]
        common = choose(merged(family.pattern, members), snake(family.pattern))
        said = replace(common, why=f"{common.type}: like the other numbered columns of this name")
        choices |= {column.name: said for column in members if choices[column.name].type != common.type or not column.typed}
    return settled, choices


def _settled(columns: Sequence[ColumnProfile], choices: Mapping[str, TypeProposal]) -> list[ColumnProfile]:
    """Doubtful texts that certainly mean a missing value in one column (all its other values have a type) mean it in the others too."""
    told = {text for column in columns if choices[column.name].empties for text in column.doubtful} - AMBIGUOUS
    return [_without(column, told & column.doubtful.keys()) for column in columns]


def _without(column: ColumnProfile, texts: set[str]) -> ColumnProfile:
    gone = {text: times for text, times in column.doubtful.items() if text in texts}
    kept = {text: times for text, times in column.doubtful.items() if text not in texts}
    return replace(column, filled=column.filled - sum(gone.values()), missing={**column.missing, **gone}, doubtful=kept)
