"""What fits in one read, and who is told: the parts of the delivery that wait for nothing."""

from __future__ import annotations

from typing import Any

import pytest

from shared.limits import REALTIME_JUDGEMENTS_PER_READ
from shared.messages.changes import Act, Change
from shared.sql.predicate import Shape, predicate
from tests.worker.realtime.place import ID, Place
from worker.realtime.client import Client
from worker.realtime.index import Group, Subscription
from worker.realtime.telling import (
    Heard,
    chunks,
    row_of,
    tell_all,
    tell_unheard,
    untellable,
    weigh,
)
from worker.realtime.topics import parse_topic
from worker.realtime.views import View

LIGHT = View("", "", Shape(""), None)
HEAVY = View("", "", Shape(""), predicate(" OR ".join(["1 = 2"] * 2_000)))
CREATE = Change(1, "c_posts", Act.CREATE, ID, None, {"f_id": ID})


def _group(*clients: Client, view: View = LIGHT) -> Group:
    group = Group(view, None)
    for client in clients:
        group.members[Subscription(client, parse_topic("posts/*"))] = None
    return group


def _client() -> Client:
    client = Client("0" * 40, "127.0.0.1", 0.0, lambda _client: None)
    client._take()  # PB_CONNECT
    return client


@pytest.mark.parametrize("count", [0, 1, 200, 201, 450])
def test_portions_are_whole_and_bounded(count: int) -> None:
    """Every group is in one portion, in order."""
    groups = [_group() for _ in range(count)]
    portions = list(chunks(groups))
    assert [group for portion in portions for group in portion] == groups
    assert all(0 < weigh(portion) <= REALTIME_JUDGEMENTS_PER_READ for portion in portions)


def test_what_is_too_heavy_goes_alone() -> None:
    """A group may not fit at all; then it has a read of its own."""
    groups = [_group(), _group(view=HEAVY), _group(), _group()]
    sizes = [len(portion) for portion in chunks([*groups, groups[1]])]
    assert weigh(groups) > 50
    assert sum(sizes) == 5
    huge = _group(view=View("", "", Shape(""), predicate("1 = 2 OR " * 10_000 + "1")))
    assert [len(portion) for portion in chunks([groups[0], huge, groups[2]])] == [1, 1, 1]


def test_who_has_heard_is_left_out() -> None:
    """And who is told has heard, also when nothing was shown; there is no record for the rest."""
    one, two, three = _client(), _client(), _client()
    first, second, third = _group(one, two), _group(three), _group(three)
    heard: Heard = {(one, "posts/*")}
    tell_unheard(CREATE, [first, second, third], ['{"id":"x"}', None], heard)
    assert [client.waiting for client in (one, two, three)] == [0, 1, 0]
    assert heard == {(client, "posts/*") for client in (one, two, three)}


def test_members_share_the_bytes_of_an_event() -> None:
    """One encoding for all of a group; a case without a record is silent."""
    one, two = _client(), _client()
    tell_all([(CREATE, _group(one, two)), (CREATE, _group(one))], ['{"id":"x"}', None])
    assert one._queue[0][1] is two._queue[0][1]
    assert (one.waiting, two.waiting) == (1, 1)


def test_some_changes_cannot_be_told(place: Place) -> None:
    """A RESET, and a delete of which nothing was logged; a row is known where one was."""
    gone: dict[str, Any] = {"f_id": ID}
    catalog = place.reader.catalog.current()
    assert untellable(Change(1, "*", Act.RESET, None, None, None))
    assert untellable(Change(1, "c_posts", Act.DELETE, ID, None, None))
    assert not untellable(Change(1, "c_posts", Act.DELETE, ID, gone, None))
    assert row_of(Change(1, "c_posts", Act.DELETE, ID, gone, None), catalog) == (ID, "", 0, "")
    assert row_of(Change(1, "c_posts", Act.CREATE, ID, None, None), catalog) is None
    assert row_of(Change(1, "nosuch", Act.CREATE, ID, None, gone), catalog) is None
