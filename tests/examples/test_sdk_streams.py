"""The SDKs' streams while workers die, roll and forward to each other."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cluster_process import ClusterProcess, child_pids
from tests.examples.crossing import Crossing
from tests.examples.sdk_process import Language, SdkProcess
from tests.waiting import until

_FIELDS = [{"name": "title", "type": "text"}]


def _create(cluster: ClusterProcess, title: str) -> None:
    with cluster.client(superuser=False) as client:
        reply = client.post("/api/collections/posts/records", json={"title": title})
    assert reply.status_code == 200, reply.text


def _titles(events: list[Any]) -> list[str]:
    return [event["record"]["title"] for event in events]


def _kill_its_worker(cluster: ClusterProcess, sdk: SdkProcess) -> None:
    """SIGKILL the worker that holds the stream, and wait until it is back."""
    name = f"worker {sdk.slot}"
    killed = cluster.kill(name)
    until(lambda: cluster.children().get(name, killed) != killed, what=f"{name} is back")
    until(cluster.ready, what="ready again")


def test_the_official_sdk_reconnects_after_a_kill(own_cluster: ClusterProcess) -> None:
    """It is told, opens a new stream by itself, sets all its topics again and hears on."""
    own_cluster.collection("posts", _FIELDS)
    with SdkProcess(Language.JAVASCRIPT, own_cluster.url) as sdk:
        sdk.call("subscribe", name="connect", topic="PB_CONNECT")
        sdk.call("subscribe", name="posts", collection="posts", topic="*")
        _create(own_cluster, "before")
        sdk.wait(1, "posts")
        before, set_before = sdk.client_id, len(sdk.heard("submit"))
        connected = len(sdk.heard("connect"))
        _kill_its_worker(own_cluster, sdk)
        sdk.wait(set_before + 1, "submit")
        sdk.wait(connected + 1, "connect")
        assert sdk.client_id != before
        assert sdk.heard("disconnect") == [["PB_CONNECT", "posts/*"]]
        _create(own_cluster, "after")
        assert _titles(sdk.wait(2, "posts")) == ["before", "after"]


def test_pythons_sdk_hears_again_when_it_subscribes_again_after_a_kill(
    own_cluster: ClusterProcess,
) -> None:
    """A cut connection ends its thread (a limit of that SDK): subscribing anew opens a stream."""
    own_cluster.collection("posts", _FIELDS)
    with SdkProcess(Language.PYTHON, own_cluster.url) as sdk:
        sdk.call("subscribe", name="posts", collection="posts", topic="*")
        before = sdk.client_id
        _kill_its_worker(own_cluster, sdk)
        sdk.call("forget")
        sdk.call("subscribe", name="again", collection="posts", topic="*")
        assert sdk.client_id != before
        _create(own_cluster, "after")
        assert _titles(sdk.wait(1, "again")) == ["after"]
        assert sdk.heard("posts") == []


def test_streams_move_on_when_workers_are_replaced(
    own_cluster: ClusterProcess, language: Language
) -> None:
    """A rolling reload ends a stream in order, and either SDK opens another by itself."""
    own_cluster.collection("posts", _FIELDS)
    with SdkProcess(language, own_cluster.url) as sdk:
        sdk.call("subscribe", name="posts", collection="posts", topic="*")
        before = sdk.client_id
        children = own_cluster.children()
        old = {pid for name, pid in children.items() if name != "writer"}
        own_cluster.process.send_signal(signal.SIGHUP)
        until(
            lambda: not old & set(child_pids(own_cluster.pid)),
            seconds=60,
            what="both workers replaced and gone",
        )
        until(own_cluster.ready, what="ready again")
        until(lambda: sdk.client_id != before, seconds=30, what="a new stream")
        rounds = len(sdk.heard("submit"))
        _create(own_cluster, "after")
        assert _titles(sdk.wait(1, "posts")) == ["after"]
        assert len(sdk.heard("submit")) == rounds


@pytest.fixture
def uds(tmp_path: Path) -> Path:
    """Where the workers' unix sockets are."""
    return tmp_path / "sockets"


def test_subscriptions_reach_the_worker_that_holds_the_stream(
    tmp_path: Path, uds: Path, language: Language
) -> None:
    """Every POST arrives at the other worker, which forwards it, with its login and its refusals."""
    with (
        ClusterProcess(tmp_path / "depot", arguments=[f"--uds-dir={uds}"]) as cluster,
        Crossing(uds) as crossing,
        SdkProcess(language, crossing.url) as sdk,
    ):
        cluster.collection("posts", _FIELDS)
        cluster.collection("others", _FIELDS)
        sdk.call("subscribe", name="posts", collection="posts", topic="*")
        sdk.call("subscribe", name="others", collection="others", topic="*")
        assert sdk.slot == 0
        _create(cluster, "one")
        assert _titles(sdk.wait(1, "posts")) == ["one"]
        sdk.call("unsubscribe", prefix="others")
        assert {each["status"] for each in sdk.heard("submit")} == {204}
        assert (crossing.streams, crossing.requests) == (1, 3)


def test_one_of_two_listeners_stops(own_cluster: ClusterProcess) -> None:
    """The official SDK keeps a topic while one listener is left, and the server is not asked."""
    own_cluster.collection("posts", _FIELDS)
    with SdkProcess(Language.JAVASCRIPT, own_cluster.url) as sdk:
        sdk.call("subscribe", name="left", collection="posts", topic="*")
        sdk.call("subscribe", name="stays", collection="posts", topic="*")
        _create(own_cluster, "both")
        sdk.wait(2, "left", "stays")
        asked = len(sdk.heard("submit"))
        sdk.call("unsubscribe", name="left")
        _create(own_cluster, "one")
        assert _titles(sdk.wait(2, "stays")) == ["both", "one"]
        assert _titles(sdk.heard("left")) == ["both"]
        assert len(sdk.heard("submit")) == asked
        sdk.call("unsubscribe", name="stays")
        assert sdk.wait(1, "disconnect") == [[]], "with the last listener the stream is closed"
