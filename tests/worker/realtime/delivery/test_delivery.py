"""What an event shows, and to whom: rules, hidden fields, deletes, identities, kills."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.cluster_process import EMAIL, PASSWORD, ClusterProcess, upsert_superuser
from tests.sse import Closed, Connection, Event, EventStream

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "open", "type": "bool"},
    {"name": "count", "type": "number"},
    {"name": "data", "type": "json"},
    {"name": "note", "type": "text", "hidden": True},
]


class Desk:
    """A collection of its own, a connection to write with, and streams that are closed at the end."""

    def __init__(self, cluster: ClusterProcess, name: str, connection: Connection) -> None:
        self.cluster = cluster
        self.name = name
        self.token = cluster.superuser_token()
        self.streams: list[EventStream] = []
        self._connection = connection

    async def request(self, method: str, path: str, body: object = None) -> Any:
        """A superuser's request about the collection, which must succeed."""
        status, answer = await self._connection.request(
            method, f"/api/collections/{path}", body, token=self.token
        )
        assert status in (200, 204), answer
        return answer

    async def create(self, **values: Any) -> Any:
        """Create a record."""
        return await self.request("POST", f"{self.name}/records", values)

    async def update(self, record: Any, **values: Any) -> Any:
        """Change a record."""
        return await self.request("PATCH", f"{self.name}/records/{record['id']}", values)

    async def delete(self, record: Any) -> None:
        """Delete a record."""
        await self.request("DELETE", f"{self.name}/records/{record['id']}")

    async def listen(self, *topics: str, token: str = "") -> EventStream:
        """A stream that has subscribed."""
        stream = await EventStream.open(self.cluster.port)
        self.streams.append(stream)
        assert await stream.subscribe(*topics, token=token) == 204
        return stream


@asynccontextmanager
async def _desk(cluster: ClusterProcess, name: str) -> AsyncIterator[Desk]:
    desk = Desk(cluster, name, await Connection.open(cluster.port))
    try:
        yield desk
    finally:
        for stream in desk.streams:
            await stream.close()
        await desk._connection.close()


def _run(
    cluster: ClusterProcess, name: str, scenario: Callable[[Desk], Awaitable[None]], **rules: Any
) -> None:
    cluster.collection(name, FIELDS, **rules)

    async def main() -> None:
        async with _desk(cluster, name) as desk:
            await scenario(desk)

    asyncio.run(main())


def _told(event: Event) -> tuple[str, str]:
    return event.data["action"], event.data["record"].get("title", "")


def test_events_show_what_a_read_shows(cluster: ClusterProcess) -> None:
    """The record is shaped as in the answer of a read by the same caller."""

    async def scenario(desk: Desk) -> None:
        guest = await desk.listen("shown/*")
        root = await desk.listen("shown/*", token=desk.token)
        record = await desk.create(
            title="Zoë\n\u2028'\"", open=True, count=1.5, data={"a": [1, None]}, note="secret"
        )
        assert record["note"] == "secret"
        assert (await root.next()).data == {"action": "create", "record": record}
        seen = (await guest.next()).data["record"]
        assert "note" not in seen
        assert seen == {key: value for key, value in record.items() if key != "note"}
        changed = await desk.update(record, count=2, open=False)
        assert (await root.next()).data == {"action": "update", "record": changed}
        await desk.delete(record)
        assert (await root.next()).data == {"action": "delete", "record": changed}

    _run(cluster, "shown", scenario)


def test_topics_choose_records_and_rules(cluster: ClusterProcess) -> None:
    """`*` hears under the list rule, an id under the view rule; superusers under none."""

    async def scenario(desk: Desk) -> None:
        record = await desk.create(title="first", open=False)
        every = await desk.listen("ruled/*")
        one = await desk.listen(f"ruled/{record['id']}")
        root = await desk.listen("ruled/*", token=desk.token)
        await desk.update(record, title="second")  # hidden from the list, fine for the view
        await desk.update(record, title="third", open=True)
        other = await desk.create(title="other", open=True)
        await desk.delete(other)
        await desk.delete(record)
        assert [_told(e) for e in await root.take(5)] == [
            ("update", "second"), ("update", "third"), ("create", "other"),
            ("delete", "other"), ("delete", "third"),
        ]  # fmt: skip
        assert [_told(e) for e in await every.take(4)] == [
            ("update", "third"), ("create", "other"), ("delete", "other"), ("delete", "third"),
        ]  # fmt: skip
        assert [_told(e) for e in await one.take(3)] == [
            ("update", "second"), ("update", "third"), ("delete", "third"),
        ]  # fmt: skip

    _run(cluster, "ruled", scenario, listRule="open = true", viewRule="")


