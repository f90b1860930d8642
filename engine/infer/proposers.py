"""Which type a column gets: proposers are asked in order; the first that returns a choice decides.

Conservative: a type is proposed only where every value in the file has it, and nothing in the texts would be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.errors import counted
from engine.infer.evidence import ColumnProfile
from engine.infer.texts import CODES, COMPACT, DOUBTFUL, INSTANTS, MISSING, MONEY, NUMBERS, SEPARATORS, TRUTHS
from engine.values.dates import TOKEN

EXACT = 15  # digits that spreadsheets and doubles can hold
CENTS, MONEY_DIGITS = 2, 4
SECONDS, MILLISECONDS = (300_000_000, 4_200_000_000), (300_000_000_000, 4_200_000_000_000)  # from 1979 to 2103
MANY = 0.9


@dataclass(frozen=True)
class TypeProposal:
    """A type, its options as the mapping writes them, and the evidence. `empties`: doubtful texts are missing values."""

    type: str
    why: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    empties: bool = True


Proposer = Callable[[ColumnProfile, str], TypeProposal | None]


def choose(column: ColumnProfile, name: str) -> TypeProposal:
    """The type of a column; `name` is its name in snake_case."""
    return next(choice for proposer in PROPOSERS if (choice := proposer(column, name)))


def _text(why: str) -> TypeProposal:
    return TypeProposal("string", f"string: {why}", empties=False)


def _empty(column: ColumnProfile, _name: str) -> TypeProposal | None:
    return _text("no values at all") if not column.typed and not column.doubtful else None


def _truth(column: ColumnProfile, _name: str) -> TypeProposal | None:
    """Both texts of a pair, in any case; one of true and false is enough, because they have no other meaning."""
    if column.values is None or not column.typed:
        return None
    texts = [text for text in column.values if (bare := text.strip()) not in MISSING and bare not in DOUBTFUL]
    found = {text.strip().lower() for text in texts}
    for yes, no in TRUTHS:
        if found == {yes, no} or (found <= {yes, no} and yes == "true"):
            written = {"true_values": sorted({text.strip() for text in texts if text.strip().lower() == yes}) or [yes],
                       "false_values": sorted({text.strip() for text in texts if text.strip().lower() == no}) or [no]}  # fmt: skip
            usual = all(
                value in (yes, yes.title(), yes.upper(), no, no.title(), no.upper()) for values in written.values() for value in values
            )
            return TypeProposal("bool", "", {} if yes == "true" and usual else written)
    return None


def _digits_of_text(column: ColumnProfile, _name: str) -> TypeProposal | None:
    """Texts that look like numbers but are not: a number would lose a part of the text."""
    if not column.fits("double"):
        return None
    if times := column.shapes["leading_zero"]:
        return _text(f"{counted(times, 'value')} with a leading zero")
    if times := column.shapes["plus"]:
        return _text(f"{counted(times, 'value')} with a plus sign")
    scientific = column.shapes["scientific"]
    if scientific and not column.shapes["point"]:
        return _text(f"{counted(scientific, 'value')} such as 2.023E+11: long numbers that a spreadsheet has damaged?")
    if times := column.shapes["long_digits"]:
        return _text(f"{counted(times, 'value')} of more than {EXACT} digits, which spreadsheets and doubles cannot hold")
    return None


def _code(column: ColumnProfile, name: str) -> TypeProposal | None:
    return _text("digits, but the name suggests a code, not a number") if column.fits("double") and CODES.search(name) else None


def _identifier(column: ColumnProfile, _name: str) -> TypeProposal | None:
    kind = next((kind for kind in ("uuid", "objectId") if column.fits(kind)), None)
    if kind and column.shapes["upper_hex"] and column.shapes["lower_hex"]:
        return TypeProposal(kind, "upper and lower case digits mean the same")
    return TypeProposal(kind) if kind else None


def _date(column: ColumnProfile, name: str) -> TypeProposal | None:
    """The format that fits every value; none where two fit and read the values differently."""
    fitting = [form for form in column.formats if column.typed and column.formats[form] == column.typed]
    if not fitting or (COMPACT in fitting[0] and not INSTANTS.search(name)):
        return None
    best = next((form for form in fitting if "%-" not in form), fitting[0])
    others = [form for form in fitting if _order(form) != _order(best)]
    if others:
        counts = ", ".join(f"{column.formats[form]:,} of {column.typed:,} fit {form}" for form in (best, others[0]))
        return _text(f"dates, but {counts}: which is it?")
    against = [f"{column.formats[form]:,} fit {form}" for form in column.formats if _order(form) != _order(best)][:1]
    return TypeProposal("date", f"all fit {best}" + (f", {against[0]}" if against else ""), {} if best == "%Y-%m-%d" else {"format": best})


def _order(written: str) -> tuple[str, ...]:
    """Year, month and day in the order that a format has them."""
    tokens = {"%-d": "%d", "%-m": "%m", "%b": "%m", "%B": "%m", "%y": "%Y"}
    return tuple(one for token in TOKEN.findall(written) if (one := tokens.get(token, token)) in ("%Y", "%m", "%d"))


def _whole(column: ColumnProfile, name: str) -> TypeProposal | None:
    kind = next((kind for kind in ("int", "long") if column.fits(kind)), None)
    if kind is None:
        return None
    low, high = column.ranges[kind]
    if column.values is not None and {text.strip() for text in column.values} - {*MISSING, *DOUBTFUL} == {"0", "1"}:
        return TypeProposal(kind, 'only 0 and 1: if they mean no and yes, use type: bool, true_values: ["1"], false_values: ["0"]')
    if INSTANTS.search(name) or len(str(high)) >= len(str(MILLISECONDS[0])):
        for unit, (first, last), per in (("seconds", SECONDS, 1), ("milliseconds", MILLISECONDS, 1000)):
            if first <= low and high <= last:
                years = " to ".join(dict.fromkeys(str(datetime.fromtimestamp(bound / per, UTC).year) for bound in (low, high)))
                return TypeProposal(kind, f"{unit} since 1970, from {years}?")
    return TypeProposal(kind)


def _exact(column: ColumnProfile, name: str) -> TypeProposal | None:
    """Amounts of money, and numbers with more digits than a double holds."""
    if not column.fits("decimal") or not column.shapes["point"]:
        return None
    least, most = column.digits
    if (least == most == CENTS) or (MONEY.search(name) and most <= MONEY_DIGITS):
        places = counted(most, "digit") if least == most else f"{least} to {most} digits"
        return TypeProposal(
            "decimal", f"decimal: {places} after the point" + (", and a name that suggests money" if MONEY.search(name) else "")
        )
    if times := column.shapes["precise"]:
        return TypeProposal("decimal", f"decimal: {counted(times, 'value')} of more digits than a double can hold")
    return None


def _binary(column: ColumnProfile, _name: str) -> TypeProposal | None:
    if not column.fits("double"):
        return None
    if column.shapes["precise"]:
        return _text(f"{counted(column.shapes['precise'], 'value')} of more digits than a double can hold")
    if any(column.readings.get(reading) == column.typed for reading in column.readings if NUMBERS[reading[0]].get("group") == "."):
        return TypeProposal(
            "double", 'LOOK: the values also fit as numbers with points between thousands (number: {decimal: ",", group: .})'
        )
    return TypeProposal("double", "all are whole numbers" if column.all("whole") else "")


def _written(column: ColumnProfile, name: str) -> TypeProposal | None:
    """Numbers that are not written plainly; none where the same texts could also be read as other numbers."""
    fitting = [reading for reading, times in column.readings.items() if column.typed and times == column.typed]
    if not fitting or CODES.search(name):
        return None
    said, kind = fitting[0]
    by_comma = {NUMBERS[one].get("decimal") == "," for one, _ in fitting if "," in (NUMBERS[one].get("decimal"), NUMBERS[one].get("group"))}
    if len(by_comma) > 1:
        return _text(
            f"numbers, but all {counted(column.typed, 'value')} fit both decimal commas and commas between thousands: which is it?"
        )
    return TypeProposal(kind, f"{kind}: {said}", {"number": NUMBERS[said]})


def _other(column: ColumnProfile, _name: str) -> TypeProposal:
    """Text; the reason names the type that nearly fits, or how the text is written."""
    typed = column.typed
    for kind in ("int", "long", "double", "uuid", "objectId"):
        if 0 < (times := column.refused.get(kind, 0)) < (1 - MANY) * typed:
            zeros = f", {column.shapes['leading_zero']:,} with a leading zero" if column.shapes["leading_zero"] else ""
            return _text(f"{times:,} of {counted(typed, 'value')} {'is' if times == 1 else 'are'} not of type {kind}{zeros}")
    for written, times in column.formats.items():
        if times >= MANY * typed:
            return _text(f"{typed - times:,} of {counted(typed, 'value')} {'does' if typed - times == 1 else 'do'} not fit {written}")
    for shape, said in WRITTEN.items():
        if times := column.shapes[shape] if column.shapes[shape] >= MANY * typed else 0:
            return _text(f"{times:,} of {counted(typed, 'value')} {said}")
    for shape, separator in SEPARATORS.items():
        if column.shapes[shape] > LISTED * typed and column.shapes["spaced_comma"] < LISTED * typed / 10 and not column.shapes["breaks"]:
            return _text(f'lists? {counted(column.shapes[shape], "cell")} with "{separator}" between items')
    return TypeProposal("string", empties=False)


LISTED = 0.2
WRITTEN = {
    "json": "look like JSON",
    "percent": "are numbers with a percent sign",
    "currency": "are numbers with a currency sign",
    "decimal_comma": "are numbers with a decimal comma",
    "thousands": "are numbers with thousands separators",
    "unit": "are numbers with a unit",
}
PROPOSERS: tuple[Proposer, ...] = (
    _empty, _truth, _identifier, _digits_of_text, _date, _code, _whole, _exact, _binary, _written, _other,
)  # fmt: skip
