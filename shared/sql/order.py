"""Turns a client's `sort` into the terms of an ORDER BY that is total and that an index can serve.

A related record's field is fetched by a scalar query for each row; nothing is joined.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from shared.language.errors import ForbiddenNameError, LanguageError
from shared.language.expression import Name
from shared.limits import SORT_FIELD_CHARS_MAX, SORT_FIELDS_MAX
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.clause import sql
from shared.sql.compiler import Compiler
from shared.sql.formula import email_guards
from shared.sql.names import RULE_PREFIXES, Names
from shared.sql.operands import Column
from shared.sql.predicate import Fragment, fragment
from shared.sql.request_values import Parameter
from shared.sql.steps import Use
from shared.sql.terms import PathTerm, fetching

_ROWID: Final = "r._rowid_"
_NAME: Final = re.compile(r"[A-Za-z_#][A-Za-z0-9_.:]*")
_BARE: Final = re.compile(r'r\."[^"]*"')


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One key of an order.

    `keyset`: it is a column of the row that is never NULL, so a page can begin after its value.
    """

    sql: str
    descending: bool
    keyset: bool


@dataclass(frozen=True, slots=True)
class Order(Fragment):
    """The terms of an ORDER BY over the row `r`, ended by one that leaves no tie open."""

    terms: tuple[OrderTerm, ...] = ()


def order_of(
    sort: str,
    collection: Collection,
    catalog: Catalog,
    *,
    caller: Collection | None,
    superuser: bool,
) -> Order:
    """The terms for `sort`, such as `-created,author.name`, ended so that no tie is open.

    The last term is the rowid (for views the id) in the direction of the one before it: an index
    holds the rowid as its last column, so one on the sorted field gives this order for free. An
    empty `sort` is the order of creation. Raises LanguageError, or ForbiddenNameError as for
    filters.
    """
    names = Names(collection, catalog, caller=caller, client=True, superuser=superuser)
    sorting = _Sorting(names, Compiler(names, Use.PAGE))
    terms: list[OrderTerm] = []
    params: list[Parameter] = []
    for position, piece in _pieces(sort):
        term, values = sorting.term(piece, position)
        terms.append(term)
        params += values
    last = OrderTerm('r."id"' if collection.is_view else _ROWID, False, keyset=True)
    if terms and terms[-1].descending:
        last = replace(last, descending=True)
    if not any(one.sql == last.sql and one.descending is last.descending for one in terms):
        terms.append(last)
    text = ", ".join(one.sql + (" DESC" if one.descending else "") for one in terms)
    made = fragment(text, tuple(params))
    return Order(
        text,
        made.params,
        made.depends_on_identity,
        made.depends_on_time,
        made.depends_on_request,
        tuple(terms),
    )


def _pieces(sort: str) -> list[tuple[int, str]]:
    """The sort fields, each with its position."""
    if not sort.strip():
        return []
    pieces = sort.split(",")
    if len(pieces) > SORT_FIELDS_MAX:
        raise LanguageError(f"more than {SORT_FIELDS_MAX} sort fields")
    found, position = [], 0
    for piece in pieces:
        if len(piece) > SORT_FIELD_CHARS_MAX:
            raise LanguageError(f"a sort field is longer than {SORT_FIELD_CHARS_MAX}", position)
        found.append((position, piece))
        position += len(piece) + 1
    return found


class _Sorting:
    """What each sort field means."""

    def __init__(self, names: Names, compiler: Compiler) -> None:
        self._names = names
        self._compiler = compiler

    def term(self, piece: str, position: int) -> tuple[OrderTerm, tuple[Parameter, ...]]:
        """The key that one sort field means, with its parameters."""
        text = piece.strip()
        descending = text.startswith("-")
        name = text[1:] if text[:1] in ("-", "+") else text
        if name == "@random":
            return OrderTerm("random()", descending, keyset=False), ()
        if name == "@rowid" and not self._is_view:
            return OrderTerm(_ROWID, descending, keyset=True), ()
        if name.startswith(RULE_PREFIXES) and self._names.limited:
            raise ForbiddenNameError("only rules and superusers may name this", position)
        if _NAME.fullmatch(name) is None:
            raise LanguageError(f"sorting by {name[:40]!r} is not supported", position)
        column = self._column(name, position)
        # A view's column may be NULL, all but the id.
        present = not column.nullable or name == "id"
        keyset = _BARE.fullmatch(column.sql.text) is not None and present
        return OrderTerm(column.sql.text, descending, keyset), column.sql.params

    @property
    def _is_view(self) -> bool:
        collection = self._names.row.collection
        return collection is not None and collection.is_view

    def _column(self, name: str, position: int) -> Column:
        """A field of the row, or of one that it leads to."""
        path = self._names.path(Name(name, position))
        if not isinstance(path, PathTerm):
            raise LanguageError(f"{name[:40]} has several values", position)
        if path.reading.field.multiple and not path.reading.modifier:
            raise LanguageError(f"{name[:40]} has several values", position)
        if any(node.many for node in path.node.upward()):
            raise LanguageError(f"{name[:40]} leads to several records", position)
        bound, lookup = self._compiler.bound(), self._compiler.semijoin
        read = fetching(path)
        column = read.resolve(bound, lookup)
        assert isinstance(column, Column)
        for guard in email_guards(read, self._names):
            shown = guard.resolve(bound, lookup)
            assert isinstance(shown, Column)
            # An address that is not shown sorts as one that is not there.
            hidden = sql("iif(", shown.sql, " = 1, ", column.sql, ", '')")
            column = Column(hidden, column.affinity)
        return column
