"""Whatever changes a row becomes an event, in order; whatever is rolled back does not.

Tests `writer.capture` and `writer.tables` from outside.
"""

from __future__ import annotations

import msgspec

from shared import limits
from shared.messages.changes import Act
from shared.messages.commands import Status
from shared.sql.plan import run
from tests.writer.link import Depot, Link

CREATE, UPDATE, DELETE, RESET = Act.CREATE, Act.UPDATE, Act.DELETE, Act.RESET


def test_insert_update_delete(depot: Depot, link: Link) -> None:
    """`new` is whole, `old` holds what an update changed, and all of a deleted row."""
    head = depot.page.database().head
    link.run(run("INSERT INTO posts(id, title) VALUES ('a', 't')"))
    link.run(run("UPDATE posts SET views = 2 WHERE id = 'a'"))
    link.run(run("DELETE FROM posts"))
    assert depot.events(head) == [
        ("posts", CREATE, "a", None, {"id": "a", "title": "t", "views": 0}),
        ("posts", UPDATE, "a", {"views": 0}, {"id": "a", "title": "t", "views": 2}),
        ("posts", DELETE, "a", {"id": "a", "title": "t", "views": 2}, None),
    ]


def test_replace_is_a_delete_and_a_create(depot: Depot, link: Link) -> None:
    """REPLACE tells of the row it drops, also when it drops two."""
    link.define("CREATE TABLE pairs(id INTEGER PRIMARY KEY, a UNIQUE, b UNIQUE)")
    link.run(run("INSERT INTO pairs VALUES (1, 'a1', 'b1'), (2, 'a2', 'b2')"))
    head = depot.page.database().head
    link.run(run("INSERT OR REPLACE INTO pairs VALUES (3, 'a1', 'b2')"))
    events = depot.events(head)
    assert sorted(events[:2], key=lambda event: event[2]) == [
        ("pairs", DELETE, 1, {"id": 1, "a": "a1", "b": "b1"}, None),
        ("pairs", DELETE, 2, {"id": 2, "a": "a2", "b": "b2"}, None),
    ]
    assert events[2:] == [("pairs", CREATE, 3, None, {"id": 3, "a": "a1", "b": "b2"})]


def test_delete_of_everything_tells_each_row(depot: Depot, link: Link) -> None:
    """SQLite's quick way to empty a table must not be taken, though it was planned before."""
    link.run(run("INSERT INTO posts(id) VALUES ('a'), ('b')"))
    head = depot.page.database().head
    link.run(run("DELETE FROM posts"))
    assert [(act, key) for _, act, key, _, _ in depot.events(head)] == [
        (DELETE, "a"),
        (DELETE, "b"),
    ]


def test_blob_and_composite_keys(depot: Depot, link: Link) -> None:
    """A BLOB key stays a BLOB; several columns become a msgpack array."""
    link.define(
        "CREATE TABLE blobs(id BLOB PRIMARY KEY, v) WITHOUT ROWID",
        "CREATE TABLE members(team TEXT, person INTEGER, v, PRIMARY KEY (person, team))",
    )
    head = depot.page.database().head
    link.run(run("INSERT INTO blobs VALUES (?, ?)", (b"\x00\xff", b"\x01")))
    link.run(run("UPDATE blobs SET v = 'text'"))
    link.run(run("INSERT INTO members VALUES ('red', 7, 'x')"))
    blob = b"\x00\xff"
    events = depot.events(head)
    assert events[0] == ("blobs", CREATE, blob, None, {"id": blob, "v": b"\x01"})
    assert events[1] == ("blobs", UPDATE, blob, {"v": b"\x01"}, {"id": blob, "v": "text"})
    assert msgspec.msgpack.decode(events[2][2]) == [7, "red"]


def test_user_trigger_that_updates_its_own_row(depot: Depot, link: Link) -> None:
    """Events come in the order in which the rows changed."""
    link.define(
        "CREATE TRIGGER bump AFTER INSERT ON posts BEGIN"
        " UPDATE posts SET views = views + 10 WHERE id = new.id; END"
    )
    head = depot.page.database().head
    link.run(run("INSERT INTO posts(id) VALUES ('a')"))
    assert depot.events(head) == [
        ("posts", CREATE, "a", None, {"id": "a", "title": "", "views": 0}),
        ("posts", UPDATE, "a", {"views": 0}, {"id": "a", "title": "", "views": 10}),
    ]


def test_cascade(depot: Depot, link: Link) -> None:
    """Rows that a foreign key takes along are told."""
    link.define(
        "CREATE TABLE parents(id INTEGER PRIMARY KEY)",
        "CREATE TABLE kids(id INTEGER PRIMARY KEY, p REFERENCES parents ON DELETE CASCADE)",
    )
    link.run(run("INSERT INTO parents VALUES (1)"), run("INSERT INTO kids VALUES (5, 1), (6, 1)"))
    head = depot.page.database().head
    link.run(run("DELETE FROM parents"))
    assert sorted((table, act, key) for table, act, key, _, _ in depot.events(head)) == [
        ("kids", DELETE, 5),
        ("kids", DELETE, 6),
        ("parents", DELETE, 1),
    ]


