"""Exchanges over a small real database, without any process: who comes, who is ended, what is lost.

Also tests `worker.apis.events.exchange`, `worker.apis.events.sight`, `worker.apis.events.topic`,
`worker.apis.events.view`, `worker.realtime.exchange`, `worker.realtime.census`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from shared.config.config import Config, write_config
from shared.config.record_api import Permission, RecordApi
from shared.depot.layout import MAIN
from shared.errors import Kind, QuillError
from shared.messages.changes import Act, Change
from tests.waiting import until_async
from tests.worker.realtime.place import OWNER, Place
from worker.apis.catalog import ApiCatalog
from worker.apis.events.exchange import ApiExchange
from worker.apis.events.exchanges import ApiExchanges
from worker.apis.events.topic import ApiTopic, api_topic
from worker.engine.others import Other
from worker.engine.reader import Reader
from worker.realtime.census import Census
from worker.realtime.clients.stream_client import StreamClient
from worker.records.plans import PlanCache
from worker.wire.trailbase.events import STREAM, EventClient

QUICKLY = 0.01
RULE = "_ROW_.n > 0"
THING = RecordApi(
    name="thing",
    table_name="thing",
    acl_world=(Permission.READ,),
    enable_subscriptions=True,
    read_access_rule=RULE,
    excluded_columns=("secret",),
)
Scenario = Callable[[ApiExchange], Awaitable[None]]


class World:
    """A place with one table, its API, and the exchanges of a worker."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder)
        self.place.database.connection.execute(
            "CREATE TABLE thing (id INTEGER PRIMARY KEY, n INTEGER, x REAL, secret TEXT) STRICT"
        )
        self.serve(THING)
        path, words = folder / "main.db", self.place.words
        self.apis = ApiCatalog(Reader(path, words, strict_like=True), lambda: b"secret")
        self.census = Census()
        self.exchanges = ApiExchanges(
            OWNER,
            self.apis,
            PlanCache(),
            self.census,
            Other(MAIN, path, words),
            f"ipc://{folder}/changes.ipc",
        )

    def serve(self, *apis: RecordApi) -> None:
        """Settings with these APIs."""
        config = write_config(Config(record_apis=apis))
        self.place.database.connection.execute(
            "INSERT OR REPLACE INTO _settings (name, value) VALUES ('config', ?)", (config,)
        )
        self.place.store("posts")  # moves the catalog's version

    def run(self, scenario: Scenario) -> None:
        """Run a scenario, and end everything."""

        async def main() -> None:
            await self.apis.current()
            try:
                await scenario(self.exchanges.of(MAIN))
            finally:
                self.exchanges.close_all()
                self.exchanges.stop()

        asyncio.run(main())
        self.apis.close()
        self.place.close()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """One that looks at the clock often."""
    monkeypatch.setattr("worker.realtime.exchange.REALTIME_SWEEP_SECONDS", QUICKLY)
    return World(tmp_path)


def listen(exchange: ApiExchange, topic: ApiTopic | None = None) -> EventClient:
    """A client that has taken its first comment."""
    client = exchange.connect("127.0.0.1", STREAM, EventClient)
    exchange.subscribe(client, [topic or api_topic("thing", None, None)])
    assert client._take() == b": ping\n\n"
    return client


async def told(client: StreamClient) -> dict[str, Any]:
    """The next event that waits, or will."""
    await until_async(lambda: client.waiting > 0)
    event: dict[str, Any] = orjson.loads(client._take().removeprefix(b"data: "))
    return event


def change(act: Act = Act.CREATE, key: int = 1, **values: Any) -> Change:
    row = {"id": key, "n": 1, "x": 0.5, "secret": "seen", **values}
    if act is Act.DELETE:
        return Change(0, "thing", act, key, row, None)
    return Change(0, "thing", act, key, {"n": 0} if act is Act.UPDATE else None, row)


RESET = Change(0, "thing", Act.RESET, None, None, None)
RECORD = {"id": 1, "n": 1, "x": 0.5}


def test_changes_are_told_in_order(world: World) -> None:
    """As far as the rule lets them be seen, and numbered by what a client is told."""

    async def scenario(exchange: ApiExchange) -> None:
        client, one = listen(exchange), listen(exchange, api_topic("thing", 2, None))
        world.place.commit(change(), change(n=0, key=2), change(Act.DELETE, x=None))
        assert await told(client) == {"Insert": RECORD, "seq": 1}
        assert await told(client) == {"Delete": {**RECORD, "x": None}, "seq": 2}
        assert (await told(one))["Error"]["status"] == 1
        assert one.closed
        assert not client.closed
        assert len(exchange) == 2

    world.run(scenario)


def test_a_row_that_was_too_large_is_read(world: World) -> None:
    """As it is stored by now; one that is gone by then is told by nobody."""

    async def scenario(exchange: ApiExchange) -> None:
        client = listen(exchange)
        world.place.commit(change(key=9), change(Act.UPDATE), key_only=True)
        world.place.database.connection.execute("DELETE FROM thing WHERE id = 9")
        assert await told(client) == {"Update": RECORD, "seq": 1}

    world.run(scenario)


