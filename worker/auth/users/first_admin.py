"""The first admin of a depot that serves record APIs: made once, with a password that is told once."""

from __future__ import annotations

import time
from typing import Final

from shared import ids
from shared.errors import Kind, QuillError
from shared.limits import REPLANS_MAX
from shared.messages.commands import Status
from shared.passwords import hash_password
from shared.schema.catalog import Catalog
from shared.schema.fields.field import Value
from shared.schema.reserved import PASSWORD_HASH
from shared.sql.plan import Plan
from shared.sql.users import NEEDS_ADMIN_SQL, first_admin
from worker.auth.users.rows import user_columns
from worker.engine.reader import Reader
from worker.engine.snapshot import Snapshot
from worker.engine.writer_link import WriterLink

EMAIL: Final = "admin@localhost"
USERNAME: Final = "admin"
_PASSWORD_CHARS: Final = 20
_ID: Final = "first-admin"


async def make_first_admin(reader: Reader, writer: WriterLink) -> str:
    """The password of the admin that was made, "" where there is, or was, one. Raises UNAVAILABLE.

    Blocks for the time of one hash: it is for a process that serves nobody.
    """
    if not await reader.read(_columns):
        return ""
    password = ids.ALNUM_ALPHABET.text(_PASSWORD_CHARS)
    hashed = hash_password(password)
    for _ in range(REPLANS_MAX + 1):
        columns = await reader.read(_columns)
        if not columns:
            return ""
        steps = first_admin(_values(columns, hashed))
        plan = Plan(reader.catalog.current().version, steps, changes_catalog=True)
        result = await writer.submit(plan, request_id=_ID)
        if result.status is Status.OK:
            return password
        if result.status is Status.REFUSED:
            return ""
        if result.status is not Status.STALE:
            break
    raise QuillError(Kind.UNAVAILABLE, "The first admin cannot be made.")


def _columns(snapshot: Snapshot, catalog: Catalog) -> tuple[str, ...]:
    """Of `_user`, where it lacks an admin."""
    columns = user_columns(snapshot, catalog)
    return columns if columns and snapshot.value(NEEDS_ADMIN_SQL) else ()


def _values(columns: tuple[str, ...], hashed: str) -> dict[str, Value]:
    now = int(time.time())
    values: dict[str, Value] = {
        "email": EMAIL, "username": USERNAME, PASSWORD_HASH: hashed, "admin": 1, "verified": 1,
        "created": now, "updated": now,
    }  # fmt: skip
    return {name: value for name, value in values.items() if name in columns}
