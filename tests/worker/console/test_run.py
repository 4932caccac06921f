"""The SQL console over HTTP: what reads, what writes, what each of them is bounded by.

Also tests `worker.console.text`, `worker.engine.console`, `worker.wire.pocketbase.sql`,
`writer.console`, `shared.messages.console`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.limits import CONSOLE_EVENTS_MAX, CONSOLE_ROWS_MAX, CONSOLE_TEXT_CHARS_MAX
from tests.cluster_process import PASSWORD, ClusterProcess
from tests.waiting import until

MAIN = """
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, data BLOB, n REAL) STRICT;
CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER NOT NULL REFERENCES item(id)) STRICT;
INSERT INTO item VALUES (1, 'one', x'00ff', 1.5), (9223372036854775807, 'large', NULL, 9e999);
"""
OTHER = """
CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT) STRICT;
INSERT INTO note VALUES (1, 'beside');
"""
CONFIG = """
databases { name: "other" }
record_apis { name: "item" table_name: "item" acl_world: [READ] }
record_apis { name: "made" table_name: "made" acl_world: [READ] }
"""
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """A depot with tables of its user's, a second database and a collection with a list."""
    depot = tmp_path_factory.mktemp("console") / "depot"
    for name, sql in (("main", MAIN), ("other", OTHER)):
        folder = depot / "migrations" / name
        folder.mkdir(parents=True)
        (folder / "U1__tables.sql").write_text(sql)
    (depot / "config.textproto").write_text(CONFIG)
    with ClusterProcess(depot) as running:
        fields: list[dict[str, Any]] = [
            {"name": "title", "type": "text"},
            {"name": "tags", "type": "select", "maxSelect": 2, "values": ["a", "b"]},
        ]
        running.collection("posts", fields)
        yield running


@pytest.fixture(scope="module")
def ask(superuser: httpx.Client) -> Any:
    """Runs a text; the answer's JSON, or its status and message."""

    def run(query: str, **more: Any) -> Any:
        reply = superuser.post("/api/sql", json={"query": query, **more})
        if reply.status_code == 200:
            return reply.json()
        assert reply.status_code == 400, reply.text
        return reply.json()["message"]

    return run


# --- Reading --------------------------------------------------------------------------------------


def test_a_read_gives_columns_and_rows(ask: Any) -> None:
    """With all 64 bits, blobs as base64 and the types of the table's columns."""
    found = ask("SELECT id, name, data, n, 1 + 1 AS two FROM item ORDER BY id")
    assert found["rows"] == [
        ["1", "one", "AP8=", "1.5", "2"],
        ["9223372036854775807", "large", None, "Inf", "2"],
    ]
    assert [(one["name"], one["type"], one["nullable"]) for one in found["columns"]] == [
        ("id", "INTEGER", False),
        ("name", "TEXT", False),
        ("data", "BLOB", True),
        ("n", "REAL", True),
        ("two", "", True),
    ]
    assert found["affectedRows"] == 0
    assert found["execTime"] >= 0


def test_the_last_statement_with_rows_is_shown(ask: Any) -> None:
    """Whatever stands before it, comments and empty statements between."""
    found = ask("SELECT 1; -- a ; comment\n;; SELECT 'a;b' AS x /* ; */; ")
    assert found["rows"] == [["a;b"]]
    assert ask("EXPLAIN QUERY PLAN DELETE FROM item WHERE id = 1")["rows"]
    assert ask("PRAGMA table_info(item)")["rows"][0][1] == "id"
    assert ask("SELECT name FROM pragma_table_info('item') LIMIT 1")["rows"] == [["id"]]
    assert ask("SELECT count(*) FROM item WHERE name LIKE 'ONE'")["rows"] == [["0"]]


