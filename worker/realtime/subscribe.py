"""Setting what a client listens to, on whichever worker the request arrives.

The client's id names the worker that holds its stream. Another worker forwards the request there
as it came, token included, so that only the owner reads the identity and compiles the topics; the
answer comes back as an error to raise, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Final

import msgspec

from shared.access.identity import Identity
from shared.errors import Kind, QuillError, forbidden, invalid, not_found
from shared.schema.catalog import Catalog
from worker.auth.identity import caller
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.realtime.clients.client import Client
from worker.realtime.clients.client_id import Owner, owner_of
from worker.realtime.clients.subscription import Subscription
from worker.realtime.principal import Principal, current_identity, principal_as, principal_of
from worker.realtime.topics.options import check_options
from worker.realtime.topics.text import read_topics
from worker.realtime.topics.topic import Topic, check_count
from worker.realtime.views.viewpoint import asker_of
from worker.records.caller import identity_in

PEER_KIND: Final = "realtime.subscribe"
_UNKNOWN_CLIENT: Final = "Missing or invalid client id."


class Subscribe(msgspec.Struct, array_like=True, frozen=True):
    """A subscription request between workers.

    `ip`: the caller's address.  `authorization`: the header's value, "" for none.
    """

    client_id: str
    subscriptions: list[str]
    ip: str
    authorization: str


class _Answer(msgspec.Struct, array_like=True, frozen=True):
    """`kind`: of the QuillError to raise, "" when it went well."""

    kind: str = ""
    message: str = ""


_read_request = msgspec.msgpack.Decoder(Subscribe).decode
_read_answer = msgspec.msgpack.Decoder(_Answer).decode
_encode = msgspec.msgpack.encode


async def subscribe(context: Context, wish: Subscribe) -> None:
    """Replace a client's topics, here or at the worker that holds it.

    Raises NOT_FOUND for a client that is gone, INVALID for bad topics or another address,
    FORBIDDEN when the client already is somebody else.
    """
    owner = owner_of(wish.client_id)
    if owner is None or owner.slot >= context.settings.worker_count:
        raise not_found(_UNKNOWN_CLIENT)  # the slot is the caller's text: never connect for it
    if owner == context.hub.owner:
        await subscribe_here(context, wish)
        return
    answer = _read_answer(await _forward(context, owner, wish))
    if answer.kind:
        raise QuillError(Kind(answer.kind), answer.message)


async def _forward(context: Context, owner: Owner, wish: Subscribe) -> bytes:
    return await context.peers.call(owner.slot, owner.incarnation, PEER_KIND, _encode(wish))


def serve_peers(context: Context) -> None:
    """Answer the subscriptions that other workers forward."""
    context.peers.serve(PEER_KIND, partial(answer_peer, context))


async def answer_peer(context: Context, payload: bytes) -> bytes:
    """Serve a request that another worker forwarded."""
    try:
        await subscribe_here(context, _read_request(payload))
    except QuillError as error:
        return _encode(_Answer(error.kind.value, error.message))
    return _encode(_Answer())


async def subscribe_here(context: Context, wish: Subscribe) -> None:
    """Replace the topics of a client of this worker. Raises as `subscribe`."""
    hub = context.hub
    client = _find(context, wish)
    topics = read_topics(wish.subscriptions)
    check_room(context, client, topics)
    while True:
        before = client.principal
        principal = await context.reader.read(_admit, wish.authorization, before)
        catalog = context.catalog.current()
        await check_options(topics, asker_of(principal, catalog), catalog)
        if client.principal == before:  # else another request was quicker: admit it again
            break
    client = _find(context, wish)
    check_room(context, client, topics)
    wanted = {topic.subscription for topic in topics}
    hub.unsubscribe(client, [name for name in client.subscriptions if name not in wanted])
    hub.become(client, principal)
    new = [topic for topic in topics if topic.subscription not in client.subscriptions]
    since, client.since = client.since, None
    hub.subscribe(client, new, since)


def check_room(context: Context, client: Client, topics: Collection[Topic]) -> None:
    """Raise UNAVAILABLE when the worker has no room for these as all that the client has."""
    more = len(topics) - len(client.subscriptions)
    if more > context.hub.room or not context.hub.index.has_room(topics):
        raise QuillError(Kind.UNAVAILABLE, "Too many subscriptions.", retry_after_seconds=1.0)


def _find(context: Context, wish: Subscribe) -> Client:
    client = context.hub.find(wish.client_id)
    if client is None:
        raise not_found(_UNKNOWN_CLIENT)
    if client.ip != wish.ip:
        raise invalid("The stream was opened from another address.")
    return client


def _admit(
    snapshot: Snapshot, catalog: Catalog, authorization: str, before: Principal | None
) -> Principal | None:
    """The caller, unless the client already is somebody else whose token is still good.

    Raises FORBIDDEN. Only a guest may become somebody; a new token of the same record is fine.
    """
    principal = principal_of(snapshot, catalog, authorization or None)
    if before is None or (principal is not None and _same_record(before, principal)):
        return principal
    if current_identity(snapshot, catalog, before) is not None:
        raise forbidden("The current and the previous request authorization don't match.")
    return principal


def _same_record(one: Principal, other: Principal) -> bool:
    return (one.collection_id, one.record_id) == (other.collection_id, other.record_id)


# --- WebSocket clients: theirs is always the worker that they talk to -------------------------


async def add_topics(
    context: Context,
    client: Client,
    topics: Sequence[Topic],
    announce: Callable[[list[Subscription]], None],
) -> None:
    """Let a client listen to these as well; one of the same name is replaced.

    `announce` is called with the subscriptions before anything of them is told. Raises INVALID for
    bad options or too many of them, UNAVAILABLE when the worker has no room: then nothing changed.
    """
    all_wanted = _with(client, topics)
    check_count(all_wanted)
    check_room(context, client, all_wanted)
    while True:
        principal, catalog = client.principal, context.catalog.current()
        await check_options(topics, asker_of(principal, catalog), catalog, all_wanted)
        if client.principal == principal:
            break
    all_wanted = _with(client, topics)
    check_count(all_wanted)
    check_room(context, client, all_wanted)
    if not client.closed:
        context.hub.subscribe(client, topics, announce=announce)


def _with(client: Client, topics: Iterable[Topic]) -> list[Topic]:
    """All that a client would have with these."""
    kept = {one.name: one.topic for one in client.subscriptions.values()}
    return list({**kept, **{topic.subscription: topic for topic in topics}}.values())


def remove_topics(context: Context, client: Client, names: Iterable[str] | None) -> list[str]:
    """Let a client not listen to these any more, None: to nothing; which of them it had."""
    wanted = list(client.subscriptions if names is None else names)
    return context.hub.unsubscribe(client, wanted)


async def authenticate(context: Context, client: Client, token: str) -> Identity | None:
    """Let a client be whom a token names, "" for a guest; None for a guest.

    Raises UNAUTHORIZED for a token that is not good; the client then stays who it was.
    """
    identity, principal = await context.reader.read(_named, token)
    if token and principal is None:
        raise QuillError(Kind.UNAUTHENTICATED, "The token is not valid, or not any more.")
    context.hub.become(client, principal)
    return None if principal is None else identity


def _named(snapshot: Snapshot, catalog: Catalog, token: str) -> tuple[Identity, Principal | None]:
    identity = identity_in(caller(token), snapshot, catalog)
    return identity, principal_as(catalog, identity)
