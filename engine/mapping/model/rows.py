"""Keys about whole rows and documents: rules, duplicates, `_id`, limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from engine.errors import counted
from engine.expressions import Typed
from engine.mapping.patterns import KEYS_OF_ROWS
from engine.values.keys import At, key

ROW_KEY = "row"

OnFail = Literal["reject", "warn", "filter", "fail"]
NearAction = Literal["report", "drop"]
PlainKeep = Literal["first", "last", "fail"]
Keep = Literal[PlainKeep, "max", "min"]


@dataclass(frozen=True)
class Rule:
    """A check over several fields of a document: the expression, and its `text`."""

    name: str
    check: Typed
    text: Annotated[
        str,
        At("check"),
        key("An expression that must not be false; it passes when a value it needs is missing.",
            "stay.discharge_date >= stay.admission_date", minLength=1),
    ]  # fmt: skip
    on_fail: Annotated[
        OnFail,
        key("reject the row, warn (load and count it), filter (leave it out, not as a reject), or fail the run.", "reject"),
    ] = "reject"
    description: Annotated[str, key("Why the rule is there.", "Nobody leaves before arriving.")] = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Near:
    """Rows that are the same but for some source columns."""

    ignored_columns: Annotated[
        tuple[str, ...],
        At("except"),
        key("The source columns in which they may differ.", ["Age"], minItems=1, uniqueItems=True),
    ]
    action: Annotated[
        NearAction,
        key("report: load them, and count them among the warnings; drop: leave them out as duplicates, and count them "
            "among the warnings as near-duplicates.", "report"),
    ] = "report"  # fmt: skip


_ORDERED_KEEP = {
    name: key(f"A field's path: keep the row with its {most} value, the first of several; missing values rank last.", "stay.admission_date",
              type="string", minLength=1)
    for name, most in (("max", "greatest"), ("min", "least"))
}  # fmt: skip


@dataclass(frozen=True)
class Dedup:
    """Which rows are the same, and which of them stays: with `keep` max or min, the one whose field `by` is greatest or least."""

    on: Annotated[
        str | tuple[str, ...],
        key("What must be equal: row (all source cells), or a list of columns (their texts) or of paths (their values: 1.0 is 1.00).",
            "row", **KEYS_OF_ROWS),
    ]  # fmt: skip
    keep: Annotated[
        Keep,
        key("Which of them to keep: first; last; the one with the greatest value of a field, {max: PATH}, or the least, "
            "{min: PATH} (int, long, double, decimal, date); fail stops the run at the first duplicate. All but first and fail "
            "read the source twice, so they need a file.", {"max": "stay.admission_date"}, type=["string", "object"],
            **{"if": {"type": "string"}, "then": {"enum": list(get_args(PlainKeep))},
               "else": {"type": "object", "properties": _ORDERED_KEEP, "additionalProperties": False, "minProperties": 1,
                        "maxProperties": 1}}),
    ] = "first"  # fmt: skip
    by: str | None = None
    near: Annotated[
        Near | None,
        key("Near-duplicates: rows that differ only in some columns. `keep` says which of them to keep.",
            {"except": ["Age"], "action": "report"}),
    ] = None  # fmt: skip

    @property
    def reads_twice(self) -> bool:
        """Whether all rows must be read before it is known which ones are kept."""
        return self.keep not in ("first", "fail")


@dataclass(frozen=True)
class IdSource:
    """Where `_id` comes from when no field is mapped to it: a hash of the row or of columns or paths, or a random ObjectId."""

    hash: Annotated[
        str | tuple[str, ...] | None,
        key("A UUID from a hash of the row, or of the listed columns or paths.", "row", **KEYS_OF_ROWS, default=None),
    ] = ROW_KEY


@dataclass(frozen=True)
class Limit:
    """A limit on something in a run, such as rejected rows: a count, or a share of all."""

    count: int | None = None
    share: float | None = None

    @classmethod
    def read(cls, raw: str | int) -> Limit:
        """A count, or a share such as 0.5%."""
        return cls(share=float(raw.removesuffix("%")) / 100) if isinstance(raw, str) else cls(count=raw)

    def __str__(self) -> str:
        """As a mapping says it; `no limit` where it says nothing."""
        if self.share is not None:
            return f"{self.share * 100:g}%"
        return "no limit" if self.count is None else str(self.count)

    def exceeded(self, some: int, total: int) -> bool:
        """Whether `some` of `total` is over the limit."""
        if self.count is not None:
            return some > self.count
        return self.share is not None and some > self.share * total

    def of(self, what: str) -> str:
        """The limit in words; `what` names one of the things that are counted."""
        if self.share is not None:
            return f"{self.share * 100:g} % of the {what}s"
        return "no limit" if self.count is None else counted(self.count, what)


NO_LIMIT, A_TENTH, HALF = Limit(), Limit(share=0.1), Limit(share=0.5)