def test_rows_are_cut_and_that_is_told(superuser: httpx.Client) -> None:
    """By their number and by their size."""
    for query in (
        f"{ENDLESS} SELECT x FROM c",
        f"{ENDLESS} SELECT hex(randomblob(100000)) FROM c",
    ):
        reply = superuser.post("/api/sql", json={"query": query})
        assert reply.headers["quill-rows-cut"] == "true"
        assert 0 < len(reply.json()["rows"]) <= CONSOLE_ROWS_MAX
    whole = superuser.post("/api/sql", json={"query": "SELECT 1"})
    assert "quill-rows-cut" not in whole.headers


def test_other_requests_go_on_beside_an_endless_one(
    superuser: httpx.Client, guest: httpx.Client, ask: Any
) -> None:
    """It is ended after its time; until then reads and writes are answered."""
    told: list[Any] = []
    asking = threading.Thread(target=lambda: told.append(ask(f"{ENDLESS} SELECT count(*) FROM c")))
    asking.start()
    answered = 0
    while asking.is_alive():
        assert guest.get("/api/records/v1/item/1").status_code == 200
        made = superuser.post("/api/collections/posts/records", json={"title": "beside"})
        assert made.status_code == 200
        answered += 1
    assert answered > 10
    assert told == ["The query took longer than 5 seconds."]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("ATTACH 'x' AS y", "ATTACH is not allowed"),
        ("DETACH main", "DETACH is not allowed"),
        ("PRAGMA writable_schema = 1", "PRAGMA writable_schema is not allowed"),
        ("PRAGMA user_version = 5", "PRAGMA user_version is not allowed"),
        ("PRAGMA journal_mode", "PRAGMA journal_mode is not allowed"),
        ("PRAGMA hard_heap_limit = 1000", "PRAGMA hard_heap_limit is not allowed"),
        ("SELECT * FROM pragma_database_list", "pragma_database_list may not be read"),
        ("VACUUM", "no place"),
        ("VACUUM INTO '/tmp/stolen.db'", "no place"),
        ("BEGIN", "one transaction"),
        ("COMMIT", "one transaction"),
        ("SAVEPOINT x", "one transaction"),
        ("SELECT load_extension('x')", "load_extension is not allowed"),
        ("SELECT readfile('/etc/passwd')", "no such function"),
        ("SELECT zeroblob(1000000000)", "zeroblob is not allowed"),
        ("SELECT * FROM dbstat", "dbstat may not be read"),
        ("SELECT * FROM sqlite_dbpage", "no such table"),
        ("CREATE VIRTUAL TABLE f USING fts5(a)", "virtual tables are made by migrations"),
        ("CREATE TRIGGER t AFTER INSERT ON item BEGIN SELECT 1; END", "made by migrations"),
        ("CREATE TEMP TABLE x (a)", "no place"),
        ("SELECT printf('%.*c', 100000000, 'x')", "too big"),
        ("SELECT randomblob(1000000000)", "too big"),
        (f"{ENDLESS} SELECT randomblob(1000000) AS r FROM c ORDER BY r", "memory"),
        ("SELECT * FROM _settings", "_settings may not be read"),
        ("SELECT count(*) FROM _batch", "_batch may not be read"),
        ("DELETE FROM _change", "_change belongs to the system"),
        ("UPDATE _collections SET name = 'x'", "_collections belongs to the system"),
        ("INSERT INTO _settings VALUES ('a', 'b')", "_settings belongs to the system"),
        ("DELETE FROM sqlite_master", "may not be modified"),
        ("DROP TABLE posts", "defined by its collection"),
        ("ALTER TABLE posts ADD COLUMN x", "defined by its collection"),
        ("CREATE INDEX i ON posts (title)", "defined by its collection"),
        ("DROP TABLE _user", "belongs to the system"),
        ("ALTER TABLE item RENAME TO _params", "belongs to the system"),
        ("CREATE VIEW v AS SELECT * FROM _settings", "belongs to the system"),
        ("CREATE VIEW v AS SELECT * FROM _user", "may not be read"),
        ("INSERT INTO item (id, name) SELECT 5, tokenKey FROM users", "tokenKey may not be read"),
        ("SELEC 1", 'near "SELEC": syntax error'),
        ("SELECT missing FROM item", "no such column"),
        ("SELECT ?", "no values for parameters"),
        ("DELETE FROM item WHERE id = :id", "no values for parameters"),
        ("SELECT CAST(x'ff' AS TEXT)", "not valid UTF-8"),
        ("UPDATE item SET name = CAST(x'ff' AS TEXT)", "not valid UTF-8"),
        ("INSERT INTO item (id) VALUES (7)", "NOT NULL constraint failed"),
        ("INSERT INTO part VALUES (1, 77)", "FOREIGN KEY constraint failed"),
        ("INSERT OR ROLLBACK INTO item (id, name) VALUES (1, 'a')", "UNIQUE constraint failed"),
        (f"INSERT INTO item (name) {ENDLESS} SELECT count(*) FROM c", "longer than 2 seconds"),
        ("SELECT '", "never closed"),
        ("-- nothing", "no statement"),
        ("", "no statement"),
        (" ;; ", "no statement"),
    ],
)
def test_what_is_refused_is_told(ask: Any, query: str, why: str) -> None:
    """With SQLite's reason, or ours; and nothing has changed."""
    before = ask("SELECT count(*), group_concat(name) FROM item")["rows"]
    schema = ask("SELECT count(*) FROM sqlite_schema")["rows"]
    told = ask(query)
    assert isinstance(told, str), told
    assert why.lower() in told.lower()
    assert ask("SELECT count(*), group_concat(name) FROM item")["rows"] == before
    assert ask("SELECT count(*) FROM sqlite_schema")["rows"] == schema


