"""What is left of what earlier applies set aside, and how much of it a mapping takes again, as data. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from engine.errors import counted
from engine.evolution.shaping import Stage


@dataclass(frozen=True)
class KeptAside:
    """What one run has set aside, so that it is not in the live collection: `why`, by what it recorded, and when (`at`).

    `documents` are still in `collection`; `missing` ones were removed from it by others. After `stages`, those that meet `wanted` are
    documents of the mapping: `fitting` are as many, and `live_again` of these have an `_id` that is live. `problem`: why nobody knows
    (then there are no stages). `superseded`: the later run that loaded everything again, so that they are older than what is live.
    """

    run: str
    collection: str
    documents: int
    why: str
    at: datetime | None = None
    missing: int = 0
    fitting: int = 0
    live_again: int = 0
    problem: str = ""
    superseded: str = ""
    stages: tuple[Stage, ...] = ()
    wanted: Stage | None = None

    @property
    def fitting_stages(self) -> list[Stage]:
        """The pipeline from all of them to the documents of the mapping that it takes; none where nobody knows."""
        return [*self.stages, {"$match": self.wanted or {"$expr": False}}]

    @property
    def returning(self) -> int:
        """How many an apply would bring back."""
        return 0 if self.superseded else self.fitting - self.live_again

    @property
    def told(self) -> str:
        """Where they are, in words."""
        here = f"{counted(self.documents, 'document')} set aside by run {self.run} in {self.collection} ({self.why})"
        return "; ".join(filter(None, (here, self.gone, self.older)))

    @property
    def gone(self) -> str:
        """That others removed some, in words."""
        return f"{self.missing:,} more are gone from there: something else removed them" if self.missing else ""

    @property
    def older(self) -> str:
        """That everything was loaded again, in words."""
        return f"they are older than run {self.superseded}, which loaded everything again" if self.superseded else ""

    @property
    def outlook(self) -> str:
        """What of them could come back, in words; empty where nothing could."""
        if self.problem and not self.superseded:
            return f"what run {self.run} set aside cannot be brought back: {self.problem}"
        if not self.fitting or self.superseded:
            return ""
        again = f" ({self.live_again:,} stay there: their _id is live again)" if self.live_again else ""
        return f"{counted(self.fitting, 'document')} set aside by run {self.run} fit again{again}"

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        plain = {name: value for name, value in asdict(self).items() if name not in ("stages", "wanted")}
        return plain | {"at": f"{self.at:%Y-%m-%dT%H:%M:%SZ}" if self.at else None}
