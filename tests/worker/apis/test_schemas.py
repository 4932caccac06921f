"""JSON schemas of the settings: in force in every process, for every database, and without a restart.

Also tests `writer.schemas`, `worker.apis.schema`, `worker.apis.json_columns`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.waiting import until

RECORDS = "/api/records/v1"
# What the worker does not take for a promise of the column's is judged by the writer alone.
TABLES = """
CREATE TABLE person (
  id INTEGER PRIMARY KEY, profile TEXT CHECK (jsonschema('profile', profile))
) STRICT;
CREATE TABLE raw (
  id INTEGER PRIMARY KEY, profile TEXT CHECK (jsonschema('profile', profile) = 1)
) STRICT;
INSERT INTO person VALUES (1, '{"name": "Ann"}');
INSERT INTO raw VALUES (1, '{"name": "Ann"}');
"""
PROGRAM = '''
def up(depot):
    told = depot.rows("""SELECT jsonschema('profile', '{"name": 5}') AS one FROM person""")
    depot.run("INSERT INTO raw VALUES (?, ?)", (100 + told[0]["one"], '{"name": "of the program"}'))
'''
APIS = """
databases { name: "other" }
record_apis { name: "person" table_name: "person" acl_world: [CREATE, READ, UPDATE, SCHEMA] }
record_apis { name: "raw" table_name: "raw" acl_world: [CREATE, READ] }
record_apis { name: "other_person" table_name: "other.person" acl_world: [CREATE, READ, SCHEMA] }
record_apis { name: "other_raw" table_name: "other.raw" acl_world: [CREATE, READ] }
record_apis { name: "fitting" table_name: "raw" acl_world: [READ]
  read_access_rule: "jsonschema('profile', _ROW_.profile)" }
"""
EVERYWHERE = ("person", "raw", "other_person", "other_raw")
CHECK = "db constraint: check"


def profile(**properties: Any) -> dict[str, Any]:
    """A schema of objects that have all of these properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


NAMED = profile(name={"type": "string"})
AGED = profile(age={"type": "integer"})


def config(**schemas: object) -> str:
    """The settings with these schemas."""
    told = [
        f"schemas {{ name: {json.dumps(name)} schema: {json.dumps(json.dumps(schema))} }}"
        for name, schema in schemas.items()
    ]
    return "\n".join([APIS, *told])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """One whose migrations store rows of a custom schema."""
    depot: Path = tmp_path_factory.mktemp("schemas") / "depot"
    for name in ("main", "other"):
        folder = depot / "migrations" / name
        folder.mkdir(parents=True)
        (folder / "U1__tables.sql").write_text(TABLES)
        (folder / "U2__program.py").write_text(PROGRAM)
    (depot / "config.textproto").write_text(config(profile=NAMED))
    with ClusterProcess(depot) as running:
        yield running


@pytest.fixture(scope="module")
def guest(cluster: ClusterProcess) -> httpx.Client:
    """Nobody."""
    return cluster.client(superuser=False)


_names = itertools.count()


def put_in_force(cluster: ClusterProcess, text: str) -> httpx.Response:
    """Write the file; a change over HTTP puts all of it in force before it is answered."""
    (cluster.depot / "config.textproto").write_text(text)
    body = {"meta": {"appName": f"name {next(_names)}"}}
    return cluster.client().patch("/api/settings", json=body)


def stored(guest: httpx.Client, value: object) -> list[str]:
    """What a create with that profile, as a text, says at each API: "" where it is stored."""
    told = []
    for api in EVERYWHERE:
        text = None if value is None else json.dumps(value)
        reply = guest.post(f"{RECORDS}/{api}", json={"profile": text})
        assert reply.status_code in (200, 400), reply.text
        told.append("" if reply.status_code == 200 else reply.text)
    return told


FINE = [""] * len(EVERYWHERE)
KEPT_OUT = [CHECK] * len(EVERYWHERE)


def test_migrations_know_them(guest: httpx.Client) -> None:
    """The rows of the migrations are there; a program that asks gets the schema's answer."""
    for api in ("raw", "other_raw"):
        rows = guest.get(f"{RECORDS}/{api}").json()["records"]
        assert sorted(one["id"] for one in rows) == [1, 100]


def test_what_a_schema_keeps_out(guest: httpx.Client) -> None:
    """Judged by the worker where it knows the CHECK, else by the writer: with one answer."""
    assert stored(guest, {"name": "Bob"}) == FINE
    assert stored(guest, None) == FINE
    assert stored(guest, {"name": 5}) == KEPT_OUT
    reply = guest.post(f"{RECORDS}/person", json={"profile": {"name": "nested"}})
    assert reply.status_code == 200
    reply = guest.patch(f"{RECORDS}/person/1", json={"profile": {}})
    assert (reply.status_code, reply.text) == (400, CHECK)


