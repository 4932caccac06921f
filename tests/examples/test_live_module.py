"""`live.js`, the client to copy, in a browser: what the board itself does not use of it, too."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from shared.limits import CHANGE_ROW_BYTES_MAX, CLIENT_CHUNK_BYTES, SNAPSHOT_RECORDS_MAX
from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.examples.board_page import browser, served
from tests.waiting import until

_TITLE_CHARS = 6_000
_BATCH = 50
_FIELDS: list[dict[str, Any]] = [{"name": "title", "type": "text", "max": 2 * CHANGE_ROW_BYTES_MAX}]
_START = """async ([api, token]) => {
  const { Live } = await import("./live.js");
  const [heard, states] = [[], []];
  const live = new Live(api, {
    token, onState: (state) => states.push(state),
    onAuth: (message) => heard.push(["auth", message.record?.collectionName ?? message.status ?? null]),
  });
  const shown = (value) => value?.map?.(({ title }) => title) ?? value?.title ?? value?.status ?? value?.reason ?? value;
  const names = ["snapshot", "create", "update", "delete", "leave", "message", "resync", "error"];
  const handlers = (name) => Object.fromEntries(
    names.map((type) => [type, (value) => heard.push([name, type, shown(value)])]));
  const subscriptions = {};
  const listen = (name, topic, options) => {
    const { snapshot, ...others } = handlers(name);
    subscriptions[name] = live.subscribe(topic, topic.includes("/") ? others : { snapshot, ...others }, options);
  };
  globalThis.it = { live, heard, states, listen, subscriptions };
}"""


class Module:
    """One `Live` in a page; everything it says is in `heard`, as [subscription, type, value]."""

    def __init__(self, page: Page, cluster: ClusterProcess) -> None:
        self.page = page
        self.cluster = cluster

    def start(self, token: str = "") -> None:
        """Connect."""
        self.page.evaluate(_START, [self.cluster.url, token])

    def listen(self, name: str, topic: str, **options: object) -> None:
        """Subscribe, and wait until all subscriptions are live."""
        self.page.evaluate("([n, t, o]) => it.listen(n, t, o)", [name, topic, options])
        until(lambda: self.page.evaluate("it.live.state") == "live", what="live")

    def heard(self) -> list[list[Any]]:
        """All so far."""
        found: list[list[Any]] = self.page.evaluate("it.heard")
        return found

    def hears(self, *wanted: list[Any]) -> None:
        """Wait until these, and no others, were heard in this order."""
        until(lambda: len(self.heard()) >= len(wanted), seconds=30, what=f"{wanted}")
        assert self.heard() == list(wanted)

    def publish(self, topic: str, data: object) -> None:
        """On the command line."""
        subprocess.run(
            [QUILLBASE, "publish", topic, json.dumps(data), "--depot", str(self.cluster.depot)],
            check=True,
            capture_output=True,
            timeout=60,
        )


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """One tab of one browser."""
    with browser() as running:
        yield running.new_page()


@pytest.fixture
def module(page: Page, own_cluster: ClusterProcess) -> Iterator[Module]:
    """A cluster with `posts`, and a page that may import the module."""
    own_cluster.collection("posts", _FIELDS)
    with served(own_cluster) as address:
        page.goto(address)
        yield Module(page, own_cluster)
        page.goto("about:blank")


def _create(cluster: ClusterProcess, collection: str, *titles: str) -> list[str]:
    with cluster.client() as client:
        path = f"/api/collections/{collection}/records"
        return [client.post(path, json={"title": title}).json()["id"] for title in titles]


def test_a_topic_of_ones_own_goes_on_after_a_kill(module: Module) -> None:
    """What was published while the connection was down is told, in order and once."""
    module.start()
    module.listen("news", "news/today")
    module.publish("news/today", "one")
    module.hears(["news", "message", "one"])
    slot = int(module.page.evaluate("it.live.client.slice(0, 4)"), 16)
    module.page.evaluate("it.states.length = 0")
    module.cluster.kill(f"worker {slot}")
    module.publish("news/today", {"two": 2})
    module.publish("news/yesterday", "not this")
    module.publish("news/today", None)
    messages = ("one", {"two": 2}, None)
    module.hears(*(["news", "message", message] for message in messages))
    assert module.page.evaluate("it.states")[0] == "offline"


def test_a_login_opens_what_a_guest_may_not_see(module: Module) -> None:
    """A refused token is told and changes nothing; a good one does, also after a reconnection."""
    module.cluster.collection("diary", _FIELDS, listRule="@request.auth.id != ''")
    module.start()
    module.listen("diary", "diary")
    _create(module.cluster, "diary", "not for guests")
    module.page.evaluate("it.live.login('nonsense')")
    module.hears(["diary", "snapshot", []], ["auth", 401])
    module.page.evaluate("token => it.live.login(token)", module.cluster.superuser_token())
    module.hears(["diary", "snapshot", []], ["auth", 401], ["auth", "_superusers"])
    _create(module.cluster, "diary", "for users")
    until(lambda: ["diary", "create", "for users"] in module.heard(), what="heard by a user")
    assert len(module.heard()) == 4


def test_a_refused_subscription_harms_no_other(module: Module) -> None:
    """Its `error` handler is called with the status; what is closed stays silent."""
    module.start()
    module.listen("bad", "posts", filter="title = ")
    module.listen("good", "posts")
    module.listen("closed", "posts")
    module.page.evaluate("it.subscriptions.closed.close()")
    _create(module.cluster, "posts", "one")
    module.hears(
        ["bad", "error", 400],
        ["good", "snapshot", []],
        ["closed", "snapshot", []],
        ["good", "create", "one"],
    )
    module.page.evaluate("it.live.close()")
    assert module.page.evaluate("it.live.state") == "closed"


def test_the_list_is_read_again_when_events_may_be_missing(module: Module) -> None:
    """A `resync` brings a new snapshot, and the subscription goes on from there."""
    large = "x" * (CHANGE_ROW_BYTES_MAX + 1)  # more than the log keeps of a deleted record
    (gone,) = _create(module.cluster, "posts", large)
    _create(module.cluster, "posts", "one")
    module.start()
    module.listen("posts", "posts", fields="title")
    with module.cluster.client() as client:
        assert client.delete(f"/api/collections/posts/records/{gone}").status_code == 204
    until(lambda: ["posts", "snapshot", ["one"]] in module.heard(), what="the list without it")
    _create(module.cluster, "posts", "two")
    until(lambda: module.heard()[-1] == ["posts", "create", "two"], what="two")
    assert [told[1] for told in module.heard()] == ["snapshot", "snapshot", "create"]


def test_a_list_too_long_for_a_snapshot_is_said_to_be(module: Module) -> None:
    """`resync` is called, once, and the subscription is live: the list is read by REST then."""
    module.cluster.collection("rows", [])
    with module.cluster.client() as client:
        for _ in range(0, SNAPSHOT_RECORDS_MAX + 1, _BATCH):
            create = {"method": "POST", "url": "/api/collections/rows/records", "body": {}}
            reply = client.post("/api/batch", json={"requests": [create] * _BATCH})
            assert reply.status_code == 200, reply.text
    module.start()
    module.listen("rows", "rows")
    module.hears(["rows", "resync", "large"])
    with module.cluster.client() as client:
        made = client.post("/api/collections/rows/records", json={"id": "onemorerecordxx"})
        assert made.status_code == 200, made.text
    until(lambda: len(module.heard()) == 2, what="the new one")
    assert module.heard()[1][:2] == ["rows", "create"]


def test_a_long_list_arrives_whole(module: Module) -> None:
    """A snapshot of several pages is handed over as one list, each record once."""
    titles = [f"{number}".zfill(_TITLE_CHARS) for number in range(100)]
    assert len(titles) * _TITLE_CHARS > 2 * CLIENT_CHUNK_BYTES, "the list takes three pages"
    _create(module.cluster, "posts", *titles)
    module.start()
    module.listen("posts", "posts")
    (told,) = module.heard()
    assert told[:2] == ["posts", "snapshot"]
    assert sorted(told[2]) == titles


def test_a_stopped_server_is_waited_for(module: Module) -> None:
    """The whole cluster ends and starts again on its port: the page goes on where it was."""
    _create(module.cluster, "posts", "one")
    module.start()
    module.listen("posts", "posts")
    port, depot = module.cluster.port, module.cluster.depot
    module.cluster.stop()
    until(lambda: module.page.evaluate("it.live.state") == "offline", what="offline")
    with ClusterProcess(depot, port=port) as again:
        _create(again, "posts", "two")
        module.hears(["posts", "snapshot", ["one"]], ["posts", "create", "two"])
