"""How events are spelled: blocks of their own, numbers, comments, errors."""

from __future__ import annotations

import orjson
import pytest

from worker.realtime.clients.client import Admission
from worker.realtime.clients.encoders import UNSHOWN, Told
from worker.realtime.reasons import AGE, DRAIN, FAULT, FORBIDDEN, OVERFLOW, RESET
from worker.wire.trailbase.events import MESSAGES, STREAM, ErrorStatus, EventClient, error_event

TOLD = Told(b"create", b'""', b"main:1:1", b'{"id":1}')


def client() -> EventClient:
    made = EventClient(Admission("id", "127.0.0.1", STREAM, "main:1:1", lambda _one: None))
    assert made._take() == b": ping\n\n"
    return made


def test_each_event_is_taken_by_itself() -> None:
    """However many wait; comments have no number and stand in no block with an event."""
    one = client()
    for action in (b"create", b"update", b"delete"):
        one.offer(b"", STREAM.event("", TOLD._replace(action=action)))
    one.send(STREAM.heartbeat("id", ""))
    one.offer(b"", STREAM.event("", TOLD._replace(action=UNSHOWN)))
    assert [one._take() for _ in range(5)] == [
        b'data: {"Insert":{"id":1},"seq":1}\n\n',
        b'data: {"Update":{"id":1},"seq":2}\n\n',
        b'data: {"Delete":{"id":1},"seq":3}\n\n',
        b":\n\n",
        b'data: {"Error":{"status":3,"message":"the record cannot be told in JSON"},"seq":4}\n\n',
    ]
    assert one.waiting == 0


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (FORBIDDEN, ErrorStatus.FORBIDDEN),
        (OVERFLOW, ErrorStatus.LOSS),
        (FAULT, ErrorStatus.LOSS),
        (DRAIN, None),
        (AGE, None),
    ],
)
def test_the_last_event(reason: str, status: ErrorStatus | None) -> None:
    """A client that is to know why its stream ends is told by an error."""
    for spelling in (STREAM, MESSAGES):
        told = spelling.farewell("id", reason)
        assert told == (None if status is None else error_event(status))


def test_a_loss_is_told_and_ends_nothing() -> None:
    """One error for all that a client listens to."""
    one = client()
    one.resync([], "main:1:1", RESET)
    assert orjson.loads(one._take()[6:])["Error"]["status"] == 2
    assert not one.closed


def test_quiet_streams_stay_open() -> None:
    """They are sent a comment when they have heard nothing for a while, and no socket is."""
    one = client()
    one.tick(one.heard_at + 14.0, "")
    assert one.waiting == 0
    one.tick(one.heard_at + 24 * 3600.0, "")
    assert one._take() == b":\n\n"
    assert not one.closed
    assert MESSAGES.heartbeat("id", "") is None
    assert MESSAGES.connected("id", "") is None
