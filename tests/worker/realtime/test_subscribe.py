"""POST /api/realtime: who may set what, on whichever worker it lands."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.cluster_process import ClusterProcess
from tests.sse import Connection, EventStream, options, set_subscriptions

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "note", "type": "text", "hidden": True},
]


@pytest.fixture(scope="module", autouse=True)
def _posts(cluster: ClusterProcess) -> None:
    cluster.collection("posts", FIELDS)


def test_a_subscription_reaches_the_owner_from_either_worker(cluster: ClusterProcess) -> None:
    """The POST may land on the worker that does not hold the stream."""

    async def scenario() -> None:
        async with await EventStream.open(cluster.port) as stream:
            for slot in (0, 1):
                connection = await Connection.to_slot(cluster.port, slot)
                name = f"posts{options(filter=f'title = {slot}')}"
                body = {"clientId": stream.client_id, "subscriptions": [name]}
                assert await connection.request("POST", "/api/realtime", body) == (204, None)
                status, record = await connection.request(
                    "POST", "/api/collections/posts/records", {"title": str(slot)}
                )
                assert status == 200, record
                event = await stream.next()
                assert event.name == name
                assert event.data == {"action": "create", "record": record}
                await connection.close()

    asyncio.run(scenario())


def test_a_client_may_become_somebody_and_not_somebody_else(cluster: ClusterProcess) -> None:
    """Guest to superuser is fine, and the same one again; back to guest is 403."""
    token = cluster.superuser_token()

    async def scenario() -> list[int]:
        async with await EventStream.open(cluster.port) as stream:
            return [
                await stream.subscribe("posts", token=given)
                for given in ("", token, token, "", "garbage")
            ]

    assert asyncio.run(scenario()) == [204, 204, 204, 403, 403]


def test_a_client_that_hung_up_is_forgotten(cluster: ClusterProcess) -> None:
    """Its id is worth nothing as soon as the server saw the end of the stream."""

    async def scenario() -> int:
        stream = await EventStream.open(cluster.port)
        await stream.close()
        for _ in range(500):
            status = await set_subscriptions(cluster.port, stream.client_id, ["posts"])
            if status == 404:
                return status
            await asyncio.sleep(0.01)
        return status

    assert asyncio.run(scenario()) == 404


def test_a_slot_that_no_worker_has_is_no_client(cluster: ClusterProcess) -> None:
    """The id is the caller's text: nobody is asked about a slot that cannot be."""

    async def scenario() -> set[int]:
        ids = [f"{slot:04x}" + "0" * 36 for slot in (2, 3, 255, 65535)]
        return {await set_subscriptions(cluster.port, made_up, ["posts"]) for made_up in ids}

    assert asyncio.run(scenario()) == {404}


def test_filters_are_bounded(cluster: ClusterProcess) -> None:
    """So many in one subscription, so many comparisons in all of them: 400, and the old set stays."""
    many = [f"posts{options(filter=f'title = {n}')}" for n in range(51)]
    wide = [f"posts/{n}{options(filter='||'.join([f'title={n}'] * 100))}" for n in range(6)]

    async def scenario() -> list[int]:
        async with await EventStream.open(cluster.port) as stream:
            return [await stream.subscribe(*topics) for topics in (many, many[1:], wide, wide[1:])]

    assert asyncio.run(scenario()) == [400, 204, 400, 204]


def test_the_set_is_replaced(cluster: ClusterProcess) -> None:
    """What is not in the last POST is not heard any more."""

    async def scenario() -> None:
        async with await EventStream.open(cluster.port) as stream:
            connection = await Connection.open(cluster.port)
            path = "/api/collections/posts/records"
            assert await stream.subscribe("posts/*") == 204
            assert await stream.subscribe("posts") == 204
            status, record = await connection.request("POST", path, {"title": "one"})
            assert status == 200, record
            assert (await stream.next()).name == "posts"
            assert await stream.subscribe() == 204
            await connection.request("POST", path, {"title": "two"})
            assert await stream.subscribe("posts/*") == 204
            await connection.request("POST", path, {"title": "three"})
            event = await stream.next()
            assert (event.name, event.data["record"]["title"]) == ("posts/*", "three")
            await connection.close()

    asyncio.run(scenario())