def test_a_collection_for_superusers_is_silent_for_others(cluster: ClusterProcess) -> None:
    """A null rule tells guests nothing."""

    async def scenario(desk: Desk) -> None:
        guest = await desk.listen("locked/*", "open_signal/*")
        await desk.create(title="for superusers")
        await desk.request("POST", "open_signal/records", {"title": "signal"})
        assert _told(await guest.next()) == ("create", "signal")

    cluster.collection("open_signal", FIELDS)
    _run(cluster, "locked", scenario, listRule=None, viewRule=None)


def test_filter_and_fields_of_a_topic(cluster: ClusterProcess) -> None:
    """Options narrow what is heard and shown, per subscription, under its verbatim name."""
    options = quote(json.dumps({"query": {"filter": "count > 1", "fields": "id,count"}}))

    async def scenario(desk: Desk) -> None:
        topic = f"narrow/*?options={options}"
        stream = await desk.listen(topic)
        await desk.create(title="small", count=1)
        record = await desk.create(title="large", count=2)
        event = await stream.next()
        assert event.name == topic
        assert event.data["record"] == {"id": record["id"], "count": 2}

    _run(cluster, "narrow", scenario)


def test_expand_and_excerpts_of_a_topic(cluster: ClusterProcess) -> None:
    """As a read shows them: under the view rule of what is expanded, for this listener."""
    query = {"expand": "poet", "fields": "title:excerpt(3),expand.poet.title"}

    async def scenario(desk: Desk) -> None:
        poets = await desk.request(
            "POST",
            "",
            {"name": "poets", "type": "base", "fields": FIELDS, "viewRule": "open = true"},
        )
        own = await desk.request("GET", "expanded")
        relation = {"name": "poet", "type": "relation", "collectionId": poets["id"]}
        await desk.request("PATCH", "expanded", {"fields": [*own["fields"], relation]})
        topic = f"expanded/*?options={quote(json.dumps({'query': query}))}"
        guest, root = await desk.listen(topic), await desk.listen(topic, token=desk.token)
        shown, hidden = [
            await desk.request("POST", "poets/records", {"title": "Sappho", "open": seen})
            for seen in (True, False)
        ]
        for poet in (shown, hidden):
            await desk.create(title="some lines", poet=poet["id"])
        whole = {"title": "som", "expand": {"poet": {"title": "Sappho"}}}
        told = [event.data["record"] for event in await guest.take(2)]
        assert told == [whole, {"title": "som", "expand": {}}]
        path = f"/api/collections/expanded/records?{urlencode(query)}"
        async with await Connection.open(cluster.port) as connection:
            _, read = await connection.request("GET", path)
        assert read["items"] == told
        assert [event.data["record"] for event in await root.take(2)] == [whole, whole]

    _run(cluster, "expanded", scenario)


def test_names_and_ids_of_collections_are_both_topics(cluster: ClusterProcess) -> None:
    """Each subscription gets its own event; a collection made later is heard, too."""

    async def scenario(desk: Desk) -> None:
        stream = await desk.listen("late/*")
        later = await desk.request(
            "POST", "", {"name": "late", "type": "base", "fields": FIELDS, "listRule": ""}
        )
        both = await desk.listen("late", f"{later['id']}/*")
        await desk.request("POST", "late/records", {"title": "hello"})
        assert (await stream.next()).name == "late/*"
        assert {e.name for e in await both.take(2)} == {"late", f"{later['id']}/*"}

    _run(cluster, "before", scenario)


def test_after_a_rule_changed_nobody_is_told_by_the_old_one(cluster: ClusterProcess) -> None:
    """Each answered change of the rule holds for every event of later writes."""
    cluster.collection("beacon", FIELDS)

    async def scenario(desk: Desk) -> None:
        stream = await desk.listen("shifting/*", "beacon/*")
        for number in range(20):
            await desk.request("PATCH", "shifting", {"listRule": "title = 'nobody'"})
            await desk.create(title=f"hidden {number}")
            # A change is judged by the newest rule there is, so the rule changes only when what
            # came before is known to have been judged.
            await desk.request("POST", "beacon/records", {"title": f"beacon {number}"})
            assert _told(await stream.next())[1] == f"beacon {number}"
            await desk.request("PATCH", "shifting", {"listRule": ""})
            await desk.create(title=f"shown {number}")
            assert _told(await stream.next())[1] == f"shown {number}"
        assert stream.events.empty()

    _run(cluster, "shifting", scenario)


