"""World Bank: lines before the header, years as columns, three wide files joined to one document."""

import csv

import pytest
from bson.int64 import Int64

FILES = {"population": "SP.POP.TOTL", "fertility": "SP.DYN.TFRT.IN", "infant_mortality": "SP.DYN.IMRT.IN"}


@pytest.fixture
def cells(example):
    """Of an indicator: its values by country and year."""

    def read(name: str) -> dict[tuple[str, int], float]:
        file = example.datasets / f"worldbank_wide_years/API_{FILES[name]}_DS2_en_csv_v2.csv"
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))[4:]
        years = [(place, int(year)) for place, year in enumerate(rows[0]) if year.isdigit()]
        return {(row[1], year): float(row[place]) for row in rows[1:] for place, year in years if row[place]}

    return read


def test_every_country_is_there(example) -> None:
    assert example.counts("countries") == (264, 264, 0, 0, 0, 0)
    others = {one["source"]: one for one in example.reports["countries"]["secondary"]}
    assert {name: (one["rows_read"], one["orphans"], one["malformed"]) for name, one in others.items()} == {
        "fertility": (264, 0, 0),
        "mortality": (264, 0, 0),
    }


@pytest.mark.parametrize(("name", "count"), [("population", 14885), ("fertility", 13523), ("infant_mortality", 10976)])
def test_every_cell_is_an_element(example, cells, name: str, count: int) -> None:
    found = {
        (one["_id"], element["year"]): element["value"]
        for one in example.database["countries"].find({}, {f"series.{name}": 1})
        for element in one["series"][name]
    }
    assert len(found) == count
    assert found == cells(name)


def test_years_are_in_order(example) -> None:
    for one in example.database["countries"].find():
        for series in one["series"].values():
            years = [element["year"] for element in series]
            assert years == sorted(set(years))


def test_a_country(example) -> None:
    found = example.database["countries"].find_one({"_id": "ABW"})
    assert (found["name"], set(found["series"])) == ("Aruba", set(FILES))
    assert found["series"]["population"][0] == {"year": 1960, "value": 54211.0}
    assert found["series"]["fertility"][:2] == [{"year": 1960, "value": 4.82}, {"year": 1961, "value": 4.655}]
    assert found["series"]["infant_mortality"] == []
    assert found["latest"]["year"] == 2016
    nothing = example.database["countries"].find_one({"_id": "INX"})
    assert nothing == {"_id": "INX", "name": "Not classified", "series": {name: [] for name in FILES}}
    assert example.database["countries"].count_documents({"name": "Korea, Dem. People’s Rep."}) == 1


def test_queries_use_the_indexes(example) -> None:
    assert example.indexes_of("countries", {"name": "France"}) == {"name"}
    live = example.database["countries"]
    assert example.indexes_of("countries", {"latest.population": {"$gt": 1e9}}, sort=[("latest.population", -1)]) == {"biggest"}
    assert live.find_one(sort=[("latest.population", -1)])["_id"] == "WLD"
    assert live.count_documents({"series.infant_mortality": {"$elemMatch": {"year": 2016, "value": {"$gt": 80}}}}) > 0


def test_the_server_refuses_what_is_wrong(example) -> None:
    for path, value in (
        ("series.population.0.value", -1.0),
        ("series.population.0.value", Int64(5)),
        ("series.population.0.year", "1960"),
        ("series.fertility", {"1960": 4.8}),
        ("series.infant_mortality", [{"year": 1960, "value": 2000.0}]),
        ("name", 5),
    ):
        example.refuses("countries", path, value)
