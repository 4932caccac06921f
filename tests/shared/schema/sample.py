"""What the tests of the schema share: definitions made short, and a database to try them on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apsw

from shared.errors import FieldError, QuillError
from shared.quote import quote_identifier
from shared.schema.catalog import CATALOG_SQL, Catalog
from shared.schema.collection import Collection
from shared.schema.definition import read_definition
from shared.schema.system import bootstrap, insert_row
from shared.schema.table import create_table

NOW = "2026-11-21 10:00:00.000Z"
LATER = "2026-11-22 10:00:00.000Z"
EMPTY = Catalog(1, ())


def define(
    body: dict[str, Any], old: Collection | None = None, catalog: Catalog = EMPTY
) -> Collection:
    """A definition, read."""
    return read_definition(body, old, catalog, NOW if old is None else LATER)


def problems(
    body: dict[str, Any], old: Collection | None = None, catalog: Catalog = EMPTY
) -> dict[str, FieldError]:
    """What is wrong with a definition."""
    try:
        define(body, old, catalog)
    except QuillError as error:
        return error.fields
    return {}


def codes(
    body: dict[str, Any], old: Collection | None = None, catalog: Catalog = EMPTY
) -> dict[str, str]:
    """The codes of what is wrong with a definition, by place."""
    return {place: error.code for place, error in problems(body, old, catalog).items()}


def new_database() -> apsw.Connection:
    """A main.db in memory as the writer makes it, with the settings that matter here."""
    db = apsw.Connection(":memory:")
    db.pragma("foreign_keys", value=True)
    db.pragma("trusted_schema", value=False)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    for sql, params in bootstrap(NOW):
        db.execute(sql, params)
    return db


def run_all(db: apsw.Connection, statements: Iterable[str]) -> None:
    """Each statement in one transaction, as a plan would."""
    with db:
        for sql in statements:
            db.execute(sql)


def make(db: apsw.Connection, collection: Collection) -> None:
    """Table and catalog row."""
    run_all(db, create_table(collection))
    db.execute(*insert_row(collection))


def load(db: apsw.Connection, version: int = 1) -> Catalog:
    """The catalog as a worker reads it."""
    return Catalog.from_rows(version, db.execute(CATALOG_SQL).fetchall())


def columns(db: apsw.Connection, table: str) -> list[str]:
    """The table's columns but for the rowid."""
    rows = db.execute(f"PRAGMA table_info({quote_identifier(table)})").fetchall()
    return [str(row[1]) for row in rows if row[1] != "_rowid_"]