def test_a_superuser_whose_password_changed_is_a_guest(own_cluster: ClusterProcess) -> None:
    """What a stream may see ends with its token, from the next write on."""
    own_cluster.collection("before_and_after", FIELDS, listRule=None)
    own_cluster.collection("signal", FIELDS)

    async def scenario(desk: Desk) -> None:
        stream = await desk.listen("before_and_after/*", "signal/*", token=desk.token)
        await desk.create(title="one")
        assert _told(await stream.next()) == ("create", "one")
        await asyncio.to_thread(upsert_superuser, own_cluster.depot, EMAIL, PASSWORD + "2")
        assert await stream.subscribe("signal/*") == 204  # it is a guest now, so this is allowed
        assert await stream.subscribe("before_and_after/*", "signal/*") == 204
        own_cluster._token = ""
        connection = await Connection.open(own_cluster.port)
        _, answer = await connection.request(
            "POST",
            "/api/collections/_superusers/auth-with-password",
            {"identity": EMAIL, "password": PASSWORD + "2"},
        )
        await connection.close()
        desk.token = answer["token"]
        await desk.create(title="two")
        await desk.request("POST", "signal/records", {"title": "signal"})
        assert _told(await stream.next()) == ("create", "signal")

    async def main() -> None:
        async with _desk(own_cluster, "before_and_after") as desk:
            await scenario(desk)

    asyncio.run(main())


def test_an_open_stream_loses_a_deleted_superusers_rights(cluster: ClusterProcess) -> None:
    """Without any new request of the client: the record is looked at for each event."""

    async def scenario(desk: Desk) -> None:
        other = await desk.request(
            "POST",
            "_superusers/records",
            {"email": "two@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD},
        )
        login = await desk.request(
            "POST",
            "_superusers/auth-with-password",
            {"identity": "two@example.com", "password": PASSWORD},
        )
        stream = await desk.listen("private/*", "loud/*", token=login["token"])
        await desk.create(title="one", note="secret")
        await desk.request("POST", "loud/records", {"title": "two", "note": "secret"})
        assert [e.data["record"]["note"] for e in await stream.take(2)] == ["secret"] * 2
        await desk.request("DELETE", f"_superusers/records/{other['id']}")
        await desk.create(title="three", note="secret")
        await desk.request("POST", "loud/records", {"title": "four", "note": "secret"})
        event = await stream.next()
        assert _told(event) == ("create", "four")
        assert "note" not in event.data["record"]

    cluster.collection("loud", FIELDS)
    _run(cluster, "private", scenario, listRule=None)


def test_events_go_on_when_the_writer_was_killed(own_cluster: ClusterProcess) -> None:
    """A killed writer delays writes; their events come, once and in order."""
    own_cluster.collection("sturdy", FIELDS)

    async def scenario() -> None:
        async with _desk(own_cluster, "sturdy") as desk:
            stream = await desk.listen("sturdy/*")
            for round_ in range(5):
                await desk.create(title=f"before {round_}")
                own_cluster.kill("writer")
                await desk.create(title=f"after {round_}")
            heard = [_told(event)[1] for event in await stream.take(10)]
            assert heard == [f"{w} {n}" for n in range(5) for w in ("before", "after")]

    asyncio.run(scenario())


def test_a_killed_worker_ends_its_streams_and_forgets_its_clients(
    own_cluster: ClusterProcess,
) -> None:
    """The stream ends, its id is 404 on every worker, and a new stream hears again."""
    own_cluster.collection("mortal", FIELDS)

    async def scenario() -> None:
        async with _desk(own_cluster, "mortal") as desk:
            stream = await desk.listen("mortal/*")
            own_cluster.kill(f"worker {stream.slot}")
            with pytest.raises(Closed):
                await stream.next()
            statuses = []
            for slot in (0, 1):
                connection = await Connection.to_slot(own_cluster.port, slot)
                body = {"clientId": stream.client_id, "subscriptions": ["mortal/*"]}
                statuses.append((await connection.request("POST", "/api/realtime", body))[0])
                await connection.close()
            assert statuses == [404, 404]
            again = await desk.listen("mortal/*")
            path = "/api/collections/mortal/records"
            connection = await Connection.open(own_cluster.port)
            assert (await connection.request("POST", path, {"title": "x"}))[0] == 200
            await connection.close()
            assert _told(await again.next()) == ("create", "x")

    asyncio.run(scenario())


def test_draining_ends_streams_quickly(own_cluster: ClusterProcess) -> None:
    """Open streams do not hold up a stop."""

    async def scenario() -> float:
        stream = await EventStream.open(own_cluster.port)
        loop = asyncio.get_running_loop()
        began = loop.time()
        own_cluster.process.terminate()
        with pytest.raises(Closed):
            await stream.next(20)
        ended = loop.time() - began
        await stream.close()
        return ended

    assert asyncio.run(scenario()) < 10
    assert own_cluster.stop() == 0
