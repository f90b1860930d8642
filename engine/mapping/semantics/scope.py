"""What the readers of a mapping's parts share: the tree, and where in it their part is."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Any

from engine.mapping.yamltree import YamlDocument

Raw = dict[str, Any]
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Scope:
    """One collection of a mapping. `raw` has its keys and those that all collections share; `inside` says where its own keys are."""

    tree: YamlDocument
    raw: Raw
    inside: MappingOf[str, Place] = field(default_factory=dict)

    @property
    def group_columns(self) -> tuple[str, ...]:
        """The columns of `group_by`; none without it."""
        raw = self.raw.get("group_by", [])
        return tuple(raw if isinstance(raw, list) else raw["columns"])

    def place(self, path: Place) -> Place:
        """Where a path of `raw` is in the file."""
        return (*self.inside.get(str(path[0]), ()), *path) if path else ()

    def report(self, path: Place, code: str, message: str, hint: str = "", *, at_key: bool = False, offset: int = 0) -> None:
        """Add a finding at a path of `raw`."""
        self.tree.report(self.place(path), code, message, hint, at_key=at_key, offset=offset)

    def line(self, path: Place) -> int:
        """The line of a key, or of a list's item; 0 where it is not in the file."""
        return self.tree.line(self.place(path))

    def reported(self, path: Place) -> bool:
        """Whether something was reported at the path or inside it."""
        at = ".".join(map(str, self.place(path)))
        return any(finding.path == at or finding.path.startswith(f"{at}.") for finding in self.tree.findings)


def as_cell(value: Any) -> str:
    """A YAML scalar as the text of a cell."""
    return str(value).lower() if isinstance(value, bool) else str(value)
