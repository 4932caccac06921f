"""A second, naive reading of the language: comparisons judged one row at a time in Python.

It shares no code with the compiler. It follows the words of the reference: what is empty, what
converts to what, what never matches. Truth has three values; None is "unknown".
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Scalar = None | int | float | str
Truth = bool | None

KINDS = {
    "id": "text", "title": "text", "other": "text", "day": "text", "owner": "text",
    "state": "text", "count": "number", "rank": "number", "open": "number", "data": "json",
}  # fmt: skip
ORDERINGS: dict[str, Callable[[int], bool]] = {
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
}
NUMERIC = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


@dataclass(frozen=True)
class Side:
    """One operand. `sort`: field, text, number, word, auth or macro."""

    sort: str
    text: str


@dataclass(frozen=True)
class Asked:
    """One comparison."""

    left: Side
    sign: str
    right: Side


@dataclass(frozen=True)
class Joined:
    """Parts held together by `&&` or `||`."""

    word: str
    parts: tuple[Asked | Joined, ...]


@dataclass(frozen=True)
class World:
    """What a row is judged in."""

    row: Mapping[str, Scalar]
    auth: Mapping[str, Scalar] | None
    macros: Mapping[str, int | str]


def written(asked: Asked | Joined, blank: str = " ") -> str:
    """The expression in the language."""
    if isinstance(asked, Asked):
        return f"{_side(asked.left)}{blank}{asked.sign}{blank}{_side(asked.right)}"
    parts = [
        f"({written(part, blank)})" if isinstance(part, Joined) else written(part, blank)
        for part in asked.parts
    ]
    return f"{blank}{asked.word}{blank}".join(parts)


def _side(side: Side) -> str:
    if side.sort == "text":
        if side.text.endswith("\\"):
            return '"' + side.text.replace('"', '\\"') + '"'
        return "'" + side.text.replace("'", "\\'") + "'"
    return f"@request.auth.{side.text}" if side.sort == "auth" else side.text


def judge(asked: Asked | Joined, world: World) -> Truth:
    """Whether the row of the world is meant."""
    if isinstance(asked, Asked):
        return _compare(asked, world)
    truths = [judge(part, world) for part in asked.parts]
    decisive = asked.word == "||"
    if decisive in truths:
        return decisive
    return None if None in truths else not decisive


def _compare(asked: Asked, world: World) -> Truth:
    left, right = (_value(side, world) for side in (asked.left, asked.right))
    if asked.sign in ("=", "!="):
        return _equal(asked, left, right) is (asked.sign == "=")
    if asked.sign in ("~", "!~"):
        found = _like(asked, left, right)
        return found if asked.sign == "~" or found is None else not found
    return _ordered(asked, left, right)


def _value(side: Side, world: World) -> Scalar:
    if side.sort == "field":
        value = world.row[side.text]
        return _extracted(value) if KINDS[side.text] == "json" else value
    if side.sort == "auth":
        return None if world.auth is None else world.auth.get(side.text)
    if side.sort == "macro":
        return world.macros[side.text]
    if side.sort == "word":
        return {"null": None, "true": 1, "false": 0}[side.text.lower()]
    if side.sort == "number":
        return float(side.text) if "." in side.text else int(side.text)
    return side.text


def _extracted(stored: Scalar) -> Scalar:
    if stored is None:
        return None
    try:
        value = json.loads(str(stored))
    except ValueError:
        return None
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"))
    assert value is None or isinstance(value, int | float | str)
    return value


def _kind(side: Side) -> str:
    """How the operand compares of its own: text, number, json, or unknown until it is seen."""
    if side.sort == "field":
        return KINDS[side.text]
    return "unknown"


def _equal(asked: Asked, left: Scalar, right: Scalar) -> bool:
    kinds = _kind(asked.left), _kind(asked.right)
    if "json" in kinds:
        return _same(*_converted(kinds, left, right))
    if asked.left.sort == "field" and asked.right.sort == "field":
        return _same(left, right)
    if left in ("", None) or right in ("", None):
        return left in ("", None) and right in ("", None)
    sides = (asked.left, asked.right)
    left, right = (
        _seen(side, other, value)
        for side, other, value in zip(sides, sides[::-1], (left, right), strict=True)
    )
    return _same(*_converted(kinds, left, right))


def _seen(side: Side, other: Side, value: Scalar) -> Scalar:
    """A number written next to a text field is the text that was written."""
    return side.text if side.sort == "number" and _kind(other) == "text" else value


def _same(left: Scalar, right: Scalar) -> bool:
    return isinstance(left, str) == isinstance(right, str) and left == right


def _converted(kinds: tuple[str, str], left: Scalar, right: Scalar) -> tuple[Scalar, Scalar]:
    """What SQLite's affinities do to the two values."""
    if "number" in kinds:
        return _number(left), _number(right)
    if "text" in kinds:
        return _text(left), _text(right)
    return left, right


