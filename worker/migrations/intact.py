"""That collections are whole after a migration: guards at the end of its plan.

SQL can change what a collection's table is without the catalog's knowing. What would make a
collection unreadable, or its lists and references wrong, is refused before it is committed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.names_in_use import index_names
from shared.schema.table import complete_table
from shared.sql.plan import Step, forbid, require

INCOMPLETE: Final = "collection_incomplete"
TEMPORARY: Final = "temporary_left"
_MADE: Final = re.compile(r'CREATE (?:TABLE|INDEX|TRIGGER) "((?:[^"]|"")+)"')


def intact_steps(collections: Iterable[Collection]) -> list[tuple[Collection, Step]]:
    """Guards that fail where a collection cannot be read, or lacks what belongs to it."""
    return [(one, step) for one in collections for step in (_readable(one), *_complete(one))]


def nothing_temporary() -> Step:
    """A temporary table would stay with the writer, and hide the collection of its name."""
    return forbid("SELECT 1 FROM sqlite_temp_schema", refusal=TEMPORARY)


def _readable(collection: Collection) -> Step:
    """Qualified, since SQLite takes a quoted name that it does not know for a text."""
    columns = ", ".join(f"x.{quote_identifier(field.name)}" for field in collection.fields)
    table = quote_identifier(collection.name)
    return forbid(f"SELECT {columns or 1} FROM {table} x WHERE 0", refusal=INCOMPLETE)


def _complete(collection: Collection) -> list[Step]:
    names = sorted(_parts(collection))
    if not names:
        return []
    places = ", ".join("?" * len(names))
    found = f"SELECT count(*) FROM sqlite_schema WHERE lower(name) IN ({places})"
    refusal = f"{INCOMPLETE}:{collection.name}"
    return [require(f"SELECT 1 WHERE ({found}) = {len(names)}", tuple(names), refusal=refusal)]


def _parts(collection: Collection) -> set[str]:
    """Lower-case names of the indexes, side tables and triggers that belong to a collection."""
    if collection.is_view:
        return set()
    made = (_MADE.match(sql) for sql in complete_table(collection, frozenset()))
    names = {match[1].replace('""', '"').lower() for match in made if match is not None}
    return names | {name.lower() for name in index_names(collection)}
