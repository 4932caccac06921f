"""A depot of an earlier build has what this one plans with, before the first request."""

from __future__ import annotations

from typing import Any

import apsw

from shared.messages.commands import Status
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields import field_from_json
from shared.schema.side import side_table
from shared.schema.system import insert_row
from shared.schema.table import create_table
from shared.sql.plan import run
from tests.shared.schema.side_rows import stale_side_rows
from tests.writer.link import Depot, Link

FIELDS: tuple[dict[str, Any], ...] = (
    {"id": "i", "name": "id", "type": "text", "primaryKey": True, "pattern": "^[a-z0-9]+$"},
    {"id": "t", "name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
    {"id": "B", "name": "mates", "type": "relation", "collectionId": "pbc_p", "maxSelect": 9},
    {"id": "r", "name": "author", "type": "relation", "collectionId": "pbc_p"},
)
PAPERS = Collection("pbc_p", "papers", "base", False, tuple(field_from_json(one) for one in FIELDS))


def _made(depot: Depot) -> set[tuple[str, str, str]]:
    rows = depot.rows("SELECT type, name, tbl_name FROM sqlite_schema WHERE name LIKE '%:%'")
    return {(kind, name, table) for kind, name, table in rows}


def test_missing_tables_and_indexes_are_made_at_start(depot: Depot) -> None:
    """With what the columns hold already, and kept from then on; a whole depot is left alone."""
    link = Link(depot)
    link.hello()
    link.run(
        *map(run, create_table(PAPERS)),
        run(*insert_row(PAPERS)),
        run("""INSERT INTO papers (id, tags, mates) VALUES ('p1', '["a","b"]', '["p1"]')"""),
        changes_catalog=True,
    )
    whole = _made(depot)
    assert depot.stop() == 0
    connection = apsw.Connection(str(depot.database))
    for kind, name, table in sorted(whole, reverse=True):  # triggers, tables, indexes
        if kind == "trigger" or table in ("papers", name):
            connection.execute(f'DROP {kind} "{name}"')
    connection.close()
    assert _made(depot) == set()

    depot.start()
    assert _made(depot) == whole
    assert "depot of an earlier build is completed" in depot.log.read_text()
    link = Link(depot)
    link.hello()
    added = """INSERT INTO papers (id, tags, mates) VALUES ('p2', '["b"]', '["p1","p2"]')"""
    assert link.run(run(added)).status is Status.OK
    with depot.reader() as reader:
        assert not stale_side_rows(reader, Catalog(1, [PAPERS]))
        count = f"SELECT count(*) FROM {side_table(PAPERS, PAPERS.fields[2])}"
        assert reader.execute(count).get == 3

    depot.log.write_text("")
    assert depot.stop() == 0
    depot.start()
    assert "completed" not in depot.log.read_text()


def test_an_index_of_an_older_depot_may_have_a_name_of_the_systems(depot: Depot) -> None:
    """It keeps it: nothing forbade it then. The system's own goes by another."""
    taken = "IDX_mfas_collectionRef_recordRef"
    assert depot.stop() == 0
    connection = apsw.Connection(str(depot.database))
    connection.execute("DROP TABLE _mfas; DELETE FROM _collections WHERE name = '_mfas'")
    connection.execute(f"CREATE INDEX {taken} ON users (name)")
    connection.close()

    depot.start()
    indexes = depot.rows(
        "SELECT name FROM sqlite_schema WHERE tbl_name = '_mfas' AND sql LIKE '%INDEX%'"
    )
    assert indexes == [("idx_mfas_collectionRef_recordRef_",)]
    assert depot.rows("SELECT tbl_name FROM sqlite_schema WHERE name = ?", (taken,)) == [("users",)]
    told = depot.value("SELECT indexes FROM _collections WHERE name = '_mfas'")
    assert "`idx_mfas_collectionRef_recordRef_` ON `_mfas`" in told


def test_an_older_depot_gets_the_systems_collections(depot: Depot) -> None:
    """Those that are missing, under a new version of the catalog; then it is left alone."""
    before = depot.rows("SELECT id, name, fields, indexes FROM _collections ORDER BY id")
    schema = depot.rows("SELECT name, sql FROM sqlite_schema ORDER BY name")
    version = depot.value("SELECT catalog FROM _head")
    assert depot.stop() == 0
    connection = apsw.Connection(str(depot.database))
    for name in ("_mfas", "_otps", "_authOrigins"):
        connection.execute(f'DROP TABLE "{name}"')
        connection.execute("DELETE FROM _collections WHERE name = ?", (name,))
    connection.execute("UPDATE _collections SET listRule = 'kept' WHERE name = '_externalAuths'")
    connection.close()

    depot.start()
    assert depot.rows("SELECT id, name, fields, indexes FROM _collections ORDER BY id") == before
    assert depot.rows("SELECT name, sql FROM sqlite_schema ORDER BY name") == schema
    assert depot.value("SELECT listRule FROM _collections WHERE name = '_externalAuths'") == "kept"
    assert depot.value("SELECT catalog FROM _head") == version + 1
    assert depot.page.database().catalog_version == version + 1
    assert depot.stop() == 0
    depot.start()
    assert depot.value("SELECT catalog FROM _head") == version + 1
