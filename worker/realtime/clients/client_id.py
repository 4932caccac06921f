"""Client ids that name their owner: 40 hex digits that say which worker holds the stream.

A subscription request may reach any worker. The id tells it the slot and the incarnation of the
process that has the stream, so that the request is forwarded there, and so that a client of a dead
process is told 404 at once. The rest is random: an id is a capability and cannot be guessed.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

CLIENT_ID_CHARS = 40
_SLOT_DIGITS = 4
_INCARNATION_DIGITS = 16
_RANDOM_BYTES = (CLIENT_ID_CHARS - _SLOT_DIGITS - _INCARNATION_DIGITS) // 2
_PATTERN = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that holds a client's stream."""

    slot: int
    incarnation: int


def new_client_id(owner: Owner) -> str:
    """A fresh id for a stream that `owner` holds."""
    head = f"{owner.slot:0{_SLOT_DIGITS}x}{owner.incarnation:0{_INCARNATION_DIGITS}x}"
    return head + secrets.token_hex(_RANDOM_BYTES)


def owner_of(client_id: str) -> Owner | None:
    """The process named by an id; None for what no worker of ours can have given out."""
    if _PATTERN.match(client_id) is None:
        return None
    middle = _SLOT_DIGITS + _INCARNATION_DIGITS
    return Owner(int(client_id[:_SLOT_DIGITS], 16), int(client_id[_SLOT_DIGITS:middle], 16))
