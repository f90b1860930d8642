"""Two years of a live collection: 40 monthly edits (`story.edits`) of the mapping of 2,000 admissions, while three applications write.

Each month:

* the plan says exactly the codes of the table, what would be lost, and whether the source is needed;
* each document that was loaded is there, byte for byte as a fresh run of the new mapping loads it, with what the applications have set
  in it; or it is set aside. As many are set aside and come back as the plan has announced;
* each document that an application has inserted is there too, in the new shape, or set aside for the same reason;
* another plan finds nothing to do, and `verify` no other validator and no other index.

Where the source is needed, the collection is loaded again, and what applications wrote before is gone with it, as mode `replace` says.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bson import decode, encode
from pymongo.database import Database

from engine.apply.applying import Applying
from engine.evolution.steps import Step
from story.changes import Raw
from story.edits import EDITS, SOURCE, Edit
from story.hospital import Hospital, first_mapping, write_source
from story.writers import Acknowledged, Application, Documents, Noting, Shaped, writing

SHARE = 12  # loaded documents that each application changes


@dataclass
class Story:
    """`old` is the mapping of the month before, and `before` its fresh documents; `aside` what was set aside then.

    `looked` are the numbers of own documents when apply looked for documents of the old shape.
    """

    hospital: Hospital
    known: Acknowledged = field(default_factory=Acknowledged)
    old: Raw = field(default_factory=dict)
    before: Documents = field(default_factory=dict)
    aside: Documents = field(default_factory=dict)
    looked: list[int] = field(default_factory=list)

    @property
    def late(self) -> set[Any]:
        """Own documents that were acknowledged after apply had looked for the last time: what the new validator takes stays as it is."""
        return {*[*self.known.own][self.looked[-1] :]} if self.looked else set()


@pytest.fixture
def story(database: Database[dict[str, Any]], mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    write_source(tmp_path / "stays.csv")
    found, check = Story(Hospital(database, tmp_path, first_mapping(tmp_path / "stays.csv", database.name))), Applying._check

    def looking(self: Applying, step: Step) -> None:
        found.looked.append(len(found.known.own))
        check(self, step)

    monkeypatch.setattr(Applying, "_check", looking)
    return found


def test_forty_monthly_edits_lose_nothing_and_equal_fresh_runs(story: Story) -> None:
    assert len(EDITS) == 40
    story.hospital.load()
    for number, edit in enumerate(EDITS, 1):
        try:
            month(story, edit)
        except BaseException as error:
            error.add_note(f"month {number}: {edit.name}")
            raise


def month(story: Story, edit: Edit) -> None:
    story.before, story.aside = story.hospital.fresh(), story.hospital.aside()
    story.old = story.hospital.edit(edit.change)
    story.looked.clear()
    if edit.closes:
        take_notes_away(story)
    plan = planned(story, edit)
    if edit.way == SOURCE:
        load(story)
    else:
        apply(story, edit, plan)
    check_loaded(story)
    check_own(story)
    withdraw_late(story)
    check_settled(story)


# what is done


def take_notes_away(story: Story) -> None:
    story.hospital.live.update_many({}, {"$unset": {"note": ""}})
    story.known.notes.clear()


def planned(story: Story, edit: Edit) -> dict[str, Any]:
    plan = story.hospital.do("plan", "--json").report
    assert {one["code"] for one in plan["changes"]} == {*edit.codes.split()}
    assert {one["code"] for one in plan["losses"]} == {*edit.allow.split()}
    assert {one["code"] for one in plan["refusals"]} == ({"needs_source"} if edit.way == SOURCE else set())
    return plan


def load(story: Story) -> None:
    story.hospital.load()
    story.known = Acknowledged()


def apply(story: Story, edit: Edit, plan: dict[str, Any]) -> None:
    """By the server, beside the applications."""
    earlier = {*story.known.own}
    with writing(*applications(story)):
        ended = story.hospital.do("apply", *(part for code in edit.allow.split() for part in ("--allow", code)))
        assert ended.code == 0, ended.err
    aside, there = story.hospital.aside().keys(), {*story.before, *story.aside, *earlier}  # `there`: when it was planned
    assert aside >= story.before.keys() - story.hospital.fresh().keys()
    assert len((aside - story.aside.keys()) & there) == plan["leaving"]
    assert len(story.aside.keys() - aside) == sum(one["fitting"] for one in plan["set_aside"])


def applications(story: Story) -> list[Application]:
    hospital, known = story.hospital, story.known
    shares = [[*story.before][start : start + SHARE] for start in (0, SHARE, 2 * SHARE)]
    found: list[Application] = [
        Shaped(hospital.live, known, shares[0], made=story.before, doctor=doctor_of(story.old)),
        Shaped(hospital.live, known, shares[1], made=hospital.fresh(), doctor=doctor_of(hospital.raw)),
    ]
    return [*found, Noting(hospital.live, known, shares[2])] if hospital.raw["validation"]["additional"] else found


def doctor_of(raw: Raw) -> str:
    return next(path for path, one in raw["fields"].items() if one.get("column") == "Doctor")


def withdraw_late(story: Story) -> None:
    """Documents that came late in the old shape are taken back by their application."""
    live = story.hospital.documents()
    for ident in story.late:
        if live[ident] != copied(story.hospital.fresh(), story.known.own[ident], ident):
            story.hospital.live.delete_one({"_id": ident})
            del story.known.own[ident]


# what must be so then


def check_loaded(story: Story) -> None:
    """No document is lost, and each is byte for byte that of a fresh run, with what the applications have set in it."""
    fresh, live, aside, own = story.hospital.fresh(), story.hospital.documents(), story.hospital.aside(), story.known.own.keys()
    assert live.keys() - own == fresh.keys()
    assert not live.keys() & aside.keys()
    assert [ident for ident in fresh if live[ident] != touched(story, ident, fresh[ident])] == []


def touched(story: Story, ident: Any, stored: bytes) -> bytes:
    """A loaded document with what the applications have set in it."""
    document: dict[str, Any] = decode(stored)
    level, name = doctor_of(story.hospital.raw).split(".")
    document[level][name] = story.known.doctors.get(ident, document[level][name])
    return encode(document | ({"note": story.known.notes[ident]} if ident in story.known.notes else {}))


def check_own(story: Story) -> None:
    """What an application has inserted is there as what a fresh run makes of the document that it copies."""
    fresh, live, aside = story.hospital.fresh(), story.hospital.documents(), story.hospital.aside()
    for ident, origin in story.known.own.items():
        assert (ident in live, ident in aside) == (origin in fresh, origin not in fresh)
        shapes = [fresh, story.before] if ident in story.late else [fresh]
        assert ident in aside or live[ident] in [copied(shape, origin, ident) for shape in shapes if origin in shape], decode(live[ident])


def copied(documents: Documents, origin: Any, ident: Any) -> bytes:
    return encode(decode(documents[origin]) | {"_id": ident})


def check_settled(story: Story) -> None:
    """Nothing is left to do; only what applications have written since the apply ended differs from what it left."""
    again = story.hospital.do("plan")
    assert again.code == 0, again.out
    found = story.hospital.do("verify")
    differing = [line for line in found.err.splitlines() if "recorded" in line]
    assert found.code == (3 if differing else 0), found.err
    assert [line for line in differing if "checksum: recorded" not in line and "count: recorded" not in line] == []
