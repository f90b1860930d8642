"""A number of BSON as bytes that are the same for all numbers of one value, as the server compares them: exactly, whatever their type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from struct import unpack

from engine.values.encoding.decimal128 import BIAS, DIGITS, EXPONENT_AT, SIGN_AT

EXPONENTS = 1 << 14
OTHER_FORM, INFINITE, NOT_A_NUMBER = 0x18, 0x1E, 0x1F  # the five bits behind the sign


def _integer(value: bytes) -> bytes:
    return _whole(int.from_bytes(value, "little", signed=True))


def _double(value: bytes) -> bytes:
    """A double is a whole number over a power of two: 1/2 is 5 tenths."""
    (number,) = unpack("<d", value)
    if not isfinite(number):
        return _named(str(number))
    numerator, denominator = number.as_integer_ratio()
    halvings = denominator.bit_length() - 1
    return _scaled(numerator * 5**halvings, halvings)


def _decimal(value: bytes) -> bytes:
    """IEEE 754-2008 decimal128 in binary integer decimal encoding, as `engine.values.encoding.decimal128` writes it."""
    low, high = unpack("<QQ", value)
    negative, form = high >= SIGN_AT, high >> 58 & NOT_A_NUMBER
    if form >= INFINITE:
        return _named("nan" if form == NOT_A_NUMBER else "-inf" if negative else "inf")
    coefficient = (high % EXPONENT_AT << 64) + low
    if form >= OTHER_FORM or coefficient >= 10**DIGITS:  # more digits than there may be count as 0
        coefficient = 0
    return _scaled(-coefficient if negative else coefficient, BIAS - (high // EXPONENT_AT) % EXPONENTS)


def _whole(number: int) -> bytes:
    return b"\x01%x\0" % number  # Python writes no decimal number of more than 4,300 digits


def _named(number: str) -> bytes:
    return b"\x01" + number.encode() + b"\0"


def _scaled(coefficient: int, places: int) -> bytes:
    """A number with so many digits behind the point, without the zeros that end its fraction."""
    if places <= 0 or not coefficient:
        return _whole(coefficient * 10 ** max(0, -places))
    digits = str(coefficient)
    kept = digits.rstrip("0")
    left = places - (len(digits) - len(kept))
    return _named(f"{kept}/{left}") if left > 0 else _whole(coefficient // 10**places)


NUMBERS: Mapping[int, Callable[[bytes], bytes]] = {0x01: _double, 0x10: _integer, 0x12: _integer, 0x13: _decimal}
"""By type byte. What they give begins with the type byte of a double, which no other value has, and ends with NUL."""
