"""One request id goes through worker, writer and logs, and no secret goes with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.cluster_process import PASSWORD, ClusterProcess
from tests.waiting import until

NAME = "check-0042"


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """A cluster that logs everything."""
    depot = tmp_path_factory.mktemp("talkative") / "depot"
    with ClusterProcess(depot, arguments=["--log-level=debug"]) as running:
        yield running


def _processes(cluster: ClusterProcess, request_id: str) -> set[str]:
    return {event["process"] for event in cluster.events() if event.get("request_id") == request_id}


def _ids_of_commits(depot: Path) -> set[str]:
    with closing(sqlite3.connect(f"file:{depot}/data/main.db?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT operations FROM _commit").fetchall()
    return {operation[0] for (blob,) in rows for operation in msgspec.msgpack.decode(blob)}


def test_a_write_is_followed_through_both_processes(talkative: ClusterProcess) -> None:
    """The client's id comes back, stands in both logs, and in the row of the commit."""
    talkative.collection("traced", [{"name": "a", "type": "text"}])
    reply = talkative.client().post(
        "/api/collections/traced/records", json={"a": "x"}, headers={"X-Request-Id": NAME}
    )
    assert reply.headers["x-request-id"] == NAME
    until(lambda: _processes(talkative, NAME) == {"worker", "writer"}, what="both log it")
    assert NAME in _ids_of_commits(talkative.depot)


def test_a_request_without_an_id_gets_one(talkative: ClusterProcess) -> None:
    """Ids made here differ, and an id that is not sane is replaced."""
    client = talkative.client(superuser=False)
    made = {client.get("/api/health").headers["x-request-id"] for _ in range(20)}
    assert len(made) == 20
    bad = "x" * 500
    assert client.get("/api/health", headers={"X-Request-Id": bad}).headers["x-request-id"] != bad


def test_no_secret_reaches_the_logs(talkative: ClusterProcess) -> None:
    """Neither the password nor the token nor the setup link, at the highest level of detail."""
    token = talkative.superuser_token()
    talkative.client().get("/api/collections", headers={"X-Request-Id": "last-one"})
    until(lambda: _processes(talkative, "last-one"), what="everything before it is logged")
    logged = "".join(talkative.log)
    for secret in (PASSWORD, token, "setup?token="):
        assert secret not in logged


def test_every_line_of_the_log_is_one_event(talkative: ClusterProcess) -> None:
    """Each line is a JSON object with time, level, process and pid."""
    lines = list(talkative.log)
    assert len(talkative.events()) == len(lines)
    for event in talkative.events():
        assert {"event", "time", "level", "process", "pid"} <= set(event)
