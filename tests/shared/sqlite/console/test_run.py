"""One statement on a plain connection: looked at, run within bounds, judged.

Also tests `shared.sqlite.console.judge`, `shared.sqlite.console.memory`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import apsw
import pytest

from shared.limits import (
    CONSOLE_PROGRESS_STEPS,
    CONSOLE_SEARCHED_BYTES_MAX,
    CONSOLE_TEXT_CHARS_MAX,
    CONSOLE_TRIMMED_BYTES_MAX,
    CONSOLE_VALUE_BYTES_MAX,
    CONSOLE_VALUE_BYTES_MIN,
)
from shared.messages.console import Scope
from shared.sqlite.connect import open_writer
from shared.sqlite.console.judge import ConsoleJudge, Secrets, functions_of_console
from shared.sqlite.console.memory import MemoryWatch
from shared.sqlite.console.run import (
    Bounds,
    Looked,
    StatementError,
    defended,
    fetch,
    look,
    value_bytes,
)

SCOPE = Scope(frozenset({"users"}), {"users": frozenset({"tokenkey"})})
BOUNDS = Bounds(10, 1_000)


@pytest.fixture
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[apsw.Connection]:
    """As the writer's, with a table that has a secret."""
    made = open_writer(tmp_path_factory.mktemp("run") / "a.db")
    made.execute(
        "CREATE TABLE users (id TEXT, tokenKey TEXT); INSERT INTO users VALUES ('a', 'secret');"
        "CREATE TABLE twin (id TEXT, tokenKey TEXT);"
        "CREATE VIEW shown AS SELECT * FROM users; CREATE TABLE own (a INTEGER PRIMARY KEY, b)"
    )
    yield made
    made.close()


def _judge(secrets: Secrets = Secrets.REFUSED) -> ConsoleJudge:
    return ConsoleJudge(SCOPE, secrets)


@pytest.mark.parametrize(
    ("sql", "looked"),
    [
        ("SELECT * FROM own", Looked(True, False, False)),
        ("WITH x AS (SELECT 1) SELECT * FROM x", Looked(True, False, False)),
        ("WITH x AS (SELECT 1) INSERT INTO own (b) SELECT * FROM x", Looked(False, True, False)),
        ("DELETE FROM own RETURNING a", Looked(True, True, False)),
        ("EXPLAIN DELETE FROM own", Looked(True, False, False)),
        ("EXPLAIN DROP TABLE own", Looked(True, False, False)),
        ("PRAGMA table_info(own)", Looked(True, False, False)),
        ("CREATE TABLE x AS SELECT a FROM own", Looked(False, False, True)),
        ("CREATE INDEX i ON own (b)", Looked(False, False, True)),
        ("ALTER TABLE own RENAME TO other", Looked(False, False, True)),
        ("REINDEX", Looked(False, False, True)),
    ],
)
def test_sqlite_says_what_a_statement_does(
    connection: apsw.Connection, sql: str, looked: Looked
) -> None:
    """And it is not done."""
    connection.execute("CREATE INDEX own_b ON own (b); INSERT INTO own VALUES (1, 2)")
    found = look(connection, sql, _judge())
    assert found._replace(writes=found.writes and not found.defines) == looked
    assert connection.execute("SELECT count(*) FROM own").get == 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM users",
        "SELECT * FROM shown",
        "SELECT id FROM users ORDER BY tokenKey",
        "SELECT max(tokenKey) OVER () FROM users",
        "SELECT (SELECT tokenKey) FROM users",
        "SELECT tokenKey FROM twin RIGHT JOIN users USING (tokenKey)",
        "SELECT * FROM twin NATURAL FULL JOIN users",
        "WITH u AS (SELECT * FROM users) SELECT * FROM u",
    ],
)
def test_a_secret_is_null_or_refused(connection: apsw.Connection, sql: str) -> None:
    """However it is read."""
    assert "secret" not in str(fetch(connection, sql, _judge(Secrets.NULL), BOUNDS).rows)
    with pytest.raises(StatementError, match="tokenKey may not be read"):
        fetch(connection, sql, _judge(), BOUNDS)


