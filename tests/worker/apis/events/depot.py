"""A depot whose tables are listened to: in main and beside it, with rules, secrets and geometries."""

from __future__ import annotations

from pathlib import Path
from typing import Final

MAIN: Final = """
CREATE TABLE room (id INTEGER PRIMARY KEY, name TEXT NOT NULL, secret TEXT, n INTEGER) STRICT;
CREATE TABLE member (
  id INTEGER PRIMARY KEY, room INTEGER NOT NULL REFERENCES room(id) ON DELETE CASCADE,
  user BLOB NOT NULL
) STRICT;
CREATE TABLE message (
  id BLOB PRIMARY KEY NOT NULL CHECK (is_uuid_v7(id)) DEFAULT (uuid_v7()),
  room INTEGER NOT NULL REFERENCES room(id) ON DELETE CASCADE,
  data TEXT NOT NULL,
  _owner BLOB,
  extra TEXT CHECK (jsonschema('std.KeyValue', extra)),
  score REAL
) STRICT;
CREATE TABLE place (
  id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, at BLOB CHECK (ST_IsValid(at)), thing ANY
) STRICT;
CREATE TABLE sum (
  id BLOB PRIMARY KEY NOT NULL CHECK (is_uuid_v7(id)) DEFAULT (uuid_v7()),
  twice INTEGER AS (n * 2), n INTEGER
) STRICT;
CREATE VIEW rooms AS SELECT id, name FROM room;
INSERT INTO room VALUES (1, 'one', 'hidden-value', 1), (2, 'two', 'hidden-value', 2);
"""
OTHER: Final = """
CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT) STRICT;
CREATE TABLE allowed (id INTEGER PRIMARY KEY) STRICT;
INSERT INTO allowed VALUES (1), (2);
"""
_ALL: Final = "[CREATE, READ, UPDATE, DELETE]"
_NOTE: Final = f"""
record_apis {{ name: "note" table_name: "other.note" acl_world: {_ALL} enable_subscriptions: true
  read_access_rule: "_ROW_.id IN (SELECT id FROM other.allowed)" }}
"""
CONFIG: Final = f"""
server {{ enable_record_transactions: true }}
databases {{ name: "other" }}
record_apis {{ name: "room" table_name: "room" acl_world: {_ALL} enable_subscriptions: true
  excluded_columns: "secret" }}
record_apis {{ name: "positive" table_name: "room" acl_world: {_ALL} enable_subscriptions: true
  read_access_rule: "_ROW_.n > 0" }}
record_apis {{ name: "guarded" table_name: "room" acl_authenticated: {_ALL}
  enable_subscriptions: true excluded_columns: "secret" }}
record_apis {{ name: "message" table_name: "message" acl_authenticated: {_ALL} expand: "room"
  enable_subscriptions: true
  read_access_rule: "EXISTS (SELECT 1 FROM member AS m WHERE m.room = _ROW_.room AND m.user = _USER_.id)" }}
record_apis {{ name: "member" table_name: "member" acl_world: {_ALL} }}
record_apis {{ name: "place" table_name: "place" acl_world: {_ALL} enable_subscriptions: true }}
record_apis {{ name: "sum" table_name: "sum" acl_world: {_ALL} enable_subscriptions: true
  read_access_rule: "_ROW_.twice < 100" }}
record_apis {{ name: "rooms" table_name: "rooms" acl_world: [READ] enable_subscriptions: true }}
record_apis {{ name: "silent" table_name: "room" acl_world: [READ] excluded_columns: "secret" }}
record_apis {{ name: "writing" table_name: "room" acl_world: [CREATE] enable_subscriptions: true }}
{_NOTE}"""
WITHOUT_OTHER: Final = CONFIG.replace('databases { name: "other" }', "").replace(_NOTE, "")


def write_depot(depot: Path, config: str = CONFIG) -> None:
    """Write it; the migrations run at the first start."""
    for name, sql in (("main", MAIN), ("other", OTHER)):
        folder = depot / "migrations" / name
        folder.mkdir(parents=True)
        (folder / "U1__tables.sql").write_text(sql)
    (depot / "config.textproto").write_text(config)
