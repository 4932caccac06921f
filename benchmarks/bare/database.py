"""The bare database: one table of posts and the four internal tables that the promises need."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from benchmarks.dataset import FIELDS, INDEXES, OWNED_INDEX, OWNERS, Row, notes, owner_id, rows

_TABLE: Final = (
    "(_rowid_ INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL DEFAULT '',"
    " category TEXT NOT NULL DEFAULT '', score NUMERIC NOT NULL DEFAULT 0,"
    " author TEXT NOT NULL DEFAULT '', likes NUMERIC NOT NULL DEFAULT 0,"
    " active INTEGER NOT NULL DEFAULT 0, published TEXT NOT NULL DEFAULT '')"
)
SCHEMA: Final = (
    "CREATE TABLE _head(one INTEGER PRIMARY KEY, epoch INT, seq INT, n INT)",
    "INSERT INTO _head VALUES (1, 1, 0, 0)",
    "CREATE TABLE _change(n INTEGER PRIMARY KEY, tbl TEXT, act INT, key, old BLOB, new BLOB)",
    "CREATE TABLE _commit(seq INTEGER PRIMARY KEY, at INT, before INT, head INT)",
    "CREATE TABLE _batch(seq INTEGER PRIMARY KEY, at INT, entries BLOB)",
    "CREATE TABLE account(_rowid_ INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, key TEXT NOT NULL)",
    "INSERT INTO account(id, key) VALUES ('guest', 'guest')",
    "CREATE TABLE posts" + _TABLE,
    "CREATE TABLE drafts" + _TABLE,
    "CREATE TABLE notes" + _TABLE,
    "CREATE TABLE memos" + _TABLE,
    "CREATE INDEX notes_relation ON notes (author)",
    "CREATE INDEX memos_relation ON memos (author)",
    OWNED_INDEX,
    *INDEXES,
)
COLUMNS: Final = ("id", *FIELDS)
RECORD: Final = (
    "json_object('id', id, 'title', title, 'category', category, 'score', score,"
    " 'author', author, 'likes', likes, 'active', json(iif(active, 'true', 'false')),"
    " 'published', published, 'collectionId', 'pbc_1', 'collectionName', 'posts')"
)
GET: Final = f"SELECT {RECORD} FROM posts WHERE id = ?"
LIST: Final = (
    f"SELECT json_group_array(json({RECORD})) FROM"
    " (SELECT * FROM posts ORDER BY published DESC LIMIT 30)"
)
OWNED_LIST: Final = (
    f"SELECT json_group_array(json({RECORD})) FROM"
    " (SELECT * FROM notes WHERE author = ? ORDER BY published DESC LIMIT 30)"
)
GUARD: Final = "SELECT 1 FROM account WHERE id = ? AND key = ?"
INSERTS: Final = tuple(
    f"INSERT INTO {table}({', '.join(COLUMNS)}) VALUES (?,?,?,?,?,?,?,?) RETURNING {RECORD}"
    for table in ("drafts", "memos")
)
DRAFT, MEMO = range(len(INSERTS))


def create(path: Path, count: int) -> None:
    """Make the database with the first `count` posts and notes."""
    database = open_writer(path)
    with database:
        for statement in SCHEMA:
            database.execute(statement)
        _fill(database, "posts", rows(count))
        _fill(database, "notes", notes(count))
        accounts = ((owner_id(number), owner_id(number)) for number in range(OWNERS))
        database.executemany("INSERT INTO account(id, key) VALUES (?,?)", accounts)
    database.execute("ANALYZE")
    database.close()


def _fill(database: apsw.Connection, table: str, records: list[Row]) -> None:
    marks = ",".join("?" * len(COLUMNS))
    database.executemany(
        f"INSERT INTO {table}({', '.join(COLUMNS)}) VALUES ({marks})",
        (tuple(each[name] for name in COLUMNS) for each in records),
    )


def open_writer(path: Path) -> apsw.Connection:
    """The one read-write connection: WAL, and an fsync at each commit."""
    database = apsw.Connection(str(path), statementcachesize=500)
    database.set_busy_timeout(5_000)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=8000"):
        database.execute(f"PRAGMA {pragma}")
    _memory(database)
    return database


def open_reader(path: Path) -> apsw.Connection:
    """A worker's connection."""
    database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, statementcachesize=500)
    database.set_busy_timeout(5_000)
    database.execute("PRAGMA query_only=ON")
    _memory(database)
    return database


def _memory(database: apsw.Connection) -> None:
    database.execute("PRAGMA mmap_size=268435456")
    database.execute("PRAGMA cache_size=-16384")
