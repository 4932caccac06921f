"""What clients of the realtime must not get to see, whatever way they ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.websocket import LiveClient, Message

PASSWORD = "password123"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """One worker: all listeners share what it has compiled."""
    depot = tmp_path_factory.mktemp("cluster") / "depot"
    with ClusterProcess(depot, workers=1) as running:
        yield running


def _text(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "text", **more}


def _create(superuser: httpx.Client, collection: str, **values: Any) -> str:
    return str(_call(superuser, "POST", f"{collection}/records", values).json()["id"])


def _call(superuser: httpx.Client, method: str, path: str, body: Any = None) -> httpx.Response:
    reply = superuser.request(method, _url(path), json=body)
    assert reply.is_success, reply.text
    return reply


def _url(path: str) -> str:
    return path if path.startswith("/") else f"/api/collections/{path}"


def _token(superuser: httpx.Client, collection: str, name: str, **values: Any) -> str:
    """Of a new record."""
    email = f"{name}@example.com"
    secret = {"password": PASSWORD, "passwordConfirm": PASSWORD}
    _create(superuser, collection, email=email, **secret, **values)
    reply = superuser.post(
        f"/api/collections/{collection}/auth-with-password",
        json={"identity": email, "password": PASSWORD},
    )
    return str(reply.json()["token"])


def _play(scene: Callable[[AsyncExitStack], Awaitable[None]]) -> None:
    """Run it, and close what it has opened."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            await scene(stack)

    asyncio.run(run())


async def _heard(client: LiveClient, last: str) -> list[Message]:
    """Everything up to the message with this custom topic, which it listens to."""
    told = []
    while (message := await client.next()).get("topic") != last:
        told.append(message)
    return told


def test_a_new_collection_does_not_show_what_its_namesake_held(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """Its id is the same, and so is that of the field; the rules are others."""
    cluster.collection("vault", [_text("words")], listRule=None, viewRule=None)

    async def scene(stack: AsyncExitStack) -> None:
        client = await stack.enter_async_context(await LiveClient.open(cluster.port))
        before = client.position
        key = _create(superuser, "vault", words="for nobody")
        _call(superuser, "PATCH", f"vault/records/{key}", {"words": "for no one"})
        _call(superuser, "DELETE", "vault")
        cluster.collection("vault", [_text("words")])
        _create(superuser, "vault", words="for all")
        told = await client.listen("vault", since=before)
        assert [one["type"] for one in told] == ["resync", "create"]
        assert told[1]["record"]["words"] == "for all"
        assert told[0]["position"] < told[1]["position"]

    _play(scene)


def test_a_filter_through_a_relation_is_compiled_for_who_asks(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """The other collection's rule names what only some callers have; nobody inherits a view."""
    cluster.collection("staff", [_text("role")], type="auth", listRule=None)
    cluster.collection("visitors", [], type="auth", listRule=None)
    rule = '@request.auth.id != "" && @request.auth.role != "banned"'
    tags = cluster.collection("tags", [_text("label")], listRule=rule)
    tag = {"name": "tag", "type": "relation", "collectionId": tags["id"], "maxSelect": 1}
    cluster.collection("notes", [_text("title"), tag])
    visitor = _token(superuser, "visitors", "visitor")
    banned = _token(superuser, "staff", "banned", role="banned")
    key = _create(superuser, "tags", label="secret")

    async def scene(stack: AsyncExitStack) -> None:
        clients = []
        for token in (visitor, banned):  # the visitor's view is compiled first
            client = await stack.enter_async_context(await LiveClient.open(cluster.port))
            await client.authenticate(token)
            await client.listen({"topic": "notes", "filter": 'tag.label = "secret"'}, "over")
            clients.append(client)
        _create(superuser, "notes", title="hello", tag=key)
        _call(superuser, "POST", "/api/realtime/publish", {"topic": "over"})
        seen, hidden = [await _heard(client, "over") for client in clients]
        assert [one["type"] for one in seen] == ["create"]
        assert hidden == []

    _play(scene)


def test_a_reset_of_a_private_collection_is_not_told_to_guests(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """Neither live nor to those who resume."""
    cluster.collection("safe", [_text("words", max=500_000)], listRule=None, viewRule=None)

    async def scene(stack: AsyncExitStack) -> None:
        client = await stack.enter_async_context(await LiveClient.open(cluster.port))
        before = client.position
        key = _create(superuser, "safe", words="x" * 300_000)
        _call(superuser, "DELETE", f"safe/records/{key}")
        assert await client.listen("safe", "safe/abc", since=before) == []

        insider = await stack.enter_async_context(await LiveClient.open(cluster.port))
        await insider.authenticate(cluster.superuser_token())
        told = await insider.listen("safe", since=before)
        assert "resync" in [one["type"] for one in told]

    _play(scene)


def test_a_list_of_wide_letters_does_not_close_its_client(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """It is measured as it is sent; too much of it is said in words."""
    cluster.collection("wide", [_text("words", max=200_000)])
    for _ in range(12):
        _create(superuser, "wide", words="漢" * 150_000)

    async def scene(stack: AsyncExitStack) -> None:
        client = await stack.enter_async_context(await LiveClient.open(cluster.port))
        told = await client.listen("wide", snapshot=True)
        assert [(one["type"], one.get("reason")) for one in told] == [("resync", "large")]

    _play(scene)
