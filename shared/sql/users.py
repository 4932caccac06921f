"""SQL of `_user` and of sessions: look-ups, and what a login, a registration or a change writes.

An existing `_user` is used as it is, so what is read and written is chosen by the columns it has.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from shared.access.identity import Identity
from shared.quote import quote_identifier
from shared.schema.reserved import PASSWORD_HASH
from shared.sql.plan import Step, Value, forbid, require, returning, run

REFUSED_AUTH: Final = "auth"
"""The caller is no longer who he was when the plan was made."""
REFUSED_USER: Final = "user"
"""The row is not, or no longer, what the plan was made for."""
REFUSED_TAKEN: Final = "taken"
"""Another user has this address or name."""
REFUSED_ADMIN: Final = "admin"
"""There is an admin, or there was one."""

USER_COLUMNS_SQL: Final = "SELECT name FROM pragma_table_info('_user')"
SESSION_COLUMNS_SQL: Final = "SELECT name FROM pragma_table_info('_session', 'session')"
HAS_USERS_SQL: Final = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_user'"
_STANDING: Final = (PASSWORD_HASH, "admin")
"""Of a caller; who has got another one is no longer who he was."""
_UNIQUE: Final = {"email": "email", "unverified_email": "email", "username": "username"}
"""What may not be the `email` or `username` of another user."""
NEEDED_COLUMNS: Final = frozenset({"id", "email", PASSWORD_HASH})
ALL_USERS_SQL: Final = "SELECT * FROM _user ORDER BY created, id"
_FIRST_ADMIN: Final = "first_admin"


@lru_cache(64)
def user_sql(columns: tuple[str, ...], by: str) -> str:
    """Reads the one user whose column `by` has the bound value."""
    return f"{users_sql(columns, by)} LIMIT 1"


def users_sql(columns: tuple[str, ...], by: str) -> str:
    """Reads all users whose column `by` has the bound value."""
    shown = ", ".join(map(quote_identifier, columns))
    return f"SELECT {shown} FROM _user WHERE {quote_identifier(by)} = ?"


def user_guard(identity: Identity) -> Step:
    """The caller still stands: the same password and rights as when he was read."""
    record = identity.record
    return _still(record, [name for name in _STANDING if name in record], REFUSED_AUTH)


def unchanged_guard(record: Mapping[str, Value], *names: str) -> Step:
    """The user still has these values."""
    return _still(record, names, REFUSED_USER)


def _still(record: Mapping[str, Value], names: Collection[str], refusal: str) -> Step:
    values = (record["id"], *[record[name] for name in names])
    return require(_still_sql(tuple(names)), values, refusal=refusal)


@lru_cache(64)
def _still_sql(names: tuple[str, ...]) -> str:
    same = "".join(f" AND {quote_identifier(name)} IS ?" for name in names)
    return f"SELECT 1 FROM _user WHERE id = ?{same}"


def insert_user(values: Mapping[str, Value]) -> tuple[Step, ...]:
    """Makes a user; refused with REFUSED_TAKEN where an address or a name is another one's.

    An unverified address is nobody's yet: several may claim it, and one can prove it.
    """
    guards = [
        _untaken(column, values[name])
        for name, column in _UNIQUE.items()
        if values.get(name) is not None
    ]
    names = ", ".join(map(quote_identifier, values))
    marks = ", ".join("?" * len(values))
    sql = f"INSERT INTO _user ({names}) VALUES ({marks}) RETURNING hex(id)"
    return (*guards, returning(sql, tuple(values.values())))


def _untaken(name: str, value: Value) -> Step:
    return forbid(
        f"SELECT 1 FROM _user WHERE {quote_identifier(name)} = ?", (value,), refusal=REFUSED_TAKEN
    )


def first_admin(values: Mapping[str, Value]) -> tuple[Step, ...]:
    """Makes the first admin, where there is none and never was one made by this."""
    return (
        forbid("SELECT 1 FROM _user WHERE admin", refusal=REFUSED_ADMIN),
        forbid("SELECT 1 FROM _settings WHERE name = ?", (_FIRST_ADMIN,), refusal=REFUSED_ADMIN),
        run("INSERT INTO _settings (name, value) VALUES (?, '1')", (_FIRST_ADMIN,)),
        *insert_user(values),
    )


NEEDS_ADMIN_SQL: Final = (
    "SELECT NOT EXISTS (SELECT 1 FROM _user WHERE admin) AND NOT EXISTS "
    "(SELECT 1 FROM _settings WHERE name = 'first_admin')"
)


def update_user(values: Mapping[str, Value], user: bytes) -> Step:
    """Sets columns of one user; refused with REFUSED_USER where there is no such one."""
    sets = ", ".join(f"{quote_identifier(name)} = ?" for name in values)
    sql = f"UPDATE _user SET {sets} WHERE id = ?"
    return run(sql, (*values.values(), user), refusal=REFUSED_USER)


def verify_email(record: Mapping[str, Value], address: str, now: int) -> tuple[Step, ...]:
    """The user has proven the address. Refused with REFUSED_TAKEN, REFUSED_USER."""
    values: dict[str, Value] = {}
    if "unverified_email" in record:
        values |= {"email": address, "unverified_email": None}
    if "verified" in record:
        values["verified"] = 1
    if "updated" in record:
        values["updated"] = now
    user = record["id"]
    taken = forbid(
        "SELECT 1 FROM _user WHERE email = ? AND id <> ?", (address, user), refusal=REFUSED_TAKEN
    )
    assert isinstance(user, bytes)
    return (taken, update_user(values, user))


# --- Sessions, in session.db ----------------------------------------------------------------------


@lru_cache(8)
def session_sql(columns: tuple[str, ...]) -> str:
    """Reads user and age of the session of a token: bound twice, hashed and as it is."""
    since = next((name for name in ("created", "updated") if name in columns), None)
    shown = "NULL" if since is None else quote_identifier(since)
    return f"SELECT user, {shown} FROM session._session WHERE refresh_token IN (?, ?) LIMIT 1"


def insert_session(columns: tuple[str, ...], user: bytes, stored: str, now: int) -> Step:
    """Adds a session. `stored`: the hash of its token. `now`: unix seconds."""
    values: dict[str, Value] = {"user": user, "refresh_token": stored}
    values |= {name: now for name in ("created", "updated") if name in columns}
    names = ", ".join(map(quote_identifier, values))
    marks = ", ".join("?" * len(values))
    return run(f"INSERT INTO _session ({names}) VALUES ({marks})", tuple(values.values()))


def sweep_sessions(columns: tuple[str, ...], user: bytes, before: int) -> tuple[Step, ...]:
    """Removes those of the user that began before `before`, in unix seconds."""
    since = next((name for name in ("created", "updated") if name in columns), None)
    if since is None:
        return ()
    sql = f"DELETE FROM _session WHERE user = ? AND {quote_identifier(since)} < ?"
    return (run(sql, (user, before)),)


def end_session(stored: str, plain: str) -> Step:
    """Removes the session of a token, hashed or as it is."""
    return run("DELETE FROM _session WHERE refresh_token IN (?, ?)", (stored, plain))


def end_sessions(user: bytes, *, but: tuple[str, str] = ("", "")) -> Step:
    """Removes all sessions of a user but the one of a token, hashed and as it is."""
    return run("DELETE FROM _session WHERE user = ? AND refresh_token NOT IN (?, ?)", (user, *but))
