"""What type a column gets, and why. Each case: the column's name, its cells, the type, and words of the evidence."""

import pytest

UUIDS = [f"123e4567-e89b-12d3-a456-42661417400{one}" for one in range(4)]
TYPES = [
    ("v", ["1", "-2", "30"], "int", "-2 to 30"),
    ("v", ["1", "2147483648"], "long", "1 to 2147483648"),
    ("v", ["1", "2.5", "1e-3"], "double", "0.001 to 2.5"),
    ("price", ["1.5", "2.25", "3"], "decimal", "a name that suggests money"),
    ("v", ["1.50", "2.25"], "decimal", "2 digits after the point"),
    ("v", ["0.1", "2.255"], "double", ""),
    ("v", ["1.2345678901234567890", "2.0"], "string", "more digits than a double can hold"),
    ("v", ["12.3456789012345678", "2.5"], "decimal", "more digits than a double can hold"),
    ("v", ["007", "8", "9"], "string", "1 value with a leading zero"),
    ("v", ["+33612345678", "+33612345679"], "string", "2 values with a plus sign"),
    ("v", ["12345678901234567890", "1"], "string", "more than 15 digits"),
    ("v", ["1234567890123456", "1"], "string", "more than 15 digits"),
    ("v", ["2.023E+11", "202300000001"], "string", "spreadsheet"),
    ("zip", ["75001", "10115"], "string", "the name suggests a code"),
    ("v", ["1", "2", "x", *map(str, range(40))], "string", "1 of 43 values is not of type int"),
    ("v", ["0", "1", "0"], "int", "type: bool"),
    ("v", ["Y", "N", "Y"], "bool", ""),
    ("v", ["true", "true"], "bool", ""),
    ("v", ["Y", "Y"], "string", ""),
    ("v", ["oui", "non", "Oui"], "bool", ""),
    ("v", UUIDS * 2, "uuid", ""),
    ("v", ["65b9f0c2a1b2c3d4e5f60718", "65b9f0c2a1b2c3d4e5f60719"] * 2, "objectId", ""),
    ("v", ["2024-01-31", "2024-02-01"], "date", "all fit %Y-%m-%d"),
    ("v", ["31/01/2024", "01/02/2024"], "date", "all fit %d/%m/%Y, 1 fit %m/%d/%Y"),
    ("v", ["01/31/2024", "02/01/2024"], "date", "all fit %m/%d/%Y"),
    ("v", ["01/02/2024", "03/04/2024"], "string", "2 of 2 fit %d/%m/%Y, 2 of 2 fit %m/%d/%Y: which is it?"),
    ("v", ["1/2/2024", "13/4/2024"], "date", "%-d/%-m/%Y"),
    ("v", ["2024-01-31 10:00:00.000", "2024-01-31 10:00:00.125"], "date", "%H:%M:%S.%f"),
    ("v", ["2024-01-31T10:00:00Z", "2024-01-31T10:00:00+02:00"], "date", "T%H:%M:%S%z"),
    ("v", ["5 January 2024", "31 May 2023"], "date", "%-d %B %Y"),
    ("v", ["1:30 PM", "2:30 PM"], "string", ""),
    ("v", ["20240131", "20240201"], "int", ""),
    ("date", ["20240131", "20240201"], "date", "%Y%m%d"),
    ("v", ["2024-01-31", "2024-02-30", *(f"2024-03-{day:02}" for day in range(1, 31))], "string", "1 of 32 values does not fit %Y-%m-%d"),
    ("created", ["1260759144", "1260759179"], "int", "seconds since 1970, from 2009?"),
    ("v", ["1260759144000", "1460759179000"], "long", "milliseconds since 1970, from 2009 to 2016?"),
    ("v", ["", "", ""], "string", "no values at all"),
    ("v", ["1,5", "22,75", "3"], "decimal", "with a decimal comma"),
    ("v", ["1,500", "22,750,000"], "int", "with commas between thousands"),
    ("v", ["1,500.25", "22,750,000"], "decimal", "with commas between thousands"),
    ("v", ["1.500,25", "22.750.000"], "decimal", "with a decimal comma and points between thousands"),
    ("v", ["1 500", "22 750 000"], "int", "with spaces between thousands"),
    ("v", ["1,500", "2,750"], "string", "all 2 values fit both decimal commas and commas between thousands: which is it?"),
    ("v", ["4,421,08", "1,5"], "string", ""),
    ("v", ["1.500", "22.750"], "double", "LOOK: the values also fit as numbers with points between thousands"),
    ("v", ["5%", "7.5 %"], "decimal", "5% is 0.05"),
    ("v", ["$5", "$7.50"], "decimal", "in $"),
    ("v", ["$5", "$7,500.50"], "decimal", "in $, with commas between thousands"),
    ("v", ["5,25 €", "7.500,50 €"], "decimal", "in €, with a decimal comma"),
    ("v", ["5 km", "7 km"], "string", "with a unit"),
    ("v", ['{"a": 1}', '{"a": 2}'], "string", "look like JSON"),
    ("v", ["a,b", "b,c,d", "a"], "string", 'lists? 2 cells with "," between items'),
]


