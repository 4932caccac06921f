"""Login, refresh and the end of sessions of users: who proves to be whom.

A wrong password, an unknown name and an unproven address take the same steps.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from shared.access.users import USERS, id_text
from shared.errors import Kind, QuillError
from shared.limits import REPLANS_MAX
from shared.messages.commands import Result, Status
from shared.schema.catalog import Catalog
from shared.schema.fields.field import Value
from shared.schema.reserved import PASSWORD_HASH, TOTP_SECRET
from shared.sql.plan import Plan, Step
from shared.sql.users import unchanged_guard, update_user
from worker.auth import lockout
from worker.auth.users import policy
from worker.auth.users.rows import User, is_verified, read_user
from worker.auth.users.sessions import begin_session, end, end_all, find_session
from worker.auth.users.tokens import AuthToken, UserTokens
from worker.context import Context
from worker.engine.snapshot import Snapshot

EMAIL, USERNAME = "email", "username"
_CHARS_MAX: Final = 255


class Attempt(NamedTuple):
    """What a client claims. `by`: the column that `name` is a value of."""

    by: str
    name: str
    password: str


class LoggedIn(NamedTuple):
    """A new session."""

    auth: AuthToken
    refresh_token: str


class SecondFactor(NamedTuple):
    """The password was right, and the user is also to show a code. `token`: says so."""

    token: str


def attempt_of(name: str, password: str) -> Attempt:
    """A claim that says neither: only an address has an `@` in it."""
    return Attempt(EMAIL if "@" in name else USERNAME, name, password)


async def log_in(
    context: Context, tokens: UserTokens, attempt: Attempt, request_id: str
) -> LoggedIn | SecondFactor:
    """A session for a right password.

    Raises UNAUTHENTICATED (wrong, unknown, unverified, passwords disabled), TOO_MANY (locked).
    """
    if context.catalog.current().config.auth.disable_password_auth:
        raise unauthenticated()
    if not attempt.name or not attempt.password or max(map(len, attempt)) > _CHARS_MAX:
        raise unauthenticated()
    user = await context.reader.read(read_user, attempt.by, attempt.name)
    known = user if user is not None and is_verified(user) else None
    key = lockout.attempt_key(USERS, attempt.name if user is None else id_text(_id(user)))
    async with context.passwords.turns.turn(key):
        await lockout.reserve(context, key, request_id)
        known = await _proven(context, known, attempt.password, request_id)
        if known.get(TOTP_SECRET):
            return SecondFactor(tokens.mfa(known))
        entered = await _enter(context, tokens, known, request_id)
        await lockout.clear(context, key, request_id)
    return entered


async def refresh(context: Context, tokens: UserTokens, refresh_token: str) -> AuthToken:
    """A new auth token for a live session. Raises UNAUTHENTICATED for any other."""
    user = await find_session(context, refresh_token)
    if user is None:
        raise unauthenticated()
    return tokens.auth(user, context.catalog.current().config.auth.auth_token_ttl_sec)


async def change_password(
    context: Context, user_id: bytes, old: str, new: str, *, kept: str, request_id: str
) -> None:
    """Give a user another password, and end all sessions but the one of the refresh token `kept`.

    Raises UNAUTHENTICATED (the old one is wrong), TOO_MANY, INVALID (the new one is too weak).
    """
    policy.check_password(context.catalog.current().config.auth, new)
    if not old or len(old) > _CHARS_MAX:
        raise unauthenticated()
    key = lockout.attempt_key(USERS, id_text(user_id))
    async with context.passwords.turns.turn(key):
        await lockout.reserve(context, key, request_id)
        user = await context.reader.read(read_user, "id", user_id)
        proven = await _proven(context, user, old, request_id)
        hashed = await context.passwords.hash(new)
        if not await _store_hash(context, proven, hashed, request_id):
            raise unauthenticated()
        await end_all(context, user_id, request_id, but=kept)
        await lockout.clear(context, key, request_id)


def unauthenticated() -> QuillError:
    """The refusal, which does not say what was wrong."""
    return QuillError(Kind.UNAUTHENTICATED, "Failed to authenticate.")


async def _proven(context: Context, user: User | None, password: str, request_id: str) -> User:
    """The user whose password it is, its hash of today's kind. Raises UNAUTHENTICATED."""
    stored = str(user[PASSWORD_HASH] or "") if user is not None else ""
    if not await context.passwords.verify(stored, password) or user is None:
        raise unauthenticated()
    renewed = await context.passwords.renew(stored, password)
    if renewed is None or not await _store_hash(context, user, renewed, request_id):
        return user
    return {**user, PASSWORD_HASH: renewed}


async def _enter(context: Context, tokens: UserTokens, user: User, request_id: str) -> LoggedIn:
    """A session, unless the password was changed while it was made.

    Sessions are in a database of their own, so what ends them at a change may have passed before
    this one was there.
    """
    refresh_token = await begin_session(context, _id(user), request_id)
    if not await context.reader.read(_still_stands, user):
        await end(context, refresh_token, request_id)
        raise unauthenticated()
    seconds = context.catalog.current().config.auth.auth_token_ttl_sec
    return LoggedIn(tokens.auth(user, seconds), refresh_token)


def _still_stands(snapshot: Snapshot, _: Catalog, user: User) -> bool:
    guard = unchanged_guard(user, PASSWORD_HASH)
    return snapshot.value(guard.sql, guard.params) is not None


async def _store_hash(context: Context, user: User, hashed: str, request_id: str) -> bool:
    """Whether it was stored; not where the user is another one by now."""
    values: dict[str, Value] = {PASSWORD_HASH: hashed}
    if "updated" in user:
        values["updated"] = int(time.time())
    steps = (unchanged_guard(user, PASSWORD_HASH), update_user(values, _id(user)))
    return (await apply(context, steps, request_id)).status is Status.OK


async def apply(context: Context, steps: tuple[Step, ...], request_id: str) -> Result:
    """Have steps applied that fit every version of the catalog. Raises UNAVAILABLE."""
    for _ in range(REPLANS_MAX + 1):
        plan = Plan(context.main.catalog_version, steps)
        result = await context.writer.submit(plan, request_id=request_id)
        if result.status is not Status.STALE:
            return result
    raise QuillError(Kind.UNAVAILABLE, "It could not be stored.", retry_after_seconds=1)


def _id(user: User) -> bytes:
    value = user["id"]
    assert isinstance(value, bytes)
    return value
