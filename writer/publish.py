"""Publish: the notice of a commit on PUB. It only wakes workers, who read `_change` themselves.

A lost notice makes no sound, so workers also compare the status page; nothing here is repeated.
"""

from __future__ import annotations

from typing import Final

import msgspec
import zmq

from shared import limits
from shared.messages.changes import CommitNotice

_encode = msgspec.msgpack.Encoder().encode
_NOBLOCK: Final = int(zmq.NOBLOCK)


class Publisher:
    """The PUB socket. Used by the inbox thread only, after the replies of the same commit."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> None:
        self._socket = context.socket(zmq.PUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, limits.LINK_MESSAGES_WAITING_MAX)
        self._socket.bind(endpoint)

    def publish(self, notice: CommitNotice) -> None:
        """Tell every subscriber; those that do not keep up miss it."""
        self._socket.send(_encode(notice), _NOBLOCK)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
