"""UUIDs: 16-byte blobs, or texts of 36 characters. Layouts and versions are those of RFC 9562."""

from __future__ import annotations

import os
import re
import threading
import time
from typing import Final

from shared.sqlite.functions.function import Function, refuse

_BYTES: Final = 16
_TEXT_CHARS: Final = 36
_TEXT: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TAIL_BITS: Final = 74  # of version 7 behind its time, without version and variant
_STEP_BYTES: Final = 6  # between two of one millisecond: hard to guess, and room for 2**25 of them


def is_uuid(value: object) -> bool:
    """Whether `value` is a UUID of any version, as a blob or a text; also for NULL."""
    if type(value) is bytes:
        return len(value) == _BYTES
    return value is None or _octets(value) is not None


def is_uuid_v4(value: object) -> bool:
    """Whether `value` is a UUID of version 4; also for NULL."""
    if type(value) is bytes:
        return len(value) == _BYTES and value[6] >> 4 == 4 and value[8] >> 6 == 2
    return value is None or is_uuid_v4(_octets(value) or b"")


def is_uuid_v7(value: object) -> bool:
    """Whether `value` is a UUID of version 7; also for NULL."""
    if type(value) is bytes:
        return len(value) == _BYTES and value[6] >> 4 == 7 and value[8] >> 6 == 2
    return value is None or is_uuid_v7(_octets(value) or b"")


def uuid_v4() -> bytes:
    """A new random UUID."""
    drawn = bytearray(os.urandom(_BYTES))
    drawn[6] = drawn[6] & 0x0F | 0x40
    drawn[8] = drawn[8] & 0x3F | 0x80
    return bytes(drawn)


class _Sequence:
    """UUIDs of version 7: each is larger than the one before, whatever the clock does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ms = 0
        self._tail = 0

    def draw(self) -> bytes:
        """The next one."""
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._ms:
                self._ms = now
                # One bit is left for the steps of this millisecond.
                self._tail = int.from_bytes(os.urandom(10)) >> (80 - _TAIL_BITS + 1)
            else:
                self._tail += 1 + int.from_bytes(os.urandom(_STEP_BYTES))
                if self._tail >> _TAIL_BITS:
                    self._ms += 1
                    self._tail = int.from_bytes(os.urandom(_STEP_BYTES))
            ms, tail = self._ms, self._tail
        high = ms << 16 | 0x7000 | tail >> 62
        return (high << 64 | 1 << 63 | tail & (1 << 62) - 1).to_bytes(_BYTES)


uuid_v7: Final = _Sequence().draw


def uuid_text(value: object) -> str | None:
    """A UUID as a text of 36 lower-case characters. Raises FunctionError for what is none."""
    if value is None:
        return None
    octets = value if type(value) is bytes and len(value) == _BYTES else _octets(value)
    if octets is None:
        refuse("uuid_text", "this is no UUID")
    digits = octets.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def uuid_parse(value: object) -> bytes | None:
    """The blob of a UUID's text. Raises FunctionError for what is none."""
    if value is None:
        return None
    octets = _octets(value)
    if octets is None:
        refuse("uuid_parse", "this is no UUID of 36 characters")
    return octets


def _octets(value: object) -> bytes | None:
    if type(value) is not str or len(value) != _TEXT_CHARS or not _TEXT.fullmatch(value):
        return None
    return bytes.fromhex(value.replace("-", ""))


FUNCTIONS: Final = (
    Function("is_uuid", is_uuid, 1),
    Function("is_uuid_v4", is_uuid_v4, 1),
    Function("is_uuid_v7", is_uuid_v7, 1),
    Function("uuid_v4", uuid_v4, 0, stable=False),
    Function("uuid_v7", uuid_v7, 0, stable=False),
    Function("uuid_text", uuid_text, 1),
    Function("uuid_parse", uuid_parse, 1),
)
