"""What a new main.db begins with: the table of collections, those of the system, and users."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Final

from shared.ids import collection_id, field_id
from shared.quote import quote_identifier
from shared.schema.auth_fields import auth_fields, auth_indexes, system_field
from shared.schema.auth_options import new_options
from shared.schema.auth_system import auth_system
from shared.schema.collection import AUTH, Collection
from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field, Value
from shared.schema.index import read_index
from shared.schema.reserved import COLLECTIONS_TABLE
from shared.schema.table import create_table

SUPERUSERS: Final = "_superusers"
SUPERUSERS_ID: Final = "pbc_3142635823"
"""The official SDKs know superusers by this id."""
USERS: Final = "users"
USERS_ID: Final = "_pb_users_auth_"
"""The first collection of a new depot, which is its owner's to change or to delete."""
_OWNER: Final = "id = @request.auth.id"
_PICTURES: Final = ("image/jpeg", "image/png", "image/svg+xml", "image/gif", "image/webp")
_ROWS_PER_STATEMENT: Final = 500
_SUPERUSER_TOKEN_SECONDS: Final = 86_400

COLLECTIONS_DDL: Final = f"""CREATE TABLE {quote_identifier(COLLECTIONS_TABLE)} (
  _rowid_ INTEGER PRIMARY KEY,
  "id" TEXT NOT NULL UNIQUE,
  "system" INTEGER NOT NULL DEFAULT 0,
  "type" TEXT NOT NULL DEFAULT 'base',
  "name" TEXT NOT NULL UNIQUE COLLATE NOCASE,
  "fields" TEXT NOT NULL DEFAULT '[]',
  "indexes" TEXT NOT NULL DEFAULT '[]',
  "listRule" TEXT DEFAULT NULL,
  "viewRule" TEXT DEFAULT NULL,
  "createRule" TEXT DEFAULT NULL,
  "updateRule" TEXT DEFAULT NULL,
  "deleteRule" TEXT DEFAULT NULL,
  "options" TEXT NOT NULL DEFAULT '{{}}',
  "created" TEXT NOT NULL DEFAULT '',
  "updated" TEXT NOT NULL DEFAULT ''
)"""


def superusers(now: str) -> Collection:
    """The collection of superusers as a new depot has it, with new token secrets."""
    return Collection(
        id=SUPERUSERS_ID,
        name=SUPERUSERS,
        type=AUTH,
        system=True,
        fields=(
            *auth_fields(),
            system_field("autodate", "created", onCreate=True),
            system_field("autodate", "updated", onCreate=True, onUpdate=True),
        ),
        indexes=auth_indexes(SUPERUSERS_ID, SUPERUSERS),
        options=new_options(auth_token_seconds=_SUPERUSER_TOKEN_SECONDS),
        created=now,
        updated=now,
    )


def users(now: str) -> Collection:
    """The collection of users that a new depot has: anybody may sign up, and sees but himself."""
    return Collection(
        id=USERS_ID,
        name=USERS,
        type=AUTH,
        system=False,
        fields=(
            *auth_fields(),
            _own_field("text", "name", max=255),
            _own_field("file", "avatar", maxSelect=1, mimeTypes=_PICTURES),
            _own_field("autodate", "created", onCreate=True),
            _own_field("autodate", "updated", onCreate=True, onUpdate=True),
        ),
        indexes=auth_indexes(USERS_ID, USERS),
        list_rule=_OWNER,
        view_rule=_OWNER,
        create_rule="",
        update_rule=_OWNER,
        delete_rule=_OWNER,
        options=new_options(),
        created=now,
        updated=now,
    )


def _own_field(kind: str, name: str, **options: Any) -> Field:
    return field_from_json({"id": field_id(kind, name), "name": name, "type": kind, **options})


def insert_row(collection: Collection) -> tuple[str, tuple[Value, ...]]:
    """The statement that adds a collection to `_collections`."""
    row = collection.to_row()
    columns = ", ".join(map(quote_identifier, row))
    places = ", ".join("?" * len(row))
    table = quote_identifier(COLLECTIONS_TABLE)
    return f"INSERT INTO {table} ({columns}) VALUES ({places})", tuple(row.values())


def update_row(collection: Collection) -> tuple[str, tuple[Value, ...]]:
    """The statement that changes a collection's row of `_collections`."""
    row = collection.to_row()
    own_id = row.pop("id")
    changes = ", ".join(f"{quote_identifier(column)} = ?" for column in row)
    table = quote_identifier(COLLECTIONS_TABLE)
    return f'UPDATE {table} SET {changes} WHERE "id" = ?', (*row.values(), own_id)


def put_rows(collections: Sequence[Collection]) -> list[tuple[str, tuple[Value, ...]]]:
    """The statements that add collections to `_collections`, or change their rows.

    Few statements rather than one for each: after each the writer learns the catalog anew.
    """
    statements: list[tuple[str, tuple[Value, ...]]] = []
    for first in range(0, len(collections), _ROWS_PER_STATEMENT):
        rows = [one.to_row() for one in collections[first : first + _ROWS_PER_STATEMENT]]
        columns = [quote_identifier(column) for column in rows[0]]
        places = ", ".join([f"({', '.join('?' * len(columns))})"] * len(rows))
        changes = ", ".join(f"{column} = excluded.{column}" for column in columns)
        sql = (
            f"INSERT INTO {quote_identifier(COLLECTIONS_TABLE)} ({', '.join(columns)})"
            f' VALUES {places} ON CONFLICT ("id") DO UPDATE SET {changes}'
        )
        statements.append((sql, tuple(value for row in rows for value in row.values())))
    return statements


def delete_row(collection: Collection) -> tuple[str, tuple[Value, ...]]:
    """The statement that takes a collection out of `_collections`."""
    table = quote_identifier(COLLECTIONS_TABLE)
    return f'DELETE FROM {table} WHERE "id" = ?', (collection.id,)


def bootstrap(now: str) -> list[tuple[str, tuple[Value, ...]]]:
    """The statements, with their values, that a new main.db runs once, in one transaction."""
    collections = (superusers(now), *auth_system(now), users(now))
    return [(COLLECTIONS_DDL, ()), *_making(collections)]


def missing_system(present: AbstractSet[str], now: str) -> list[tuple[str, tuple[Value, ...]]]:
    """The statements that add those system collections whose names are not `present`.

    `present`: all names of the database, in lower case. An index whose name is taken has another.
    """
    missing = [one for one in auth_system(now) if one.name.lower() not in present]
    return _making([_with_free_indexes(one, present) for one in missing])


def _with_free_indexes(collection: Collection, present: AbstractSet[str]) -> Collection:
    indexes = []
    for sql in collection.indexes:
        name = free = read_index(sql).name
        while free.lower() in present:
            free += "_"
        indexes.append(sql.replace(f"`{name}`", f"`{free}`", 1))
    return replace(collection, indexes=tuple(indexes))


def _making(collections: Iterable[Collection]) -> list[tuple[str, tuple[Value, ...]]]:
    statements: list[tuple[str, tuple[Value, ...]]] = []
    for collection in collections:
        statements += [(sql, ()) for sql in create_table(collection)]
        statements.append(insert_row(collection))
    return statements


assert collection_id(AUTH, SUPERUSERS) == SUPERUSERS_ID
