"""Reading a field's options from its definition: the wire key, the attribute, the check of its type.

A field class lists its options once as a tuple of `Option`; reading, defaults and writing back all
follow from that list. What an option's value means is the field's own business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import FieldError
from shared.limits import OPTION_ITEMS_MAX, OPTION_TEXT_CHARS_MAX

INTEGER_MAX: Final = 2**53 - 1
"""Largest whole number that every JSON reader keeps exactly."""


class DefinitionError(Exception):
    """A definition that cannot be read. `problems`: wire key → error."""

    def __init__(self, problems: Mapping[str, FieldError]) -> None:
        super().__init__(", ".join(problems))
        self.problems = dict(problems)


class OptionError(Exception):
    """One option's value has the wrong type or is out of every bound."""

    def __init__(self, error: FieldError) -> None:
        super().__init__(error.code)
        self.error = error


@dataclass(frozen=True, slots=True)
class Option:
    """One option: `key` on the wire, `attribute` on the field. null on the wire means `default`."""

    key: str
    attribute: str
    read: Callable[[object], Any]
    default: Any


def _wrong(expected: str) -> OptionError:
    return OptionError(FieldError("validation_invalid_value", f"Must be {expected}."))


def read_bool(raw: object) -> bool:
    """A JSON boolean. Raises OptionError."""
    if not isinstance(raw, bool):
        raise _wrong("true or false")
    return raw


def read_text(raw: object) -> str:
    """A JSON string without NUL bytes or lone surrogates. Raises OptionError."""
    if not isinstance(raw, str) or not is_clean_text(raw):
        raise _wrong("a text")
    if len(raw) > OPTION_TEXT_CHARS_MAX:
        raise OptionError(
            FieldError(
                "validation_length_too_long",
                f"Must be no longer than {OPTION_TEXT_CHARS_MAX} characters.",
                {"max": OPTION_TEXT_CHARS_MAX},
            )
        )
    return raw


def read_count(raw: object) -> int:
    """A whole number from 0 to 2^53-1; 5.0 counts as whole. Raises OptionError."""
    number = read_number(raw)
    if number is None or number != number // 1:
        raise _wrong("a whole number")
    if number < 0:
        raise OptionError(at_least(0))
    if number > INTEGER_MAX:
        raise OptionError(at_most(INTEGER_MAX))
    return int(number)


def read_number(raw: object) -> int | float | None:
    """A finite JSON number. Raises OptionError."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _wrong("a number")
    if isinstance(raw, float) and not math.isfinite(raw):
        raise _wrong("a finite number")
    return raw


def read_texts(raw: object) -> tuple[str, ...]:
    """A JSON array of strings. Raises OptionError."""
    if not isinstance(raw, list | tuple) or len(raw) > OPTION_ITEMS_MAX:
        raise _wrong(f"a list of at most {OPTION_ITEMS_MAX} texts")
    return tuple(read_text(item) for item in raw)


def is_clean_text(text: str) -> bool:
    """Whether `text` can be stored as it is: no NUL byte, nothing that UTF-8 cannot carry."""
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def at_least(bound: float | str) -> FieldError:
    """The error for a value below `bound`."""
    return FieldError(
        "validation_min_greater_equal_than_required",
        f"Must be no less than {bound}.",
        {"threshold": bound},
    )


def at_most(bound: float | str) -> FieldError:
    """The error for a value above `bound`."""
    return FieldError(
        "validation_max_less_equal_than_required",
        f"Must be no greater than {bound}.",
        {"threshold": bound},
    )
