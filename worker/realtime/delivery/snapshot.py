"""The list that a subscription begins with, at an exact position of the log.

List and position come from one read transaction, so what follows the position is exactly what the
list does not show yet. The list is the same as a read's: the same rule, filter, fields and expand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from shared.access.identity import GUEST, Identity
from shared.access.request import REALTIME, AccessRequest
from shared.errors import Kind, QuillError
from shared.limits import CLIENT_CHUNK_BYTES, CLIENT_QUEUE_BYTES, SNAPSHOT_RECORDS_MAX
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from worker.engine.change_log import head_of
from worker.engine.snapshot import Snapshot
from worker.realtime.position import Position
from worker.realtime.principal import Principal, current_identity
from worker.realtime.topics.topic import EVERY_RECORD, Topic
from worker.realtime.views.judge import Case, show
from worker.realtime.views.viewpoint import Seen
from worker.records.fields import plain_names, project
from worker.records.list_form import ListQuery
from worker.records.plans import PlanCache
from worker.records.read import run_list

if TYPE_CHECKING:
    from worker.realtime.clients.client import Client
    from worker.realtime.clients.subscription import Subscription
    from worker.realtime.hub import Hub

_NOTHING = "[]"


_BYTES_MAX = CLIENT_QUEUE_BYTES // 2
"""A client with room has that much of it, so nothing has to be kept while it reads."""


class TooManyRecordsError(Exception):
    """The list is longer than a snapshot may be."""


class Listed(NamedTuple):
    """`pages`: JSON arrays. `at`: all changes up to it are in there.

    `lost`: the listener's token is no longer good.
    """

    pages: list[str]
    at: Position
    lost: bool = False


async def send_snapshot(hub: Hub, client: Client, subscription: Subscription) -> Position | None:
    """Queue the list in pages, and return where it is of; None: the client has no room for it.

    Raises TooManyRecordsError, and QuillError or SQLError where the list cannot be read.
    """
    listed = await _listed(hub, client, subscription.topic)
    if subscription.gone:
        return listed.at
    if client.crowded:  # by what others told it during the read
        return None
    position = str(listed.at)
    for number, page in enumerate(listed.pages, 1):
        more = number < len(listed.pages)
        client.send(client.encoder.snapshot(subscription.name, position, page, more=more))
    return listed.at


async def _listed(hub: Hub, client: Client, topic: Topic) -> Listed:
    """The list as the client may see it; read again when it became somebody else meanwhile."""
    while True:
        principal, catalog = client.principal, hub.catalog()
        seen = hub.sight.views.viewpoint(topic, principal, catalog)
        listed = await hub.reader.read(
            _read,
            hub.plans,
            catalog.version,
            seen,
            topic,
            principal,
            transaction=True,
            in_thread=_cuts_a_list(topic),
        )
        if listed is None:
            continue
        if listed.lost and principal is not None:
            hub.demote({principal})
        if client.principal == principal or client.closed:
            return listed


def _read(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    version: int,
    seen: Seen | None,
    topic: Topic,
    principal: Principal | None,
) -> Listed | None:
    """None: `seen` was compiled for another catalog. It is None where nothing may be heard."""
    if catalog.version != version:
        return None
    n, feed = head_of(snapshot)
    at = Position(feed, n)
    identity: Identity | None = GUEST
    if principal is not None:
        identity = current_identity(snapshot, catalog, principal)
    if identity is None:
        return Listed([_NOTHING], at, lost=True)
    if seen is None:
        return Listed([_NOTHING], at)
    if topic.record != EVERY_RECORD:
        case = Case(seen.view, principal, topic.source, topic.record, None)
        record = show(snapshot, catalog, plans, case, identity)
        return Listed([f"[{record}]" if isinstance(record, str) else _NOTHING], at)
    request = AccessRequest(identity, REALTIME, topic.source)
    try:
        return Listed(_list(snapshot, catalog, plans, seen.view.collection, topic, request), at)
    except QuillError as error:
        if error.kind is not Kind.FORBIDDEN:
            raise
        return Listed([_NOTHING], at)


def _cuts_a_list(topic: Topic) -> bool:
    """Whether each record of a list is taken apart by ourselves, which is nothing for the loop."""
    apart = bool(topic.fields) and (bool(topic.expand) or plain_names(topic.fields) is None)
    return apart and topic.record == EVERY_RECORD


def _list(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    topic: Topic,
    request: AccessRequest,
) -> list[str]:
    """The pages of the list. Raises TooManyRecordsError."""
    names = plain_names(topic.fields) if topic.fields and not topic.expand else None
    asked = ListQuery(filter=topic.filter, only=names, skip_total=True, expand=topic.expand)
    most = SNAPSHOT_RECORDS_MAX
    items = run_list(snapshot, catalog, plans, collection, asked, 1, most + 1, request).items
    if len(items) > _BYTES_MAX or (not items.isascii() and len(items.encode()) > _BYTES_MAX):
        raise TooManyRecordsError  # before it is taken apart, which holds everything up
    records = orjson.loads(items)
    if len(records) > most:
        raise TooManyRecordsError
    if topic.fields and names is None:
        records = [project(record, topic.fields) for record in records]
    elif len(items) <= CLIENT_CHUNK_BYTES:
        return [items]
    return _pages(records)


def _pages(records: list[object]) -> list[str]:
    """Arrays of about CLIENT_CHUNK_BYTES each, one at least."""
    pages, page, size = list[str](), list[bytes](), 0
    for record in map(orjson.dumps, records):
        page.append(record)
        size += len(record)
        if size >= CLIENT_CHUNK_BYTES:
            pages.append(_array(page))
            page, size = [], 0
    if page or not pages:
        pages.append(_array(page))
    return pages


def _array(records: list[bytes]) -> str:
    return f"[{b','.join(records).decode()}]"
