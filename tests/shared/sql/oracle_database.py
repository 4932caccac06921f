"""The oracle's world as a real database, and the product's SQL run on it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import apsw

from shared.access.identity import GUEST, Identity, identity_of
from shared.access.request import AccessRequest
from shared.ids import collection_id
from shared.quote import quote_identifier
from shared.schema.auth_fields import auth_fields, auth_indexes
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field
from shared.schema.table import create_table
from shared.sql.conditions import Use, compile_filter, compile_rule
from shared.sql.order import order_of
from shared.sql.plan import Value
from shared.sql.predicate import Predicate
from shared.sql.row import row_source, row_values
from tests.shared.sql.oracle_functions import NOW
from tests.shared.sql.oracle_tree import written
from tests.shared.sql.oracle_world import Asking, Column, Row, Table, World

SYSTEM = ("id", "password", "tokenKey", "email", "emailVisibility", "verified")


class Source:
    """The HTTP side of a generated request."""

    def __init__(self, asking: Asking) -> None:
        self.method = asking.method
        self.query = asking.query
        self._headers = {name.replace("_", "-"): text for name, text in asking.headers.items()}

    def header(self, name: bytes) -> str | None:
        """As the product asks for one."""
        assert name == name.lower()
        return self._headers.get(name.decode())


class Database:
    """Tables made by the product's own statements, filled with the rows of a world."""

    def __init__(self, world: World, *, case_sensitive_like: bool) -> None:
        self.world = world
        self._catalog = Catalog(1, [_collection(world, one) for one in world.tables.values()])
        self._connection = apsw.Connection(":memory:")
        if case_sensitive_like:
            self._connection.execute("PRAGMA case_sensitive_like = ON").get  # noqa: B018
        for collection in self._catalog.all():
            for statement in create_table(collection):
                self._connection.execute(statement)
            for row in world.tables[collection.name].rows:
                self._insert(collection, world.tables[collection.name], row)

    def collection(self, name: str) -> Collection:
        """The collection of a table."""
        found = self._catalog.find(name)
        assert found is not None
        return found

    def _insert(self, collection: Collection, table: Table, row: Row) -> None:
        values = stored(table, row)
        names, marks = ", ".join(map(quote_identifier, values)), ", ".join("?" * len(values))
        into = quote_identifier(collection.table)
        self._connection.execute(
            f"INSERT INTO {into} ({names}) VALUES ({marks})", tuple(values.values())
        )

    def compiled(self, text: str, table: Table, use: Use, *, of: str) -> Predicate:
        """A filter or a rule in SQL."""
        collection, caller = self.collection(table.name), None
        if self.world.caller is not None:
            caller = self.collection(self.world.caller[0])
        if of == "rule":
            return compile_rule(text, collection, self._catalog, caller=caller, use=use)
        return compile_filter(
            text,
            collection,
            self._catalog,
            caller=caller,
            superuser=self.world.superuser,
            use=use,
        )

    @property
    def request(self) -> AccessRequest:
        """What the product knows of the request."""
        asking = self.world.asking
        return AccessRequest(self._identity(), asking.context, Source(asking), asking.body)

    def _identity(self) -> Identity:
        if self.world.caller is None:
            return GUEST
        table, row = self.world.caller
        record = stored(self.world.tables[table], row)
        return identity_of(self.collection(table), record, superuser=self.world.superuser)

    def page(self, predicate: Predicate, table: Table) -> list[object]:
        """The ids of the rows that the SQL finds in the table."""
        sql = (
            f"SELECT r.id FROM {quote_identifier(table.name)} r"
            f" WHERE {predicate.sql} ORDER BY r._rowid_"
        )
        return [row[0] for row in self._run(sql, predicate.bind(self.request, NOW))]

    def count(self, predicate: Predicate, table: Table) -> tuple[object, object]:
        """The count by the predicate, and the one by its own shorter way where it has one."""
        sql = f"SELECT count(*) FROM {quote_identifier(table.name)} r WHERE {predicate.sql}"
        counted = self._run(sql, predicate.bind(self.request, NOW))[0][0]
        if predicate.count_sql is None:
            return counted, counted
        shorter = predicate.count_sql
        return counted, self._run(shorter.sql, shorter.bind(self.request, NOW))[0][0]

    def rows(self, predicate: Predicate, table: Table) -> list[object]:
        """The ids for which the question about one row is answered with yes."""
        bound = predicate.bind(self.request, NOW)
        sql = (
            f"SELECT r.id FROM {quote_identifier(table.name)} r"
            f" WHERE r.id = ? AND ({predicate.sql})"
        )
        return [row["id"] for row in table.rows if self._run(sql, (str(row["id"]), *bound))]

    def values(self, predicate: Predicate, table: Table, rows: Sequence[Row]) -> list[object]:
        """The same over rows of bound values, which need not be in the table."""
        collection = self.collection(table.name)
        bound = predicate.bind(self.request, NOW)
        sql = f"SELECT r.id FROM {row_source(collection)} WHERE {predicate.sql}"
        return [
            row["id"]
            for row in rows
            if self._run(sql, (*row_values(collection, stored(table, row)), *bound))
        ]

    def sorted(self, sort: str, table: Table) -> list[object]:
        """All ids of the table in the order of a client's `sort`."""
        collection, caller = self.collection(table.name), None
        if self.world.caller is not None:
            caller = self.collection(self.world.caller[0])
        order = order_of(
            sort, collection, self._catalog, caller=caller, superuser=self.world.superuser
        )
        sql = f"SELECT r.id FROM {quote_identifier(table.name)} r ORDER BY {order.sql}"
        return [row[0] for row in self._run(sql, order.bind(self.request, NOW))]

    def _run(self, sql: str, bound: tuple[Value, ...]) -> list[tuple[object, ...]]:
        return list(self._connection.execute(sql, bound))


def stored(table: Table, row: Row) -> dict[str, Value]:
    """A row as its columns hold it."""
    return {name: _stored(table.columns[name], value) for name, value in row.items()}


def _stored(column: Column, value: object) -> Value:
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"))
    assert value is None or isinstance(value, int | float | str)
    return value


def _collection(world: World, table: Table) -> Collection:
    kind = "auth" if table.auth else "base"
    own_id = collection_id(kind, table.name)
    unique = tuple(
        f"CREATE UNIQUE INDEX `u_{table.name}_{one.name}` ON `{table.name}` (`{one.name}`)"
        for one in table.columns.values()
        if one.unique
    )
    own = [_field(world, one) for one in table.columns.values() if one.name not in SYSTEM]
    plain = field_from_json({"id": "id", "name": "id", "type": "text", "primaryKey": True})
    system = auth_fields() if table.auth else (plain,)
    return Collection(
        id=own_id,
        name=table.name,
        type=kind,
        system=False,
        fields=(*system, *own),
        indexes=(*(auth_indexes(own_id, table.name) if table.auth else ()), *unique),
        list_rule=table.rule
        if table.rule is None or isinstance(table.rule, str)
        else written(table.rule),
    )


def _field(world: World, column: Column) -> Field:
    raw: dict[str, object] = {
        "id": f"f_{column.name}", "name": column.name, "type": column.kind,
        "hidden": column.hidden,
    }  # fmt: skip
    if column.kind in ("relation", "select"):
        raw["maxSelect"] = 9 if column.many else 1
    if column.kind == "relation":
        target = world.tables[column.target]
        raw["collectionId"] = collection_id("auth" if target.auth else "base", column.target)
    if column.kind == "select":
        raw["values"] = ["a", "b", "ab", "A", "5", "%"]
    return field_from_json(raw)
