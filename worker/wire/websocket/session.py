"""One client's session: what it asks, one request at a time, and what it is answered.

```text
receive → read → (auth | subscribe | unsubscribe | list | ping) → reply
```
It is the same for both ports: a transport hands messages in and takes what the client's queue
holds. The next message is asked for when the last one is answered and the queue has room, so a
client that sends faster than it is served is held back by its own connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from shared.access.identity import Identity
from shared.errors import Kind, QuillError
from shared.limits import SOCKET_MESSAGE_BYTES_MAX
from shared.logs import get_logger
from worker.auth.identity import caller, token_expires
from worker.context import Context
from worker.http.response import Response
from worker.realtime.clients.socket_client import Receiving, SocketClient, byte_count
from worker.realtime.clients.subscription import Subscription
from worker.realtime.reasons import BINARY, EXPIRED, TOO_BIG
from worker.realtime.subscribe import add_topics, authenticate, remove_topics
from worker.wire.websocket.messages import (
    AuthRequest,
    ListRequest,
    Ref,
    Request,
    SubscribeRequest,
    UnsubscribeRequest,
    error_message,
    message,
    names_of,
    read_ref,
    read_request,
    topics_of,
)

ErrorResponse = Callable[[QuillError], Response]
"""The REST form of an error."""
_LONGEST_TIMER_SECONDS = 24 * 3600.0
_log = get_logger()


class Session:
    """The protocol's side of one client."""

    def __init__(
        self, context: Context, client: SocketClient, error_response: ErrorResponse
    ) -> None:
        self._context = context
        self._client = client
        self._error_response = error_response
        self._expires: float | None = None
        self._expiry: asyncio.TimerHandle | None = None

    async def serve(self, receive: Receiving) -> None:
        """Answer until one side ends the connection."""
        client = self._client
        try:
            while not client.closed and (text := await receive()) is not None:
                if isinstance(text, bytes):
                    client.close(BINARY)
                elif byte_count(text) > SOCKET_MESSAGE_BYTES_MAX:
                    client.close(TOO_BIG)
                else:
                    await self._answer(text)
                await asyncio.sleep(0)  # many small requests that came at once must not hold others
        finally:
            self._forget_expiry()

    async def _answer(self, text: str) -> None:
        await self._client.room()
        try:
            await self._serve(text)
        except QuillError as error:
            self._refuse(text, error)
        except Exception:  # noqa: BLE001 - the outermost loop of a session
            _log.exception("realtime request failed", client=self._client.id)
            self._refuse(
                text,
                QuillError(Kind.INTERNAL, "Something went wrong while processing your request."),
            )

    def _refuse(self, text: str, error: QuillError) -> None:
        rest = self._error_response(error).body
        self._client.reply(error_message(read_ref(text), rest))

    async def _serve(self, text: str) -> None:
        """Answer one request. Raises QuillError."""
        request = read_request(text)
        ref = read_ref(text)
        if isinstance(request, AuthRequest):
            await self._authenticate(request, ref)
        elif isinstance(request, SubscribeRequest):
            await self._subscribe(request, ref)
        else:
            self._client.reply(self._answer_at_once(request, ref))

    def _answer_at_once(self, request: Request, ref: Ref) -> bytes:
        if isinstance(request, UnsubscribeRequest):
            ended = remove_topics(self._context, self._client, names_of(request))
            return message("unsubscribed", ref, topics=ended)
        if isinstance(request, ListRequest):
            return message("subscriptions", ref, topics=self._listed())
        position = self._position()
        return message("pong", ref, **({"position": position} if position else {}))

    # --- Topics ---------------------------------------------------------------------------------

    async def _subscribe(self, request: SubscribeRequest, ref: Ref) -> None:
        announce = partial(self._announce, ref)
        await add_topics(self._context, self._client, topics_of(request), announce)

    def _announce(self, ref: Ref, made: list[Subscription]) -> None:
        """The answer, before anything that is told of these subscriptions."""
        hub = self._context.hub
        topics = [
            {
                "sub": one.name,
                "topic": one.topic.path,
                "position": str(one.topic.since or hub.position(one.after)),
            }
            for one in made
        ]
        self._client.reply(message("subscribed", ref, topics=topics))

    def _listed(self) -> list[dict[str, str]]:
        return [
            {
                "sub": each.name,
                "topic": each.topic.path,
                "state": "live" if each.live else "joining",
            }
            for each in self._client.subscriptions.values()
        ]

    def _position(self) -> str:
        """Where everything has been told up to; "" while something is being joined."""
        if any(not each.live for each in self._client.subscriptions.values()):
            return ""
        hub = self._context.hub
        return hub.position(hub.told_upto())

    # --- Identity -------------------------------------------------------------------------------

    async def _authenticate(self, request: AuthRequest, ref: Ref) -> None:
        token = request.token or ""
        identity = await authenticate(self._context, self._client, token)
        expires = None if identity is None else token_expires(caller(token))
        self._forget_expiry()
        self._expires = expires
        self._await_expiry()
        told = None if expires is None else int(expires)
        self._client.reply(message("auth", ref, record=_record(identity), expires=told))

    def _await_expiry(self) -> None:
        """Look again when the token has expired; a clock that is set meanwhile is followed."""
        if self._expires is None:
            return
        left = self._expires - time.time()
        if left > 0:
            loop = asyncio.get_running_loop()
            delay = min(left, _LONGEST_TIMER_SECONDS)
            self._expiry = loop.call_later(delay, self._await_expiry)
            return
        self._expires = None
        if self._client.principal is not None and not self._client.closed:
            self._context.hub.sign_out(self._client, EXPIRED)

    def _forget_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None


def _record(identity: Identity | None) -> dict[str, str] | None:
    if identity is None:
        return None
    return {
        "collectionId": identity.collection_id,
        "collectionName": identity.collection_name,
        "id": identity.id,
    }
