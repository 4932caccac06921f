"""The supervisor over the real writer and workers."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import httpx

from tests.cluster.running import gone
from tests.cluster_process import ClusterProcess, child_pids
from tests.waiting import until

PSS_MEGABYTES_MAX = 220
START_SECONDS_MAX = 1.5


def _pss_kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _replaced(cluster: ClusterProcess, name: str, killed: int) -> bool:
    return cluster.children().get(name, killed) != killed


def test_idle_memory(cluster: ClusterProcess) -> None:
    """Supervisor, writer and two workers share 220 MB."""
    pids = [cluster.pid, *cluster.children().values()]
    assert len(pids) == 4
    total = sum(map(_pss_kilobytes, pids)) // 1024
    assert total <= PSS_MEGABYTES_MAX, f"{total} MB"


def test_metrics_of_all_processes(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """A request to a worker shows in the ops port's sums within seconds."""
    assert guest.get("/api/health").status_code == 200

    def counted() -> bool:
        text = httpx.get(f"{cluster.ops_url}/metrics").text
        return 'quill_http_requests_total{route="health",status="2xx"}' in text

    until(counted, what="the request in /metrics")


def test_killed_children_come_back(own_cluster: ClusterProcess) -> None:
    """Each kind of child is replaced, and the cluster is ready again."""
    for name in ("worker 0", "worker 1", "writer"):
        killed = own_cluster.kill(name)
        until(partial(_replaced, own_cluster, name, killed), what=name)
        until(own_cluster.ready, seconds=20, what="readiness")
    reply = httpx.get(f"{own_cluster.url}/api/health")
    assert reply.status_code == 200


def test_reload_under_load_fails_no_request(own_cluster: ClusterProcess) -> None:
    """With and without keep-alive, while both workers are replaced."""
    stop = threading.Event()
    failures: list[str] = []
    answered = [0, 0]

    def load(number: int, headers: dict[str, str]) -> None:
        with httpx.Client(base_url=own_cluster.url, headers=headers, timeout=15) as client:
            while not stop.is_set():
                try:
                    reply = client.get("/api/health")
                except httpx.HTTPError as error:
                    failures.append(repr(error))
                else:
                    answered[number] += 1
                    if reply.status_code != 200:
                        failures.append(reply.text)

    before = own_cluster.children()
    clients = [
        threading.Thread(target=load, args=(number, headers))
        for number, headers in enumerate(({}, {"Connection": "close"}))
        for _ in range(4)
    ]
    for client in clients:
        client.start()
    own_cluster.process.send_signal(signal.SIGHUP)
    until(
        lambda: any(event["event"] == "reload done" for event in own_cluster.events()),
        seconds=60,
        what="the reload",
    )
    stop.set()
    for client in clients:
        client.join()
    after = own_cluster.children()
    assert failures == []
    assert min(answered) > 50
    assert after["writer"] == before["writer"]
    assert not {after["worker 0"], after["worker 1"]} & set(before.values())


def test_a_killed_supervisor_takes_its_children_along(tmp_path: Path) -> None:
    """The next start has port and depot at once, and answers in time."""
    depot = tmp_path / "depot"
    with ClusterProcess(depot) as cluster:
        children, port = cluster.children(), cluster.port
        os.kill(cluster.pid, signal.SIGKILL)
        cluster.process.wait()
        until(lambda: all(gone(pid) for pid in children.values()), what="the children's end")
    before = time.monotonic()
    with ClusterProcess(depot, port=port) as again:
        until(lambda: httpx.get(f"{again.url}/api/health").status_code == 200)
        # Twice the promise, for machines that run other tests at the same time; `make bench`
        # measures it.
        assert time.monotonic() - before < 2 * START_SECONDS_MAX


def test_sigterm_ends_everything(tmp_path: Path) -> None:
    """Exit code 0 and no process left."""
    with ClusterProcess(tmp_path / "depot") as cluster:
        children = cluster.children()
        assert sorted(children) == ["worker 0", "worker 1", "writer"]
        assert sorted(child_pids(cluster.pid)) == sorted(children.values())
        assert cluster.stop() == 0
        assert all(gone(pid) for pid in children.values())


def test_unix_sockets_serve_and_survive_a_reload(tmp_path: Path) -> None:
    """The path of each slot is answered by its worker, the same socket file before and after."""
    folder = tmp_path / "sockets"
    with ClusterProcess(tmp_path / "depot", arguments=["--uds-dir", str(folder)]) as cluster:
        inodes = [(folder / f"w{slot}.sock").stat().st_ino for slot in range(2)]

        def slots() -> list[int]:
            found = []
            for slot in range(2):
                transport = httpx.HTTPTransport(uds=str(folder / f"w{slot}.sock"))
                with httpx.Client(transport=transport, base_url="http://unix") as client:
                    reply = client.get("/_/health")
                    assert reply.status_code == 200, reply.text
                    found.append(int(reply.json()["slot"]))
            return found

        assert slots() == [0, 1]
        cluster.process.send_signal(signal.SIGHUP)
        until(
            lambda: any(event["event"] == "reload done" for event in cluster.events()),
            seconds=60,
            what="the reload",
        )
        assert slots() == [0, 1]
        assert [(folder / f"w{slot}.sock").stat().st_ino for slot in range(2)] == inodes
    assert list(folder.iterdir()) == []