def test_a_secret_is_not_copied(connection: apsw.Connection) -> None:
    """Not even into a table made alike, which SQLite fills page by page; nor shown by a view."""
    for sql in (
        "INSERT INTO twin SELECT * FROM users",
        "UPDATE users SET id = tokenKey",
        "DELETE FROM users RETURNING *",
        "CREATE TABLE x AS SELECT * FROM users",
        "CREATE VIEW v AS SELECT * FROM users",
    ):
        connection.execute("SAVEPOINT s")
        with pytest.raises(StatementError, match="tokenKey may not be read"):
            fetch(connection, sql, _judge(), BOUNDS)
        connection.execute("ROLLBACK TO s; RELEASE s")
    assert fetch(connection, "DELETE FROM users", _judge(), BOUNDS).changes == 1


def test_rows_are_kept_up_to_the_bounds(connection: apsw.Connection) -> None:
    """A writing statement runs to its end all the same."""
    numbers = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 30)"
    sql = f"INSERT INTO own (b) {numbers} SELECT x FROM c RETURNING a"
    found = fetch(connection, sql, _judge(), BOUNDS)
    assert (len(found.rows), found.cut, found.changes) == (10, True, 30)
    assert fetch(connection, "SELECT a FROM own LIMIT 10", _judge(), BOUNDS).cut is False
    wide = fetch(connection, "SELECT hex(randomblob(300)) FROM own", _judge(), BOUNDS)
    assert (len(wide.rows), wide.cut) == (1, True)


