"""What the SELECT list of a view's query says about its columns.

SQLite alone judges whether a query is valid and what it may read (worker.engine.rehearsal); this
only tells which columns are fields of a collection, counts or casts, and refuses `*`, whose meaning
would change with every collection that it covers.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from sqlglot import exp


class ViewQueryError(Exception):
    """A query that no view can have; the text says why."""


class Cast(enum.Enum):
    """A type that a column is converted to."""

    WHOLE = enum.auto()
    NUMBER = enum.auto()
    TEXT = enum.auto()
    BOOL = enum.auto()


class Column(NamedTuple):
    """One column of the answer.

    `sources`: where it may come from if it is a plain column of that name: tables in lower case,
    None for a subquery. `cast`: what it is converted to; a count is a whole number.
    """

    name: str
    cast: Cast | None = None
    field: str = ""
    sources: tuple[str | None, ...] = ()


class ViewQuery(NamedTuple):
    """A query that was read.

    `table`: the one that its rows are those of, if there is only one. `tables`: all that it names
    anywhere. `using`: the columns that it compares by USING. All in lower case.
    """

    columns: tuple[Column, ...]
    table: str | None
    tables: frozenset[str]
    using: frozenset[str]


_WHOLE: Final = frozenset({"INT", "BIGINT", "SMALLINT", "TINYINT", "MEDIUMINT"})
_NUMBER: Final = frozenset({"DOUBLE", "FLOAT", "DECIMAL"})
_TEXT: Final = frozenset({"TEXT", "VARCHAR", "CHAR"})


def read_query(sql: str) -> ViewQuery:
    """Read the SELECT list of a query that SQLite has admitted. Raises ViewQueryError."""
    import sqlglot  # noqa: PLC0415  0.1 s and 20 MB that only the definition of a view needs
    from sqlglot import exp  # noqa: PLC0415

    try:
        found = sqlglot.parse(sql, read="sqlite")
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise ViewQueryError(f"it is not understood: {str(error)[:200]}") from None
    query = found[0] if len(found) == 1 else None
    while isinstance(query, exp.Subquery):
        query = query.this
    if not isinstance(query, exp.Select | exp.SetOperation):
        raise ViewQueryError("it is not one SELECT statement")
    tables = frozenset(table.name.lower() for table in query.find_all(exp.Table))
    using = _using(query)
    if isinstance(query, exp.SetOperation):
        first: object = query
        while isinstance(first, exp.SetOperation | exp.Subquery):
            first = first.this
        # The names are those of the first SELECT; the values may be of any of them.
        columns = tuple(Column(one.name) for one in _columns(first, ()))
        return ViewQuery(columns, None, tables, using)
    sources = _sources(query)
    alone = sources[0][1] if len(sources) == 1 else None
    return ViewQuery(_columns(query, sources), alone, tables, using)


def _using(query: exp.Expression) -> frozenset[str]:
    """SQLite does not ask its authorizer about columns that are compared in these ways."""
    from sqlglot import exp  # noqa: PLC0415

    names: set[str] = set()
    for join in query.find_all(exp.Join):
        if join.method.upper() == "NATURAL":
            raise ViewQueryError("NATURAL JOIN is not supported: name the columns by ON or USING")
        names |= {column.name.lower() for column in join.args.get("using") or ()}
    return frozenset(names)


_Source = tuple[str, str | None]
"""The name under which a source is known, and its table; both in lower case."""


def _sources(query: exp.Select) -> list[_Source]:
    from sqlglot import exp  # noqa: PLC0415

    clause = query.args.get("with_")
    named = {one.alias.lower() for one in clause.expressions} if clause is not None else set()
    begin = query.args.get("from_")
    joined = [] if begin is None else [begin.this]
    joined += [join.this for join in query.args.get("joins") or ()]
    found: list[_Source] = []
    for source in joined:
        name = source.alias_or_name.lower()
        plain = isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier)
        table = source.name.lower() if plain else None
        found.append((name, None if table in named else table))
    return found


def _columns(query: object, sources: Sequence[_Source]) -> tuple[Column, ...]:
    from sqlglot import exp  # noqa: PLC0415

    if not isinstance(query, exp.Select):
        raise ViewQueryError("it is not one SELECT statement")
    return tuple(_column(one, sources) for one in query.expressions)


def _column(shown: exp.Expression, sources: Sequence[_Source]) -> Column:
    from sqlglot import exp  # noqa: PLC0415

    name, value = shown.alias_or_name, shown.unalias()
    while isinstance(value, exp.Paren):
        value = value.this
    if isinstance(value, exp.Star) or (
        isinstance(value, exp.Column) and isinstance(value.this, exp.Star)
    ):
        raise ViewQueryError("* is not supported: list the columns one by one")
    if isinstance(value, exp.Column):
        qualifier = value.table.lower()
        possible = [table for known, table in sources if not qualifier or known == qualifier]
        return Column(name, None, value.name, tuple(possible))
    if isinstance(value, exp.Count) or (
        isinstance(value, exp.Anonymous) and str(value.this).lower() == "total"
    ):
        return Column(name, Cast.WHOLE)
    if isinstance(value, exp.Cast):
        return Column(name, _cast(value.to.this.name))
    return Column(name)


def _cast(kind: str) -> Cast | None:
    if kind in _WHOLE:
        return Cast.WHOLE
    if kind in _NUMBER:
        return Cast.NUMBER
    if kind in _TEXT:
        return Cast.TEXT
    return Cast.BOOL if kind == "BOOLEAN" else None
