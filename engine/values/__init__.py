"""What a cell can be: its types, each with all that is asked of it in one row, the transforms before them, dates, load metadata, paths.

In: polars expressions over the text of cells. Out: expressions of typed values, and a column of them as BSON.
`keys` is how keys of the mapping language are stated, options of types among them.

A new type is a row in a module of `types`, a new transform a row in a module of `transforms`, a new date directive a row of `dates`.
"""
