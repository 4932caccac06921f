"""The tables of a rule's own database, beside main, as the process that runs it has to call them.

A worker has its databases attached in whatever order they were asked for, and SQLite takes a bare
name for a table of the first that has one. So the database is put before each. In the writer each
database is its own `main`, and has none of another name. A rule may name its tables either way.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from shared.quote import quote_identifier
from shared.schema.tables.words import Spelling, Word, Words, closing, fold, read_words
from shared.sql.api.rules import WrongRuleError

_MAIN: Final = "main"
_NAMES: Final = (Spelling.BARE, Spelling.QUOTED, Spelling.TEXT)
_ENDS: Final = (
    "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "WINDOW", "UNION", "EXCEPT", "INTERSECT",
)  # fmt: skip
_QUERIES: Final = ("SELECT", "VALUES", "WITH")


def with_database(text: str, database: str, tables: Collection[str]) -> str:
    """The rule with `database` before each of its `tables`, folded names, that is read bare.

    What is called like one, and made by the rule itself with WITH, stays as it is.
    """
    words = read_words(text)
    own = {fold(name) for name in tables} - _made(words)
    parts: list[str] = []
    end = 0
    for word in _sources(words):
        if fold(word.text) in own:
            parts += [text[end : word.start], quote_identifier(database), "."]
            end = word.start
    return "".join([*parts, text[end:]])


def as_main(text: str, database: str, tables: Collection[str]) -> str:
    """The rule with `main` where it has `database` before one of its `tables`.

    Raises WrongRuleError where it means main itself, which is not there.
    """
    words = read_words(text)
    own = {fold(name) for name in tables}
    parts: list[str] = []
    end = 0
    for at, word in enumerate(words[:-2]):
        before = words[at - 1] if at else None
        place = word.spelling in _NAMES and words[at + 1].is_sign(".")
        if not place or (before is not None and before.is_sign(".")):
            continue
        table = words[at + 2].text
        if fold(word.text) == _MAIN:
            raise WrongRuleError(f"main.{table} may not be read")
        if fold(word.text) == fold(database) and fold(table) in own:
            parts += [text[end : word.start], _MAIN]
            end = word.end
    return "".join([*parts, text[end:]])


def _sources(words: Words) -> list[Word]:
    """The names of tables that have nothing before or after them."""
    found: list[Word] = []
    inside = [False]  # of the brackets that are open: whether a FROM clause goes on there
    expected = False
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else None
        if word.is_sign("("):
            query = following is not None and following.is_bare(*_QUERIES)
            expected = expected and not query and not words[at - 1].is_bare("IN")
            inside.append(expected)
        elif word.is_sign(")"):
            inside = inside[:-1] or [False]
            expected = False
        elif _begins(words, at):
            inside[-1] = inside[-1] or not word.is_bare("IN")
            expected = True
        elif word.is_sign(","):
            expected = inside[-1]
        else:
            if word.is_bare(*_ENDS):
                inside[-1] = False
            if expected and word.spelling in _NAMES and not _goes_on(following):
                found.append(word)
            expected = False
    return found


def _begins(words: Words, at: int) -> bool:
    """Whether a table may follow; IS DISTINCT FROM compares."""
    word = words[at]
    if word.is_bare("FROM"):
        return not (at > 0 and words[at - 1].is_bare("DISTINCT"))
    return word.is_bare("JOIN", "IN")


def _goes_on(following: Word | None) -> bool:
    """It is a database, or a function."""
    return following is not None and (following.is_sign(".") or following.is_sign("("))


def _made(words: Words) -> set[str]:
    """The names of what WITH makes: those before AS and a bracket, their columns between or not."""
    found: set[str] = set()
    for at, word in enumerate(words[:-1]):
        after = at + 1
        if words[after].is_sign("("):
            try:
                after = closing(words, after) + 1
            except ValueError:
                continue
        if after < len(words) and words[after].is_bare("AS") and _opens(words[after + 1 :]):
            found.add(fold(word.text))
    return found


def _opens(words: Words) -> bool:
    """Whether a query in brackets follows, of which may be said whether it is kept."""
    said = 0
    while said < len(words) and words[said].is_bare("NOT", "MATERIALIZED"):
        said += 1
    return said < len(words) and words[said].is_sign("(")
