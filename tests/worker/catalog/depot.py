"""A database in memory whose catalog is changed by plans, as the writer would apply them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import apsw

from shared.schema.catalog import Catalog
from shared.schema.collection import VIEW_QUERY, Collection
from shared.schema.definition import read_definition
from shared.schema.system import COLLECTIONS_DDL, insert_row
from shared.schema.table import create_table
from shared.schema.view import create_view, view_order
from shared.sql.plan import Step, StepKind
from tests.shared.schema.sample import NOW, load, new_database
from worker.catalog.collections import compile_and_change
from worker.catalog.compile import compile_catalog
from worker.catalog.import_list import imported


class RefusedByRowsError(Exception):
    """A guard found rows that stand in the way."""


class Depot:
    """The database and its catalog."""

    def __init__(self) -> None:
        self.db = new_database()
        self.catalog = load(self.db)

    def __getitem__(self, name: str) -> Collection:
        found = self.catalog.find(name)
        assert found is not None, name
        return found

    def define(self, name: str, **body: Any) -> Collection:
        """Create the collection of that name, or change it."""
        old = self.catalog.find(name)
        new = read_definition({"name": name, **body}, old, self.catalog, NOW)
        others = [one for one in self.catalog.all() if one.id != new.id]
        self._apply([*others, new], frozenset({new.id}))
        return self[new.id]

    def drop(self, name: str) -> None:
        """Delete the collection of that name."""
        gone = self[name].id
        self._apply([one for one in self.catalog.all() if one.id != gone], frozenset())

    def take_in(
        self, collections: Sequence[Mapping[str, object]], *, delete_missing: bool = False
    ) -> None:
        """Import."""
        after, listed = imported(self.catalog, collections, NOW, delete_missing=delete_missing)
        self._apply(after, listed)

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """What a statement finds."""
        return self.db.execute(sql, values).fetchall()

    def _apply(self, after: Sequence[Collection], own: frozenset[str]) -> None:
        _, steps = compile_and_change(self.catalog, after, own, NOW)
        with self.db:
            for step in steps:
                self._run(step)
        self.catalog = load(self.db, self.catalog.version + 1)

    def _run(self, step: Step) -> None:
        rows = self.db.execute(step.sql, step.params).fetchall()
        if step.kind is StepKind.FORBID and rows:
            raise RefusedByRowsError(step.refusal)


def fresh(catalog: Catalog) -> apsw.Connection:
    """A new database with the collections of a catalog made from nothing."""
    db = apsw.Connection(":memory:")
    db.pragma("trusted_schema", value=False)
    db.execute(COLLECTIONS_DDL)
    nothing = Catalog(0, ())
    compiled = compile_catalog(nothing, catalog.all(), frozenset(), NOW)
    for one in catalog.all():
        if not one.is_view:
            for sql in create_table(one):
                db.execute(sql)
        db.execute(*insert_row(one))
    for view in view_order([one for one in catalog.all() if one.is_view]):
        select = compiled.views[view.id].select
        db.execute(create_view(replace(view, options={VIEW_QUERY: select})))
    return db


def described(db: apsw.Connection) -> dict[str, object]:
    """The schema of a database, the order of columns and the spelling of DDL apart."""
    found: dict[str, object] = {}
    for kind, name, table, sql in db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"):
        key = f"{kind} {name} on {table}"
        if kind == "table":
            found[key] = sorted(
                db.execute(
                    'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo(?)',
                    (name,),
                ).fetchall()
            )
        elif kind == "index":
            found[key] = (
                db.execute(
                    "SELECT name, desc, coll FROM pragma_index_xinfo(?) WHERE key", (name,)
                ).fetchall(),
                None if sql is None else _plain(sql),
            )
        else:
            found[key] = _plain(sql)
    return found


def _plain(sql: str) -> str:
    return " ".join(sql.replace('"', "").replace("`", "").split())
