"""What a new main.db begins with: the table of collections, and the superusers."""

from __future__ import annotations

from typing import Any, Final

from shared.ids import TOKEN_KEY_CHARS, collection_id, field_id
from shared.quote import quote_identifier
from shared.schema.auth_options import new_options
from shared.schema.collection import AUTH, Collection
from shared.schema.field_list import ID_FIELD
from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field, Value
from shared.schema.reserved import COLLECTIONS_TABLE
from shared.schema.table import create_table

SUPERUSERS: Final = "_superusers"
SUPERUSERS_ID: Final = "pbc_3142635823"
"""The official SDKs know superusers by this id."""
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


def _system_field(kind: str, name: str, **options: Any) -> Field:
    common = {"id": field_id(kind, name), "name": name, "type": kind, "system": True}
    return field_from_json({**common, **options})


def auth_fields() -> tuple[Field, ...]:
    """The system fields that every auth collection begins with."""
    token_key: dict[str, Any] = {
        "min": 30,
        "max": 60,
        "autogeneratePattern": f"[a-zA-Z0-9]{{{TOKEN_KEY_CHARS}}}",
        "hidden": True,
        "required": True,
    }
    return (
        field_from_json(ID_FIELD),
        _system_field("password", "password", min=8, hidden=True, required=True),
        _system_field("text", "tokenKey", **token_key),
        _system_field("email", "email", required=True),
        _system_field("bool", "emailVisibility"),
        _system_field("bool", "verified"),
    )


def auth_indexes(own_id: str, table: str) -> tuple[str, ...]:
    """The unique indexes on which logins and tokens rest."""
    name = f"`idx_tokenKey_{own_id}`", f"`idx_email_{own_id}`"
    return (
        f"CREATE UNIQUE INDEX {name[0]} ON `{table}` (`tokenKey`)",
        f"CREATE UNIQUE INDEX {name[1]} ON `{table}` (`email`) WHERE `email` != ''",
    )


def superusers(now: str) -> Collection:
    """The collection of superusers as a new depot has it, with new token secrets."""
    return Collection(
        id=SUPERUSERS_ID,
        name=SUPERUSERS,
        type=AUTH,
        system=True,
        fields=(
            *auth_fields(),
            _system_field("autodate", "created", onCreate=True),
            _system_field("autodate", "updated", onCreate=True, onUpdate=True),
        ),
        indexes=auth_indexes(SUPERUSERS_ID, SUPERUSERS),
        options=new_options(auth_token_seconds=_SUPERUSER_TOKEN_SECONDS),
        created=now,
        updated=now,
    )


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


def delete_row(collection: Collection) -> tuple[str, tuple[Value, ...]]:
    """The statement that takes a collection out of `_collections`."""
    table = quote_identifier(COLLECTIONS_TABLE)
    return f'DELETE FROM {table} WHERE "id" = ?', (collection.id,)


def bootstrap(now: str) -> list[tuple[str, tuple[Value, ...]]]:
    """The statements, with their values, that a new main.db runs once, in one transaction."""
    collection = superusers(now)
    statements: list[tuple[str, tuple[Value, ...]]] = [(COLLECTIONS_DDL, ())]
    statements += [(sql, ()) for sql in create_table(collection)]
    return [*statements, insert_row(collection)]


assert collection_id(AUTH, SUPERUSERS) == SUPERUSERS_ID
