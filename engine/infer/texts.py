"""The tables that inference uses: texts that mean missing, pairs of truth values, shapes of cells, date formats, telling names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MISSING = ("", "NULL", "null", "(null)", "\\N", "N/A", "n/a", "#N/A", "NaN", "nan", "<NA>")
"""Texts that mean a missing value in any column."""

DOUBTFUL = (
    "NA", "na", "None", "none", "nil", "Null", "-", "--", "---", "?", "??", ".", "..",
    "unknown", "Unknown", "UNKNOWN", "missing", "Missing",
    "MISSING", "not available", "Not Available", "ERROR", "error", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!",
)  # fmt: skip
"""Texts that mean a missing value only where all other values of the column have a type; else they may be texts (NA: Namibia)."""

AMBIGUOUS = frozenset({"NA", "na", "None", "none", "nil", "Null", "-", "."})
"""Doubtful texts that may mean one thing in one column and another in the next."""

TRUTHS = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("oui", "non"), ("vrai", "faux"), ("ja", "nein"), ("si", "no"),
          ("sí", "no"), ("sim", "não"), ("on", "off"))  # fmt: skip
"""Pairs of texts, in lower case, that mean true and false."""

SHAPES: Mapping[str, str] = {
    "leading_zero": r"^[+-]?0[0-9]",
    "plus": r"^\+[0-9]",
    "long_digits": r"^[+-]?[0-9]{16,}$",
    "point": r"^[+-]?[0-9]*\.[0-9]+$",
    "whole": r"^[+-]?[0-9]+\.0+$",
    "scientific": r"^[+-]?[0-9](\.[0-9]+)?[eE][+]?[0-9]+$",
    "precise": r"^[+-]?0*[.]?0*[1-9]([0-9.]{18,})$",
    "decimal_comma": r"^[+-]?[0-9]+,([0-9]{1,2}|[0-9]{4,})$",
    "thousands": "^[+-]?[0-9]{1,3}([., \u00a0\u202f'][0-9]{3})+([.,][0-9]+)?$",
    "percent": "^[+-]?[0-9.,]+[ \u00a0]?%$",
    "currency": r"^([$€£¥][ ]?[+-]?[0-9][0-9.,]*|[+-]?[0-9][0-9.,]*[ ]?[$€£¥])$",
    "unit": r"^[+-]?[0-9][0-9.,]*[ ]?[A-Za-zµ°]{1,4}$",
    "email": r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$",
    "social": r"^[0-9]{3}-[0-9]{2}-[0-9]{4}$",
    "phone": r"^(\+?[0-9]{1,3}[ -])?\(?[0-9]{2,4}\)?[ -][0-9]{3,4}[ -]?[0-9]{2,4}$",
    "json": r"^\s*(\[.*\]|\{.*\})\s*$",
    "bar": r"[^|]\|[^|]",
    "semicolon": r"[^;];[^;\s]",
    "comma": r"[^,\s],[^,\s]",
    "spaced_comma": r", ",
    "breaks": r"[\r\n]",
    "runs": r"\S[^\S\r\n]{2,}\S",
    "upper_hex": r"[A-F]",
    "lower_hex": r"[a-f]",
}
"""What a text looks like, as regular expressions in Rust's syntax. A text may have several shapes."""

SEPARATORS = {"bar": "|", "semicolon": ";", "comma": ","}
"""Shapes of cells that hold a list, and what separates its items."""

WRITTEN = ("decimal_comma", "thousands", "percent", "currency")
"""Shapes of numbers that are not plain."""

NUMBERS: Mapping[str, Mapping[str, Any]] = {
    "with a decimal comma": {"decimal": ","},
    "with commas between thousands": {"group": ","},
    "with a decimal comma and points between thousands": {"decimal": ",", "group": "."},
    "with spaces between thousands": {"group": " "},
    "with a decimal comma and spaces between thousands": {"decimal": ",", "group": " "},
    "with apostrophes between thousands": {"group": "'"},
    "with a percent sign (5% is 0.05; percent: points keeps 5)": {"percent": "fraction"},
    "with a decimal comma and a percent sign (5% is 0.05; percent: points keeps 5)": {"decimal": ",", "percent": "fraction"},
    **{f"in {sign}": {"prefix": sign} for sign in "$£€¥"},
    **{f"in {sign}, with commas between thousands": {"prefix": sign, "group": ","} for sign in "$£€¥"},
    **{f"in {sign}, with a decimal comma": {"suffix": sign, "decimal": ","} for sign in "€$"},
    **{f"in {sign}, with a decimal comma and points between thousands": {"suffix": sign, "decimal": ",", "group": "."} for sign in "€$"},
}
"""Ways of writing numbers, as the key `number` of a field says them; simple ones first."""

