"""SQL rules judged before they run: what may stand in one, what it becomes, and what is refused.

Also tests `shared.sqlite.expression`, `worker.engine.rule_rehearsal`, `shared.sql.api.rules`,
`shared.sql.api.own_tables`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import apsw
import pytest

from shared.schema.api import Action, RecordApi, SqlRule
from shared.schema.catalog import Catalog
from shared.schema.tables.eligibility import record_key
from shared.schema.tables.introspect import read_tables
from shared.schema.tables.table import Tables
from shared.sql.api.rules import judge, read_rule, rule_params
from shared.sqlite.functions.register import register
from worker.apis.rules import RuleError, RuleJudge

TABLES = """
CREATE TABLE _user (id BLOB PRIMARY KEY, email TEXT, password_hash TEXT, totp_secret TEXT) STRICT;
CREATE TABLE _settings (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE _change (n INTEGER PRIMARY KEY);
CREATE TABLE room (id INTEGER PRIMARY KEY, name TEXT, _owner BLOB) STRICT;
CREATE TABLE member (user BLOB, room INTEGER) STRICT;
CREATE VIEW secrets AS SELECT id, password_hash FROM _user;
CREATE VIEW names AS SELECT id, name FROM room;
CREATE INDEX room_owner ON room (_owner);
INSERT INTO room VALUES (1, 'one', x'01'), (2, 'two', x'02'), (3, 'Three', NULL);
INSERT INTO member VALUES (x'01', 1), (x'01', 2);
"""


@pytest.fixture(scope="module")
def database() -> Iterator[apsw.Connection]:
    """Tables as users and the system have them."""
    connection = apsw.Connection(":memory:")
    register(connection)
    connection.execute(TABLES)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def tables(database: apsw.Connection) -> Tables:
    """What is read of them."""
    return read_tables(database.execute, refused=apsw.SQLError)


@pytest.fixture(scope="module")
def judging(tables: Tables) -> Iterator[RuleJudge]:
    """A judge over them."""
    with RuleJudge({"main": tables}, Catalog(1, ())) as made:
        yield made


def rule_of(judging: RuleJudge, tables: Tables, text: str, action: Action = Action.READ) -> SqlRule:
    room = tables.find("room")
    assert room is not None
    return judging.judge(text, action, database="main", table=room, columns=room.columns)


def api_of(tables: Tables, **rules: SqlRule) -> RecordApi:
    room = tables.find("room")
    assert room is not None
    return RecordApi(
        name="room",
        database="main",
        table=room,
        key=record_key(room, tables),
        columns=room.columns,
        limit=10,
        rules={Action[name]: rule for name, rule in rules.items()},
    )


HOSTILE = {
    "leaves its brackets": "1) OR (1",
    "leaves them for a comment": "1) OR 1 --",
    "ends its brackets": "1)) --",
    "opens more than it closes": "((1)",
    "a comment without an end": "1 /* ",
    "a comment that hides": "0 /* ) */ ) OR (1",
    "several statements": "1; DROP TABLE room",
    "a statement of its own": "; SELECT 1",
    "a semicolon alone": "1;",
    "a whole query": "SELECT 1",
    "a FROM of its own": "1 FROM room WHERE 1",
    "a column more": "1, 2",
    "a row value": "(1, 2)",
    "a union": "1 UNION SELECT 1",
    "an alias": "1 AS x",
    "a star": "*",
    "a limit": "1 LIMIT 1",
    "nothing": "",
    "blanks": " \n ",
    "a comment alone": "-- 1",
    "a NUL": "1\x00) OR (1",
    "a text without an end": "'",
    "a name without an end": '"',
    "ATTACH": "ATTACH ':memory:' AS x",
    "a pragma": "PRAGMA table_info(room)",
    "a pragma as a table": "(SELECT count(*) FROM pragma_table_info('room'))",
    "a list of databases": "(SELECT file FROM pragma_database_list)",
    "the schema": "(SELECT count(*) FROM sqlite_schema)",
    "the schema by its old name": "EXISTS (SELECT sql FROM main.sqlite_master)",
    "the settings": "(SELECT value FROM _settings)",
    "the log": "(SELECT 1 FROM _change)",
    "an extension": "load_extension('x')",
    "a file": "readfile('/etc/passwd')",
    "a large blob": "zeroblob(1000000000)",
    "a hash, which is slow": "hash_password('x') = 'y'",
    "a secret": "(SELECT password_hash FROM _user LIMIT 1) = 'x'",
    "a secret in any case": "(SELECT PASSWORD_HASH FROM _User LIMIT 1) = 'x'",
    "a secret by a star": "EXISTS (SELECT * FROM _user)",
    "a second factor": "EXISTS (SELECT 1 FROM _user WHERE totp_secret IS NOT NULL)",
    "secrets by a view": "EXISTS (SELECT password_hash FROM secrets)",
    "a parameter": "?",
    "a numbered one": "?1 = 1",
    "a named one": ":user = 1",
    "a dollar": "$x = 1",
    "an at": "@x = 1",
    "a table that is none": "EXISTS (SELECT 1 FROM nothing)",
    "a column that is none": "_ROW_.nothing = 1",
    "a text in double quotes": '"nothing" = 1',
    "a user's other columns": "_USER_.email = 'x'",
    "the user as a table": "EXISTS (SELECT 1 FROM _USER_)",
    "the user alone": "_USER_ IS NULL",
    "the user's name taken": "EXISTS (SELECT 1 FROM member AS _USER_ WHERE _USER_.id)",
    "the user in small letters": "_user_.id IS NULL",
    "what was not sent": "_REQ_.name = 'x'",
    "fields that were not sent": "'name' IN _REQ_FIELDS_",
    "an aggregate": "count(*) > 0",
    "a window": "row_number() OVER () = 1",
    "a raise": "RAISE(ABORT, 'x')",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_no_rule_may_say(judging: RuleJudge, tables: Tables, text: str) -> None:
    """Each is refused before it could run, with a row or without."""
    for action in (Action.READ, Action.SCHEMA):
        with pytest.raises(RuleError) as refusal:
            rule_of(judging, tables, text, action)
        assert str(refusal.value)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("1", {1, 2, 3}),
        ("0", set()),
        ("NULL", set()),
        ("'1abc'", {1, 2, 3}),
        ("0.5", set()),
        ("_ROW_._owner = _USER_.id", {1}),
        ('"_ROW_"."_owner" IS "_USER_"."id"', {1}),
        ("_USER_.id IS NULL OR _ROW_.id = 2", {2}),
        ("id > 1 -- the end", {2, 3}),
        ("/* (((( */ id < 2", {1}),
        ("(SELECT 1 FROM member WHERE user = _USER_.id AND room = _ROW_.id)", {1, 2}),
        (
            "EXISTS (SELECT 1 FROM member AS m WHERE m.user = _USER_.id AND m.room = _ROW_.id)",
            {1, 2},
        ),
        ("_ROW_.name LIKE '%t%' AND '_USER_.id' IS NOT NULL", {2}),
        ("_ROW_.id IN (SELECT id FROM names WHERE name = 'one')", {1}),
        ("CASE WHEN _ROW_.id = 1 THEN 0 ELSE 7 END", {2, 3}),
        ("EXISTS (SELECT 1 FROM _user WHERE id = _USER_.id)", set()),
        ("_ROW_.id IN (SELECT value FROM json_each('[3]'))", {3}),
    ],
)
def test_rules_that_hold(
    database: apsw.Connection, judging: RuleJudge, tables: Tables, text: str, seen: set[int]
) -> None:
    """As conditions of a list and as the judge of one record they say the same."""
    database.execute("PRAGMA case_sensitive_like = ON")
    rule = rule_of(judging, tables, text)
    sql = f"SELECT _ROW_.id FROM room AS _ROW_ WHERE {rule.condition} AND _ROW_.id > ?"
    values = (*rule_params(rule, b"\x01"), 0)
    assert {row[0] for row in database.execute(sql, values)} == seen
    api = api_of(tables, READ=rule)
    one = judge(api, Action.READ)
    found = {
        key
        for key in (1, 2, 3, 4)
        if database.execute(one.sql, one.params(b"\x01", key)).fetchone()
    }
    assert found == seen


def test_a_rule_uses_an_index(
    database: apsw.Connection, judging: RuleJudge, tables: Tables
) -> None:
    """Neither the caller's id nor the order by the key costs a scan or a sort."""
    rule = rule_of(judging, tables, "_ROW_._owner = _USER_.id")
    sql = f"SELECT _ROW_.name FROM room AS _ROW_ WHERE {rule.condition} ORDER BY _ROW_.id DESC"
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", (b"\x01",))]
    assert plan == ["SEARCH _ROW_ USING INDEX room_owner (_owner=?)"]


def test_what_was_sent(database: apsw.Connection, judging: RuleJudge, tables: Tables) -> None:
    """`_REQ_` has each column of the API, NULL where absent, and the fields are those sent."""
    text = "_REQ_.name = 'x' AND _REQ_.id IS NULL AND 'name' IN _REQ_FIELDS_ AND _USER_.id = x'01'"
    rule = rule_of(judging, tables, text, Action.CREATE)
    one = judge(api_of(tables, CREATE=rule), Action.CREATE)
    assert rule.wants == ("name", "id", "_REQ_FIELDS_", "_USER_")
    cases: list[tuple[dict[str, str | int], tuple[str, ...] | None, bool]] = [
        ({"name": "x"}, None, True),
        ({"name": "y"}, None, False),
        ({"name": "x", "id": 1}, None, False),
        ({"name": "x"}, ("id",), False),
    ]
    for sent, fields, allowed in cases:
        values = one.params(b"\x01", None, sent, fields)
        assert (database.execute(one.sql, values).fetchone() is not None) is allowed
    assert json.loads(str(one.params(b"\x01", None, {"name": "x"})[2])) == ["name"]


def test_an_update_sees_both(database: apsw.Connection, judging: RuleJudge, tables: Tables) -> None:
    """The row as it stands, and what is to become of it."""
    rule = rule_of(judging, tables, "_ROW_.name = 'one' AND _REQ_.name <> 'one'", Action.UPDATE)
    one = judge(api_of(tables, UPDATE=rule), Action.UPDATE)
    for key, name, allowed in [(1, "new", True), (1, "one", False), (2, "new", False)]:
        found = database.execute(one.sql, one.params(None, key, {"name": name})).fetchone()
        assert (found is not None) is allowed


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("_ROW_.id = 1", Action.CREATE),
        ("_ROW_.id = 1", Action.SCHEMA),
        ("_REQ_.id = 1", Action.DELETE),
        ("_REQ_.nothing = 1", Action.CREATE),
        ("_REQ_ = 1", Action.UPDATE),
        ("EXISTS (SELECT 1 FROM _REQ_FIELDS_)", Action.UPDATE),
    ],
)
def test_what_an_action_does_not_have(
    judging: RuleJudge, tables: Tables, text: str, action: Action
) -> None:
    """A rule speaks of what its action has, or is refused."""
    with pytest.raises(RuleError):
        rule_of(judging, tables, text, action)


