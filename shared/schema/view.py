"""The SELECT that a view of the database is made of, around the query that its owner wrote.

It gives each column the form in which fields of its type are stored: ids are texts, and what has no
type of its own is JSON text. A column that is a field of a table stays bare, so that an index of it
serves the view as well.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

from shared.quote import quote_identifier
from shared.schema.collection import Collection

ID_MISSING: Final = "view_id_missing"
ID_TWICE: Final = "view_id_twice"
"""Refusals: what the guards of a new view find in its rows."""


class Form(enum.Enum):
    """What is done to a column of a view's query."""

    PLAIN = enum.auto()
    TEXT = enum.auto()
    JSON = enum.auto()


def clean_query(query: str) -> str:
    """A query without the blanks and the semicolon around it."""
    return query.strip().removesuffix(";").rstrip()


def stored_select(query: str, columns: Iterable[tuple[str, Form]]) -> str:
    """The query with each of its columns, by name, in the form that it takes."""
    shown = ", ".join(_formed(quote_identifier(name), form) for name, form in columns)
    # On lines of its own, so that a comment at its end does not swallow the bracket.
    return f"SELECT {shown} FROM (\n{query}\n)"


def _formed(column: str, form: Form) -> str:
    if form is Form.PLAIN:
        return column
    if form is Form.TEXT:
        return f"CAST({column} AS TEXT) AS {column}"
    return (
        f"CASE typeof({column}) WHEN 'null' THEN NULL"
        f" WHEN 'text' THEN iif(json_valid({column}), {column}, json_quote({column}))"
        f" WHEN 'blob' THEN json_quote(hex({column})) ELSE json_quote({column}) END AS {column}"
    )


def missing_ids_sql(view: Collection) -> str:
    """Finds a row of the view that has no id."""
    table = quote_identifier(view.name)
    return f'SELECT 1 FROM {table} WHERE "id" IS NULL OR "id" = \'\' LIMIT 1'


def repeated_ids_sql(view: Collection) -> str:
    """Finds an id that several rows of the view have."""
    table = quote_identifier(view.name)
    return f'SELECT 1 FROM {table} GROUP BY "id" HAVING count(*) > 1 LIMIT 1'
