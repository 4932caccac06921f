"""The work of `quillbase user …`: plan → submit through a link of its own; reads by the file."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from cluster.refusal import Refusal
from quillbase.cli.writer import submit
from shared.access.users import USERS, id_bytes, id_text
from shared.depot.databases import read_slots
from shared.depot.layout import MAIN, DepotLayout
from shared.passwords import hash_password
from shared.run_directory import RunDirectory
from shared.schema.catalog import Catalog
from shared.schema.fields.field import Value
from shared.schema.reserved import PASSWORD_HASH, TOTP_SECRET
from shared.settings import load
from shared.sql.plan import Plan, Step
from shared.sql.user_tables import SESSION, user_tables
from shared.sql.users import (
    ALL_USERS_SQL,
    USER_COLUMNS_SQL,
    end_sessions,
    insert_user,
    update_user,
    users_sql,
    verify_email,
)
from worker.auth.lockout import attempt_key, clear_step
from worker.auth.users.policy import check_email, check_password
from worker.auth.users.rows import User, is_verified
from worker.engine.offline import OfflineReader

_NAMES = ("email", "unverified_email", "username")


async def add_user(run: RunDirectory, email: str, password: str, *, admin: bool) -> None:
    """Make a verified user. Raises QuillError, Refusal."""
    check_email(email)
    layout = _layout(run)
    columns = _columns(layout)
    if not columns:
        await submit(run, _tables)
        columns = _columns(layout)
    hashed = hash_password(password)
    now = int(time.time())
    given: dict[str, Value] = {
        "email": email, PASSWORD_HASH: hashed, "admin": int(admin), "verified": 1, "created": now,
        "updated": now,
    }  # fmt: skip
    values = {name: value for name, value in given.items() if name in columns}

    def make(catalog: Catalog) -> Plan:
        check_password(catalog.config.auth, password)
        return Plan(catalog.version, insert_user(values))

    if _taken(layout, columns, email):
        raise Refusal(f"There is a user {email} already.")
    await submit(run, make)


async def verify_user(run: RunDirectory, name: str) -> None:
    """Take the address that a user gave for proven. Raises QuillError, Refusal."""
    user = _find(_layout(run), name)
    if is_verified(user):
        return
    address = str(user.get("unverified_email") or user["email"])
    await submit(run, _plan(*verify_email(user, address, int(time.time()))))


async def set_password(run: RunDirectory, name: str, password: str) -> None:
    """Another password for a user, whose sessions end and whose lockout does, too. Raises QuillError, Refusal."""
    user = _find(_layout(run), name)
    hashed = hash_password(password)

    def make(catalog: Catalog) -> Plan:
        check_password(catalog.config.auth, password)
        unlock = clear_step(attempt_key(USERS, id_text(_id(user))))
        return Plan(catalog.version, (update_user({PASSWORD_HASH: hashed}, _id(user)), unlock))

    await submit(run, make)
    if _has_sessions(run):
        await submit(run, _plan(end_sessions(_id(user)), database=SESSION), database=SESSION)


def show_users(layout: DepotLayout) -> None:
    """Print one line a user. Raises QuillError."""
    for user in _users(layout):
        marks = [
            mark
            for mark, holds in (
                ("admin", user.get("admin")),
                ("unverified", not is_verified(user)),
                ("second factor", user.get(TOTP_SECRET)),
            )
            if holds
        ]
        address = user["email"] or user.get("unverified_email")
        shown = (id_text(_id(user)), address, user.get("username"), ", ".join(marks))
        print("  ".join(str(one) for one in shown if one))


def _tables(catalog: Catalog) -> Plan:
    return Plan(catalog.version, user_tables(present=False), changes_catalog=True)


def _taken(layout: DepotLayout, columns: tuple[str, ...], email: str) -> bool:
    with OfflineReader(layout.database(), held=True) as state:
        return bool(state.rows(users_sql(columns, "email"), (email,)))


def _plan(*steps: Step, database: str = MAIN) -> Callable[[Catalog], Plan]:
    return lambda catalog: Plan(catalog.version, steps, database=database)


def _layout(run: RunDirectory) -> DepotLayout:
    return DepotLayout(Path(load(run.settings).depot))


def _has_sessions(run: RunDirectory) -> bool:
    """Whether the writer has opened session.db."""
    return SESSION in read_slots(run.databases)


def _users(layout: DepotLayout) -> list[User]:
    with OfflineReader(layout.database(), held=True) as state:
        return state.named_rows(ALL_USERS_SQL) if state.has_table(USERS) else []


def _columns(layout: DepotLayout) -> tuple[str, ...]:
    """Of the table of users; none where there is no such table."""
    with OfflineReader(layout.database(), held=True) as state:
        return tuple(str(row[0]) for row in state.rows(USER_COLUMNS_SQL))


def _find(layout: DepotLayout, name: str) -> User:
    """By address, username or id. Raises Refusal where nobody is called so, or several are."""
    columns = _columns(layout)
    wanted: list[tuple[str, str | bytes]] = [(one, name) for one in _NAMES if one in columns]
    user_id = _id_of(name)
    if user_id is not None and columns:
        wanted.append(("id", user_id))
    found: dict[Value, User] = {}
    with OfflineReader(layout.database(), held=True) as state:
        for column, value in wanted:
            for user in state.named_rows(users_sql(columns, column), (value,)):
                found[user["id"]] = user
            if found:
                break
    if len(found) > 1:
        ids = ", ".join(id_text(_id(user)) for user in found.values())
        raise Refusal(f"There are several users {name}: say which by its id ({ids}).")
    for user in found.values():
        return user
    raise Refusal(f"There is no user {name}.")


def _id_of(text: str) -> bytes | None:
    """The id that a text says: a UUID, or as clients have it."""
    try:
        return UUID(text).bytes
    except ValueError:
        return id_bytes(text)


def _id(user: User) -> bytes:
    value = user["id"]
    assert isinstance(value, bytes)
    return value
