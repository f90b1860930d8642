"""What a mapping says, as frozen dataclasses. Made by `loader`, read by everything after it; nothing here knows YAML or MongoDB.

A key of the language is stated here, at the attribute that it becomes: what it means, an example, its values and its default
(`engine.values.keys`). Stated elsewhere are the options of types (`engine.values.types.options`), and, in `engine.mapping.language`, the
keys that become no attribute of their own, or one of another form: where a value comes from, `type`, `transform`, `tests` and the like.
"""

from engine.mapping.model.arrays import (
    Array,
    Columns,
    ElementMatch,
    Json,
    Lookup,
    Numbered,
    Origin,
    RowsOrigin,
    Split,
    cell_source,
    rows_source,
)
from engine.mapping.model.collection_options import CANNOT_BE_SET, CHANGEABLE, COLLATED, SIMPLE, UNCOLLATED, CollectionOptions
from engine.mapping.model.declared import UPDATES, DeclaredStep
from engine.mapping.model.fields import DEFAULT_TYPE, MASK, Field, Steps, ValueMap
from engine.mapping.model.mapping import ID, Cells, Mapping, MappingTest, OnConflict
from engine.mapping.model.rows import ROW_KEY, Dedup, IdSource, Limit, Near, Rule
from engine.mapping.model.sources import COMPRESSIONS, FORMATS, GZIP, ZIP, ZSTANDARD, Dialect, Source, format_of
from engine.mapping.model.targets import AMENDING, KEY_INDEX, Index, Target, Validation
from engine.mapping.model.timeseries import TimeSeries

__all__ = [
    "AMENDING",
    "CANNOT_BE_SET",
    "CHANGEABLE",
    "COLLATED",
    "COMPRESSIONS",
    "DEFAULT_TYPE",
    "FORMATS",
    "GZIP",
    "ID",
    "KEY_INDEX",
    "MASK",
    "ROW_KEY",
    "SIMPLE",
    "UNCOLLATED",
    "UPDATES",
    "ZIP",
    "ZSTANDARD",
    "Array",
    "Cells",
    "CollectionOptions",
    "Columns",
    "DeclaredStep",
    "Dedup",
    "Dialect",
    "ElementMatch",
    "Field",
    "IdSource",
    "Index",
    "Json",
    "Limit",
    "Lookup",
    "Mapping",
    "MappingTest",
    "Near",
    "Numbered",
    "OnConflict",
    "Origin",
    "RowsOrigin",
    "Rule",
    "Source",
    "Split",
    "Steps",
    "Target",
    "TimeSeries",
    "Validation",
    "ValueMap",
    "cell_source",
    "format_of",
    "rows_source",
]
