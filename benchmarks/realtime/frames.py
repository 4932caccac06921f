"""The few WebSocket frames (RFC 6455) that a client of the crowd needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

TEXT: Final = 0x1
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
_FINAL: Final = 0x80
_MASKED: Final = 0x80
_ZERO_MASK: Final = b"\0\0\0\0"  # allowed, and leaves the payload as it is
_MEDIUM, _LARGE = 126, 127  # lengths that say how many bytes the length has


class Frame(NamedTuple):
    """One whole frame from a server."""

    opcode: int
    payload: bytes


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A frame as a client must send it."""
    size = len(payload)
    if size < _MEDIUM:
        length = bytes((_MASKED | size,))
    elif size < 1 << 16:
        length = bytes((_MASKED | _MEDIUM,)) + size.to_bytes(2, "big")
    else:
        length = bytes((_MASKED | _LARGE,)) + size.to_bytes(8, "big")
    return bytes((_FINAL | opcode,)) + length + _ZERO_MASK + payload


def server_frames(data: bytes) -> Iterator[Frame]:
    """The whole frames at the start of `data`, which must begin with one."""
    at = 0
    while len(data) >= at + 2:
        opcode, size, start = data[at] & 0xF, data[at + 1], at + 2
        if size in (_MEDIUM, _LARGE):
            width = 2 if size == _MEDIUM else 8
            size = int.from_bytes(data[start : start + width], "big")
            start += width
        at = start + size
        if at > len(data):
            return
        yield Frame(opcode, data[start:at])
