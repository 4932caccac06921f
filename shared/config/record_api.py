"""Tables and views that are served as record APIs, the databases they stand in, JSON schemas."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec

from shared.config.declaration import setting


class ConflictResolution(enum.IntEnum):
    """What a create does where such a row exists."""

    ABORT = 1
    IGNORE = 4
    REPLACE = 5


class Permission(enum.IntEnum):
    """What somebody may do with a record API, a bit each."""

    CREATE = 1
    READ = 2
    UPDATE = 4
    DELETE = 8
    SCHEMA = 16


class Database(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A database of its own beside `main`, in `data/<name>.db`."""

    name: Annotated[
        str,
        setting(
            1,
            "Name: letters, digits, `_` and `-`.",
            waits=False,
            max_length=64,
            pattern="^[A-Za-z0-9_-]+$",
        ),
    ] = ""


class RecordApi(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One table or view as an API."""

    name: Annotated[
        str,
        setting(1, "Name in the address.", waits=False, max_length=255, pattern="^[A-Za-z0-9_]+$"),
    ] = ""
    table_name: Annotated[
        str,
        setting(
            2, "Table or view; `database.table` for one beside main.", waits=False, min_length=1
        ),
    ] = ""
    attached_databases: Annotated[
        tuple[str, ...], setting(3, "Databases that rules may read beside its own.", waits=False)
    ] = ()
    conflict_resolution: Annotated[
        ConflictResolution | None,
        setting(4, "What a create does where such a row exists.", waits=False),
    ] = None
    autofill_missing_user_id_columns: Annotated[
        bool,
        setting(5, "Whether columns that refer to a user are filled with who asks.", waits=False),
    ] = False
    enable_subscriptions: Annotated[
        bool, setting(6, "Whether one may subscribe to it.", waits=False)
    ] = False
    acl_world: Annotated[
        tuple[Permission, ...], setting(7, "What everybody may do.", waits=False)
    ] = ()
    acl_authenticated: Annotated[
        tuple[Permission, ...], setting(8, "What users may do who are logged in.", waits=False)
    ] = ()
    excluded_columns: Annotated[
        tuple[str, ...], setting(9, "Columns that it does not have.", waits=False)
    ] = ()
    create_access_rule: Annotated[
        str | None, setting(10, "SQL: who may create a row.", waits=False)
    ] = None
    read_access_rule: Annotated[
        str | None, setting(11, "SQL: who may read a row.", waits=False)
    ] = None
    update_access_rule: Annotated[
        str | None, setting(12, "SQL: who may change a row.", waits=False)
    ] = None
    delete_access_rule: Annotated[
        str | None, setting(13, "SQL: who may delete a row.", waits=False)
    ] = None
    schema_access_rule: Annotated[
        str | None, setting(14, "SQL: who may see its schema.", waits=False)
    ] = None
    expand: Annotated[
        tuple[str, ...], setting(15, "Columns whose references may be expanded.", waits=False)
    ] = ()
    listing_hard_limit: Annotated[
        int | None, setting(16, "Most rows of one page.", waits=False)
    ] = None


class JsonSchema(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A JSON schema that columns may be checked by."""

    name: Annotated[str, setting(1, "Name.", waits=False, min_length=1, max_length=255)] = ""
    schema: Annotated[str, setting(2, "The schema, as JSON text.", waits=False)] = ""
