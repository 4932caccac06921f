"""How the row that a node stands for is spelled in SQL: by an alias, or by values of the request."""

from __future__ import annotations

from dataclasses import dataclass

from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.side import items_of, side_table
from shared.sql.clause import Sql, sql
from shared.sql.operands import AFFINITIES, Affinity, Column
from shared.sql.request_values import AuthField, BodyField, Form


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row under an alias.

    `sided`: its lists stand in side tables, too, and it has a `_rowid_`; else there is only what
    its columns hold. `empties`: its columns may be NULL, which means that they are empty.
    """

    alias: str
    collection: Collection
    sided: bool
    empties: bool

    def column(self, field: Field) -> Sql:
        """The bare column."""
        return Sql(f"{self.alias}.{quote_identifier(field.name)}")

    def key(self, field: Field | None) -> Sql:
        """A column of ids, or that of the row's own; never NULL."""
        name = "id" if field is None else field.name
        bare = f"{self.alias}.{quote_identifier(name)}"
        return Sql(f"coalesce({bare}, '')" if self.empties else bare)

    @property
    def rowid(self) -> Sql:
        """What side tables know the row by."""
        return Sql(f"{self.alias}._rowid_")

    def side(self, field: Field) -> str | None:
        """The side table of a list, quoted, where the row has one."""
        return side_table(self.collection, field) if self.sided else None

    def items(self, field: Field) -> Sql:
        """The list of a column as a table with a column `value`, whose items are texts."""
        each = items_of(self.column(field).text)
        return Sql(f"(SELECT CAST(value AS TEXT) AS value FROM {each} WHERE value IS NOT NULL)")


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item of a list.

    `loose`: it may be any JSON value. `bare`: SQLite knows no affinity of it. `side`: the side
    table that it stands in, quoted.
    """

    value: Sql
    loose: bool = False
    bare: bool = False
    side: str | None = None

    def key(self, field: Field | None) -> Sql:  # noqa: ARG002
        """The id that the item is."""
        return self.value

    def as_column(self) -> Column:
        """The item itself."""
        affinity = None if self.loose else Affinity.TEXT
        return Column(self.value, affinity, nullable=self.loose, bare=self.bare)


@dataclass(frozen=True, slots=True)
class AuthRow:
    """The caller's record: every column is a parameter."""

    collection: Collection

    def value(self, field: Field, form: Form = Form.PLAIN) -> AuthField:
        """The parameter for a field of it."""
        return AuthField(field.name, form)

    def key(self, field: Field | None) -> Sql:
        """The id in a field, or its own, '' where there is none."""
        name = "id" if field is None else field.name
        return Sql("?", (AuthField(name, Form.FILLED),))

    def items(self, field: Field) -> Sql:
        """A list as a table with a column `value`."""
        return sql("json_each(", Sql("?", (self.value(field, Form.ITEMS),)), ")")


@dataclass(frozen=True, slots=True)
class BodyRow:
    """The body of the request, read as a record of the collection."""

    collection: Collection

    def value(self, field: Field, form: Form = Form.PLAIN) -> BodyField:
        """The parameter for a field of it."""
        return BodyField(field.name, field, form)

    def key(self, field: Field | None) -> Sql:
        """The id in a field, '' where there is none."""
        assert field is not None
        return Sql("?", (BodyField(field.name, field, Form.FILLED),))


@dataclass(frozen=True, slots=True)
class Nowhere:
    """Where collections are crossed from: a place without a row."""


Row = TableRow | ItemRow | AuthRow | BodyRow | Nowhere


def stored_column(row: TableRow, field: Field, path: str = "$") -> Column:
    """A field of a row, or what stands at a path inside its JSON."""
    column = row.column(field)
    affinity = AFFINITIES[field.type]
    if affinity is Affinity.JSON:
        return json_column(column, path)
    return Column(column, Affinity.TEXT if field.multiple else affinity, nullable=row.empties)


def json_column(text: Sql, path: str) -> Column:
    """What stands at a path inside a JSON text.

    A malformed text (a migration's, say) counts as null: it must not fail the query.
    """
    found = sql("iif(json_valid(", text, "), json_extract(", text, f", '{path}'), NULL)")
    return Column(found, Affinity.JSON)
