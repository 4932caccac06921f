"""What no honest client sends, at both ports: refused or closed, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shared.limits import (
    SOCKET_MESSAGE_BYTES_MAX,
    SOCKET_TOKEN_CHARS_MAX,
    SOCKET_TOPIC_BYTES_MAX,
    SUBSCRIPTION_CHARS_MAX,
    SUBSCRIPTIONS_PER_CLIENT,
)
from tests.cluster_process import ClusterProcess
from tests.websocket import Ended, LiveClient, RawSocket, frame, handshake

DEEP = "[" * 50_000 + "]" * 50_000
REFUSED: list[Any] = [
    [],
    None,
    "text",
    1,
    {},
    {"type": None},
    {"type": 1},
    {"type": ["ping"]},
    {"type": "PING"},
    {"type": "error"},
    {"type": "x" * 100_000},
    {"type": "ping", "ref": "x" * 65},
    {"type": "ping", "ref": 1.5},
    {"type": "ping", "ref": 2**53 + 1},
    {"type": "ping", "ref": 10**400},
    {"type": "ping", "ref": True},
    {"type": "ping", "ref": {}},
    {"type": "auth", "token": 1},
    {"type": "auth", "token": ["a"]},
    {"type": "auth", "token": "x" * (SOCKET_TOKEN_CHARS_MAX + 1)},
    {"type": "subscribe"},
    {"type": "subscribe", "topics": None},
    {"type": "subscribe", "topics": "posts"},
    {"type": "subscribe", "topics": {}},
    {"type": "subscribe", "topics": []},
    {"type": "subscribe", "topics": [1]},
    {"type": "subscribe", "topics": [None]},
    {"type": "subscribe", "topics": [[]]},
    {"type": "subscribe", "topics": [""]},
    {"type": "subscribe", "topics": [{}]},
    {"type": "subscribe", "topics": [{"topic": ""}]},
    {"type": "subscribe", "topics": ["posts\n"]},
    {"type": "subscribe", "topics": ["posts\u0000"]},
    {"type": "subscribe", "topics": ["posts?options=%7B%7D"]},
    {"type": "subscribe", "topics": ["x" * (SUBSCRIPTION_CHARS_MAX + 1)]},
    {"type": "subscribe", "topics": ["posts", {"topic": "notes", "id": "posts"}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "id": ""}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "id": "a\r\nb"}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "id": 5}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "filter": 1}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "filter": "title ="}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "filter": "(" * 2_000}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "filter": "nothing = 1"}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "expand": []}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "fields": {}}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "query": "a=1"}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "query": {"a": []}}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "headers": {"a": {}}}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "query": {"a": "x" * 10_000}}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "since": 1}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "since": ""}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "since": "main:0x1:2"}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "since": "main:1:-2"}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "since": "main:1:99999999999999999999"}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "snapshot": 1}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "snapshot": "true"}]},
    {"type": "subscribe", "topics": [{"topic": "posts", "since": "main:1:2", "snapshot": True}]},
    {"type": "subscribe", "topics": ["posts"], "since": "main:1:2", "snapshot": True},
    {"type": "subscribe", "topics": ["posts"], "since": []},
    {"type": "subscribe", "topics": ["posts"], "leave": "yes"},
    {"type": "subscribe", "topics": [f"t{n}" for n in range(10_000)]},
    {"type": "unsubscribe", "topics": "posts"},
    {"type": "unsubscribe", "topics": [1]},
    {"type": "unsubscribe", "topics": [{"sub": "posts"}]},
    {"type": "unsubscribe", "topics": [f"t{n}" for n in range(10_000)]},
]
NOT_JSON = [
    "",
    " ",
    "{",
    "}",
    "nul",
    '{"type":"ping"',
    '{"type":"ping"} {"type":"ping"}',
    "{'type':'ping'}",
    '{"type":"ping","ref":"\\ud800"}',
    '{"type":"ping","x":' + DEEP + "}",
    '{"type":"subscribe","topics":[{"topic":"posts","query":{"a":' + DEEP + "}}]}",
    "[" * 100_000,
    '"' + "x" * 100_000,
    "\u0000",
]


def _run(scenario: Awaitable[None]) -> None:
    async def run() -> None:
        await scenario

    asyncio.run(run())


def test_whatever_is_wrong_is_told_and_harms_nothing(port: int) -> None:
    """Each answer is an error of class 4xx in REST's terms, and the connection goes on."""

    async def scenario() -> None:
        async with await LiveClient.open(port) as client:
            for text in [*map(json.dumps, REFUSED), *NOT_JSON]:
                await client.send(text)
                told = await client.next()
                assert told["type"] == "error", (text[:80], told)
                assert 400 <= told["status"] < 500, (text[:80], told)
                assert told["message"], text[:80]
                assert isinstance(told["data"], dict), text[:80]
            assert (await client.request({"type": "list"}))["topics"] == []

    _run(scenario())


