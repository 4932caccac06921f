"""What no table of cases can say: refusals, views, deletes that cannot be told, other identities."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.load import Connection
from tests.sse import Closed, EventStream, options
from tests.visibility.case import ident
from tests.visibility.stage import SIGNALS, Stage
from tests.visibility.standard import FIELDS, ROWS, number, relation, text
from tests.websocket import LiveClient, Message, Refused

_SIGNAL = ident("beyond")
_OPEN = dict.fromkeys(("listRule", "viewRule"), "")


@pytest.fixture(scope="module")
def desk(stage: Stage) -> Stage:
    """The stage with collections of its own."""
    stage.create(SIGNALS, {"beyond": {"n": 0}})
    for name, rules in (("asked", _OPEN), ("shut", {"listRule": None, "viewRule": None})):
        stage.cluster.collection(name, FIELDS, **rules)
    return stage


def _write(desk: Stage, method: str, path: str, body: object = None) -> Any:
    """A superuser's write."""
    reply = desk.cluster.client().request(method, f"/api/collections/{path}", json=body)
    assert reply.status_code in (200, 204), reply.text
    return reply.json() if reply.content else None


def _ask_signal(desk: Stage) -> None:
    _write(desk, "PATCH", f"{SIGNALS}/records/{_SIGNAL}", {"n+": 1})


@asynccontextmanager
async def _socket(desk: Stage, token: str = "") -> AsyncIterator[LiveClient]:
    async with await LiveClient.open(desk.port) as client:
        if token:
            await client.authenticate(token)
        yield client


async def _until_signal(client: LiveClient) -> list[Message]:
    """Events before the signal, which the client has to listen to."""
    heard: list[Message] = []
    while True:
        message = await client.next()
        if message.get("collection") == SIGNALS:
            return heard
        heard.append(message)


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("collection", "asked", "status", "root"),
    [
        ("asked", "hush = 's'", 400, 200),
        ("asked", "n = 1 || hush != ''", 400, 200),
        ("asked", "owner.vault_via_of.key = 'k'", 400, 200),
        ("asked", "owner.tokenKey != ''", 400, 400),
        ("asked", "owner.password != ''", 400, 400),
        ("asked", "nothing = 1", 400, 400),
        ("asked", "owner.nothing = 1", 400, 400),
        ("asked", "n = 1 && (", 400, 400),
        ("asked", "tags:changed = 1", 400, 400),
        ("asked", "@request.auth.id = ''", 403, 200),
        ("asked", "@collection.vault.key = 'k'", 403, 200),
        ("people", "password = ''", 400, 400),
        ("people", "tokenKey ~ 'a'", 400, 400),
    ],
)
def test_a_filter_that_a_read_refuses_is_refused(
    collection: str, asked: str, status: int, root: int, desk: Stage
) -> None:
    """By both transports and for both targets, as a caller or as a superuser asks; nothing stays.

    A subscription says 400 of all of it: its 403 means that the client is somebody else.
    """

    async def statuses(token: str) -> tuple[int, set[int]]:
        reader = Connection(desk.url)
        query, found = options(filter=asked), set[int]()
        read = await _read_status(reader, collection, asked, token)
        async with await EventStream.open(desk.port) as stream:
            for target in ("*", ident("a")):
                told = await stream.subscribe(f"{collection}/{target}{query}", token=token)
                found.add(200 if told == 204 else told)
        async with _socket(desk, token) as client:
            for target in ("*", ident("a")):
                found.add(await _socket_status(client, f"{collection}/{target}", asked))
        await reader.close()
        return read, found

    assert asyncio.run(statuses("")) == (status, {400})
    assert asyncio.run(statuses(desk.cluster.superuser_token())) == (root, {root})


async def _read_status(reader: Connection, collection: str, asked: str, token: str) -> int:
    path = f"/api/collections/{collection}/records?filter={_quoted(asked)}"
    headers = {"Authorization": token} if token else {}
    return (await reader.request("GET", path, None, headers)).status


def _quoted(asked: str) -> str:
    return "".join(f"%{byte:02x}" for byte in asked.encode())


async def _socket_status(client: LiveClient, topic: str, asked: str) -> int:
    try:
        await client.subscribe({"topic": topic, "filter": asked})
    except Refused as refused:
        listed = await client.request({"type": "list"})
        assert not listed["topics"], "what was refused stays"
        return refused.status
    await client.unsubscribe()
    return 200


