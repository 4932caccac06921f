"""What a depot of an earlier build lacks: collections of the system, side tables of lists, indexes.

Workers plan with them, so they are made before the writer takes its first request. The look costs
two statements; the schema is only loaded where something is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import apsw

from shared.logs import get_logger
from shared.quote import quote_text
from shared.schema.reserved import AUTH_SYSTEM
from shared.sql.plan import Value

log = get_logger()

# Where superusers are, in main.db, the system's other collections are too. Names are compared in
# any case there.
_COLLECTIONS_MISSING: Final = f"""
SELECT EXISTS (SELECT 1 FROM _collections WHERE name = '_superusers') AND {len(AUTH_SYSTEM)} >
  (SELECT count(*) FROM _collections WHERE name IN ({", ".join(map(quote_text, AUTH_SYSTEM))}))
"""

_NAMES: Final = "SELECT name FROM _collections UNION SELECT name FROM sqlite_schema"

_SOMETHING_MISSING: Final = """
SELECT 1 FROM (
  SELECT iif(coalesce(f.value ->> 'maxSelect', 0) > 1, 'table', 'index') AS type,
    c.id || ':' || (f.value ->> 'id') AS name, f.value ->> 'type' AS kind
  FROM _collections c, json_each(c.fields) f WHERE c.type <> 'view'
) WHERE (kind = 'relation' OR (kind IN ('select', 'file') AND type = 'table'))
  AND (type, name) NOT IN (SELECT type, name FROM sqlite_schema)
  AND (type, ':' || lower(hex(name))) NOT IN (SELECT type, name FROM sqlite_schema)
LIMIT 1
"""


def complete(connection: apsw.Connection) -> None:
    """Make what is missing. Raises apsw.Error, and as `Catalog.from_rows`."""
    if (1,) in connection.execute(_COLLECTIONS_MISSING).fetchall():
        _add_collections(connection)
    if connection.execute(_SOMETHING_MISSING).fetchall():
        _add_tables(connection)


def _add_collections(connection: apsw.Connection) -> None:
    """They move the catalog's version, since workers of an earlier writer may be running."""
    # Imported late: a depot that lacks nothing never needs the schema.
    from shared.dates import now_text  # noqa: PLC0415
    from shared.schema.system import missing_system  # noqa: PLC0415

    rows: list[tuple[Any, ...]] = connection.execute(_NAMES).fetchall()
    present = frozenset(str(name).lower() for (name,) in rows)
    statements = missing_system(present, now_text())
    log.info("depot of an earlier build gets the system's collections")
    moved = ("UPDATE _head SET catalog = catalog + 1", ())
    _run_all(connection, [*statements, moved])


def _add_tables(connection: apsw.Connection) -> None:
    from shared.schema.catalog import CATALOG_SQL, Catalog  # noqa: PLC0415
    from shared.schema.table import complete_table  # noqa: PLC0415

    catalog = Catalog.from_rows(0, connection.execute(CATALOG_SQL).fetchall())
    rows: list[tuple[Any, ...]] = connection.execute("SELECT name FROM sqlite_schema").fetchall()
    present = frozenset(str(name) for (name,) in rows)
    statements = [sql for one in catalog.all() for sql in complete_table(one, present)]
    log.info("depot of an earlier build is completed", statements=len(statements))
    _run_all(connection, [(sql, ()) for sql in statements])


def _run_all(
    connection: apsw.Connection, statements: Sequence[tuple[str, tuple[Value, ...]]]
) -> None:
    """In one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, params in statements:
            connection.execute(sql, params)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