def test_values_and_memory_are_bounded(connection: apsw.Connection) -> None:
    """Inside only, and others of this process are refused no memory."""
    large = f"SELECT randomblob({CONSOLE_VALUE_BYTES_MAX + 1})"
    hoard = (
        "WITH RECURSIVE c(x) AS (SELECT randomblob(1000000) UNION SELECT randomblob(1000000)"
        " FROM c) SELECT count(*) FROM c"
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    watch = MemoryWatch()
    connection.set_progress_handler(watch.is_over, CONSOLE_PROGRESS_STEPS)
    with defended(connection):
        with pytest.raises(StatementError, match="too big"):
            fetch(connection, large, _judge(), BOUNDS)
        assert watch.is_over() is False
        with pytest.raises(StatementError) as ended:
            fetch(connection, hoard, _judge(), BOUNDS)
    assert ended.value.interrupted
    assert watch.spent
    assert apsw.hard_heap_limit(-1) == 0
    connection.set_progress_handler(None)
    assert len(connection.execute(large).get) == CONSOLE_VALUE_BYTES_MAX + 1


def test_a_long_statement_works_on_short_values(connection: apsw.Connection) -> None:
    """Since no clock ends what stands between two rounds of a loop; and it calls so much at most."""
    assert value_bytes("SELECT 1") == CONSOLE_VALUE_BYTES_MAX
    assert value_bytes("x" * CONSOLE_TEXT_CHARS_MAX) == CONSOLE_VALUE_BYTES_MIN
    many = ", ".join(["randomblob(200000)"] * 900)
    with pytest.raises(StatementError, match="too big"):
        fetch(connection, f"SELECT {many}", _judge(), BOUNDS)
    with pytest.raises(StatementError, match="functions at most"):
        fetch(connection, f"VALUES {', '.join(['(uuid_v7())'] * 1_001)}", _judge(), BOUNDS)
    literal = "y" * (CONSOLE_TEXT_CHARS_MAX - 20)
    assert fetch(connection, f"SELECT length('{literal}')", _judge(), BOUNDS).rows[0][0] == len(
        literal
    )


@pytest.mark.parametrize(
    ("call", "most"),
    [
        ("instr({}, 'x')", CONSOLE_SEARCHED_BYTES_MAX),
        ("replace('x', {}, 'x')", CONSOLE_SEARCHED_BYTES_MAX),
        ("trim({})", CONSOLE_TRIMMED_BYTES_MAX),
        ("unhex('41', {})", CONSOLE_TRIMMED_BYTES_MAX),
        ("json_patch('{{}}', {})", CONSOLE_TRIMMED_BYTES_MAX),
    ],
)
def test_what_multiplies_lengths_works_on_short_values(
    connection: apsw.Connection, call: str, most: int
) -> None:
    """The more calls the shorter; afterwards all is as before."""

    def once(size: int) -> str:
        return call.format(f"CAST(printf('%{size}s', '[]') AS TEXT)")

    fetch(connection, f"SELECT {once(most - 10)}", _judge(), BOUNDS)
    for sql in (f"SELECT {once(most + 10)}", f"SELECT {once(most - 10)}, {once(1)}"):
        with pytest.raises(StatementError, match="too big"):
            fetch(connection, sql, _judge(), BOUNDS)
    fetch(connection, f"SELECT length(printf('%{most + 10}s', ''))", _judge(), BOUNDS)


def test_analyze_is_a_definition(connection: apsw.Connection) -> None:
    """Its samples are read by itself and by nobody else."""
    connection.execute("CREATE INDEX own_b ON own (b); INSERT INTO own VALUES (1, 2), (3, 4)")
    for sql in ("ANALYZE", "ANALYZE", "ANALYZE own"):
        fetch(connection, sql, _judge(), BOUNDS)
    assert ("own_b",) in fetch(connection, "SELECT idx FROM sqlite_stat1", _judge(), BOUNDS).rows
    assert fetch(connection, "SELECT idx FROM sqlite_stat4", _judge(), BOUNDS).rows
    for secrets in Secrets:
        with pytest.raises(StatementError, match=r"sqlite_stat4\.sample is prohibited"):
            fetch(connection, "SELECT * FROM sqlite_stat4", _judge(secrets), BOUNDS)
    fetch(connection, "DROP INDEX own_b", _judge(), BOUNDS)
    fetch(connection, "DROP TABLE own", _judge(), BOUNDS)


def test_a_text_is_one_statement(connection: apsw.Connection) -> None:
    """Where whoever took it apart was mistaken, nothing is run."""
    for sql in ("DELETE FROM own; DELETE FROM users", "SELECT 1; DELETE FROM users"):
        with pytest.raises(StatementError, match="semicolon"):
            fetch(connection, sql, _judge(), BOUNDS)
    assert connection.execute("SELECT count(*) FROM users").get == 1


def test_what_is_kept_prepared_is_judged_too(connection: apsw.Connection) -> None:
    """The writer's own statements are in its cache under the same text."""
    for _ in range(3):
        connection.execute("DELETE FROM _batch" if _has(connection) else "CREATE TABLE _batch (a)")
    with pytest.raises(StatementError, match="belongs to the system"):
        fetch(connection, "DELETE FROM _batch", _judge(), BOUNDS)
    connection.execute("DELETE FROM _batch")


def _has(connection: apsw.Connection) -> bool:
    return bool(connection.execute("SELECT 1 FROM sqlite_schema WHERE name = '_batch'").get)


def test_no_function_reaches_outside() -> None:
    """None that loads, reads or writes a file, or makes large values of nothing."""
    names = functions_of_console()
    assert {"upper", "json_extract", "uuid_v7", "changes"} <= names
    assert not names & {"load_extension", "readfile", "writefile", "edit", "zeroblob"}
    assert not {one for one in names if one.startswith(("fts", "sqlite_rename", "sqlite_drop"))}


def test_failures_tell_why(connection: apsw.Connection) -> None:
    """In SQLite's words, with its code."""
    for sql, text, code in (
        ("SELEC", "syntax error", sqlite3.SQLITE_ERROR),
        ("SELECT ?", "parameters", sqlite3.SQLITE_ERROR),
        ("SELECT CAST(x'ff' AS TEXT)", "UTF-8", sqlite3.SQLITE_ERROR),
        ("VACUUM", "no place", sqlite3.SQLITE_AUTH),
        ("INSERT INTO own VALUES (1, 1), (1, 1)", "UNIQUE", sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY),
        ("SELECT uuid_parse(7)", "uuid_parse", sqlite3.SQLITE_ERROR),
    ):
        with pytest.raises(StatementError, match=text) as failed:
            fetch(connection, sql, _judge(), BOUNDS)
        assert failed.value.code == code
