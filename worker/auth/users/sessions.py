"""Sessions: refresh tokens in session.db, each good for a new auth token until it is ended.

A token is stored as its hash. One that another server stored as it is stays good, and a hash is
never taken for a token.
"""

from __future__ import annotations

import re
import time
from hashlib import sha256
from typing import Final, NamedTuple

from shared import ids
from shared.errors import Kind, QuillError
from shared.limits import REPLANS_MAX
from shared.messages.commands import Status
from shared.schema.catalog import Catalog
from shared.sql.plan import Plan, Step
from shared.sql.user_tables import SESSION, wanted_sql
from shared.sql.users import (
    SESSION_COLUMNS_SQL,
    end_session,
    end_sessions,
    insert_session,
    session_sql,
    sweep_sessions,
)
from worker.auth.users.rows import User, is_verified, read_user
from worker.auth.users.tables import open_tables
from worker.context import Context
from worker.engine.snapshot import Snapshot

_TOKEN_CHARS: Final = 86
_TOKEN: Final = re.compile(rf"[A-Za-z0-9]{{{_TOKEN_CHARS}}}", re.ASCII)
_HASH: Final = "sha256:"  # a colon is in no token
_Columns = tuple[str, ...]


class Stored(NamedTuple):
    """How a refresh token may stand in the table."""

    hashed: str
    plain: str


def stored(token: str) -> Stored | None:
    """How the token is stored, None for what is no refresh token."""
    if not _TOKEN.fullmatch(token):
        return None
    return Stored(_HASH + sha256(token.encode()).hexdigest(), token)


async def find_session(context: Context, token: str) -> User | None:
    """The user of a live session. Raises UNAVAILABLE while session.db is not open."""
    asked = stored(token)
    if asked is None or not await _is_open(context):
        return None
    return await context.reader.read_beside([SESSION], _find, asked, time.time(), transaction=True)


def _find(snapshot: Snapshot, catalog: Catalog, asked: Stored, now: float) -> User | None:
    row = snapshot.row(session_sql(_columns(snapshot)), asked)
    if row is None or not isinstance(row[0], bytes):
        return None
    seconds = catalog.config.auth.refresh_token_ttl_sec
    if isinstance(row[1], int | float) and row[1] + seconds < now:
        return None
    user = read_user(snapshot, catalog, "id", row[0])
    return user if user is not None and is_verified(user) else None


async def begin_session(context: Context, user: bytes, request_id: str) -> str:
    """A new refresh token of a user, whose sessions that are over are removed.

    Raises UNAVAILABLE while session.db is not open.
    """
    token = ids.ALNUM_ALPHABET.text(_TOKEN_CHARS)
    asked = stored(token)
    assert asked is not None
    now = int(time.time())
    if not await _is_open(context):
        await open_tables(context)
    columns = await context.reader.read_beside([SESSION], lambda snapshot, _: _columns(snapshot))
    before = now - context.catalog.current().config.auth.refresh_token_ttl_sec
    steps = (
        *sweep_sessions(columns, user, before),
        insert_session(columns, user, asked.hashed, now),
    )
    await _submit(context, steps, request_id)
    return token


async def end(context: Context, token: str, request_id: str) -> None:
    """End the session of a refresh token, where there is one."""
    asked = stored(token)
    if asked is not None and await _is_open(context):
        await _submit(context, (end_session(*asked),), request_id)


async def end_all(context: Context, user: bytes, request_id: str, *, but: str = "") -> None:
    """End all sessions of a user but the one of the refresh token `but`."""
    kept = stored(but) or Stored("", "")
    if await _is_open(context):
        await _submit(context, (end_sessions(user, but=kept),), request_id)


async def _is_open(context: Context) -> bool:
    """Whether there are sessions at all. Raises UNAVAILABLE where there are and they are not open."""
    try:
        context.reader.other(SESSION)
    except QuillError:
        if await context.reader.read(_wanted):
            raise
        return False
    return True


def _wanted(snapshot: Snapshot, _: Catalog) -> bool:
    return snapshot.value(*wanted_sql()) is not None


def _columns(snapshot: Snapshot) -> _Columns:
    return tuple(str(name) for (name,) in snapshot.rows(SESSION_COLUMNS_SQL))


async def _submit(context: Context, steps: tuple[Step, ...], request_id: str) -> None:
    """The statements fit every catalog, so a stale plan only needs the new version."""
    for _ in range(REPLANS_MAX + 1):
        version = context.reader.other(SESSION).words.catalog_version
        plan = Plan(version, steps, database=SESSION)
        result = await context.writer.submit(plan, request_id=request_id)
        if result.status is Status.OK:
            return
        if result.status is not Status.STALE:
            break
    raise QuillError(Kind.UNAVAILABLE, "The session could not be stored.", retry_after_seconds=1)
