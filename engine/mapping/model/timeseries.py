"""A time series collection: MongoDB stores its documents by time, in buckets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from engine.values.keys import At, attribute_keys, key

Granularity = Literal["seconds", "minutes", "hours"]


@dataclass(frozen=True)
class TimeSeries:
    """What `create` takes for one."""

    time_field: Annotated[
        str, At("timeField"), key("The required date field, at the top of the document, that says when.", "measured_at", minLength=1)
    ]
    meta_field: Annotated[
        str, At("metaField"), key("The field, at the top of the document, that says which series a document belongs to.", "sensor")
    ] = ""
    granularity: Annotated[
        Granularity | None, key("About how far apart the documents of one series are. MongoDB's default is seconds.", "minutes")
    ] = None
    expire_after_seconds: Annotated[
        int | None,
        At("expireAfterSeconds"),
        key("The server deletes documents this many seconds after their time. Without it, none.", 7776000, minimum=0),
    ] = None

    @property
    def as_written(self) -> dict[str, Any]:
        """What the mapping names, by MongoDB's names."""
        every = {stated.name: getattr(self, stated.attribute) for stated in attribute_keys(TimeSeries)}
        return {name: value for name, value in every.items() if value not in ("", None)}

    @property
    def creation(self) -> dict[str, Any]:
        """As `create` takes it: the expiry is an option beside the others."""
        inside = self.as_written
        expiry = {"expireAfterSeconds": inside.pop("expireAfterSeconds")} if "expireAfterSeconds" in inside else {}
        return {"timeseries": inside, **expiry}