@pytest.mark.parametrize("mode", ["insert", "select", "update"])
def test_schemas_of_apis_show_them(guest: httpx.Client, mode: str) -> None:
    """Under `$defs`, whichever database the table is in."""
    for api in ("person", "other_person"):
        shown = guest.get(f"{RECORDS}/{api}/schema", params={"mode": mode}).json()
        assert shown["properties"]["profile"] == {"$ref": "#/$defs/profile"}
        assert shown["$defs"]["profile"] == {"anyOf": [NAMED, {"type": "null"}]}


def test_a_change_is_in_force_at_once(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """At the writer and at all workers, in rules, too; the processes are the same."""
    before = cluster.children()
    assert put_in_force(cluster, config(profile=AGED)).status_code == 200
    assert stored(guest, {"age": 5}) == FINE
    assert stored(guest, {"name": "Bob"}) == KEPT_OUT
    fitting = guest.get(f"{RECORDS}/fitting").json()["records"]
    assert {one["profile"] for one in fitting} == {'{"age": 5}', None}
    shown = guest.get(f"{RECORDS}/person/schema").json()
    assert shown["$defs"]["profile"]["anyOf"][0] == AGED
    assert put_in_force(cluster, config(profile=NAMED)).status_code == 200
    assert stored(guest, {"age": 5}) == KEPT_OUT
    assert cluster.children() == before


def test_a_changed_file_alone_is_enough(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """It is looked at every second."""
    (cluster.depot / "config.textproto").write_text(config(profile=AGED))
    until(lambda: stored(guest, {"age": 1}) == FINE, seconds=20, what="the changed schema")
    assert put_in_force(cluster, config(profile=NAMED)).status_code == 200


def test_a_schema_that_is_gone_lets_nothing_in(
    cluster: ClusterProcess, guest: httpx.Client
) -> None:
    """A bad request, and no fault of the server's; what is stored is read as before."""
    assert put_in_force(cluster, config(another=AGED)).status_code == 200
    for value in ({"name": "Bob"}, {}):
        said = stored(guest, value)
        assert said[::2] == [CHECK] * 2
        assert all(said)
    assert stored(guest, None) == FINE
    assert guest.get(f"{RECORDS}/person/1").json() == {"id": 1, "profile": {"name": "Ann"}}
    assert len(guest.get(f"{RECORDS}/other_person").json()["records"]) > 1
    assert guest.get(f"{RECORDS}/person/schema").status_code == 200
    assert guest.get(f"{RECORDS}/fitting").status_code in (400, 403)
    assert put_in_force(cluster, config(profile=NAMED)).status_code == 200
    assert stored(guest, {"name": "Bob"}) == FINE


@pytest.mark.parametrize(
    "schema",
    [
        {"type": 5},
        {"$ref": "http://127.0.0.1:9/x"},
        {"$ref": "file:///etc/passwd"},
        {"pattern": "(?=a)b"},
        {"const": "x" * 70_000},
        [],
    ],
)
def test_settings_with_a_bad_schema_are_refused(
    cluster: ClusterProcess, guest: httpx.Client, schema: object
) -> None:
    """With the place and the reason; what was in force stays."""
    reply = put_in_force(cluster, config(profile=NAMED, bad=schema))
    assert reply.status_code == 400
    assert "schemas.1.schema" in reply.text
    problem = cluster.client().get("/api/settings").headers["Quill-Settings-Problem"]
    assert "schemas.1.schema" in problem
    assert stored(guest, {"name": 5}) == KEPT_OUT
    assert stored(guest, {"name": "Bob"}) == FINE


def test_a_hostile_pattern_is_linear(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """It is a schema like any other; values beyond the bound of patterned schemas are refused."""
    assert (
        put_in_force(cluster, config(profile=profile(name={"pattern": "^(a+)+$"}))).status_code
        == 200
    )
    assert stored(guest, {"name": "a" * 50_000}) == FINE
    assert stored(guest, {"name": "a" * 50_000 + "!"}) == KEPT_OUT
    assert all(stored(guest, {"name": "a" * 70_000}))


def test_a_new_writer_knows_them(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """From its start."""
    assert put_in_force(cluster, config(profile=AGED)).status_code == 200
    before = cluster.kill("writer")
    until(lambda: cluster.children().get("writer") not in (None, before), what="another writer")
    until(cluster.ready, what="readiness")
    assert stored(guest, {"age": 5}) == FINE
    assert stored(guest, {"name": "Bob"}) == KEPT_OUT
