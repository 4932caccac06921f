"""A collection of every kind of field, its table, and statements run on it through apsw."""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields import field_from_json
from shared.schema.table import create_table
from shared.sql.conditions import Use, compile_filter, compile_rule
from shared.sql.plan import Step, StepKind, Value
from shared.sql.predicate import Predicate


def collection(name: str, *fields: Mapping[str, object], kind: str = "base") -> Collection:
    """A collection whose ids are made from names; `id` comes first by itself."""
    named = [{"id": f"f_{f['name']}", **f} for f in ({"name": "id", "type": "text"}, *fields)]
    return Collection(f"c_{name}", name, kind, False, tuple(map(field_from_json, named)))


SAMPLE = collection(
    "sample",
    {"name": "title", "type": "text"},
    {"name": "other", "type": "text"},
    {"name": "day", "type": "date"},
    {"name": "count", "type": "number"},
    {"name": "rank", "type": "number"},
    {"name": "open", "type": "bool"},
    {"name": "data", "type": "json"},
    {"name": "owner", "type": "relation", "collectionId": "c_sample", "maxSelect": 1},
    {"name": "state", "type": "select", "values": ["a", "b"], "maxSelect": 1},
    {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 9},
    {"name": "friends", "type": "relation", "collectionId": "c_sample", "maxSelect": 9},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "pass", "type": "password", "hidden": True},
)


CATALOG = Catalog(1, [SAMPLE])


def create(connection: apsw.Connection, made: Collection) -> None:
    """The table of a collection, as the schema makes it."""
    columns = [
        "id TEXT NOT NULL UNIQUE" if field.name == "id" else field.column() for field in made.fields
    ]
    table = quote_identifier(made.table)
    connection.execute(f"CREATE TABLE {table} (_rowid_ INTEGER PRIMARY KEY, {', '.join(columns)})")
    for sql in create_table(made)[1:]:  # indexes and side tables
        connection.execute(sql)


def insert(connection: apsw.Connection, made: Collection, **values: Value) -> None:
    """A row of stored values."""
    names = ", ".join(map(quote_identifier, values))
    marks = ", ".join("?" * len(values))
    table = quote_identifier(made.table)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))


def ruling(text: str, use: Use = Use.PAGE) -> Predicate:
    """A rule of the sample, for a guest."""
    return compile_rule(text, SAMPLE, CATALOG, caller=None, use=use)


def filtering(text: str, *, superuser: bool = False, use: Use = Use.PAGE) -> Predicate:
    """A filter of the sample."""
    return compile_filter(text, SAMPLE, CATALOG, caller=None, superuser=superuser, use=use)


class RefusedError(Exception):
    """A step refused; its text is the refusal."""


def apply(connection: apsw.Connection, steps: list[Step]) -> Value:
    """Run steps as the writer does, all or none; the value that a RETURN step kept."""
    kept: Value = None
    with connection:
        for step in steps:
            before = connection.total_changes()
            rows = connection.execute(step.sql, step.params).fetchall()
            refused = {
                StepKind.REQUIRE: not rows,
                StepKind.FORBID: bool(rows),
                StepKind.RUN: bool(step.refusal) and connection.total_changes() == before,
                StepKind.RETURN: bool(step.refusal) and not rows,
            }[step.kind]
            if refused:
                raise RefusedError(step.refusal)
            if step.kind is StepKind.RETURN and rows:
                kept = rows[0][0]
    return kept
