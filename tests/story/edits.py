"""Forty edits of mappings/admissions.yaml, one a month: what is edited, what the plan must say of it, and what has to be allowed."""

from dataclasses import dataclass

from story.changes import Change, add, alter, described, drop, last_first, put, rename

SERVER, SOURCE = "server", "source"
KINDS = {"Urgent": "U", "Emergency": "M", "Elective": "L"}


@dataclass(frozen=True)
class Edit:
    """What is edited, and what the plan must say of it: exactly these `codes`, of which those of losses have to be allowed (`allow`).

    `way`: whether the server makes the new documents of the stored ones, or the source is needed. `closes`: fields that the mapping does
    not name are refused from now on, so applications take theirs away before.
    """

    name: str
    change: Change
    codes: str
    allow: str = ""
    way: str = SERVER
    closes: bool = False


EDITS = (
    # names, places and constants
    Edit("a computed field", add("stay.length_days", "stay.discharge_date", compute="days(stay.discharge_date - stay.admission_date)",
                                 type="int"), "E101"),
    Edit("a name is split", add("patient.last_name", "patient.name", compute="substring_after_last(patient.name, ' ')",
                                private=True), "E101"),
    Edit("renamed in its level", rename("patient.gender", "patient.sex"), "E103"),
    Edit("moved to another level", rename("facility.doctor", "medical.doctor"), "E103"),
    Edit("described", described, "E604"),
    Edit("fields of others are welcome", put("validation", additional=True), "E503"),
    Edit("a constant", add("origin", value="reference"), "E101"),
    Edit("another constant", alter("origin", value="hospital"), "E105"),
    # types
    Edit("int to long", alter("facility.room_number", type="long"), "E104"),
    Edit("long to double", alter("facility.room_number", type="double"), "E104"),
    Edit("text from the source", alter("facility.room_number", type="string", minimum=None), "E104 E112", way=SOURCE),
    Edit("text to int", alter("facility.room_number", type="int"), "E104"),
    # constraints and rules: what they refuse is set aside, and comes back
    Edit("a narrower enum", alter("stay.admission_type", enum=["Urgent", "Emergency"]), "E111", allow="E111"),
    Edit("renamed while some are aside", rename("stay.admission_type", "stay.kind"), "E103"),
    Edit("the enum of before", alter("stay.kind", enum=["Urgent", "Emergency", "Elective"]), "E112"),
    Edit("a lower maximum", alter("patient.age", maximum=80), "E111", allow="E111"),
    Edit("the maximum of before", alter("patient.age", maximum=130), "E112"),
    Edit("a rule", put("rules", short={"check": "stay.length_days <= 28", "on_fail": "reject"}), "E301", allow="E301"),
    Edit("the rule is loosened", put("rules", short={"check": "stay.length_days <= 29", "on_fail": "reject"}), "E304"),
    Edit("the rule goes", drop("rules", "short"), "E302"),
    # indexes
    Edit("a plain index", put("indexes", doctor={"keys": {"medical.doctor": 1}}), "E401"),
    Edit("a unique partial index", put("indexes", first={"keys": {"_id": 1, "patient.age": 1}, "unique": True,
                                                         "partialFilterExpression": {"patient.age": {"$gt": 40}}}), "E401"),
    Edit("a text index", put("indexes", words={"keys": {"facility.hospital": "text"}}), "E401"),
    Edit("the text index goes", drop("indexes", "words"), "E402", allow="E402"),
    Edit("a TTL", put("indexes", old={"keys": {"stay.discharge_date": 1}, "expireAfterSeconds": 2_000_000_000}), "E401", allow="E401"),
    Edit("the TTL goes", drop("indexes", "old"), "E402"),
    # what is computed of stored fields
    Edit("a month", add("stay.month", "stay.kind", compute="strftime(stay.admission_date, '%Y-%m')"), "E101"),
    Edit("a date becomes text", add("stay.admitted", "stay.month", compute="strftime(stay.admission_date, '%d/%m/%Y')"), "E101"),
    Edit("a date from that text", add("stay.day", "stay.admitted", compute="strptime(stay.admitted, '%d/%m/%Y')", type="date"), "E101"),
    Edit("a table of codes", add("stay.code", "stay.day", compute=f"map(stay.kind, {KINDS})"), "E101"),
    Edit("computed differently", alter("stay.month", compute="strftime(stay.admission_date, '%m/%Y')"), "E105"),
    Edit("texts are merged", add("medical.label", "medical.condition", compute="concat_ws(': ', medical.condition, medical.medication)",
                                 private=True), "E101"),
    Edit("fields of others are refused", put("validation", additional=False), "E502", closes=True),
    # what goes and comes, is empty, or has another place
    Edit("a field goes", drop("fields", "facility.insurance_provider"), "E102", allow="E102"),
    Edit("and comes from the source", add("facility.insurer", "facility.hospital", column="Insurance Provider", required=True), "E101",
         way=SOURCE),
    Edit("another order", last_first, "E114"),
    Edit("a default", alter("stay.discharge_date", default="2030-01-01"), "E116"),
    Edit("missing values as null", alter("stay.length_days", empty="null"), "E107"),
    Edit("required", alter("stay.discharge_date", required=True, default=None), "E109 E117", way=SOURCE),
    Edit("computed fields go", drop("fields", "stay.code", "stay.day", "stay.admitted"), "E102", allow="E102"),
)  # fmt: skip
