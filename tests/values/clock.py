"""A type that the engine does not have, as somebody would add it: a row, and nothing else. Prints what the engine makes of it."""

from __future__ import annotations

import json
from datetime import datetime, time

import polars as pl
from bson import json_util

from engine.values.encoding.scalars import filled, number
from engine.values.types import Options, Type, type_table
from engine.values.types.sorting import signed_words

TEXT = r"^([01][0-9]|2[0-3]):([0-5][0-9])$"


def parse_clock(text: pl.Expr, _options: Options) -> pl.Expr:
    hours, minutes = (text.str.extract(TEXT, group).cast(pl.Int32, strict=False) for group in (1, 2))
    return hours * 60 + minutes


def read_clock(raw: object) -> time:
    try:
        return time.fromisoformat(str(raw))
    except ValueError:
        raise ValueError("a time of day such as 08:30, quoted") from None


CLOCK = Type(
    "clock",
    "A time of day, stored as minutes since midnight.",
    pl.Int32(),
    "int",
    "a time of day such as 08:30",
    parse_clock,
    accepted=(("08:30", 510),),
    refused=("8:30", "24:00"),
    encoding=number(b"\x10", "<i4", filled(0)),
    read=read_clock,
    to_column=lambda value: value.hour * 60 + value.minute,
    from_column=lambda minutes: time(minutes // 60, minutes % 60),
    show=lambda minutes: f"{minutes // 60:02}:{minutes % 60:02}",
    sort_words=signed_words,
    bson_range={"minimum": time(0, 0), "maximum": time(23, 59)},
)
COLUMNS = ("shop", "opens", "kind", "closes")
MAPPING = """
mapping: m
source: {path: in.csv}
target: {database: d, collection: c}
dedup: {on: [opens], keep: {max: opens}}
fields:
  _id: shop
  opens: {column: opens, type: clock, minimum: "06:00", required: true}
  kind: {column: kind, type: clock, enum: ["08:30", "09:00"], on_error: "null"}
  early: {compute: "opens < closes"}
  closes: {column: closes, type: clock, default: "18:00"}
tests:
  - {given: {shop: a, opens: "08:30", kind: "09:00"}, expect: {opens: "08:30", kind: "09:00", early: true, closes: "18:00"}}
  - {given: {shop: a, opens: "05:59"}, reject: minimum}
  - {given: {shop: a, opens: "8:30"}, reject: type}
"""


def main() -> None:
    from engine.documents.validators import options  # noqa: PLC0415 -- the tables of the language are built from the rows that are there
    from engine.mapping.loader import loads  # noqa: PLC0415
    from engine.plan import compile_plan  # noqa: PLC0415
    from engine.preview.documents import document  # noqa: PLC0415
    from engine.preview.examples import failures  # noqa: PLC0415
    from engine.sources.secondary import text_frame  # noqa: PLC0415

    mapping = loads(MAPPING)
    plan = compile_plan(mapping, COLUMNS, now=datetime(2024, 1, 31), tables={})  # noqa: DTZ001
    rows = [
        {"shop": "a", "opens": "06:00", "kind": "08:31"},
        {"shop": "b", "opens": "23:59", "kind": "08:30", "closes": "23:59"},
        {"shop": "c", "opens": "05:00"},
    ]
    done = plan.apply(text_frame(COLUMNS, rows))
    order = mapping.field("opens").type.sort_words(done.accepted.values("opens"))[0].tolist()
    found = {
        "documents": plan.encode(done.accepted).bin.encode("hex").to_list(),
        "shown": [json.loads(document(plan, row)) for row in done.accepted.rows()],
        "rejected": len(done.rejected),
        "in_order": order == sorted(order),
        "tests": [one.message for one in failures(mapping)],
        "options": options(mapping),
    }
    print(json_util.dumps(found))


if __name__ == "__main__":
    type_table[CLOCK.name] = CLOCK
    main()
