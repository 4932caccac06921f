"""The hub over a real database: which clients hear of a change, and what they see.

Also tests `worker.realtime.exchange`, `worker.realtime.collection_sight`,
`worker.realtime.views.sight`.
"""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Kind, QuillError
from shared.limits import REALTIME_CHANGES_WAITING_MAX
from shared.messages.changes import Act, Change
from tests.worker.realtime.listening import (
    IP,
    MESSAGES,
    events,
    listen,
    messages,
    settle,
    socket,
    stream,
    subscribe,
    topic,
)
from tests.worker.realtime.place import ID, OWNER, Place, message, run_hub
from worker.realtime.clients import sse
from worker.realtime.clients.client import Client
from worker.realtime.clients.client_id import owner_of
from worker.realtime.clients.encoders import RESUMABLE_STREAM
from worker.realtime.hub import Hub
from worker.realtime.principal import Principal
from worker.realtime.topics.text import with_options


def _change(n: int, act: Act = Act.CREATE, table: str = "c_posts", **values: Any) -> Change:
    row = {"f_id": ID, "f_title": "", "f_size": 0, "f_note": "secret", **values}
    if act is Act.DELETE:
        return Change(n, table, act, row["f_id"], row, None)
    return Change(n, table, act, row["f_id"], None, row)


def test_changes_find_their_topics(place: Place) -> None:
    """By name, id and record; each under its own name, in the order of the log."""

    async def scenario(hub: Hub) -> None:
        every, one = listen(hub, "POSTS/*", "c_posts"), listen(hub, f"posts/{ID}")
        nobody = listen(hub, "posts/other", "nosuch/*", "@oauth2")
        assert hub.wanted()
        hub.on_changes(
            [
                _change(1, f_title="a"),
                _change(2, Act.UPDATE, f_title="b"),
                _change(3, Act.DELETE, f_title="b"),
                _change(4, table="unknown"),
            ]
        )
        await settle(hub)
        actions = [(name, action) for name, action, _ in events(every)]
        assert actions == [
            (name, action)
            for action in ("create", "update", "delete")
            for name in ("POSTS/*", "c_posts")
        ]
        record = {
            "collectionId": "c_posts", "collectionName": "posts", "id": ID, "size": 0, "title": "b",
        }  # fmt: skip
        assert events(one)[-1] == (f"posts/{ID}", "delete", record)
        assert events(nobody) == []

    run_hub(place, scenario)


def test_the_same_view_is_encoded_once(place: Place) -> None:
    """All who see the same share one bytes object; only the first lines are their own."""

    async def scenario(hub: Hub) -> None:
        clients = [listen(hub, "posts/*") for _ in range(3)]
        hub.on_changes([_change(1)])
        await settle(hub)
        assert len({id(client._queue[0][1]) for client in clients}) == 1

    run_hub(place, scenario)


def test_a_rule_at_fault_denies(place: Place) -> None:
    """A stored rule that does not compile tells nobody anything, and harms no other topic."""
    place.store("posts", list_rule="nosuch.field = 1")

    async def scenario(hub: Hub) -> None:
        client = listen(hub, "posts/*", f"posts/{ID}")
        hub.on_changes([_change(1)])
        await settle(hub)
        assert [name for name, _, _ in events(client)] == [f"posts/{ID}"]

    run_hub(place, scenario)


def test_a_rule_that_moves_is_obeyed_between_two_changes(place: Place) -> None:
    """Open streams are judged by the catalog of the moment."""

    async def scenario(hub: Hub) -> None:
        client = listen(hub, "posts/*")
        for number in range(1, 4):
            place.store("posts", list_rule=f"size = {number}")
            hub.on_changes([_change(number * 10 + size, f_size=size) for size in range(1, 4)])
            await settle(hub)
            assert [record["size"] for _, _, record in events(client)] == [number]
        place.store("posts", list_rule=None)
        hub.on_changes([_change(50)])
        await settle(hub)
        assert events(client) == []

    run_hub(place, scenario)


def test_values_of_an_older_schema_still_fit(place: Place) -> None:
    """The log names fields by id: what is unknown is left out, what is missing is empty."""

    async def scenario(hub: Hub) -> None:
        client = listen(hub, "posts/*")
        row: dict[str, Any] = {"f_id": ID, "f_dropped": "x"}
        hub.on_changes([Change(1, "c_posts", Act.CREATE, ID, None, row)])
        await settle(hub)
        (event,) = events(client)
        assert (event[2]["title"], event[2]["size"], "x" in event[2].values()) == ("", 0, False)

    run_hub(place, scenario)


