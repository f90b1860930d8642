"""Values as people write them: numbers, moments, time zones, places. Laws over generated texts, against Python, pymongo and a server."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from bson import decode
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymongo import GEOSPHERE
from pymongo.database import Database

from engine import cli
from engine.documents.bson import DocumentShape, ScalarShape, compile_shape
from engine.values.types import NumberFormat, Options, type_table
from tests.agreement.judging import documents, mapping_of, verdicts

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- BSON dates are UTC
FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999000)  # noqa: DTZ001
MILLISECOND = timedelta(milliseconds=1)
MILLISECONDS = st.integers((FIRST - EPOCH) // MILLISECOND, (LAST - EPOCH) // MILLISECOND)
AS_NUMBERS = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)


def read(kind: str, texts: list[str], **options: Any) -> list[Any]:
    frame = pl.DataFrame({"t": texts}, schema={"t": pl.String})
    return frame.select(type_table[kind].parse(pl.col("t"), Options(**options))).to_series().to_list()


# numbers

GROUPS = {None: "", ",": ",", ".": ".", "'": "'\u2019", " ": " \u00a0\u202f\u2009"}
STYLES = st.tuples(st.sampled_from([".", ","]), st.sampled_from(list(GROUPS))).filter(lambda style: style[0] != style[1])
UNITS = st.lists(st.sampled_from(["$", "€", "km", "US$", "Rs.", "m³", ""]), min_size=1, max_size=3, unique=True)


def grouped(digits: str, mark: str) -> str:
    first = len(digits) % 3
    return mark.join(part for part in (digits[:first], *(digits[at : at + 3] for at in range(first, len(digits), 3))) if part)


@settings(max_examples=300, deadline=None)
@given(st.data(), STYLES, UNITS, UNITS)
def test_a_number_is_read_as_it_was_written(data: st.DataObject, style: tuple[str, str], prefix: list[str], suffix: list[str]) -> None:
    point, group = style
    whole, fraction = data.draw(st.from_regex(r"\A[0-9]{1,12}\Z")), data.draw(st.from_regex(r"\A[0-9]{0,8}\Z"))
    blank, way = data.draw(st.sampled_from(["", " ", "\u00a0"])), data.draw(st.sampled_from(["", "leading", "trailing", "parentheses"]))
    mark = data.draw(st.sampled_from(GROUPS[group])) if group and data.draw(st.booleans()) else ""
    before, after = data.draw(st.sampled_from(prefix)), data.draw(st.sampled_from(suffix))
    text = grouped(whole, mark) + (point + fraction if fraction else "")
    text += "-" if way == "trailing" else ""
    text = before + (blank if before else "") + text + (blank if after else "") + after
    text = {"leading": f"-{text}", "parentheses": f"({text})"}.get(way, text)
    number = NumberFormat(point, group, tuple(prefix), tuple(suffix), negative=("leading", "trailing", "parentheses"))
    value = Decimal(f"{whole}.{fraction or 0}") * (-1 if way else 1)
    assert [Decimal(one) for one in read("decimal", [text], number=number)] == [value]
    assert read("double", [text], number=number) == [float(value)]


@given(st.lists(st.from_regex(r"\A[0-9]{1,5}\Z"), min_size=2, max_size=4))
def test_groups_are_of_three_digits_or_the_text_is_no_number(parts: list[str]) -> None:
    right = len(parts[0]) <= 3 and all(len(part) == 3 for part in parts[1:])
    [value] = read("long", [",".join(parts)], number=NumberFormat(group=","))
    assert value == (int("".join(parts)) if right else None)


@given(st.from_regex(r"\A[0-9]{1,14}(,[0-9]{1,10})?\Z"))
def test_a_percent_is_exactly_a_hundredth(text: str) -> None:
    value = Decimal(text.replace(",", "."))
    number = NumberFormat(decimal=",", percent="fraction")
    assert [Decimal(one) for one in read("decimal", [f"{text}%"], number=number)] == [value.scaleb(-2)]
    assert read("double", [f"{text} %"], number=number) == [float(value.scaleb(-2))]
    assert read("decimal", [text], number=number) == [None]


BAD = (
    "4,421,08",
    "4.421.08",
    "1.2345",
    "12.34",
    "1,5.0",
    "1.234.",
    ".234",
    "1 234",
    "1 kg",
    "€1",
    "-(5)",
    "--5",
    "- 5",
    "5-",
    "1e3",
    "",
    "€",
)


@pytest.mark.parametrize("text", BAD)
def test_nothing_is_guessed(text: str) -> None:
    assert read("decimal", [text], number=NumberFormat(decimal=",", group=".", suffix=("€", ""))) == [None]


# moments


def stored(values: pl.Series) -> list[int]:
    """What a date column is in BSON, as milliseconds."""
    encoded = compile_shape(DocumentShape((("d", ScalarShape("d", "date")),))).encode(values.alias("d").to_frame())
    return [int(decode(one, AS_NUMBERS)["d"]) for one in encoded.to_list()]


def written(moment: datetime, form: str) -> str:
    """`strftime` that pads years and knows milliseconds and no padding on every platform."""
    hour = moment.hour % 12 or 12
    parts = {
        "%Y": f"{moment.year:04}", "%m": f"{moment.month:02}", "%-m": str(moment.month), "%d": f"{moment.day:02}", "%-d": str(moment.day),
        "%H": f"{moment.hour:02}", "%I": f"{hour:02}", "%-I": str(hour), "%M": f"{moment.minute:02}", "%S": f"{moment.second:02}",
        ".%f": f".{moment.microsecond // 1000:03}", "%p": "AM" if moment.hour < 12 else "PM", "%z": "Z",
    }  # fmt: skip
    for directive, text in parts.items():
        form = form.replace(directive, text)
    return form


FORMS = ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S.%f", "%-m/%-d/%Y %-I:%M:%S.%f %p", "%d.%m.%Y %I:%M:%S.%f %p")


@settings(max_examples=100, deadline=None)
@given(st.lists(MILLISECONDS, min_size=1, max_size=20), st.sampled_from(FORMS))
def test_moments_of_all_years_are_stored_to_the_millisecond(counts: list[int], form: str) -> None:
    texts = [written(EPOCH + count * MILLISECOND, form) for count in counts]
    assert stored(pl.Series(read("date", texts, format=FORMS), dtype=pl.Datetime("ms"))) == counts


@settings(max_examples=100, deadline=None)
@given(st.lists(MILLISECONDS, min_size=1, max_size=20), st.sampled_from(["", "000", "000000"]))
def test_counts_since_1970(counts: list[int], zeros: str) -> None:
    seconds = [f"{Decimal(count).scaleb(-3):f}" + (zeros if count % 1000 else "") for count in counts]
    forms = {"epoch_s": seconds, "epoch_ms": list(map(str, counts)), "epoch_us": [str(count * 1000) for count in counts]}
    for form, texts in forms.items():
        assert stored(pl.Series(read("date", texts, format=(form,)), dtype=pl.Datetime("ms"))) == counts, form


@pytest.mark.parametrize(
    ("form", "texts"),
    [("epoch_s", ["1.0005", "1e9", "+1", "", "1,5", "253402300800"]), ("epoch_ms", ["1.5", "0x1", " 1"]), ("epoch_us", ["1001", "1.5"])],
)
def test_what_is_no_count_of_milliseconds(form: str, texts: list[str]) -> None:
    assert read("date", texts, format=(form,)) == [None] * len(texts)


ZONES = ("Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca", "UTC")
LOCAL = st.datetimes(datetime(1850, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(second=0, microsecond=0))  # noqa: DTZ001


def in_python(local: datetime, zone: str) -> datetime | None:
    """UTC by Python's zoneinfo; None for a time that was skipped or came twice."""
    first, second = (local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    return first.replace(tzinfo=None) if first == second else None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(LOCAL, st.sampled_from(ZONES)), min_size=1, max_size=10))