def test_changed_key_is_a_delete_and_a_create(depot: Depot, link: Link) -> None:
    """Whoever watches the old key must learn that it is gone."""
    link.run(run("INSERT INTO posts(id) VALUES ('a')"))
    head = depot.page.database().head
    link.run(run("UPDATE posts SET id = 'b'"))
    assert [(act, key) for _, act, key, _, _ in depot.events(head)] == [
        (DELETE, "a"),
        (CREATE, "b"),
    ]
    assert depot.value("SELECT max(n) FROM _change") == depot.page.database().head


def test_dropped_column_is_no_row_event(depot: Depot, link: Link) -> None:
    """DDL that rewrites all rows tells nothing; later events have the columns left."""
    link.run(run("INSERT INTO posts(id, title) VALUES ('a', 't')"))
    head = depot.page.database().head
    link.define("ALTER TABLE posts DROP COLUMN title")
    link.define("ALTER TABLE posts ADD COLUMN extra TEXT NOT NULL DEFAULT 'e'")
    assert depot.events(head) == []
    link.run(run("UPDATE posts SET views = 1"))
    new = {"id": "a", "views": 1, "extra": "e"}
    assert depot.events(head) == [("posts", UPDATE, "a", {"views": 0}, new)]


def test_dropped_table_is_a_reset_at_most(depot: Depot, link: Link) -> None:
    """DROP TABLE of a parent deletes rows behind the scenes: subscribers are told to resync."""
    link.define(
        "CREATE TABLE parents(id INTEGER PRIMARY KEY)",
        "CREATE TABLE kids(id INTEGER PRIMARY KEY, p REFERENCES parents ON DELETE CASCADE)",
    )
    link.run(run("INSERT INTO parents VALUES (1)"), run("INSERT INTO kids VALUES (5, 1)"))
    head = depot.page.database().head
    link.define("DROP TABLE parents")
    assert sorted(depot.events(head)) == [
        ("kids", RESET, None, None, None),
        ("parents", RESET, None, None, None),
    ]


def test_catalog_names_columns_by_field_id_without_secrets(depot: Depot, link: Link) -> None:
    """Owned tables are told by collection and field ids; a changed secret has no value."""
    head = depot.page.database().head
    insert = (
        "INSERT INTO _superusers(id, email, password, tokenKey) VALUES ('u', 'a@b.c', 'p1', 'k1')"
    )
    assert link.run(run(insert)).status is Status.OK
    assert link.run(run("UPDATE _superusers SET tokenKey = 'k2'")).status is Status.OK
    fields = msgspec.json.decode(
        depot.value("SELECT fields FROM _collections WHERE name = '_superusers'")
    )
    ids = {field["name"]: field["id"] for field in fields}
    created, updated = depot.events(head)
    assert created[:3] == ("pbc_3142635823", CREATE, "u")
    assert created[4][ids["email"]] == "a@b.c"
    assert updated[3] == {ids["tokenKey"]: None}
    for new in (created[4], updated[4]):
        assert not {ids["tokenKey"], ids["password"]} & set(new)
    stored = b"".join(row[0] for row in depot.rows("SELECT new FROM _change WHERE new NOTNULL"))
    assert b"k1" not in stored


def test_catalog_rows_are_told_by_key_only(depot: Depot, link: Link) -> None:
    """`_collections` holds rules and token secrets."""
    head = depot.page.database().head
    link.run(
        run("UPDATE _collections SET listRule = '' WHERE name = '_superusers'"),
        changes_catalog=True,
    )
    assert depot.events(head) == [("_collections", UPDATE, "pbc_3142635823", None, None)]


def test_large_rows_are_told_by_key_only(depot: Depot, link: Link) -> None:
    """A row beyond the bound has no values; its delete is a reset."""
    head = depot.page.database().head
    text = "x" * (limits.CHANGE_ROW_BYTES_MAX + 1)
    link.run(run("INSERT INTO posts(id, title) VALUES ('a', ?)", (text,)))
    link.run(run("DELETE FROM posts"))
    assert depot.events(head) == [
        ("posts", CREATE, "a", None, None),
        ("posts", RESET, "a", None, None),
    ]


def test_side_and_internal_tables_are_silent(depot: Depot, link: Link) -> None:
    """Side tables, idempotency keys, lockouts and full-text shadows are no events."""
    link.define(
        'CREATE TABLE "posts:tags"(value, rowid_)', "CREATE VIRTUAL TABLE words USING fts5(w)"
    )
    head = depot.page.database().head
    link.run(
        run('INSERT INTO "posts:tags" VALUES (1, 2)'),
        run("INSERT INTO _idempotency VALUES ('k', 'f', 1, 'r')"),
        run("INSERT INTO _attempts VALUES ('k', 1, 1)"),
        run("INSERT INTO words VALUES ('hello')"),
    )
    assert depot.events(head) == []
    assert depot.page.database().head == head


