"""pandas reads and types, `to_dict("records")` makes a dict per row, a loop nests it, insert_many sends 10,000 at a time."""

from __future__ import annotations

import pandas as pd  # type: ignore[import-untyped]
from pymongo.collection import Collection
from target import Document, main

BATCH = 10_000
GROUPS = ("patient", "medical", "facility", "stay")
PATHS = {
    "Name": "patient.name",
    "Age": "patient.age",
    "Gender": "patient.gender",
    "Blood Type": "patient.blood_type",
    "Medical Condition": "medical.condition",
    "Medication": "medical.medication",
    "Test Results": "medical.test_results",
    "Doctor": "facility.doctor",
    "Hospital": "facility.hospital",
    "Insurance Provider": "facility.insurance_provider",
    "Room Number": "facility.room_number",
    "Date of Admission": "stay.admission_date",
    "Discharge Date": "stay.discharge_date",
    "Admission Type": "stay.admission_type",
    "Billing Amount": "billing_amount",
}
SQUISHED, DATES = ("Name", "Doctor", "Hospital"), ("Date of Admission", "Discharge Date")


def frame(path: str) -> pd.DataFrame:
    """Read, drop repeated rows, set types. Checks no constraint and no rule."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False).drop_duplicates(ignore_index=True)
    for column in SQUISHED:
        rows[column] = rows[column].str.split().str.join(" ")
    for column in DATES:
        rows[column] = pd.to_datetime(rows[column], format="%Y-%m-%d")
    rows = rows.astype({"Age": "int32", "Room Number": "int32", "Billing Amount": "float64"})
    return rows.rename(columns=PATHS)[[*PATHS.values()]]


def nested(record: Document) -> Document:
    document: Document = {group: {} for group in GROUPS}
    for path, value in record.items():
        group, _, name = path.partition(".")
        if name:
            document[group][name] = value
        else:
            document[path] = value
    return document


def load(path: str, collection: Collection[Document]) -> None:
    rows = frame(path)
    for start in range(0, len(rows), BATCH):
        records = rows.iloc[start : start + BATCH].to_dict("records")
        collection.insert_many([nested(record) for record in records], ordered=False)


if __name__ == "__main__":
    main(load)