DAYS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%m.%d.%Y",
    "%-d/%-m/%Y", "%-m/%-d/%Y", "%-d-%-m-%Y", "%-m-%-d-%Y", "%-d.%-m.%Y", "%Y-%-m-%-d", "%Y/%-m/%-d",
    "%d/%m/%y", "%m/%d/%y", "%-d/%-m/%y", "%-m/%-d/%y", "%d-%m-%y", "%m-%d-%y", "%d.%m.%y", "%y-%m-%d", "%y/%m/%d",
    "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%-d %b %Y", "%-d %B %Y", "%b %-d, %Y", "%B %-d, %Y", "%Y%m%d",
)  # fmt: skip
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", "T%H:%M:%S.%f", "T%H:%M", " %-H:%M", " %-I:%M %p", " %-I:%M:%S %p")
OFFSETS = ("", "%z", " %z")
FORMATS = tuple(day + time + offset for day in DAYS for time in TIMES for offset in OFFSETS if time or not offset)
COMPACT = "%Y%m%d"

CODES = re.compile(
    r"(^|_)(zip|zip_?code|post(al)?_?code|postal|plz|cedex|phone(_?number)?|tel(ephone)?|fax|mobile|ssn|siret|siren|iban|isbn|issn|ean|upc|gtin|"
    r"fips|insee|vat|swift|bic|imei|passport|account_?(no|number)|card_?(no|number))($|_)"
)
"""Names (in snake_case) of columns whose digits are not numbers: nobody adds them up, and a leading zero may occur."""

MONEY = re.compile(
    r"(^|_)(price|cost|costs|amount|total|subtotal|fee|fees|fare|freight|charge|charges|revenue|income|salary|wage|balance|budget|"
    r"expenses|coverage|payment|tax|discount_amount|usd|eur|gbp|prix|montant|cout)($|_)"
)
INSTANTS = re.compile(r"(^|_)(date|day|time|timestamp|datetime|at|on|when|created|updated|modified|birth|dob|epoch|jour|ts)($|_)")
KEYS = re.compile(r"(^|_)(id|ids|uid|uuid|guid|key|oid|pk|no|nr|num|number|code|ref|reference|identifier|index)$")

PERSONAL: Mapping[str, str] = {
    "a name": r"^((full|first|last|middle|maiden|sur|given|family|fore|nick|patient|person|contact|customer|user|employee|author)_?)?name$"
    r"|^(first|last|middle|maiden|patient|surname|forename|doctor|physician|nurse|nom_famille|prenom|prénom)$",
    "an e-mail address": r"(^|_)(e_?mail|mail)($|_)",
    "a phone number": r"(^|_)(phone|tel|telephone|mobile|cell_?phone|fax)(_?number)?($|_)",
    "an identity number": r"(^|_)(ssn|social_security|passport|drivers|driver_?licen[cs]e|national_id|nir|tax_id|iban|card_number)($|_)",
    "an address": r"(^|_)(address|address_?[0-9]*|street|adresse|addr)($|_)",
    "a birth or death": r"(^|_)(birth_?(date|day|place)?|dob|date_of_birth|born|birthplace|death_?date|date_of_death)($|_)",
    "health": r"(^|_)(diagnos[ei]s|medical_condition|condition|medication|test_results?|allerg(y|ies)|symptoms?)($|_)",
    "origin or belief": r"(^|_)(race|ethnicity|religion|political)($|_)",
}
"""The kind of personal data that a column's name (in snake_case) suggests."""

BOUNDS: Mapping[str, tuple[int | None, int | None]] = {
    r"(^|_)(lat|latitude)$": (-90, 90),
    r"(^|_)(lon|lng|long|longitude)$": (-180, 180),
    r"(^|_)(age|count|quantity|qty|price|weight|height|population|capacity|stock|distance|duration|year)$": (0, None),
}
"""Natural bounds that a column's name (in snake_case) suggests: least and greatest value, None for no bound."""
