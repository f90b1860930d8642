"""What a refusal recommends works in the mode and the state that it is given in: each recommendation is followed to the letter.

So `run` never sends to `apply` what `apply` sends to `run`.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jobs import Ended, command
from pymongo.database import Database

MAPPING = """
mapping: stays
source: {{path: '{folder}/*.csv'}}
target: {{database: {database}, collection: stays, mode: {mode}}}
id: {{hash: [Nr]}}
dedup: {{on: [Nr]}}
fields:
  nr: {{column: Nr, type: int, required: true}}
  room: {room}
  bill: {bill}
indexes:
  by_room: {index}
limits: {{rejects: 100%}}
{rest}
"""


class Stays:
    """A mapping that is edited, monthly files, and their collection."""

    def __init__(self, database: Database[Any], folder: Path) -> None:
        self.database, self.folder, self.months = database, folder, 0
        self.parts = {"mode": "append", "room": "{column: Room, type: int}", "bill": "{column: Bill, type: double}",
                      "index": "{keys: {room: 1}}", "rest": ""}  # fmt: skip

    @property
    def live(self) -> Any:
        return self.database.stays

    def call(self, verb: str, *more: str) -> Ended:
        file = self.folder / "stays.yaml"
        file.write_text(MAPPING.format(folder=self.folder, database=self.database.name, **self.parts), encoding="utf-8")
        return command(verb, "-m", file, *more)

    def write(self, header: str = "Nr,Room,Bill") -> None:
        """A new file."""
        rows = "".join(f"{nr},{100 + nr},{nr}.5\n" for nr in range(10 * self.months, 10 * self.months + 10))
        (self.folder / f"{self.months}.csv").write_text(f"{header}\n{rows}", encoding="utf-8")
        self.months += 1

    def load(self, *more: str) -> Ended:
        """The newest file; all of them in the modes that need all."""
        whole = self.parts["mode"] in ("replace", "sync")
        return self.call("run", *([] if whole else ["--source", str(self.folder / f"{self.months - 1}.csv")]), *more)

    def settled(self) -> None:
        """Later files can be loaded, and nothing is left to do."""
        assert self.call("verify").code == 0
        self.write(f"Nr,{self.column},Bill")
        ended = self.load()
        assert ended.code == 0, ended.err

    @property
    def column(self) -> str:
        return "Zimmer" if "Zimmer" in self.parts["room"] else "Room"


# what is recommended, and how it is followed


def _names(stays: Stays, names: str) -> None:
    stays.parts["room"] = f"{{column: {names}, type: int}}"
    assert stays.load().code == 0


def _apply(stays: Stays) -> None:
    planned = stays.call("plan", "--json")
    assert not planned.report["refusals"]
    allow = [f"--allow={loss['code']}" for loss in planned.report["losses"]]
    assert stays.call("apply", *allow).code == 0
    assert stays.load().code == 0


def _allow(stays: Stays, code: str) -> None:
    ended = stays.load("--allow", code)
    assert ended.code == 0, ended.err


def _anew(stays: Stays) -> None:
    ended = stays.call("run")
    assert ended.code == 0, ended.err


def _all_files(stays: Stays, mode: str) -> None:
    usual, stays.parts["mode"] = stays.parts["mode"], mode
    if stays.column == "Zimmer":  # the older files call it otherwise
        for file in stays.folder.glob("*.csv"):
            file.write_text(file.read_text(encoding="utf-8").replace("Room", "Zimmer"), encoding="utf-8")
    ended = stays.call("run")
    assert ended.code == 0, ended.err
    stays.parts["mode"] = usual
    assert stays.call("plan").code == 0


def _keep(stays: Stays, rest: str) -> None:
    stays.parts["rest"] += f"validation: {rest}\n"
    assert stays.load().code == 0


FOLLOWED: dict[str, Callable[..., None]] = {
    r"if room comes from the same column under a new name, write column: (\[.*\]) there": _names,
    r"see engine plan, and run engine apply first": _apply,
    r"engine run --allow (mixed_shapes) keeps both": _allow,
    r"--allow (existing_documents) for this run": _allow,
    r"load the collection again with engine run": _anew,
    r"load it again with engine run": _anew,
    r"load all files again: engine run with target\.mode: (replace|sync), and with every file in source\.path": _all_files,
    r"keep them with validation: (\{existing: keep\})": _keep,
}


# the states in which something is refused: what led there, what is tried, and what is to be recommended


def _renamed_column(stays: Stays) -> None:
    stays.parts["room"] = "{column: Zimmer, type: int}"
    stays.write("Nr,Zimmer,Bill")


def _converted(stays: Stays) -> None:
    stays.parts["room"] = "{column: Room, type: long}"
    stays.write()


def _from_source(stays: Stays) -> None:
    stays.parts["bill"] = "{column: Bill, transform: [squish]}"
    stays.write()


def _from_source_and_index(stays: Stays) -> None:
    _from_source(stays)
    stays.parts["index"] = "{keys: {room: -1}}"


def _index(stays: Stays) -> None:
    stays.parts["index"] = "{keys: {room: -1}}"
    stays.write()


def _dropped(stays: Stays) -> None:
    _from_source(stays)
    stays.live.drop()


def _stranger(stays: Stays) -> None:
    stays.database.command("collMod", "stays", validationLevel="off")
    stays.live.insert_one({"_id": b"x", "nr": "many"})
    stays.write()


def _unreadable(stays: Stays) -> None:
    stays.database["_engine_runs"].update_many({}, {"$set": {"applied": "{}", "meaning_sha256": "other"}})
    stays.write()


SOURCE = [r"load all files again.*", r"engine run --allow mixed_shapes.*"]
STATES: list[tuple[str, Callable[[Stays], None], str, list[str]]] = [
    ("append", _renamed_column, "run", [r"if room comes.*", *SOURCE]),
    ("append", _renamed_column, "apply", [r"if room comes.*", *SOURCE]),
    ("append", _converted, "run", [r"see engine plan.*", r"engine run --allow mixed_shapes.*"]),
    ("upsert", _converted, "run", [r"see engine plan.*", r"engine run --allow mixed_shapes.*"]),
    ("append", _from_source, "run", SOURCE),
    ("append", _from_source, "apply", SOURCE),
    ("upsert", _from_source, "apply", SOURCE),
    ("sync", _from_source, "apply", [r"load the collection again.*"]),
    ("replace", _from_source, "apply", [r"load the collection again.*"]),
    ("sync", _from_source_and_index, "apply", [r"load all files again.*"]),
    ("sync", _from_source_and_index, "run", [r"load all files again.*"]),
    ("append", _index, "run", [r"see engine plan.*"]),
    ("sync", _index, "run", [r"see engine plan.*"]),
    ("append", _dropped, "apply", [r"load it again.*"]),
    ("append", _stranger, "run", [r"see engine plan.*", r"keep them.*", r"--allow existing.*"]),
    ("append", _unreadable, "run", [r"load all files again.*"]),
    ("append", _unreadable, "apply", [r"load all files again.*"]),
]
CASES = [(mode, change, tried, hint) for mode, change, tried, hints in STATES for hint in hints]
NAMES = [f"{mode}-{change.__name__[1:]}-{tried}-{number}" for number, (mode, change, tried, _) in enumerate(CASES)]


@pytest.fixture
def stays(database: Database[Any], mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stays:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    return Stays(database, tmp_path / "work")


def hints(text: str) -> list[str]:
    """The alternatives that the findings of a refusal recommend."""
    found = [line.partition(" — ")[2] for line in text.splitlines() if " — " in line]
    return [*dict.fromkeys(part.strip() for line in found for part in re.split(r"; or |, or ", line))]


@pytest.mark.parametrize(("mode", "change", "tried", "hint"), CASES, ids=NAMES)
def test_what_is_recommended_works(stays: Stays, mode: str, change: Callable[[Stays], None], tried: str, hint: str) -> None:
    stays.parts["mode"] = mode
    stays.write()
    assert stays.load().code == 0
    change(stays)
    refused = stays.load() if tried == "run" else stays.call("apply")
    assert refused.code in (3, 4), refused.err
    given = hints(refused.err)
    expected = next(hints for one, how, verb, hints in STATES if (one, how, verb) == (mode, change, tried))
    assert len(given) >= len(expected)
    (text,) = [text for text in given if re.fullmatch(hint, text)]
    (found,) = [(follow, match) for pattern, follow in FOLLOWED.items() if (match := re.fullmatch(pattern, text))]
    follow, match = found
    follow(stays, *match.groups())
    stays.settled()
