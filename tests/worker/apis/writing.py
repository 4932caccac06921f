"""A depot to be written to: a rule of each kind, what constraints keep out, a second database."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

import httpx

from shared.sqlite.connect import open_reader
from tests.cluster_process import QUILLBASE, ClusterProcess

RECORDS: Final = "/api/records/v1"
EXECUTE: Final = "/api/transaction/v1/execute"
PASSWORD: Final = "correct horse"

MAIN: Final = """
CREATE TABLE room (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE member (
  id INTEGER PRIMARY KEY, user BLOB NOT NULL, room INTEGER NOT NULL, UNIQUE (user, room)
) STRICT;
CREATE TABLE message (
  id BLOB PRIMARY KEY NOT NULL CHECK (is_uuid_v7(id)) DEFAULT (uuid_v7()),
  _owner BLOB NOT NULL REFERENCES _user(id),
  room INTEGER NOT NULL REFERENCES room(id),
  data TEXT NOT NULL
) STRICT;
CREATE TABLE thing (
  id INTEGER PRIMARY KEY,
  whole INTEGER CHECK (whole <> 13),
  real REAL,
  text TEXT NOT NULL DEFAULT 'default',
  blob BLOB,
  any ANY,
  json TEXT CHECK (jsonschema('std.KeyValue', json)),
  shape BLOB CHECK (ST_IsValid(shape)),
  file TEXT CHECK (jsonschema('std.FileUpload', file)),
  _secret TEXT,
  hidden TEXT DEFAULT 'kept',
  doubled INTEGER AS (whole * 2),
  room INTEGER REFERENCES room(id),
  later INTEGER REFERENCES room(id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE TABLE word (id TEXT PRIMARY KEY NOT NULL, n INTEGER DEFAULT 7, kept TEXT DEFAULT 'mine') STRICT;
CREATE TABLE tag (id TEXT PRIMARY KEY NOT NULL) STRICT;
CREATE TABLE single (id TEXT PRIMARY KEY NOT NULL DEFAULT 'only', n INTEGER) STRICT;
CREATE TRIGGER no_bad BEFORE INSERT ON word WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END;
CREATE TRIGGER quiet BEFORE INSERT ON word WHEN NEW.id = 'quiet' BEGIN SELECT RAISE(IGNORE); END;
CREATE VIEW names AS SELECT id, name FROM room;
INSERT INTO room VALUES (1, 'one'), (2, 'two');
INSERT INTO single VALUES ('only', 1000);
"""
OTHER: Final = """
CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, of INTEGER) STRICT;
CREATE TABLE room (id INTEGER PRIMARY KEY) STRICT;
INSERT INTO room VALUES (9);
"""
CONFIG: Final = """
server { enable_record_transactions: true site_url: "http://site.example" }
databases { name: "other" }
record_apis { name: "room" table_name: "room" acl_world: [CREATE, READ, UPDATE, DELETE] }
record_apis { name: "member" table_name: "member" acl_world: [CREATE, READ, UPDATE, DELETE] }
record_apis { name: "names" table_name: "names" acl_world: [CREATE, READ, UPDATE, DELETE] }
record_apis {
  name: "message" table_name: "message"
  acl_authenticated: [CREATE, READ, UPDATE, DELETE] autofill_missing_user_id_columns: true
  create_access_rule: "_REQ_._owner = _USER_.id AND EXISTS(SELECT 1 FROM member WHERE user = _USER_.id AND room = _REQ_.room)"
  update_access_rule: "_ROW_._owner = _USER_.id AND NOT ('_owner' IN _REQ_FIELDS_)"
  delete_access_rule: "_ROW_._owner = _USER_.id"
}
record_apis {
  name: "thing" table_name: "thing" acl_world: [CREATE, READ, UPDATE, DELETE]
  excluded_columns: "hidden"
}
record_apis { name: "plain" table_name: "word" acl_world: [CREATE, READ, UPDATE, DELETE] }
record_apis {
  name: "ignoring" table_name: "word" acl_world: [CREATE, READ] conflict_resolution: IGNORE
  excluded_columns: "kept"
}
record_apis {
  name: "replacing" table_name: "word" acl_world: [CREATE, READ, UPDATE]
  conflict_resolution: REPLACE excluded_columns: "kept"
  update_access_rule: "_ROW_.n < 100"
}
record_apis {
  name: "keeping" table_name: "word" acl_world: [CREATE, UPDATE] conflict_resolution: REPLACE
  update_access_rule: "NOT ('kept' IN _REQ_FIELDS_)"
}
record_apis {
  name: "single" table_name: "single" acl_world: [CREATE, READ, UPDATE]
  conflict_resolution: REPLACE update_access_rule: "_ROW_.n < 100"
}
record_apis {
  name: "only_new" table_name: "word" acl_world: [CREATE, READ]
  conflict_resolution: REPLACE excluded_columns: "kept"
}
record_apis {
  name: "cased" table_name: "word" acl_world: [CREATE, UPDATE, DELETE]
  create_access_rule: "_REQ_.id LIKE 'a%'" update_access_rule: "_ROW_.id LIKE 'a%'"
}
record_apis {
  name: "failing" table_name: "word" acl_world: [CREATE, UPDATE, DELETE]
  create_access_rule: "json(_REQ_.id)" delete_access_rule: "json(_ROW_.id)"
}
record_apis {
  name: "sent" table_name: "word" acl_world: [CREATE, UPDATE]
  create_access_rule: "'n' IN _REQ_FIELDS_" update_access_rule: "_REQ_.n IS NULL"
}
record_apis { name: "tag" table_name: "tag" acl_world: [CREATE, UPDATE] conflict_resolution: REPLACE }
record_apis {
  name: "slow" table_name: "word" acl_world: [CREATE]
  create_access_rule: "(SELECT count(*) FROM json_each(_REQ_.kept) AS a, json_each(_REQ_.kept) AS b, json_each(_REQ_.kept) AS c, json_each(_REQ_.kept) AS d) > 0"
}
record_apis { name: "shut" table_name: "word" acl_world: [READ] }
record_apis {
  name: "note" table_name: "other.note" acl_world: [CREATE, READ, UPDATE, DELETE]
  create_access_rule: "_REQ_.of IS NULL OR EXISTS(SELECT 1 FROM room WHERE id = _REQ_.of)"
}
record_apis {
  name: "own_note" table_name: "other.note" acl_authenticated: [CREATE]
  create_access_rule: "_USER_.id IS NOT NULL"
}
"""


def write_depot(depot: Path, config: str = CONFIG) -> None:
    """Write it; the migrations run at the first start."""
    for name, sql in (("main", MAIN), ("other", OTHER)):
        folder = depot / "migrations" / name
        folder.mkdir(parents=True)
        (folder / "U1__tables.sql").write_text(sql)
    (depot / "config.textproto").write_text(config)


def add_user(cluster: ClusterProcess, address: str) -> None:
    """A user who can log in."""
    user_command(cluster, "add", address, PASSWORD)


def user_command(cluster: ClusterProcess, *words: str) -> None:
    """Run `quillbase user`."""
    done = subprocess.run(
        [QUILLBASE, "user", *words, "--depot", str(cluster.depot)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def logged_in(cluster: ClusterProcess, address: str) -> httpx.Client:
    """A client of a user."""
    client = cluster.client(superuser=False)
    reply = client.post("/api/auth/v1/login", json={"email": address, "password": PASSWORD})
    assert reply.status_code == 200, reply.text
    client.cookies.clear()
    client.headers["Authorization"] = f"Bearer {reply.json()['auth_token']}"
    return client


def stored(depot: Path, sql: str, *params: str) -> list[tuple[Any, ...]]:
    """The rows of a statement over main, past every API."""
    connection = open_reader(depot / "data/main.db")
    try:
        return list(connection.execute(sql, params))
    finally:
        connection.close()
