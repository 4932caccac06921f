"""Rows of the system's collections that tell of auth records, and go when those do.

They refer by plain texts (`collectionRef`, `recordRef`), since a relation field points to one
collection. An id may be used again, and must not find the logins of the record that had it before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.quote import quote_identifier
from shared.schema.auth_system import COLLECTION_REF, MFAS, OTPS, RECORD_REF
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, Collection
from shared.schema.reserved import AUTH_SYSTEM
from shared.sql.doomed import IdSet
from shared.sql.plan import Step, run

_BEGUN: Final = (MFAS, OTPS)


def forget_records(catalog: Catalog, collection: Collection, gone: IdSet) -> list[Step]:
    """All that is told of records of an auth collection; nothing for other collections."""
    if collection.type != AUTH:
        return []
    where = f'"{COLLECTION_REF}" = ? AND "{RECORD_REF}" IN ({gone.sql})'
    return [
        run(f"DELETE FROM {table} WHERE {where}", (collection.id, *gone.params))
        for table in _tables(catalog, AUTH_SYSTEM)
    ]


def forget_collection(catalog: Catalog, collection: Collection) -> list[Step]:
    """All that is told of any record of an auth collection."""
    if collection.type != AUTH:
        return []
    return [
        run(f'DELETE FROM {table} WHERE "{COLLECTION_REF}" = ?', (collection.id,))
        for table in _tables(catalog, AUTH_SYSTEM)
    ]


def forget_begun_logins(catalog: Catalog, collection: Collection, record_id: str) -> list[Step]:
    """Codes that were sent and second factors that are awaited: a new password ends them."""
    where = f'"{COLLECTION_REF}" = ? AND "{RECORD_REF}" = ?'
    return [
        run(f"DELETE FROM {table} WHERE {where}", (collection.id, record_id))
        for table in _tables(catalog, _BEGUN)
    ]


def _tables(catalog: Catalog, names: Iterable[str]) -> list[str]:
    """Those that this database has, quoted."""
    found = (catalog.find(name) for name in names)
    return [quote_identifier(one.table) for one in found if one is not None and one.system]
