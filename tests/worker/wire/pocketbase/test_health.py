"""Health, unknown routes and CORS. Also `worker.wire.pocketbase.records`."""

from __future__ import annotations

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.worker.fresh import fresh_client


def test_health_is_public_and_tells_superusers_more(
    superuser: httpx.Client, guest: httpx.Client
) -> None:
    """The SDK's health check."""
    expected = {"message": "API is healthy.", "code": 200, "data": {}}
    assert guest.get("/api/health").json() == expected
    told = superuser.get("/api/health", headers={"X-Real-Ip": "1.2.3.4"}).json()["data"]
    assert told == {"canBackup": True, "realIP": "127.0.0.1", "possibleProxyHeader": "X-Real-Ip"}
    assert guest.get("/api/health", params={"fields": "code"}).json() == {"code": 200}


def test_a_worker_says_who_it_is(cluster: ClusterProcess) -> None:
    """Slot, pid and seconds since its start."""
    children = cluster.children()
    for _ in range(8):
        with fresh_client(cluster.url) as client:
            told = client.get("/_/health").json()
        assert told["pid"] == children[f"worker {told['slot']}"]
        assert told["uptime"] >= 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/nope"),
        ("GET", "/api/collections/a/records/b/c"),
        ("PUT", "/api/collections/a/records"),
        ("DELETE", "/api/collections"),
        ("POST", "/api/health"),
        ("GET", "/api/collections//records"),
        ("GET", "/"),
    ],
)
def test_an_unknown_route_is_a_404_in_the_shape(
    guest: httpx.Client, method: str, path: str
) -> None:
    """An unknown method, too."""
    reply = guest.request(method, path)
    assert reply.status_code == 404
    assert set(reply.json()) == {"data", "message", "status"}
