"""The view of a view collection: the SELECT around the query that its owner wrote, and its DDL.

The SELECT gives each column the form in which fields of its type are stored: ids are texts, and
what has no type of its own is JSON text. A column that is a field of a table stays bare, so that an
index of it serves the view as well.
"""

from __future__ import annotations

import enum
import re
import sys
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from typing import Final

from shared.quote import quote_identifier
from shared.schema.collection import VIEW_QUERY, Collection

_FLOAT_MAX: Final = sys.float_info.max
ID_MISSING: Final = "view_id_missing"
ID_TWICE: Final = "view_id_twice"
"""Refusals: what the guards of a new view find in its rows."""


class Form(enum.Enum):
    """What is done to a column of a view's query."""

    PLAIN = enum.auto()
    TEXT = enum.auto()
    NUMBER = enum.auto()
    JSON = enum.auto()


def clean_query(query: str) -> str:
    """A query without the blanks and the semicolon around it."""
    return query.strip().removesuffix(";").rstrip()


def stored_select(query: str, columns: Iterable[tuple[str, Form]]) -> str:
    """The query with each of its columns, by name, in the form that it takes."""
    shown = ", ".join(_formed(quote_identifier(name), form) for name, form in columns)
    return f"SELECT {shown} FROM {bracketed(query)}"


def bracketed(query: str) -> str:
    """A query as a source; on lines of its own, so that a comment at its end stays inside."""
    return f"(\n{query}\n)"


def _formed(column: str, form: Form) -> str:
    if form is Form.PLAIN:
        return column
    if form is Form.TEXT:
        return f"CAST({column} AS TEXT) AS {column}"
    infinite = f"{column} NOT BETWEEN -{_FLOAT_MAX!r} AND {_FLOAT_MAX!r}"  # JSON has no word for it
    if form is Form.NUMBER:
        return f"iif({infinite}, NULL, {column}) AS {column}"
    return (
        f"CASE typeof({column}) WHEN 'null' THEN NULL"
        f" WHEN 'real' THEN iif({infinite}, NULL, json_quote({column}))"
        f" WHEN 'text' THEN iif(json_valid({column}), {column}, json_quote({column}))"
        f" WHEN 'blob' THEN json_quote(hex({column})) ELSE json_quote({column}) END AS {column}"
    )


def create_view(collection: Collection) -> str:
    """The view of a view collection; its query is one SELECT, as its definition has checked."""
    query = collection.options[VIEW_QUERY]
    return f"CREATE VIEW {quote_identifier(collection.name)} AS SELECT * FROM {bracketed(query)}"


def drop_view(collection: Collection) -> str:
    """Away with a view."""
    return f"DROP VIEW IF EXISTS {quote_identifier(collection.name)}"


def view_order(views: Iterable[Collection]) -> list[Collection]:
    """Views with those first that others read.

    Told by the words of the queries. Where these seem to run in a circle, in the order given.
    """
    given = list(views)
    by_name = {one.name.lower(): one for one in given}
    words = {
        name: set(re.findall(r"\w+", str(one.options[VIEW_QUERY]).lower())) & set(by_name)
        for name, one in by_name.items()
    }
    sorter = TopologicalSorter({name: found - {name} for name, found in words.items()})
    try:
        return [by_name[name] for name in sorter.static_order()]
    except CycleError:
        return given


def missing_ids_sql(view: Collection) -> str:
    """Finds a row of the view that has no id."""
    table = quote_identifier(view.name)
    return f'SELECT 1 FROM {table} WHERE "id" IS NULL OR "id" = \'\' LIMIT 1'


def repeated_ids_sql(view: Collection) -> str:
    """Finds an id that several rows of the view have."""
    table = quote_identifier(view.name)
    return f'SELECT 1 FROM {table} GROUP BY "id" HAVING count(*) > 1 LIMIT 1'
