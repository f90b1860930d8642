"""The admissions file as a polars frame of the engine's document shape; what the peers that start from polars share."""

from __future__ import annotations

import polars as pl

WHOLE, REAL, DAY = pl.Int32, pl.Float64, pl.Datetime("ms")
SQUISHED = ("Name", "Doctor", "Hospital")
SHAPE = {
    "patient": {"name": "Name", "age": "Age", "gender": "Gender", "blood_type": "Blood Type"},
    "medical": {"condition": "Medical Condition", "medication": "Medication", "test_results": "Test Results"},
    "facility": {"doctor": "Doctor", "hospital": "Hospital", "insurance_provider": "Insurance Provider", "room_number": "Room Number"},
    "stay": {"admission_date": "Date of Admission", "discharge_date": "Discharge Date", "admission_type": "Admission Type"},
}
TYPES = {"Age": WHOLE, "Room Number": WHOLE, "Billing Amount": REAL}
DATES = ("Date of Admission", "Discharge Date")


def frame(path: str) -> pl.DataFrame:
    """Read, drop repeated rows, set types, nest. Checks no constraint and no rule; a cell that cannot be read ends it."""
    nested = [pl.struct(pl.col(column).alias(name) for name, column in parts.items()).alias(group) for group, parts in SHAPE.items()]
    return (
        pl.read_csv(path, infer_schema=False)
        .unique(maintain_order=True)
        .with_columns(pl.col(SQUISHED).str.strip_chars().str.replace_all(r"\s+", " "))
        .with_columns(pl.col(name).cast(kind) for name, kind in TYPES.items())
        .with_columns(pl.col(DATES).str.to_datetime("%Y-%m-%d", time_unit="ms"))
        .select(*nested, pl.col("Billing Amount").alias("billing_amount"))
    )