def test_each_row_has_its_own_time_zone(rows: list[tuple[datetime, str]]) -> None:
    texts = [f"{local:%Y-%m-%d %H:%M} {zone}" for local, zone in rows]
    expected = [in_python(local, zone) for local, zone in rows]
    assert read("date", texts, format=("%Y-%m-%d %H:%M",), timezone_column="zone") == expected


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "europe/paris", "../../etc/passwd", "/etc/localtime", "\0", "Europe/Paris "])
def test_an_unknown_zone_is_none(zone: str) -> None:
    found = read("date", [f"2024-07-01 {zone}", "2024-07-01 UTC"], timezone_column="zone")
    assert found == [None, datetime(2024, 7, 1)]  # noqa: DTZ001


# places

DEGREES = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@settings(deadline=None)
@given(st.lists(DEGREES, min_size=2, max_size=12))
def test_places_are_stored_longitude_first(places: list[tuple[float, float]]) -> None:
    assume(len(set(places)) > 1)
    text = "; ".join(f"{latitude!r} , {longitude!r}" for longitude, latitude in places)
    assert read("linestring", [text], order="latlon") == [[list(place) for place in places]]
    swapped = [f"{latitude!r}\u00a0 {longitude!r}" for longitude, latitude in places]
    assert read("point", swapped, order="latlon", separator=" ") == [list(place) for place in places]