@pytest.mark.parametrize(("name", "cells", "kind", "why"), TYPES)
def test_type_and_evidence(column, name, cells, kind, why) -> None:
    found = column(name, cells)
    assert found[name].type.name == kind
    assert why in found.comment(name)


def test_texts_for_truth_are_those_of_the_file(column) -> None:
    found = column("v", ["Yes", "no", "YES"])["v"]
    assert (found.options.true_values, found.options.false_values) == (("YES", "Yes"), ("no",))


def test_missing_values_are_counted_and_declared(column) -> None:
    found = column("v", ["1", "", "NULL", "NULL", "2"])
    assert found.mapping.source.null_values == ("", "NULL")
    assert found["v"].type.name == "int"
    assert not found["v"].required
    assert '1 empty, 2 "NULL"' in found.comment("v")


def test_a_doubtful_text_is_missing_among_numbers_only(column) -> None:
    assert column("v", ["1", "NA", "2"])["v"].null_values == ("", "NA")
    texts = column("country", ["DE", "NA", "FR"])
    assert texts["country"].null_values == ("",)
    assert '1 "NA": add to null_values if it means missing' in texts.comment("country")
    assert texts["country"].required


def test_what_means_missing_in_one_column_does_in_the_others(inferred) -> None:
    found = inferred("v,t,u\n1,a,x\nUNKNOWN,b,y\n3,UNKNOWN,NA\n")
    assert found.mapping.source.null_values == ("", "UNKNOWN")
    assert not found["t"].required
    assert found["u"].required


def test_blanks_at_the_ends(column) -> None:
    assert column("v", [" 1", "2 ", "3"])["v"].transforms == (("strip", {}),)
    assert column("v", [" 1", "2 ", "3"])["v"].type.name == "int"
    assert column("t", [" a  b", "c"])["t"].transforms == (("squish", {}),)
    assert column("t", [" a\n\n  b", "c"])["t"].transforms == (("strip", {}),)
    inside = column("t", ["a  b", "c"])
    assert inside["t"].transforms == ()
    assert "1 value with repeated whitespace: transform: [squish]" in inside.comment("t")


def test_cells_of_blanks_are_missing(column) -> None:
    found = column("t", ["a", "  ", "b"])
    assert not found["t"].required
    assert "1 cell of only whitespace" in found.comment("t")


def test_few_values_are_an_enum(column) -> None:
    assert column("t", ["b", "a"] * 20)["t"].constraints == {"enum": ["a", "b"]}
    assert column("t", ["b", "a"] * 19)["t"].constraints == {}
    assert "3 distinct values; 1 of them differ from another only in case" in column("t", ["a", "A", "b"]).comment("t")


def test_bounds_that_lie_in_the_nature_of_things(column) -> None:
    assert column("age", ["1", "90"])["age"].constraints == {"minimum": 0}
    assert column("age", ["1", "-90"])["age"].constraints == {}
    assert column("latitude", ["1.5", "-90"])["latitude"].constraints == {"minimum": -90, "maximum": 90}
    assert column("latitude", ["1.5", "-91"])["latitude"].constraints == {}


def test_sentinels_are_asked_about(column) -> None:
    assert "does -9999 mean missing?" in column("v", ["4", "-9999"]).comment("v")


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Name", ["Ada Ash", "Bo Birch"] * 20),
        ("LAST_NAME", ["Ash", "Birch"] * 20),
        ("eMail", ["ada at home", "bo at home"] * 20),
        ("c", ["ada@example.org", "bo@example.org"] * 20),
        ("c", ["123-45-6789", "987-65-4321"] * 20),
        ("Home Phone", ["5551234", "5554321"] * 20),
        ("BirthDate", ["1990-01-31", "1980-05-01"] * 20),
        ("Street Address", ["1 Elm Row", "2 Oak Row"] * 20),
        ("account_number", ["12", "13"]),
    ],
)
def test_private_values_stand_nowhere(column, name, cells) -> None:
    found = column(name, cells)
    field = next(one for one in found.mapping.fields if str(one.column) == name)
    if name == "account_number":
        assert not field.private
        return
    assert field.private
    assert field.constraints == {}
    assert not any(cell in found.text for cell in cells)


def test_a_company_is_nobody(column) -> None:
    assert not column("companyName", ["a", "b"])["company_name"].private


def test_numbered_columns_are_of_one_type(inferred) -> None:
    found = inferred("k,s1,s2,s3,n1,n2,n3\nx,01,,5,1,,2.5\ny,02,,6,2,,3.5\n")
    assert [found[f"s{one}"].type.name for one in (1, 2, 3)] == ["string"] * 3
    assert [found[f"n{one}"].type.name for one in (1, 2, 3)] == ["double"] * 3
    assert "like the other numbered columns of this name" in found.comment("s3")