def test_databases_beside(tables: Tables) -> None:
    """A rule reads its own database and those attached for it, and no other."""
    other = read_tables(_other().execute, refused=apsw.SQLError)
    with RuleJudge({"main": tables, "other": other, "third": other}, Catalog(1, ())) as judging:

        def judged(text: str, attached: tuple[str, ...] = ()) -> SqlRule:
            table = other.find("note")
            assert table is not None
            return judging.judge(
                text,
                Action.READ,
                database="other",
                table=table,
                columns=table.columns,
                attached=attached,
            )

        assert judged("EXISTS (SELECT 1 FROM other.note)").reads == {"other.note"}
        assert "third.note" in judged("(SELECT min(id) FROM third.note)", ("third",)).reads
        for text in ("EXISTS (SELECT id FROM third.note)", "EXISTS (SELECT id FROM main.room)"):
            with pytest.raises(RuleError, match="may not be read"):
                judged(text)


SAME = "CREATE TABLE open (id INTEGER PRIMARY KEY, note INTEGER) STRICT; CREATE TABLE note (id INTEGER PRIMARY KEY) STRICT; INSERT INTO note VALUES (1), (2);"


def test_databases_with_tables_called_alike(tables: Tables) -> None:
    """A bare name is a table of the rule's own database, whichever was attached first."""
    with closing(apsw.Connection(":memory:")) as database:
        for name, note in (("alpha", 1), ("beta", 2)):
            database.execute(f"ATTACH ':memory:' AS {name}")
            database.execute(
                SAME.replace("TABLE ", f"TABLE {name}.").replace("INTO ", f"INTO {name}.")
            )
            database.execute(f"INSERT INTO {name}.open (note) VALUES ({note})")
        same = {
            name: read_tables(database.execute, name, refused=apsw.SQLError)
            for name in ("alpha", "beta")
        }
        with RuleJudge({"main": tables, **same}, Catalog(1, ())) as judging:

            def judged(text: str, action: Action, attached: tuple[str, ...] = ()) -> SqlRule:
                note = same["beta"].find("note")
                assert note is not None
                return judging.judge(
                    text,
                    action,
                    database="beta",
                    table=note,
                    columns=note.columns,
                    attached=attached,
                )

            text = "_ROW_.id IN (SELECT note FROM open) AND EXISTS (SELECT 1 FROM open AS o, note)"
            rule = judged(text, Action.READ)
            sql = f"SELECT _ROW_.id FROM beta.note AS _ROW_ WHERE {rule.condition}"
            assert database.execute(sql).fetchall() == [(2,)]
            assert (rule.text, set(rule.reads)) == (text, {"beta.open", "beta.note"})
            for told in (text, text.replace("FROM open", "FROM Beta . [open]")):
                condition = judged(told, Action.DELETE).condition
                assert "beta" not in condition.lower()
            with pytest.raises(RuleError, match=r"main\.open may not be read"):
                judged("EXISTS (SELECT note FROM main.open)", Action.DELETE)
            attached = judged("(SELECT note FROM alpha.open) = 1", Action.SCHEMA, ("alpha",))
            assert attached.reads == {"alpha.open"}


