"""Which type a column gets: proposers are asked in order, the first that has an opinion decides.

Conservative: a type is proposed only where each value of the file is of it, and nothing that the text says would be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.infer.evidence import Profile
from engine.infer.texts import CODES, COMPACT, DOUBTFUL, INSTANTS, MISSING, MONEY, NUMBERS, SEPARATORS, TRUTHS
from engine.infer.words import number
from engine.values.dates import TOKEN

EXACT = 15  # digits that a spreadsheet and a double can hold
CENTS, MONEY_DIGITS = 2, 4
SECONDS, MILLISECONDS = (300_000_000, 4_200_000_000), (300_000_000_000, 4_200_000_000_000)  # from 1979 to 2103
MANY = 0.9
DAY_FIRST, MONTH_FIRST = ("%d", "%-d"), ("%m", "%-m")


@dataclass(frozen=True)
class Choice:
    """A type, its options as the mapping writes them, and the evidence. `empties`: doubtful texts are missing values."""

    type: str
    why: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    empties: bool = True


Proposer = Callable[[Profile, str], Choice | None]


def choose(column: Profile, name: str) -> Choice:
    """The type of a column; `name` is its name in snake_case."""
    return next(choice for proposer in PROPOSERS if (choice := proposer(column, name)))


def _text(why: str) -> Choice:
    return Choice("string", f"string: {why}", empties=False)


def _empty(column: Profile, _name: str) -> Choice | None:
    return _text("no value at all") if not column.typed and not column.doubtful else None


def _truth(column: Profile, _name: str) -> Choice | None:
    """Both texts of a pair, in any case; true or false alone will do, they mean nothing else."""
    if column.values is None or not column.typed:
        return None
    texts = [text for text in column.values if (bare := text.strip()) not in MISSING and bare not in DOUBTFUL]
    found = {text.strip().lower() for text in texts}
    for yes, no in TRUTHS:
        if found == {yes, no} or (found <= {yes, no} and yes == "true"):
            written = {"true_values": sorted({one.strip() for one in texts if one.strip().lower() == yes}) or [yes],
                       "false_values": sorted({one.strip() for one in texts if one.strip().lower() == no}) or [no]}  # fmt: skip
            usual = all(one in (yes, yes.title(), yes.upper(), no, no.title(), no.upper()) for values in written.values() for one in values)
            return Choice("bool", "", {} if yes == "true" and usual else written)
    return None


def _digits_of_text(column: Profile, _name: str) -> Choice | None:
    """Numbers that are no numbers: something of their text would be lost."""
    if not column.fits("double"):
        return None
    if times := column.shapes["leading_zero"]:
        return _text(f"{number(times, 'value')} with a leading zero")
    if times := column.shapes["plus"]:
        return _text(f"{number(times, 'value')} with a plus sign")
    scientific = column.shapes["scientific"]
    if scientific and not column.shapes["point"]:
        return _text(f"{number(scientific, 'value')} such as 2.023E+11: long numbers that a spreadsheet has damaged?")
    if times := column.shapes["long_digits"]:
        return _text(f"{number(times, 'value')} of more than {EXACT} digits, which spreadsheets and doubles do not hold")
    return None


def _code(column: Profile, name: str) -> Choice | None:
    return _text("digits, but by its name a code, not a number") if column.fits("double") and CODES.search(name) else None


def _identifier(column: Profile, _name: str) -> Choice | None:
    kind = next((kind for kind in ("uuid", "objectId") if column.fits(kind)), None)
    if kind and column.shapes["upper_hex"] and column.shapes["lower_hex"]:
        return Choice(kind, "upper and lower case digits mean the same")
    return Choice(kind) if kind else None


def _date(column: Profile, name: str) -> Choice | None:
    """The format that fits every value; of two that read the values differently, none."""
    fitting = [one for one in column.formats if column.typed and column.formats[one] == column.typed]
    if not fitting or (COMPACT in fitting[0] and not INSTANTS.search(name)):
        return None
    best = next((one for one in fitting if "%-" not in one), fitting[0])
    others = [one for one in fitting if _order(one) != _order(best)]
    if others:
        counts = ", ".join(f"{column.formats[one]:,} of {column.typed:,} fit {one}" for one in (best, others[0]))
        return _text(f"dates, but {counts}: which?")
    against = [f"{column.formats[one]:,} fit {one}" for one in column.formats if _order(one) != _order(best)][:1]
    return Choice("date", f"all fit {best}" + (f", {against[0]}" if against else ""), {} if best == "%Y-%m-%d" else {"format": best})


def _order(written: str) -> tuple[str, ...]:
    """Year, month and day in the order that a format has them."""
    tokens = {"%-d": "%d", "%-m": "%m", "%b": "%m", "%B": "%m", "%y": "%Y"}
    return tuple(one for token in TOKEN.findall(written) if (one := tokens.get(token, token)) in ("%Y", "%m", "%d"))


def _whole(column: Profile, name: str) -> Choice | None:
    kind = next((kind for kind in ("int", "long") if column.fits(kind)), None)
    if kind is None:
        return None
    low, high = column.ranges[kind]
    if column.values is not None and {text.strip() for text in column.values} - {*MISSING, *DOUBTFUL} == {"0", "1"}:
        return Choice(kind, 'only 0 and 1: type: bool, true_values: ["1"], false_values: ["0"], if they mean no and yes')
    if INSTANTS.search(name) or len(str(high)) >= len(str(MILLISECONDS[0])):
        for unit, (first, last), per in (("seconds", SECONDS, 1), ("milliseconds", MILLISECONDS, 1000)):
            if first <= low and high <= last:
                years = " to ".join(dict.fromkeys(str(datetime.fromtimestamp(one / per, UTC).year) for one in (low, high)))
                return Choice(kind, f"{unit} since 1970, from {years}?")
    return Choice(kind)


def _exact(column: Profile, name: str) -> Choice | None:
    """Amounts of money, and numbers with more digits than a double holds."""
    if not column.fits("decimal") or not column.shapes["point"]:
        return None
    least, most = column.digits
    if (least == most == CENTS) or (MONEY.search(name) and most <= MONEY_DIGITS):
        places = number(most, "digit") if least == most else f"{least} to {most} digits"
        return Choice("decimal", f"decimal: {places} behind the point" + (", and a name like money" if MONEY.search(name) else ""))
    if times := column.shapes["precise"]:
        return Choice("decimal", f"decimal: {number(times, 'value')} of more digits than a double holds")
    return None


def _binary(column: Profile, _name: str) -> Choice | None:
    if not column.fits("double"):
        return None
    if column.shapes["precise"]:
        return _text(f"{number(column.shapes['precise'], 'value')} of more digits than a double holds")
    if any(column.readings.get(one) == column.typed for one in column.readings if NUMBERS[one[0]].get("group") == "."):
        return Choice("double", 'LOOK: points between thousands would fit as well (number: {decimal: ",", group: .})')
    return Choice("double", "all are whole" if column.all("whole") else "")


def _written(column: Profile, name: str) -> Choice | None:
    """Numbers that are not written plainly; none where the same texts could be numbers written in another way."""
    fitting = [one for one, times in column.readings.items() if column.typed and times == column.typed]
    if not fitting or CODES.search(name):
        return None
    said, kind = fitting[0]
    by_comma = {NUMBERS[one].get("decimal") == "," for one, _ in fitting if "," in (NUMBERS[one].get("decimal"), NUMBERS[one].get("group"))}
    if len(by_comma) > 1:
        return _text(f"numbers, but all {number(column.typed, 'value')} fit both decimal commas and commas between thousands: which?")
    return Choice(kind, f"{kind}: {said}", {"number": NUMBERS[said]})


def _other(column: Profile, _name: str) -> Choice:
    """Text; what else it nearly is, or how it is written, is told."""
    typed = column.typed
    for kind in ("int", "long", "double", "uuid", "objectId"):
        if 0 < (times := column.refused.get(kind, 0)) < (1 - MANY) * typed:
            zeros = f", {column.shapes['leading_zero']:,} with a leading zero" if column.shapes["leading_zero"] else ""
            return _text(f"{times:,} of {number(typed, 'value')} {'is' if times == 1 else 'are'} not of type {kind}{zeros}")
    for written, times in column.formats.items():
        if times >= MANY * typed:
            return _text(f"{typed - times:,} of {number(typed, 'value')} {'does' if typed - times == 1 else 'do'} not fit {written}")
    for shape, said in WRITTEN.items():
        if times := column.shapes[shape] if column.shapes[shape] >= MANY * typed else 0:
            return _text(f"{times:,} of {number(typed, 'value')} {said}")
    for shape, separator in SEPARATORS.items():
        if column.shapes[shape] > LISTED * typed and column.shapes["spaced_comma"] < LISTED * typed / 10 and not column.shapes["breaks"]:
            return _text(f'lists? {number(column.shapes[shape], "cell")} with "{separator}" between items')
    return Choice("string", empties=False)


LISTED = 0.2
WRITTEN = {
    "json": "look like JSON",
    "percent": "are numbers with a percent sign",
    "currency": "are numbers with a sign of currency",
    "decimal_comma": "are numbers with a decimal comma",
    "thousands": "are numbers with separators of thousands",
    "unit": "are numbers with a unit",
}
PROPOSERS: tuple[Proposer, ...] = (
    _empty, _truth, _identifier, _digits_of_text, _date, _code, _whole, _exact, _binary, _written, _other,
)  # fmt: skip
