"""Wide and odd shapes: for each a generated CSV and a mapping, to show whether some shape costs out of proportion.

Usage: python shapes.py NAME FOLDER [CELLS] writes FOLDER/NAME.csv and FOLDER/NAME.yaml. The same bytes every time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

CELLS = 4_000_000
Columns = Sequence[tuple[str, str]]  # name and type
Row = Sequence[str]


@dataclass(frozen=True)
class Shape:
    """`rows(count)` yields that many rows of `columns`; `weight` is how many ordinary cells one of its cells stands for."""

    what: str
    columns: Columns
    rows: Callable[[int], Iterator[Row]]
    weight: int = 1
    constraints: str = ""  # put to every int field

    def count(self, cells: int) -> int:
        """How many rows make about `cells` ordinary cells."""
        return max(1, cells // (len(self.columns) * self.weight))


def mixed(count: int) -> Columns:
    """Columns of four types in turn, ten to a nested document."""
    kinds = ("string", "int", "double", "date")
    return [(f"group{at // 10}.field{at}", kinds[at % len(kinds)]) for at in range(count)]


def cell(kind: str, random: Random) -> str:
    if kind == "int":
        return str(random.getrandbits(20))
    if kind == "double":
        return repr(random.random() * 50_000)
    if kind == "date":
        return f"20{10 + random.getrandbits(3)}-0{1 + random.getrandbits(3)}-1{random.getrandbits(3)}"
    return f"text {random.getrandbits(40):x}"


def ordinary(columns: Columns, empty: float = 0.0) -> Callable[[int], Iterator[Row]]:
    """Random cells of each column's type; the first is the row's number, of the others the share `empty` is left empty."""

    def rows(count: int) -> Iterator[Row]:
        random = Random(1)
        for number in range(count):
            others = ("" if empty and random.random() < empty else cell(kind, random) for _, kind in columns[1:])
            yield [f"row {number}", *others]

    return rows


def long_texts(count: int) -> Iterator[Row]:
    random = Random(2)
    for number in range(count):
        yield [f"row {number}", f"{random.getrandbits(400):x} é " * 970]  # 100 kB


def rejected(count: int) -> Iterator[Row]:
    """Three rows in ten have an int that is none, or one out of range."""
    random = Random(3)
    for row in ordinary(PLAIN)(count):
        chance = random.random()
        yield row if chance >= 0.3 else [row[0], "none" if chance < 0.15 else "-1", *row[2:]]


def repeated(count: int) -> Iterator[Row]:
    row = next(ordinary(PLAIN)(1))
    return (row for _ in range(count))


PLAIN, HUNDRED, THOUSAND, SPARSE = mixed(15), [(f"element.n{at}", "double") for at in range(1, 101)], mixed(1_000), mixed(200)
HUNDRED = [("key", "string"), *HUNDRED]

SHAPES = {
    "plain": Shape("15 columns, the measure of the others", PLAIN, ordinary(PLAIN)),
    "thousand": Shape("1,000 columns in 100 nested documents", THOUSAND, ordinary(THOUSAND)),
    "hundred": Shape("100 numbered columns of doubles", HUNDRED, ordinary(HUNDRED)),
    "sparse": Shape("200 columns, 97 % of the cells empty", SPARSE, ordinary(SPARSE, 0.97)),
    "long": Shape("cells of 100 kB", [("key", "string"), ("text", "string")], long_texts, weight=2_000),
    "rejects": Shape("30 % of the rows rejected", PLAIN, rejected, constraints=", minimum: 0"),
    "repeated": Shape("every row the same", PLAIN, repeated),
}


def mapping(name: str, shape: Shape, csv: Path) -> str:
    lines = [
        f"mapping: {name}", "version: 1", f"source: {{path: '{csv}'}}", f"target: {{database: shapes, collection: {name}, mode: replace}}",
        "dedup: {on: row, keep: first}", "id: {hash: row}", "limits: {rejects: 100%}",
        "validation: {level: strict, action: error, additional: false}", "fields:",
    ]  # fmt: skip
    for path, kind in shape.columns:
        more = shape.constraints if kind == "int" else ""
        lines.append(f"  {path}: {{column: {path}, type: {kind}{more}}}")
    return "\n".join(lines) + "\n"


def main(name: str, folder: str, cells: str = str(CELLS)) -> None:
    shape, csv = SHAPES[name], Path(folder) / f"{name}.csv"
    with csv.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(path for path, _ in shape.columns) + "\n")
        file.writelines(",".join(row) + "\n" for row in shape.rows(shape.count(int(cells))))
    csv.with_suffix(".yaml").write_text(mapping(name, shape, csv), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
