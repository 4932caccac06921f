"""The ops port: metrics of all processes, liveness, readiness."""

from __future__ import annotations

import httpx
import pytest

from shared.status_page import StatusPage
from tests.cluster.running import StandinCluster
from tests.waiting import until


def test_readiness_names_who_is_missing(standins: StandinCluster) -> None:
    """503 with the names while a child is down."""
    assert standins.readyz() == (200, {"ready": True, "phase": "running", "waiting": []})
    crash = standins.wish("writer.crash")
    standins.kill("writer")
    until(lambda: standins.readyz()[0] == 503)
    assert standins.readyz()[1]["waiting"] == ["writer"]
    assert httpx.get(f"{standins.ops_url}/healthz").status_code == 200
    crash.unlink()
    standins.await_ready()


def test_a_full_disk_is_not_ready(standins: StandinCluster) -> None:
    """What the writer put on the status page is told."""
    page = StatusPage.open(standins.run_directory() / "status")
    page.disk_full = True
    status, body = standins.readyz()
    assert (status, body["reason"]) == (503, "disk full")
    page.disk_full = False
    assert standins.readyz()[0] == 200


def test_metrics_tell_of_every_process(standins: StandinCluster) -> None:
    """Up, CPU and memory by process, and the build."""
    for name in ("writer", "worker-0", "worker-1"):
        assert standins.metric(f'quill_process_up{{process="{name}"}}') == 1
    for name in ("supervisor", "writer", "worker-0"):
        memory = standins.metric(f'quill_process_resident_bytes{{process="{name}"}}')
        assert memory is not None
        assert memory > 1_000_000


@pytest.mark.parametrize("path", ["/", "/metrics/x", "/_/setup"])
def test_other_pages_do_not_exist(standins: StandinCluster, path: str) -> None:
    """Three pages, no more."""
    assert httpx.get(f"{standins.ops_url}{path}").status_code == 404
