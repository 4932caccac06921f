"""A cluster whose settings name further databases."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from shared.depot.databases import read_slots
from shared.depot.layout import DepotLayout
from shared.sql.plan import returning, run
from shared.status_page import StatusPage
from tests.cluster_process import ClusterProcess
from tests.submitting import run_directory_of, submit
from tests.waiting import until


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """It finds the name in its first settings."""
    depot = tmp_path_factory.mktemp("several") / "depot"
    depot.mkdir()
    _name(depot, "tenant")
    with ClusterProcess(depot) as running:
        yield running


def _name(depot: Path, *names: str) -> None:
    listed = ", ".join(f'{{name: "{name}"}}' for name in names)
    (depot / "config.textproto").write_text(f"databases: [{listed}]\n")


def _items(depot: Path) -> list[str]:
    """Every id in the second database."""
    path = DepotLayout(depot).database("tenant")
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found = [str(key) for (key,) in connection.execute("SELECT id FROM items ORDER BY id")]
    connection.close()
    return found


def test_it_is_there_when_the_first_request_is(cluster: ClusterProcess) -> None:
    """With a log and a catalog of its own; main is served as ever."""
    table = run("CREATE TABLE items(id TEXT PRIMARY KEY)")
    submit(cluster.depot, table, changes_catalog=True, database="tenant")
    submit(cluster.depot, run("INSERT INTO items VALUES ('a')"), database="tenant")
    cluster.collection("posts", [{"name": "title", "type": "text"}])
    client = cluster.client()
    assert client.post("/api/collections/posts/records", json={"title": "t"}).status_code == 200
    assert client.get("/api/collections/posts/records").json()["totalItems"] == 1


def test_the_death_of_the_writer_costs_neither_anything(cluster: ClusterProcess) -> None:
    """The next one opens both before it takes a plan."""
    before = cluster.kill("writer")
    until(lambda: cluster.children().get("writer", before) != before, what="another writer")
    step = returning("INSERT INTO items VALUES ('b') RETURNING id")
    assert submit(cluster.depot, step, database="tenant").payload == "b"
    assert _items(cluster.depot) == ["a", "b"]
    client = cluster.client()
    assert client.post("/api/collections/posts/records", json={"title": "u"}).status_code == 200


def test_another_one_comes_with_a_reload(cluster: ClusterProcess) -> None:
    """Nothing is restarted but the workers."""
    writer = cluster.children()["writer"]
    _name(cluster.depot, "tenant", "second")
    cluster.process.send_signal(signal.SIGHUP)
    slots = run_directory_of(cluster.depot).databases
    page = StatusPage.open(run_directory_of(cluster.depot).status_page)
    second = until(lambda: read_slots(slots).get("second"), seconds=20, what="a slot for it")
    assert second is not None
    until(lambda: page.database(second).is_open, seconds=20, what="the second database")
    result = submit(cluster.depot, returning("SELECT 'here'"), database="second")
    assert result.payload == "here"
    assert cluster.children()["writer"] == writer
