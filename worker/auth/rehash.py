"""The step that puts a new hash of the same password in the place of an old one."""

from __future__ import annotations

from typing import Final

from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.sql.plan import Step, run

_PASSWORD: Final = "password"  # noqa: S105  the field's name


def rehash_step(collection: Collection, record_id: str, stored: str, renewed: str) -> Step:
    """Nothing else changes and nobody is logged out; a password changed meanwhile stays."""
    table, column = quote_identifier(collection.table), quote_identifier(_PASSWORD)
    sql = f'UPDATE {table} SET {column} = ? WHERE "id" = ? AND {column} = ?'
    return run(sql, (renewed, record_id, stored))
