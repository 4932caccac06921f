"""Who is calling, through proxies that are trusted and those that are not."""

from __future__ import annotations

import asyncio
import http.client
import socket
from pathlib import Path

import pytest

from tests.worker.http.serving import serving
from worker.http.client_address import ProxyTrust
from worker.http.request import Request
from worker.http.response import Response
from worker.http.routes import Route

TRUST = ("unix", "127.0.0.1", "10.0.0.0/8", "::1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # not a proxy of ours
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # the left part is a claim
        ("127.0.0.1", ["6.6.6.6, 198.51.100.1, 10.1.2.3"], "198.51.100.1"),
        ("127.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),  # two header lines
        ("127.0.0.1", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("127.0.0.1", ["198.51.100.1, nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("127.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::ffff:127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("", ["198.51.100.1"], "198.51.100.1"),  # a unix socket
        ("", [], ""),
        ("127.0.0.1", [",,,"], "127.0.0.1"),
    ],
)
def test_the_last_untrusted_hop_is_the_client(peer: str, forwarded: list[str], client: str) -> None:
    """Read from the right; what an untrusted peer says is not read at all."""
    assert ProxyTrust(TRUST).client_ip({"client": (peer, 1)}, forwarded) == client


@pytest.mark.parametrize(
    ("peer", "forwarded", "loopback"),
    [
        ("127.0.0.1", [], True),
        ("127.0.0.1", ["198.51.100.1"], False),
        ("127.0.0.1", ["127.0.0.1"], True),
        ("203.0.113.9", ["127.0.0.1"], False),
        ("", [], False),
        ("", ["127.0.0.1"], True),
    ],
)
def test_loopback_is_told_by_the_client_not_the_proxy(
    peer: str, forwarded: list[str], loopback: bool
) -> None:
    """A local proxy does not make its clients local."""
    assert ProxyTrust(TRUST).is_loopback({"client": (peer, 1)}, forwarded) is loopback


def test_an_untrusted_local_proxy_makes_nobody_local() -> None:
    """Through 127.0.0.1 with the header, but without trust: not loopback."""
    assert not ProxyTrust(()).is_loopback({"client": ("127.0.0.1", 1)}, ["198.51.100.1"])


def test_a_wrong_entry_is_refused() -> None:
    """A typing error in the settings must not open a hole in silence."""
    with pytest.raises(ValueError, match="nonsense"):
        ProxyTrust(("nonsense",))


def test_over_a_unix_socket(short_folder: Path) -> None:
    """The real server tells a unix peer apart, and believes what it forwards."""
    path = str(short_folder / "w.sock")

    async def who(_context: object, request: Request) -> Response:
        return Response(200, f"{request.client_ip} {request.is_loopback}".encode())

    def ask() -> bytes:
        connection = http.client.HTTPConnection("x")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(path)
        connection.request("GET", "/who", headers={"X-Forwarded-For": "198.51.100.1"})
        body = connection.getresponse().read()
        connection.close()
        return body

    async def scenario() -> bytes:
        async with serving(short_folder, (Route("GET", "/who", who, "other"),), unix_path=path):
            return await asyncio.to_thread(ask)

    assert asyncio.run(scenario()) == b"198.51.100.1 False"
