"""How a name becomes part of SQL text: the one place that does it.

Values never come this way; they are bound. Nothing here decides whether a name is allowed: that is
`shared.schema`. It only makes sure that any text stays one identifier.
"""

from __future__ import annotations


def quote_identifier(name: str) -> str:
    """`name` as one SQL identifier in double quotes. Raises ValueError for a NUL byte.

    SQLite ends its input at a NUL, so a name with one could cut a statement short.
    """
    if "\x00" in name:
        raise ValueError("a name in SQL cannot hold a NUL byte")
    return '"' + name.replace('"', '""') + '"'


def quote_backtick(name: str) -> str:
    """`name` as one SQL identifier in backticks, as PocketBase writes its index definitions."""
    if "\x00" in name:
        raise ValueError("a name in SQL cannot hold a NUL byte")
    return "`" + name.replace("`", "``") + "`"


def quote_text(value: str) -> str:
    """`value` as an SQL text literal, for the few places where DDL cannot take a bound value."""
    if "\x00" in value:
        raise ValueError("a text literal in SQL cannot hold a NUL byte")
    return "'" + value.replace("'", "''") + "'"
