"""Computed fields are made in the order in which they read each other, and otherwise in that of the mapping."""

from itertools import permutations

from engine.mapping.loader import loads
from engine.values.order import dependency_order

HEAD = "mapping: m\nsource: {path: x.csv}\ntarget: {database: d, collection: c}\nfields:\n  _id: id\n  a: {column: a, type: int}\n"
READS = {"u": "a", "v": "u + a", "w": "a + 1", "x": "w + u", "y": "v + x"}


def test_each_comes_after_those_that_it_reads() -> None:
    for names in permutations(READS):
        text = HEAD + "".join(f'  {name}: {{compute: "{READS[name]}", type: int}}\n' for name in names)
        late = {one.path: one.reads for one in loads(text).fields if one.depends_on_fields}
        found = dependency_order(late).names
        ranks = [{"u", "w"}, {"v", "x"}, {"y"}]
        assert found == [name for rank in ranks for name in names if name in rank]
