"""The one-time link for the first superuser: its secret in the run directory, and its plan.

The link works on this machine only, for SETUP_LINK_SECONDS, and once: the plan refuses when there
is any superuser, whoever made it. The secret never goes to a log.
"""

from __future__ import annotations

import hmac
import time
from pathlib import Path

import msgspec

from shared.dates import now_text
from shared.errors import Kind, QuillError, forbidden
from shared.limits import REPLANS_MAX
from shared.messages.commands import Result, Status
from worker.auth.superusers import check_credentials, first_plan
from worker.context import Context
from worker.records.outcome import failed


class _Link(msgspec.Struct):
    token: str
    expires: float


def link_holds(path: Path, token: str) -> bool:
    """Whether `token` is the secret of a live link. The time it takes tells nothing of it."""
    try:
        link = msgspec.json.decode(path.read_bytes(), type=_Link)
    except (FileNotFoundError, msgspec.MsgspecError):
        return False
    same = hmac.compare_digest(link.token.encode(), token.encode("utf-8", "replace"))
    return same and bool(link.token) and time.time() < link.expires


async def create_first(context: Context, email: str, password: str, request_id: str) -> None:
    """Make the first superuser and end the link.

    Raises INVALID with fields, FORBIDDEN when there is a superuser already, and what the writer
    link raises.
    """
    check_credentials(context.catalog.current(), email, password)
    password_hash = await context.passwords.hash(password)
    result = await _submit(context, email, password_hash, request_id)
    if result.status is Status.FAILED:
        raise failed(result.payload, None)
    context.run_directory.setup.unlink(missing_ok=True)
    if result.status is not Status.OK:
        raise forbidden("There is a superuser already.")


async def _submit(context: Context, email: str, password_hash: str, request_id: str) -> Result:
    for _ in range(REPLANS_MAX + 1):
        plan = first_plan(context.catalog.current(), email, password_hash, now_text())
        result = await context.writer.submit(plan, request_id=request_id)
        if result.status is not Status.STALE:
            return result
    raise QuillError(Kind.CONFLICT, "The schema kept changing; try again.", retry_after_seconds=1)
