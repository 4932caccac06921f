"""Large events and slow readers: told whole, bounded in memory, never harming others."""

from __future__ import annotations

import asyncio

import pytest

from shared.limits import CHANGE_ROW_BYTES_MAX
from tests.cluster_process import ClusterProcess
from tests.sse import Connection, EventStream

FIELDS = [{"name": "text", "type": "text", "max": 1_000_000}]
PATH = "/api/collections/heavy/records"


@pytest.fixture(scope="module", autouse=True)
def _heavy(cluster: ClusterProcess) -> None:
    cluster.collection("heavy", FIELDS)


def test_a_row_too_large_for_the_log_is_told_whole(cluster: ClusterProcess) -> None:
    """Only its key is logged; the event shows the record as it is stored."""
    text = "x" * (CHANGE_ROW_BYTES_MAX + 1)

    async def scenario() -> None:
        async with (
            await EventStream.open(cluster.port) as stream,
            await Connection.open(cluster.port) as connection,
        ):
            assert await stream.subscribe("heavy/*") == 204
            status, record = await connection.request("POST", PATH, {"text": text})
            assert status == 200
            assert (await stream.next()).data == {"action": "create", "record": record}

    asyncio.run(scenario())


def test_a_reader_that_stops_is_told_that_it_lost_events(cluster: ClusterProcess) -> None:
    """Its queue is cut off at the limit and its last event says so; others hear everything."""
    writes, text = 80, "y" * 200_000

    async def scenario() -> None:
        async with (
            await EventStream.open(cluster.port) as quick,
            await EventStream.open(cluster.port) as slow,
            await Connection.open(cluster.port) as connection,
        ):
            for stream in (quick, slow):
                assert await stream.subscribe("heavy/*") == 204
            slow.pause()
            for number in range(writes):
                status, _ = await connection.request("POST", PATH, {"text": f"{number} {text}"})
                assert status == 200
            heard = [event.data["record"]["text"] for event in await quick.take(writes)]
            assert [int(heard_text.split(" ")[0]) for heard_text in heard] == list(range(writes))
            slow.resume()
            last = await slow.last()
            assert last.name == "QUILL_OVERFLOW"
            assert last.data == {"clientId": slow.client_id}

    asyncio.run(scenario())
