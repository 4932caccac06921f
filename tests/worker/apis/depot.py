"""A depot written by hand: STRICT tables, a view, a second database, and the APIs over them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import httpx

from tests.cluster_process import ClusterProcess

RECORDS: Final = "/api/records/v1"
FIRST, SECOND, THIRD = (f"0198f0c0-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))
LARGEST: Final = 2**63 - 1

MAIN: Final = f"""
CREATE TABLE room (id INTEGER PRIMARY KEY, name TEXT NOT NULL, hidden TEXT) STRICT;
CREATE TABLE message (
  id BLOB PRIMARY KEY NOT NULL CHECK (is_uuid_v7(id)) DEFAULT (uuid_v7()),
  _owner BLOB REFERENCES _user(id),
  room INTEGER REFERENCES room(id),
  other INTEGER REFERENCES room(id),
  data TEXT NOT NULL,
  score REAL,
  secret TEXT DEFAULT 'secret-value',
  extra TEXT CHECK (jsonschema('std.KeyValue', extra)),
  thing ANY,
  file TEXT CHECK (jsonschema('std.FileUpload', file))
) STRICT;
CREATE TABLE place (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  at BLOB CHECK (ST_IsValid(at))
) STRICT;
CREATE TABLE many (id INTEGER PRIMARY KEY, grade INTEGER, note TEXT) STRICT;
CREATE TABLE word (id TEXT PRIMARY KEY NOT NULL, n REAL) STRICT;
CREATE VIEW seen AS SELECT m.id, m.data, r.name FROM message AS m INNER JOIN room AS r ON m.room = r.id;
CREATE VIEW people AS SELECT id, email FROM _user;
CREATE VIEW hashes AS SELECT id, password_hash AS shown FROM people_and_all;
CREATE VIEW people_and_all AS SELECT * FROM _user;
CREATE VIEW pairs AS SELECT m.id, r.name FROM message AS m INNER JOIN room AS r ON 1;
INSERT INTO room VALUES (1, 'one', 'hidden-value'), (2, 'Two', NULL), ({LARGEST}, 'large', NULL);
INSERT INTO message (id, room, other, data, score, extra, thing, file) VALUES
  (uuid_parse('{FIRST}'), 1, 2, 'a', 1.5, '{{"k": 1}}', x'00ff', '{{"id": "key", "filename": "x"}}'),
  (uuid_parse('{SECOND}'), NULL, NULL, 'b', NULL, NULL, 9007199254740993, NULL),
  (uuid_parse('{THIRD}'), 2, 1, 'c', 2, NULL, 'text', NULL);
INSERT INTO place VALUES (1, 'here', ST_GeomFromText('POINT(1 2)')), (2, 'nowhere', NULL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
  INSERT INTO many SELECT i, i % 3, iif(i % 2, NULL, 'even') FROM n;
CREATE TABLE diary (id INTEGER PRIMARY KEY, room INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
INSERT INTO diary SELECT value, 9, value || printf('%.*c', 5000, 'x') FROM json_each('[11, 12, 13]');
INSERT INTO diary VALUES (1, 1, 'seen'), (2, 3, 'the secret of ' || printf('%.*c', 200, 'x'));
INSERT INTO word VALUES ('plain', 1.0), ('with blank', 9e999);
"""
OTHER: Final = """
CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT) STRICT;
INSERT INTO note VALUES (1, 'beside'), (2, 'hidden');
"""
CONFIG: Final = """
databases { name: "other" }
record_apis { name: "room" table_name: "room" acl_world: [READ, SCHEMA] excluded_columns: "hidden" }
record_apis {
  name: "message" table_name: "message" acl_world: [READ, SCHEMA]
  excluded_columns: "secret" expand: "room"
}
record_apis {
  name: "ruled" table_name: "message" acl_world: [READ]
  read_access_rule: "_ROW_.data <> 'b'" excluded_columns: "secret"
}
record_apis {
  name: "users_only" table_name: "room" acl_authenticated: [READ, SCHEMA]
  schema_access_rule: "_USER_.id IS NOT NULL" excluded_columns: "hidden"
}
record_apis { name: "own" table_name: "message" acl_world: [READ]
  read_access_rule: "_ROW_._owner = _USER_.id" excluded_columns: "secret" }
record_apis { name: "failing" table_name: "room" acl_world: [READ]
  read_access_rule: "json(_ROW_.name) IS NOT NULL" excluded_columns: "hidden" }
record_apis { name: "cased" table_name: "room" acl_world: [READ]
  read_access_rule: "_ROW_.name LIKE 't%'" excluded_columns: "hidden" }
record_apis { name: "seen" table_name: "seen" acl_world: [READ, SCHEMA] }
record_apis { name: "pairs" table_name: "pairs" acl_world: [READ] }
record_apis { name: "open_diary" table_name: "diary" acl_world: [READ] }
record_apis { name: "diary" table_name: "diary" acl_world: [READ]
  read_access_rule: "EXISTS(SELECT 1 FROM room WHERE id = _ROW_.room)" }
record_apis { name: "people" table_name: "people" acl_world: [READ] }
record_apis { name: "hashes" table_name: "hashes" acl_world: [READ] }
record_apis { name: "place" table_name: "place" acl_world: [READ] }
record_apis { name: "many" table_name: "many" acl_world: [READ] listing_hard_limit: 40 }
record_apis { name: "word" table_name: "word" acl_world: [READ] }
record_apis { name: "note" table_name: "other.note" acl_world: [READ]
  read_access_rule: "_ROW_.id = (SELECT min(id) FROM other.note)" }
record_apis { name: "closed" table_name: "room" }
record_apis { name: "gone" table_name: "nothing" acl_world: [READ] }
record_apis { name: "broken" table_name: "room" acl_world: [READ] read_access_rule: "_ROW_.no" }
"""


def write_depot(depot: Path, config: str = CONFIG) -> None:
    """Write it; the migrations run at the first start."""
    for name, sql in (("main", MAIN), ("other", OTHER)):
        folder = depot / "migrations" / name
        folder.mkdir(parents=True)
        (folder / "U1__tables.sql").write_text(sql)
    (depot / "config.textproto").write_text(config)


def admin_client(cluster: ClusterProcess) -> httpx.Client:
    """A client of the admin that the first start has made."""
    found = re.search(r"admin@localhost with the password (\S+)", "".join(cluster.banner))
    assert found is not None, cluster.banner
    client = cluster.client(superuser=False)
    body = {"email": "admin@localhost", "password": found[1]}
    reply = client.post("/api/auth/v1/login", json=body)
    assert reply.status_code == 200, reply.text
    client.cookies.clear()
    client.headers["Authorization"] = f"Bearer {reply.json()['auth_token']}"
    return client
