"""Casting JSON values to the scalar that a field stores, by PocketBase's rules.

A wrong scalar is cast or becomes the zero value, so that form posts and loosely typed clients work.
An array or object in a scalar field is refused: casting it would lose it in silence.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from shared.errors import FieldError
from shared.schema.fields.field import BAD_TEXT, FieldProblem
from shared.schema.fields.options import is_clean_text

NOT_A_NUMBER: Final = FieldError("validation_not_a_number", "Must be a finite number.")
NOT_A_SCALAR: Final = FieldError(
    "validation_invalid_value", "Must be a single value, not a list or an object."
)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE | re.ASCII)
_NUMBER_CHARS_MAX: Final = 400
_TRUE_TEXTS: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_INT64_END: Final = 2**63


def text_of(raw: object) -> str:
    """`raw` as text: null is empty, numbers without exponent, booleans as words.

    Raises FieldProblem for lists, objects, NUL characters and lone surrogates.
    """
    if type(raw) is str:
        if "\x00" in raw or not (raw.isascii() or is_clean_text(raw)):
            raise FieldProblem(BAD_TEXT)
        return raw
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int):
        return str(raw) if abs(raw) < _INT64_END * 2 else text_of(float_of(raw))
    if isinstance(raw, float):
        return _float_text(raw)
    raise FieldProblem(NOT_A_SCALAR)


def _float_text(number: float) -> str:
    if not math.isfinite(number):
        raise FieldProblem(NOT_A_NUMBER)
    if number.is_integer():
        return str(int(number))
    return format(Decimal(repr(number)), "f")


def number_of(raw: object) -> int | float:
    """`raw` as SQLite's NUMERIC affinity would keep it: a whole number that fits 64 bits is an int.

    Text that is no number is 0. Raises FieldProblem for what is not finite, lists and objects.
    """
    if type(raw) is float:
        return _whole_or_float(raw)
    if isinstance(raw, bool):
        return int(raw)
    if isinstance(raw, int):
        return raw if -_INT64_END < raw < _INT64_END else float_of(raw)
    if isinstance(raw, float):
        return _whole_or_float(raw)
    if raw is None:
        return 0
    if isinstance(raw, str):
        return _number_in(raw.strip())
    raise FieldProblem(NOT_A_SCALAR)


def _whole_or_float(number: float) -> int | float:
    if not math.isfinite(number):
        raise FieldProblem(NOT_A_NUMBER)
    if number.is_integer() and -_INT64_END < number < _INT64_END:
        return int(number)
    return number


def float_of(number: int) -> float:
    """The nearest double. Raises FieldProblem when there is none."""
    try:
        return float(number)
    except OverflowError:
        raise FieldProblem(NOT_A_NUMBER) from None


def _number_in(text: str) -> int | float:
    if len(text) > _NUMBER_CHARS_MAX:
        raise FieldProblem(NOT_A_NUMBER)
    if _NUMBER.fullmatch(text) is None:
        if _NOT_FINITE.fullmatch(text):
            raise FieldProblem(NOT_A_NUMBER)
        return 0
    if text.lstrip("+-").isdigit():
        return number_of(int(text))
    return _whole_or_float(float(text))


def bool_of(raw: object) -> bool:
    """`raw` as a truth value: the words of Go's ParseBool, numbers other than 0; else false.

    Raises FieldProblem for lists and objects.
    """
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        return raw in _TRUE_TEXTS
    if raw is None:
        return False
    if isinstance(raw, int | float):
        return raw != 0
    raise FieldProblem(NOT_A_SCALAR)
