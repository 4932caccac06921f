"""The opening handshake of a WebSocket, as ASGI shows it: its headers, and how it is refused."""

from __future__ import annotations

from worker.http.request import Scope, Send
from worker.http.response import Response


async def deny(send: Send, response: Response) -> None:
    """Answer the handshake as a REST request is answered (ASGI, WebSocket Denial Response)."""
    headers = [
        (b"content-type", response.content_type),
        (b"content-length", b"%d" % len(response.body)),
        *response.headers,
    ]
    await send(
        {
            "type": "websocket.http.response.start",
            "status": response.status,
            "headers": headers,
        }
    )
    await send({"type": "websocket.http.response.body", "body": response.body})


def header_values(scope: Scope, name: bytes) -> list[str]:
    """All values of a header."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
