"""What fits in one read, and who is told: the parts of the delivery that wait for nothing."""

from __future__ import annotations

from typing import Any

import pytest

from shared.limits import REALTIME_JUDGEMENTS_PER_READ
from shared.messages.changes import Act, Change
from shared.sql.predicate import Shape, predicate
from tests.worker.realtime.listening import IP, MESSAGES
from tests.worker.realtime.place import (
    ID,
    Place,
    collection,
    created,
    deleted,
    message,
    reset,
    row,
    updated,
)
from worker.realtime.clients.client import Admission, Client
from worker.realtime.clients.encoders import EVENT_STREAM, RESUMABLE_STREAM, Encoder, Told
from worker.realtime.clients.stream_client import StreamClient
from worker.realtime.clients.subscription import Subscription
from worker.realtime.delivery.groups import Group
from worker.realtime.delivery.telling import (
    case_of,
    chunks,
    message_of,
    rows_of,
    tell,
    told_of,
    untellable,
    weigh,
)
from worker.realtime.topics.text import read_topic
from worker.realtime.topics.topic import NO_SOURCE
from worker.realtime.views.judge import LEFT
from worker.realtime.views.sight import Rows
from worker.realtime.views.view import View, ViewKey
from worker.realtime.views.viewpoint import Seen, Viewpoint

LIGHT = View(collection("posts"), "", "", Shape(""), None)
KEY = ViewKey("c_posts", False, "", "", "", False)
POINT = Viewpoint(KEY, None, NO_SOURCE, leave=False)
CREATE = created(n=5)
TOLD = Told(b"create", b'"posts"', b"main:a:5", b'{"id":"x"}')


def _heavy(where: str) -> View:
    return View(collection("posts"), "", "", Shape(""), predicate(where))


def _group(view: View = LIGHT) -> Group:
    return Group(POINT, view)


def _listener(
    encoder: Encoder = EVENT_STREAM, name: str = "posts/*", after: int = 0
) -> Subscription:
    client = StreamClient(Admission("0" * 40, IP, encoder, "", lambda _client: None))
    client._take()  # PB_CONNECT
    made = Subscription(client, read_topic(name))
    made.after = after
    return made


@pytest.mark.parametrize("count", [0, 1, 200, 201, 450])
def test_portions_are_whole_and_bounded(count: int) -> None:
    """Every group is in one portion, in order."""
    groups = [_group() for _ in range(count)]
    portions = list(chunks(groups))
    assert [group for portion in portions for group in portion] == groups
    assert all(0 < weigh(portion) <= REALTIME_JUDGEMENTS_PER_READ for portion in portions)


def test_what_is_too_heavy_goes_alone() -> None:
    """A group may not fit at all; then it has a read of its own."""
    heavy = _heavy(" OR ".join(["1 = 2"] * 2_000))
    groups = [_group(), _group(heavy), _group(), _group()]
    sizes = [len(portion) for portion in chunks([*groups, groups[1]])]
    assert weigh(groups) > 50
    assert sum(sizes) == 5
    huge = _group(_heavy("1 = 2 OR " * 10_000 + "1"))
    assert [len(portion) for portion in chunks([groups[0], huge, groups[2]])] == [1, 1, 1]


def test_who_has_been_told_is_left_out() -> None:
    """And who is told has been, also when nothing was shown; nothing older is ever told again."""
    behind, there, ahead = _listener(after=4), _listener(after=5), _listener(after=6)
    tell(CREATE, TOLD, [behind, there, ahead])
    assert [one.client.waiting for one in (behind, there, ahead)] == [1, 0, 0]
    assert [one.after for one in (behind, there, ahead)] == [5, 5, 6]
    tell(CREATE, TOLD, [behind])
    assert behind.client.waiting == 1
    silent = _listener(after=4)
    tell(CREATE, None, [silent])
    assert (silent.client.waiting, silent.after) == (0, 5)
    tell(CREATE, TOLD, [silent])
    assert silent.client.waiting == 0


def test_a_closed_client_is_passed_over() -> None:
    """Nothing is queued, and the others are told."""
    gone, here = _listener(), _listener()
    gone.client.abandon()
    tell(CREATE, TOLD, [gone, here])
    assert (gone.client.waiting, here.client.waiting) == (0, 1)


