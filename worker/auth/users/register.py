"""New users: registration, and the proof that the address is theirs.

Whether an address or a name is taken is never told: the answer is the same. Several may claim one
address before it is proven, and each has a link of its own, so nobody can take an account over by
claiming its owner's address first.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from shared.access.users import id_text
from shared.errors import Kind, QuillError, forbidden, invalid
from shared.logs import get_logger
from shared.messages.commands import Result, Status
from shared.schema.fields.field import Value
from shared.schema.reserved import PASSWORD_HASH
from shared.sql.users import insert_user, unchanged_guard, verify_email
from worker.auth.users import policy
from worker.auth.users.login import apply, unauthenticated
from worker.auth.users.rows import User, is_verified, read_user, user_columns
from worker.auth.users.tables import open_tables
from worker.auth.users.tokens import Purpose, UserTokens
from worker.context import Context

_log = get_logger()


class Registration(NamedTuple):
    """What a new user gives; "" for nothing."""

    email: str
    username: str
    password: str
    repeated: str


async def register(context: Context, asked: Registration, request_id: str) -> None:
    """Make a user that is to prove his address, or do nothing where he is known already.

    Raises FORBIDDEN where nobody can register, INVALID for what the settings do not accept.
    """
    config = context.catalog.current().config
    if config.auth.disable_password_auth:
        raise forbidden()
    policy.check_identifiers(config.auth, asked.email, asked.username)
    policy.check_password(config.auth, asked.password, asked.repeated)
    columns = await _columns(context)
    hashed = await context.passwords.hash(asked.password)
    values = _values(columns, asked, hashed)
    result = await apply(context, insert_user(values), request_id)
    if result.status is Status.OK and asked.email:
        user: User = {**values, "id": bytes.fromhex(str(result.payload))}
        _tell(user)


async def confirm(context: Context, tokens: UserTokens, token: str, request_id: str) -> None:
    """The user has followed the link that was sent to his address; a second time does no harm.

    Raises INVALID for a bad token, UNAUTHENTICATED where it is not, or no longer, the user's.
    """
    claims = tokens.read(token, Purpose.VERIFY_EMAIL)
    if claims is None or not claims.email:
        raise invalid("invalid token")
    user = await context.reader.read(read_user, "id", claims.user)
    if user is None:
        raise unauthenticated()
    if _same(user["email"], claims.email) and is_verified(user):
        return
    claimed = "unverified_email" if "unverified_email" in user else "email"
    if not _same(user[claimed], claims.email):
        raise unauthenticated()
    steps = (
        unchanged_guard(user, claimed),
        *verify_email(user, str(user[claimed]), int(time.time())),
    )
    result = await apply(context, steps, request_id)
    if result.status is not Status.OK:
        raise _unverifiable(result)


def _unverifiable(result: Result) -> QuillError:
    if result.status is Status.REFUSED:
        return unauthenticated()
    return QuillError(Kind.CONFLICT, "The address cannot be verified.")


def _same(stored: Value, address: str) -> bool:
    return isinstance(stored, str) and stored.lower() == address.lower()


async def _columns(context: Context) -> tuple[str, ...]:
    """Of `_user`, made now where record APIs are served. Raises FORBIDDEN where there is none."""
    columns = await context.reader.read(user_columns)
    if columns:
        return columns
    if not context.catalog.current().config.record_apis:
        raise forbidden()
    await open_tables(context)
    columns = await context.reader.read(user_columns)
    if not columns:
        raise forbidden()
    return columns


def _values(columns: tuple[str, ...], asked: Registration, hashed: str) -> dict[str, Value]:
    values: dict[str, Value] = {PASSWORD_HASH: hashed}
    if asked.email:
        values["unverified_email" if "unverified_email" in columns else "email"] = asked.email
    if "verified" in columns:
        values["verified"] = 0 if asked.email else 1
    if asked.username:
        values["username"] = asked.username
    return values


def _tell(user: User) -> None:
    """No mail is sent yet, and a link that lets its reader in has no place in a log."""
    user_id = user["id"]
    assert isinstance(user_id, bytes)
    _log.info(
        "a user waits for verification; `quillbase user verify` does it", user=id_text(user_id)
    )
