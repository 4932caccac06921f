"""What a start takes, refuses and prints: `cluster.banner`, `cluster.notify`, `cluster.refusal`."""

from __future__ import annotations

import json
import re
import socket
import stat
import time
from pathlib import Path

import httpx
import pytest

from cluster.banner import make_setup_link
from shared.limits import SETUP_LINK_SECONDS
from shared.run_directory import RunDirectory
from tests.cluster.running import StandinCluster
from tests.waiting import until


def test_a_second_cluster_on_the_port_is_refused(standins: StandinCluster, tmp_path: Path) -> None:
    """SO_REUSEPORT does not let it in, and the first one goes on."""
    other = tmp_path / "other"
    other.mkdir()
    second = StandinCluster(other, port=standins.port)
    assert second.process.wait(20) == 1
    second.stop()
    text = "".join(second.log)
    assert text == f"Port {standins.port} on 127.0.0.1 cannot be used: Address already in use.\n"
    assert not (other / "depot").exists(), "nothing was touched"
    assert standins.ask() in standins.children().values()


def test_a_second_cluster_on_the_depot_is_refused(standins: StandinCluster) -> None:
    """It names the holder, and neither lock nor run directory is disturbed."""
    lock = (standins.depot / "data" / "writer.lock").read_text()
    second = StandinCluster(standins.depot.parent)
    assert second.process.wait(20) == 1
    second.stop()
    text = "".join(second.log)
    assert f"is in use by process {standins.pid}, whose run directory is" in text
    assert str(standins.run_directory()) in text
    assert (standins.depot / "data" / "writer.lock").read_text() == lock
    assert standins.ready()


def test_a_taken_ops_port_is_refused(standins: StandinCluster, tmp_path: Path) -> None:
    """The reason names the port."""
    other = tmp_path / "other"
    other.mkdir()
    port = standins.ops_url.rpartition(":")[2]
    second = StandinCluster(other, "--ops-port", port)
    assert second.process.wait(20) == 1
    second.stop()
    assert f"Ops port {port} on 127.0.0.1 cannot be used" in "".join(second.log)


def test_the_setup_link_is_printed_and_never_logged(standins: StandinCluster) -> None:
    """Without a superuser the banner has a one-time link whose secret only the run directory has."""
    text = "".join(standins.banner)
    link = re.search(r"(http://\S+)/_/setup\?token=(\S+)", text)
    assert link is not None
    assert link[1] == standins.url
    setup = standins.run_directory() / "setup"
    assert stat.S_IMODE(setup.stat().st_mode) == 0o600
    content = json.loads(setup.read_text())
    assert content["token"] == link[2]
    assert 0 < content["expires"] - time.time() <= SETUP_LINK_SECONDS
    assert f"quillbase superuser upsert EMAIL PASSWORD --depot {standins.depot}" in text
    assert link[2] not in "".join(standins.log)
    assert stat.S_IMODE(standins.run_directory().stat().st_mode) == 0o700


def test_no_link_where_stdout_is_a_journal(tmp_path: Path) -> None:
    """Under systemd only the command line is told."""
    with StandinCluster(tmp_path, env={"JOURNAL_STREAM": "8:1"}) as cluster:
        text = "".join(cluster.banner)
        assert "setup?token" not in text
        assert "superuser upsert" in text
        assert isinstance(cluster, StandinCluster)
        assert not (cluster.run_directory() / "setup").exists()


@pytest.mark.parametrize(
    ("url", "works"),
    [
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1", True),
        ("http://localhost:1", True),
        ("http://192.0.2.7:1", False),
        ("http://[2001:db8::1]:1", False),
        ("http://example.com:1", False),
    ],
)
def test_a_link_is_made_for_loopback_only(tmp_path: Path, url: str, works: bool) -> None:
    """The form answers nobody else, so elsewhere the link would never work."""
    link = make_setup_link(RunDirectory(tmp_path), url)
    assert link.startswith(f"{url}/_/setup?token=") if works else not link
    assert (tmp_path / "setup").exists() is works


def test_every_interface_has_a_link_on_loopback(tmp_path: Path) -> None:
    """0.0.0.0 is no address to go to."""
    with StandinCluster(tmp_path, "--host", "0.0.0.0") as cluster:
        assert "http://127.0.0.1:" in "".join(cluster.banner)
        assert "/_/setup?token=" in "".join(cluster.banner)


def test_no_link_where_there_is_a_superuser(tmp_path: Path) -> None:
    """The writer's readiness line says that one exists."""
    with StandinCluster(tmp_path, wishes=("superuser",)) as cluster:
        assert "superuser" not in "".join(cluster.banner)


def test_unix_sockets_are_served_and_replaced(tmp_path: Path) -> None:
    """A socket a slot, mode 0660, stale files no obstacle, removed at the end."""
    folder = tmp_path / "sockets"
    folder.mkdir()
    (folder / "w0.sock").touch()
    with StandinCluster(tmp_path, "--uds-dir", str(folder)) as cluster:
        for slot in range(2):
            path = folder / f"w{slot}.sock"
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
                answered = int(client.get("http://cluster/").text)
            assert answered == cluster.children()[f"worker-{slot}"]
    assert list(folder.iterdir()) == []


def test_systemd_is_told(tmp_path: Path) -> None:
    """READY when all are ready, WATCHDOG while alive, STOPPING at the end; children inherit none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        with StandinCluster(tmp_path, env=env) as cluster:
            said = [systemd.recv(100)]
            while said[-1] != b"READY=1":
                said.append(systemd.recv(100))
            while said[-1] != b"WATCHDOG=1":
                said.append(systemd.recv(100))
            environment = Path(f"/proc/{cluster.children()['writer']}/environ").read_bytes()
            assert b"NOTIFY_SOCKET" not in environment
        while said[-1] != b"STOPPING=1":
            said.append(systemd.recv(100))


def test_a_silent_host_is_refused(tmp_path: Path) -> None:
    """An address that is not ours is told in a sentence."""
    cluster = StandinCluster(tmp_path, "--host", "192.0.2.1")
    assert cluster.process.wait(20) == 1
    until(lambda: cluster.log)
    cluster.stop()
    assert cluster.log == ["Port 0 on 192.0.2.1 cannot be used: Cannot assign requested address.\n"]


def test_the_port_is_held_while_nothing_listens(tmp_path: Path) -> None:
    """With its only worker in backoff, the cluster still does not lose its port to another."""
    with StandinCluster(tmp_path, workers=1) as cluster:
        assert isinstance(cluster, StandinCluster)
        cluster.wish("worker-0.crash")
        cluster.kill("worker-0")
        until(lambda: cluster.count("process ended", process_name="worker-0") >= 4, seconds=20)
        other = tmp_path / "other"
        other.mkdir()
        second = StandinCluster(other, port=cluster.port)
        assert second.process.wait(20) == 1
        second.stop()
        assert f"Port {cluster.port} on 127.0.0.1 cannot be used" in "".join(second.log)
