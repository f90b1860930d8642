"""What holds between columns and files: keys, duplicates, lookups, joins, numbered columns."""

import pytest

from engine.infer import infer
from engine.mapping.loader import loads
from engine.mapping.model import ID

PEOPLE = "id,name,city\n1,Ada,Rome\n2,Bo,Rome\n3,Cy,Oslo\n"


def hints(text: str, title: str) -> list[str]:
    """The commented lines under a title."""
    lines = iter(text.splitlines())
    next(line for line in lines if line.startswith(f"# {title}"))
    return [line.removeprefix("#   ") for line in iter(lambda: next(lines, ""), "")]


def test_a_unique_id_is_the_id(inferred) -> None:
    found = inferred(PEOPLE)
    assert (str(found[ID].column), found[ID].type.name) == ("id", "int")
    assert found.mapping.dedup is None


@pytest.mark.parametrize(
    "content",
    [
        PEOPLE + "3,Cy,Bern\n",  # not unique
        PEOPLE + ",Di,Bern\n",  # not complete
        PEOPLE.replace("id,", "price,"),  # by its name no key
        PEOPLE.replace("\n3", "\n 3"),  # not written in one way
        "id\n1\n",  # one row proves nothing
    ],
)
def test_what_is_no_id(inferred, content) -> None:
    found = inferred(content).mapping
    assert ID not in {one.path for one in found.fields}
    assert (found.dedup.on, found.identity.hash) == ("row", "row")


def test_an_id_is_unique_among_rows_that_differ(inferred) -> None:
    found = inferred(PEOPLE + "3,Cy,Oslo\n")
    assert str(found[ID].column) == "id"
    assert found.mapping.dedup.on == "row"
    assert "1 row repeats another row in every cell" in found.text


def test_near_duplicates_are_told(inferred) -> None:
    rows = "".join(f"n{one},{one},c{one}\n" for one in range(20))
    found = inferred("name,age,city\n" + rows + "n3,99,c3\n")
    assert hints(found.text, "Near-duplicates") == ["1 row except in age"]


def test_pairs_are_keys_where_no_column_is(inferred) -> None:
    found = inferred("order,line,text\n" + "".join(f"{one},{two},x\n" for one in range(5) for two in range(5)))
    assert hints(found.text, "Candidate keys") == ["order with line"]


def test_a_column_that_decides_another(inferred) -> None:
    found = inferred("code,label,value\n" + "".join(f"{one % 5},label {one % 5},{one}\n" for one in range(50)))
    assert "code -> label" in hints(found.text, "Likely lookups")


def test_numbered_columns_are_an_array(inferred) -> None:
    found = inferred("key,part1,part2,part3\na,x,y,\nb, z,,\n")
    assert found.mapping.arrays[0].origin.names == ("1", "2", "3")
    assert (str(found["parts[]"].column), found["parts[]"].transforms) == ("part{n}", (("strip", {}),))


def test_parallel_sets_are_one_array(inferred) -> None:
    found = inferred("key,strPart1,strAmount1,strPart2,strAmount2,strPart3,strAmount3\na,x,1,y,2,,\nb,z,3,,,,\n")
    assert {one.path: one.type.name for one in found.mapping.fields} == {"_id": "string", "parts[].part": "string", "parts[].amount": "int"}


def test_numbered_columns_with_gaps_are_only_a_hint(inferred) -> None:
    found = inferred("key,part1,part2,part3\na,,y,\nb,,,z\n")
    assert found.mapping.arrays == ()
    assert "arrays: {part: {numbered: 1..3}}" in hints(found.text, "Numbered columns")


def test_cells_that_are_lists(inferred) -> None:
    found = inferred("key,genres\na,x|y\nb,x\nc,y|z|x\n")
    assert "genres[]" in {one.path for one in found.mapping.fields}
    assert (str(found.mapping.arrays[0].origin.column), found.mapping.arrays[0].origin.separator) == ("genres", "|")


def test_a_place(inferred) -> None:
    found = inferred("name,lat,lon\nx,1.5,2.5\ny,-1.5,170.25\n")
    assert hints(found.text, "A point on the map") == ["location: {type: point, longitude: lon, latitude: lat}"]


def test_joins_between_files(file) -> None:
    people = file(PEOPLE, "people.csv")
    visits = file("visit,person,day\nv1,1,2024-01-31\nv2,1,2024-02-01\nv3,2,2024-02-02\n", "visits.csv")
    cities = file("city,country\nRome,IT\nOslo,NO\nBern,CH\n", "cities.csv")
    text = infer([people, cities, visits.replace("visits", "visits")])
    told = hints(text, "Other files")
    assert f"n-1: city is city of {cities} (2 of 2 values found)" in told
    text = infer([visits, cities])
    assert "Other files" not in text
    renamed = file("visit,people_id,day\nv1,1,2024-01-31\nv2,1,2024-02-01\nv3,7,2024-02-02\nv4,2,2024-02-02\n", "visits.csv")
    assert f"1-n: people_id of {renamed} is id here (2 of 3 values found)" in hints(infer([people, renamed]), "Other files")


def test_prefixes_become_documents(inferred) -> None:
    found = inferred("ship_name,ship_city,total,note\na,b,1,x\nc,d,2,y\n")
    assert [one.path for one in found.mapping.fields] == ["ship.name", "ship.city", "total", "note"]
    found = inferred("mag,mag_type,mag_error,x,y,z,w\n1,2,3,4,5,6,7\n1,2,3,4,5,6,8\n" * 2)
    assert {"mag", "mag_type", "mag_error"} <= {one.path for one in found.mapping.fields}


def test_dotted_names_are_paths(inferred) -> None:
    found = inferred("a.b,a.c,d,d.e\n1,2,3,4\n1,2,4,5\n")
    assert [one.path for one in found.mapping.fields] == ["a.b", "a.c", "d", "d_e"]


def test_it_is_a_mapping_of_its_own_text(inferred) -> None:
    found = inferred(PEOPLE)
    assert loads(found.text) == found.mapping
