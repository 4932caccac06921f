"""Whether side tables hold what the columns hold, told by plain Python."""

from __future__ import annotations

import json
from typing import Any

import apsw

from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.side import side_fields, side_table


def listed(text: object) -> set[str]:
    """The items of a stored list; none of what is no JSON."""
    try:
        found: Any = json.loads(str(text))
    except ValueError:
        return set()
    return {str(item) for item in found if item is not None}


def stale_side_rows(db: apsw.Connection, catalog: Catalog) -> list[str]:
    """What is wrong: every side table compared with its column, row by row."""
    wrong = []
    for collection in catalog.all():
        for field in side_fields(collection):
            column, table = quote_identifier(field.name), quote_identifier(collection.table)
            rows = db.execute(f"SELECT _rowid_, {column} FROM {table}").fetchall()
            wanted = sorted((item, rid) for rid, text in rows for item in listed(text))
            side = side_table(collection, field)
            found = sorted(db.execute(f"SELECT value, rid FROM {side}").fetchall())
            if found != wanted:
                wrong.append(f"{collection.name}.{field.name}: {found} is not {wanted}")
    return wrong
