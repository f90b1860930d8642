"""A file in, the inferred mapping out: as text, and as what the loader makes of it."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.infer import infer
from engine.mapping.loader import loads
from engine.mapping.model import Mapping


class Inferred(NamedTuple):
    text: str
    mapping: Mapping

    def comment(self, path: str) -> str:
        """The evidence beside a field."""
        line = next(line for line in self.text.splitlines() if line.startswith(f"  {path}:"))
        return line.partition("    # ")[2]

    def __getitem__(self, path: str) -> Any:
        return self.mapping.field(path)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    def write(content: str | bytes, name: str = "data.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


@pytest.fixture
def inferred(file: Callable[..., str]) -> Callable[..., Inferred]:
    def run(content: str | bytes, name: str = "data.csv") -> Inferred:
        text = infer([file(content, name)])
        return Inferred(text, loads(text))

    return run


@pytest.fixture
def column(inferred: Callable[..., Inferred]) -> Callable[..., Inferred]:
    """The mapping of a file of two columns, the second of which has these cells."""

    def run(name: str, cells: list[str]) -> Inferred:
        return inferred(written([["row", name], *([f"r{number}", cell] for number, cell in enumerate(cells))]))

    return run


def written(rows: list[list[str]]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(rows)
    return stream.getvalue()
