"""Everybody hears everything, in order: 200 subscribers over 2 workers, 200 writes."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from tests.cluster_process import ClusterProcess
from tests.sse import Connection, Event, EventStream

SUBSCRIBERS = 200
RECORDS = 40
UPDATES = 4  # after its create, so 200 writes in all
WRITERS = 8
FIELDS = [{"name": "step", "type": "number"}, {"name": "text", "type": "text"}]


async def _open(port: int) -> list[EventStream]:
    """Streams over both workers, all subscribed."""
    streams = await asyncio.gather(*(EventStream.open(port) for _ in range(SUBSCRIBERS)))
    for slot in {stream.slot for stream in streams}:
        connection = await Connection.to_slot(port, slot)
        for stream in streams:  # about half of these are forwarded to the other worker
            body = {"clientId": stream.client_id, "subscriptions": ["fan/*"]}
            assert await connection.request("POST", "/api/realtime", body) == (204, None)
        await connection.close()
    return streams


async def _write(port: int, names: Sequence[str]) -> None:
    """Create and update some records, one after the other, on one connection."""
    connection = await Connection.open(port)
    path = "/api/collections/fan/records"
    for name in names:
        status, record = await connection.request("POST", path, {"step": 0, "text": name})
        assert status == 200, record
        for step in range(1, UPDATES + 1):
            status, answer = await connection.request(
                "PATCH", f"{path}/{record['id']}", {"step": step}
            )
            assert status == 200, answer
    await connection.close()


def _steps(events: Sequence[Event]) -> dict[str, list[tuple[str, int]]]:
    told: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for event in events:
        record = event.data["record"]
        told[record["text"]].append((event.data["action"], record["step"]))
    return told


def test_every_event_reaches_every_subscriber_in_order(cluster: ClusterProcess) -> None:
    """40,000 of 40,000 events, each record's in the order of its writes."""
    cluster.collection("fan", FIELDS)
    names = [f"record {n}" for n in range(RECORDS)]
    writes = RECORDS * (1 + UPDATES)

    async def scenario() -> tuple[list[EventStream], list[list[Event]], float]:
        streams = await _open(cluster.port)
        began = time.monotonic()
        shares = [names[n::WRITERS] for n in range(WRITERS)]
        _, received = await asyncio.gather(
            asyncio.gather(*(_write(cluster.port, share) for share in shares)),
            asyncio.gather(*(stream.take(writes, 60) for stream in streams)),
        )
        seconds = time.monotonic() - began
        assert all(stream.events.empty() for stream in streams)
        await asyncio.gather(*(stream.close() for stream in streams))
        return streams, received, seconds

    streams, received, seconds = asyncio.run(scenario())

    expected = [("create", 0), *(("update", step) for step in range(1, UPDATES + 1))]
    assert len(Counter(stream.slot for stream in streams)) == 2
    assert sum(map(len, received)) == SUBSCRIBERS * writes
    for stream, events in zip(streams, received, strict=True):
        assert {event.id for event in events} == {stream.client_id}
        assert {event.name for event in events} == {"fan/*"}
        assert _steps(events) == dict.fromkeys(names, expected)
    total = len(list(itertools.chain.from_iterable(received)))
    print(f"\n{total} deliveries in {seconds:.2f} s: {total / seconds:.0f}/s")
