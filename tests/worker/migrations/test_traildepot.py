"""A depot of TrailBase's making: what its history tells as applied is not applied again."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import uuid
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.cluster_process import QUILLBASE, ClusterProcess

_HISTORY = """
CREATE TABLE _schema_history(
    version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));
"""
_MAIN = """
CREATE TABLE _user(
    id BLOB PRIMARY KEY NOT NULL CHECK(is_uuid(id)) DEFAULT (uuid_v4()),
    email TEXT, unverified_email TEXT, username TEXT, password_hash TEXT NOT NULL DEFAULT '',
    admin INTEGER NOT NULL DEFAULT FALSE, totp_secret TEXT,
    created INTEGER NOT NULL DEFAULT (UNIXEPOCH()), updated INTEGER NOT NULL DEFAULT (UNIXEPOCH()),
    provider_id INTEGER NOT NULL DEFAULT 0, provider_user_id TEXT, provider_avatar_url TEXT) STRICT;
CREATE TABLE _file_deletions(
    id INTEGER PRIMARY KEY, deleted INTEGER, attempts INTEGER DEFAULT 0, errors TEXT,
    table_name TEXT, record_rowid INTEGER, column_name TEXT, json TEXT) STRICT;
INSERT INTO _user(email, password_hash) VALUES ('ada@example.com', 'x');
CREATE TABLE posts(id INTEGER PRIMARY KEY, title TEXT NOT NULL) STRICT;
INSERT INTO posts(title) VALUES ('from before');
"""
_SESSION = "CREATE TABLE _session(id INTEGER PRIMARY KEY, user BLOB NOT NULL, token TEXT) STRICT;"
_FILES = {
    "main/U1711111111__posts.sql": "CREATE TABLE posts(id INTEGER PRIMARY KEY, title TEXT) STRICT;",
    "main/U1722222222__stars.sql": "ALTER TABLE posts ADD COLUMN stars INTEGER;",
    "U1711111112__legacy.sql": "THIS IS NO SQL, AND WAS APPLIED",
}
_APPLIED = [  # some came with the program that made the depot, and have no file
    (1, "initial", "2024-01-01T00:00:00.000000000+00:00", "12345678901234567890"),
    (1698763100, "users", "2024-01-01T00:00:00.1+00:00", "9876543210"),
    (1711111111, "posts", "2024-03-01T00:00:00Z", "17600148283113291414"),
    (1711111112, "legacy", "2024-03-01T00:00:01Z", "1"),
]
_CONFIG = """
server { application_name: "Moved" }
record_apis: [{ name: "posts" table_name: "posts" acl_world: [READ] }]
"""


@pytest.fixture
def depot(tmp_path: Path) -> Path:
    """With a main.db and a session.db in use, and one migration that was not applied there."""
    path = tmp_path / "traildepot"
    for name, text in _FILES.items():
        file = path / "migrations" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (path / "config.textproto").write_text(_CONFIG)
    (path / "data").mkdir()
    for name, schema in (("main", _MAIN), ("session", _SESSION)):
        with closing(sqlite3.connect(path / "data" / f"{name}.db")) as connection:
            connection.create_function("is_uuid", 1, lambda _: True, deterministic=True)
            connection.create_function("uuid_v4", 0, lambda: uuid.uuid4().bytes)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_HISTORY + schema)
            marks = "INSERT INTO _schema_history VALUES (?, ?, ?, ?)"
            connection.executemany(marks, _APPLIED if name == "main" else _APPLIED[:1])
            connection.commit()
    return path


def _history(depot: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(depot / "data" / "main.db")) as connection:
        return connection.execute("SELECT * FROM _schema_history ORDER BY version").fetchall()


def _status(depot: Path) -> dict[str, str]:
    """Each migration of main, by name."""
    words = [QUILLBASE, "migrate", "status", "--json", "--depot", str(depot)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    return {one["name"]: one["state"] for one in json.loads(done.stdout)["main"]}


def test_it_starts_and_applies_what_is_new(depot: Path) -> None:
    """Rows of another program stay as they are, their checksums are not ours to judge."""
    assert _status(depot) == {
        "initial": "missing",
        "users": "missing",
        "posts": "applied",
        "legacy": "applied",
        "stars": "pending",
    }
    with ClusterProcess(depot, workers=1) as running:
        reply = httpx.get(f"{running.url}/api/records/v1/posts", timeout=30)
        assert reply.status_code == 200, reply.text
        assert reply.json()["records"] == [{"id": 1, "title": "from before", "stars": None}]
    found = _history(depot)
    assert found[:4] == _APPLIED
    assert (found[4][:2], str(found[4][3]).split(":")[0]) == ((1722222222, "stars"), "sha256")
    assert _status(depot)["stars"] == "applied"
    with ClusterProcess(depot, workers=1) as again:
        assert "migration is applied" not in "".join(again.log)


def test_a_name_that_differs_is_told(depot: Path) -> None:
    """A file that took another one's version was surely not applied."""
    old = depot / "migrations" / "main" / "U1711111111__posts.sql"
    old.rename(old.with_name("U1711111111__others.sql"))
    assert _status(depot)["others"] == "changed"
