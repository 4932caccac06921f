"""How an operator sees the record APIs that cannot be served: a gauge, `/readyz`, and their reasons.

Nobody asks for an API before the figure is looked at: it follows settings and schema by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.waiting import until
from tests.worker.wire.trailbase.auth_calls import PASSWORD, bearer, login, user

BROKEN = "/api/_admin/record_apis"
MAIN = """
CREATE TABLE room (id INTEGER PRIMARY KEY, name TEXT) STRICT;
CREATE TABLE seat (id INTEGER PRIMARY KEY, room INTEGER) STRICT;
CREATE TABLE loose (id INTEGER PRIMARY KEY, name TEXT);
"""
OTHER = "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT) STRICT;"
SERVED = """
databases { name: "other" }
record_apis { name: "room" table_name: "room" acl_world: [READ] }
record_apis { name: "note" table_name: "other.note" acl_world: [READ] }
record_apis { name: "seat" table_name: "seat" acl_world: [READ]
  read_access_rule: "EXISTS(SELECT 1 FROM room WHERE id = _ROW_.room AND name <> '')" }
"""
NEVER = """
record_apis { name: "gone" table_name: "nothing" acl_world: [READ] }
record_apis { name: "loose" table_name: "loose" acl_world: [READ] }
"""
GONE = {"name": "gone", "reason": "there is no table or view nothing"}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ClusterProcess]:
    """All of whose APIs are served at first."""
    depot = tmp_path / "depot"
    for name, sql in (("main", MAIN), ("other", OTHER)):
        folder = depot / "migrations" / name
        folder.mkdir(parents=True)
        (folder / "U1__tables.sql").write_text(sql)
    (depot / "config.textproto").write_text(SERVED)
    with ClusterProcess(depot) as running:
        yield running


def gauge(cluster: ClusterProcess) -> float:
    """As Prometheus reads it."""
    lines = httpx.get(f"{cluster.ops_url}/metrics", timeout=5).text.splitlines()
    return next(
        float(line.split()[-1]) for line in lines if line.startswith("quill_record_apis_broken")
    )


def is_told(cluster: ClusterProcess, count: int) -> Callable[[], bool]:
    """Whether both pages of the ops port have this figure; no broken API makes it unready."""

    def told() -> bool:
        ready = httpx.get(f"{cluster.ops_url}/readyz", timeout=5)
        assert ready.status_code == 200, ready.text
        return (gauge(cluster), ready.json().get("record_apis_broken", 0)) == (count, count)

    return told


def broken(client: httpx.Client) -> dict[str, str]:
    """Names and reasons."""
    reply = client.get(BROKEN)
    assert reply.status_code == 200, reply.text
    return {one["name"]: one["reason"] for one in reply.json()["broken"]}


def test_settings_are_followed(cluster: ClusterProcess) -> None:
    """None, two, none again; the log has each reason though nobody asked for an API."""
    config = cluster.depot / "config.textproto"
    client = cluster.client()
    assert client.get(BROKEN).json() == {"broken": []}
    assert is_told(cluster, 0)()
    config.write_text(SERVED + NEVER)
    until(is_told(cluster, 2), what="two that are broken")
    logged = [one["api"] for one in cluster.events() if "cannot be served" in one["event"]]
    assert sorted(logged) == ["gone", "loose"]
    found = client.get(BROKEN).json()["broken"]
    assert found[0] == GONE
    assert found[1]["name"] == "loose"
    assert "STRICT" in found[1]["reason"]
    config.write_text(SERVED)
    until(is_told(cluster, 0), what="none")
    assert broken(client) == {}


def test_the_schema_is_followed(cluster: ClusterProcess) -> None:
    """A table that is dropped, a column that a rule reads, and a table of another database."""
    client = cluster.client()
    for count, (query, database) in enumerate(
        (
            ("DROP TABLE note", "other"),
            ("ALTER TABLE room DROP COLUMN name", "main"),
            ("DROP TABLE room", "main"),
        )
    ):
        reply = client.post("/api/sql", json={"query": query, "database": database})
        assert reply.status_code == 200, reply.text
        until(is_told(cluster, count + 1), what=query)
    assert broken(client) == {
        "note": "there is no table or view note",
        "room": "there is no table or view room",
        "seat": "read_access_rule: no such table: room",
    }
    assert client.get("/api/records/v1/seat").status_code == 405


def test_the_figure_outlives_who_looks(cluster: ClusterProcess) -> None:
    """Another worker takes over, and goes on following."""
    config = cluster.depot / "config.textproto"
    config.write_text(SERVED + NEVER)
    until(is_told(cluster, 2), what="two that are broken")
    cluster.kill("worker 0")
    assert gauge(cluster) == 2
    until(cluster.ready, what="another worker")
    config.write_text(SERVED + NEVER.replace('"nothing"', '"room"'))
    until(is_told(cluster, 1), what="one that is broken")


def test_reasons_are_for_admins(cluster: ClusterProcess) -> None:
    """They name tables and columns: not for guests, nor for users."""
    client = cluster.client(superuser=False)
    assert client.get(BROKEN).status_code == 401
    user("add", "anna@example.com", PASSWORD, depot=cluster.depot)
    own = login(client, "anna@example.com").json()
    client.cookies.clear()
    headers = {**bearer(own["auth_token"]), "CSRF-Token": own["csrf_token"]}
    assert client.get(BROKEN, headers=headers).status_code == 403
