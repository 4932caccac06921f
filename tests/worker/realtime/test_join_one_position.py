"""Joins of a stream that remembers one position for all that it listens to."""

from __future__ import annotations

import asyncio

from shared.limits import LOG_PAGE_ROWS
from tests.worker.realtime.listening import stream, subscribe
from tests.worker.realtime.place import Place, created, message, run_hub
from worker.realtime.clients.encoders import RESUMABLE_STREAM
from worker.realtime.hub import Hub


def test_a_topic_added_during_a_join_comes_along(place: Place) -> None:
    """A stream remembers one position: it is never told a later event before an earlier one."""
    place.commit(*(created(f"r{n}") for n in range(3 * LOG_PAGE_ROWS)))

    async def scenario(hub: Hub) -> None:
        client = stream(hub, RESUMABLE_STREAM)
        subscribe(hub, client, "posts", since=place.at(0))
        subscribe(hub, client, "early")
        while not client.crowded:  # noqa: ASYNC110 - no event for a queue that fills
            await asyncio.sleep(0)
        subscribe(hub, client, "late")
        hub.on_changes(place.commit(message("early", "1"), message("late", "2")))
        positions: list[int] = []
        async with asyncio.timeout(5):
            while len(positions) < 3 * LOG_PAGE_ROWS + 2:
                if not client.waiting:
                    await asyncio.sleep(0)
                    continue
                lines = client._take().decode().split("\n")
                ids = [line.rpartition(":")[2] for line in lines if line.startswith("id:")]
                positions += [int(one) for one in ids]
            while hub.subscriptions != hub.index.count:  # noqa: ASYNC110 - no event for "joined"
                await asyncio.sleep(0)
        assert positions == sorted(set(positions))
        assert hub.index.count == 3

    run_hub(place, scenario)
