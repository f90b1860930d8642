"""A mapping file becomes a `Mapping`, or every problem of it is reported at once.

In: the text of a YAML file. Out: `model.Mapping`, one for each collection. The way is strict YAML (`yamltree`) → the language's JSON Schema
(`language`, made for the most part from the attributes of the model and of types' options) → what a schema cannot say (`semantics`) → the
model (`model`), put together by `loader`. `columns` answers which columns of which source a mapping reads, `profiles` what each kind of
server can do, and `reference` prints the documentation from all tables.

A new key is an attribute in `model` with its `engine.values.keys.key` beside it, and is read in `semantics` where it is irregular; a new
kind of server is a row of `profiles`, a new pattern of a name a row of `patterns`.
"""
