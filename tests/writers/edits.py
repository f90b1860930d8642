"""Edits of a mapping, drawn."""

from dataclasses import replace

from hypothesis import strategies as st

from writers.shapes import GENDERS, NICK, RETYPED, Indexed, Least, One, Shape

AS_USUAL = {"action": "error", "level": "strict", "existing": "refuse"}
KEEP = AS_USUAL | {"level": "moderate", "existing": "keep"}
VALIDATIONS = (AS_USUAL, AS_USUAL | {"action": "warn"}, AS_USUAL | {"level": "off"}, AS_USUAL | {"level": "moderate"}, KEEP)


def _rename(draw: st.DrawFn, shape: Shape) -> Shape:
    one = draw(st.sampled_from([one for one in shape.fields if one.of_column]))
    array, inside, _ = one.path.rpartition("[].")
    path = f"{array}[].f{shape.made}" if inside else f"{draw(st.sampled_from(['', 'p.', 'w.']))}f{shape.made}"
    was = one.was or one.path
    return replace(shape, fields=tuple(replace(one, path=path, was=was) if other is one else other for other in shape.fields),
                   made=shape.made + 1)  # fmt: skip


def _rename_array(_draw: st.DrawFn, shape: Shape) -> Shape:
    def renamed(one: One) -> One:
        inside = one.path.partition("[].")[2]
        return replace(one, path=f"f{shape.made}[].{inside}", was=one.was or one.path) if inside else one

    return replace(shape, fields=tuple(map(renamed, shape.fields)), made=shape.made + 1)


def _remove(draw: st.DrawFn, shape: Shape) -> Shape:
    used = {*(one.plus for one in shape.fields), shape.index and shape.index.key}
    free = [one for one in shape.fields if one.key not in used and one.key not in ("name", "age")]
    gone = draw(st.sampled_from(free)) if free else None
    return replace(shape, fields=tuple(one for one in shape.fields if one is not gone))


def _retype(draw: st.DrawFn, shape: Shape) -> Shape:
    choices = [(one, kind) for one in shape.fields if one.of_column for kind in _kinds(one)]
    if not choices:
        return shape
    one, kind = draw(st.sampled_from(choices))
    return replace(shape, fields=tuple(replace(one, kind=kind) if other is one else other for other in shape.fields))


def _kinds(one: One) -> tuple[str, ...]:
    return ("int", "long") if (one.key, one.kind) == ("room", "string") else RETYPED.get(one.kind, ())


def _enum(draw: st.DrawFn, shape: Shape) -> Shape:
    wanted = tuple(draw(st.lists(st.sampled_from(GENDERS), min_size=1, unique=True)))
    return replace(shape, fields=tuple(replace(one, enum=wanted) if one.key == "gender" else one for one in shape.fields))


def _constant(draw: st.DrawFn, shape: Shape) -> Shape:
    known = [one for one in shape.fields if one.constant is not None]
    value = draw(st.sampled_from(["k", "l", "m"]))
    if known:
        return replace(shape, fields=tuple(replace(one, constant=value) if one is known[0] else one for one in shape.fields))
    return _added(draw, shape, One(f"k{shape.made}", f"p.k{shape.made}", constant=value))


def _compute(draw: st.DrawFn, shape: Shape) -> Shape:
    known = [one for one in shape.fields if one.plus]
    by = draw(st.integers(1, 3))
    if known:
        return replace(shape, fields=tuple(replace(one, by=by) if one is known[0] else one for one in shape.fields))
    return _added(draw, shape, One(f"c{shape.made}", f"w.c{shape.made}", plus="age", by=by))


def _added(draw: st.DrawFn, shape: Shape, one: One) -> Shape:
    place = draw(st.integers(0, len(shape.fields)))
    return replace(shape, fields=(*shape.fields[:place], one, *shape.fields[place:]), made=shape.made + 1)


def _order(draw: st.DrawFn, shape: Shape) -> Shape:
    return replace(shape, fields=tuple(draw(st.permutations(shape.fields))))


def _open(_draw: st.DrawFn, shape: Shape) -> Shape:
    return replace(shape, additional=not shape.additional)


def _validation(draw: st.DrawFn, shape: Shape) -> Shape:
    return replace(shape, **draw(st.sampled_from(VALIDATIONS)))


def _rule(draw: st.DrawFn, shape: Shape) -> Shape:
    least = Least("age", draw(st.sampled_from([0, 5, 50])), draw(st.sampled_from(["reject", "filter"])))
    return replace(shape, least=draw(st.sampled_from([None, least, least])))


def _index(draw: st.DrawFn, shape: Shape) -> Shape:
    keys = [one.key for one in shape.fields if one.of_column and one.kind != "date"]
    found = Indexed(draw(st.sampled_from(keys)), draw(st.booleans()), draw(st.booleans()))
    far = Indexed("day", seconds=draw(st.sampled_from([2_000_000_000, 2_100_000_000])))
    return replace(shape, index=draw(st.sampled_from([None, found, found, far if shape.find("day") else found])))


def _step(_draw: st.DrawFn, shape: Shape) -> Shape:
    if shape.find(NICK):
        return replace(shape, step="")
    fields = (*shape.fields, One(NICK, f"n{shape.made}"))
    return replace(shape, fields=fields, step=f"s{shape.made}", made=shape.made + 1)


FIELDS = (_rename, _rename, _rename_array, _remove, _retype, _retype, _enum, _enum, _constant, _compute, _order)
EDITS = (*FIELDS, _open, _validation, _rule, _rule, _index, _index, _step)


@st.composite
def edited(draw: st.DrawFn, shape: Shape) -> Shape:
    """The mapping after one to three edits."""
    found = replace(shape, fields=tuple(replace(one, was="") for one in shape.fields))
    for edit in draw(st.lists(st.sampled_from(EDITS), min_size=1, max_size=3)):
        found = edit(draw, found)
    return found