def test_a_bare_name_of_an_attached_database_is_refused(tables: Tables) -> None:
    """Some other that a worker has attached before it may have such a table, too."""
    with closing(_other()) as connection:
        other = read_tables(connection.execute, refused=apsw.SQLError)
    room = tables.find("room")
    assert room is not None
    with RuleJudge({"main": tables, "other": other}, Catalog(1, ())) as judging:
        for text in ("(SELECT max(id) FROM note) = 1", "(SELECT max(t) FROM note) = 1"):
            with pytest.raises(RuleError):
                judging.judge(
                    text, Action.READ, database="main", table=room, columns=room.columns,
                    attached=("other",),
                )  # fmt: skip


def _other() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, t TEXT) STRICT")
    return connection


VIEWS = """
CREATE VIRTUAL TABLE place USING rtree (id, low, high);
CREATE VIEW harmless AS SELECT r.id, abs(p.low), randomblob(1) AS b FROM room AS r
  JOIN place AS p ON p.id = r.id LEFT JOIN _user AS u ON u.id = r._owner, json_each('[1]');
CREATE VIEW of_names AS SELECT * FROM names;
CREATE VIEW second_factors AS SELECT id FROM _user WHERE totp_secret IS NOT NULL;
CREATE VIEW by_name AS SELECT id, hex(max("Password_Hash")) AS x FROM [_USER];
CREATE VIEW twice AS SELECT id FROM secrets;
CREATE VIEW beneath AS SELECT id, (SELECT value FROM _settings) AS x FROM room;
CREATE VIEW of_files AS SELECT id FROM room JOIN pragma_database_list;
"""


def test_what_views_may_read() -> None:
    """What rules may, virtual tables, and the result of any function; shown or not."""
    with closing(apsw.Connection(":memory:")) as connection:
        register(connection)
        connection.execute(TABLES + VIEWS)
        tables = read_tables(connection.execute, refused=apsw.SQLError)
    with RuleJudge({"main": tables}, Catalog(1, ())) as judging:
        for name in ("names", "of_names", "harmless"):
            judging.check_view("main", name)
        for name in ("secrets", "second_factors", "by_name", "twice", "beneath", "of_files"):
            with pytest.raises(RuleError, match=r"may not be read|unsafe use"):
                judging.check_view("main", name)


def test_a_rule_is_read_without_a_database(tables: Tables) -> None:
    """What it speaks of is told from its words."""
    room = tables.find("room")
    assert room is not None
    rule = read_rule("_ROW_.id = 1 AND _USER_.id IS NOT NULL", Action.READ, room.columns)
    assert (rule.uses_row, rule.uses_user, rule.uses_req, rule.uses_fields) == (
        True, True, False, False,
    )  # fmt: skip
