"""Idempotency-Key: a repeated write gets the first one's answer and is not applied again.

The answer is stored by the write's own transaction (`_idempotency`), so "applied" and "answer kept"
cannot part, whatever dies. A key belongs to the caller who used it; the fingerprint tells the same
request from another one under the same key. Guests are one caller, so theirs must be long enough to
be nobody else's.

Of a large answer only the record's place is kept, since a small request may have it, again and
again: `@<collection id>/<record id>`, which no JSON begins with; of a large answer to a batch, the
places of all its records, `@[["<collection id>","<record id>"],null]`.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from shared.errors import FieldError, QuillError, invalid
from shared.limits import (
    IDEMPOTENCY_ANSWER_BYTES_MAX,
    IDEMPOTENCY_GUEST_KEY_CHARS_MIN,
    IDEMPOTENCY_KEY_CHARS_MAX,
)
from shared.sql.plan import Step, Value, forbid, run
from worker.engine.snapshot import Snapshot

REFUSED_SEEN: Final = "idempotency"
_KEY: Final = re.compile(r"[\x21-\x7e]+")
_SECRETS: Final = frozenset({"password", "passwordConfirm", "oldPassword"})
_REQUESTS: Final = "requests"
_FIND: Final = "SELECT fingerprint, response FROM _idempotency WHERE key = ?"
_SEEN: Final = "SELECT 1 FROM _idempotency WHERE key = ?"
_STORE: Final = "INSERT INTO _idempotency (key, fingerprint, at, response)"
_PLACE: Final = "@"
_PLACES: Final = "@["
_APPEND: Final = "UPDATE _idempotency SET response = iif(octet_length(response) > ?, response,"

_decode_places = msgspec.json.Decoder(list[tuple[str, str] | None]).decode


class Idempotency(NamedTuple):
    """The key that a client sent, and the fingerprint of what it asks for."""

    key: str
    fingerprint: str


Places = list[tuple[str, str] | None]


class Stored(NamedTuple):
    """The answer of an earlier request under the same key. Empty text: no body.

    `place`: collection id and record id of an answer that was too large to be kept. `places`: the
    same of a batch, None for a deleted record.
    """

    response: str
    place: tuple[str, str] | None = None
    places: Places | None = None


def read_key(header: str, method: str, target: str, body: Mapping[str, object]) -> Idempotency:
    """From the header's value and the request. Raises INVALID for a key that cannot be one.

    Passwords are left out of the fingerprint: a plain hash of one would be easy to guess from.
    """
    if len(header) > IDEMPOTENCY_KEY_CHARS_MAX or not _KEY.fullmatch(header):
        raise _wrong_key("validation_idempotency_key_invalid", "The key is empty or too long.")
    text = f"{method} {target}\n{_canonical(body)}"
    return Idempotency(header, hashlib.sha256(text.encode()).hexdigest())


def find_stored(snapshot: Snapshot, asked: Idempotency, actor: str) -> Stored | None:
    """The stored answer to exactly this request.

    Raises INVALID when the key was used for another one, or is too short for a guest's.
    """
    if not actor and len(asked.key) < IDEMPOTENCY_GUEST_KEY_CHARS_MIN:
        raise _wrong_key(
            "validation_idempotency_key_too_short",
            f"Without a login the key needs at least {IDEMPOTENCY_GUEST_KEY_CHARS_MIN} characters.",
        )
    row = snapshot.row(_FIND, (_full_key(asked, actor),))
    if row is None:
        return None
    fingerprint, response = row
    if fingerprint != asked.fingerprint:
        raise _wrong_key(
            "validation_idempotency_key_reused", "The key was used for a different request."
        )
    text = str(response)
    if not text.startswith(_PLACE):
        return Stored(text)
    if text.startswith(_PLACES):
        return Stored("", None, _decode_places(text.removeprefix(_PLACE)))
    collection_id, _, record_id = text.removeprefix(_PLACE).partition("/")
    return Stored("", (collection_id, record_id))


def guard(asked: Idempotency, actor: str) -> Step:
    """Refuses the plan when the key has an answer by now."""
    return forbid(_SEEN, (_full_key(asked, actor),), refusal=REFUSED_SEEN)


def store(asked: Idempotency, actor: str, response: str) -> Step:
    """Keeps an answer that is known when planning: none, or a superuser's definition."""
    return run(f"{_STORE} VALUES (?, ?, ?, ?)", (*_columns(asked, actor), response))


