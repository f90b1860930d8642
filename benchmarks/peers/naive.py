"""The row-by-row script that is written first: csv.DictReader, a dict per row, a set of the rows seen, insert_many of 1,000.

It checks no constraint and no rule, keeps no rejects (a bad cell ends it), builds no index, and reads nothing back.
"""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

from pymongo.collection import Collection
from target import Document, main

BATCH = 1_000


def document(row: dict[str, str]) -> Document:
    return {
        "patient": {
            "name": " ".join(row["Name"].split()),
            "age": int(row["Age"]),
            "gender": row["Gender"],
            "blood_type": row["Blood Type"],
        },
        "medical": {"condition": row["Medical Condition"], "medication": row["Medication"], "test_results": row["Test Results"]},
        "facility": {
            "doctor": " ".join(row["Doctor"].split()),
            "hospital": " ".join(row["Hospital"].split()),
            "insurance_provider": row["Insurance Provider"],
            "room_number": int(row["Room Number"]),
        },
        "stay": {
            "admission_date": datetime.strptime(row["Date of Admission"], "%Y-%m-%d"),  # noqa: DTZ007 -- stored as UTC
            "discharge_date": datetime.strptime(row["Discharge Date"], "%Y-%m-%d"),  # noqa: DTZ007
            "admission_type": row["Admission Type"],
        },
        "billing_amount": float(row["Billing Amount"]),
    }


def load(path: str, collection: Collection[Document]) -> None:
    seen: set[tuple[str, ...]] = set()
    waiting: list[Document] = []
    with Path(path).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = tuple(row.values())
            if key in seen:
                continue
            seen.add(key)
            waiting.append(document(row))
            if len(waiting) == BATCH:
                collection.insert_many(waiting)
                waiting = []
    if waiting:
        collection.insert_many(waiting)


if __name__ == "__main__":
    main(load)