def test_members_share_the_bytes_of_an_event() -> None:
    """One encoding for all that are spelled alike; messages of one name share theirs, too."""
    listeners = [_listener(name=name) for name in ("posts", "posts", "posts/*")]
    resumable = [_listener(RESUMABLE_STREAM, name) for name in ("posts", "posts/*")]
    admission = Admission("0" * 40, IP, MESSAGES, "", lambda _client: None)
    sockets = [
        Subscription(Client(admission), read_topic(name)) for name in ("posts", "posts", "posts/*")
    ]
    tell(CREATE, TOLD, [*listeners, *resumable, *sockets])
    rests = [id(one.client._queue[-1][1]) for one in (*listeners, *resumable, *sockets)]
    assert [rests.index(rest) for rest in rests] == [0, 0, 0, 3, 3, 5, 5, 7]


def test_some_changes_cannot_be_told() -> None:
    """A RESET, and a delete of which nothing was logged."""
    assert untellable(reset("*"))
    assert untellable(reset())
    assert untellable(Change(1, "c_posts", Act.DELETE, ID, None, None))
    assert not untellable(deleted())
    assert not untellable(created())
    assert not untellable(Change(1, "c_posts", Act.CREATE, ID, None, None))
    assert not untellable(message("chat"))


def test_rows_are_by_the_columns_of_the_catalog(place: Place) -> None:
    """What the log does not know is empty, and the old row is the new one with what was changed."""
    gone: dict[str, Any] = {"f_id": ID, "f_dropped": 1}
    catalog = place.reader.catalog.current()
    empty = (ID, "", 0, "")
    assert rows_of(Change(1, "c_posts", Act.DELETE, ID, gone, None), catalog) == Rows(empty, None)
    assert rows_of(Change(1, "c_posts", Act.CREATE, ID, None, gone), catalog) == Rows(empty, None)
    assert rows_of(Change(1, "c_posts", Act.CREATE, ID, None, None), catalog) == Rows(None, None)
    assert rows_of(Change(1, "nosuch", Act.CREATE, ID, None, gone), catalog) == Rows(None, None)
    change = updated(before={"title": "a", "note": None}, title="b", size=1, note="x")
    assert rows_of(change, catalog) == Rows((ID, "b", 1, "x"), (ID, "a", 1, None))
    key_only = Change(1, "c_posts", Act.UPDATE, ID, None, None)
    assert rows_of(key_only, catalog) == Rows(None, None)
    without_old = Change(1, "c_posts", Act.UPDATE, ID, None, row())
    assert rows_of(without_old, catalog) == Rows((ID, "", 0, "secret"), None)


def test_the_old_row_is_asked_for_those_who_want_leaves_alone() -> None:
    """It costs a second judgement."""
    rows = Rows((ID, "b", 1, ""), (ID, "a", 1, ""))
    for leave in (True, False):
        case = case_of(Seen(POINT._replace(leave=leave), LIGHT), CREATE, rows)
        assert (case.view, case.key, case.row) == (LIGHT, ID, rows.row)
        assert case.old == (rows.old if leave else None)


def test_a_verdict_becomes_an_event() -> None:
    """Of its own kind, with the collection's name and the position; or none at all."""
    for change, action in ((created(), b"create"), (updated(), b"update"), (deleted(), b"delete")):
        told = told_of(change, '{"id":"x"}', "my posts", "main:a:5")
        assert told == Told(action, b'"my posts"', b"main:a:5", b'{"id":"x"}')
    assert told_of(updated(), LEFT, "posts", "p") == Told(
        b"leave", b'"posts"', b"p", f'"{ID}"'.encode()
    )
    assert told_of(updated(), None, "posts", "p") is None


def test_a_message_is_told_as_it_was_published() -> None:
    """Its JSON is not touched; without data it is null."""
    change = message('a/"b"', '{"x": 1e2}')
    assert message_of(change, "p") == Told(b"message", b'"a/\\"b\\""', b"p", b'{"x": 1e2}')
    bare = Change(1, "@topics", Act.MESSAGE, "a", None, None)
    assert message_of(bare, "p") == Told(b"message", b'"a"', b"p", b"null")