def test_a_server_finds_places_by_their_index(database: Database) -> None:
    fields = {
        "_id": {"column": "name"},
        "at": {"type": "point", "longitude": "lon", "latitude": "lat"},
        "ways[].line": {"column": "{value}", "type": "linestring", "order": "latlon", "separator": " ", "point_separator": ","},
    }
    mapping = mapping_of(fields, arrays={"ways": {"split": {"column": "ways", "separator": "|"}, "empty": "omit"}})
    rows = [
        {"name": "Paris", "lon": "2.3522", "lat": "48.8566", "ways": "48.8566 2.3522,50.8503 4.3517|48.8 2.3,45.7 4.8"},
        {"name": "Brussels", "lon": "4.3517", "lat": "50.8503"},
        {"name": "Fiji", "lon": "180", "lat": "-17.7", "ways": "-17.7 180,-17.7 -179.5"},
        {"name": "nowhere"},
    ]
    plan, found = verdicts(mapping, rows)
    there = database["places"]
    there.create_index([("at", GEOSPHERE)])
    there.create_index([("ways.line", GEOSPHERE)])
    there.insert_many([RawBSONDocument(one) for one in documents(plan, found.accepted)])
    near = {"at": {"$near": {"$geometry": {"type": "Point", "coordinates": [2.35, 48.85]}, "$maxDistance": 400_000}}}
    assert [one["_id"] for one in there.find(near)] == ["Paris", "Brussels"]
    box = {"type": "Polygon", "coordinates": [[[4, 50], [5, 50], [5, 51], [4, 51], [4, 50]]]}
    assert [one["_id"] for one in there.find({"at": {"$geoWithin": {"$geometry": box}}})] == ["Brussels"]
    assert [one["_id"] for one in there.find({"ways.line": {"$geoIntersects": {"$geometry": box}}})] == ["Paris"]


# what a person is told

MAP_SAYS = (
    "  map          engine: broken, this text is not in the map: rejects the row; "
    "server: not enforced, the document holds what the code means, not the code"
)


@pytest.mark.parametrize(
    ("case", "row", "lines"),
    [
        ("conditional", 2, ["closed.at  from column 'end'", "  when         does not hold: no value", "  date         missing"]),
        ("conditional", 3, ["  required     engine: broken, a value is required: rejects the row; server: enforces it too"]),
        ("maps", 2, ['  cell         " c "', '  map          "closed"', '  map          "other"']),
        ("maps", 3, ["  string       missing", MAP_SAYS]),
        ("places", 4, ["at  from columns 'lon' and 'lat'", "  latitude     missing", '  pair         "2.35,"', "  point        missing"]),
        ("moments", 2, ['  timezone     "2024-07-01 12:00 America/New_York"', "  date         2024-07-01T16:00:00.000Z  date"]),
    ],
)  # fmt: skip
def test_a_trace_tells_of_each_step(case: str, row: int, lines: list[str], mongo_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    folder, out = Path(__file__).parents[1] / "cases" / case, io.StringIO()
    preview = ["preview", "-m", str(folder / "mapping.yaml"), "--source", str(folder / "in.csv"), "--row", str(row)]
    assert cli.run(preview, out, io.StringIO()) == 0
    assert set(lines) <= set(out.getvalue().splitlines())


def test_elements_of_arrays_have_the_same_values() -> None:
    fields = {
        "_id": {"column": "id"},
        "kind": "kind",
        "stops[].at": {"type": "point", "longitude": "lon{n}", "latitude": "lat{n}"},
        "stops[].status": {"column": "s{n}", "map": {"A": "active", "C": "closed"}},
        "stops[].since": {
            "column": "d{n}",
            "type": "date",
            "timezone": {"column": "tz"},
            "when": "stops[].status == 'active' and kind == 'x'",
        },
    }
    mapping = mapping_of(fields, arrays={"stops": {"numbered": "1..2"}})
    rows = [
        {"id": "1", "kind": "x", "lon1": "1", "lat1": "2", "s1": "A", "d1": "2024-01-01", "s2": "C", "d2": "soon", "tz": "Etc/GMT-2"},
        {"id": "2", "kind": "y", "s1": "A", "d1": "soon"},
        {"id": "3", "kind": "x", "s1": "A", "s2": "B"},
        {"id": "4", "kind": "x", "lon2": "2"},
    ]
    plan, found = verdicts(mapping, rows)
    first = {"at": {"type": "Point", "coordinates": [1.0, 2.0]}, "status": "active", "since": datetime(2023, 12, 31, 22)}  # noqa: DTZ001
    stops = [decode(one)["stops"] for one in documents(plan, found.accepted)]
    assert stops == [[first, {"status": "closed"}], [{"status": "active"}]]
    broken = [[check.code for check in plan.checks if row.breaks(check)] for row in found.rejected.rows()]
    assert broken == [["map"], ["type"]]