def test_an_error_names_the_request_and_the_place(port: int) -> None:
    """`ref` is echoed wherever it can be read, and `data` is keyed by where it went wrong."""

    async def scenario() -> None:
        async with await LiveClient.open(port) as client:
            places: dict[str, dict[str, Any]] = {
                "topics.1.id": {"type": "subscribe", "topics": ["a", {"topic": "b", "id": 1}]},
                "token": {"type": "auth", "token": 1},
                "type": {"type": "nonsense"},
                "since": {"type": "subscribe", "topics": ["a"], "since": "x"},
            }
            for place, request in places.items():
                answer = await client.ask(request)
                data = answer["data"]
                for part in place.split("."):
                    data = data[part]
                assert data["code"] == "validation_invalid_value", (place, answer)

    _run(scenario())


def test_as_many_topics_as_allowed_and_not_one_more(port: int) -> None:
    """The bound is that of a client, not only that of one message."""

    async def scenario() -> None:
        async with await LiveClient.open(port) as client:
            half = SUBSCRIPTIONS_PER_CLIENT // 2
            for start in (0, half):
                await client.listen(*[f"custom/{n}" for n in range(start, start + half)])
            answer = await client.ask({"type": "subscribe", "topics": ["one more"]})
            assert answer["status"] == 400
            assert len((await client.unsubscribe())["topics"]) == SUBSCRIPTIONS_PER_CLIENT
            await client.listen("one more")

    _run(scenario())


def test_a_topic_may_be_as_long_as_allowed(port: int) -> None:
    """All options of one topic together are bounded."""

    async def scenario() -> None:
        async with await LiveClient.open(port) as client:
            query = {"a": "x" * (SOCKET_TOPIC_BYTES_MAX - 500)}
            await client.listen({"topic": "posts", "query": query})
            query["a"] += "x" * 500
            wish = {"topic": "posts", "query": query}
            answer = await client.ask({"type": "subscribe", "topics": [wish]})
            assert answer["status"] == 400

    _run(scenario())


def _padded(size: int) -> bytes:
    empty = b'{"type":"ping","x":""}'
    return b'{"type":"ping","x":"' + b"x" * (size - len(empty)) + b'"}'


def test_a_message_may_be_as_large_as_allowed(port: int) -> None:
    """256 KiB are answered, in one frame or in pieces; one byte more ends the connection."""

    async def scenario() -> None:
        largest = _padded(SOCKET_MESSAGE_BYTES_MAX)
        async with await RawSocket.open(port) as raw:
            await raw.receive()
            raw.send(raw.TEXT, largest)
            assert b"pong" in (await raw.receive())[1]
            raw.send(raw.TEXT, largest[:1000], final=False)
            for at in range(1000, len(largest), 50_000):
                part = largest[at : at + 50_000]
                raw.send(0, part, final=at + 50_000 >= len(largest))
            assert b"pong" in (await raw.receive())[1]
            raw.send(raw.TEXT, largest + b" ")
            assert await raw.closed() == 1009

    _run(scenario())


def test_letters_of_many_bytes_count_as_bytes(port: int) -> None:
    """A message within the bound in characters and beyond it in bytes is too large."""

    async def scenario() -> None:
        async with await RawSocket.open(port) as raw:
            await raw.receive()
            text = '{"type":"ping","x":"' + "ä" * 200_000 + '"}'
            raw.send(raw.TEXT, text.encode())
            assert await raw.closed() == 1009

    _run(scenario())


