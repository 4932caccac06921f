"""What the tests of tables share: a database in memory, and how it is read."""

from __future__ import annotations

from shared.schema.tables.eligibility import NoRecordApiError, record_key
from shared.schema.tables.introspect import read_tables
from shared.schema.tables.table import Kind, Table, Tables
from shared.schema.tables.view import infer_view
from shared.sqlite.driver import Connection, SQLError

_FUNCTIONS = (
    "is_uuid", "is_uuid_v4", "is_uuid_v7", "jsonschema", "jsonschema_matches", "ST_IsValid",
    "is_email", "uuid_v7",
)  # fmt: skip


def new_database(*statements: str) -> Connection:
    """A database in memory on which CHECKs may call what a depot's connections have."""
    db = Connection(":memory:")
    for name in _FUNCTIONS:
        db.create_scalar_function(name, lambda *_: 1, deterministic=True)
    for sql in statements:
        db.execute(sql)
    return db


def read(db: Connection, schema: str = "main") -> Tables:
    """All tables and views, as a worker reads them."""
    return read_tables(lambda sql, values: db.execute(sql, tuple(values)), schema, refused=SQLError)


def table_of(*statements: str, name: str = "t") -> Table:
    """The table of that name, read from a database that those statements make."""
    found = read(new_database(*statements)).find(name)
    assert found is not None
    return found


def inferred(db: Connection, name: str, schema: str = "main") -> Table:
    """A view with the types of its columns."""
    tables = read(db, schema)
    view = tables.find(name)
    assert view is not None
    assert view.kind is Kind.VIEW
    return infer_view(view, tables)


def refusal(db: Connection, name: str, schema: str = "main") -> str:
    """Why a table or view can be no record API; `""` if it can."""
    tables = read(db, schema)
    table = tables.find(name)
    assert table is not None
    if table.kind is Kind.VIEW:
        table = infer_view(table, tables)
    try:
        record_key(table, tables)
    except NoRecordApiError as error:
        return str(error)
    return ""
