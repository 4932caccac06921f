"""The conditions of a bulk plan: what is set on the connection around its transaction.

A bulk plan is alone in its batch. Foreign keys can only be switched outside a transaction, and so
can where SQLite keeps what it needs for a while: in memory as a rule, so that sorting works on a
full disk, but a plan that changes a million rows would fill it with what a savepoint would have to
bring back (190 MB for 100 MB of rows (m)), so that goes to files meanwhile.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

import apsw

from shared.sql.plan import Bulk
from shared.sqlite.attach import attach_for_reading, detach

STAGED: Final = "staged"
"""The name of the database file that a bulk plan reads."""
_TABLES_TOLD_MAX: Final = 10


class ConditionsLostError(Exception):
    """The usual settings cannot be had back: the process must end, and the next one has them."""


@contextlib.contextmanager
def conditions(connection: apsw.Connection, bulk: Bulk) -> Iterator[None]:
    """Around one transaction, which must be over at the end, however it ended.

    Raises apsw.Error: the file cannot be attached, and all is as before. ConditionsLostError: exit.
    """
    if bulk.attach:
        attach_for_reading(connection, bulk.attach, STAGED)
    try:
        _set(connection, "temp_store", "FILE")
        if not bulk.foreign_keys:
            _set(connection, "foreign_keys", "OFF")
        yield
    finally:
        try:
            _restore(connection)
        except apsw.Error as error:
            raise ConditionsLostError(str(error)) from error


def broken_references(connection: apsw.Connection) -> str:
    """Which tables of the database refer to rows that are not there, and how often; `""`: none."""
    found: Counter[str] = Counter()
    for table, *_ in connection.execute("PRAGMA main.foreign_key_check"):
        found[str(table)] += 1
    told = [f"{table} ({count})" for table, count in found.most_common(_TABLES_TOLD_MAX)]
    if len(found) > len(told):
        told.append(f"{len(found) - len(told)} more tables")
    return ", ".join(told)


def _restore(connection: apsw.Connection) -> None:
    _set(connection, "foreign_keys", "ON")
    _set(connection, "temp_store", "MEMORY")
    attached = {name for _, name, *_ in connection.execute("PRAGMA database_list")}
    if STAGED in attached:
        detach(connection, STAGED)


def _set(connection: apsw.Connection, pragma: str, value: str) -> None:
    connection.execute(f"PRAGMA {pragma} = {value}")