def test_a_locked_collection_is_silent_and_no_error(desk: Stage) -> None:
    """It is read with 403; a subscription waits, since the rule may change, and tells nothing."""

    async def scenario() -> list[Message]:
        async with _socket(desk) as client:
            pages = await client.listen("shut/*", f"shut/{ident('a')}", snapshot=True)
            assert [page["records"] for page in pages] == [[], []]
            await client.listen(SIGNALS)
            desk.create("shut", {"a": ROWS["a"]})
            _ask_signal(desk)
            return await _until_signal(client)

    assert asyncio.run(scenario()) == []


# --- Views ----------------------------------------------------------------------------------------


def test_a_view_collection_is_read_and_never_heard(desk: Stage) -> None:
    """Its rows have no history; what it stands on is heard under its own name."""
    desk.cluster.collection("parts", [number("n")])
    view = {"type": "view", "viewQuery": "SELECT id, n FROM parts", **_OPEN}
    closed = dict.fromkeys(("createRule", "updateRule", "deleteRule"))
    desk.cluster.collection("shown_parts", [], **view, **closed)

    async def scenario() -> list[str]:
        async with await EventStream.open(desk.port) as stream, _socket(desk) as client:
            topics = ["shown_parts/*", f"shown_parts/{ident('a')}", "parts/*"]
            assert await stream.subscribe(*topics) == 204
            pages = await client.listen(*topics, SIGNALS)
            assert pages == []
            desk.create("parts", {"a": {"n": 1}})
            _ask_signal(desk)
            assert (await stream.next()).name == "parts/*"
            return [message["sub"] for message in await _until_signal(client)]

    assert asyncio.run(scenario()) == ["parts/*"]
    reply = desk.cluster.client(superuser=False).get("/api/collections/shown_parts/records")
    assert [item["n"] for item in reply.json()["items"]] == [1]


# --- What cannot be told --------------------------------------------------------------------------


def test_the_end_of_a_large_record_is_told_as_a_gap(desk: Stage) -> None:
    """Its values were not logged, so nobody can be judged: streams end, sockets read again."""
    desk.cluster.collection("books", [text("title", max=400_000), number("n")])
    desk.create("books", {"a": {"title": "x" * 300_000}})

    async def scenario() -> tuple[str, str]:
        async with await EventStream.open(desk.port) as stream, _socket(desk) as client:
            assert await stream.subscribe("books/*") == 204
            await client.listen({"topic": "books/*", "filter": "n = 5"})
            _write(desk, "DELETE", f"books/records/{ident('a')}")
            message = await client.next()
            with pytest.raises(Closed):
                await stream.next()
            return message["type"], message["reason"]

    assert asyncio.run(scenario()) == ("resync", "reset")


def test_who_comes_back_is_shown_a_large_record_as_it_is(desk: Stage) -> None:
    """And nothing of it where it may not be seen any more, or is not there."""
    desk.cluster.collection("tomes", [text("title", max=400_000), number("n")], listRule="n < 5")

    async def scenario() -> tuple[list[Any], list[Any]]:
        async with _socket(desk) as client:
            since = client.position
        desk.create("tomes", {"a": {"title": "x" * 300_000, "n": 1}})
        seen = []
        for value in (2, 9):
            _write(desk, "PATCH", f"tomes/records/{ident('a')}", {"n": value})
            async with _socket(desk) as client:
                missed = await client.listen("tomes/*", since=since)
                seen.append([(one["type"], one["record"]["n"]) for one in missed])
        return seen[0], seen[1]

    assert asyncio.run(scenario()) == ([("create", 2), ("update", 2)], [])


# --- Other identities -----------------------------------------------------------------------------


def test_a_socket_sees_as_whom_it_has_become(desk: Stage) -> None:
    """All its subscriptions are judged anew: as a guest, as ann, as a superuser, as a guest again."""
    owner = relation("owner", "people", kind="auth")
    desk.cluster.collection("owned", [owner, number("n")], listRule="owner = @request.auth.id")
    desk.create("owned", {"a": {"owner": ident("ann")}, "c": {"owner": ""}})
    ann = desk.cluster.client().post(
        "/api/collections/people/auth-with-password",
        json={"identity": "ann@x.io", "password": "long enough"},
    )

    async def scenario() -> list[str]:
        seen = []
        async with _socket(desk) as client:
            await client.listen("owned/*", SIGNALS)
            for token in ("", ann.json()["token"], desk.cluster.superuser_token(), ""):
                await client.authenticate(token)
                for key in "ac":
                    _write(desk, "PATCH", f"owned/records/{ident(key)}", {"n+": 1})
                _ask_signal(desk)
                heard = await _until_signal(client)
                seen.append("".join(one["record"]["id"][0] for one in heard))
        return seen

    assert asyncio.run(scenario()) == ["c", "a", "ac", "c"]
