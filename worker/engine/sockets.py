"""ZeroMQ sockets on an event loop: their descriptor, and whether a message waits.

A ZeroMQ file descriptor is edge-triggered and may fire for the library's own traffic: whoever
watches it drains the socket until `readable` is false, and does so again after each send.
"""

from __future__ import annotations

from typing import Final

import zmq

Socket = zmq.Socket[bytes]
_FD: Final = int(zmq.FD)
_EVENTS: Final = int(zmq.EVENTS)
_POLLIN: Final = int(zmq.POLLIN)


def new_socket(kind: int) -> Socket:
    """A socket of the process's one ZeroMQ context, which never waits at its end."""
    socket: Socket = zmq.Context.instance().socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    return socket


def descriptor(socket: Socket) -> int:
    """What `loop.add_reader` watches."""
    number = socket.get(_FD)
    assert isinstance(number, int)
    return number


def readable(socket: Socket) -> bool:
    """A message can be received now. False for a closed socket."""
    if socket.closed:
        return False
    events = socket.get(_EVENTS)
    assert isinstance(events, int)
    return bool(events & _POLLIN)
