"""The bytes of a server-sent event stream (WHATWG HTML, section 9.2). Knows no client and no data.

Each event carries `id:` with the client's id, because SDKs of PocketBase's dialect learn their id
from there, and its data is one line, because one of them keeps only the last line.
"""

from __future__ import annotations

# The content type is the stream response's own.
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
HEARTBEAT = b":\n\n"
"""A comment line: keeps proxies from closing a quiet stream, and clients skip it."""
EVENT_END = b"\n\n"
CONNECT = "PB_CONNECT"
OVERFLOW = "QUILL_OVERFLOW"
RESYNC = "QUILL_RESYNC"


def prefix(client_id: str, name: str) -> bytes:
    """Everything before an event's data; made once for each subscription of a client."""
    return f"id:{client_id}\nevent:{name}\ndata:".encode()


def connect_event(client_id: str, position: str = "") -> bytes:
    """The first event of a stream, which tells the client its id, and where the log stands."""
    told = f',"position":"{position}"' if position else ""
    data = f'{{"clientId":"{client_id}"{told}}}'
    return prefix(client_id, CONNECT) + data.encode() + EVENT_END


def overflow_event(client_id: str, *, named: bool = True) -> bytes:
    """The last event of a client that read too slowly: it has lost events and must read again.

    `named`: with the id that all events of a plain stream have.
    """
    head = prefix(client_id, OVERFLOW) if named else f"event:{OVERFLOW}\ndata:".encode()
    return head + b'{"clientId":"' + client_id.encode() + b'"}' + EVENT_END
