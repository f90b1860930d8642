"""The types of a file's columns, chosen together: what one column tells of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.infer.evidence import Profile, merged
from engine.infer.paths import families
from engine.infer.proposers import Choice, choose
from engine.infer.texts import AMBIGUOUS
from engine.infer.words import snake


def decide(columns: Sequence[Profile], *, named: bool) -> tuple[list[Profile], dict[str, Choice]]:
    """The columns, with doubtful texts settled, and the choice for each; `named` says that the names are the file's own."""
    choices = {one.name: choose(one, snake(one.name)) for one in columns}
    settled = _settled(columns, choices)
    choices = {one.name: choose(one, snake(one.name)) for one in settled}
    for family in families([one.name for one in columns]) if named else ():
        members = [one for one in settled if one.name in family.columns]
        common = choose(merged(family.pattern, members), snake(family.pattern))
        said = replace(common, why=f"{common.type}: as the other columns of this name")
        choices |= {one.name: said for one in members if choices[one.name].type != common.type or not one.typed}
    return settled, choices


def _settled(columns: Sequence[Profile], choices: Mapping[str, Choice]) -> list[Profile]:
    """Doubtful texts that certainly mean a missing value in one column (all its other values are of a type) do so in the others."""
    told = {text for one in columns if choices[one.name].empties for text in one.doubtful} - AMBIGUOUS
    return [_without(one, told & one.doubtful.keys()) for one in columns]


def _without(column: Profile, texts: set[str]) -> Profile:
    gone = {text: times for text, times in column.doubtful.items() if text in texts}
    kept = {text: times for text, times in column.doubtful.items() if text not in texts}
    return replace(column, filled=column.filled - sum(gone.values()), missing={**column.missing, **gone}, doubtful=kept)
