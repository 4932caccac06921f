"""What a CREATE TABLE says and SQLite's own functions do not tell: checks, collations, formulas.

The text is the one that SQLite stores, which begins with the table's name and was parsed by SQLite
already. It is read word by word: to find where a constraint begins and ends takes no grammar of
expressions, and so there is none whose gaps would make a table unknown.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from shared.schema.tables.check import Check
from shared.schema.tables.words import Spelling, Words, closing, read_words, split


class DefinitionError(Exception):
    """A definition that is not understood; the text says why."""


class DefinedColumn(NamedTuple):
    """A column's part. `formula`: the expression that it is generated from, or None."""

    name: str
    collation: str = "BINARY"
    formula: str | None = None


class Definition(NamedTuple):
    """Columns and all CHECKs, those of columns too, in the order of the text."""

    columns: tuple[DefinedColumn, ...]
    checks: tuple[Check, ...]


_TELLS_MORE: Final = re.compile(r"\b(?:CHECK|COLLATE|AS)\b", re.IGNORECASE)
_KEPT_MAX: Final = 500
_OF_TABLE: Final = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")


def tells_more(sql: str) -> bool:
    """Whether a definition can hold anything that SQLite's own functions do not tell."""
    return _TELLS_MORE.search(sql) is not None


@lru_cache(_KEPT_MAX)
def read_definition(sql: str) -> Definition:
    """Read a CREATE TABLE as SQLite stores it. Raises DefinitionError.

    The last ones are kept: when a schema changes, nearly all of its tables are as they were.
    """
    words = read_words(sql)
    opening = next((at for at, word in enumerate(words) if word.is_sign("(")), None)
    if opening is None:
        raise DefinitionError("its definition has no list of columns")
    try:
        body = words[opening + 1 : closing(words, opening)]
        return _read(sql, split(body, ","))
    except (ValueError, IndexError):
        raise DefinitionError("its definition does not end where it should") from None


def _read(sql: str, items: list[Words]) -> Definition:
    columns: list[DefinedColumn] = []
    checks: list[Check] = []
    for item in items:
        if item[0].is_bare(*_OF_TABLE):
            checks += _checks(sql, item, None)
        else:
            column = _column(sql, item)
            columns.append(column)
            checks += _checks(sql, item[1:], column.name)
    return Definition(tuple(columns), tuple(checks))


def _column(sql: str, item: Words) -> DefinedColumn:
    if item[0].spelling in (Spelling.SIGN, Spelling.NUMBER, Spelling.BLOB):
        raise DefinitionError("a column of its definition has no name")
    collation, formula = "BINARY", None
    for at in _outside(item):
        if item[at].is_bare("COLLATE"):
            collation = item[at + 1].text.upper()
        elif item[at].is_bare("AS") and item[at + 1].is_sign("("):
            formula = _inside(sql, item, at + 1)
    return DefinedColumn(item[0].text, collation, formula)


def _checks(sql: str, item: Words, column: str | None) -> list[Check]:
    found: list[Check] = []
    name = ""
    for at in _outside(item):
        if item[at].is_bare("CONSTRAINT"):
            name = item[at + 1].text
        elif item[at].is_bare("CHECK"):
            found.append(Check(_inside(sql, item, at + 1), column, name))
        if item[at].is_bare("CHECK", "NOT", "UNIQUE", "PRIMARY", "DEFAULT", "REFERENCES"):
            name = ""
    return found


def _outside(item: Words) -> list[int]:
    """The places of those words that stand in no bracket."""
    found: list[int] = []
    depth = 0
    for at, word in enumerate(item):
        if word.is_sign("("):
            depth += 1
        elif word.is_sign(")"):
            depth -= 1
        elif depth == 0:
            found.append(at)
    return found


def _inside(sql: str, item: Words, opening: int) -> str:
    end = closing(item, opening)
    return sql[item[opening].end : item[end].start].strip()
