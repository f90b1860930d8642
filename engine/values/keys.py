"""How a key of the mapping language is stated: once, beside the attribute that it becomes, of the model or of a type's options.

    mode: Annotated[Literal["replace", "merge"], key("What becomes of …", "merge")] = "replace"

The JSON Schema comes from the annotation, the default from the dataclass, both by `section_of`; `read` makes the dataclass from a part of
the file. A key of another name or place says `At`; one whose value is converted has a function from the raw value beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

Schema = dict[str, Any]
Made = TypeVar("Made")

KINDS = {str: "string", bool: "boolean", int: "integer"}


def key(description: str, example: object, **schema: Any) -> Schema:
    """One key: what it means, an example, and its schema. A `default` is printed instead of the attribute's; if it is None, none is."""
    return {**schema, "description": description, "examples": [example]}


def section(
    description: str, properties: dict[str, Schema], required: tuple[str, ...] = (), *, example: object = None, **more: Any
) -> Schema:
    """A mapping of known keys only."""
    schema: Schema = {"type": "object", "description": description, "properties": properties, "additionalProperties": False, **more}
    if required:
        schema["required"] = list(required)
    if example is not None:
        schema["examples"] = [example]
    return schema


def texts(**more: Any) -> Schema:
    """A list of texts."""
    return {"type": "array", "items": {"type": "string"}, **more}


class At(str):
    """The key of an attribute where it has another name, or is inside a part: `limits.rejects`."""

    __slots__ = ()


class Keys(dict[str, Schema]):
    """Several keys that become one attribute: a mapping of those that are in the file."""


@dataclass(frozen=True)
class AttributeKey:
    """A key that an attribute is read from. `part` is the key around it, if any; `schema` is None where the attribute states none.

    `grouped`: the attribute holds the values of several keys, by name.
    """

    attribute: str
    part: str
    name: str
    type: Any
    schema: Schema | None
    convert: Callable[[Any], Any]
    default: object
    grouped: bool = False

    @property
    def full_name(self) -> str:
        """The key with the part that it is in: `limits.rejects`."""
        return f"{self.part}.{self.name}" if self.part else self.name

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is MISSING


def section_of(cls: type, description: str, example: object, *, required: tuple[str, ...] | None = None) -> Schema:
    """The part of the language that becomes `cls`; `required` are the keys without a default, unless it says which."""
    missing = tuple(stated.name for stated in attribute_keys(cls) if stated.schema is not None and not stated.part and stated.required)
    return section(description, keys_of(cls), missing if required is None else required, example=example)


def keys_of(cls: type, part: str = "") -> dict[str, Schema]:
    """The schemas of the keys that attributes of `cls` state: those of the section itself, or of a part in it."""
    return {stated.name: _complete(stated) for stated in attribute_keys(cls) if stated.schema is not None and stated.part == part}


def read(cls: Callable[..., Made], raw: Schema, **made: Any) -> Made:
    """`cls` from the keys in `raw`, which fits the language; attributes in `made` are taken from there."""
    found = dict(made)
    for stated in attribute_keys(cls):
        around = raw.get(stated.part, {}) if stated.part else raw
        if stated.attribute not in made and stated.name in around:
            value = stated.convert(around[stated.name])
            found[stated.attribute] = {**found.get(stated.attribute, {}), stated.name: value} if stated.grouped else value
    return cls(**found)


@cache
def attribute_keys(cls: type) -> tuple[AttributeKey, ...]:
    """The keys of a dataclass's attributes, in order."""
    return tuple(_attribute_keys(cls))


def _attribute_keys(cls: Any) -> Iterator[AttributeKey]:
    hints = get_type_hints(cls, include_extras=True)
    for field in fields(cls):
        hint = hints[field.name]
        plain, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        part, _, name = next((str(note) for note in notes if isinstance(note, At)), field.name).rpartition(".")
        schema = next((note for note in notes if isinstance(note, dict)), None)
        if isinstance(schema, Keys):
            for each, own in schema.items():
                yield AttributeKey(field.name, part, each, dict, own, _as_it_stands, None, grouped=True)
            continue
        kind = _without_none(plain)
        convert = next((note for note in notes if callable(note)), _conversion(kind))
        default = field.default if field.default_factory is MISSING else field.default_factory()
        yield AttributeKey(field.name, part, name, kind, schema, convert, default)


def _without_none(hint: Any) -> Any:
    """`X | None` is X: a key that is not in the file is None."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    return kinds[0] if NoneType in get_args(hint) and len(kinds) == 1 else hint


def _conversion(kind: Any) -> Callable[[Any], Any]:
    """How a value of the file becomes one of this type. One text may stand for a list of one."""
    if get_origin(kind) is tuple:
        return lambda raw: (raw,) if isinstance(raw, str) else tuple(raw)
    if is_dataclass(kind):
        return lambda raw: read(kind, raw)  # type: ignore[arg-type]
    return _as_it_stands


def _as_it_stands(raw: Any) -> Any:
    return raw


def _complete(stated: AttributeKey) -> Schema:
    """The schema that the attribute states, with what its type and default say."""
    schema: Schema = stated.schema or {}
    if is_dataclass(stated.type) and "type" not in schema:
        return section_of(stated.type, schema["description"], schema["examples"][0])  # type: ignore[arg-type]
    typed = {} if {"type", "enum"} & schema.keys() else _schema_of(stated.type)
    meaning = {name: schema[name] for name in ("description", "examples")}
    own = {name: value for name, value in schema.items() if name not in meaning and (name, value) != ("default", None)}
    return {**typed, **own, **_default(stated, schema), **meaning}


def _default(stated: AttributeKey, schema: Schema) -> Schema:
    """The attribute's default as the file would have it, unless the key has its own word for it; nothing is none."""
    if "default" in schema or stated.default in (MISSING, None, "", ()):
        return {}
    default = str(stated.default) if is_dataclass(stated.default) else stated.default
    if isinstance(default, tuple):
        return {"default": default[0] if len(default) == 1 and "string" in schema.get("type", ()) else list(default)}
    return {"default": default}


def _schema_of(kind: Any) -> Schema:
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _schema_of(get_args(kind)[0])}
    return {"type": KINDS[kind]}