def test_what_cannot_be_told_is_an_error(world: World) -> None:
    """A reset is a loss, a record without JSON is itself told as an error; the stream goes on."""

    async def scenario(exchange: ApiExchange) -> None:
        client = listen(exchange)
        world.place.commit(RESET, change(x=float("inf")), change(x=float("inf"), n=0), change())
        assert (await told(client))["Error"]["status"] == 2
        assert (await told(client))["Error"]["status"] == 3
        assert await told(client) == {"Insert": RECORD, "seq": 3}

    world.run(scenario)


def test_many_filters_cost_nobody_a_deletion(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compiled is bounded, but the rows of changes are those of the log all the same."""
    monkeypatch.setattr("worker.apis.events.sight.REALTIME_VIEWS_PER_WORKER", 1)
    world.place.database.connection.execute("CREATE TABLE other (id INTEGER PRIMARY KEY) STRICT")
    world.serve(
        THING,
        msgspec.structs.replace(
            THING, name="other", table_name="other", read_access_rule="", excluded_columns=()
        ),
    )

    async def scenario(exchange: ApiExchange) -> None:
        client = listen(exchange)
        for key in (None, 1, 2):
            listen(exchange, api_topic("other", key, None))
        world.place.commit(change(Act.DELETE))
        assert await told(client) == {"Delete": RECORD, "seq": 1}

    world.run(scenario)


def test_a_slow_client_is_told_and_ended(world: World) -> None:
    """The last thing that it hears is that it has lost events."""

    async def scenario(exchange: ApiExchange) -> None:
        client = listen(exchange)
        for key in range(5):
            world.place.commit(*[change(key=key * 300 + one) for one in range(300)])
        await until_async(lambda: client.closed)
        assert (await told(client))["Error"]["status"] == 2
        assert client.waiting == 0

    world.run(scenario)


def test_an_expired_token_ends_a_stream(world: World) -> None:
    """With one error."""
    root = world.place.person("root")

    async def scenario(exchange: ApiExchange) -> None:
        client, other = listen(exchange), listen(exchange)
        exchange.become(client, root)
        client.expires = time.time() + QUICKLY
        assert (await told(client))["Error"]["status"] == 1
        assert client.closed
        assert not other.closed

    world.run(scenario)


@pytest.mark.parametrize(
    "apis", [(), (msgspec.structs.replace(THING, enable_subscriptions=False),)], ids=["gone", "off"]
)
def test_an_api_that_is_closed_ends_its_streams(world: World, apis: tuple[RecordApi, ...]) -> None:
    """Though nothing is written."""

    async def scenario(exchange: ApiExchange) -> None:
        client = listen(exchange)
        world.serve(*apis)
        assert (await told(client))["Error"]["status"] == 1
        assert client.closed

    world.run(scenario)


def test_no_event_is_judged_by_a_former_rule(world: World) -> None:
    """The settings have moved when the change is committed."""

    async def scenario(exchange: ApiExchange) -> None:
        client = listen(exchange)
        world.serve(msgspec.structs.replace(THING, read_access_rule="_ROW_.n > 1"))
        world.place.commit(change(), change(n=2, key=2))
        assert (await told(client))["Insert"]["n"] == 2

    world.run(scenario)


def test_a_rule_that_fails_denies(world: World) -> None:
    """That event only."""
    world.serve(msgspec.structs.replace(THING, read_access_rule="json(_ROW_.secret) IS NOT NULL"))

    async def scenario(exchange: ApiExchange) -> None:
        client = listen(exchange)
        world.place.commit(change(), change(secret="{}"))
        assert await told(client) == {"Insert": RECORD, "seq": 1}

    world.run(scenario)


def test_nobody_left_ends_an_exchange(world: World) -> None:
    """And the next client begins another; together they are bounded like one."""

    async def scenario(exchange: ApiExchange) -> None:
        client = listen(exchange)
        assert (world.census.clients, world.census.subscriptions) == (1, 1)
        client.abandon()
        await until_async(lambda: len(world.exchanges) == 0)
        again = world.exchanges.of(MAIN)
        assert again is not exchange
        client = listen(again)
        world.place.commit(change())
        assert await told(client) == {"Insert": RECORD, "seq": 1}
        assert world.census.clients == 1

    world.run(scenario)


def test_a_worker_that_drains_takes_nobody(world: World) -> None:
    """Streams end without an error, and none begins."""

    async def scenario(exchange: ApiExchange) -> None:
        client = listen(exchange)
        world.exchanges.close_all()
        assert client.closed
        assert client.waiting == 0
        with pytest.raises(QuillError) as refused:
            listen(exchange)
        assert refused.value.kind is Kind.UNAVAILABLE

    world.run(scenario)