def test_rows_that_cannot_be_found_again_are_a_reset(depot: Depot, link: Link) -> None:
    """With virtual columns the driver reads no row in its hook, and here no rowid leads to it."""
    link.define(
        "CREATE TABLE sums(id INTEGER PRIMARY KEY, a, b AS (a + 1)) WITHOUT ROWID",
        "CREATE TABLE names(rowid, _rowid_, oid, a, b AS (a + 1))",
    )
    head = depot.page.database().head
    assert link.run(run("INSERT INTO sums(id, a) VALUES (1, 1)")).status is Status.OK
    assert link.run(run("UPDATE sums SET a = 2")).status is Status.OK
    assert link.run(run("INSERT INTO names(a) VALUES (1)")).status is Status.OK
    assert depot.events(head) == [
        *[("sums", RESET, None, None, None)] * 2,
        ("names", RESET, None, None, None),
    ]


def test_rows_rewritten_by_a_catalog_change_are_one_reset(depot: Depot, link: Link) -> None:
    """However many there are and however often; the catalog's own rows are told one by one."""
    link.define("CREATE TABLE others(id INTEGER PRIMARY KEY, v)")
    rows = "SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3"
    link.run(run(f"INSERT INTO posts(id) SELECT n FROM ({rows})"))
    head = depot.page.database().head
    result = link.run(
        run("UPDATE posts SET views = 1"),
        run("ALTER TABLE posts ADD COLUMN extra TEXT NOT NULL DEFAULT ''"),
        run("UPDATE posts SET extra = 'e'"),
        run("UPDATE _collections SET updated = 'x' WHERE name = '_superusers'"),
        run("INSERT INTO others(v) VALUES (1), (2)"),
        run("INSERT INTO _attempts VALUES ('k', 1, 1)"),
        run("DELETE FROM posts WHERE id = '1'"),
        changes_catalog=True,
    )
    assert result.status is Status.OK
    assert depot.events(head) == [
        ("_collections", UPDATE, "pbc_3142635823", None, None),
        ("posts", RESET, None, None, None),
        ("others", RESET, None, None, None),
    ]
    link.run(run("UPDATE posts SET views = 2 WHERE id = '2'"))
    new = {"id": "2", "title": "", "views": 2, "extra": "e"}
    assert depot.events(head)[3:] == [("posts", UPDATE, "2", {"views": 1}, new)]


def test_a_catalog_change_that_fails_tells_nothing(depot: Depot, link: Link) -> None:
    """And rows are told one by one again afterwards."""
    head = depot.page.database().head
    result = link.run(
        run("UPDATE _collections SET updated = 'x'"),
        run("INSERT INTO posts(id) VALUES ('a')"),
        run("ALTER TABLE nowhere ADD COLUMN extra"),
        changes_catalog=True,
    )
    assert result.status is Status.FAILED
    assert depot.events(head) == []
    link.run(run("INSERT INTO posts(id) VALUES ('b')"))
    assert [(act, key) for _, act, key, _, _ in depot.events(head)] == [(CREATE, "b")]


def test_triggers_into_side_tables_are_silent(depot: Depot, link: Link) -> None:
    """A row's event is the row's alone, and what a trigger writes is no effect of the statement."""
    link.define(
        'CREATE TABLE "c:f"(value TEXT NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (value, rid))'
        " WITHOUT ROWID",
        'CREATE TRIGGER ":insert:c:f" AFTER INSERT ON posts BEGIN'
        ' INSERT INTO "c:f" VALUES (new.title, new._rowid_); END',
        'CREATE TRIGGER ":delete:c:f" AFTER DELETE ON posts BEGIN'
        ' DELETE FROM "c:f" WHERE rid = old._rowid_; END',
    )
    head = depot.page.database().head
    link.run(run("INSERT INTO posts(id, title) VALUES ('a', 't')"))
    assert depot.value('SELECT value FROM "c:f"') == "t"
    nobody = run("INSERT INTO posts(id) SELECT 'x' WHERE 0", refusal="none")
    assert link.run(nobody).payload == "none"
    assert link.run(run("DELETE FROM posts", refusal="none")).status is Status.OK
    assert link.run(run("DELETE FROM posts", refusal="none")).payload == "none"
    assert [(table, act, key) for table, act, key, _, _ in depot.events(head)] == [
        ("posts", CREATE, "a"),
        ("posts", DELETE, "a"),
    ]


def test_views_are_no_tables(depot: Depot, link: Link) -> None:
    """Also one that has lost what it reads."""
    link.define("CREATE VIEW seen AS SELECT id FROM posts", "CREATE VIEW lost AS SELECT * FROM no")
    head = depot.page.database().head
    assert link.run(run("INSERT INTO posts(id) VALUES ('a')")).status is Status.OK
    assert [table for table, *_ in depot.events(head)] == ["posts"]
