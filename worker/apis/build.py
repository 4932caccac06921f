"""Makes a record API of an entry of the settings and of the tables that SQLite has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from shared.config import record_api as settings
from shared.limits import API_PAGE_ROWS_MAX
from shared.schema.api import (
    Action,
    BrokenApi,
    Permission,
    RecordApi,
    Referred,
    SqlRule,
)
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.reserved import USERS_TABLE, is_reserved_table
from shared.schema.tables.column import Column
from shared.schema.tables.eligibility import NoRecordApiError, excluded_problem, record_key
from shared.schema.tables.table import Kind, Table, Tables
from shared.schema.tables.view import infer_view
from shared.schema.tables.words import fold
from worker.apis.rules import MAIN, RuleError, RuleJudge


class Surroundings(NamedTuple):
    """What APIs are made of. `databases`: their tables by name, with main's among them.

    `entries`: all of the settings, for what one API hides is not shown by way of another.
    """

    databases: Mapping[str, Tables]
    versions: Mapping[str, int]
    entries: tuple[settings.RecordApi, ...]
    catalog: Catalog
    judge: RuleJudge


class _BrokenError(Exception):
    """Why an entry cannot be served."""


def place_of(entry: settings.RecordApi) -> tuple[str, str]:
    """The database and the table that an entry names."""
    database, _, table = entry.table_name.rpartition(".")
    return database or MAIN, table


def build_api(entry: settings.RecordApi, around: Surroundings) -> RecordApi | BrokenApi:
    """The API of an entry, or why there is none."""
    try:
        return _build(entry, around)
    except (_BrokenError, RuleError) as error:
        return BrokenApi(entry.name, str(error))
    except NoRecordApiError as error:
        return BrokenApi(entry.name, f"{entry.table_name} {error}")


def _build(entry: settings.RecordApi, around: Surroundings) -> RecordApi:
    database, name = place_of(entry)
    for one in (database, *entry.attached_databases):
        if one not in around.databases:
            raise _BrokenError(f"the database {one} is not open")
    tables = around.databases[database]
    table = _find(tables, name)
    owner = _collection_of(table, database, around.catalog)
    if owner is not None and table.kind is Kind.TABLE:
        # Only the collection knows how its values are checked, filled in and hidden.
        raise _BrokenError(f"{name} is the table of a collection, which is served by its own name")
    key = record_key(table, tables)
    if table.kind is Kind.VIEW:
        around.judge.check_view(database, table.name)
    columns = _columns(entry, table, key.column, _secrets(table, database, around.catalog))
    expand, references = _references(entry, columns, database, around)
    versions: tuple[int, ...] = (around.versions[MAIN],)
    if database != MAIN:
        versions += (around.versions[database],)
    return RecordApi(
        name=entry.name,
        database=database,
        table=table,
        key=key,
        columns=columns,
        limit=entry.listing_hard_limit or API_PAGE_ROWS_MAX,
        attached=entry.attached_databases,
        world=_bits(entry.acl_world),
        authenticated=_bits(entry.acl_authenticated),
        rules=_rules(entry, database, table, columns, around.judge),
        expand=expand,
        references=references,
        conflict=entry.conflict_resolution,
        autofill_user=_user_columns(entry, columns),
        subscriptions=entry.enable_subscriptions,
        version=versions,
    )


def _find(tables: Tables, name: str) -> Table:
    table = tables.find(name)
    if table is None:
        raise _BrokenError(f"there is no table or view {name}")
    if is_reserved_table(table.name):
        raise _BrokenError(f"{name} is a table of the system")
    return infer_view(table, tables) if table.kind is Kind.VIEW else table


def _bits(permissions: Iterable[settings.Permission]) -> Permission:
    found = Permission.NONE
    for one in permissions:
        found |= Permission(one.value)
    return found


def _secrets(table: Table, database: str, catalog: Catalog) -> frozenset[str]:
    """Columns of a collection that nobody is shown."""
    collection = _collection_of(table, database, catalog)
    if collection is None:
        return frozenset()
    return frozenset(fold(one.name) for one in collection.fields if one.secret or one.hidden)


def _collection_of(table: Table, database: str, catalog: Catalog) -> Collection | None:
    """The collection whose table it is."""
    found = catalog.find(table.name) if database == MAIN else None
    return found if found is not None and fold(found.table) == fold(table.name) else None


def _columns(
    entry: settings.RecordApi, table: Table, key: Column, secrets: frozenset[str]
) -> tuple[Column, ...]:
    excluded = {fold(name) for name in entry.excluded_columns}
    for name in entry.excluded_columns:
        column = table.column(name)
        if column is None:
            raise _BrokenError(f"{name} is excluded, and is no column of {table.name}")
        problem = excluded_problem(column, key)
        if problem:
            raise _BrokenError(f"{name} is excluded and {problem}")
    gone = excluded | secrets
    return tuple(one for one in table.columns if fold(one.name) not in gone and not one.hidden)


def _user_columns(entry: settings.RecordApi, columns: Iterable[Column]) -> tuple[str, ...]:
    if not entry.autofill_missing_user_id_columns:
        return ()
    return tuple(
        one.name
        for one in columns
        if one.reference is not None
        and fold(one.reference.table) == USERS_TABLE
        and one.reference.column in (None, "id")
    )


# --- Rules --------------------------------------------------------------------------------------

RULES: Final = {
    Action.CREATE: "create_access_rule",
    Action.READ: "read_access_rule",
    Action.UPDATE: "update_access_rule",
    Action.DELETE: "delete_access_rule",
    Action.SCHEMA: "schema_access_rule",
}


def _rules(
    entry: settings.RecordApi,
    database: str,
    table: Table,
    columns: tuple[Column, ...],
    judge: RuleJudge,
) -> dict[Action, SqlRule]:
    found = {}
    for action, field in RULES.items():
        text = getattr(entry, field)
        if not text or (table.kind is Kind.VIEW and action not in (Action.READ, Action.SCHEMA)):
            continue
        try:
            found[action] = judge.judge(
                text,
                action,
                database=database,
                table=table,
                columns=columns,
                attached=entry.attached_databases,
            )
        except RuleError as error:
            raise RuleError(f"{field}: {error}") from None
    return found


# --- Expansion ----------------------------------------------------------------------------------


def _references(
    entry: settings.RecordApi,
    columns: tuple[Column, ...],
    database: str,
    around: Surroundings,
) -> tuple[tuple[str, ...], dict[str, Referred]]:
    """The expandable columns, by their names in the table, and what they refer to."""
    tables = around.databases[database]
    names, found = [], {}
    for name in entry.expand:
        column = next((one for one in columns if fold(one.name) == fold(name)), None)
        if column is None or column.write_only:
            raise _BrokenError(f"{name} is to be expanded, and is no column that is shown")
        referred = tables.referred(column)
        if referred is None:
            raise _BrokenError(f"{name} is to be expanded, and refers to no table by itself")
        foreign, key = referred
        if foreign.name.startswith("_") or is_reserved_table(foreign.name):
            raise _BrokenError(f"{name} is to be expanded, and refers to {foreign.name}")
        if _collection_of(foreign, database, around.catalog) is not None:
            # Only the collection knows who may view a record, and whose address.
            raise _BrokenError(
                f"{name} is to be expanded, and refers to the collection {foreign.name}"
            )
        hidden = _hidden(foreign, database, around)
        shown = tuple(
            one
            for one in foreign.columns
            if not one.write_only and not one.hidden and fold(one.name) not in hidden
        )
        names.append(column.name)
        found[column.name] = Referred(table=foreign, key=key, columns=shown)
    return tuple(names), found


def _hidden(table: Table, database: str, around: Surroundings) -> set[str]:
    """Columns that some API of that table excludes."""
    return {
        fold(name)
        for entry in around.entries
        if place_of(entry)[0] == database and fold(place_of(entry)[1]) == fold(table.name)
        for name in entry.excluded_columns
    }
