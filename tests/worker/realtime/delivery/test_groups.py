"""Finds the groups that a change may concern, and no others where it can tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.messages.changes import Act, Change
from shared.sql.predicate import Shape
from tests.worker.realtime.listening import IP
from tests.worker.realtime.place import ID, collection, created, deleted, updated
from worker.realtime.clients.client import Admission, Client
from worker.realtime.clients.encoders import EVENT_STREAM
from worker.realtime.clients.subscription import Subscription
from worker.realtime.delivery.groups import Group, TargetGroups
from worker.realtime.principal import Principal
from worker.realtime.topics.text import read_topic
from worker.realtime.topics.topic import NO_SOURCE
from worker.realtime.views.view import View, ViewKey
from worker.realtime.views.viewpoint import Viewpoint

PLAIN = View(collection("posts"), "", "", Shape(""), None)
ROUTED = replace(PLAIN, route="f_title")
OTHER = replace(PLAIN, route="f_note")
PEOPLE = ("", "ann", "bob", "eve")


def _point(name: str = "", text: str = "", *, superuser: bool = False) -> Viewpoint:
    key = ViewKey("c_posts", False, text, "", "", superuser)
    principal = Principal("c_users", name, "key", superuser) if name else None
    return Viewpoint(key, principal, NO_SOURCE, leave=False)


def _listener() -> Subscription:
    client = Client(Admission("0" * 40, IP, EVENT_STREAM, "", lambda _client: None))
    return Subscription(client, read_topic("posts"))


def _put(at_target: TargetGroups, point: Viewpoint, view: View) -> tuple[Group, Subscription]:
    group, listener = at_target.group(point, view), _listener()
    group.members[listener] = None
    return group, listener


def _names(at_target: TargetGroups, change: Change) -> set[str]:
    found = [group.viewpoint.principal for group in at_target.groups(change)]
    assert len(found) == len(set(found))
    return {principal.record_id if principal else "" for principal in found}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (created(title="ann"), {"ann"}),
        (created(title="nobody"), set()),
        (created(title=""), {""}),
        (created(title=None), {""}),
        (deleted(title="bob"), {"bob"}),
        (updated(before={"title": "ann"}, title="bob"), {"ann", "bob"}),
        (updated(before={"size": 1}, title="bob"), {"bob"}),
        (updated(before={"title": None}, title="bob"), {"", "bob"}),
        (Change(1, "c_posts", Act.UPDATE, ID, None, None), set(PEOPLE)),
        (Change(1, "c_posts", Act.CREATE, ID, None, None), set(PEOPLE)),
        (created(title=7), set(PEOPLE)),
    ],
)
def test_a_change_finds_those_that_it_names(change: Change, expected: set[str]) -> None:
    """NULL names guests as "" does; where the value is unknown, all are found."""
    at_target = TargetGroups()
    for name in PEOPLE:
        _put(at_target, _point(name), ROUTED)
    assert _names(at_target, change) == expected


def test_who_is_not_routed_is_always_found() -> None:
    """Views without a route, and superusers, whose rule nobody asks; each route by its own field."""
    at_target = TargetGroups()
    _put(at_target, _point("", "plain"), PLAIN)
    _put(at_target, _point("root", superuser=True), ROUTED)
    _put(at_target, _point("ann", "a"), ROUTED)
    _put(at_target, _point("bob", "b"), OTHER)
    assert _names(at_target, created(title="x", note="y")) == {"", "root"}
    assert _names(at_target, created(title="ann", note="y")) == {"", "root", "ann"}
    assert _names(at_target, created(title="ann", note="bob")) == {"", "root", "ann", "bob"}


def test_the_same_viewpoint_is_one_group() -> None:
    """People of two collections with one id are two, and both are found."""
    at_target = TargetGroups()
    group, _ = _put(at_target, _point("ann"), ROUTED)
    assert at_target.group(_point("ann"), ROUTED) is group
    twin = _point("ann")._replace(principal=Principal("c_admins", "ann", "key", superuser=False))
    other, _ = _put(at_target, twin, ROUTED)
    assert other is not group
    assert list(at_target.groups(created(title="ann"))) == [group, other]
    assert list(at_target.every_group()) == [group, other]


def test_nothing_is_left_behind() -> None:
    """One from which all were taken is empty; one that is not there is no error."""
    at_target = TargetGroups()
    made = [
        (point, _put(at_target, point, view)[1])
        for view in (PLAIN, ROUTED, OTHER)
        for point in (_point("ann", view.route or ""), _point("", view.route or ""))
    ]
    for point, listener in made:
        at_target.remove(point, _listener())
        assert listener in [one for group in at_target.every_group() for one in group.members]
        at_target.remove(point, listener)
        at_target.remove(point, listener)
    assert at_target.empty
    assert list(at_target.every_group()) == []
