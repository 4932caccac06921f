"""Who may open a WebSocket: the path, the origin, room in the worker; the same at both ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.errors import Kind, QuillError, forbidden, not_found
from shared.limits import CLIENT_HEARTBEAT_SECONDS
from worker.http.client_address import ProxyTrust
from worker.realtime.clients.encoders import MessageEncoder

PATH: Final = "/api/realtime/ws"
ANY_ORIGIN: Final = "*"
TEXT: Final = MessageEncoder(CLIENT_HEARTBEAT_SECONDS)
"""How clients of the main port are told: frames are its server's business."""


class Gate:
    """What an opening handshake has to pass."""

    def __init__(self, origins: Iterable[str], proxies: ProxyTrust) -> None:
        self._origins = frozenset(origin.rstrip("/") for origin in origins)
        self._proxies = proxies

    def check(self, path: str, origins: list[str], host: str) -> None:
        """Raises NOT_FOUND for another path, FORBIDDEN for a page that may not call us.

        `origins`: values of the Origin header, which a browser sends and a program may leave out.
        `host`: of the Host header; a page that came from there is our own.
        """
        if path != PATH:
            raise not_found()
        self.check_origin(origins, host)

    def check_origin(self, origins: list[str], host: str) -> None:
        """Raises FORBIDDEN for a page that may not call us; the values are as in `check`."""
        if not origins or ANY_ORIGIN in self._origins:
            return
        if len(origins) == 1:
            origin = origins[0].rstrip("/")
            _, _, place = origin.partition("://")
            if origin in self._origins or (place and place == host):
                return
        raise forbidden("Pages of this origin may not connect.")

    def client_ip(self, peer: Mapping[str, Any], forwarded: list[str]) -> str:
        """Address of the client, through trusted proxies. `peer`: `{"client": (host, port)}`."""
        return self._proxies.client_ip(peer, forwarded)


def full() -> QuillError:
    """No room for one more handshake."""
    return QuillError(Kind.UNAVAILABLE, "No more realtime clients now.", retry_after_seconds=1.0)
