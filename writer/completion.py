"""What a depot of an earlier build lacks: side tables of lists, and indexes of references.

Workers plan with them, so they are made before the writer takes its first request. The look costs
one statement; the schema is only loaded where something is missing.
"""

from __future__ import annotations

from typing import Any, Final

import apsw

from shared.logs import get_logger

log = get_logger()

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
    """Make what is missing, in one transaction. Raises apsw.Error, and as `Catalog.from_rows`."""
    if not connection.execute(_SOMETHING_MISSING).fetchall():
        return
    # Imported late: a depot that lacks nothing never needs the schema.
    from shared.schema.catalog import CATALOG_SQL, Catalog  # noqa: PLC0415
    from shared.schema.table import complete_table  # noqa: PLC0415

    catalog = Catalog.from_rows(0, connection.execute(CATALOG_SQL).fetchall())
    rows: list[tuple[Any, ...]] = connection.execute("SELECT name FROM sqlite_schema").fetchall()
    present = frozenset(str(name) for (name,) in rows)
    statements = [sql for one in catalog.all() for sql in complete_table(one, present)]
    log.info("depot of an earlier build is completed", statements=len(statements))
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql in statements:
            connection.execute(sql)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
