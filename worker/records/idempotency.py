"""Idempotency-Key: a repeated write gets the first one's answer and is not applied again.

The answer is stored by the write's own transaction (`_idempotency`), so "applied" and "answer kept"
cannot part, whatever dies. A key belongs to the caller who used it; the fingerprint tells the same
request from another one under the same key.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.errors import FieldError, QuillError, invalid
from shared.limits import IDEMPOTENCY_KEY_CHARS_MAX
from shared.sql.plan import Step, Value, forbid, run
from worker.engine.snapshot import Snapshot

REFUSED_SEEN: Final = "idempotency"
_KEY: Final = re.compile(r"[\x21-\x7e]+")
_SECRETS: Final = frozenset({"password", "passwordConfirm", "oldPassword"})
_FIND: Final = "SELECT fingerprint, response FROM _idempotency WHERE key = ?"
_SEEN: Final = "SELECT 1 FROM _idempotency WHERE key = ?"
_STORE: Final = "INSERT INTO _idempotency (key, fingerprint, at, response)"


class Idempotency(NamedTuple):
    """The key that a client sent, and the fingerprint of what it asks for."""

    key: str
    fingerprint: str


class Stored(NamedTuple):
    """The answer of an earlier request under the same key. Empty text: no body."""

    response: str


def read_key(header: str, method: str, target: str, body: Mapping[str, object]) -> Idempotency:
    """From the header's value and the request. Raises INVALID for a key that cannot be one.

    Passwords are left out of the fingerprint: a plain hash of one would be easy to guess from.
    """
    if len(header) > IDEMPOTENCY_KEY_CHARS_MAX or not _KEY.fullmatch(header):
        raise _wrong_key("validation_idempotency_key_invalid", "The key is empty or too long.")
    told = {name: value for name, value in body.items() if name not in _SECRETS}
    text = f"{method} {target}\n{_canonical(told)}"
    return Idempotency(header, hashlib.sha256(text.encode()).hexdigest())


def find_stored(snapshot: Snapshot, asked: Idempotency, actor: str) -> Stored | None:
    """The stored answer to exactly this request.

    Raises INVALID when the key was used for another one.
    """
    row = snapshot.row(_FIND, (_full_key(asked, actor),))
    if row is None:
        return None
    fingerprint, response = row
    if fingerprint != asked.fingerprint:
        raise _wrong_key(
            "validation_idempotency_key_reused", "The key was used for a different request."
        )
    return Stored(str(response))


def guard(asked: Idempotency, actor: str) -> Step:
    """Refuses the plan when the key has an answer by now."""
    return forbid(_SEEN, (_full_key(asked, actor),), refusal=REFUSED_SEEN)


def store(asked: Idempotency, actor: str, response: str) -> Step:
    """Keeps an answer that is known when planning."""
    return run(f"{_STORE} VALUES (?, ?, ?, ?)", (*_columns(asked, actor), response))


def store_row(asked: Idempotency, actor: str, source: str, params: tuple[Value, ...]) -> Step:
    """Keeps the answer that `source`, `<expression> FROM … WHERE …`, yields after the write."""
    return run(f"{_STORE} SELECT ?, ?, ?, {source}", (*_columns(asked, actor), *params))


def _columns(asked: Idempotency, actor: str) -> tuple[str, str, int]:
    return _full_key(asked, actor), asked.fingerprint, int(time.time())


def _full_key(asked: Idempotency, actor: str) -> str:
    return f"{actor}|{asked.key}"


def _canonical(body: Mapping[str, object]) -> str:
    return repr(sorted(body.items()))


def _wrong_key(code: str, message: str) -> QuillError:
    return invalid(message, {"idempotencyKey": FieldError(code, message)})
