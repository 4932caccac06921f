"""From judged changes to queued events; and what fits in one read. Waits for nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from shared import metrics
from shared.limits import REALTIME_JUDGEMENTS_PER_READ
from shared.messages.changes import Act, Change
from shared.schema.catalog import Catalog
from shared.sql.plan import Value
from shared.sql.row import row_values_by_id
from worker.realtime import sse
from worker.realtime.client import Client
from worker.realtime.index import Group, Subscription

Heard = set[tuple[Client, str]]
"""The subscriptions that have heard a change, by client and name."""
_ACTIONS = {Act.CREATE: b"create", Act.UPDATE: b"update", Act.DELETE: b"delete"}


def untellable(change: Change) -> bool:
    """A change that ends streams, because no event can say it."""
    return change.act == Act.RESET or (change.act == Act.DELETE and change.old is None)


def row_of(change: Change, catalog: Catalog) -> tuple[Value, ...] | None:
    """The values that a change is judged by; None when only its key was logged."""
    collection = catalog.by_id(change.table)
    logged = change.old if change.act == Act.DELETE else change.new
    return None if collection is None or logged is None else row_values_by_id(collection, logged)


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


def tell_all(told: list[tuple[Change, Group]], records: list[str | None]) -> None:
    """Encode each shown record once, and queue the same bytes for all who share the view."""
    for (change, group), record in zip(told, records, strict=True):
        if record is not None:
            _offer(change, record, group.members)


def tell_unheard(
    change: Change, groups: list[Group], records: list[str | None], heard: Heard
) -> None:
    """The same for the first groups of one change, leaving out who has heard it, adding the rest.

    There may be fewer records than groups.
    """
    for group, record in zip(groups, records, strict=False):
        members = [member for member in group.members if member.key not in heard]
        heard.update(member.key for member in members)
        if record is not None:
            _offer(change, record, members)


def _offer(change: Change, record: str, members: Collection[Subscription]) -> None:
    """Encode once; each client's own part of the event is its prefix."""
    rest = b'{"action":"%b","record":%b}%b' % (
        _ACTIONS[change.act], record.encode(), sse.EVENT_END,
    )  # fmt: skip
    sent = 0
    for member in members:
        sent += member.client.offer(member.prefix, rest)
    metrics.REALTIME_SENT.add(sent)
    metrics.REALTIME_DROPPED.add(len(members) - sent)
