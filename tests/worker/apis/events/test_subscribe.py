"""Who listens to a record API: by rules about users, and for as long as they are the same."""

from __future__ import annotations

import asyncio

import httpx

from tests.cluster_process import ClusterProcess
from tests.sse import EventStream
from tests.waiting import until
from tests.worker.apis.depot import admin_client
from tests.worker.apis.events.depot import CONFIG
from tests.worker.apis.events.listening import Stream
from tests.worker.apis.events.people import create, delete, somebody, update
from tests.worker.wire.trailbase.auth_calls import AUTH, PASSWORD


def test_a_rule_that_asks_who_listens(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """Members of a room hear of its messages, in the shape of reads without expansion."""
    anna, bert = (somebody(cluster, f"{name}@rooms.example") for name in ("anna", "bert"))

    async def scenario() -> None:
        room = int(create(guest, "room", name="ours", n=1))
        member = create(guest, "member", room=room, user=anna.id)
        one = await Stream.open(cluster.port, "message", token=anna.token)
        other = await Stream.open(cluster.port, "message", token=bert.token)
        said = {"room": room, "data": "hello", "extra": {"k": 1}, "score": 0.5}
        message = create(anna.client, "message", **said, _owner=anna.id)
        assert await one.next() == {"Insert": {"id": message, **said}}
        create(guest, "member", room=room, user=bert.id)
        update(anna.client, "message", message, data="again")
        changed = {"Update": {"id": message, **said, "data": "again"}}
        assert [await one.next(), await other.next()] == [changed, changed]
        record = await Stream.open(cluster.port, "message", message, token=anna.token)
        delete(guest, "member", member)
        update(bert.client, "message", message, data="without her")
        assert (await other.next())["Update"]["data"] == "without her"
        assert (await record.next())["Error"]["status"] == 1
        assert await record.ended()
        assert len(one.chunks) == 3
        for stream in (one, other, record):
            await stream.close()

    asyncio.run(scenario())


def test_a_user_who_changed_his_password(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """His streams end with an error; others go on."""
    cleo, dora = (somebody(cluster, f"{name}@doors.example") for name in ("cleo", "dora"))

    async def scenario() -> None:
        one = await Stream.open(cluster.port, "guarded", token=cleo.token)
        other = await Stream.open(cluster.port, "guarded", token=dora.token)
        room = create(guest, "room", name="before", n=1)
        assert (await one.next())["Insert"] == (await other.next())["Insert"]
        body = {
            "old_password": PASSWORD,
            "new_password": "another " + PASSWORD,
            "new_password_repeat": "another " + PASSWORD,
        }
        assert await asyncio.to_thread(_posted, cleo.client, body) == 200
        update(guest, "room", room, name="after")
        assert (await one.next())["Error"]["status"] == 1
        assert await one.ended()
        assert (await other.next())["Update"]["name"] == "after"
        for stream in (one, other):
            await stream.close()

    asyncio.run(scenario())


def _posted(client: httpx.Client, body: dict[str, str]) -> int:
    return client.post(f"{AUTH}/change_password", json=body).status_code


def test_changed_settings(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """A stream follows its API's rule; where the API is closed it ends, though nothing is written."""
    config = cluster.depot / "config.textproto"

    async def scenario() -> None:
        stream = await Stream.open(cluster.port, "positive")
        config.write_text(CONFIG.replace("_ROW_.n > 0", "_ROW_.n > 1000"))
        room = create(guest, "room", name="one", n=1)
        path = f"/api/records/v1/positive/{room}"
        await asyncio.to_thread(
            until, lambda: guest.get(path).status_code == 403, what="the new rule"
        )
        update(guest, "room", room, n=500)
        update(guest, "room", room, n=2000)
        told = await stream.next()
        while told.get("Update", {}).get("n") != 2000:
            assert told["Insert"]["n"] == 1  # before the new rule
            told = await stream.next()
        config.write_text(CONFIG.replace('name: "positive"', 'name: "moved"'))
        assert (await stream.next())["Error"]["status"] == 1
        assert await stream.ended()
        await stream.close()
        config.write_text(CONFIG)

    asyncio.run(scenario())


def test_an_admin_listens_to_collections(cluster: ClusterProcess) -> None:
    """His token is a superuser's in the other dialect's realtime, too."""
    fields = [{"name": "title", "type": "text"}]
    cluster.collection("kept", fields, listRule=None, viewRule=None)
    admin = admin_client(cluster).headers["Authorization"]
    user = somebody(cluster, "emil@doors.example")

    async def scenario() -> None:
        async with (
            await EventStream.open(cluster.port) as one,
            await EventStream.open(cluster.port) as other,
        ):
            assert await other.subscribe("kept/*", token=user.token) == 204
            assert await one.subscribe("kept/*", token=admin) == 204
            record = {"title": "told to one"}
            await asyncio.to_thread(_posted_record, cluster, record)
            assert (await one.next()).data["record"]["title"] == "told to one"
            assert other.events.empty()

    asyncio.run(scenario())


def _posted_record(cluster: ClusterProcess, record: dict[str, str]) -> None:
    reply = cluster.client().post("/api/collections/kept/records", json=record)
    assert reply.status_code == 200, reply.text
