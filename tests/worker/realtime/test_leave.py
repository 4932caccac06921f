"""Leaves: a listener that wants to know is told when a record does not pass any more."""

from __future__ import annotations

from typing import Any

import pytest

from shared.messages.changes import Change
from shared.sql.plan import Value
from tests.worker.realtime.listening import (
    events,
    listen,
    messages,
    settle,
    socket,
    subscribe,
    topic,
)
from tests.worker.realtime.place import ID, Place, created, deleted, run_hub, updated
from worker.realtime.hub import Hub
from worker.realtime.topics.text import with_options

OUT = updated(before={"size": 1}, size=2)
IN = updated(before={"size": 2}, size=1)


def _told(
    place: Place,
    *changes: Change,
    text: str = "size = 1",
    who: str = "",
    leave: bool = True,
    path: str = "posts",
    key_only: bool = False,
) -> list[tuple[str, str]]:
    """Type and id of what a listener is told, live; and from a position, which is the same."""
    principal = place.person(who) if who else None
    wanted = with_options(topic(path, leave=leave), {"filter": text}, {})
    told: list[list[dict[str, Any]]] = []

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        subscribe(hub, client, wanted, principal=principal)
        since = place.position
        place.commit(*changes, key_only=key_only)
        page = [
            Change(n, one.table, one.act, one.key, None, None)
            if key_only
            else Change(n, one.table, one.act, one.key, one.old, one.new)
            for n, one in enumerate(changes, since.n + 1)
        ]
        hub.on_changes(page)
        await settle(hub)
        late = socket(hub)
        subscribe(hub, late, wanted, principal=principal, since=since)
        await settle(hub)
        for one in (client, late):
            heard = messages(one)
            told.append([message for message in heard if message["type"] != "live"])

    run_hub(place, scenario)
    assert told[0] == told[1]
    return [
        (one["type"], one["id"] if one["type"] == "leave" else one["record"]["id"])
        for one in told[0]
    ]


def test_an_update_that_ends_what_passed_is_a_leave(place: Place) -> None:
    """With the id alone; one that did not pass before either is nothing, coming in is an update."""
    assert _told(place, OUT) == [("leave", ID)]
    assert _told(place, IN) == [("update", ID)]
    assert _told(place, updated(before={"size": 3}, size=2)) == []
    assert _told(place, updated(before={"title": "a"}, size=1)) == [("update", ID)]
    assert _told(place, updated(before={"title": "a"}, size=2)) == []
    assert _told(place, OUT, path=f"posts/{ID}") == [("leave", ID)]
    assert _told(place, OUT, path="posts/other") == []


def test_only_updates_leave(place: Place) -> None:
    """What is deleted is told as deleted, where it passed."""
    assert _told(place, created(size=2), deleted(size=2)) == []
    assert _told(place, created(size=1), deleted(size=1)) == [("create", ID), ("delete", ID)]


def test_who_does_not_ask_is_not_told(place: Place) -> None:
    """A silent end, as old clients know it."""
    assert _told(place, OUT, leave=False) == []


def test_a_stream_of_events_knows_no_leaves(place: Place) -> None:
    """Its dialect cannot ask for them."""

    async def scenario(hub: Hub) -> None:
        client = listen(hub, "posts?leave=true")
        place.store("posts", list_rule="size = 1")
        hub.on_changes([updated(n=1, before={"size": 1}, size=2)])
        await settle(hub)
        assert events(client) == []

    run_hub(place, scenario)


@pytest.mark.parametrize("rule", ["size = 1", "note = 'open'", "title = @request.auth.id"])
def test_rules_are_left_as_filters_are(place: Place, rule: str) -> None:
    """Also by a hidden field that nobody is shown, and by one that named the listener."""
    place.store("posts", list_rule=rule)
    before: dict[str, Value] = {"size": 1, "note": "open", "title": "ann"}
    change = updated(before=before, size=2, note="shut", title="bob")
    assert _told(place, change, text="", who="ann") == [("leave", ID)]


def test_who_never_saw_a_record_is_not_told_its_id(place: Place) -> None:
    """A record that goes from one person to another leaves the one and comes to the other."""
    place.store("posts", list_rule="title = @request.auth.id")
    change = updated(before={"title": "ann"}, title="bob")
    assert _told(place, change, text="", who="ann") == [("leave", ID)]
    assert _told(place, change, text="", who="bob") == [("update", ID)]
    assert _told(place, change, text="", who="eve") == []
    assert _told(place, change, text="") == []


def test_what_only_its_key_is_known_of_tells_no_leave(place: Place) -> None:
    """Whether it passed before is not known, and its id may be nobody's business."""
    place.make_table("posts")
    place.commit(created(size=1))
    assert _told(place, OUT, key_only=True) == []
    assert _told(place, IN, key_only=True) == [("update", ID)]
