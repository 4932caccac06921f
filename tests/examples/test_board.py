"""The board example in a browser: tabs on different workers agree, also when a worker is killed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise

import httpx
import pytest
from playwright.sync_api import Browser

from tests.cluster_process import ClusterProcess
from tests.examples.board_page import CHANGES, Tab, browser, served
from tests.waiting import until

_RECORDS = "/api/collections/cards/records"
_COLUMNS = ("todo", "doing", "done")
_MADE = 300


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of the module."""
    with browser() as running:
        yield running


def _two_tabs(stack: ExitStack, chromium: Browser, cluster: ClusterProcess) -> tuple[Tab, Tab, str]:
    """A tab on each worker, and the address of the board."""
    address = stack.enter_context(served(cluster))
    context = stack.enter_context(chromium.new_context())
    one, two = Tab(context, address), Tab(context, address)
    two.reload_until_on(1 - one.slot)
    return one, two, address


def test_tabs_on_two_workers_show_the_same(chromium: Browser, cluster: ClusterProcess) -> None:
    """A card that is made, moved, edited, dragged and deleted in one tab is so in the other."""
    with ExitStack() as stack:
        one, two, _ = _two_tabs(stack, chromium, cluster)
        one.add("todo", "write")
        one.add("todo", "read")
        two.shows("todo", "write", "read")
        two.press("write", "right")
        one.shows("todo", "read")
        one.shows("doing", "write")
        one.retitle("write", "write more")
        two.shows("doing", "write more")
        two.drag("read", onto="#doing li")
        one.shows("doing", "read", "write more")
        one.press("write more", "delete")
        two.shows("doing", "read")
        one.press("read", "delete")
        two.shows("doing")
        one.shows("doing")
        assert [told.type for told in one.told(*CHANGES)] == [
            "create", "create", "update", "update", "update", "delete", "delete",
        ]  # fmt: skip
        assert one.told(*CHANGES) == two.told(*CHANGES)
        assert one.faults == two.faults == []


def test_a_filtered_tab_sees_cards_leave(chromium: Browser, cluster: ClusterProcess) -> None:
    """A card that stops matching is taken away without being deleted, and may come back."""
    with ExitStack() as stack:
        one, two, address = _two_tabs(stack, chromium, cluster)
        bugs = Tab(stack.enter_context(chromium.new_context()), f"{address}&filter=bug")
        for title in ("a bug", "an idea"):
            one.add("todo", title)
        two.shows("todo", "a bug", "an idea")
        one.label("a bug", "bug")
        bugs.shows("todo", "a bug")
        two.label("a bug", "chore")
        bugs.shows("todo")
        one.label("a bug", "bug")
        bugs.shows("todo", "a bug")
        one.press("a bug", "delete")
        bugs.shows("todo")
        two.shows("todo", "an idea")
        two.press("an idea", "delete")
        one.shows("todo")
        two.shows("todo")
        types = [told.type for told in bugs.told(*CHANGES, "leave")]
        assert types == ["update", "leave", "update", "delete"]
        assert two.told("leave") == []
        assert len(two.told("create")) == 2
        assert one.faults == two.faults == bugs.faults == []


class Maker(threading.Thread):
    """Makes, moves and deletes cards by REST, again and again where a killed worker cut it off."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.made = 0
        self.cut_off = 0
        self.failure = ""
        self._client = httpx.Client(base_url=url, timeout=30)

    def run(self) -> None:
        """Make all of them."""
        with self._client:
            try:
                for number in range(_MADE):
                    self._one(number)
            except AssertionError as error:
                self.failure = str(error)

    def wait(self, count: int) -> None:
        """Until as many are made."""
        until(lambda: self.made >= count or self.failure, seconds=60, what=f"{count} cards")

    def _one(self, number: int) -> None:
        # An id of one's own makes a repeated create harmless: it says that the card is there.
        card = f"card{number:011d}"
        body = {"id": card, "title": f"card {number}", "column": "todo", "rank": number % 7}
        self._send("POST", _RECORDS, body, also=400)
        if number % 3 == 0:
            self._send("PATCH", f"{_RECORDS}/{card}", {"column": _COLUMNS[number % 2 + 1]})
        if number % 5 == 0:
            self._send("DELETE", f"{_RECORDS}/{card}", also=404)
        self.made += 1

    def _send(self, method: str, path: str, body: object = None, also: int = 0) -> None:
        """Until there is an answer; `also`: what it says when it was done before."""
        allowed = {200, 204}
        while True:
            try:
                status = self._client.request(method, path, json=body).status_code
            except httpx.TransportError:
                self.cut_off += 1
                allowed.add(also)
                continue
            assert status in allowed, f"{method} {path}: {status}"
            return


def _stored(cluster: ClusterProcess, column: str) -> list[str]:
    """Ids of a column in the board's order, as a fresh request finds them."""
    query = f"?perPage=1000&sort=rank,id&filter=column='{column}'&fields=id"
    with cluster.client(superuser=False) as client:
        return [item["id"] for item in client.get(_RECORDS + query).json()["items"]]


def test_tabs_miss_and_repeat_nothing_when_their_workers_are_killed(
    chromium: Browser, own_cluster: ClusterProcess
) -> None:
    """Both workers are killed in turn while cards are made: without a reload each tab is right."""
    with ExitStack() as stack:
        one, two, _ = _two_tabs(stack, chromium, own_cluster)
        tabs = (one, two)
        for tab in tabs:
            tab.page.evaluate("window.neverReloaded = true")
        maker = Maker(own_cluster.url)
        maker.start()
        for share, tab in ((3, one), (2, two)):
            maker.wait(_MADE // share)
            _kill_and_wait(own_cluster, tab)
        maker.join(90)
        assert not maker.is_alive()
        assert not maker.failure
        for column in _COLUMNS:
            stored = _stored(own_cluster, column)
            assert stored
            for tab in tabs:
                tab.holds(column, stored)
        _told_exactly_once(one, two)
        for tab in tabs:
            assert tab.page.evaluate("window.neverReloaded") is True
            assert tab.faults == []
            said = [message["type"] for message in tab.messages()]
            assert said.count("connected") >= 2, "it lost its connection"
            assert said.count("snapshot") == 1, "it resumed and did not read again"
            assert "resync" not in said


def _kill_and_wait(cluster: ClusterProcess, tab: Tab) -> None:
    """SIGKILL the worker that a tab is connected to; the tab is live again on any worker."""
    name = f"worker {tab.slot}"
    connections = _connections(tab)
    killed = cluster.kill(name)
    until(lambda: _connections(tab) > connections, seconds=30, what="another connection")
    tab.live()
    until(lambda: cluster.children().get(name, killed) != killed, what=f"{name} is back")
    until(cluster.ready, what="ready again")


def _connections(tab: Tab) -> int:
    return sum(message["type"] == "connected" for message in tab.messages())


def _told_exactly_once(one: Tab, two: Tab) -> None:
    """Each change once, in the order of the log, and the same in both tabs."""
    told = one.told(*CHANGES)
    assert told == two.told(*CHANGES)
    assert all(earlier.number < later.number for earlier, later in pairwise(told))
    kinds = [each.type for each in told]
    assert kinds.count("create") == len({each.id for each in told}) == _MADE
    assert kinds.count("delete") == _MADE // 5
