"""Who may open a WebSocket."""

from __future__ import annotations

import pytest

from shared.errors import Kind, QuillError
from worker.http.client_address import ProxyTrust
from worker.wire.websocket.gate import PATH, Gate

APP = "https://app.example"
HOST = "api.example:8090"


def _gate(*origins: str, trusted: tuple[str, ...] = ()) -> Gate:
    return Gate(origins, ProxyTrust(trusted))


def _kind(gate: Gate, path: str, origins: list[str], host: str = HOST) -> Kind | None:
    try:
        gate.check(path, origins, host)
    except QuillError as error:
        return error.kind
    return None


def test_only_one_path_is_served() -> None:
    """Nothing beside it, whatever the origin."""
    gate = _gate("*")
    assert _kind(gate, PATH, []) is None
    for path in ("", "/", PATH + "/", PATH.upper(), "/api/realtime"):
        assert _kind(gate, path, []) is Kind.NOT_FOUND


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        ([], True),
        ([APP], True),
        ([APP + "/"], True),
        ([f"https://{HOST}"], True),
        ([f"http://{HOST}"], True),
        (["https://evil.example"], False),
        (["https://api.example"], False),
        (["null"], False),
        ([""], False),
        ([HOST], False),
        ([APP, APP], False),
        ([APP, "https://evil.example"], False),
        ([APP.upper()], False),
    ],
)
def test_pages_connect_from_where_they_may(origins: list[str], allowed: bool) -> None:
    """Programs send no Origin; a page of our own host is no stranger; two values are a trick."""
    assert (_kind(_gate(APP + "/"), PATH, origins) is None) == allowed
    assert _kind(_gate("*"), PATH, origins) is None


def test_a_request_without_a_host_is_from_nowhere() -> None:
    """An empty Host matches no origin."""
    for origin in ("https://", "://", ""):
        assert _kind(_gate(APP), PATH, [origin], host="") is Kind.FORBIDDEN


def test_the_clients_address_comes_through_trusted_proxies() -> None:
    """As for HTTP: what another peer says about itself is not believed."""
    peer = {"client": ("10.0.0.9", 1234)}
    forwarded = ["1.1.1.1, 203.0.113.7"]
    assert _gate(trusted=("10.0.0.0/8",)).client_ip(peer, forwarded) == "203.0.113.7"
    assert _gate().client_ip(peer, forwarded) == "10.0.0.9"
