"""Who may import whom, inside the package and out of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "engine"

# A room may import the rooms named here (and itself). The order is the way data flows; nothing points back.
ROOMS = {
    "errors": set(),
    "dates": set(),
    "types": {"dates"},
    "transforms": set(),
    "paths": set(),
    "expressions": {"paths"},
    "bounds": {"types"},
    "constraints": {"bounds", "types", "expressions"},
    "profiles": set(),
    "metadata": set(),
    "model": {"types", "expressions", "paths"},
    "language": {"model", "types", "dates", "transforms", "constraints", "profiles", "metadata"},
    "yamltree": {"errors"},
    "meaning": {
        "columns",
        "constraints",
        "dates",
        "errors",
        "expressions",
        "language",
        "metadata",
        "model",
        "paths",
        "profiles",
        "types",
        "yamltree",
    },
    "loader": {"errors", "language", "meaning", "model", "yamltree"},
    "sources": {"errors", "model"},
    "bson": set(),
    "columns": {"errors", "model", "paths"},
    "tables": {"errors", "model", "sources"},
    "plan": {
        "bounds",
        "bson",
        "columns",
        "constraints",
        "errors",
        "expressions",
        "keys",
        "model",
        "paths",
        "sources",
        "tables",
        "transforms",
        "types",
    },
    "validators": {"paths", "constraints", "expressions", "model", "profiles", "types"},
    "checksum": set(),
    "keys": set(),
    "sinks": {"errors", "model", "bson", "checksum", "keys", "profiles"},
    "report": set(),
    "rejects": {"errors", "plan", "report", "sinks", "sources"},
    "corrections": {"columns", "errors", "model", "rejects", "sources", "tables"},
    "dedup": {"errors", "keys", "model", "plan", "report", "sources"},
    "loading": {
        "bson",
        "checksum",
        "columns",
        "dedup",
        "errors",
        "keys",
        "model",
        "plan",
        "rejects",
        "report",
        "sinks",
        "sources",
        "tables",
    },
    "others": {"columns", "errors", "loading", "model", "plan", "rejects", "report", "sources", "tables"},
    "run": {"others", "tables", "errors", "loading", "plan", "sinks", "sources", "checksum", "report"},
    "examples": {"columns", "paths", "tables", "errors", "bounds", "model", "plan", "sources"},
    "preview": {"tables", "model", "paths", "plan", "sources", "types"},
    "tracing": {"columns", "tables", "errors", "model", "paths", "plan", "preview", "profiles", "sources", "validators"},
    "mongod": {"errors"},
    "embedded": {"errors", "mongod"},
    "server": {"errors", "embedded"},
    "reference": {"constraints", "dates", "expressions", "language", "profiles", "transforms", "types"},
    "display": {"errors", "report"},
    "evolution": {
        "checksum",
        "columns",
        "errors",
        "expressions",
        "loader",
        "model",
        "others",
        "paths",
        "plan",
        "profiles",
        "sinks",
        "sources",
        "types",
        "validators",
        "yamltree",
    },
    "display_evolution": {"evolution"},
    "infer": {"errors", "dates", "types", "model", "yamltree", "transforms", "loader", "examples", "plan", "sources"},
    "commands": None,  # the command line may import anything
    "cli": None,
    "__main__": None,
    "__init__": set(),
}
# Third-party packages, and the only rooms that know them. polars is known everywhere.
FENCES = {
    "yaml": {"yamltree"},
    "jsonschema": {"loader"},
    "pymongo": {"sinks", "embedded", "evolution"},
    "bson": {"sinks", "validators", "loading", "evolution", "display_evolution"},
    "numpy": {"tables", "bson", "checksum", "dedup", "keys", "sources"},
    "rich": {"display", "display_evolution"},
    "xxhash": {"checksum"},
    "backports": {"sources"},
    "pyarrow": set(),
}


def imports() -> Iterator[tuple[str, str, str]]:
    """(room, imported top name, imported room of the engine or the empty text)."""
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: imports are absolute"
                names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "engine" else [node.module or ""]
            for name in names:
                top, _, rest = name.partition(".")
                yield room, top, rest.partition(".")[0] if top == "engine" else ""


def test_rooms_import_only_what_they_may() -> None:
    wrong = {
        f"{room} imports {inner}"
        for room, top, inner in imports()
        if top == "engine" and inner not in ("", "__version__", room) and ROOMS[room] is not None and inner not in ROOMS[room]
    }
    assert wrong == set()


def test_every_room_is_in_the_table() -> None:
    assert {room for room, _, _ in imports()} <= set(ROOMS)
    assert {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} == set(ROOMS)


def test_packages_stay_behind_their_fences() -> None:
    wrong = {f"{room} imports {top}" for room, top, _ in imports() if top in FENCES and room not in FENCES[top] | {"commands"}}
    assert wrong == set()


def test_the_table_has_no_circle() -> None:
    settled: set[str] = set()
    waiting = {room: needs for room, needs in ROOMS.items() if needs is not None}
    while waiting:
        ready = {room for room, needs in waiting.items() if needs <= settled}
        assert ready, f"a circle among {sorted(waiting)}"
        settled |= ready
        waiting = {room: needs for room, needs in waiting.items() if room not in ready}
