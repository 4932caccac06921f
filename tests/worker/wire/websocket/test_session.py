"""Every message of the protocol, on both ports of a real cluster."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.cluster_process import ClusterProcess
from tests.websocket import LiveClient, Message, RawSocket, Refused
from worker.realtime.reasons import EXPIRED

Scenario = Callable[[LiveClient], Awaitable[None]]
USER = {"email": "ada@example.com", "password": "correct horse"}


def _run(port: int, scenario: Scenario) -> None:
    async def run() -> None:
        async with await LiveClient.open(port) as client:
            await scenario(client)

    asyncio.run(run())


async def _create(cluster: ClusterProcess, title: str, collection: str = "posts") -> Message:
    url = f"/api/collections/{collection}/records"
    with cluster.client() as client:
        reply = await asyncio.to_thread(client.post, url, json={"title": title})
    assert reply.status_code == 200, reply.text
    created: Message = reply.json()
    return created


@pytest.fixture(scope="module")
def users(both: ClusterProcess) -> dict[str, Any]:
    """An auth collection whose tokens live for ten seconds, its one record, and `notes` of it."""
    created = both.collection("people", [], type="auth", authToken={"duration": 10})
    with both.client() as client:
        user = client.post(
            "/api/collections/people/records",
            json={**USER, "passwordConfirm": USER["password"]},
        ).json()
    both.collection("notes", [{"name": "title", "type": "text"}], listRule='@request.auth.id != ""')
    return {"collection": created, "record": user}


def _token(cluster: ClusterProcess) -> str:
    with cluster.client(superuser=False) as client:
        reply = client.post(
            "/api/collections/people/auth-with-password",
            json={"identity": USER["email"], "password": USER["password"]},
        )
    assert reply.status_code == 200, reply.text
    return str(reply.json()["token"])


def test_the_first_message_says_who_and_where(both: ClusterProcess, port: int) -> None:
    """`connected` has the client's id, a position, the heartbeat and the protocol."""

    async def scenario(client: LiveClient) -> None:
        assert len(client.client_id) == 40
        assert client.slot in (0, 1)
        assert client.connected == {
            "type": "connected",
            "client": client.client_id,
            "position": client.position,
            "heartbeat": 30,
            "protocol": 1,
        }
        with both.client() as http:
            now = await asyncio.to_thread(http.get, "/_/health")
        assert client.position.rsplit(":", 1)[0] == now.headers["quill-position"].rsplit(":", 1)[0]

    _run(port, scenario)


def test_a_ping_is_answered_with_a_position(port: int) -> None:
    """`ref` comes back as it was sent: text, a number, or not at all."""

    async def scenario(client: LiveClient) -> None:
        for ref in ("x" * 64, "", 0, -7, 2**53):
            await client.send(json.dumps({"type": "ping", "ref": ref}))
            told = await client.next()
            assert told == {"type": "pong", "ref": ref, "position": told["position"]}
        await client.send('{"type":"ping"}')
        assert set(await client.next()) == {"type", "position"}

    _run(port, scenario)


def test_subscribe_events_unsubscribe(both: ClusterProcess, port: int) -> None:
    """A subscription is announced, goes live, hears of changes, and is silent after its end."""

    async def scenario(client: LiveClient) -> None:
        answer = await client.subscribe("posts")
        (topic,) = answer["topics"]
        assert answer["type"] == "subscribed"
        assert (topic["sub"], topic["topic"]) == ("posts", "posts")
        live = await client.next()
        assert (live["type"], live["sub"]) == ("live", "posts")
        record = await _create(both, "first")
        event = await client.next()
        assert event == {
            "type": "create",
            "sub": "posts",
            "collection": "posts",
            "position": event["position"],
            "record": record,
        }
        assert await client.unsubscribe("posts") == {
            "type": "unsubscribed",
            "ref": "2",
            "topics": ["posts"],
        }
        await _create(both, "second")
        await client.request({"type": "ping"})
        assert client.events.empty()

    _run(port, scenario)


def test_the_answer_comes_before_all_that_is_told(both: ClusterProcess, port: int) -> None:
    """`subscribed`, then the snapshot, then `live`; `list` names what there is."""

    async def scenario(client: LiveClient) -> None:
        record = await _create(both, "there before")
        wish = {"topic": "posts", "id": "all", "snapshot": True, "filter": 'title = "there before"'}
        await client.send({"type": "subscribe", "ref": 1, "topics": [wish]})
        told = await client.take(3)
        assert [message["type"] for message in told] == ["subscribed", "snapshot", "live"]
        assert record in told[1]["records"]
        assert told[1]["more"] is False
        expected = [{"sub": "all", "topic": "posts", "state": "live"}]
        for kind in ("list", "list-subs"):
            assert (await client.request({"type": kind}))["topics"] == expected

    _run(port, scenario)


def test_a_subscription_resumes_where_it_left_off(both: ClusterProcess, port: int) -> None:
    """`since` brings what was missed, once, and what comes afterwards; also as a default."""

    async def scenario(client: LiveClient) -> None:
        await client.listen("posts")
        await _create(both, "seen")
        seen = await client.next()
        await client.unsubscribe()
        missed = [await _create(both, f"missed {number}") for number in range(3)]
        for wish in ({"topic": "posts", "since": seen["position"]}, "posts"):
            before = await client.listen(wish, since=seen["position"])
            assert [event["record"] for event in before] == missed
            await client.unsubscribe()

    _run(port, scenario)


