"""Messages as whole WebSocket frames, made once for all clients of the second port.

A server's frames carry no mask (RFC 6455, section 5.3), so the same bytes go to everybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from websockets.frames import Frame, Opcode

from shared.limits import CLIENT_HEARTBEAT_SECONDS
from worker.realtime.clients.encoders import MessageEncoder, Told


def text_frame(message: bytes) -> bytes:
    """One message, ready to be written."""
    return Frame(Opcode.TEXT, message).serialize(mask=False)


class FrameEncoder(MessageEncoder):
    """The messages of the protocol, framed."""

    def event(self, name: str, told: Told) -> bytes:
        """A record's change, a leave, or what was published."""
        return text_frame(super().event(name, told))

    def connected(self, client_id: str, position: str) -> bytes:
        """Who the client is, and where the log stands."""
        return text_frame(super().connected(client_id, position))

    def heartbeat(self, client_id: str, position: str) -> bytes:
        """Something for a quiet connection."""
        return text_frame(super().heartbeat(client_id, position))

    def farewell(self, client_id: str, reason: str) -> bytes | None:
        """Why the connection ends."""
        return _framed(super().farewell(client_id, reason))

    def snapshot(self, name: str, position: str, records: str, *, more: bool) -> bytes | None:
        """A page of the list."""
        return _framed(super().snapshot(name, position, records, more=more))

    def live(self, name: str, position: str) -> bytes | None:
        """The join is done."""
        return _framed(super().live(name, position))

    def resync(
        self, client_id: str, names: Iterable[str], position: str, reason: str
    ) -> list[bytes] | None:
        """One message for each subscription."""
        messages = super().resync(client_id, names, position, reason)
        return None if messages is None else [text_frame(message) for message in messages]

    def signed_out(self, reason: str) -> bytes | None:
        """The identity ended."""
        return _framed(super().signed_out(reason))


def _framed(message: bytes | None) -> bytes | None:
    return None if message is None else text_frame(message)


FRAMED: Final = FrameEncoder(CLIENT_HEARTBEAT_SECONDS)
"""How clients of the second port are told."""
