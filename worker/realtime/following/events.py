"""Events for server code: changes of the log as a superuser sees them. Pure reads, no state.

They run inside `Reader.read`, perhaps twice. Records are shaped by the same SQL as every answer,
from the values that the log holds, so an event shows a record as that change left it.
"""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from shared.logs import get_logger
from shared.messages.changes import TOPICS, Act, Change
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.reserved import COLLECTIONS_TABLE
from shared.sql.plan import Value
from shared.sql.row import match_sql, row_values_by_id
from shared.sql.select import view_sql
from shared.sql.shape import shape_of
from worker.engine.change_log import PageLimits, read_changes
from worker.engine.failures import SQLError
from worker.engine.snapshot import Snapshot
from worker.realtime.position import Position

EVERYTHING: Final = "*"
_SHAPES_KEPT: Final = 256
_log = get_logger()
Record = dict[str, Any]


class Action(enum.Enum):
    """What an event tells. RESYNC: events may have been missed; read again what you hold."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    MESSAGE = "message"
    RESYNC = "resync"


class InternalEvent(NamedTuple):
    """One event. Go on from `position` to hear of all that follows it, and of nothing before.

    `topic`: the collection's name, or the custom topic; "" for a RESYNC of everything.
    `collection`: its id, "" where there is none (any more).  `key`: the record's id.
    `record`: as it was after the change, before a deletion; None in an update of a record that was
    too large for the log and is gone by now.  `old`: before an update, where the log has it.
    `data`: of a message.  `reason`: of a RESYNC, `gone` (the position) or `reset` (the table).
    """

    action: Action
    position: Position
    topic: str = ""
    collection: str = ""
    key: str = ""
    record: Record | None = None
    old: Record | None = None
    data: Any = None
    reason: str = ""


class EventPage(NamedTuple):
    """The events after a position. `upto`: the next page follows it.

    `collection`: id of the one that the topic names, "" for none.
    """

    events: list[InternalEvent]
    upto: Position
    collection: str


def read_events(
    snapshot: Snapshot,
    catalog: Catalog,
    topic: str,
    known: str,
    after: Position,
    limits: PageLimits,
) -> EventPage:
    """The events of `topic` (a collection, a custom topic, or EVERYTHING) in one read transaction.

    `known`: id of the collection that the topic named before, which it goes on naming while that
    exists; its removal is told, too.
    """
    found = catalog.by_id(known) or catalog.find(topic)
    named = found.id if found is not None else ""
    page = read_changes(snapshot, after.n, limits, _tables(topic, named, known))
    if page.gone or page.feed != after.feed:
        head = Position(page.feed, page.head)
        heard = "" if topic == EVERYTHING else found.name if found else topic
        gone = InternalEvent(Action.RESYNC, head, heard, named, reason="gone")
        return EventPage([gone], head, named)
    events = [
        event
        for change in page.changes
        if (event := _event(snapshot, catalog, topic, page.feed, change)) is not None
        and (topic == EVERYTHING or event.collection in (named, known))
    ]
    if not named and not any(event.action is Action.RESYNC for event in events):
        named = known  # it is gone, and the page that tells so is still to come
    return EventPage(events, Position(page.feed, page.upto), named)


def _tables(topic: str, named: str, known: str) -> set[str] | None:
    """Where the log tells of it. That a collection is dropped stands among the collections."""
    if topic == EVERYTHING:
        return None
    return {named or TOPICS, known, COLLECTIONS_TABLE} if known else {named or TOPICS}


def _event(
    snapshot: Snapshot, catalog: Catalog, topic: str, feed: int, change: Change
) -> InternalEvent | None:
    """None for a change that is none of a collection's, or of another topic."""
    position, key = Position(feed, change.n), str(change.key or "")
    if change.act is Act.MESSAGE:
        if topic not in (key, EVERYTHING):
            return None
        data = orjson.loads(str((change.new or {}).get("data", "null")))
        return InternalEvent(Action.MESSAGE, position, key, data=data)
    if change.act is Act.RESET:
        dropped = change.table == COLLECTIONS_TABLE
        return _reset(catalog, position, key if dropped else change.table)
    collection = catalog.by_id(change.table)
    if collection is None:  # a table of our own, or of a collection that has been dropped since
        return None
    action = Action[change.act.name]
    record, old = _records(snapshot, collection, change)
    return InternalEvent(
        action, position, collection.name, collection.id, key, record=record, old=old
    )


def _reset(catalog: Catalog, position: Position, named: str) -> InternalEvent:
    collection = catalog.by_id(named)
    name = collection.name if collection is not None else ""
    return InternalEvent(Action.RESYNC, position, name, named, reason="reset")


def _records(
    snapshot: Snapshot, collection: Collection, change: Change
) -> tuple[Record | None, Record | None]:
    """The record, and what it was before an update."""
    logged = change.old if change.act is Act.DELETE else change.new
    if logged is None:
        return _stored(snapshot, collection, change.key), None
    record = _shown(snapshot, collection, logged)
    if change.act is not Act.UPDATE or change.old is None:
        return record, None
    return record, _shown(snapshot, collection, {**logged, **change.old})


def _shown(snapshot: Snapshot, collection: Collection, values: dict[str, Value]) -> Record | None:
    sql, _ = _statements(collection)
    return _read(snapshot, sql, row_values_by_id(collection, values))


def _stored(snapshot: Snapshot, collection: Collection, key: Value) -> Record | None:
    """As it is now: its values were too large for the log."""
    _, sql = _statements(collection)
    return _read(snapshot, sql, (key,))


def _read(snapshot: Snapshot, sql: str, params: tuple[Value, ...]) -> Record | None:
    """One that cannot be shown is told without values, and holds up none that follow."""
    try:
        text = snapshot.value(sql, params)
        return None if text is None else orjson.loads(str(text))
    except (SQLError, UnicodeDecodeError, orjson.JSONDecodeError) as error:
        _log.warning("an internal event shows no record", reason=str(error))
        return None


@lru_cache(_SHAPES_KEPT)
def _statements(collection: Collection) -> tuple[str, str]:
    """From values, and from an id. A superuser's shape takes no parameters, nor other collections."""
    shape = shape_of(collection, Catalog(0, [collection]), hidden=True)
    return match_sql(collection, None, shape), view_sql(collection, None, shape)
