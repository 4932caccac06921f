"""How two values compare, in words of the reference. Truth has three values; None is "unknown".

A value is seen through its operand: a field's value may be missing because the row is missing, a
literal or a value of the request is what it is.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.shared.sql.oracle_world import Scalar

Truth = bool | None

ORDERINGS: dict[str, Callable[[int], bool]] = {
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
}
NUMERIC = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
EMPTY = ("", None)


@dataclass(frozen=True)
class Seen:
    """A value. `sort`: field, literal or request. `kind`: text, number, json; "" where only the value tells.

    `source`: how a text field sees a number that was written.
    """

    value: Scalar
    sort: str
    kind: str = ""
    source: str = ""


def compare(sign: str, left: Seen, right: Seen) -> Truth:
    """Whether the comparison holds; `sign` without its `?`."""
    if sign == "=":
        return _equal(left, right)
    if sign == "!=":
        return _equal(left, right) is not True
    if sign in ("~", "!~"):
        found = _like(left, right)
        return found if sign == "~" or found is None else not found
    return _ordered(sign, left, right)


def _equal(left: Seen, right: Seen) -> Truth:
    if "json" in (left.kind, right.kind):
        return _same(*_converted(left, right))
    if left.sort == right.sort == "field":
        return _same(*("" if one.value is None else one.value for one in (left, right)))
    if left.value in EMPTY and right.value in EMPTY:
        return True
    for one, other in ((left, right), (right, left)):
        if one.value in EMPTY:
            missing = one.sort == "field" and one.value is None
            return None if missing and other.value not in EMPTY else False
    return _same(*_converted(left, right))


def _same(left: Scalar, right: Scalar) -> bool:
    return isinstance(left, str) == isinstance(right, str) and left == right


def _converted(left: Seen, right: Seen) -> tuple[Scalar, Scalar]:
    """Both as the more definite of the two holds its values: a number field's side is a number."""
    one, other = _as_seen(left, right), _as_seen(right, left)
    kinds = (left.kind, right.kind)
    if "number" in kinds:
        return number(one), number(other)
    if "text" in kinds:
        return text(one), text(other)
    return one, other


def _as_seen(one: Seen, other: Seen) -> Scalar:
    """A number written next to a text field is the text that was written."""
    return one.source if one.source and other.kind == "text" else one.value


def number(value: Scalar) -> Scalar:
    """The number in a text, where the text is nothing else."""
    if isinstance(value, str) and NUMERIC.fullmatch(value):
        return float(value)
    return value


def text(value: Scalar) -> Scalar:
    """A number as text."""
    return value if value is None or isinstance(value, str) else str(value)


def _ordered(sign: str, left: Seen, right: Seen) -> Truth:
    if left.value is None or right.value is None:
        return None
    one, other = _converted(left, right)
    if "json" not in (left.kind, right.kind) and isinstance(one, str) != isinstance(other, str):
        told = left.sort == right.sort == "request"
        if not told:
            one, other = _met(left, right, one, other)
            if one is None or other is None:
                return None
    return ORDERINGS[sign](order(one, other))


def _met(left: Seen, right: Seen, one: Scalar, other: Scalar) -> tuple[Scalar, Scalar]:
    """A number and a text that are to be ordered: as numbers, or not at all.

    A number of the request never meets a text that was written: nothing says what it should be.
    """
    text_side = left if isinstance(one, str) else right
    number_side = right if isinstance(one, str) else left
    if number_side.sort == "request" and text_side.sort != "request":
        return None, None
    numbers = number(one), number(other)
    return (None, None) if any(isinstance(n, str) for n in numbers) else numbers


def order(left: Scalar, right: Scalar) -> int:
    """-1, 0 or 1: nothing before numbers before texts, texts by their bytes."""
    if left is None or right is None:
        return int(left is not None) - int(right is not None)
    if isinstance(left, str) != isinstance(right, str):
        return 1 if isinstance(left, str) else -1
    if isinstance(left, str) and isinstance(right, str):
        return _sign(left.encode(), right.encode())
    return _sign(left, right)


def _sign(left: Any, right: Any) -> int:
    return int(operator.gt(left, right)) - int(operator.lt(left, right))


def _like(left: Seen, right: Seen) -> Truth:
    if left.value is None or right.value is None:
        return None
    subject, wanted = (one.source or str(one.value) for one in (left, right))
    pattern = f"%{wanted}%" if right.sort == "field" else _pattern(wanted)
    return _matches(lower(subject), lower(pattern))


def lower(subject: str) -> str:
    """ASCII letters in lower case."""
    return "".join(c.lower() if c.isascii() else c for c in subject)


def _pattern(wanted: str) -> str:
    made, i = "", 0
    while i < len(wanted):
        if wanted[i] == "%":
            return wanted
        if wanted[i] == "\\" and wanted[i + 1 : i + 2] in ("\\", "%", "_"):
            made, i = made + wanted[i : i + 2], i + 2
        else:
            made, i = made + ("\\" if wanted[i] in "\\_" else "") + wanted[i], i + 1
    return f"%{made}%"


def _matches(subject: str, pattern: str) -> bool:
    if not pattern:
        return not subject
    if pattern[0] == "%":
        return any(_matches(subject[i:], pattern[1:]) for i in range(len(subject) + 1))
    if pattern[0] == "_":
        return bool(subject) and _matches(subject[1:], pattern[1:])
    if pattern[0] == "\\":
        pattern = pattern[1:]
        if not pattern:
            return False
    return bool(subject) and subject[0] == pattern[0] and _matches(subject[1:], pattern[1:])