def test_unsubscribing_from_nothing_and_everything(port: int) -> None:
    """No list means all; names that are not there are left out of the answer."""

    async def scenario(client: LiveClient) -> None:
        await client.listen("posts", "posts/*", {"topic": "posts/abc", "id": "one"})
        assert (await client.unsubscribe("nothing", "one"))["topics"] == ["one"]
        none = await client.request({"type": "unsubscribe", "topics": []})
        assert none["topics"] == []
        assert sorted((await client.unsubscribe())["topics"]) == ["posts", "posts/*"]
        assert (await client.request({"type": "list"}))["topics"] == []

    _run(port, scenario)


def test_the_same_id_replaces_what_it_named(both: ClusterProcess, port: int) -> None:
    """Only the newer one is told; `collections` is another word for `topics`."""

    async def scenario(client: LiveClient) -> None:
        await client.listen({"topic": "posts", "id": "it", "filter": 'title = "old"'})
        wish = {"topic": "posts", "id": "it", "filter": 'title = "new"'}
        await client.request({"type": "subscribe", "collections": [wish]})
        for title in ("old", "new"):
            await _create(both, title)
        assert (await client.next())["type"] == "live"
        assert (await client.next())["record"]["title"] == "new"
        ended = await client.request({"type": "unsubscribe", "collections": ["it"]})
        assert ended["topics"] == ["it"]

    _run(port, scenario)


def test_one_wrong_topic_refuses_all(port: int) -> None:
    """Nothing is subscribed when a filter of the request does not compile."""

    async def scenario(client: LiveClient) -> None:
        with pytest.raises(Refused) as refused:
            await client.subscribe("posts", {"topic": "posts", "id": "bad", "filter": "nope ="})
        assert refused.value.status == 400
        assert (await client.request({"type": "list"}))["topics"] == []

    _run(port, scenario)


def test_auth_tells_who_and_until_when(
    both: ClusterProcess, port: int, users: dict[str, Any]
) -> None:
    """A record's token, a bad one that changes nothing, and the way back to a guest."""

    async def scenario(client: LiveClient) -> None:
        token = await asyncio.to_thread(_token, both)
        answer = await client.authenticate(token)
        assert answer["record"] == {
            "collectionId": users["collection"]["id"],
            "collectionName": "people",
            "id": users["record"]["id"],
        }
        assert 0 < answer["expires"] - time.time() <= 10
        for bad in (token[:-3] + "abc", "x", "a.b.c"):
            with pytest.raises(Refused) as refused:
                await client.authenticate(bad)
            assert refused.value.status == 401
        await client.listen("notes")
        await _create(both, "for those who are somebody", "notes")
        assert (await client.next())["sub"] == "notes"
        for nobody in ({"token": ""}, {"token": None}, {}):
            guest = await client.request({"type": "auth", **nobody})
            assert (guest["record"], guest["expires"]) == (None, None)
        await _create(both, "not for guests", "notes")
        await client.request({"type": "ping"})
        assert client.events.empty()

    _run(port, scenario)


def test_an_identity_ends_with_its_token(both: ClusterProcess, users: dict[str, Any]) -> None:
    """A client is told that it is a guest again; one that was renewed in time is not."""

    async def scenario() -> None:
        ports = (both.port, both.realtime_port)
        expiring = [await LiveClient.open(port) for port in ports]
        renewed = [await LiveClient.open(port) for port in ports]
        token = await asyncio.to_thread(_token, both)
        for client in (*expiring, *renewed):
            await client.authenticate(token)
            await client.listen("notes")
        for client in renewed:
            await client.authenticate(both.superuser_token())
        for client in expiring:
            ended = await client.next(15)
            assert ended == {"type": "auth", "record": None, "reason": EXPIRED}
        await _create(both, "after it", "notes")
        for client in renewed:
            assert (await client.next())["record"]["title"] == "after it"
        for client in expiring:
            await client.request({"type": "ping"})
            assert client.events.empty()
        for client in (*expiring, *renewed):
            await client.close()

    asyncio.run(scenario())


def test_an_identity_ends_with_its_record(
    both: ClusterProcess, port: int, users: dict[str, Any]
) -> None:
    """A deleted account is told as `revoked` at once; nothing else has to happen."""

    async def scenario(client: LiveClient) -> None:
        with both.client() as superuser:
            new = {
                "email": f"u{port}@example.com",
                "password": "12345678x",
                "passwordConfirm": "12345678x",
            }
            url = "/api/collections/people/records"
            user = (await asyncio.to_thread(superuser.post, url, json=new)).json()
            reply = await asyncio.to_thread(
                superuser.post,
                "/api/collections/people/auth-with-password",
                json={"identity": new["email"], "password": new["password"]},
            )
            await client.authenticate(reply.json()["token"])
            await client.listen("notes")
            gone = await asyncio.to_thread(superuser.delete, f"{url}/{user['id']}")
            assert gone.status_code == 204
        ended = await client.next()
        assert ended == {"type": "auth", "record": None, "reason": "revoked"}

    _run(port, scenario)


def test_events_are_the_same_bytes_on_both_ports(both: ClusterProcess) -> None:
    """A message has one spelling, whichever port it leaves by."""

    async def scenario() -> None:
        sockets = [await RawSocket.open(port) for port in (both.port, both.realtime_port)]
        for raw in sockets:
            await raw.receive()
            raw.send(raw.TEXT, b'{"type":"subscribe","topics":["posts"]}')
            await raw.receive()
            await raw.receive()
        await _create(both, "the same")
        one, other = [await raw.receive() for raw in sockets]
        assert one == other
        for raw in sockets:
            await raw.close()

    asyncio.run(scenario())