def test_secrets_read_as_null(ask: Any, superuser: httpx.Client) -> None:
    """So that whole rows can be looked at; nothing tells them by a condition or a view."""
    user = {"email": "a@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    assert superuser.post("/api/collections/users/records", json=user).status_code == 200
    found = ask("SELECT * FROM users")
    row = dict(zip([one["name"] for one in found["columns"]], found["rows"][0], strict=True))
    assert row["email"] == "a@example.com"
    assert row["password"] is None
    assert row["tokenKey"] is None
    assert ask("SELECT count(*) FROM users WHERE password > ''")["rows"] == [["0"]]
    assert ask("SELECT password_hash FROM _user")["rows"] == [[None]]
    assert ask("SELECT DISTINCT options FROM _collections")["rows"] == [[None]]
    assert ask("UPDATE users SET name = 'Anna' RETURNING id, name")["rows"][0][1] == "Anna"
    assert "may not be read" in ask("UPDATE users SET name = 'x' RETURNING *")


def test_odd_bodies_are_400(superuser: httpx.Client) -> None:
    """Whatever was sent in the place of a text."""
    for body in (
        b"",
        b"[]",
        b"{}",
        b'{"query": 7}',
        b'{"query": "SELECT \\u0000"}',
        b'{"query": "SELECT \xff"}',
        b'{"query": "' + b"x" * (CONSOLE_TEXT_CHARS_MAX + 1) + b'"}',
        b'{"query": "' + b"SELECT 1;" * 300 + b'"}',
        b'{"query": "SELECT ' + b"(" * 5000 + b'"}',
        b'{"query": "SELECT 1", "database": "none"}',
        b'{"query": "SELECT 1", "database": "session"}',
        b'{"query": "SELECT 1", "database": 1}',
    ):
        reply = superuser.post(
            "/api/sql", content=body, headers={"content-type": "application/json"}
        )
        assert reply.status_code == 400, (body[:60], reply.text)
    key = {"Idempotency-Key": "k"}
    assert superuser.post("/api/sql", json={"query": "SELECT 1"}, headers=key).status_code == 400


def test_only_superusers_may(guest: httpx.Client, superuser: httpx.Client) -> None:
    """401 without a token, 403 with somebody else's."""
    user = {"email": "b@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    assert superuser.post("/api/collections/users/records", json=user).status_code == 200
    login = {"identity": user["email"], "password": PASSWORD}
    path = "/api/collections/users/auth-with-password"
    mine = {"Authorization": guest.post(path, json=login).json()["token"]}
    for query in ("SELECT 1", "DELETE FROM item", "nonsense"):
        assert guest.post("/api/sql", json={"query": query}).status_code == 401
        assert guest.post("/api/sql", json={"query": query}, headers=mine).status_code == 403


def test_who_is_no_superuser_any_more_gets_no_answer(
    cluster: ClusterProcess, guest: httpx.Client, superuser: httpx.Client
) -> None:
    """Also where the query had begun before."""
    other = {"email": "c@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    records = "/api/collections/_superusers/records"
    made = superuser.post(records, json=other).json()
    login = {"identity": other["email"], "password": PASSWORD}
    path = "/api/collections/_superusers/auth-with-password"
    headers = {
        "Authorization": guest.post(path, json=login).json()["token"],
        "X-Request-Id": "long-query",
    }
    query = f"{ENDLESS[:-1]} LIMIT 5000000) SELECT count(*) FROM c"
    told: list[httpx.Response] = []
    asking = threading.Thread(
        target=lambda: told.append(
            guest.post("/api/sql", json={"query": query}, headers=headers, timeout=60)
        )
    )
    asking.start()
    begun = lambda: any(one.get("request_id") == "long-query" for one in cluster.events())  # noqa: E731
    until(begun, what="the query has begun")
    assert superuser.delete(f"{records}/{made['id']}").status_code == 204
    asking.join()
    assert told[0].status_code in (401, 403)


def test_side_tables_are_not_written_to(ask: Any) -> None:
    """They follow the lists of their records, which alone can be changed."""
    named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%:select%'"
    ((name,),) = ask(named)["rows"]
    assert ask(f'SELECT count(*) FROM "{name}"')["columns"]
    assert "follows the records" in ask(f'DELETE FROM "{name}"')
    assert "belongs to the system" in ask(f'DROP TABLE "{name}"')
    assert "belongs to the system" in ask('CREATE TABLE "a:b" (x)')


def test_the_log_says_who_ran_what(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """Before it runs, and without what stands in quotes."""
    sent = {"X-Request-Id": "console-log"}
    query = "SELECT 'hidden-text'\n AS shown_name"
    superuser.post("/api/sql", json={"query": query}, headers=sent)

    def told() -> list[dict[str, Any]]:
        return [one for one in cluster.events() if one.get("request_id") == "console-log"]

    until(lambda: bool(told()), seconds=5, what="the line of the log")
    (line,) = [one for one in told() if one["event"] == "text in the SQL console"]
    assert line["sql"] == "SELECT '?' AS shown_name"
    assert line["actor"].startswith("pbc_3142635823/")
    assert line["database"] == "main"


# --- Writing --------------------------------------------------------------------------------------


def test_a_text_is_applied_as_a_whole(ask: Any) -> None:
    """With the rows of its last statement that gives any, and how many it changed."""
    found = ask(
        "INSERT INTO item (id, name) VALUES (10, 'a'), (11, 'b');"
        "UPDATE item SET name = upper(name) WHERE id > 9 AND id < 100 RETURNING id, name;"
        "DELETE FROM part"
    )
    assert found["affectedRows"] == 4
    assert found["rows"] == [["10", "A"], ["11", "B"]]
    told = ask("DELETE FROM item WHERE id = 10; INSERT INTO item (id, name) VALUES (11, 'twice')")
    assert "UNIQUE constraint failed" in told
    assert ask("SELECT id FROM item WHERE id IN (10, 11)")["rows"] == [["10"], ["11"]]
    assert ask("DELETE FROM item WHERE id IN (10, 11)")["affectedRows"] == 2


def test_records_that_are_changed_are_events(ask: Any, superuser: httpx.Client) -> None:
    """As any change of a collection: in the log under who did it, with its side table."""
    created = superuser.post(
        "/api/collections/posts/records", json={"title": "before", "tags": ["a"]}
    ).json()
    done = ask(f"UPDATE posts SET title = 'by sql', tags = '[\"b\"]' WHERE id = '{created['id']}'")
    assert done["affectedRows"] == 1
    shown = superuser.get(
        "/api/collections/posts/records", params={"filter": "title = 'by sql' && tags:each ?= 'b'"}
    ).json()
    assert [one["id"] for one in shown["items"]] == [created["id"]]
    logged = ask(f"SELECT act FROM _change WHERE key = '{created['id']}' ORDER BY n")
    assert logged["rows"] == [["1"], ["2"]]


def test_many_rows_are_told_as_a_reset(ask: Any) -> None:
    """A text that changes more than are told one by one is run all the same."""
    many = CONSOLE_EVENTS_MAX * 3
    ask("CREATE TABLE many (id INTEGER PRIMARY KEY, n INTEGER) STRICT")
    rows = f"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {many})"
    assert ask(f"INSERT INTO many (n) {rows} SELECT x FROM c")["affectedRows"] == many
    assert ask("SELECT act FROM _change WHERE tbl = 'many'")["rows"] == [["4"]]
    assert ask("SELECT count(*) FROM many")["rows"] == [[str(many)]]
    ask("DROP TABLE many")


def test_the_schema_can_be_changed(ask: Any, guest: httpx.Client) -> None:
    """In one transaction with the rows, and record APIs follow."""
    assert guest.get("/api/records/v1/made").status_code == 405
    made = ask(
        "INSERT INTO item (id, name) VALUES (20, 'first');"
        "CREATE TABLE made (id INTEGER PRIMARY KEY, name TEXT) STRICT;"
        "INSERT INTO made SELECT id, name FROM item WHERE id = 20;"
        "CREATE INDEX made_name ON made (name);"
        "ALTER TABLE made ADD COLUMN more TEXT;"
        "CREATE VIEW seen AS SELECT id FROM made;"
        "SELECT count(*) FROM seen"
    )
    assert made["rows"] == [["1"]]
    reply = guest.get("/api/records/v1/made")
    assert reply.json()["records"] == [{"id": 20, "name": "first", "more": None}]
    failed = ask("DROP VIEW seen; DROP TABLE made; INSERT INTO item (id, name) VALUES (20, 'x')")
    assert "UNIQUE constraint failed" in failed
    assert guest.get("/api/records/v1/made").status_code == 200
    ask("DROP VIEW seen; DROP TABLE made; DELETE FROM item WHERE id = 20")
    assert guest.get("/api/records/v1/made").status_code == 405


def test_a_definition_in_the_middle_is_judged_at_the_writer(ask: Any) -> None:
    """What follows a change of the schema is under the same judge, and takes all of it along."""
    for bad in (
        "DELETE FROM _change",
        "DROP TABLE posts",
        "ATTACH 'x' AS y",
        "VACUUM",
        "PRAGMA writable_schema = 1",
        "COMMIT",
        "SELECT * FROM _settings",
        "INSERT INTO t SELECT password FROM users",
        "SELECT readfile('x')",
        "SELEC",
    ):
        told = ask(f"CREATE TABLE t (a TEXT); {bad}; DROP TABLE t")
        assert isinstance(told, str), bad
        assert ask("SELECT count(*) FROM sqlite_schema WHERE name = 't'")["rows"] == [["0"]]


def test_another_database_is_written_to_by_its_name(ask: Any) -> None:
    """As the main one of its own text."""
    assert ask("SELECT text FROM note", database="other")["rows"] == [["beside"]]
    made = ask("INSERT INTO note (text) VALUES ('new') RETURNING id", database="other")
    assert made["rows"] == [["2"]]
    ask("CREATE TABLE extra (a) ; DROP TABLE extra", database="other")
    assert "belongs to the system" in ask("DELETE FROM _change", database="other")
    assert ask("DELETE FROM note WHERE id = 2", database="other")["affectedRows"] == 1
