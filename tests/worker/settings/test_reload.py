"""Files of settings that change under a running server, and a death between file and plan.

Tests `worker.settings.apply`, `worker.settings.watch`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import orjson
import pytest

from shared.config.default_text import DEFAULT_TEXT
from tests.cluster_process import ClusterProcess
from tests.hostile.both_workers import ask_all
from tests.waiting import until

SETTINGS = "/api/settings"


def names(cluster: ClusterProcess) -> set[str]:
    """The application's name as each worker has it."""
    token = cluster.superuser_token()
    replies = ask_all(cluster.url, "GET", SETTINGS, token=token, times=12)
    return {orjson.loads(reply.body)["meta"]["appName"] for reply in replies}


def gauge(cluster: ClusterProcess) -> str:
    lines = httpx.get(f"{cluster.ops_url}/metrics", timeout=5).text.splitlines()
    return next(line.split()[-1] for line in lines if line.startswith("quill_config_refused"))


def is_named(cluster: ClusterProcess, name: str) -> Callable[[], bool]:
    return lambda: names(cluster) == {name}


def test_a_file_is_followed_and_a_bad_one_is_not(cluster: ClusterProcess) -> None:
    """Good, bad, gone, good again: no restart, both workers, and the reason where one looks."""
    config = cluster.depot / "config.textproto"
    client = cluster.client()
    until(lambda: config.exists() and config.read_text() == DEFAULT_TEXT, what="the first file")
    pids = cluster.children()

    config.write_text('server { application_name: "One" }')
    until(is_named(cluster, "One"), what="the first name")

    config.write_text("server {\n  nonsense: 1\n}")
    until(lambda: gauge(cluster) == "1.0", what="the gauge")
    reply = client.get(SETTINGS)
    assert reply.json()["meta"]["appName"] == "One"
    assert reply.headers["quill-settings-problem"].startswith("config.textproto:2:3: ")
    told = [event for event in cluster.events() if "refused" in event["event"]]
    assert len(told) == 1
    assert "config.textproto:2:3" in told[0]["reason"]

    config.unlink()
    until(
        lambda: "gone" in client.get(SETTINGS).headers.get("quill-settings-problem", ""),
        what="gone",
    )
    assert names(cluster) == {"One"}

    draft = config.with_name("draft")
    draft.write_text('server { application_name: "Two" }')
    draft.replace(config)
    until(is_named(cluster, "Two"), what="the second name")
    until(lambda: gauge(cluster) == "0.0", what="the gauge again")

    config.write_text("")
    until(is_named(cluster, "Quillbase"), what="the default")
    assert cluster.children() == pids


def test_a_pipe_in_the_place_of_the_file(cluster: ClusterProcess) -> None:
    """Nobody waits at it: it is told, and what was accepted stays until there is a file again."""
    config = cluster.depot / "config.textproto"
    client = cluster.client()
    config.unlink()
    os.mkfifo(config)
    until(lambda: gauge(cluster) == "1.0", what="the gauge")
    assert "is no file" in client.get(SETTINGS).headers["quill-settings-problem"]
    assert client.patch(SETTINGS, json={"meta": {"appName": "No"}}).status_code == 400
    config.unlink()
    config.write_text("")
    until(lambda: gauge(cluster) == "0.0", what="the gauge again")
    assert client.patch(SETTINGS, json={"meta": {"appName": "Yes"}}).status_code == 200


def test_a_changed_secret_is_a_change(cluster: ClusterProcess) -> None:
    """The file of secrets is watched, too: what was accepted gets another mark."""
    count = len([one for one in cluster.events() if one["event"] == "settings are in force"])
    secrets = cluster.depot / "secrets/secrets.textproto"
    secrets.parent.mkdir(mode=0o700, exist_ok=True)
    secrets.write_text('secrets { key: "TRAIL_EMAIL_SMTP_PASSWORD" value: "hunter2" }')

    def accepted() -> bool:
        events = [one for one in cluster.events() if one["event"] == "settings are in force"]
        return len(events) > count

    until(accepted, what="the new mark")
    assert "hunter2" not in "".join(cluster.log)


@pytest.mark.parametrize("again", ["worker", "cluster"])
def test_killed_between_file_and_plan(tmp_path: Path, again: str) -> None:
    """The request breaks; the file is applied by the next worker, or by the next start."""
    switch = tmp_path / "kill"
    env = {"QUILL_FAILPOINT": f"worker.settings_written=kill:{switch}"}
    depot = tmp_path / "depot"
    with ClusterProcess(depot, env=env, workers=1) as cluster:
        client = cluster.client()
        assert client.get(SETTINGS).status_code == 200
        switch.touch()
        with pytest.raises(httpx.HTTPError):
            client.patch(SETTINGS, json={"meta": {"appName": "Written"}})
        if again == "worker":
            until(cluster.ready, what="a new worker")
            until(is_named(cluster, "Written"), what="the name")
            return
        os.kill(cluster.pid, signal.SIGKILL)
    with ClusterProcess(depot, workers=1) as cluster:
        until(is_named(cluster, "Written"), what="the name after a start")


def test_a_bad_file_and_a_start(tmp_path: Path) -> None:
    """Where settings were accepted they hold over a start; a variable of the start is in force."""
    depot = tmp_path / "depot"
    depot.mkdir()
    (depot / "config.textproto").write_text('server { application_name: "First" }')
    with ClusterProcess(depot, workers=1) as cluster:
        until(is_named(cluster, "First"), what="the file of the start")
    (depot / "config.textproto").unlink()
    (depot / "config.textproto").symlink_to("config.textproto")
    with ClusterProcess(depot, workers=1) as cluster:
        assert names(cluster) == {"First"}
        (depot / "config.textproto").unlink()
        (depot / "config.textproto").write_text("broken {")
        until(lambda: gauge(cluster) == "1.0", what="the gauge")
        assert names(cluster) == {"First"}
        (depot / "config.textproto").write_text("")
        until(is_named(cluster, "Quillbase"), what="the mended file")


def test_both_files_under_load(cluster: ClusterProcess) -> None:
    """Requests go on while the file changes every moment: none fails, and the last one holds."""
    config = cluster.depot / "config.textproto"
    stop = threading.Event()
    statuses: set[int] = set()

    def ask() -> None:
        with httpx.Client(base_url=cluster.url, timeout=30) as client:
            while not stop.is_set():
                statuses.add(client.get("/api/collections/users/auth-methods").status_code)

    thread = threading.Thread(target=ask)
    thread.start()
    for number in range(20):
        config.write_text(f'server {{ application_name: "N{number}" }}')
        names(cluster)
    until(is_named(cluster, "N19"), what="the last name")
    stop.set()
    thread.join()
    assert statuses == {200}
