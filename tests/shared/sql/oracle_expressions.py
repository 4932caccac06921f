"""Random expressions about a world: comparisons held together, each side with a chance to match."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.shared.sql.oracle_functions import MACROS
from tests.shared.sql.oracle_paths import Heard, Voice, crossed, near, of_body, path
from tests.shared.sql.oracle_schemas import NUMBERS, TEXTS, Draw
from tests.shared.sql.oracle_tree import Asked, Called, Joined, Macro, Name, Plain, Tree
from tests.shared.sql.oracle_world import Column

SIGNS = ["=", "=", "!=", "!=", ">", ">=", "<", "<=", "~", "!~"]
TEXT_LITERALS = [Plain("text", one) for one in TEXTS if not one.endswith("\\")]
NUMBER_LITERALS = [Plain("number", str(one)) for one in NUMBERS]
WORDS = [Plain("word", one) for one in ("null", "true", "false", "NULL")]
ODD = [Plain("number", "05"), Plain("number", "5.50"), Plain("number", "99999999999999999999")]
KILOMETRES = [Plain("number", one) for one in ("1", "400", "5000", "20000")]
DATES = [Plain("text", one) for one in ("2025", "11", "", "2024-02", "2025-11-06 10")]


def _of(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def expression(draw: Draw, voice: Voice, depth: int = 2) -> Tree:
    """One to four comparisons, some of them about the same related rows."""
    return _expression(draw, voice, depth, [])


def _expression(draw: Draw, voice: Voice, depth: int, said: list[Heard]) -> Tree:
    shape = draw(st.integers(0, 6)) if depth else 0
    if shape < 3:
        return _comparison(draw, voice, said)
    if shape == 6:
        return _pair(draw, voice)
    word = "&&" if shape < 5 else "||"
    parts = [_expression(draw, voice, depth - 1, said) for _ in range(2)]
    return Joined(word, tuple(_flat(parts, word)))


def _pair(draw: Draw, voice: Voice) -> Tree:
    """Two things that are there, perhaps not in the same related row."""
    first = crossed(draw, voice) if not voice.client and draw(_of([0, 0, 1])) else None
    first = first or path(draw, voice, "row")
    pair = (first, near(draw, voice, first))
    asked = [Asked(one.operand, draw(_of(["?=", "?=", "?!="])), _there(draw, one)) for one in pair]
    return Joined("&&", tuple(asked))


def _there(draw: Draw, heard: Heard) -> Plain:
    return draw(_of([_plain(one) for one in heard.pool] or WORDS))  # type: ignore[no-any-return]


def _flat(parts: list[Tree], word: str) -> list[Tree]:
    """Chains of one word are flat, as they are when they are read."""
    flat: list[Tree] = []
    for part in parts:
        flat += part.parts if isinstance(part, Joined) and part.word == word else [part]
    return flat


def _comparison(draw: Draw, voice: Voice, said: list[Heard]) -> Tree:
    """A path or something else of the request, against whatever may stand on the other side."""
    again = bool(said) and draw(st.integers(0, 4)) > 0
    left = near(draw, voice, draw(_of(said))) if again else _left(draw, voice)
    if left.joined:
        said.append(left)
    right = _right(draw, voice, left)
    sign = draw(_of(SIGNS))
    if left.kind == "flag" and sign not in ("=", "!="):
        sign = "="
    if isinstance(left.operand, Called) and sign in ("~", "!~"):
        sign = "<"  # how many digits of a number are its text is nobody's promise
    sides = (left.operand, right.operand)
    first, second = sides if draw(st.integers(0, 9)) else sides[::-1]
    return Asked(first, draw(_of(["", "?", "?"] if again else ["", "?"])) + sign, second)


def _left(draw: Draw, voice: Voice) -> Heard:
    choice = draw(st.integers(0, 19))
    if choice < 13 or (voice.client and choice < 19):
        return path(draw, voice, "row")
    if voice.client or choice == 17:
        return _function(draw, voice)
    if choice < 15:
        return crossed(draw, voice)
    return path(draw, voice, "auth") if choice < 17 else _of_request(draw, voice)


def _right(draw: Draw, voice: Voice, left: Heard) -> Heard:
    if left.kind == "flag":
        return Heard(draw(_of(WORDS[1:3])))
    if isinstance(left.operand, Called):
        return Heard(draw(_of(KILOMETRES if left.operand.function == "geoDistance" else DATES)))
    choice = draw(st.integers(0, 19))
    if choice < 15:
        return Heard(draw(_literals(left)))
    if choice == 15 and left.at is not None:
        return near(draw, voice, left)
    return path(draw, voice, "row") if choice < 17 or voice.client else _beyond(draw, voice)


def _beyond(draw: Draw, voice: Voice) -> Heard:
    """What only rules may name."""
    choice = draw(st.integers(0, 3))
    if choice == 0:
        return crossed(draw, voice)
    return path(draw, voice, "auth") if choice < 3 else _of_request(draw, voice)


def _literals(left: Heard) -> st.SearchStrategy[Any]:
    """Mostly values that are there."""
    there = [_plain(one) for one in left.pool]
    other = [*WORDS, *ODD, *(NUMBER_LITERALS if left.kind == "number" else [])]
    odd = _of([*TEXT_LITERALS, *other, *map(Macro, sorted(MACROS)[::4])])
    if not there:
        return odd
    return st.one_of(_of(there), _of(there), _of(there), _of([Plain("text", ""), *WORDS]), odd)


def _plain(value: object) -> Plain:
    """A value that stands in a row, as it is written."""
    if isinstance(value, str):
        return Plain("text", value.rstrip("\\"))
    return Plain("word", "null") if value is None else Plain("number", str(value))


def _of_request(draw: Draw, voice: Voice) -> Heard:
    """Something of the request itself."""
    choice = draw(st.integers(0, 9))
    if choice < 2:
        name = Name(draw(_of(["method", "context"])))
        return Heard(name, pool=("GET", "POST", "default", "batch"))
    if choice < 5 or not voice.body:
        root, key = draw(_of([("query", "q"), ("headers", "x_token"), ("query", "none")]))
        modifier = draw(_of(["", "", "isset", "lower"]))
        return Heard(Name(root, (key,), modifier), "flag" if modifier == "isset" else "")
    return of_body(draw, voice)


def _function(draw: Draw, voice: Voice) -> Heard:
    """A distance from a place, or a date in another form."""
    found = path(draw, replace(voice, careless=False), "row", ends=("geoPoint", "date"))
    name, column = found.operand, found.column
    if isinstance(name, Name) and column is not None and column.kind == "geoPoint":
        return _distance(draw, name, column)
    form = Plain("text", draw(_of(["%Y", "%Y-%m", "%m", "%Y-%m-%d %H"])))
    if (
        column is None or column.kind != "date"
    ):  # what else SQLite takes for a time is its own affair
        return Heard(Called("strftime", (form, *draw(_of([(), (Macro("@now"),)])))), "json")
    shifts = draw(_of([(), ("+1 day",), ("start of month", "-1 day"), ("+2 hours",)]))
    return Heard(Called("strftime", (form, name, *(Plain("text", one) for one in shifts))), "json")


def _distance(draw: Draw, name: Name, column: Column) -> Heard:
    stem = name.parts[: name.parts.index(column.name) + 1]
    here = tuple(replace(name, parts=(*stem, part)) for part in ("lon", "lat"))
    there = draw(_of([("0", "0"), ("2.35", "48.85")]))
    return Heard(Called("geoDistance", (*here, *(Plain("number", one) for one in there))), "json")
