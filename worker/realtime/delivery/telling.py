"""From judged changes to queued events; and what fits in one read. Waits for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import orjson

from shared import metrics
from shared.limits import REALTIME_JUDGEMENTS_PER_READ
from shared.messages.changes import Act, Change
from shared.schema.catalog import Catalog
from shared.sql.row import row_values_by_id
from worker.realtime.clients.encoders import LEAVE, MESSAGE, UNSHOWN, Spelling, Told
from worker.realtime.clients.subscription import Subscription
from worker.realtime.delivery.groups import Group
from worker.realtime.views.judge import Case, Denied, Left, Unshowable, Verdict
from worker.realtime.views.sight import Rows
from worker.realtime.views.viewpoint import Seen

_ACTIONS: Final = {Act.CREATE: b"create", Act.UPDATE: b"update", Act.DELETE: b"delete"}
_DATA: Final = "data"


def untellable(change: Change) -> bool:
    """A change that no event can say."""
    return change.act == Act.RESET or (change.act == Act.DELETE and change.old is None)


def case_of(seen: Seen, change: Change, rows: Rows) -> Case:
    """The question whether, and how, a change is shown from a viewpoint."""
    point, view = seen
    old = rows.old if point.leave else None
    return Case(view, point.principal, point.source, change.key, rows.row, old)


def rows_of(change: Change, catalog: Catalog) -> Rows:
    """The values by the columns of the catalog, for all views of the change."""
    collection = catalog.by_id(change.table)
    logged = change.old if change.act == Act.DELETE else change.new
    if collection is None or logged is None:
        return Rows(None, None)
    row = row_values_by_id(collection, logged)
    if change.act != Act.UPDATE or change.old is None:
        return Rows(row, None)
    return Rows(row, row_values_by_id(collection, {**logged, **change.old}))


def weigh(groups: Iterable[Group]) -> int:
    """What it costs to judge one change for all of them, in judgements of a simple view."""
    return sum(group.view.weight for group in groups)


def chunks(groups: Iterable[Group]) -> Iterator[list[Group]]:
    """The groups in portions of one read each; a portion has at least one."""
    chunk, room = list[Group](), REALTIME_JUDGEMENTS_PER_READ
    for group in groups:
        room -= group.view.weight
        if chunk and room < 0:
            yield chunk
            chunk, room = [], REALTIME_JUDGEMENTS_PER_READ - group.view.weight
        chunk.append(group)
    if chunk:
        yield chunk


def told_of(change: Change, verdict: Verdict, name: str, position: str) -> Told | None:
    """The event of a judged change; None where nothing may be shown. `name`: the collection's."""
    if verdict is None or isinstance(verdict, Denied):
        return None
    source, place = orjson.dumps(name), position.encode()
    if isinstance(verdict, Left):
        return Told(LEAVE, source, place, orjson.dumps(str(change.key)))
    if isinstance(verdict, Unshowable):
        return Told(UNSHOWN, source, place, b"")
    return Told(_ACTIONS[change.act], source, place, verdict.encode())


def message_of(change: Change, position: str) -> Told:
    """The event of what was published under a custom topic."""
    data = str((change.new or {}).get(_DATA) or "null")
    return Told(MESSAGE, orjson.dumps(str(change.key)), position.encode(), data.encode())


def tell(change: Change, told: Told | None, members: Iterable[Subscription]) -> None:
    """Queue an event for those who have not been told it yet. None: it is not for their eyes.

    It is spelled once for all that share a spelling; each one's own part is its prefix.
    """
    n = change.n
    spelled: dict[Spelling, bytes] = {}
    sent = dropped = 0
    for member in tuple(members):
        if member.after >= n:
            continue
        member.after = n
        if told is None:
            continue
        if member.client.closed:  # nothing is spelled for nobody: names may be many, records large
            dropped += 1
            continue
        rest = spelled.get(member.spelling)
        if rest is None:
            rest = spelled[member.spelling] = member.spelling.event(told)
        if member.client.offer(member.prefix, rest):
            sent += 1
        else:
            dropped += 1
    metrics.REALTIME_SENT.add(sent)
    metrics.REALTIME_DROPPED.add(dropped)


def deny(change: Change, members: Iterable[Subscription]) -> None:
    """The one record that these listen to is not for their eyes any more."""
    for member in tuple(members):
        if member.after < change.n:
            member.after = change.n
            member.client.denied()
