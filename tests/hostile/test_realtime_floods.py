"""What one client of the realtime cannot do to others, or to itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import QuillError
from shared.limits import (
    CLIENT_QUEUE_EVENTS,
    LOG_PAGE_ROWS,
    REALTIME_VIEWS_PER_CLIENT,
    SUBSCRIPTIONS_PER_CLIENT,
)
from tests.worker.realtime.listening import messages, socket, topic
from tests.worker.realtime.place import Place, created, run_hub
from worker.realtime.clients.client import Client
from worker.realtime.clients.encoders import Spelling, Told
from worker.realtime.delivery.telling import tell
from worker.realtime.hub import Hub
from worker.realtime.position import Position
from worker.realtime.topics.text import read_topics
from worker.realtime.topics.topic import Topic, check_count

MANY = SUBSCRIPTIONS_PER_CLIENT


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A public collection `posts`."""
    place = Place(tmp_path)
    place.store("posts")
    yield place
    place.close()


def _many(since: Position | None = None) -> list[Topic]:
    return [topic("posts", subscription=f"s{n}", since=since) for n in range(MANY)]


async def _live(client: Client, names: set[str]) -> list[str]:
    """Take what comes until all of these are live; the types of it all."""
    kinds = []
    for _ in range(20_000):
        if not names or client.closed:
            break
        for told in messages(client):
            kinds.append(told["type"])
            if told["type"] == "live":
                names.discard(told["sub"])
        await asyncio.sleep(0)
    return kinds


def test_a_thousand_topics_of_a_lost_position_do_not_close_their_client(place: Place) -> None:
    """Each is told that it may have missed something, and goes on: twice as much as the queue."""

    async def scene(hub: Hub) -> None:
        client = socket(hub)
        hub.subscribe(client, _many(Position(place.words.feed + 1, 5)))
        kinds = await _live(client, {f"s{n}" for n in range(MANY)})
        assert not client.closed
        assert kinds.count("resync") == kinds.count("live") == MANY

    assert CLIENT_QUEUE_EVENTS < 2 * MANY
    run_hub(place, scene)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_thousand_topics_go_live_beside_a_queue_that_is_nearly_half_full(
    place: Place, resumed: bool
) -> None:
    """The `live` messages wait for room instead of closing the client."""

    async def scene(hub: Hub) -> None:
        client = socket(hub)
        while client.waiting < CLIENT_QUEUE_EVENTS // 2 - 1:
            client.send(b'{"type":"older"}')
        hub.subscribe(client, _many(place.position if resumed else None))
        await asyncio.sleep(0)
        await _live(client, {f"s{n}" for n in range(MANY)})
        assert not client.closed

    run_hub(place, scene)


def test_joins_of_one_client_stand_in_line_once(place: Place) -> None:
    """A thousand of them, each from a position of its own, and another's one read comes through."""

    async def scene(hub: Hub) -> None:
        place.commit(*(created(f"r{n:014d}") for n in range(2 * LOG_PAGE_ROWS)))
        greedy, other = socket(hub), socket(hub)
        wishes = [
            topic("nothing/x", subscription=f"s{n}", since=place.at(n % LOG_PAGE_ROWS))
            for n in range(MANY)
        ]
        hub.subscribe(greedy, wishes)
        near = place.at(place.words.head - 5)
        hub.subscribe(other, [topic("posts", since=near)])
        kinds = await _live(other, {"posts"})
        assert kinds[-6:] == [*["create"] * 5, "live"]
        assert sum(one.live for one in greedy.subscriptions.values()) < MANY // 2

    run_hub(place, scene)


def test_joins_of_topics_that_were_replaced_read_nothing(place: Place) -> None:
    """So that asking for the same again and again does not pile work up."""

    async def scene(hub: Hub) -> None:
        place.commit(*(created(f"r{n:014d}") for n in range(50)))
        client = socket(hub)
        reads = 0
        read = hub.reader.read

        async def counted(*args: object, **given: object) -> object:
            nonlocal reads
            reads += 1
            return await read(*args, **given)  # type: ignore[arg-type]

        hub.reader.read = counted  # type: ignore[assignment]
        for _ in range(20):
            hub.subscribe(
                client,
                [
                    topic("nothing/x", subscription=f"s{n}", since=place.at(n % 50))
                    for n in range(100)
                ],
            )
        await _live(client, {f"s{n}" for n in range(100)})
        assert reads <= 4 * 100

    run_hub(place, scene)


def test_different_queries_are_different_options() -> None:
    """Each may be a judgement of its own for every change, so they are counted like filters."""
    topics = [topic("posts", subscription=f"s{n}") for n in range(REALTIME_VIEWS_PER_CLIENT + 1)]
    check_count(topics)
    texts = [
        f'posts?options={{"query":{{"q":"{n}"}}}}' for n in range(REALTIME_VIEWS_PER_CLIENT + 1)
    ]
    with pytest.raises(QuillError, match="different sets of options"):
        read_topics(texts)


def test_topics_are_counted_before_they_are_read() -> None:
    """One request may hold tens of thousands; that they are malformed is not even found."""
    with pytest.raises(QuillError, match="At most 1000 subscriptions"):
        read_topics([f"posts?options={n}" for n in range(MANY + 1)])


def test_nothing_is_spelled_for_clients_that_are_closed(place: Place) -> None:
    """A thousand names of one large event are not a thousand copies of it."""

    class Counting(Spelling):
        count = 0

        def event(self, told: Told) -> bytes:
            Counting.count += 1
            return super().event(told)

    async def scene(hub: Hub) -> None:
        client = socket(hub)
        hub.subscribe(client, [topic("posts", subscription=f"s{n}") for n in range(500)])
        members = list(client.subscriptions.values())
        for member in members:
            member.spelling = Counting(client.encoder, member.name)
        told = Told(b"create", b'"posts"', b"main:a:5", b'"%b"' % (b"x" * 200_000))
        tell(created(n=place.words.head + 1), told, members)
        assert client.closed
        assert 0 < Counting.count < 100

    run_hub(place, scene)