def _number(value: Scalar) -> Scalar:
    return float(value) if isinstance(value, str) and NUMERIC.fullmatch(value) else value


def _text(value: Scalar) -> Scalar:
    return value if value is None or isinstance(value, str) else str(value)


def _ordered(asked: Asked, left: Scalar, right: Scalar) -> Truth:
    if left is None or right is None:
        return None
    kinds = _kind(asked.left), _kind(asked.right)
    sides = (asked.left, asked.right)
    left, right = (
        _seen(side, other, value)
        for side, other, value in zip(sides, sides[::-1], (left, right), strict=True)
    )
    left, right = _converted(kinds, left, right)
    if "json" not in kinds and isinstance(left, str) != isinstance(right, str):
        if asked.left.sort == "auth" and asked.right.sort == "auth":
            pass  # nothing says what either should be: SQLite's order, numbers first
        else:
            left, right = _met(asked, left, right)
            if left is None or right is None:
                return None
    return ORDERINGS[asked.sign](_sign(left, right))


def _met(asked: Asked, left: Scalar, right: Scalar) -> tuple[Scalar, Scalar]:
    """A number and a text that are to be ordered: as numbers, or not at all.

    A caller's number never meets a text that was written.
    """
    text_side = asked.left if isinstance(left, str) else asked.right
    number_side = asked.right if isinstance(left, str) else asked.left
    if number_side.sort == "auth" and text_side.sort != "auth":
        return None, None
    numbers = _number(left), _number(right)
    return (None, None) if any(isinstance(n, str) for n in numbers) else numbers


def _sign(left: Scalar, right: Scalar) -> int:
    if isinstance(left, str) != isinstance(right, str):
        return 1 if isinstance(left, str) else -1
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.encode(), right.encode()  # type: ignore[assignment]
    return int(operator.gt(left, right)) - int(operator.lt(left, right))  # type: ignore[arg-type]


def _like(asked: Asked, left: Scalar, right: Scalar) -> Truth:
    if left is None or right is None:
        return None
    left, right = (
        side.text if side.sort == "number" else str(value)
        for side, value in ((asked.left, left), (asked.right, right))
    )
    pattern = f"%{right}%" if asked.right.sort == "field" else _pattern(right)
    return _matches(_lower(left), _lower(pattern))


def _lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def _pattern(text: str) -> str:
    made, i = "", 0
    while i < len(text):
        if text[i] == "%":
            return text
        if text[i] == "\\" and text[i + 1 : i + 2] in ("\\", "%", "_"):
            made, i = made + text[i : i + 2], i + 2
        else:
            made, i = made + ("\\" if text[i] in "\\_" else "") + text[i], i + 1
    return f"%{made}%"


def _matches(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(_matches(text[i:], pattern[1:]) for i in range(len(text) + 1))
    if pattern[0] == "_":
        return bool(text) and _matches(text[1:], pattern[1:])
    if pattern[0] == "\\":
        pattern = pattern[1:]
        if not pattern:
            return False
    return bool(text) and text[0] == pattern[0] and _matches(text[1:], pattern[1:])
