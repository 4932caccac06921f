"""`/api/realtime` on the wire: the stream's headers and first event, and the POST's statuses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.cluster_process import ClusterProcess
from tests.sse import Connection, EventStream, options

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "note", "type": "text", "hidden": True},
]


@pytest.fixture(scope="module", autouse=True)
def _posts(cluster: ClusterProcess) -> None:
    cluster.collection("posts", FIELDS)


def test_the_stream_has_the_headers_that_proxies_and_clients_need(cluster: ClusterProcess) -> None:
    """Event stream, never stored, never buffered by nginx; the id is 40 characters."""

    async def scenario() -> EventStream:
        async with await EventStream.open(cluster.port) as stream:
            return stream

    stream = asyncio.run(scenario())
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.headers["cache-control"] == "no-store"
    assert stream.headers["x-accel-buffering"] == "no"
    assert len(stream.client_id) == 40


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"clientId": "", "subscriptions": []}, 400),
        ({"subscriptions": []}, 400),
        ({"clientId": 1, "subscriptions": []}, 400),
        ({"clientId": "SELF", "subscriptions": "posts"}, 400),
        ({"clientId": "SELF", "subscriptions": [1]}, 400),
        ({"clientId": "SELF", "subscriptions": ["x" * 2501]}, 400),
        ({"clientId": "SELF", "subscriptions": ["a\nb"]}, 400),
        ({"clientId": "SELF", "subscriptions": [f"c{n}" for n in range(1001)]}, 400),
        ({"clientId": "SELF", "subscriptions": [f"posts{options(filter='nosuch = 1')}"]}, 400),
        ({"clientId": "SELF", "subscriptions": [f"posts{options(filter='note = 1')}"]}, 400),
        ({"clientId": "SELF", "subscriptions": [f"posts{options(filter='title ==')}"]}, 400),
        ({"clientId": "nobody", "subscriptions": []}, 404),
        ({"clientId": "0" * 40, "subscriptions": []}, 404),
        ({"clientId": "SELF", "subscriptions": ["nosuch/*", "@oauth2", "posts"]}, 204),
        ({"clientId": "SELF"}, 204),
    ],
)
def test_statuses(cluster: ClusterProcess, body: dict[str, object], expected: int) -> None:
    """Malformed is 400, unknown is 404, and an unknown topic is nobody's business."""

    async def scenario() -> int:
        async with await EventStream.open(cluster.port) as stream:
            if body.get("clientId") == "SELF":
                body["clientId"] = stream.client_id
            connection = await Connection.open(cluster.port)
            status, answer = await connection.request("POST", "/api/realtime", body)
            await connection.close()
            assert answer is None or answer["status"] == status
            return status

    assert asyncio.run(scenario()) == expected