@pytest.mark.parametrize(
    "change",
    [
        Change(1, "c_posts", Act.RESET, None, None, None),
        Change(1, "*", Act.RESET, None, None, None),
        Change(1, "c_posts", Act.DELETE, ID, None, None),
    ],
)
def test_what_cannot_be_told_ends_the_streams_it_concerns(place: Place, change: Change) -> None:
    """A RESET, or a delete of which only the key is known, closes the listeners of the table."""
    place.store("notes")

    async def scenario(hub: Hub) -> None:
        concerned, other = listen(hub, "posts/*"), listen(hub, "notes/*")
        hub.on_changes([change])
        await settle(hub)
        assert concerned.closed
        assert other.closed is (change.table == "*")

    run_hub(place, scenario)


def test_more_changes_than_the_hub_holds_are_told_as_lost(place: Place) -> None:
    """The queue before the judging is bounded as well, and its overflow is never silent."""

    async def scenario(hub: Hub) -> None:
        client = listen(hub, "posts/*")
        hub.on_changes([_change(n) for n in range(REALTIME_CHANGES_WAITING_MAX + 1)])
        assert client._take() == sse.overflow_event(client.id)
        assert client.closed

    run_hub(place, scenario)


def test_without_subscriptions_changes_are_not_kept(place: Place) -> None:
    """The feed is told that nobody listens, and what comes nevertheless is dropped."""

    async def scenario(hub: Hub) -> None:
        client = listen(hub, "posts/*")
        client.abandon()
        assert not hub.wanted()
        assert hub.find(client.id) is None
        assert len(hub) == 0
        hub.on_changes([_change(1)])
        assert hub._delivery.idle

    run_hub(place, scenario)


def test_a_connection_may_end_more_than_once(place: Place) -> None:
    """Its transport and its stream both say so; others who are the same stay who they are."""
    ann = Principal("c_users", "ann", "key", superuser=False)

    async def scenario(hub: Hub) -> None:
        gone, stays = listen(hub, "posts", principal=ann), listen(hub, "posts", principal=ann)
        gone.abandon()
        gone.abandon()
        assert list(hub.all_principals()) == [ann]
        stays.abandon()
        stays.abandon()
        assert list(hub.all_principals()) == []

    run_hub(place, scenario)


def test_draining_closes_everybody_and_refuses_newcomers(place: Place) -> None:
    """After close_all there is no open client and no way to become one."""

    async def scenario(hub: Hub) -> None:
        client = listen(hub, "posts/*")
        assert owner_of(client.id) == OWNER
        hub.close_all()
        assert client.closed
        with pytest.raises(QuillError) as caught:
            hub.connect(IP, MESSAGES, Client)
        assert caught.value.kind is Kind.UNAVAILABLE

    run_hub(place, scenario)


def test_one_that_is_told_as_a_guest_again(place: Place) -> None:
    """Becoming somebody moves every subscription; the end of the identity is told where it can be."""
    place.store("posts", list_rule=None, view_rule="")
    root = place.person("root")

    async def scenario(hub: Hub) -> None:
        client, plain = socket(hub), listen(hub, "posts/*", principal=root)
        subscribe(hub, client, "posts/*", f"posts/{ID}")
        messages(client)
        hub.become(client, root)
        hub.on_changes([_change(1)])
        await settle(hub)
        told = messages(client)
        assert [(one["sub"], one["record"]["note"]) for one in told] == [
            ("posts/*", "secret"),
            (f"posts/{ID}", "secret"),
        ]
        place.revoke("root")
        hub.on_changes([_change(2)])
        await settle(hub)
        told = messages(client)
        assert told[0] == {"type": "auth", "record": None, "reason": "revoked"}
        assert [(one["sub"], "note" in one["record"]) for one in told[1:]] == [
            (f"posts/{ID}", False)
        ]
        assert client.principal is None
        assert [name for name, _, _ in events(plain)] == ["posts/*"]
        assert plain.principal is None
        hub.sign_out(client, "expired")
        assert messages(client) == [{"type": "auth", "record": None, "reason": "expired"}]

    run_hub(place, scenario)