BROKEN: dict[str, tuple[bytes, int | None]] = {
    "binary": (frame(2, b'{"type":"ping"}'), 1003),
    "an empty binary": (frame(2, b""), 1003),
    "invalid UTF-8": (frame(1, b"\xff\xfe"), 1007),
    "a cut letter": (frame(1, "ä".encode()[:1]), 1007),
    "an unknown opcode": (frame(3, b"x"), 1002),
    "no mask": (b"\x81\x01a", 1002),
    "reserved bits": (b"\xf1\x80\0\0\0\0", 1002),
    "a long control frame": (frame(9, b"x" * 126), 1002),
    "a continuation of nothing": (frame(0, b"x"), 1002),
    "a claim of 2^62 bytes": (b"\x81\xff" + (1 << 62).to_bytes(8, "big") + b"\0\0\0\0", 1009),
    "a claim of 2^63 bytes": (b"\x81\xff" + (1 << 63).to_bytes(8, "big") + b"\0\0\0\0", None),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_frames_end_the_connection(both: ClusterProcess, port: int, name: str) -> None:
    """With the code of RFC 6455; what granian refuses by itself is closed without one."""

    async def scenario() -> None:
        sent, code = BROKEN[name]
        async with await RawSocket.open(port) as raw:
            await raw.receive()
            raw.writer.write(sent)
            ended = await raw.closed()
            if name in {"binary", "an empty binary"} or port == both.realtime_port:
                assert code is None or ended == code
            else:
                assert ended in (1005, 1006, code)

    _run(scenario())


def test_handshakes_that_are_none(both: ClusterProcess, port: int) -> None:
    """Another path, method or version is refused with its status, in the REST form or plainly."""

    async def scenario() -> None:
        for path in ("/", "/api/realtime/ws/", "/api/realtime/wss", "/api/realtime/%77s/x"):
            async with await RawSocket.open(port, path) as raw:
                assert raw.status == (404 if port == both.realtime_port else 403), raw.head
        async with await RawSocket.open(port, "/api/realtime/ws?x=1") as raw:
            assert raw.status == 101
        for change, statuses in (
            ({"Sec-WebSocket-Version": "8"}, (400, 426)),
            ({"Sec-WebSocket-Key": "short"}, (400, 101)),
            ({"Upgrade": "h2c"}, (400, 404, 426)),
        ):
            async with await RawSocket.open(port, headers=change) as raw:
                assert raw.status in statuses, raw.head

    _run(scenario())


def test_half_a_handshake_holds_nobody_up(port: int) -> None:
    """Connections that never finish it, or are gone amid it, leave the port to others."""

    async def scenario() -> None:
        request = handshake(port, "/api/realtime/ws", {})
        halves = [await RawSocket.connect(port) for _ in range(100)]
        for number, raw in enumerate(halves):
            raw.writer.write(request[: len(request) * number // 100])
        async with await LiveClient.open(port) as client:
            await client.request({"type": "ping"})
        for raw in halves:
            await raw.close()
        async with await LiveClient.open(port) as client:
            await client.request({"type": "ping"})

    _run(scenario())


async def _others_are_served(port: int, flood: Callable[[RawSocket], None]) -> None:
    """While one connection is flooded and not read, another one is answered."""
    async with await LiveClient.open(port) as other, await RawSocket.open(port) as raw:
        await raw.receive()
        for _ in range(10):
            flood(raw)
            await other.request({"type": "ping"})
            if raw.writer.is_closing():
                break


def test_a_flood_of_tiny_frames_is_held_back(port: int) -> None:
    """Empty messages and pings by the ten thousand, whose answers nobody reads."""

    async def scenario() -> None:
        await _others_are_served(port, lambda raw: raw.writer.write(frame(1, b"") * 20_000))
        await _others_are_served(port, lambda raw: raw.writer.write(frame(9, b"x" * 125) * 5_000))

    _run(scenario())


def test_a_flood_of_subscriptions_is_held_back(port: int) -> None:
    """Hundreds of topics with filters a message, again and again."""
    wishes = [{"topic": "posts", "id": str(n), "filter": f'title = "{n % 40}"'} for n in range(900)]
    request = json.dumps({"type": "subscribe", "topics": wishes}).encode()

    async def scenario() -> None:
        await _others_are_served(port, lambda raw: raw.send(raw.TEXT, request))

    _run(scenario())


def test_a_client_that_cuts_the_line_is_forgotten(both: ClusterProcess, port: int) -> None:
    """Amid a frame, amid a request, without a word: nothing is left of it."""

    async def scenario() -> None:
        for rest in (b"", frame(1, b"x" * 100)[:50], frame(1, b'{"type":"ping"}') * 100):
            raw = await RawSocket.open(port)
            raw.writer.write(rest)
            await raw.close()
        async with await LiveClient.open(port) as client:
            await client.request({"type": "ping"})

    _run(scenario())


def test_nothing_of_this_was_a_fault(both: ClusterProcess) -> None:
    """No error in the log, and every process is the one that was started."""

    async def scenario() -> None:
        for port in (both.port, both.realtime_port):
            async with await LiveClient.open(port) as client:
                client.drop()
                with pytest.raises(Ended):
                    await client.next()

    _run(scenario())
    assert [event for event in both.events() if event["level"] == "error"] == []
    assert both.ready()