def store_row(
    asked: Idempotency, actor: str, source: str, shape: tuple[Value, ...], at: tuple[str, str]
) -> Step:
    """Keeps the answer that `source`, `<expression> FROM … WHERE id = ?`, yields after the write.

    `shape`: the expression's parameters. `at`: collection id and record id, which are kept instead
    of an answer above IDEMPOTENCY_ANSWER_BYTES_MAX.
    """
    sql = (
        f"{_STORE} WITH answer(body) AS MATERIALIZED (SELECT {source}) "
        "SELECT ?, ?, ?, iif(octet_length(body) <= ?, body, ?) FROM answer"
    )
    place = f"{_PLACE}{at[0]}/{at[1]}"
    params = (*shape, at[1], *_columns(asked, actor), IDEMPOTENCY_ANSWER_BYTES_MAX, place)
    return run(sql, params)


def begin_batch(asked: Idempotency, actor: str) -> Step:
    """Keeps the beginning of a batch's answer, to which each of its requests adds its own."""
    return store(asked, actor, "[")


def add_to_batch(
    asked: Idempotency,
    actor: str,
    around: tuple[str, str],
    source: str = "",
    params: tuple[Value, ...] = (),
) -> Step:
    """Adds to the answer what `source`, `<expression> FROM …`, yields now, between two texts.

    No more is added once the answer is too large.
    """
    found = f"coalesce((SELECT {source}), 'null')" if source else "'null'"
    sql = f"{_APPEND} response || ? || {found} || ?) WHERE key = ?"
    key = _full_key(asked, actor)
    return run(sql, (IDEMPOTENCY_ANSWER_BYTES_MAX, around[0], *params, around[1], key))


def end_batch(asked: Idempotency, actor: str, places: Places) -> Step:
    """Ends a batch's answer; where it is too large, only the places of its records are kept."""
    kept = f"{_PLACE}{msgspec.json.encode(places).decode()}"
    sql = (
        "UPDATE _idempotency SET response ="
        " iif(octet_length(response) > ?, ?, response || ']') WHERE key = ?"
    )
    return run(sql, (IDEMPOTENCY_ANSWER_BYTES_MAX, kept, _full_key(asked, actor)))


def _columns(asked: Idempotency, actor: str) -> tuple[str, str, int]:
    return _full_key(asked, actor), asked.fingerprint, int(time.time())


def _full_key(asked: Idempotency, actor: str) -> str:
    return f"{actor}|{asked.key}"


def _canonical(body: Mapping[str, object]) -> str:
    return repr(sorted(_told(body).items()))


def _told(body: Mapping[str, object]) -> dict[str, object]:
    """What a body says apart from passwords; of a batch, what its requests' bodies say.

    A form names the values of a batch's requests by paths: `requests.0.password`.
    """
    told = {key: one for key, one in body.items() if key.rpartition(".")[2] not in _SECRETS}
    requests = told.get(_REQUESTS)
    if isinstance(requests, list):
        told[_REQUESTS] = [_told_request(one) for one in requests]
    return told


def _told_request(asked: object) -> object:
    if isinstance(asked, dict) and isinstance(body := asked.get("body"), dict):
        return {**asked, "body": sorted(_told(body).items())}
    return asked


def _wrong_key(code: str, message: str) -> QuillError:
    return invalid(message, {"idempotencyKey": FieldError(code, message)})