def test_only_those_who_lost_their_identity_are_made_guests(place: Place) -> None:
    """Others of the same rights stay who they are."""
    one, other = place.person("root1"), place.person("root2")

    async def scenario(hub: Hub) -> None:
        clients = [listen(hub, "posts", principal=who) for who in (one, one, other)]
        hub.demote({one})
        assert [client.principal for client in clients] == [None, None, other]

    run_hub(place, scenario)


def test_rules_may_ask_what_a_topic_came_with(place: Place) -> None:
    """Its query and its headers, each topic by its own."""
    place.store("posts", list_rule="title = @request.query.tag || title = @request.headers.x_tag")

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        sent: dict[str, tuple[dict[str, object], dict[str, object]]] = {
            "a": ({"tag": "a"}, {}),
            "b": ({}, {"X-Tag": "b"}),
            "c": ({"tag": "c"}, {"x_tag": "b"}),
            "none": ({}, {}),
        }
        for name, (query, headers) in sent.items():
            subscribe(hub, client, with_options(topic("posts", subscription=name), query, headers))
        messages(client)
        for n, title in enumerate("abcd", 1):
            hub.on_changes([_change(n, f_title=title)])
        await settle(hub)
        told = [(one["record"]["title"], one["sub"]) for one in messages(client)]
        assert told == [("a", "a"), ("b", "b"), ("b", "c"), ("c", "c")]

    run_hub(place, scenario)


def test_what_is_published_reaches_its_topic_in_order(place: Place) -> None:
    """Among the records' changes, as published, under the client's own name for it."""

    async def scenario(hub: Hub) -> None:
        client, plain = socket(hub), listen(hub, "chat/room", "chat")
        subscribe(hub, client, topic("chat/room", subscription="mine"), "posts")
        messages(client)
        hub.on_changes(
            [
                message("chat/room", '{"a": 1}', n=1),
                _change(2),
                message("chat/room/1", n=3),
                message("chat/room", "null", n=4),
            ]
        )
        await settle(hub)
        told = [(one["sub"], one.get("topic"), one.get("data")) for one in messages(client)]
        assert told == [
            ("mine", "chat/room", {"a": 1}),
            ("posts", None, None),
            ("mine", "chat/room", None),
        ]
        raw = plain._take().decode()
        assert raw == "".join(
            f"id:{plain.id}\nevent:chat/room\ndata:{data}\n\n" for data in ('{"a": 1}', "null")
        )

    run_hub(place, scenario)


def test_a_gap_is_told_where_it_can_be(place: Place) -> None:
    """Plain streams end; resumable streams and sockets are told, and go on."""

    async def scenario(hub: Hub) -> None:
        plain, resumable, client = stream(hub), stream(hub, RESUMABLE_STREAM), socket(hub)
        for one in (plain, resumable, client):
            subscribe(hub, one, "posts/*", "chat")
        messages(client)
        place.words.head = 2
        hub.on_changes([Change(1, "c_posts", Act.RESET, None, None, None), _change(2)])
        await settle(hub)
        assert [one.closed for one in (plain, resumable, client)] == [True, False, False]
        assert [(name, action) for name, action, _ in events(resumable)] == [
            ("QUILL_RESYNC", None),
            ("posts/*", "create"),
        ]
        assert [(one["type"], one["sub"]) for one in messages(client)] == [
            ("resync", "posts/*"),
            ("create", "posts/*"),
        ]

    run_hub(place, scenario)


def test_a_replaced_subscription_begins_anew(place: Place) -> None:
    """Under the same name, with other options; the old one is not heard any more."""

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        subscribe(hub, client, topic("posts", subscription="x"))
        place.words.head = 2
        subscribe(hub, client, topic("chat", subscription="x"))
        assert hub.subscriptions == 1
        messages(client)
        hub.on_changes([_change(1), message("chat", n=2)])
        await settle(hub)
        assert messages(client) == []  # it began after both
        place.words.head = 4
        hub.on_changes([_change(3), message("chat", n=4)])
        await settle(hub)
        assert [(one["type"], one["sub"]) for one in messages(client)] == [("message", "x")]

    run_hub(place, scenario)


def test_positions_are_told_when_all_before_them_has_been(place: Place) -> None:
    """What waits to be judged holds them back; what nobody handed over does not."""

    async def scenario(hub: Hub) -> None:
        client = listen(hub, "posts/*")
        place.words.head = 9
        assert hub.told_upto() == 9
        hub.on_changes([_change(7), _change(8)])
        assert hub.told_upto() == 6
        await settle(hub)
        assert hub.told_upto() == 9
        assert client.waiting == 2

    run_hub(place, scenario)
