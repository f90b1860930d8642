"""The pages for contributors name what is there: paths, classes, links."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
FILE = re.compile(r"`((?:engine|tests|docs|mappings|schemas|deploy|benchmarks)/[\w./-]+)`")
LINK = re.compile(r"\]\(([\w./-]+)(#[\w-]+)?\)")
NAME = re.compile(r"`([A-Z]\w+)`")


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page: str) -> None:
    named = {name for name in FILE.findall((ROOT / page).read_text(encoding="utf-8")) if not {"NAME", "FILE"} & {*re.split(r"\W", name)}}
    assert {name for name in named if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    found = LINK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert {link for link, _ in found if not (ROOT / page).parent.joinpath(link).exists()} == set()


def test_the_glossary_names_what_the_package_has() -> None:
    there = set()
    for file in (ROOT / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            there |= {node.name} if isinstance(node, ast.ClassDef) else set()
            there |= {target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)}
            there |= {node.target.id} if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else set()
    assert {*NAME.findall((ROOT / "docs/glossary.md").read_text(encoding="utf-8"))} - there == set()
