"""Turns a client's `sort` into the terms of an ORDER BY that is total and that an index can serve."""

from __future__ import annotations

from typing import Final

from shared.language.errors import ForbiddenNameError, LanguageError
from shared.limits import SORT_FIELD_CHARS_MAX, SORT_FIELDS_MAX
from shared.schema.collection import Collection
from shared.sql.operands import Scope

_ROWID: Final = "r._rowid_"


def order_sql(sort: str, collection: Collection, may_see_hidden: bool) -> str:
    """The terms for `sort`, such as `-created,title`, ended by the rowid so that no tie is open.

    The rowid goes in the direction of the last term: an index holds it as its last column, so one
    on the sorted field gives this order for free. An empty `sort` is the order of creation. Raises
    LanguageError, or ForbiddenNameError as for filters.
    """
    terms: list[str] = []
    direction = ""
    if sort.strip():
        pieces = sort.split(",")
        if len(pieces) > SORT_FIELDS_MAX:
            raise LanguageError(f"more than {SORT_FIELDS_MAX} sort fields")
        scope = Scope(collection, client=True, may_see_hidden=may_see_hidden)
        position = 0
        for piece in pieces:
            term, direction = _term(piece, position, scope)
            terms.append(term + direction)
            position += len(piece) + 1
    if f"{_ROWID}{direction}" not in terms:
        terms.append(f"{_ROWID}{direction}")
    return ", ".join(terms)


def _term(piece: str, position: int, scope: Scope) -> tuple[str, str]:
    """The SQL of one sort field and its direction."""
    if len(piece) > SORT_FIELD_CHARS_MAX:
        raise LanguageError(f"a sort field is longer than {SORT_FIELD_CHARS_MAX}", position)
    text = piece.strip()
    direction = " DESC" if text.startswith("-") else ""
    name = text[1:] if text[:1] in ("-", "+") else text
    if name == "@rowid":
        return _ROWID, direction
    if name == "@random":
        return "random()", direction
    if name.startswith(("@request.", "@collection.")) and not scope.may_see_hidden:
        raise ForbiddenNameError("only rules and superusers may name this", position)
    if not name or "." in name or ":" in name or name[0] == "@":
        raise LanguageError(f"sorting by {name[:40]!r} is not supported", position)
    return scope.column(name, position).sql, direction
