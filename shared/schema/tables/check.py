"""CHECK constraints, and what some of them say about a column.

A column is a UUID, JSON of a schema or a geometry if a CHECK requires that for every row: as its
whole condition, as one side of its ANDs, or for all but NULL. A call inside a NOT, a CASE or a
comparison promises nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from shared.schema.tables.words import Spelling, Word, Words, closing, fold, read_words, split


class Check(NamedTuple):
    """One CHECK. `text`: its condition. `column`: the column at whose definition it stands."""

    text: str
    column: str | None = None
    name: str = ""


class Promise(enum.Enum):
    """What a CHECK promises of a column's values, where they are not NULL."""

    UUID = enum.auto()
    UUID_V4 = enum.auto()
    UUID_V7 = enum.auto()
    JSON = enum.auto()
    JSON_MATCHES = enum.auto()
    GEOMETRY = enum.auto()


class Promised(NamedTuple):
    """A promise for a column as the CHECK spells it.

    `schema`: for JSON the name of a schema, for JSON_MATCHES its text. `extra`: jsonschema's third
    argument, for files the media types that are allowed, as written.
    """

    promise: Promise
    column: str
    schema: str = ""
    extra: str | None = None


_OF_ONE_COLUMN: Final = {
    "is_uuid": Promise.UUID,
    "is_uuid_v4": Promise.UUID_V4,
    "is_uuid_v7": Promise.UUID_V7,
    "st_isvalid": Promise.GEOMETRY,
}
_NAME: Final = (Spelling.BARE, Spelling.QUOTED)
_KEPT_MAX: Final = 1_000
_DEPTH_MAX: Final = 50
# In double quotes a text was written by some, which SQLite still takes for one.
_TEXT: Final = (Spelling.TEXT, Spelling.QUOTED)


@lru_cache(_KEPT_MAX)
def promised(check: Check) -> tuple[Promised, ...]:
    """What a CHECK promises. A condition of another form promises nothing that we know of."""
    words = read_words(check.text)
    # A column may be named `end`: then no CASE can be told from what follows it.
    if sum(word.is_bare("CASE") for word in words) == sum(word.is_bare("END") for word in words):
        return tuple(_of_condition(words, 0))
    return ()


def _of_condition(words: Words, depth: int) -> Iterator[Promised]:
    words = _bare(words)
    if depth > _DEPTH_MAX:
        return
    alternatives = split(words, "OR")
    if len(alternatives) == 1:
        parts = split(words, "AND")
        for part in parts:
            yield from _of_call(part) if len(parts) == 1 else _of_condition(part, depth + 1)
        return
    absent = {_tested_for_null(one) for one in alternatives}
    rest = [one for one in alternatives if _tested_for_null(one) is None]
    if len(rest) == 1:
        for found in _of_condition(rest[0], depth + 1):
            if absent <= {None, fold(found.column)}:
                yield found


def _bare(words: Words) -> Words:
    """Without brackets around the whole."""
    while words and words[0].is_sign("(") and closing(words, 0) == len(words) - 1:
        words = words[1:-1]
    return words


def _tested_for_null(words: Words) -> str | None:
    """The column, folded, of `column IS NULL`."""
    words = _bare(words)
    if len(words) not in (2, 3) or words[0].spelling not in _NAME:
        return None
    test = " ".join(word.text.upper() for word in words[1:] if word.spelling is Spelling.BARE)
    return fold(words[0].text) if test in ("IS NULL", "ISNULL") else None


def _of_call(words: Words) -> Iterator[Promised]:
    if len(words) < 4 or words[0].spelling not in _NAME or not words[1].is_sign("("):
        return
    if closing(words, 1) != len(words) - 1:
        return
    function = words[0].text.lower()
    arguments = [_single(one) for one in split(words[2:-1], ",")]
    of_one = _OF_ONE_COLUMN.get(function)
    if of_one is not None and len(arguments) == 1 and _is(arguments[0], _NAME):
        yield Promised(of_one, _text(arguments[0]))
    if len(arguments) < 2 or not _is(arguments[0], _TEXT) or not _is(arguments[1], _NAME):
        return
    schema, column = _text(arguments[0]), _text(arguments[1])
    if function == "jsonschema" and len(arguments) <= 3:
        extra = _text(arguments[2]) if len(arguments) == 3 else None
        yield Promised(Promise.JSON, column, schema, extra)
    elif function == "jsonschema_matches" and len(arguments) == 2:
        yield Promised(Promise.JSON_MATCHES, column, schema)


def _single(words: Words) -> Word | None:
    words = _bare(words)
    return words[0] if len(words) == 1 else None


def _is(word: Word | None, spellings: tuple[Spelling, ...]) -> bool:
    return word is not None and word.spelling in spellings


def _text(word: Word | None) -> str:
    return word.text if word is not None else ""
