"""`POST /api/realtime/publish` `{"topic", "data"}`, or an array of such, for superusers.

Statuses: 204 published; 400 a topic that cannot be one, or is a collection's; 401 and 403 no
superuser; 413 too large; 503 the writer is too busy.
"""

from __future__ import annotations

from shared.errors import FieldError, invalid
from worker.auth.identity import origin_of
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response
from worker.realtime.publishing.publish import Wish, publish
from worker.wire.pocketbase.decode import json_value
from worker.wire.pocketbase.written import ask_of, written_response


async def publish_messages(context: Context, request: Request) -> Response:
    """POST /api/realtime/publish."""
    body = await json_value(request)
    ask = ask_of(request, body if isinstance(body, dict) else {"messages": body})
    wishes = [("", body)] if isinstance(body, dict) else _numbered(body)
    written = await publish(context, wishes, origin_of(request), ask)
    return written_response(request, written)


def _numbered(body: list[object]) -> list[tuple[str, Wish]]:
    """Each message with its place, as the fields of errors name it."""
    wishes: list[tuple[str, Wish]] = []
    for index, wish in enumerate(body):
        if not isinstance(wish, dict):
            wrong = FieldError("validation_invalid_value", "A message is an object.")
            raise invalid("Failed to publish.", {str(index): wrong})
        wishes.append((f"{index}.", wish))
    return wishes
